"""MixedPrecision: factors of 16 bits, float32 for all else; small gradients survive, overflow costs
a step, resuming is exact."""

import copy

import numpy as np
import pytest

import minnet as mn
from minnet import data, errors, nn, optim, train
from minnet import functional as F
from minnet.functional.products import factors, product, rounded
from tests.sanity.models import digits

HALVES = "float16", "bfloat16"
DIGITS = {"float16": 10, "bfloat16": 7}  # bits of the fraction


# -------------------------------------------------------------------------------------------------
# Rounding and products


@pytest.mark.parametrize("kind", HALVES)
def test_rounding_is_to_the_nearest_and_ties_go_to_even(kind):
    """Against the definition in float64, also where float16 is subnormal, in steps of 2^-24."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(20_000) * 2.0 ** rng.integers(-12, 12, 20_000)).astype("float32")
    exponent = np.floor(np.log2(np.abs(x.astype("float64"))))
    ulp = 2.0 ** (np.maximum(exponent, -14 if kind == "float16" else -126) - DIGITS[kind])
    np.testing.assert_array_equal(rounded(x, kind), np.rint(x / ulp) * ulp)  # rint: ties to even
    tie = np.float32([1 + 0.5 * 2.0 ** -DIGITS[kind], 1 + 1.5 * 2.0 ** -DIGITS[kind]])
    assert rounded(tie, kind).tolist() == [1.0, 1 + 2.0 ** (1 - DIGITS[kind])]


def test_rounding_at_the_ends():
    """NaN with any payload, infinities, both zeros, and what is out of float16's range."""
    nans = np.array([0x7FC00000, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001], "uint32").view("float32")
    hard = np.concatenate([nans, np.float32([np.inf, -np.inf, 0.0, -0.0, 7e4, 1e-9, 1e-40])])
    y = rounded(hard, "bfloat16")
    assert np.isnan(y[:4]).all() and y[4:6].tolist() == [np.inf, -np.inf]
    assert np.signbit(y[6:8]).tolist() == [False, True]
    np.testing.assert_allclose(y[8:10], hard[8:10], rtol=2**-8)
    z = rounded(hard, "float16")
    assert np.isnan(z[:4]).all() and z[8] == np.inf and z[9] == 0
    assert rounded(np.float32([3.4e38]), "bfloat16")[0] == np.inf


def test_rounding_is_that_of_ml_dtypes():
    """Every upper half of a float32, and what lies between two of them."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    bits = np.arange(2**16, dtype="uint32")[:, None] * 2**16
    x = (bits + np.uint32([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF])).view("float32").ravel()
    with np.errstate(all="ignore"):
        expected = x.astype(ml_dtypes.bfloat16).astype("float32")
    np.testing.assert_array_equal(rounded(x, "bfloat16"), expected)


@pytest.mark.parametrize("kind", HALVES)
def test_a_product_rounds_its_factors_and_its_sums_alone(kind):
    """Sums are float32: 4096 products of 1 + eps/4, of which float16 sums would lose most."""
    a, b = np.random.default_rng(0).standard_normal((2, 40, 40)).astype("float32")
    with factors(kind):
        found = product(a, b)
        stack = product(a[None], b[None])
        whole = product(np.stack([a, a]), np.stack([b, b]))
        wide = product(a.astype("float64"), b.astype("float64"))
        long = product(np.full((1, 4096), 0.25, "f"), np.ones((4096, 1), "f"))
    exact = rounded(a, kind).astype("float64") @ rounded(b, kind).astype("float64")
    np.testing.assert_allclose(found, exact, rtol=2.0 ** -DIGITS[kind] / 1.9, atol=1e-5)
    assert not np.array_equal(found, a @ b) and found.dtype == "float32"
    np.testing.assert_array_equal(found, rounded(found, kind))
    np.testing.assert_array_equal(stack[0], found)
    np.testing.assert_array_equal(whole[0], a @ b)
    assert wide.dtype == "float64" and long.item() == 1024
    np.testing.assert_array_equal(product(a, b), a @ b)


def test_blocks_nest_and_survive_exceptions():
    a = np.full((1, 1), 1 / 3, "float32")
    with factors("float16"):
        with pytest.raises(KeyError), factors("bfloat16"):
            assert product(a, a).item() == 0.111328125
            raise KeyError
        with factors(None):
            assert product(a, a) == a * a
        assert product(a, a).item() == np.float16(np.float16(a) * np.float16(a))
    assert product(a, a) == a * a
    with pytest.raises(errors.DTypeError, match="float16.*bfloat16.*float8"), factors("float8"):
        pass


LAYERS = {
    "Linear": (lambda: nn.Linear(6, 5, rng=0), (3, 4, 6)),
    "Conv2d": (lambda: nn.Conv2d(3, 4, 3, stride=2, padding=1, rng=0), (2, 3, 7, 6)),
    "Conv2d, stride 1": (lambda: nn.Conv2d(3, 4, 3, padding=1, rng=0), (2, 3, 7, 6)),
    "Conv2d, Winograd's size": (lambda: nn.Conv2d(32, 32, 3, padding=1, rng=0), (1, 32, 4, 4)),
    "Conv1d": (lambda: nn.Conv1d(3, 4, 3, rng=0), (2, 3, 7)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 4, 2, stride=2, rng=0), (2, 3, 4, 4)),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(8, 2, rng=0), (2, 5, 8)),
}


@pytest.mark.parametrize("kind", HALVES)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_round_forward_and_backward_products(name, kind):
    """Other numbers than float32's, within 16 bits of them, in float32; also a batch in float16."""
    make, shape = LAYERS[name]
    layer, rng = make(), np.random.default_rng(0)
    x = rng.standard_normal(shape).astype("float16").astype("float32")
    g = rng.standard_normal(layer(x).shape).astype("float32")
    results = []
    for kind_of_run, batch in (None, x), (kind, x), (kind, x.astype("float16")):
        t = mn.tensor(batch, requires_grad=True)
        with factors(kind_of_run):
            y = layer(t)
            results.append([y, *mn.grad(y, [*layer.parameters(), t], g)])
    for exact, found, again in zip(*results, strict=True):
        exact, found, again = (v.numpy() for v in (exact, found, again))
        scale = np.abs(exact).max()
        assert found.dtype == "float32" and np.abs(found - exact).max() <= 0.05 * scale
        assert np.abs(again - found).max() <= 2e-3 * scale
    for k in 0, 1, -1:
        assert not np.array_equal(results[0][k].numpy(), results[1][k].numpy())


# -------------------------------------------------------------------------------------------------
# Steps


def weight(value=0.0):
    model = nn.Linear(1, 1, bias=False, rng=0)
    model.weight.data = [[value]]
    return model


def mixed_of(model, make=lambda params: optim.SGD(params, lr=1.0), **settings):
    return train.MixedPrecision(make(model.named_parameters()), **settings)


def loss_of(model, slope):
    """slope * w, whose gradient is the slope."""
    return (model(np.ones((1, 1), "float32")) * slope).sum()


@pytest.mark.parametrize(("dtype", "scale", "expected"), [
    ("float16", 1.0, 0.0), ("float16", 2.0**14, -1e-8), ("bfloat16", None, -1e-8),
])  # fmt: skip
def test_a_small_gradient_survives_by_scaling_or_by_range(dtype, scale, expected):
    """1e-8 is below the smallest float16, 6e-8, and far above the smallest bfloat16."""
    model = weight()
    mixed = mixed_of(model, dtype=dtype, scale=scale)
    mixed.backward(loss_of(model, 1e-8))
    assert mixed.step()
    assert model.weight.item() == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("dtype", HALVES)
def test_small_steps_add_up_in_the_weights(dtype):
    """1 - 2^-12 is 1 in 16 bits; a thousand such steps are not."""
    model = weight(1.0)
    mixed = mixed_of(model, dtype=dtype)
    for _ in range(1000):
        mixed.zero_grad()
        mixed.backward(loss_of(model, 2.0**-12))
        mixed.step()
    assert model.weight.item() == pytest.approx(1 - 1000 * 2.0**-12, rel=1e-3)


@pytest.mark.parametrize("bad", [np.inf, np.nan, 1e4])
def test_overflow_leaves_the_step_out_and_halves_the_scale(bad):
    model = weight(0.5)
    mixed = mixed_of(model, optim.Adam, dtype="float16", scale=2.0**10)
    mixed.backward(loss_of(model, 1.0))
    assert mixed.step()
    before = mixed.state_dict()
    mixed.zero_grad()
    with np.errstate(all="ignore"):
        mixed.backward(loss_of(model, bad))
    w = model.weight.item()
    assert not mixed.step() and mixed.scale == 2.0**9 and mixed.good == 0
    assert model.weight.item() == w
    after = mixed.state_dict()["optimizer"]
    assert after["state.weight.t"] == before["optimizer"]["state.weight.t"] == 1


def test_bfloat16_needs_no_scale():
    """1e4 overflows nothing, and no gradient is looked at."""
    model = weight(0.5)
    mixed = mixed_of(model)
    mixed.backward(loss_of(model, 1e30))
    assert mixed.step() and mixed.scale == 1 and mixed.dtype == "bfloat16"
    assert model.weight.item() == pytest.approx(-1e30, rel=1e-2)


def test_patience_doubles_the_scale():
    model = weight()
    mixed, scales = mixed_of(model, dtype="float16", scale=4.0, patience=3), []
    for _ in range(7):
        mixed.backward(loss_of(model, 0.0))
        mixed.step()
        scales.append(mixed.scale)
    assert scales == [4, 4, 8, 8, 8, 16, 16]


@pytest.mark.parametrize("dtype", HALVES)
def test_gradients_of_several_losses_add_up_without_the_scale(dtype):
    model = weight()
    mixed = mixed_of(model, dtype=dtype, scale=2.0**14)
    for slope in 1e-8, 3e-8:
        mixed.backward(loss_of(model, slope))
    assert model.weight.grad.item() == pytest.approx(4e-8, rel=1e-2)


def test_bad_input():
    opt = optim.SGD(weight().parameters(), lr=1.0)
    with pytest.raises(errors.ValueRangeError, match="scale and patience of at least 1"):
        train.MixedPrecision(opt, scale=0.5)
    with pytest.raises(errors.DTypeError, match="'float16' or 'bfloat16', got 'half'"):
        train.MixedPrecision(opt, dtype="half")
    mixed = train.MixedPrecision(opt)
    with pytest.raises(errors.GraphError, match="call .backward.loss. first"):
        mixed.step()
    with pytest.raises(errors.StateError, match="needs entries"):
        mixed.load_state_dict({"scale": 1.0})


def test_settings_go_to_the_optimizer():
    model = weight()
    mixed = mixed_of(model, optim.Adam)
    mixed.lr = 0.5
    assert mixed.optimizer.lr == mixed.lr == 0.5 and "bfloat16" in repr(mixed)
    with pytest.raises(errors.DTypeError):
        mixed.learning_rate = 0.1
    with pytest.raises(errors.ValueRangeError, match="of this model's parameters"):
        train.fit(weight(), F.mse, mixed, data.Loader((np.ones((2, 1)), np.ones((2, 1)))), epochs=1)
    assert copy.deepcopy(mixed).lr == 0.5


# -------------------------------------------------------------------------------------------------
# In train.fit


class Seen(train.Monitor):
    """The dtypes of the scores and of the gradients, and whether the scores are of 16 bits."""

    def __init__(self, kind):
        self.kind, self.dtypes, self.halves = kind, set(), set()

    def before_step(self, run):
        grads = [p.grad for p in run.model.parameters()]
        self.dtypes |= {str(t.dtype) for t in (run.scores, *grads)}
        scores = run.scores.numpy()
        self.halves.add(bool(np.array_equal(rounded(scores, self.kind or "float16"), scores)))


MAKE = {
    "Adam": lambda params: optim.Adam(params, lr=1e-2),
    "clipped": lambda params: optim.ClipNorm(optim.Adam(params, lr=1e-2), 1.0),
    "Nesterov at its look-ahead point": lambda params: optim.Nesterov(
        params, lr=0.1, form="lookahead"
    ),
}


def fit(make, kind, *, epochs=4, monitors=(), **settings):
    """(optimizer, history, monitor) of a perceptron without biases on the digits."""
    points = data.Dataset(*digits(200))
    rng = np.random.default_rng(0)
    layer = lambda n, m: nn.Linear(n, m, bias=False, rng=rng)
    model, seen = nn.Sequential(layer(64, 32), nn.ReLU(), layer(32, 10)), Seen(kind)
    opt = make(model.named_parameters())
    opt = opt if kind is None else train.MixedPrecision(opt, dtype=kind)
    history = train.fit(
        model, F.cross_entropy, opt, data.Loader(points, batch_size=20, rng=1), epochs=epochs,
        val_data=points, monitors=[seen, *monitors], progress=False, **settings
    )  # fmt: skip
    return opt, history, seen


@pytest.mark.parametrize("kind", HALVES)
@pytest.mark.parametrize("name", MAKE)
def test_fit_trains_in_16_bits(name, kind):
    """As float32 does, from float32 batches, with a schedule and validation."""
    settings = {"schedule": {"lr": lambda t: 1e-2 if "Nesterov" not in name else 0.1}}
    mixed, history, seen = fit(MAKE[name], kind, **settings)
    _, whole, single = fit(MAKE[name], None, **settings)
    assert seen.dtypes == {"float32"} and seen.halves == {True} and single.halves == {False}
    assert mixed.good == (len(whole["lr"]) if kind == "float16" else 0)
    assert history["val_loss"][-1] < 0.5 * history["val_loss"][0]
    np.testing.assert_allclose(history["val_loss"], whole["val_loss"], rtol=0.05)
    assert np.array_equal(history["lr"], whole["lr"])


@pytest.mark.parametrize("kind", HALVES)
def test_monitors_see_gradients_without_the_scale(kind):
    norms = [
        fit(MAKE["Adam"], k, epochs=1, monitors=[train.GradientNorms()])[1]["gradient_norm"]
        for k in (kind, None)
    ]
    assert norms[0].shape == (1,)
    np.testing.assert_allclose(*norms, rtol=0.05)


@pytest.mark.parametrize("kind", HALVES)
def test_fit_resumes_exactly(tmp_path, kind):
    path, last = tmp_path / "mixed.npz", []
    for epochs in (4,), (2, 4):
        points = data.Dataset(*digits(100))
        for until in epochs:
            model, history = nn.mlp((64, 9, 10), rng=0), train.History()
            mixed = mixed_of(model, MAKE["Adam"], dtype=kind)
            loader = data.Loader(points, batch_size=20, rng=1)
            if until != epochs[0]:
                train.load(path, model=model, optimizer=mixed, loader=loader, history=history)
            train.fit(model, F.cross_entropy, mixed, loader, epochs=until, history=history,
                      monitors=[train.Checkpoint(path)], progress=False)  # fmt: skip
        last.append([history["loss"], *[p.numpy() for p in model.parameters()]])
    for one, two in zip(*last, strict=True):
        np.testing.assert_array_equal(one, two)


def test_fit_leaves_a_step_out_after_overflow():
    """A scale far too large costs steps until it fits, and no weights."""
    points, model = data.Dataset(*digits(100)), nn.mlp((64, 32, 10), rng=0)
    mixed = mixed_of(model, MAKE["Adam"], dtype="float16", scale=2.0**24)
    history = train.fit(model, F.cross_entropy, mixed, data.Loader(points, rng=0), epochs=20,
                        progress=False)  # fmt: skip
    assert mixed.scale < 2.0**24 and mixed.good > 0
    assert np.isfinite(history["loss"]).all() and history["loss"][-1] < history["loss"][0]
    assert history["loss"][0] == pytest.approx(np.log(10), abs=1)
