"""Landscapes: known values, minima, derivatives; and what a trajectory records."""

import json

import numpy as np
import pytest

from minnet import dynamics, optim
from minnet.dynamics import LANDSCAPES, compare, noisy, quadratic, theory, trace
from minnet.errors import StateError, ValueRangeError

RULES = {
    "SGD": lambda p: optim.SGD(p, lr=1e-3),
    "Momentum": lambda p: optim.Momentum(p, lr=1e-3),
    "Nesterov": lambda p: optim.Nesterov(p, lr=1e-3),
    "Lookahead": lambda p: optim.Nesterov(p, lr=1e-3, form="lookahead"),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=1e-2),
    "Adam": lambda p: optim.Adam(p, lr=1e-2),
    "LAMB": lambda p: optim.LAMB(p, lr=1e-2),
    "Newton": lambda p: optim.Newton(p, form="absolute", line_search=optim.backtracking),
    "LBFGS": lambda p: optim.LBFGS(p, allow_stochastic=True),
}


@pytest.mark.parametrize("name", LANDSCAPES)
def test_derivatives_and_grids(name, rng):
    """Gradient and Hessian against central differences; a grid is the points one by one."""
    f = LANDSCAPES[name]()
    points = np.array([rng.uniform(low, high, 4) for low, high in f.bounds])
    np.testing.assert_allclose(f.grid(points), [f(x) for x in points.T], rtol=1e-12)
    x, h = points[:, 0], 1e-5
    for e, row in zip(np.eye(2), f.hessian(x), strict=True):
        slope = (f(x + h * e) - f(x - h * e)) / (2 * h)
        assert f.gradient(x) @ e == pytest.approx(slope, rel=1e-6, abs=1e-6)
        bend = (f.gradient(x + h * e) - f.gradient(x - h * e)) / (2 * h)
        np.testing.assert_allclose(row, bend, rtol=1e-5, atol=1e-5)
    assert len(f.start) == len(f.bounds) == 2
    assert all(low <= s <= high for s, (low, high) in zip(f.start, f.bounds, strict=True))


@pytest.mark.parametrize("name", [name for name in LANDSCAPES if LANDSCAPES[name]().minima])
def test_minima_are_minima(name):
    f = LANDSCAPES[name]()
    for x in f.minima:
        assert np.linalg.norm(f.gradient(x)) < 1e-5
        assert np.linalg.eigvalsh(f.hessian(x)).min() > 0
    if name not in ("double_well", "noisy_quadratic"):
        assert max(f(x) for x in f.minima) < 1e-12


def test_saddles():
    assert dynamics.saddle().hessian((0, 0)).tolist() == [[2, 0], [0, -2]]
    assert not dynamics.monkey_saddle().hessian((0, 0)).any()


def test_two_moons_is_the_loss_of_its_data():
    from minnet.data import moons

    data = moons(50, noise=0.15, rng=0)
    x, y, w = data.x - data.x.mean(axis=0), 2 * data.y - 1, np.array([0.7, -1.3])
    expected = np.log1p(np.exp(-y * (x @ w))).mean() + w @ w / 200
    assert dynamics.two_moons()(w) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("landscape", LANDSCAPES)
@pytest.mark.parametrize("rule", RULES)
def test_traces_are_finite_and_shaped(rule, landscape):
    """G12: arrays of every rule on every landscape; what one array says, the others repeat."""
    path = trace(RULES[rule], LANDSCAPES[landscape](), steps=15, rng=0)
    assert len(path) == 15 and path.positions.shape == path.velocities.shape == (16, 2)
    assert path.gradients.shape == path.effective_steps.shape == (15, 2)
    assert np.isfinite(path.positions).all() and path.losses.shape == (16,)
    walked = path.positions[0] + path.velocities.cumsum(axis=0)
    np.testing.assert_allclose(walked, path.positions, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(path.losses, [path.landscape(x) for x in path.positions])
    change = -path.effective_steps * path.gradients
    moving = path.gradients != 0
    np.testing.assert_allclose(change[moving], path.velocities[1:][moving], rtol=1e-9, atol=1e-15)


def test_effective_steps():
    """Of SGD lambda, in every variable; of a bowl's flat variable under Adagrad more."""
    sgd = trace(RULES["SGD"], quadratic(), steps=10)
    np.testing.assert_allclose(sgd.effective_steps, 1e-3, rtol=1e-10)
    adagrad = trace(RULES["Adagrad"], quadratic(), steps=10).effective_steps
    np.testing.assert_allclose(adagrad[0, 0] / adagrad[0, 1], 100, rtol=1e-6)


def test_lookahead_and_its_transformed_form_meet():
    """D11: their velocities differ by the change of variable, their ends on a bowl do not."""
    a = trace(RULES["Lookahead"], quadratic(), steps=3500).positions[-1]
    b = trace(RULES["Nesterov"], quadratic(), steps=3500).positions[-1]
    np.testing.assert_allclose(a, b, atol=1e-12)


def test_noise_is_the_rngs_and_only_in_gradients():
    f = noisy(quadratic([1.0, 2.0]), 0.5)
    a, b, c = (trace(RULES["SGD"], f, steps=300, rng=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.positions, b.positions)
    assert not np.allclose(a.positions, c.positions)
    noise = a.gradients - a.positions[:-1] * [1, 2]
    assert noise.std() == pytest.approx(0.5, rel=0.1) and abs(noise.mean()) < 0.1
    np.testing.assert_allclose(a.losses, (a.positions**2 * [1, 2]).sum(axis=1) / 2)


def test_lbfgs_notices_noise():
    """F06: each step has its own noise, as a mini-batch has."""
    with pytest.raises(StateError, match="same loss at every step"):
        trace(lambda p: optim.LBFGS(p), noisy(quadratic(), 1.0), steps=10, rng=0)


def test_divergence_ends_in_nan():
    path = trace(lambda p: optim.SGD(p, lr=1.0), dynamics.rosenbrock(), steps=50)
    left = path.first(lambda x: not np.isfinite(x).all())
    assert 2 < left < 20 and np.isnan(path.positions[left + 1 :]).all()
    assert np.isnan(path.losses[left:]).all() and path.positions.shape == (51, 2)


def test_schedules_drive_a_trace():
    """D07, E09: settings of t, as in fit."""
    from minnet.schedules import linear

    seen = []

    class Spy(optim.Momentum):
        scope = "parameter"

        def update(self, theta, g, s, t):
            seen.append((self.lr, self.momentum))
            return super().update(theta, g, s, t)

    schedule = {"lr": linear(0.1, steps=4), "momentum": linear(0.5, steps=4, end=0.99)}
    trace(lambda p: Spy(p, lr=1), quadratic([1.0]), steps=5, schedule=schedule)
    assert [momentum for _, momentum in seen][::4] == [0.5, 0.99]
    np.testing.assert_allclose([lr for lr, _ in seen], [0.1, 0.075, 0.05, 0.025, 0])


def test_comparison():
    runs = compare({k: RULES[k] for k in ("SGD", "Newton")}, dynamics.rosenbrock(), steps=12)
    assert runs["Newton"].losses[-1] < runs["SGD"].losses[-1]
    assert str(runs).count("\n") == 2 and "last loss" in str(runs)
    record = json.loads(json.dumps(runs.to_dict()))
    assert record["SGD"]["positions"] == runs["SGD"].positions.tolist()
    assert [row["rule"] for row in runs.rows()] == ["SGD", "Newton"]


def test_bad_input():
    for make in (
        lambda: quadratic([1.0, 0.0]),
        lambda: quadratic([]),
        lambda: noisy(quadratic(), -1),
        lambda: trace(RULES["SGD"], quadratic(), steps=-1),
        lambda: trace(RULES["SGD"], quadratic(), 1.0),
        lambda: trace(RULES["SGD"], dynamics.saddle(), steps=5).rate(2),
        lambda: trace(RULES["SGD"], quadratic(), steps=5).rate(6),
        lambda: theory.best_descent(2, 1),
        lambda: theory.iterations(1.0, 0.1),
    ):
        with pytest.raises(ValueRangeError):
            make()


# -- What the pictures show (G12, D03, D14) --------------------------------------------------------


def test_progress_of_full_batch_descent():
    """D03: below 2/L no step ever goes up; above it they do."""
    for factor, falls in ((0.999, True), (1.005, False)):
        path = trace(lambda p, c=factor: optim.SGD(p, lr=2 * c / 100), quadratic(), steps=300)
        assert bool((np.diff(path.losses) <= 0).all()) == falls


def test_momentum_overshoots_and_descent_does_not():
    """G12: the farthest point past the minimum."""
    past = lambda rule: -trace(rule, quadratic([1.0]), (1.0,), steps=200).positions.min()
    assert past(lambda p: optim.Momentum(p, lr=0.1, momentum=0.9)) > 0.3
    assert past(lambda p: optim.SGD(p, lr=0.9)) < 0


def test_basins_of_the_double_well(rng):
    """D14: starts split between the wells; restarts find the lower one."""
    f = dynamics.double_well()
    starts = rng.uniform(-2, 2, (20, 2))
    ends = [trace(lambda p: optim.SGD(p, lr=0.05), f, x, steps=400).positions[-1] for x in starts]
    left = np.array([x[0] < 0 for x in ends])
    assert 3 < left.sum() < 17
    best = min(ends, key=f)
    np.testing.assert_allclose(best, f.minima[0], atol=1e-6)
