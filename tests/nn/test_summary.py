"""The summary: figures that can be worked out by hand, and a model left as it was."""

import numpy as np
import pytest

from minnet import nn
from minnet.errors import DTypeError, ShapeError


def rows(model, shape, **settings):
    found = nn.summary(model, shape, **settings)
    return {row.name: row for row in found.rows}, found


def test_figures_of_a_network_by_hand():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
                          nn.Linear(8 * 16, 10))  # fmt: skip
    by_name, found = rows(model, (2, 3, 8, 8))
    assert by_name["0"].output == (2, 8, 4, 4) and by_name["3"].output == (2, 10)
    assert by_name["0"].multiply_adds == 2 * 8 * 16 * 3 * 9
    assert by_name["3"].multiply_adds == 2 * 128 * 10
    assert by_name["0"].parameters == 8 * 27 + 8 and by_name[""].parameters == 0
    assert found.parameters == 224 + 1290 == sum(row.parameters for row in found.rows)
    assert found.parameter_bytes == 4 * 1514
    assert found.output_bytes == 4 * 2 * (128 + 128 + 128 + 10)


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (nn.LSTM(3, 5, num_layers=2), (7, 2, 3), 7 * 2 * 20 * ((3 + 5) + (5 + 5))),
        (nn.GRU(3, 5, bidirectional=True), (7, 2, 3), 2 * 7 * 2 * 15 * (3 + 5)),
        (nn.MultiheadAttention(6, 2), (7, 2, 6), 2 * 7 * (18 * 6 + 6 * 6) + 2 * 2 * 7 * 7 * 6),
        (nn.ConvTranspose2d(3, 2, 2, stride=2, bias=False), (1, 3, 4, 5), 20 * 3 * 2 * 4),
        (nn.Conv2d(4, 6, 3, groups=2), (1, 4, 5, 5), 9 * 6 * 2 * 9),
        (nn.ReLU(), (3, 4), 0),
    ],
    ids=lambda v: v.title() if isinstance(v, nn.Module) else None,
)
def test_multiply_adds(model, shape, expected):
    assert nn.summary(model, shape).multiply_adds == expected


def test_shared_modules_and_tied_weights_count_once():
    layer = nn.Linear(4, 4)
    by_name, found = rows(nn.Sequential(layer, nn.ReLU(), layer), (3, 4))
    assert found.parameters == 20 and by_name["0"].calls == 2
    assert by_name["0"].multiply_adds == 2 * 3 * 16
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    assert nn.summary(tied, (3, 4)).parameters == 24


def test_token_ids_and_frozen_parameters():
    model = nn.CharLSTM(7, width=5)
    model.embedding.requires_grad_(False)
    found = nn.summary(model, (2, 3), dtype="int64")
    assert found.parameters - found.trainable == 35
    assert [row.output for row in found.rows if row.name == "head"] == [(2, 3, 7)]


@pytest.mark.parametrize("works", [True, False])
def test_the_model_is_as_it_was(works):
    """Modes, statistics, attributes and dropout's generator, after an error too."""
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5, rng=3)).train()
    model[0].training = False
    state = model.state_dict()
    modes = [m.training for m in model.modules()]
    keys = [list(m.__dict__) for m in model.modules()]
    position = model[2].rng.bit_generator.state
    if works:
        nn.summary(model, (5, 4))
    else:
        with pytest.raises(ShapeError, match="Linear"):
            nn.summary(model, (5, 9))
    assert modes == [m.training for m in model.modules()]
    assert keys == [list(m.__dict__) for m in model.modules()]
    assert position == model[2].rng.bit_generator.state
    assert all(np.array_equal(state[k], v) for k, v in model.state_dict().items())


def test_it_prints_as_a_table_and_as_html_and_as_data():
    found = nn.summary(nn.mlp([4, 3, 2], rng=0), (5, 4))
    text, html, data = str(found), found._repr_html_(), found.to_dict()
    for word in ("Linear(4 -> 3)", "(5, 3)", "23 parameters", "90 multiply-adds"):
        assert word in text
        assert word.replace(">", "&gt;") in html
    assert len({len(line) for line in text.splitlines()[:6]}) == 1
    assert data["multiply_adds"] == 90 and len(data["rows"]) == 4


def test_errors():
    with pytest.raises(DTypeError, match="summary needs a Module, got list"):
        nn.summary([], (3,))
    with pytest.raises(ShapeError, match="batch axis"):
        nn.summary(nn.ReLU(), (3, -1))
