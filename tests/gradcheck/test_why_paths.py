"""The rules on uses and paths, on borders, carries and places: GC-P4, P8, P10, P12, P16.

Each row is a right pair with one step of its backward changed; its twin must be silent.
"""

import numpy as np
import pytest

import gradcheck
from gradcheck.report import Finding
from gradcheck.why import diagnose, factors, moved, shapes


def normal(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(s) for s in shapes]


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def gram(x):
    return x @ x.T, x


def gram_back(d, x, second=1.0):
    return {"x": d @ x + second * d.T @ x}


def squared(A):
    return A @ A, A


def squared_back(d, A, left=1.0):
    return {"A": d @ A.T + left * A.T @ d}


def cubed(x):
    return (x @ x.T) @ x, x


def cubed_back(d, x, uses=(1, 1, 1)):
    one, two, three = uses
    return {"x": one * d @ x.T @ x + two * x @ d.T @ x + three * (x @ x.T).T @ d}


def matched(a, b):
    """Mean of -log softmax of a_n b_n among all b."""
    p = softmax(a @ b.T)
    return -np.log(np.diagonal(p)).mean(), (a, b, p)


def matched_back(d, c, own=1.0):
    a, b, p = c
    g = d * (p - own * np.eye(len(p))) / len(p)
    return {"a": g @ b, "b": g.T @ a}


def scaled_skip(x, W, s):
    f = np.tanh(x @ W)
    return x + s * f, (x, W, s, f)


def scaled_skip_back(d, c, skip=lambda d, s: d):
    x, W, s, f = c
    dz = d * s * (1 - f * f)
    return {"x": skip(d, s) + dz @ W.T, "W": x.T @ dz, "s": (d * f).sum(0)}


def gated(x, W, V):
    b = 1 / (1 + np.exp(-x @ V))
    return (x @ W) * b, (x, W, V, x @ W, b)


def gated_back(d, c, gate=1.0):
    x, W, V, a, b = c
    da, db = d * b, d * a * b * (1 - b)
    return {"x": da @ W.T + gate * db @ V.T, "W": x.T @ da, "V": x.T @ db}


def ring(x):
    """Sums of three neighbours on a ring: (N, L)."""
    return np.roll(x, 1, 1) + x + np.roll(x, -1, 1), None


def ring_back(d, _, ends=1.0):
    dx = d + np.roll(d, 1, 1) + np.roll(d, -1, 1)
    dx[:, -1] -= (1 - ends) * d[:, 0]
    dx[:, 0] -= (1 - ends) * d[:, -1]
    return {"x": dx}


def every_other(x):
    return x[:, ::2] * 1.0, x.shape


def every_other_back(d, shape, hop=2):
    g = np.zeros(shape)
    g[:, : hop * d.shape[1] : hop] = d
    return {"x": g}


def frames(x):
    at = np.arange(0, x.shape[1] - 2, 2)[:, None] + np.arange(3)
    return x[:, at], (x.shape, at)


def frames_back(d, c, add=True):
    g = np.zeros(c[0])
    if add:
        np.add.at(g, (slice(None), c[1]), d)
    else:
        g[:, c[1]] = d
    return {"x": g}


def leaky(x, W, U):
    """The last state of h = 0.7 h + 0.3 tanh(x_t W + h U)."""
    h, kept = np.zeros((len(x), len(U))), []
    for t in range(x.shape[1]):
        z = np.tanh(x[:, t] @ W + h @ U)
        kept.append((h, z))
        h = 0.7 * h + 0.3 * z
    return h, (x, W, U, kept)


def leaky_back(d, c, leak=0.7):
    x, W, U, kept = c
    g = {"x": np.zeros_like(x), "W": 0 * W, "U": 0 * U}
    for t, (h, z) in reversed(list(enumerate(kept))):
        dz = 0.3 * d * (1 - z * z)
        g["x"][:, t] = dz @ W.T
        g["W"] += x[:, t].T @ dz
        g["U"] += h.T @ dz
        d = dz @ U.T + leak * d
    return g


def waves(x):
    return np.concatenate([np.sin(x), np.cos(x)], 1), x


def waves_back(d, x, sign=-1.0):
    n = x.shape[1]
    return {"x": d[:, :n] * np.cos(x) + sign * d[:, n:] * np.sin(x)}


def lasso(x, W):
    return (x @ W).sum() + 0.1 * np.abs(W).sum() + (x @ W).var(), (x, W)


def lasso_back(d, c, penalty=np.sign):
    x, W = c
    z = x @ W
    g = d * (1 + 2 * (z - z.mean()) / z.size)
    return {"x": g @ W.T, "W": x.T @ g + d * 0.1 * penalty(W)}


def turned(x):
    return np.roll(x, -1, 1) * (np.arange(x.shape[1]) > 2), x.shape


def turned_back(d, shape, by=1):
    return {"x": np.roll(d * (np.arange(shape[1]) > 2), by, 1)}


SHAPES = {
    gram: {"x": (4, 3)},
    squared: {"A": (4, 4)},
    cubed: {"x": (4, 3)},
    matched: {"a": (5, 3), "b": (5, 3)},
    scaled_skip: {"x": (5, 4), "W": (4, 4), "s": (4,)},
    gated: {"x": (3, 4), "W": (4, 5), "V": (4, 5)},
    ring: {"x": (3, 6)},
    every_other: {"x": (3, 7)},
    frames: {"x": (3, 7)},
    leaky: {"x": (3, 5, 2), "W": (2, 4), "U": (4, 4)},
    waves: {"x": (3, 5)},
    lasso: {"x": (4, 3), "W": (3, 5)},
    turned: {"x": (3, 7)},
}
ROWS = {  # what went wrong: forward, backward, its changed step, parameter, code, words
    "a use forgotten": (gram, gram_back, {"second": 0.0}, "x", "extra-term", "counted 1 time in"),
    "left factor": (squared, squared_back, {"left": 0.0}, "A", "extra-term", "used 2 times"),
    "one of three": (cubed, cubed_back, {"uses": (1, 0, 1)}, "x", "extra-term", "counted 2 times"),
    "a use twice": (cubed, cubed_back, {"uses": (1, 1, 2)}, "x", "extra-term", "counted 4 times"),
    "the matching pair": (matched, matched_back, {"own": 0.0}, "a", "label-term", "pairs of a row"),
    "the skip scaled": (
        scaled_skip,
        scaled_skip_back,
        {"skip": lambda d, s: d * s},
        "x",
        "extra-term",
        "as if it were multiplied by s",
    ),
    "a path": (gated, gated_back, {"gate": 0.0}, "x", "extra-term", "the path through V left out"),
    "half a path": (gated, gated_back, {"gate": 0.5}, "x", "extra-term", "path through V wrong"),
    "the ends of a ring": (ring, ring_back, {"ends": 0.0}, "x", "border", "send back too little"),
    "too small a step": (
        every_other,
        every_other_back,
        {"hop": 1},
        "x",
        "wrong-place",
        "written to the wrong places",
    ),
    "frames assigned": (
        frames,
        frames_back,
        {"add": False},
        "x",
        "overlap-assign",
        "overlapping windows",
    ),
    "the leak": (leaky, leaky_back, {"leak": 0.0}, "x", "carry-lost", "only index 4 of axis 1"),
    "a sign in a half": (waves, waves_back, {"sign": 1.0}, "x", "sign", "[5, 6, 7, 8, 9] of axis"),
    "rolled the wrong way": (turned, turned_back, {"by": -1}, "x", "shifted", "shifted by -2"),
    "a penalty": (
        lasso,
        lasso_back,
        {"penalty": lambda W: W**3},
        "W",
        "wrong-operand",
        "its own line",
    ),
}


def report(row, **step):
    forward, backward, *_ = row
    inputs = dict(zip(SHAPES[forward], normal(*SHAPES[forward].values()), strict=True))
    wrong = lambda d, c: backward(d, c, **step)
    return gradcheck.check_vjp(forward, wrong, inputs, rng=0, probe=False)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_mistake_is_named_first(row):
    *_, step, param, code, words = row
    found = [f for f in report(row, **step).findings if f.severity == "fail"]
    assert (found[0].code, found[0].param) == (code, param), found
    assert words in found[0].message and found[0].hint


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_right_twin_is_silent(row):
    right = report(row)
    assert right.status == "pass" and not [f for f in right.findings if f.severity != "note"]


def test_a_wrong_second_use_is_not_called_forgotten():
    """Euler's count is no whole number where a use is there with another array."""
    row = (gram, lambda d, x: {"x": d @ x + d.T @ np.sin(x)})
    assert "extra-term" not in [f.code for f in report(row).findings]


def test_a_factor_of_a_linear_loss_is_no_local_derivative():
    """GC-P6: with one output any wrong gradient has such a factor; a sum of functions is told by
    moving other entries, and a linear function has no local derivative to be wrong."""
    x, c, mess = normal((3, 4), (3, 4), (3, 4))
    found = lambda f, g: [
        f.code for f in gradcheck.check_vjp(f, g, {"x": x}, rng=0, probe=False).findings
    ]
    linear = found(lambda x: ((c * x).sum(), None), lambda d, _: {"x": d * c * mess})
    summed = found(lambda x: ((x**3).sum(), x), lambda d, x: {"x": d * 3 * x**2 * mess})
    assert "local-derivative" not in linear and "local-derivative" in summed


def test_numbers_come_before_places_in_a_tier():
    """What accounts for every number ranks before what says only where it is wrong."""
    place = diagnose.placed(Finding("branch", "fail", "x", "", {"place": True}), 2, 0)
    number = diagnose.placed(Finding("axis-factor", "fail", "x", ""), 2, 9)
    assert [f.code for f in diagnose.rank([place, number])] == ["axis-factor", "branch"]
    assert "place" not in place.evidence


def test_two_reasons_are_shown_and_name_the_others_that_fit():
    """P16: and where both account for the numbers, no third is drawn from which are right."""
    forward = lambda x: ((x - x.mean(0)) / np.sqrt(x.var(0)), x)

    def backward(d, x):
        s = np.sqrt(x.var(0))
        return {"x": (d - d.mean(0)) / s}

    found = gradcheck.check_vjp(forward, backward, {"x": normal((6, 4))[0]}, probe=False).findings
    failing = [f for f in found if f.severity == "fail"]
    assert len(failing) == 2 and failing[0].code == "variance-term"
    assert failing[1].code in failing[0].evidence["fits as well"]


def test_an_integer_gradient_of_a_fractional_upstream_fails_as_such():
    """GC-K1: not as one that is not linear in the upstream, which follows from it."""
    x, W = normal((3, 4), (4, 5))
    cut = lambda d, c: {"x": d @ W.T, "W": (3 * x.T @ d).astype(int)}
    found = gradcheck.check_vjp(lambda x, W: (3 * x @ W, None), cut, {"x": x, "W": W}).findings
    codes = [f.code for f in found if f.severity == "fail"]
    assert codes[0] == "dtype" and "nonlinear-in-upstream" not in codes
    assert shapes.REPAIRS  # the other repairs of K2 stay warnings


def test_a_fault_of_the_step_is_not_called_a_lost_carry():
    """GC-P12: other gradients are wrong at the first step already."""

    def forward(x, W, U, V):
        h, kept = np.zeros((len(x), 3)), []
        for t in range(x.shape[1]):
            n, z = np.tanh(x[:, t] @ W + h @ U), 1 / (1 + np.exp(-x[:, t] @ V))
            kept.append((h, n, z))
            h = z * h + (1 - z) * n
        return np.stack([k[0] for k in kept[1:]] + [h], 1), kept

    def backward(d, kept, of_n=lambda z: z):
        g, e, dx = {"W": 0, "U": 0, "V": 0}, 0 * d[:, 0], []
        for t, (h, n, z) in reversed(list(enumerate(kept))):
            e = e + d[:, t]
            an, az = e * of_n(z) * (1 - n * n), e * (h - n) * z * (1 - z)
            g = {
                "W": g["W"] + x[:, t].T @ an,
                "U": g["U"] + h.T @ an,
                "V": g["V"] + x[:, t].T @ az,
            }
            dx.insert(0, an @ W.T + az @ V.T)
            e = e * z + an @ U.T
        return g | {"x": np.stack(dx, 1)}

    x, W, U, V = normal((2, 4, 5), (5, 3), (3, 3), (5, 3))
    inputs = {"x": x, "W": W, "U": U, "V": V}
    check = lambda back: gradcheck.check_vjp(forward, back, inputs, probe=False)
    assert check(lambda d, c: backward(d, c, lambda z: 1 - z)).status == "pass"
    found = [f.code for f in check(backward).findings if f.severity == "fail"]
    assert found[0] == "shared-step" and "carry-lost" not in found


def test_names_of_factors_and_moves_are_short():
    assert factors.product_words(1.0, "1/x") == "1/x"
    assert moved.circles(5) == [1, 2, -2, -1]
