"""Reasons for parameters too large to be measured whole: a grid of entries, and a note where no
rule fits."""

import numpy as np
import pytest

import gradcheck
from gradcheck.adapters import vjp_problem
from gradcheck.part import Part, grid_of

N, ROWS, COLUMNS = 8, 200, 300
POINT = {
    "x": gradcheck.randn(N, ROWS, rng=0),
    "W": gradcheck.randn(ROWS, COLUMNS, rng=1) / 14,
    "b": gradcheck.randn(COLUMNS, rng=2),
}


def forward(x, W, b):
    h = np.tanh(x @ W + b)
    return h, (x, W, h)


def backward(wrong):
    """The backward with another dW: wrong(dW, dz, d, cache)."""

    def pull(d, cache):
        x, W, h = cache
        dz = d * (1 - h * h)
        return {"x": dz @ W.T, "W": wrong(x.T @ dz, dz, d, cache), "b": dz.sum(0)}

    return pull


CAUSES = {  # a wrong dW of 60,000 entries: its reason, first or second
    "mean": (lambda g, dz, d, c: g / N, "scale", "1/8"),
    "sign": (lambda g, dz, d, c: -g, "sign", ""),
    "zero": (lambda g, dz, d, c: 0 * g, "zero", ""),
    "L2": (lambda g, dz, d, c: g + 0.1 * c[1], "extra-term", "0.1"),
    "factor per column": (lambda g, dz, d, c: g * np.linspace(1, 2, COLUMNS), "axis-factor", ""),
    "half of the columns": (lambda g, dz, d, c: g * (np.arange(COLUMNS) < 150), "zeroed", ""),
    "rolled": (lambda g, dz, d, c: np.roll(g, 1, 1), "shifted", "axis 1"),
    "reversed": (lambda g, dz, d, c: g[::-1], "flipped", "axis 0"),
    "one example": (lambda g, dz, d, c: np.outer(c[0][0], dz[0]), "batch-reduction", ""),
    "wrong derivative": (lambda g, dz, d, c: c[0].T @ (d * (1 - c[2])), "local-derivative", ""),
}


@pytest.mark.parametrize("row", CAUSES.values(), ids=CAUSES)
def test_a_large_weight_gets_its_reason(row):
    wrong, code, words = row
    report = gradcheck.check_vjp(forward, backward(wrong), POINT)
    failing = [f for f in report.findings if f.severity == "fail" and f.param == "W"]
    hits = [f for f in failing[:2] if f.code == code]
    assert hits, [f.code for f in report.findings]
    assert "grid of 20 x 20 of the 200 x 300 entries" in hits[0].message
    assert words in hits[0].message and report.nfev < 1000


def test_a_right_large_weight_is_not_accused():
    report = gradcheck.check_vjp(forward, backward(lambda g, *_: g), POINT)
    assert report.status == "pass" and report.findings == []


@pytest.mark.parametrize("size", [(12, 15), (200, 300)])
def test_where_no_rule_fits_a_note_says_how_the_gradients_differ(size):
    mess = gradcheck.randn(size[0], size[0], rng=3)
    loss = lambda p: float(np.sum(np.sin(p["W"]) * weights))
    weights = gradcheck.randn(*size, rng=4)
    grads = lambda p: {"W": mess @ (np.cos(p["W"]) * weights)}
    report = gradcheck.check(loss, {"W": gradcheck.randn(*size, rng=5)}, grads)
    assert report.status == "fail" and not [f for f in report.findings if f.severity == "fail"]
    (note,) = [f for f in report.findings if f.code == "no-reason"]
    assert note.param == "W" and "cosine" in note.message and note.hint


def test_repeated_rows_of_a_large_table_are_found_where_the_gradient_is():
    ids = np.array([1, 4, 4, 4999, 7, 7, 7, 4000])

    def back(d, cache):
        g = np.zeros(cache[0])
        g[cache[1]] += d
        return g

    report = gradcheck.check_vjp(
        lambda W: (W[ids], (W.shape, ids)), back, (gradcheck.randn(5000, 16, rng=0),)
    )
    assert [f.code for f in report.findings if f.severity == "fail"] == ["repeated-index"]


def test_a_scalar_loss_of_a_large_weight_gets_its_reason():
    X, t = POINT["x"], gradcheck.randn(N, COLUMNS, rng=6)

    def loss(p):
        r = X @ p["W"] - t
        return 0.5 * np.sum(r * r) / N, {"W": X.T @ r}

    report = gradcheck.check(loss, {"W": POINT["W"]})
    (found,) = [f for f in report.findings if f.severity == "fail"]
    assert found.code == "scale" and "factor 8" in found.message


def test_a_part_is_the_whole_at_its_grid():
    problem = vjp_problem(forward, backward(lambda g, *_: g), POINT)
    grid = grid_of(np.ones((ROWS, COLUMNS)), 50, [(77, 211)])
    part = Part(problem, "W", grid)
    assert 77 in grid[0] and 211 in grid[1] and grid[1][-1] >= 211
    assert np.prod([len(g) for g in grid]) <= 50
    d = gradcheck.randn(N, COLUMNS, rng=7)
    assert np.array_equal(part.evaluate(part.inputs), problem.evaluate(problem.inputs))
    whole = problem.gradients(d)["W"][np.ix_(*grid)]
    assert np.array_equal(part.gradients(d)["W"], whole)
    moved = part.inputs | {"W": part.inputs["W"] + 1}
    full = problem.inputs["W"].copy()
    full[np.ix_(*grid)] += 1
    assert np.array_equal(
        part.evaluate(moved), problem.evaluate(problem.inputs | {"W": full})
    )
    assert np.array_equal(problem.inputs["W"], POINT["W"])


@pytest.mark.parametrize("shape", [(5000,), (3, 4, 500), (70, 70), (1, 9999)])
def test_a_grid_has_every_axis_and_no_more_than_asked(shape):
    a = gradcheck.randn(*shape, rng=0)
    top = np.unravel_index(np.argmax(abs(a)), shape)
    grid = grid_of(a, 100, [top])
    assert np.prod([len(g) for g in grid]) <= 100
    assert all(np.all(np.diff(g) > 0) and g[0] == 0 for g in grid)
    assert all(t in g for t, g in zip(top, grid, strict=True))
