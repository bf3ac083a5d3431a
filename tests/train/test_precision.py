"""HalfPrecision: small gradients survive, overflow costs one step, resuming is exact."""

import copy

import numpy as np
import pytest

from minnet import data, errors, nn, optim, train
from minnet import functional as F
from tests.sanity.models import digits

SGD = lambda params: optim.SGD(params, lr=1.0)
ADAM = lambda params: optim.Adam(params, lr=1e-2)


def weight(value=0.0):
    model = nn.Linear(1, 1, bias=False, rng=0)
    model.weight.data = [[value]]
    return model


def loss_of(model, slope):
    """slope * w, whose gradient is the slope."""
    return (model(np.ones((1, 1), "float16")).astype("float32") * slope).sum()


def test_a_small_gradient_survives_only_by_scaling():
    """1e-8 is below the smallest float16, 6e-8."""
    for scale, expected in (1.0, 0.0), (2.0**14, -1e-8):
        half = train.HalfPrecision(weight(), SGD, scale=scale)
        half.backward(loss_of(half.model, 1e-8))
        assert half.step()
        assert half.masters[0].item() == pytest.approx(expected, rel=1e-2)


def test_small_steps_add_up_in_the_master_weights():
    """1 - 2^-12 is 1 in float16; a thousand such steps are not."""
    half = train.HalfPrecision(weight(1.0), SGD, scale=2.0**10)
    for _ in range(1000):
        half.backward(loss_of(half.model, 2.0**-12))
        half.step()
    assert half.masters[0].item() == pytest.approx(1 - 1000 * 2.0**-12, rel=1e-3)
    assert half.model.weight.item() == np.float16(half.masters[0].item())


@pytest.mark.parametrize("bad", [np.inf, np.nan, 1e4])
def test_overflow_leaves_the_step_out_and_halves_the_scale(bad):
    half = train.HalfPrecision(weight(0.5), ADAM, scale=2.0**10)
    half.backward(loss_of(half.model, 1.0))
    assert half.step()
    before = half.state_dict()
    with np.errstate(all="ignore"):
        half.backward(loss_of(half.model, bad))
    assert not half.step() and half.scale == 2.0**9 and half.good == 0
    after = half.state_dict()
    assert after["master.weight"] == before["master.weight"]
    assert after["optimizer"]["state.weight.t"] == before["optimizer"]["state.weight.t"] == 1
    assert half.model.weight.grad is None


def test_patience_doubles_the_scale():
    half = train.HalfPrecision(weight(), SGD, scale=4.0, patience=3)
    scales = []
    for _ in range(7):
        half.backward(loss_of(half.model, 0.0))
        half.step()
        scales.append(half.scale)
    assert scales == [4, 4, 8, 8, 8, 16, 16]


def run(half, steps):
    x, y = digits(100)
    for _ in range(steps):
        loss = F.cross_entropy(half.model(x.astype("float16")), y)
        half.backward(loss)
        half.step()
    return loss.item()


def test_learns_like_float32_and_resumes_exactly(tmp_path):
    make = lambda seed: train.HalfPrecision(nn.mlp((64, 32, 10), rng=seed), ADAM)
    one, two = make(0), make(1)
    assert {str(p.dtype) for p in one.params} == {"float16"}
    assert {str(w.dtype) for w in one.masters} == {"float32"}
    run(one, 20)
    train.save(tmp_path / "half.npz", half=one)
    train.load(tmp_path / "half.npz", half=two)
    assert run(one, 20) == run(two, 20) < 0.1
    model = nn.mlp((64, 32, 10), rng=0)
    opt, (x, y) = optim.Adam(model.parameters(), lr=1e-2), digits(100)
    for _ in range(40):
        opt.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
    assert run(one, 1) == pytest.approx(loss.item(), abs=0.02)


def test_bad_input():
    with pytest.raises(errors.ValueRangeError, match="scale and patience of at least 1"):
        train.HalfPrecision(weight(), SGD, scale=0.5)
    half = train.HalfPrecision(weight(), SGD)
    with pytest.raises(errors.GraphError, match="half.backward"):
        half.step()
    state = half.state_dict()
    with pytest.raises(errors.StateError, match="of its parameters' shapes"):
        half.load_state_dict({k: v for k, v in state.items() if k != "good"})
    with pytest.raises(errors.StateError):
        half.load_state_dict({**state, "master.weight": np.zeros(3)})


# -------------------------------------------------------------------------------------------------
# In train.fit


class Dtypes(train.Monitor):
    """The dtypes of the scores and of the gradients in each step."""

    def __init__(self):
        self.scores, self.grads = set(), set()

    def before_step(self, run):
        self.scores.add(str(run.scores.dtype))
        self.grads |= {str(p.grad.dtype) for p in run.model.parameters()}


def fit(make, *, epochs=4, half=True, **settings):
    """(optimizer, history, monitor) of a perceptron on the digits."""
    points = digits(200)
    points = data.Dataset(*points).map(lambda x: x.astype("float16" if half else "float32"))
    model, seen = nn.mlp((64, 32, 10), rng=0), Dtypes()
    opt = train.HalfPrecision(model, make) if half else make(model.named_parameters())
    history = train.fit(
        model, F.cross_entropy, opt, data.Loader(points, batch_size=20, rng=1), epochs=epochs,
        val_data=points, monitors=[seen, *settings.pop("monitors", ())], progress=False, **settings
    )  # fmt: skip
    return opt, history, seen


MAKE = {
    "Adam": ADAM,
    "clipped": lambda params: optim.ClipNorm(optim.Adam(params, lr=1e-2), 1.0),
    "Nesterov at its look-ahead point": lambda params: optim.Nesterov(
        params, lr=0.1, form="lookahead"
    ),
}


@pytest.mark.parametrize("name", MAKE)
def test_fit_trains_in_float16(name):
    """As float32 does, with a schedule, validation, and every product in float16."""
    settings = {"schedule": {"lr": lambda t: 1e-2 if "Nesterov" not in name else 0.1}}
    half, history, seen = fit(MAKE[name], **settings)
    _, whole, single = fit(MAKE[name], half=False, **settings)
    assert (seen.scores, seen.grads) == ({"float16"}, {"float32"}) and half.good == len(whole["lr"])
    assert single.scores == {"float32"}
    assert history["val_loss"][-1] < 0.5 * history["val_loss"][0]
    np.testing.assert_allclose(history["val_loss"], whole["val_loss"], rtol=0.02)
    assert np.array_equal(history["lr"], whole["lr"])


def test_monitors_see_gradients_without_the_scale():
    norms = []
    for half in True, False:
        _, history, _ = fit(ADAM, half=half, epochs=1, monitors=[train.GradientNorms()])
        norms.append(history["gradient_norm"])
    assert norms[0].shape == (1,)
    np.testing.assert_allclose(*norms, rtol=0.02)


def test_fit_resumes_exactly(tmp_path):
    path, last = tmp_path / "half.npz", []
    for epochs in (4,), (2, 4):
        points = data.Dataset(*digits(100)).map(lambda x: x.astype("float16"))
        for until in epochs:
            half, history = train.HalfPrecision(nn.mlp((64, 9, 10), rng=0), ADAM), train.History()
            loader = data.Loader(points, batch_size=20, rng=1)
            if until != epochs[0]:
                train.load(path, model=half.model, optimizer=half, loader=loader, history=history)
            train.fit(half.model, F.cross_entropy, half, loader, epochs=until, history=history,
                      monitors=[train.Checkpoint(path)], progress=False)  # fmt: skip
        last.append([history["loss"], *[w.numpy() for w in half.masters]])
    for one, two in zip(*last, strict=True):
        np.testing.assert_array_equal(one, two)


def test_fit_leaves_a_step_out_after_overflow():
    """A scale far too large costs steps until it fits, and no weights."""
    points = data.Dataset(*digits(100)).map(lambda x: x.astype("float16"))
    half = train.HalfPrecision(nn.mlp((64, 32, 10), rng=0), ADAM, scale=2.0**20)
    history = train.fit(half.model, F.cross_entropy, half, data.Loader(points, rng=0), epochs=10,
                        progress=False)  # fmt: skip
    assert half.scale < 2.0**17 and half.good > 0
    assert np.isfinite(history["loss"]).all() and history["loss"][-1] < history["loss"][0]
    assert history["loss"][0] == pytest.approx(np.log(10), abs=1)


def test_gradients_of_several_losses_add_up_without_the_scale():
    half = train.HalfPrecision(weight(), SGD, scale=2.0**14)
    for slope in 1e-8, 3e-8:
        half.backward(loss_of(half.model, slope))
    assert half.params[0].grad.item() == pytest.approx(4e-8, rel=1e-2)


def test_settings_go_to_the_optimizer():
    half = train.HalfPrecision(weight(), ADAM)
    half.lr = 0.5
    assert half.optimizer.lr == half.lr == 0.5
    with pytest.raises(errors.DTypeError):
        half.learning_rate = 0.1
    with pytest.raises(errors.ValueRangeError, match="of this model's parameters"):
        train.fit(weight(), F.mse, half, data.Loader((np.ones((2, 1)), np.ones((2, 1)))), epochs=1)
    assert copy.deepcopy(half).lr == 0.5
