"""Slices of a network's loss: the right numbers at the right places, and the model untouched."""

import numpy as np
import pytest

from minnet import errors, nn, optim, tensor
from minnet import functional as F
from minnet.dynamics import interpolate, loss_slice, random_direction
from minnet.train import evaluate


def network(rng):
    """Convolution, batch norm with statistics of its own, dropout and a linear layer."""
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, rng=rng), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(),
        nn.Dropout(0.5, rng=1), nn.Linear(48, 4, rng=rng),
    )
    model(tensor(rng.normal(size=(5, 1, 6, 6)).astype("float32")))     # moves the statistics
    return model


@pytest.fixture
def model(rng):
    return network(rng)


@pytest.fixture
def points(rng):
    return rng.normal(size=(20, 1, 6, 6)).astype("float32"), rng.integers(0, 4, 20)


def loss_at(model, points):
    return evaluate(model, F.cross_entropy, points, metrics={})["loss"]


def everything(model):
    """All that could change: the arrays, whose they are, gradients, modes, generators."""
    arrays = model.state_dict()
    owners = [id(p.data) for p in model.parameters()]
    modes = [m.training for m in model.modules()]
    streams = [m.rng.bit_generator.state for m in model.modules() if isinstance(m, nn.Dropout)]
    grads = [None if p.grad is None else p.grad.numpy().copy() for p in model.parameters()]
    return arrays, owners, modes, str(streams), grads


def unchanged(before, after):
    arrays = zip(before[0].values(), after[0].values(), strict=True)
    grads = zip(before[4], after[4], strict=True)
    same = all(a.tobytes() == b.tobytes() for a, b in arrays)
    return same and before[1:4] == after[1:4] and all(np.array_equal(a, b) for a, b in grads)


def test_direction_has_filters_as_long_as_the_models(model):
    d = random_direction(model, rng=0)
    weights = dict(model.named_parameters())
    assert list(d) == list(weights)
    W, conv = weights["5.weight"].numpy(), weights["0.weight"].numpy()
    assert np.allclose(np.linalg.norm(d["5.weight"], axis=0), np.linalg.norm(W, axis=0))
    lengths = [np.linalg.norm(x.reshape(3, -1), axis=1) for x in (d["0.weight"], conv)]
    assert np.allclose(*lengths) and not np.allclose(d["0.weight"], conv)
    assert not d["5.bias"].any() and not d["1.weight"].any() and d["0.weight"].dtype == "float32"


def test_direction_of_a_scale_free_network_is_scale_free(model, points):
    """Weights before a batch norm, made tenfold, give the same slice: why filters are scaled."""
    args = F.cross_entropy, points
    settings = {"at": [-1, -0.5, 0, 0.5, 1]}
    model.train()
    small = loss_slice(model, *args, random_direction(model, rng=0), **settings)
    conv, norm = model[0], model[1]
    for p in conv.parameters():
        p.data = p.data * 10
    norm.running_mean, norm.running_var = norm.running_mean * 10, norm.running_var * 100
    large = loss_slice(model, *args, random_direction(model, rng=0), **settings)
    assert np.allclose(small.losses, large.losses, rtol=1e-3)
    plain = loss_slice(model, *args, random_direction(model, filters=False, rng=0), **settings)
    assert not np.allclose(small.losses, plain.losses, rtol=1e-3)


def test_plain_direction_is_normal(rng):
    layer = nn.Linear(300, 200, rng=rng)
    d = random_direction(layer, filters=False, rng=0)["weight"]
    assert abs(d.mean()) < 0.02 and abs(d.std() - 1) < 0.02


def test_losses_are_those_of_moved_parameters(model, points):
    d, e = random_direction(model, rng=1), random_direction(model, rng=2)
    found = loss_slice(model, F.cross_entropy, points, d, e, at=[-0.5, 0.0, 2.0])
    assert found.losses.shape == (3, 3) and found.losses[1, 1] == loss_at(model, points)
    state = model.state_dict()
    for i, a in enumerate(found.at[0]):
        for j, b in enumerate(found.at[1]):
            model.load_state_dict(state | {k: state[k] + a * d[k] + b * e[k] for k in d})
            assert found.losses[i, j] == pytest.approx(loss_at(model, points), rel=1e-5)
    line = loss_slice(model, F.cross_entropy, points, {"5.bias": np.ones(4)}, at=[0.0, 3.0])
    assert line.losses[0] == pytest.approx(line.losses[1], rel=1e-5)   # a shift of all scores


def test_slice_of_a_quadratic_is_its_parabola(rng):
    layer = nn.Linear(3, 2, rng=rng).astype("float64")
    x, y = rng.normal(size=(10, 3)), rng.normal(size=(10, 2))
    found = loss_slice(layer, F.mse, (x, y), random_direction(layer, rng=0))
    fitted = np.polyval(np.polyfit(found.at[0], found.losses, 2), found.at[0])
    assert np.allclose(fitted, found.losses, rtol=1e-10)


def test_interpolation_ends_at_both_models(rng, points):
    first, second = network(rng), network(rng)
    ends = first.state_dict(), second.state_dict()
    found = interpolate(first, F.cross_entropy, points, *ends, at=[0.0, 0.5, 1.0])
    losses = [loss_at(model, points) for model in (first, second)]
    assert found.losses[[0, 2]] == pytest.approx(losses, rel=1e-5)
    middle = {k: (ends[0][k] + ends[1][k]) / 2 for k in ends[0]}
    first.load_state_dict(middle)
    assert found.losses[1] == pytest.approx(loss_at(first, points), rel=1e-5)
    default = interpolate(first, F.cross_entropy, points, *ends)
    assert (default.at[0][0], default.at[0][-1], len(default.losses)) == (-0.25, 1.25, 31)


def failing(scores, y):
    raise RuntimeError("planted")


CALLS = {
    "slice": (lambda m, p: loss_slice(m, F.cross_entropy, p, random_direction(m, rng=0)), None),
    "interpolate": (
        lambda m, p: interpolate(m, F.cross_entropy, p, m.state_dict(), m.state_dict()), None
    ),
    "loss fails": (lambda m, p: loss_slice(m, failing, p, random_direction(m)), RuntimeError),
    "unknown name": (
        lambda m, p: loss_slice(m, F.cross_entropy, p, {"zzz": np.ones(1)}), errors.StateError
    ),
    "wrong shape": (
        lambda m, p: loss_slice(m, F.cross_entropy, p, {"5.bias": np.ones(5)}), errors.ShapeError
    ),
    "no direction": (lambda m, p: loss_slice(m, F.cross_entropy, p), errors.ShapeError),
    "no coordinates": (
        lambda m, p: loss_slice(m, F.cross_entropy, p, {"5.bias": np.ones(4)}, at=[]),
        errors.ShapeError,
    ),
    "other model's end": (
        lambda m, p: interpolate(m, F.cross_entropy, p, m.state_dict(), {}), errors.StateError
    ),
    "stopped": (
        lambda m, p: loss_slice(m, lambda s, y: (_ for _ in ()).throw(KeyboardInterrupt), p,
                                random_direction(m)), KeyboardInterrupt,
    ),
}


@pytest.mark.parametrize(("call", "error"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("training", [True, False])
def test_model_is_as_before_bit_for_bit(model, points, call, error, training):
    """Parameters, statistics, gradients, modes and generators, also after an error, and while an
    optimizer holds the parameters as views of its row."""
    opt = optim.Momentum(model.parameters(), lr=0.1)
    F.cross_entropy(model(tensor(points[0])), points[1]).backward()
    opt.step()
    model.train(training)
    before = everything(model)
    if error is None:
        assert np.isfinite(call(model, points).losses).all()
    else:
        with pytest.raises(error):
            call(model, points)
    assert unchanged(before, everything(model))
    opt.step()
    assert not unchanged(before, everything(model))            # the comparison sees a step


def test_overflow_is_shown_not_raised(model, points):
    d = {name: value * np.float32(1e30) for name, value in random_direction(model, rng=0).items()}
    found = loss_slice(model, F.cross_entropy, points, d, at=[0.0, 1.0])
    assert np.isfinite(found.losses[0]) and not np.isfinite(found.losses[1])


def test_slice_is_arrays_first(model, points):
    found = loss_slice(model, F.cross_entropy, points, random_direction(model, rng=0), at=[0, 1])
    record = found.to_dict()
    assert record["at"] == [[0.0, 1.0]] and record["losses"] == found.losses.tolist()
    assert np.array_equal(found.plot().axes[0].lines[0].get_ydata(), found.losses)
