"""The reference models: shapes, exact layer lists, every parameter trained, and learning."""

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet import nn, optim
from minnet.errors import ShapeError, StateError, ValueRangeError
from minnet.nn.convert import load_torch_state_dict, torch_state_dict

IDS = np.random.default_rng(0).integers(0, 7, (3, 6))
IMAGE = lambda *shape: np.random.default_rng(0).standard_normal(shape).astype("f")
MODELS = {                                         # name: (model, input, output shape)
    "mlp": (lambda: nn.mlp([6, 5, 4], dropout=0.1, rng=0), IMAGE(3, 6), (3, 4)),
    "lenet": (lambda: nn.lenet(rng=0), IMAGE(2, 1, 28, 28), (2, 10)),
    "cnn": (lambda: nn.cnn((1, 8, 8), widths=(3, 4), hidden=5, dropout=0.1, rng=0),
            IMAGE(4, 1, 8, 8), (4, 10)),
    "resnet": (lambda: nn.resnet(widths=(3, 4), blocks=2, rng=0), IMAGE(2, 3, 9, 7), (2, 10)),
    "resnet9": (lambda: nn.resnet9(width=2, rng=0), IMAGE(3, 3, 32, 32), (3, 10)),
    "char_lstm": (lambda: nn.CharLSTM(7, width=5, num_layers=2, rng=0), IDS, (3, 6, 7)),
    "gpt": (lambda: nn.GPT(7, context=6, width=4, heads=2, depth=2, rng=0), IDS, (3, 6, 7)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_gets_a_gradient(name, rng):
    """PF-D13: one step from a random upstream reaches everything that is trained."""
    build, x, shape = MODELS[name]
    model = build()
    y = model(x)
    assert y.shape == shape and y.dtype == "float32"
    y.backward(rng.standard_normal(shape))
    for path, p in model.named_parameters():
        assert p.grad is not None and (p.grad.numpy() != 0).any(), path


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_model(name):
    build, _, _ = MODELS[name]
    a, b = build().state_dict(), build().state_dict()
    assert list(a) == list(b) and all(np.array_equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("name", MODELS)
def test_the_way_to_pytorch_and_back_changes_nothing(name):
    build, _, _ = MODELS[name]
    model, other = build(), build()
    for p in other.parameters():
        p.data = p.data * 0
    load_torch_state_dict(other, torch_state_dict(model))
    a, b = model.state_dict(), other.state_dict()
    assert all(np.array_equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("name", ["char_lstm", "gpt"])
def test_language_models_learn_a_cycle_by_heart(name):
    """Predicting t+1 mod 7 from t goes below 5 % of chance, and scores never see the future."""
    build, _, _ = MODELS[name]
    model = build()
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    x = (np.arange(7)[:, None] + np.arange(7)) % 7
    for _ in range(300):
        loss = F.cross_entropy(model(x[:, :-1]).reshape(-1, 7), x[:, 1:].ravel())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05 * np.log(7)
    changed = x[:, :-1].copy()
    changed[:, 3] = (changed[:, 3] + 2) % 7
    with mn.no_grad():
        a, b = model(x[:, :-1]).numpy(), model(changed).numpy()
    assert np.array_equal(a[:, :3], b[:, :3]) and (a[:, 3:] != b[:, 3:]).any()


def test_resnet9_is_the_published_list():
    """Eight convolutions and one linear layer: 6.57 million parameters at width 64."""
    model = nn.resnet9(rng=0)
    sizes = [m.weight.shape[:2] for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert sizes == [
        (64, 3), (128, 64), (128, 128), (128, 128), (256, 128), (512, 256), (512, 512), (512, 512),
    ]  # fmt: skip
    assert sum(p.size for p in model.parameters()) == 6_573_120
    assert sum(isinstance(m, nn.MaxPool2d) for m in model.modules()) == 3
    head = nn.resnet9(width=2, scale=0.25, rng=0)
    twin = nn.resnet9(width=2, scale=0.125, rng=0)
    x = IMAGE(3, 3, 32, 32)
    assert np.allclose(head(x).numpy(), 2 * twin(x).numpy(), rtol=1e-5)


def test_lenet_is_the_stated_list():
    sizes = [m.title() for m in nn.lenet(rng=0).modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert sizes == [
        "Conv2d(1 -> 6, 5x5, padding=2)", "Conv2d(6 -> 16, 5x5)", "Linear(400 -> 120)",
        "Linear(120 -> 84)", "Linear(84 -> 10)",
    ]  # fmt: skip


def test_gpt_starts_near_chance():
    """P11: at small weights the loss is log(tokens) to a few percent."""
    model = nn.GPT(65, context=16, width=32, heads=4, depth=2, rng=0)
    ids = np.random.default_rng(0).integers(0, 65, (8, 17))
    loss = F.cross_entropy(model(ids[:, :-1]).reshape(-1, 65), ids[:, 1:].ravel()).item()
    assert abs(loss - np.log(65)) < 0.05


def test_char_lstm_goes_on_from_its_state():
    model = nn.CharLSTM(7, width=5, rng=0)
    whole = model(IDS).numpy()
    first, state = model.step(IDS[:, :4], None)
    second, _ = model.step(IDS[:, 4:], state)
    assert np.allclose(whole, np.concatenate([first.numpy(), second.numpy()], 1), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.mlp([5]), ValueRangeError, r"two sizes or more, got \[5\]"),
        (lambda: nn.cnn((1, 3, 8), widths=(2, 2)), ShapeError, r"halve an image \(1, 3, 8\)"),
        (lambda: nn.GPT(7, context=3, width=4, heads=2)(IDS), ShapeError, "T up to 3"),
        (lambda: nn.GPT(7, width=5, heads=2), ValueRangeError, "num_heads that divide"),
        (lambda: nn.CharLSTM(5, width=4)(IDS), ValueError, r"Embedding\(5, 4\) needs ids 0 \.\. 4"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_foreign_weights_that_do_not_fit_change_nothing():
    model = nn.Linear(2, 3, rng=0)
    before = model.state_dict()
    for state in {"weight": np.ones((3, 2))}, {"weight": np.ones((2, 3)), "bias": np.ones(3)}:
        with pytest.raises((StateError, ShapeError)):
            load_torch_state_dict(model, state)
    with pytest.raises(TypeError, match="state_dict"):
        load_torch_state_dict(model, [1])
    assert all(np.array_equal(before[name], v) for name, v in model.state_dict().items())


def test_batch_counters_of_pytorch_are_dropped():
    layer = nn.BatchNorm2d(3)
    load_torch_state_dict(layer, {**torch_state_dict(layer), "num_batches_tracked": np.array(5)})
