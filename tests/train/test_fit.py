"""The loop: equal to one written by hand, nothing evaluated twice, clear ends."""

import copy
import re

import numpy as np
import pytest

from minnet import data, errors, nn, optim, tensor, train
from minnet import functional as F
from minnet.modes import observe
from minnet.train.evaluation import rehearse
from tests.train.runs import EPOCHS, Setup, flatten


def test_fit_equals_a_loop_written_by_hand_bit_for_bit():
    one, two = Setup(), Setup()
    one.fit()
    two.model.train()
    t = 0
    for _ in range(EPOCHS):
        for x, y in two.loader:
            two.optimizer.lr = two.schedule["lr"](t)
            loss = F.cross_entropy(two.model(x), y)
            two.optimizer.zero_grad()
            loss.backward()
            two.optimizer.step()
            t += 1
    for name, array in one.model.state_dict().items():
        assert array.tobytes() == two.model.state_dict()[name].tobytes(), name
    assert one.history["loss"][-1] == loss.item()
    two.optimizer.lr = one.optimizer.lr * 1.01                    # the comparison can fail
    two.optimizer.step()
    assert not np.array_equal(one.model[0].weight.data, two.model[0].weight.data)


@pytest.mark.parametrize("batch_size", [1, 7, 50])
def test_x_axis_is_in_epochs(batch_size):
    """C01: runs with different batch sizes and equal epochs end at the same x."""
    model, points = nn.Linear(2, 3, rng=0), Setup().data
    loader = data.Loader(points, batch_size=batch_size, rng=0)
    h = train.fit(
        model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.01), loader, epochs=2,
        val_data=points, progress=False,
    )
    assert h.x("loss")[-1] == h.x("val_loss")[-1] == 2.0
    assert len(h["loss"]) == 2 * len(loader) == h.steps
    assert np.allclose(np.diff(h.x("loss")), 1 / len(loader))


def test_nothing_is_evaluated_twice():
    """C02: one forward pass and one loss per step; accuracy is of that pass's scores."""
    setup, calls = Setup(), []

    def loss_fn(scores, y):
        calls.append((train.accuracy(scores, y), len(y)))
        return F.cross_entropy(scores, y)

    forward = setup.model[0].forward
    passes = []
    setup.model[0].forward = lambda x: passes.append(len(x)) or forward(x)
    h = train.fit(setup.model, loss_fn, setup.optimizer, setup.loader, epochs=2, progress=False)
    assert len(calls) == len(passes) == h.steps == 2 * len(setup.loader)
    assert h["accuracy"].tolist() == [accuracy for accuracy, _ in calls]


def test_nan_stops_before_the_step_and_says_what_to_look_at():
    setup = Setup()
    limit, seen = 5, []

    def loss_fn(scores, y):
        seen.append(copy.deepcopy([p.data for p in setup.model.parameters()]))
        loss = F.cross_entropy(scores, y)
        return loss * np.nan if len(seen) > limit else loss

    with pytest.raises(errors.TrainingError, match="step 5 .*loss is nan.*lr = .*debug") as caught:
        train.fit(setup.model, loss_fn, setup.optimizer, setup.loader, epochs=3, progress=False)
    assert caught.value.history.steps == limit
    for before, p in zip(seen[-1], setup.model.parameters(), strict=True):
        assert np.array_equal(before, p.data)


def test_divergence_ends_in_the_same_error_without_warnings():
    setup = Setup()
    setup.optimizer = optim.SGD(setup.model.parameters(), lr=1e30)
    with pytest.raises(errors.TrainingError, match="learning rate"):
        setup.fit(schedule=None)


def test_infinite_loss_at_the_first_step_is_reported():
    setup = Setup()
    with pytest.raises(errors.TrainingError, match=r"loss is inf \(at once\)"):
        train.fit(
            setup.model, lambda s, y: F.cross_entropy(s, y) * np.inf, setup.optimizer,
            setup.loader, epochs=1, progress=False,
        )


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"epochs": 0}, errors.ValueRangeError, "epochs of at least 1"),
        ({"epochs": 1.5}, errors.ValueRangeError, "whole number"),
        ({"epochs": True}, errors.ValueRangeError, "whole number"),
        ({"schedule": {"lrr": lambda t: 0.1}}, errors.ValueRangeError, "'lrr'.*no setting.*lr"),
        ({"val_data": (np.zeros((0, 2)), np.zeros(0, int))}, errors.ShapeError, "val_data"),
    ],
)
def test_bad_settings_are_refused_before_anything_moves(settings, error, words):
    setup = Setup()
    before = setup.everything()
    with pytest.raises(error, match=words):
        setup.fit(**settings)
    assert setup.everything() == before


def bad(x, y, k=0, label=None, columns=2):
    """Validation data with one flaw."""
    y = y.copy()
    if label is not None:
        y[k] = label
    return x[:, :1].repeat(columns, axis=1), y


FLAWS = {                                                # name: (val_data of (x, y), error, words)
    "lengths": (lambda x, y: (x, y[:-1]), errors.ShapeError, "target per example, got 49 for 50"),
    "no axis": (lambda x, y: (x, 3), errors.ShapeError, r"y of shape \(\)"),
    "no rows": (lambda x, y: (x[:0], y[:0]), errors.ShapeError, "at least one example"),
    "text": (lambda x, y: (x, y.astype(str)), errors.DTypeError, "numbers in val_data"),
    "text for x": (lambda x, y: (x.astype(str), y), errors.DTypeError, "numbers in val_data"),
    "high": (lambda x, y: bad(x, y, 3, 3), errors.ValueRangeError, "0.*2.*3"),
    "high, late": (lambda x, y: bad(x, y, 47, 3), errors.ValueRangeError, "0.*2.*3"),
    "low, late": (lambda x, y: bad(x, y, 47, -1), errors.ValueRangeError, "0.*2.*-1"),
    "features": (lambda x, y: bad(x, y, columns=5), errors.ShapeError, r"Linear\(2 -> 8\)"),
    "kind": (lambda x, y: (x, y + 0.5), errors.MinnetError, "label|integer|target"),
    "not a pair": (lambda x, y: x, errors.DTypeError, r"pair \(x, y\)"),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_bad_validation_data_are_found_before_the_first_step(flaw):
    """An epoch earlier than `evaluate` would; nobody was told, nothing has moved."""
    spoil, error, words = FLAWS[flaw]
    setup, monitor = Setup(), Recorder()
    before = setup.everything()
    with pytest.raises(error, match="(?s)fit .*val_data") as caught:
        setup.fit(val_data=spoil(*setup.data), monitors=[monitor])
    assert re.search(words, str(caught.value))
    assert setup.everything() == before and monitor.calls == []
    assert all(m.training for m in setup.model.modules())


def test_labels_of_images_are_looked_at_too():
    """One label of one position of a late example is out of range."""
    x, y = np.ones((9, 2, 3), "float32"), np.zeros((9, 3), int)
    model = nn.Lambda(lambda x: x)
    one = nn.Sequential(model, nn.LayerNorm(3))
    y[7, 1] = 2
    with pytest.raises(errors.ValueRangeError, match="val_data"):
        train.fit(
            one, F.cross_entropy, optim.SGD(one.parameters(), lr=0.1),
            data.Loader((x, y * 0), batch_size=2, rng=0), epochs=1, val_data=(x, y), progress=False,
        )  # fmt: skip


def test_errors_of_others_keep_their_type_and_are_noted():
    setup = Setup()

    def loss_fn(scores, y):
        return {}["a key"] if (y == 2).all() else F.cross_entropy(scores, y)

    x, y = setup.data
    with pytest.raises(KeyError) as caught:
        train.fit(
            setup.model, loss_fn, setup.optimizer, setup.loader, epochs=1,
            val_data=(x[y == 2], y[y == 2]), progress=False,
        )
    assert "val_data" in caught.value.__notes__[0] and setup.history.steps == 0


class Pair(nn.Module):
    """Returns two things, of which the loss takes one."""

    def __init__(self):
        self.layer = nn.Linear(2, 3, rng=0)

    def forward(self, x):
        return self.layer(x), x


def test_a_model_that_cannot_be_evaluated_is_found_before_the_first_step():
    """Without val_data it can be trained."""
    setup, model = Setup(), Pair()
    parts = model, lambda s, y: F.cross_entropy(s[0], y), optim.SGD(model.parameters(), lr=0.1)
    settings = {"epochs": 1, "metrics": {}, "progress": False}
    history = train.History()
    with pytest.raises(errors.DTypeError, match="val_data.*returns one array, got tuple"):
        train.fit(*parts, setup.loader, val_data=setup.data, history=history, **settings)
    assert history.steps == 0
    assert train.fit(*parts, setup.loader, **settings).epochs == 1


class Restless(nn.Module):
    """Draws, counts and assigns its buffer in eval mode too."""

    def __init__(self, rng):
        self.rng, self.calls = rng, 0
        self.register_buffer("latest", np.zeros(()))

    def forward(self, x):
        self.calls += 1
        self.seen = len(x)
        self.latest = np.asarray(self.rng.random())
        return x * 1.0


@pytest.mark.parametrize("kind", ["pair", "lists", "tensors"])
def test_the_look_at_validation_data_leaves_no_trace(kind):
    """No number drawn, no statistics or attribute moved, no observer told: as without val_data."""
    setup, heard = Setup(), []
    setup.model.append(Restless(np.random.default_rng(3)))
    setup.model.eval()
    setup.model[3].train()
    before, state = setup.everything(), str(setup.model[-1].rng.bit_generator.state)
    modes = [m.training for m in setup.model.modules()]

    class Observer:
        def on_module(self, module, args, y):
            heard.append(module)

        def on_evaluate(self, module):
            heard.append(module)

    pairs = {
        "pair": tuple(setup.data), "lists": [a.tolist() for a in setup.data],
        "tensors": (tensor(setup.data.x), tensor(setup.data.y)),
    }  # fmt: skip
    seen = []
    with observe(Observer()):
        rehearse(setup.model, lambda s, y: seen.append((s, y)), pairs[kind], 8)
    assert setup.everything() == before and heard == []
    assert str(setup.model[-1].rng.bit_generator.state) == state and setup.model[-1].calls == 0
    assert [m.training for m in setup.model.modules()] == modes
    ((scores, y),) = seen
    assert scores.shape == (10, 3) and len(y) == 10 and not scores.requires_grad
    assert not hasattr(setup.model[-1], "seen")
    expected = train.predict(setup.model, setup.data.x[:8])       # dropout is the identity
    np.testing.assert_allclose(scores.data[:8], expected, rtol=1e-5)


def test_validation_does_not_change_the_training():
    """Parameters, optimizer, loader and generators end as they do without val_data."""
    one, two = Setup(), Setup()
    one.fit()
    two.fit(val_data=two.data)
    for part in ("model", "optimizer", "loader"):
        flat, other = {}, {}
        flatten(one.parts()[part].state_dict(), "", flat)
        flatten(two.parts()[part].state_dict(), "", other)
        assert flat == other, part
    assert one.everything()["dropout"] == two.everything()["dropout"]


def test_data_without_a_loader_is_refused():
    setup = Setup()
    with pytest.raises(errors.DTypeError, match=r"needs a data.Loader, got Dataset"):
        train.fit(setup.model, F.cross_entropy, setup.optimizer, setup.data, epochs=1)


class Recorder(train.Monitor):
    def __init__(self):
        self.calls = []

    def start(self, run):
        self.calls.append("start")

    def before_step(self, run):
        assert all(p.grad is not None for p in run.model.parameters())
        self.calls.append(f"before {run.t}")

    def after_step(self, run):
        self.calls.append(f"after {run.t}")

    def epoch_end(self, run):
        self.calls.append(f"epoch {run.history.epochs}")

    def end(self, run):
        self.calls.append("end")


def test_monitors_are_told_in_order_and_of_the_end_after_an_error():
    setup, monitor = Setup(examples=16), Recorder()
    setup.fit(epochs=1, schedule=None, monitors=[monitor])
    assert monitor.calls == [
        "start", "before 0", "after 1", "before 1", "after 2", "epoch 1", "end",
    ]
    broken = Recorder()
    broken.after_step = lambda run: 1 / 0
    with pytest.raises(ZeroDivisionError):
        setup.fit(epochs=2, schedule=None, monitors=[broken])
    assert broken.calls[-1] == "end"


def test_modes_are_given_back_also_after_an_error():
    setup = Setup()
    setup.model.eval()
    setup.model[3].train()                                        # a mixed state must survive
    modes = [m.training for m in setup.model.modules()]
    setup.fit(epochs=1, val_data=setup.data)
    assert [m.training for m in setup.model.modules()] == modes
    with pytest.raises(errors.ShapeError):
        train.predict(setup.model, np.ones((4, 5), "float32"))
    train.predict(setup.model, setup.data.x)
    assert [m.training for m in setup.model.modules()] == modes


def test_predict_is_deterministic_in_batches_and_records_no_graph():
    setup = Setup()
    x = setup.data.x
    y = train.predict(setup.model, x, batch_size=7)
    assert isinstance(y, np.ndarray) and y.shape == (50, 3) and y.dtype == np.float32
    assert np.allclose(y, train.predict(setup.model, x, batch_size=50), atol=1e-6)
    with pytest.raises(errors.ShapeError, match="at least one example"):
        train.predict(setup.model, x[:0])
    with pytest.raises(errors.ValueRangeError, match="batch_size"):
        train.predict(setup.model, x, batch_size=0)


def test_evaluate_weights_unequal_batches_by_their_size():
    setup = Setup()
    whole = train.evaluate(setup.model, F.cross_entropy, setup.data, batch_size=50)
    parts = train.evaluate(setup.model, F.cross_entropy, setup.data, batch_size=7)
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    assert parts["accuracy"] == whole["accuracy"]


def test_lookahead_form_is_evaluated_ahead():
    setup, twin = Setup(), Setup()
    for one, form in (setup, "lookahead"), (twin, "cs231n"):
        one.model = nn.Linear(2, 3, rng=0)
        one.optimizer = optim.Nesterov(one.model.parameters(), lr=0.01, momentum=0.9, form=form)
        one.fit(schedule=None, epochs=1)
    with setup.optimizer.lookahead():                             # cs231n stores theta + mu v
        assert np.allclose(setup.model.weight.data, twin.model.weight.data, atol=1e-5)


def test_progress_is_one_line_per_epoch_or_silence(capsys):
    setup = Setup()
    setup.fit(epochs=2, val_data=setup.data, progress=True, monitors=[train.UpdateRatios()])
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "val_accuracy" in lines[0] and "update_ratio" not in lines[0]
    setup.fit(epochs=3, val_data=setup.data, progress=False)
    assert capsys.readouterr() == ("", "")


def test_regression_has_no_accuracy():
    x = np.linspace(-1, 1, 20, dtype="float32")[:, None]
    model = nn.Linear(1, 1, rng=0)
    h = train.fit(
        model, F.mse, optim.SGD(model.parameters(), lr=0.1), data.Loader((x, 2 * x), rng=0),
        epochs=2, val_data=(x, 2 * x), progress=False,
    )
    assert h.names() == ["loss", "val_loss"]
