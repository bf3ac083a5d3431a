"""Closed forms against what the optimizers do."""

import math

import numpy as np
import pytest

import minnet as mn
from minnet import optim
from minnet.dynamics import noisy, quadratic, saddle, theory, trace
from minnet.schedules import step

KAPPAS = (10, 100, 1000)


def sgd(lr):
    return lambda p: optim.SGD(p, lr)


def momentum(lr, rho):
    return lambda p: optim.Momentum(p, lr, momentum=rho)


def nesterov(lr, rho):
    return lambda p: optim.Nesterov(p, lr, momentum=rho)


# -- Rates (P01-P04) -------------------------------------------------------------------------------

RATES = {
    "P01": (theory.best_descent, False, (0.8181818, 0.9801980, 0.9980020)),
    "P02": (theory.best_momentum, False, (0.5194939, 0.8181818, 0.9386931)),
    "P03": (theory.best_nesterov_convex, True, (0.6837722, 0.9, 0.9683772)),
    "P04": (theory.best_nesterov, True, (0.6407894, 0.8847219, 0.9634912)),
}
ROWS = [
    (best, is_nesterov, kappa, rate)
    for best, is_nesterov, rates in RATES.values()
    for kappa, rate in zip(KAPPAS, rates, strict=True)
]
OPTIMAL = [row for row in ROWS if row[0] is not theory.best_nesterov_convex]


@pytest.mark.parametrize(("best", "is_nesterov", "kappa", "rate"), ROWS)
def test_best_rates(best, is_nesterov, kappa, rate):
    """P01, P02, P03, P04: published rates, and the spectral radius at these settings, to 1e-6.

    P02's largest eigenvalue is double, so rounding moves it by about 1e-8.
    """
    found = best(1.0, kappa)
    assert found.rate == pytest.approx(rate, abs=5e-8)
    curvatures = np.geomspace(1, kappa, 40)
    radius = theory.spectral_radius(found.lr, found.momentum, curvatures, nesterov=is_nesterov)
    assert radius == pytest.approx(rate, abs=1e-6)
    assert best(5.0, 5.0 * kappa).rate == pytest.approx(rate, abs=5e-8)


@pytest.mark.parametrize(("best", "is_nesterov", "kappa", "rate"), OPTIMAL)
def test_nothing_near_the_best_is_better(best, is_nesterov, kappa, rate):
    """P01, P02, P04: a thousandth away in lambda (and rho, for momentum) the rate is worse."""
    found, h = best(1.0, kappa), [1.0, kappa]
    for a in (0.999, 1.001):
        other = theory.spectral_radius(a * found.lr, found.momentum, h, nesterov=is_nesterov)
        assert other > found.rate - 1e-9
        for b in (0.999, 1.001):
            if found.momentum:
                both = theory.spectral_radius(
                    a * found.lr, b * found.momentum, h, nesterov=is_nesterov
                )
                assert both > found.rate - 1e-7


@pytest.mark.parametrize("kappa", KAPPAS)
def test_fitted_rates(kappa):
    """P01 to 1e-6, P02 to 2 %, P03 and P04 to 1 %: from the paths of the optimizers."""
    f, start = quadratic([1.0, kappa]), (1.0, 1.0)
    descent = theory.best_descent(1, kappa)
    n = theory.iterations(descent.rate, 1e-6)
    assert trace(sgd(descent.lr), f, start, steps=n).rate() == pytest.approx(descent.rate, abs=1e-6)
    for best, rule, close in (
        (theory.best_momentum, momentum, 0.02),
        (theory.best_nesterov_convex, nesterov, 0.01),
        (theory.best_nesterov, nesterov, 0.01),
    ):
        found = best(1, kappa)
        n = max(100, theory.iterations(found.rate, 1e-12))
        path = trace(rule(found.lr, found.momentum), f, start, steps=2 * n)
        assert path.rate(over=n) == pytest.approx(found.rate, rel=close)


@pytest.mark.parametrize(
    ("best", "expected"),
    [(theory.best_descent, (69, 691, 6908)), (theory.best_momentum, (22, 69, 219))],
)
def test_iterations(best, expected):
    """P01, P02: steps to shrink by 1e-6."""
    counts = tuple(theory.iterations(best(1, kappa).rate, 1e-6) for kappa in KAPPAS)
    assert counts == expected


def test_descent_needs_as_many_iterations():
    """P01: measured, the same integers."""
    for kappa, expected in zip(KAPPAS, (69, 691, 6908), strict=True):
        found = theory.best_descent(1, kappa)
        path = trace(sgd(found.lr), quadratic([1.0, kappa]), (1.0, 1.0), steps=expected)
        assert path.first(lambda x: np.linalg.norm(x) <= 1e-6 * math.sqrt(2)) == expected


# -- Stability and damping (P05, P06) --------------------------------------------------------------


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("is_nesterov", [False, True])
def test_stability_edges(rho, is_nesterov, h=20.0):
    """P05: it converges at 0.999 of the edge and diverges at 1.001."""
    edge = theory.stability_edge(h, rho, nesterov=is_nesterov)
    rule = nesterov if is_nesterov else momentum
    for factor, converges in ((0.999, True), (1.001, False)):
        path = trace(rule(factor * edge, rho), quadratic([h]), (1.0,), steps=4000)
        assert bool(abs(path.positions[-1, 0]) < 0.1) == converges
        radius = theory.spectral_radius(factor * edge, rho, h, nesterov=is_nesterov)
        assert (radius < 1) == converges


@pytest.mark.parametrize(("lr", "h", "rho"), [(0.01, 1.0, 0.81), (0.1, 2.5, 0.25)])
def test_critical_damping(lr, h, rho):
    """P06: below it no sign change, above it there are; at it the rate is best."""
    assert theory.critical_momentum(lr, h) == pytest.approx(rho, abs=1e-12)
    for factor, oscillates in ((0.98, False), (1.02, True)):
        x = trace(momentum(lr, factor * rho), quadratic([h]), (1.0,), steps=400).positions[:, 0]
        assert bool((x[np.abs(x) > 1e-250] < 0).any()) == oscillates
    radii = [theory.spectral_radius(lr, c * rho, h) for c in (0.98, 1, 1.02)]
    assert min(radii) == radii[1]


# -- Constant gradient, saddle, bounds (P07, P08, G04, G09) ----------------------------------------


def constant_force(rule, steps=100, g=2.5):
    """Velocities under a constant gradient."""
    x = mn.tensor([0.0], requires_grad=True, dtype="float64")
    optimizer, path = rule([x]), [0.0]
    for _ in range(steps):
        x.grad = [g]
        optimizer.step()
        path.append(x.item())
    return np.diff(path)


@pytest.mark.parametrize("rho", [0.5, 0.9, 0.99])
def test_velocity_under_constant_force(rho):
    """P07, D06, J08: v_t = -lambda g (1 - rho^t)/(1 - rho)."""
    got = constant_force(momentum(0.01, rho))
    expected = theory.velocity(0.01, rho, 2.5, np.arange(1, 101))
    np.testing.assert_allclose(got, expected, rtol=1e-11)


def test_adaptive_rules_under_constant_force():
    """P07: Adagrad's travel; RMSprop's and Adam's steps go to lambda; the first steps."""
    adagrad = constant_force(lambda p: optim.Adagrad(p, 0.1, eps=0))
    assert -adagrad.sum() / 0.1 == pytest.approx(theory.adagrad_travel(100), rel=1e-12)
    assert theory.adagrad_travel(100) == pytest.approx(18.58960, abs=5e-6)
    for decay, first in ((0.9, 3.1623), (0.99, 10), (0.999, 31.623)):
        rmsprop = constant_force(lambda p, d=decay: optim.RMSprop(p, 1, decay=d, eps=0))
        assert rmsprop[0] == pytest.approx(-first, rel=2e-5)
    for rule in (
        lambda p: optim.RMSprop(p, 0.1, decay=0.9, eps=0),
        lambda p: optim.Adam(p, 0.1, eps=0),
    ):
        assert constant_force(rule, 400)[-1] == pytest.approx(-0.1, rel=1e-12)


def test_escape_from_the_saddle():
    """P08: closed form of gradient descent, and the trace agrees."""
    assert [theory.escape_steps(0.01, y) for y in (1e-6, 1e-12)] == [698, 1396]
    for y, steps in ((1e-6, 698), (1e-12, 1396)):
        path = trace(sgd(0.01), saddle(), (1.0, y), steps=1500)
        assert path.first(lambda x: abs(x[1]) > 1) == steps


# -- Noise (P19, E05) ------------------------------------------------------------------------------

VARIANCES = [
    (0.1, 0.0, 0.0526316),
    (0.05, 0.5, 0.0508475),
    (0.01, 0.9, 0.0501319),
    (0.02, 0.9, 0.1005291),
    (0.001, 0.99, 0.0500126),
]


def lyapunov(lr, rho, h, sigma):
    """Stationary variance of x from C = M C M' + N, solved as linear equations."""
    M = theory.iteration_matrix(lr, rho, h)
    N = np.diag([(lr * sigma) ** 2, 0.0])
    C = np.linalg.solve(np.eye(4) - np.kron(M, M), N.reshape(-1))
    return C[0]


@pytest.mark.parametrize(("lr", "rho", "expected"), VARIANCES)
def test_stationary_variance_closed_form(lr, rho, expected):
    """P19: the table, and the Lyapunov equation to 1e-10."""
    assert theory.stationary_variance(lr, 1.0, momentum=rho) == pytest.approx(expected, abs=5e-8)
    for h, sigma in ((1.0, 1.0), (3.0, 0.2)):
        got = theory.stationary_variance(lr, h, sigma, rho)
        assert got == pytest.approx(lyapunov(lr, rho, h, sigma), rel=1e-10)


@pytest.mark.parametrize(("lr", "rho"), [row[:2] for row in VARIANCES])
def test_stationary_variance_measured(lr, rho):
    """P19: 4000 walkers, 3 %; what a momentum rho remembers fades over 1 / (1 - rho) steps."""
    steps = max(500, round(30 / (1 - rho)))
    rng, x = np.random.default_rng(7), mn.tensor(np.zeros(4000), requires_grad=True)
    optimizer, seen = optim.Momentum([x], lr, momentum=rho), []
    for t in range(steps):
        x.grad = x.numpy() + rng.standard_normal(4000)
        optimizer.step()
        seen += [(x.numpy() ** 2).mean()] * (t >= 0.3 * steps)
    expected = theory.stationary_variance(lr, 1.0, momentum=rho)
    assert np.mean(seen) == pytest.approx(expected, rel=0.03)


def test_decay_lowers_the_plateau():
    """E05, P19: the rate times a tenth, and the loss it jitters at falls to about a tenth."""
    f, schedule = noisy(quadratic([1.0] * 15), 1.0), {"lr": step(0.1, every=2000, factor=0.1)}
    losses = trace(sgd(0.1), f, (0.0,) * 15, steps=4000, schedule=schedule, rng=3).losses
    before, after = losses[200:2000].mean(), losses[2600:].mean()
    predicted = theory.stationary_variance(0.01, 1.0) / theory.stationary_variance(0.1, 1.0)
    assert after / before == pytest.approx(predicted, rel=0.15)
    assert predicted == pytest.approx(0.1, rel=0.06)


# -- Weight decay (P22) ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lr", "alpha", "rho", "angle", "fourth"),
    [
        (0.1, 0.01, 0.0, 0.04472, 5.0),
        (0.1, 0.01, 0.9, 0.032444, 50.0),
        (0.01, 0.1, 0.0, 0.04472, 0.05),
        (0.02, 0.05, 0.5, 0.036515, 0.4),
    ],
)
def test_weight_decay_equilibrium(lr, alpha, rho, angle, fourth):
    """P22: scale-invariant weights, d = 1000: |w|^4 and the rms angle per step, to 1 %."""
    expected = theory.decay_equilibrium(lr, alpha, momentum=rho)
    assert expected.angle == pytest.approx(angle, abs=5e-6)
    d, rng = 1000, np.random.default_rng(5)
    start = rng.standard_normal(d)
    w = mn.tensor(start * expected.norm / np.linalg.norm(start), requires_grad=True)
    optimizer = optim.Momentum([w], lr, momentum=rho, weight_decay=alpha)
    norms, angles, warm = [], [], int(2 / (lr * alpha) * (1 - rho)) + 50
    for t in range(warm + 3000):
        before = w.numpy().copy()
        size = np.linalg.norm(before)
        noise = rng.standard_normal(d) / math.sqrt(d)
        w.grad = (noise - (noise @ before) / size**2 * before) / size
        optimizer.step()
        if t >= warm:
            after = w.numpy()
            cosine = before @ after / (size * np.linalg.norm(after))
            norms.append(np.linalg.norm(after))
            angles.append(math.acos(min(1, cosine)))
    assert math.sqrt(np.mean(np.square(angles))) == pytest.approx(expected.angle, rel=0.01)
    assert np.mean(np.power(norms, 4)) == pytest.approx(expected.norm**4, rel=0.01)
    assert expected.norm**4 == pytest.approx(fourth, rel=0.002)


# -- Linear scaling and the momentum swap (P23) ----------------------------------------------------


def test_linear_scaling_gap(rng):
    """P23, L01: k small steps against one of k lambda on all: halving lambda quarters the gap."""
    X, y, k = rng.standard_normal((32, 4)), rng.standard_normal(32), 8
    start = rng.standard_normal(4)

    def end(lr, parts):
        w = mn.tensor(start, requires_grad=True)
        optimizer = optim.SGD([w], lr)
        for part in np.split(np.arange(32), parts):
            loss = ((mn.functional.tanh(X[part] @ w) - y[part]) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return w.numpy().copy()

    gaps = [np.linalg.norm(end(lr, k) - end(k * lr, 1)) for lr in 1e-3 * 0.5 ** np.arange(4)]
    np.testing.assert_allclose(np.divide(gaps[:-1], gaps[1:]), 4, atol=0.2)


def test_momentum_swap_gap():
    """P23, L02: rho = 0.9 against 0, equal lambda/(1 - rho) and time: half lambda, half the gap."""
    start = (-0.5, 0.8)
    f = quadratic([1.0, 3.0])

    def gap(lr):
        steps = round(1.0 / lr)
        a = trace(momentum(0.1 * lr, 0.9), f, start, steps=steps).positions[-1]
        b = trace(sgd(lr), f, start, steps=steps).positions[-1]
        return np.linalg.norm(a - b)

    gaps = [gap(lr) for lr in 0.005 * 0.5 ** np.arange(4)]
    np.testing.assert_allclose(np.divide(gaps[:-1], gaps[1:]), 2, atol=0.3)


@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_what_one_gradient_moves_in_total(rho):
    """L02: -lambda/(1 - rho), to 1e-12."""
    x = mn.tensor([0.0], requires_grad=True, dtype="float64")
    optimizer = optim.Momentum([x], 0.1, momentum=rho)
    for t in range(600):
        x.grad = [1.0 if t == 0 else 0.0]
        optimizer.step()
    assert x.item() == pytest.approx(-0.1 / (1 - rho), rel=1e-12)


# -- Adagrad's regret (P31) ------------------------------------------------------------------------


def test_adagrad_regret():
    """P31: random linear losses on [-1, 1]^5, T = 300, 200 seeds: the bound holds, by half."""
    n, T, seeds = 5, 300, 200
    g = np.random.default_rng(0).uniform(-1, 1, (T, seeds, n))
    x = mn.tensor(np.zeros((seeds, n)), requires_grad=True)
    optimizer, losses = optim.Adagrad([x], 2 / math.sqrt(2), eps=0), np.zeros(seeds)
    for t in range(T):
        losses += (g[t] * x.numpy()).sum(axis=1)
        x.grad = g[t]
        optimizer.step()
        x.data = np.clip(x.numpy(), -1, 1)
    best = -abs(g.sum(axis=0)).sum(axis=1)
    bounds = [theory.adagrad_regret_bound(g[:, i], 2.0) for i in range(seeds)]
    ratio = ((losses - best) / bounds).max()
    assert 0.2 < ratio < 0.7
