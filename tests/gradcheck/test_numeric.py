"""Numeric slopes: orders, costs, uncertainty."""

import numpy as np
import pytest

import gradcheck as gc
from gradcheck.adapters import vjp_problem
from gradcheck.derivative import function_problem
from gradcheck.numeric import Probe, one_sided, richardson, ridders, stencil

METHODS = ["central4", "central6", "ridders", "complex", "auto"]


def counted(f):
    def g(x):
        g.calls += 1
        return f(x)

    g.calls = 0
    return g


@pytest.mark.parametrize("method", METHODS)
def test_methods_reach_their_accuracy(method):
    """Section 5.1: each scheme's error on exp, sin and tanh products."""
    x = gc.randn(3, 4, rng=1)
    f = lambda x: np.sum(np.sin(x) * np.exp(0.3 * x)) + np.tanh(x[0, 0])
    exact = np.cos(x) * np.exp(0.3 * x) + 0.3 * np.sin(x) * np.exp(0.3 * x)
    exact[0, 0] += 1 - np.tanh(x[0, 0]) ** 2
    g = gc.numerical_grad(f, x, method=method)
    limit = {"complex": 1e-14}.get(method, 1e-11)
    assert np.max(abs(g.value - exact)) < limit
    assert g.value.shape == g.error.shape == g.step.shape == x.shape


@pytest.mark.parametrize(
    "method, per_entry, once",
    [
        ("forward", 1, 1),
        ("central", 2, 0),
        ("central4", 4, 0),
        ("central6", 6, 0),
        ("ridders", 12, 0),
        ("complex", 1, 0),
    ],
)
def test_cost_per_entry(method, per_entry, once):
    """A03: calls of f per checked entry."""
    f = counted(lambda x: np.sum(x**2))
    g = gc.numerical_grad(f, np.arange(1.0, 8.0), method=method)
    assert f.calls == g.nfev == 7 * per_entry + once


@pytest.mark.parametrize("depth", [1, 2, 5, 10])
def test_uncertainty_covers_the_true_error(depth):
    """Section 5.2: in at least 99 % of entries |n - true| <= error, and the error is useful."""
    rng = np.random.default_rng(depth)
    Ws = [rng.normal(size=(20, 20)) / 20**0.5 for _ in range(depth)]

    def f(x):
        for W in Ws:
            x = np.tanh(x @ W)
        return np.log(np.sum(np.exp(x), axis=-1)).sum()

    x = rng.normal(size=(15, 20))
    exact = gc.numerical_grad(f, x, method="complex").value
    g = gc.numerical_grad(f, x)
    assert np.mean(abs(g.value - exact) <= g.error) >= 0.99
    assert np.median(g.error) <= 1e-9 * np.linalg.norm(exact)


@pytest.mark.parametrize(
    "f, df, x",
    [
        (np.log, lambda x: 1 / x, 1e-6),
        (np.log, lambda x: 1 / x, 3e-3),
        (lambda x: x * np.sqrt(x), lambda x: 1.5 * np.sqrt(x), 0.0),
        (lambda x: np.sin(300 * x) / 300, lambda x: np.cos(300 * x), 0.3),
        (lambda x: (x - 1e6) ** 3, lambda x: 3 * (x - 1e6) ** 2, 1e6 + 2.0),
    ],
)
def test_auto_step_at_difficult_points(f, df, x):
    """GC-Q7 and steps: domain edges, small and large scales, fast oscillation."""
    with np.errstate(all="ignore"):
        g = gc.numerical_grad(f, np.array(x))
    assert abs(g.value - df(x)) <= max(10 * g.error, 1e-7 * abs(df(x)))


def test_subtract_before_reduce_beats_the_mean_of_the_loss():
    """Section 5.3: per-sample losses are at least 20 times better for an input entry."""
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(1000, 20)), rng.normal(size=20)
    per_sample = lambda X: np.logaddexp(0, X @ w)
    exact = w[0] / (1 + np.exp(-X[0] @ w)) / 1000
    entry = lambda f, up: gc.numerical_grad(
        lambda x: f(np.concatenate([[np.r_[x, X[0, 1:]]], X[1:]])),
        X[0, :1],
        method="central",
        upstream=up,
    ).value[0]
    reduced = abs(entry(lambda X: per_sample(X).mean(), None) - exact)
    vector = abs(entry(per_sample, np.full(1000, 1e-3)) - exact)
    assert vector * 20 < reduced


@pytest.mark.parametrize("lanes, lines", [(0, 12), (1, 4)])
def test_independent_examples_move_together(lanes, lines):
    """Lanes give the same slopes from fewer evaluations."""
    x, d = gc.randn(3, 4), gc.randn(2, 3, 4, rng=1)
    p = vjp_problem(lambda x: (np.sin(x) * x, x), lambda d, x: None, (x,))
    s = stencil(Probe(p, p.inputs, "x", d, lanes=lanes), np.arange(lines), "central4")
    exact = (d * (np.sin(x) + x * np.cos(x))).reshape(2, -1).T
    assert np.max(abs(s.value - exact)) < 1e-10 and p.nfev == 4 * lines


def test_directions_are_lines_too():
    """A direction's slope is <gradient, direction>."""
    x, V, d = gc.randn(5), gc.randn(3, 5, rng=1), gc.randn(5, rng=2)
    p = vjp_problem(lambda x: (np.exp(x), x), lambda d, x: None, (x,))
    s = ridders(Probe(p, p.inputs, "x", [d]), V)
    assert np.max(abs(s.value[:, 0] - V @ (d * np.exp(x)))) < 1e-10


def test_vectorized_equals_loop_across_chunks(monkeypatch):
    """Stacked evaluation is the loop, also when it has to be cut."""
    f = lambda x: np.sum(np.sin(x), axis=(-2, -1))
    x = gc.randn(5, 7)
    loop = gc.numerical_grad(f, x, method="central")
    monkeypatch.setattr("gradcheck.lines.CHUNK", 40)
    stacked = gc.numerical_grad(f, x, method="central", vectorized=True)
    assert np.allclose(loop.value, stacked.value, rtol=1e-9) and stacked.nfev > 2


def test_vectorized_needs_a_stacked_result():
    with pytest.raises(gc.InputError, match="must give 6 stacked outputs"):
        gc.numerical_grad(lambda x: np.sum(x), np.ones(3), method="central", vectorized=True)


def test_richardson_passes_over_nan_rows():
    h = 0.1 / 2.0 ** np.arange(6)
    D = np.sin(h) / h
    D[:2] = np.nan
    value, u, row = richardson(D, 1e-16 / h)
    assert abs(value - 1) <= u < 1e-8 and row >= 3


def test_one_sided_at_the_edge():
    p = vjp_problem(lambda x: (x**1.5, x), lambda d, x: None, (np.zeros(1),))
    s = one_sided(Probe(p, p.inputs, "x", None), np.array([0]))
    assert abs(s.value[0, 0]) <= 10 * s.u[0, 0]


@pytest.mark.parametrize("step", [0, -1e-5, np.nan, np.inf])
def test_bad_steps_are_named(step):
    with pytest.raises(gc.InputError, match="positive, finite step"):
        gc.numerical_grad(np.sin, np.ones(2), method="central", step=step)


@pytest.mark.parametrize("x", [np.arange(3), np.array([1 + 2j]), ["a"], [True]])
def test_integers_complex_and_text_are_refused(x):
    """G6: x + 1e-5 would be cut off."""
    with pytest.raises(gc.DTypeError):
        gc.numerical_grad(np.sum, x)


def test_x_is_untouched_also_when_f_raises():
    """A23."""
    x = gc.randn(4)
    before = x.copy()

    def f(v):
        v += 1
        raise RuntimeError("no")

    with pytest.raises(gc.CallError, match="RuntimeError: no"):
        gc.numerical_grad(f, x)
    assert np.array_equal(x, before)


def test_sweep_tells_right_from_wrong():
    """GC-Q3: slope 2 and a V for a right gradient, a plateau for a wrong one."""
    right = gc.h_sweep(np.sin, np.array(1.0), np.cos(1.0))
    wrong = gc.h_sweep(np.sin, np.array(1.0), np.cos(1.0) * 1.0001)
    assert abs(right.slope - 2) < 0.05 and right.plateau is None
    assert wrong.plateau == pytest.approx(1e-4, rel=0.05)
    assert set(right.to_dict()) >= {"h", "error", "slope", "plateau", "best"}


BUFFER = np.empty(4)


@pytest.mark.parametrize(
    "f",
    [lambda x: x, lambda x: np.multiply(x, 1.0, out=BUFFER), lambda x: x.reshape(-1)[::-1]],
    ids=["x itself", "one buffer for every call", "a view of x"],
)
@pytest.mark.parametrize("method", ["forward", "central", "central4", "ridders", "auto"])
def test_outputs_that_are_overwritten_by_the_next_call_are_kept(f, method):
    """One work array is moved from entry to entry: what f returns may be that array."""
    g = gc.numerical_grad(f, gc.randn(4), method=method, upstream=np.ones(4))
    assert np.allclose(g.value, 1, atol=1e-6)


def test_noise_in_an_output_that_the_next_call_overwrites_is_seen():
    """Two outputs in one buffer would look the same."""
    rng = np.random.default_rng(0)
    forward = lambda x: (np.multiply(x, rng.random(), out=BUFFER), x)
    report = gc.check_vjp(forward, lambda d, x: d, (gc.randn(4),), contract=False)
    assert [f.code for f in report.findings] == ["forward-not-repeatable"]


def test_the_order_of_the_entries_in_memory_changes_nothing():
    """Entries are moved through a flat view of a C-ordered copy."""
    x = gc.randn(3, 4)
    problem = function_problem(lambda x: (x**2).sum(), x)
    probe = Probe(problem, {"x": np.asfortranarray(x)}, "x", None)
    slopes = stencil(probe, np.arange(12)).value[:, 0]
    assert np.allclose(slopes, 2 * x.ravel(), atol=1e-8)


def test_a_single_precision_point_is_moved_along_directions_in_double():
    """x + h v would be rounded to the precision of x, while the slope is divided by h itself."""
    x, V = gc.randn(3, 4).astype("float32"), gc.randn(5, 3, 4, rng=1)
    problem = function_problem(lambda x: (x**2).sum(), x)
    slopes = stencil(Probe(problem, problem.inputs, "x", None), V).value[:, 0]
    assert np.allclose(slopes, 2 * V.reshape(5, -1) @ x.ravel(), rtol=1e-9)
