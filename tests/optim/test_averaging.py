"""Averages of parameters: exact formulas, evaluation with them, batch norm, resume."""

import numpy as np
import pytest

import minnet as mn
from minnet import nn, optim
from minnet.dynamics import theory
from minnet.errors import GraphError, ShapeError, StateError, ValueRangeError

from .test_published import leaf


def feed(average, x, values):
    for value in values:
        x.data = value
        average.update()
    return average.values()[0]


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.99])
def test_ema_formula(decay, rng):
    """D08, Q04: a_t = d^t theta_0 + (1 - d) sum d^k theta_(t-k); corrected: without theta_0."""
    start, values = rng.standard_normal(3), rng.standard_normal((40, 3))
    weights = (1 - decay) * decay ** np.arange(39, -1, -1.0)
    x, y = leaf(start), leaf(start)
    plain = feed(optim.EMA([x], decay=decay), x, values)
    np.testing.assert_allclose(plain, decay**40 * start + weights @ values, rtol=1e-12, atol=1e-15)
    corrected = feed(optim.EMA([y], decay=decay, bias_correction=True), y, values)
    np.testing.assert_allclose(corrected, weights @ values / weights.sum(), rtol=1e-12)


def test_ema_of_one_value_is_the_value():
    """Q04: corrected averages of a constant are the constant, from the first update."""
    x = leaf([7.0])
    ema = optim.EMA([x], decay=0.999, bias_correction=True)
    for _ in range(5):
        assert feed(ema, x, [[5.0]]) == pytest.approx(5.0, rel=1e-12)


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_variance_of_an_average(decay, rng):
    """Q07: of independent values (1 - d)/(1 + d) remains."""
    x = leaf(np.zeros(4000))
    average = feed(optim.EMA([x], decay=decay), x, rng.standard_normal((150, 4000)))
    assert average.var() == pytest.approx(theory.ema_variance_ratio(decay), rel=0.1)


def test_mean_is_the_mean(rng):
    x, values = leaf(np.zeros((2, 3))), rng.standard_normal((20, 2, 3))
    np.testing.assert_allclose(feed(optim.Mean([x]), x, values), values.mean(axis=0), rtol=1e-12)


def test_applied_and_back(rng):
    """Inside, the averages; outside the same bits as before, also after an exception."""
    model = nn.Linear(3, 2, rng=0)
    opt = optim.SGD(model.parameters(), lr=0.1)
    ema = optim.EMA(model.named_parameters(), decay=0.5)
    for _ in range(3):
        for p in model.parameters():
            p.grad = rng.standard_normal(p.shape)
        opt.step()
        ema.update()
    own = model.state_dict()
    with pytest.raises(ZeroDivisionError), ema.applied():
        for p, a in zip(model.parameters(), ema.values(), strict=True):
            np.testing.assert_array_equal(p.numpy(), a)
            assert p.dtype == a.dtype == np.float32
        raise ZeroDivisionError
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, own[name])
    opt.step()  # the parameters still are the optimizer's
    assert not np.array_equal(model.weight.numpy(), own["weight"])
    ema.copy_to()
    np.testing.assert_array_equal(model.weight.numpy(), ema.values()[0])
    model.weight.data += 1
    assert not np.array_equal(model.weight.numpy(), ema.values()[0])


def test_averages_share_no_memory():
    """Editing the parameters in place, after or inside, leaves the averages alone."""
    x = leaf([0.0])
    ema = optim.EMA([x], decay=0.5)
    assert feed(ema, x, [[4.0]]) == [2.0]
    with ema.applied():
        x.data += 100
    ema.copy_to()
    x.data += 100
    assert ema.values()[0] == [2.0] and x.numpy() == [102.0]


@pytest.mark.parametrize(
    "make", [lambda p: optim.EMA(p, decay=0.9, bias_correction=True), lambda p: optim.Mean(p)]
)
def test_resume(make, rng):
    values = rng.standard_normal((10, 3))
    x, y = leaf(np.zeros(3)), leaf(np.zeros(3))
    whole = feed(make([x]), x, values)
    first, second = make([y]), make([y])
    feed(first, y, values[:4])
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(feed(second, y, values[4:]), whole)
    record = first.state_dict()
    for wrong in ({**record, "more": 1}, {"t": 1}, {**record, "average.0": np.zeros(4)}):
        with pytest.raises(StateError):
            first.load_state_dict(wrong)
    assert first.t == 4


def test_wrong_decay():
    with pytest.raises(ValueRangeError, match=r"EMA needs decay, a number in \[0, 1\); got 1"):
        optim.EMA([leaf([1.0])], decay=1.0)


def network():
    return nn.Sequential(
        nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2, rng=1)
    )


def test_statistics_of_averaged_weights(rng):
    """Q04: the running mean becomes the mean over the batches; modes and momentum return."""
    model = network().eval()
    model[1].training = True
    batches = [(rng.standard_normal((8, 3)).astype("float32"), None) for _ in range(5)]
    optim.recompute_statistics(model, batches)
    hidden = [model[0](x).numpy() for x, _ in batches]
    mean = np.mean([h.mean(axis=0) for h in hidden], axis=0)
    var = np.mean([h.var(axis=0, ddof=1) for h in hidden], axis=0)
    np.testing.assert_allclose(model[1].running_mean, mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model[1].running_var, var, rtol=1e-5)
    assert model[1].momentum == 0.1 and model[1].training and not model[0].training


def test_statistics_are_as_before_after_an_error(rng):
    model = network()
    before = [b.copy() for b in model.buffers()]
    good = rng.standard_normal((8, 3)).astype("float32")
    with pytest.raises(ShapeError):
        optim.recompute_statistics(model, [good, good[:, :2]])
    with pytest.raises(ShapeError, match="at least one batch"):
        optim.recompute_statistics(model, [])
    for a, b in zip(model.buffers(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert model[1].momentum == 0.1
    with pytest.raises(GraphError, match="needs a batch norm"):
        optim.recompute_statistics(nn.Linear(3, 2, rng=0), [good])


def test_averaging_near_a_minimum(rng):
    """Q07: SGD at a high rate circles a minimum; its average is much nearer."""
    x = mn.tensor(np.ones(200), requires_grad=True)
    opt, ema = optim.SGD([x], lr=0.5), optim.EMA([x], decay=0.99)
    for _ in range(1500):
        x.grad = x.numpy() + rng.standard_normal(200)
        opt.step()
        ema.update()
    assert x.numpy().var() == pytest.approx(theory.stationary_variance(0.5, 1.0), rel=0.3)
    assert ema.values()[0].var() < 0.06 * x.numpy().var()
