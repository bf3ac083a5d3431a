"""Entry points, options, bad input, restoration."""

import random

import numpy as np
import pytest

import gradcheck as gc


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(d, cache):
    x, w = cache
    return d @ w.T, x.T @ d, d.sum(0)


POINT = {"x": gc.randn(5, 4), "w": gc.randn(4, 3, rng=1), "b": gc.randn(3, rng=2)}


def times(k, name):
    """affine_backward with one gradient multiplied."""

    def backward(d, cache):
        grads = dict(zip("xwb", affine_backward(d, cache), strict=True))
        return grads | {name: k * grads[name]}

    return backward


@pytest.mark.parametrize("inputs", [POINT, tuple(POINT.values()), list(POINT.values())])
@pytest.mark.parametrize(
    "shape",
    [
        tuple,
        list,
        lambda g: dict(zip("xwb", g, strict=True)),
        lambda g: dict(zip(("dx", "dw", "db"), g, strict=True)),
    ],
)
def test_accepted_structures(inputs, shape):
    report = gc.check_vjp(affine_forward, lambda d, c: shape(affine_backward(d, c)), inputs)
    assert report.ok and list(report.params) == ["x", "w", "b"]


@pytest.mark.parametrize("name", "xwb")
@pytest.mark.parametrize("k", [1.01, 1 + 1e-5, -1, 0])
@pytest.mark.parametrize("mode", ["auto", "all", "sample", "directions"])
@pytest.mark.parametrize("method", ["auto", "central", "ridders", "complex"])
def test_planted_factors_are_found_in_the_right_parameter(name, k, mode, method):
    """PF-A1: every mode and method sees every factor, and only there."""
    report = gc.check_vjp(
        affine_forward, times(k, name), POINT, mode=mode, method=method, probe=False
    )
    assert {n: p.status for n, p in report.params.items()} == {
        n: "fail" if n == name else "pass" for n in "xwb"
    }


@pytest.mark.parametrize("method", ["forward", "central4", "central6"])
def test_other_methods(method):
    assert gc.check_vjp(affine_forward, affine_backward, POINT, method=method).ok
    assert not gc.check_vjp(affine_forward, times(1.001, "w"), POINT, method=method)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1, 1e6, 1e12])
@pytest.mark.parametrize("k, ok", [(1, True), (1 + 1e-5, False), (0, False)])
def test_the_scale_of_the_loss_changes_no_verdict(scale, k, ok):
    """PF-A6, section 5.4.3."""
    X, t = gc.randn(8, 5), gc.randn(8, rng=1)
    loss = lambda w: scale * np.mean(np.log1p(np.exp(-t * (X @ w))))
    grad = lambda w: k * scale * -(t / (1 + np.exp(t * (X @ w)))) @ X / 8
    assert gc.check(loss, gc.randn(5, rng=2), grad).ok is ok


def test_slope_below_the_noise_is_inconclusive_or_refused():
    """GC-Q1: slope 1e-7 under an offset of 3."""
    f = lambda x: 3 + 1e-7 * x[0]
    claim = lambda a: gc.check(f, np.array([0.3]), lambda x: np.array([a])).status
    assert claim(1e-7) == "inconclusive"
    assert claim(0.0) == claim(2e-7) == "fail"


@pytest.mark.parametrize(
    "style", ["pair", "separate", "arrays", "closure", "closure-grads", "spread"]
)
def test_styles_of_loss(style):
    """check(loss, params, grads) in the ways people write losses."""
    X, t = gc.randn(6, 3), gc.randn(6, rng=1)
    w, b = gc.randn(3, rng=2), np.array(0.7)
    value = lambda w, b: 0.5 * np.mean((X @ w + b - t) ** 2)
    grad = lambda w, b: [(X @ w + b - t) @ X / 6, np.mean(X @ w + b - t)]
    before = w.copy(), b.copy()
    args = {
        "pair": (lambda p: (value(*p), grad(*p)), [w, b]),
        "separate": (
            lambda p: value(p["w"], p["b"]),
            {"w": w, "b": b},
            lambda p: dict(zip("wb", grad(p["w"], p["b"]), strict=True)),
        ),
        "arrays": (lambda p: value(*p), [w, b], grad(w, b)),
        "closure": (lambda: (value(w, b), grad(w, b)[:1]), [w]),
        "closure-grads": (lambda: value(w, b), [w], lambda: grad(w, b)[:1]),
        "spread": (value, [w, b], lambda w, b: grad(w, b)),
    }[style]
    assert gc.check(*args).ok
    assert np.array_equal(w, before[0]) and np.array_equal(b, before[1])


@pytest.mark.parametrize("reduction, k", [("mean", 1 / 6), ("sum", 1.0)])
def test_per_sample_losses(reduction, k):
    X, t = gc.randn(6, 3), gc.randn(6, rng=1)
    loss = lambda w: 0.5 * (X @ w - t) ** 2
    grad = lambda w: k * (X @ w - t) @ X
    assert gc.check(loss, gc.randn(3), grad, reduction=reduction).ok
    other = {"mean": "sum", "sum": "mean"}[reduction]
    assert gc.check(loss, gc.randn(3), grad, reduction=other).status == "fail"


class Scale:
    """A stateful layer that accumulates and remembers its last forward only."""

    def __init__(self, k=1.0):
        self.k, self.g, self.dg, self.calls = k, gc.randn(4), np.zeros(4), 0

    def forward(self, x):
        self.x, self.calls = x, self.calls + 1
        return self.g * x

    def backward(self, d):
        self.dg += self.k * (d * self.x).sum(0)
        return d * self.g

    def parameters(self):
        return {"g": self.g}

    def gradients(self):
        return {"g": self.dg}


def test_check_module():
    layer, x = Scale(), gc.randn(3, 4, rng=5)
    before = layer.g.copy(), layer.dg.copy()
    report = gc.check_module(layer, x)
    assert report.status == "pass" and set(report.params) == {"input", "g"}
    assert gc.check_module(Scale(1.5), x).params["g"].status == "fail"
    assert (
        np.array_equal(layer.g, before[0])
        and np.array_equal(layer.dg, before[1])
        and layer.calls == 0
    )


def test_check_grad_is_in_scipy_order():
    assert gc.check_grad(lambda x: x @ x, lambda x: 2 * x, gc.randn(5))
    assert not gc.check_grad(lambda x: x @ x, lambda x: 2.1 * x, gc.randn(5))


@pytest.mark.parametrize(
    "call",
    [
        lambda k: gc.assert_vjp(affine_forward, times(k, "w"), POINT),
        lambda k: gc.assert_grads(lambda w: w @ w, gc.randn(3), lambda w: 2 * k * w),
        lambda k: gc.assert_grad(lambda w: w @ w, lambda w: 2 * k * w, gc.randn(3)),
        lambda k: gc.assert_module(Scale(k), gc.randn(3, 4, rng=5)),
    ],
)
def test_assert_twins_raise_with_the_report(call):
    """PF-A3."""
    assert call(1.0).ok
    with pytest.raises(AssertionError) as error:
        call(1.01)
    assert isinstance(error.value, gc.GradientMismatch)
    assert error.value.report.status == "fail" and "FAIL" in str(error.value)


def test_inconclusive_is_not_ok_unless_allowed():
    noisy = lambda x: (x * np.random.rand(), x)
    with pytest.raises(gc.GradientMismatch):
        gc.assert_vjp(noisy, lambda d, x: d, (gc.randn(3),))
    assert not gc.assert_vjp(noisy, lambda d, x: d, (gc.randn(3),), allow_inconclusive=True)


def dropout_forward(x, p):
    mask = (np.random.rand(*x.shape) < p) / p
    return x * mask, mask


@pytest.mark.parametrize("reseed", [7, lambda: np.random.seed(7)])
def test_reseed(reseed):
    """G13, A20: a right dropout passes, a wrong one fails."""
    point = {"x": gc.randn(5, 4), "p": 0.5}
    assert gc.check_vjp(dropout_forward, lambda d, mask: d * mask, point, reseed=reseed)
    wrong = gc.check_vjp(dropout_forward, lambda d, mask: d * (mask > 0), point, reseed=reseed)
    assert wrong.status == "fail"


def test_generators_among_the_inputs_are_reseeded_and_restored():
    def forward(x, rng):
        mask = rng.random(x.shape) < 0.5
        return x * mask, mask

    rng = np.random.default_rng(3)
    state = rng.bit_generator.state
    report = gc.check_vjp(
        forward, lambda d, mask: d * mask, {"x": gc.randn(6), "rng": rng}, reseed=0
    )
    assert report.ok and rng.bit_generator.state == state


def test_upstream_option():
    """PF-A5, A22: ones cannot see a softmax backward that returns zeros; the default does."""

    def softmax(x):
        e = np.exp(x - x.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True), x

    zero = lambda d, x: np.zeros_like(x)
    x = gc.randn(4, 3)
    assert gc.check_vjp(softmax, zero, (x,)).status == "fail"
    assert gc.check_vjp(softmax, zero, (x,), upstream="ones", contract=False).status != "fail"
    assert (
        gc.check_vjp(softmax, zero, (x,), upstream=np.arange(12.0).reshape(4, 3)).status == "fail"
    )
    with pytest.raises(gc.InputError, match=r"output's shape \(4, 3\), got \(3,\)"):
        gc.check_vjp(softmax, zero, (x,), upstream=np.ones(3))


def test_batch_takes_the_first_examples():
    """G9: labels and inputs are cut together."""
    seen = []

    def forward(x, y, w):
        seen.append((x.shape, y.shape))
        return x @ w + y[:, None], (x, w)

    report = gc.check_vjp(
        forward,
        lambda d, c: {"x": d @ c[1].T, "w": c[0].T @ d},
        {"x": gc.randn(50, 4), "y": np.arange(50), "w": gc.randn(4, 2)},
        batch=3,
        wrt=("x", "w"),
        probe=False,
    )
    assert report.ok and set(seen) == {((3, 4), (3,))}


def test_wrt_and_untouched_arguments():
    seen = []

    def forward(x, y, flag, none):
        seen.append((y, flag, none))
        return x * y, y

    y = np.array([2, 3, 4])
    report = gc.check_vjp(
        forward,
        lambda d, y: d * y,
        {"x": gc.randn(3), "y": y, "flag": "f", "none": None},
        wrt="x",
        probe=False,
    )
    assert report.ok and all(np.array_equal(s[0], y) and s[1] == "f" and s[2] is None for s in seen)


def test_several_outputs():
    forward = lambda x: (np.sin(x), x.sum(0), x)
    spread = lambda d1, d2, x: d1 * np.cos(x) + d2
    together = lambda ds, x: ds[0] * np.cos(x) + ds[1]
    for backward in (spread, together):
        assert gc.check_vjp(forward, backward, (gc.randn(3, 4),))
    assert not gc.check_vjp(forward, lambda ds, x: ds[0] * np.cos(x), (gc.randn(3, 4),))


def test_terms_are_checked_apart():
    """A18, G12: a wrong data gradient under reg = 1e4, a wrong reg gradient under reg = 1e-9."""
    X, t = gc.randn(6, 3), gc.randn(6, rng=1)

    def make(reg, kd=1.0, kr=1.0):
        data = lambda w: (0.5 * np.mean((X @ w - t) ** 2), kd * (X @ w - t) @ X / 6)
        ridge = lambda w: (0.5 * reg * w @ w, kr * reg * w)
        total = lambda w: (data(w)[0] + ridge(w)[0], data(w)[1] + ridge(w)[1])
        return gc.check(total, gc.randn(3, rng=2), terms={"data": data, "reg": ridge}, names=["w"])

    big = make(1e4, kd=1 + 1e-4)
    assert big.params["data/w"].status == "fail" and big.params["reg/w"].status == "pass"
    assert big.params["w"].status == "pass" and not big
    tiny = make(1e-9, kr=1.5)
    assert tiny.params["reg/w"].status == "fail" and tiny.params["w"].status == "pass"
    assert any(f.code == "term-ratio" and f.severity == "warn" for f in make(1e4).findings)
    assert make(0.5).ok


def test_burn_in_finds_what_the_start_hides():
    """A17, G11: the second layer starts at zero, so the first layer's gradient is zero there."""
    X, t = gc.randn(8, 4), gc.randn(8, 2, rng=1)
    p = {"W1": gc.randn(4, 5, rng=2), "W2": np.zeros((5, 2))}

    def loss(p):
        h = np.tanh(X @ p["W1"])
        r = (h @ p["W2"] - t) / 8
        dW1 = X.T @ (r @ p["W2"].T)  # forgets 1 - h^2
        return 4 * np.sum(r * r), {"W1": dW1, "W2": h.T @ r}

    before = {k: v.copy() for k, v in p.items()}
    start = gc.check(loss, p)
    assert start.ok and any(f.code == "degenerate-point" for f in start.findings)
    trained = gc.check(loss, p, burn_in=20)
    assert trained.params["W1"].status == "fail" and trained.params["W2"].status == "pass"
    assert all(np.array_equal(p[k], before[k]) for k in p)


@pytest.mark.parametrize("points", [3, [{"x": np.array([2.0])}], [np.array([-1.5])]])
def test_points(points):
    """A backward that is right at the first point only."""
    report = gc.check_vjp(
        lambda x: (x**2, x),
        lambda d, x: d * (x + 1),
        (np.array([1.0]),),
        points=points,
        contract=False,
        probe=False,
    )
    assert report.status == "fail"


def test_vectorized_agrees_with_the_loop():
    f = lambda p: np.sum(np.sin(p["w"]), axis=(-2, -1)) + np.sum(p["b"] ** 3, axis=-1)
    g = lambda p: {"w": np.cos(p["w"]), "b": 3 * p["b"] ** 2}
    p = {"w": gc.randn(5, 7), "b": gc.randn(4)}
    report = gc.check(f, p, g, vectorized=True, mode="all")
    assert report.ok and report.nfev < 40 and report.params["w"].n_checked == 35
    bad = lambda p: g(p) | {"b": 3.1 * p["b"] ** 2}
    assert gc.check(f, p, bad, vectorized=True).params["b"].status == "fail"


@pytest.mark.parametrize("k, ok", [(1, True), (1.01, False)])
def test_a_function_may_declare_independent_examples(k, ok):
    """Section 4: the same feature of all examples is moved at once."""
    forward = lambda x, w: (np.tanh(x @ w), (x, w))
    forward.batch_independent = True

    def backward(d, cache):
        x, w = cache
        dz = d * (1 - np.tanh(x @ w) ** 2)
        return k * dz @ w.T, x.T @ dz

    point = {"x": gc.randn(50, 4), "w": gc.randn(4, 3, rng=1)}
    report = gc.check_vjp(forward, backward, point, mode="all", method="central", probe=False)
    assert report.ok is ok and report.params["x"].n_checked == 200
    assert not ok or report.nfev < 100


def test_budget_bounds_the_calls_and_every_parameter_is_checked():
    """G14."""
    p = {f"p{i}": gc.randn(30, 30, rng=i) for i in range(5)}
    f = lambda p: sum(np.sum(np.sin(v)) for v in p.values())
    report = gc.check(f, p, lambda p: {k: np.cos(v) for k, v in p.items()}, mode="all", budget=300)
    assert report.ok and report.nfev <= 320
    assert all(q.n_checked >= 1 for q in report.params.values())


def test_one_wrong_entry_in_a_million():
    """Section 5.4.5: found by directions, in at most 13 forward calls of the numeric side."""
    w = gc.randn(1000, 1000)
    calls = []

    def loss(w):
        calls.append(1)
        return np.sum(np.sin(w))

    def wrong(w):
        g = np.cos(w)
        g[123, 456] *= 1.1
        return g

    right = gc.check(loss, w, np.cos, mode="directions", contract=False, probe=False)
    assert right.ok and len(calls) <= 2 + 12 + 2
    assert (
        gc.check(loss, w, wrong, mode="directions", contract=False, diagnose=False).status == "fail"
    )


def test_dtype_cast_and_as_is():
    """A09, G6: float32 is cast to float64 with a note; "as-is" warns and is too coarse to pass."""
    point = {k: v.astype(np.float32) for k, v in POINT.items()}
    cast = gc.check_vjp(affine_forward, affine_backward, point, probe=False)
    assert cast.status == "pass" and any(f.code == "cast-to-float64" for f in cast.findings)
    raw = gc.check_vjp(affine_forward, affine_backward, point, dtype="as-is", probe=False)
    assert any(f.code == "low-precision" for f in raw.findings) and raw.status != "fail"
    assert all(v.dtype == np.float32 for v in point.values())


@pytest.mark.parametrize("scale", [1e3, 1e-20])
def test_loss_scale_is_taken_back(scale):
    """A10: the upstream given to backward is scaled, the gradients returned are not."""
    seen = []

    def backward(d, cache):
        seen.append(abs(d).max())
        return affine_backward(d, cache)

    report = gc.check_vjp(affine_forward, backward, POINT, loss_scale=scale, probe=False)
    assert report.ok and scale < max(seen) < 10 * scale


def test_complex_step_is_probed():
    unsafe = gc.check_grad(lambda x: np.sum(abs(x)), np.sign, gc.randn(4) + 3, method="complex")
    assert unsafe.ok and any(f.code == "complex-unsafe" for f in unsafe.findings)
    safe = gc.check_grad(
        lambda x: np.sum(np.exp(x)), np.exp, gc.randn(4), method="complex", contract=False
    )
    assert safe.status == "pass" and safe.params["x"].max_rel < 1e-14


# ---- bad input ----


def square(x):
    return x**2, x


@pytest.mark.parametrize(
    "call, error, text",
    [
        (
            lambda: gc.check_vjp(lambda x: 1 / 0, square, (gc.randn(2),)),
            gc.CallError,
            "forward raised ZeroDiv",
        ),
        (
            lambda: gc.check_vjp(square, lambda d, c: c["no"], (gc.randn(2),), contract=False),
            gc.CallError,
            "backward raised",
        ),
        (
            lambda: gc.check_vjp(lambda x: x, square, (gc.randn(2),)),
            gc.CallError,
            r"must return \(out, cache\)",
        ),
        (
            lambda: gc.check_vjp(lambda x: (np.arange(2), x), square, (gc.randn(2),)),
            gc.CallError,
            "floating-point numbers, got int64",
        ),
        (
            lambda: gc.check_vjp(lambda x: ("text", x), square, (gc.randn(2),)),
            gc.DTypeError,
            "arrays of numbers",
        ),
        (
            lambda: gc.check_vjp(square, square, (np.arange(3),)),
            gc.DTypeError,
            "no floating-point array",
        ),
        (lambda: gc.check_vjp(square, square, (np.arange(3),), wrt="x"), gc.DTypeError, "cut off"),
        (
            lambda: gc.check_vjp(square, square, (gc.randn(3) * 1j,), wrt="x"),
            gc.DTypeError,
            "real values",
        ),
        (
            lambda: gc.check_vjp(square, square, (v for v in [gc.randn(3)])),
            gc.DTypeError,
            "generators",
        ),
        (
            lambda: gc.check_vjp(square, square, (gc.randn(3),), wrt="y"),
            gc.InputError,
            r"wrt names \['y'\]",
        ),
        (lambda: gc.check(np.sum, (v for v in [gc.randn(3)])), gc.DTypeError, "generators"),
        (lambda: gc.check(np.sum, np.arange(3), np.ones(3)), gc.DTypeError, "cut off"),
        (lambda: gc.check(lambda w: w @ w, gc.randn(3)), gc.CallError, "no gradients"),
        (lambda: gc.check(lambda: 1.0, [(1.0, 2.0)]), gc.InputError, "writable|one name"),
        (
            lambda: gc.check_vjp(square, square, (gc.randn(3),), tolerance=1),
            gc.InputError,
            "'tolerance'",
        ),
        (
            lambda: gc.check_vjp(square, square, (gc.randn(3),), method="best"),
            gc.InputError,
            "method to be one",
        ),
        (lambda: gc.check_vjp(square, square, (gc.randn(3),), tol=0), gc.InputError, "0 < tol < 1"),
        (
            lambda: gc.check_vjp(square, lambda d, x: 2 * x * d, (gc.randn(3),), burn_in=3),
            gc.InputError,
            "needs a loss",
        ),
    ],
)
def test_bad_input_is_a_clear_error(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize(
    "x, code",
    [
        (np.array([np.nan, 1.0]), "non-finite"),
        (np.array([np.inf, 1.0]), "non-finite"),
        (np.zeros((0, 3)), "empty-output"),
    ],
)
def test_a_point_that_cannot_be_checked_is_inconclusive(x, code):
    report = gc.check_vjp(square, lambda d, x: 2 * x * d, (x,))
    assert report.status == "inconclusive" and [f.code for f in report.findings] == [code]


def test_nan_beside_the_point_is_a_domain_edge():
    """GC-Q7."""
    f = lambda x: (x**2.5, x)
    x = np.array([0.0, 1.0])
    report = gc.check_vjp(f, lambda d, x: 2.5 * d * x**1.5, (x,), probe=False)
    assert report.ok
    assert gc.check_vjp(f, lambda d, x: 2.5 * d * x**1.5 + 0.1, (x,), probe=False).status == "fail"


@pytest.mark.parametrize(
    "raw, code",
    [
        ((None, 1), "missing-gradient"),
        ((np.ones((4, 5)), 1), "shape"),
        ((np.full((5, 4), np.nan), 1), "nan"),
        ((), "missing-gradient"),
    ],
)
def test_unusable_gradients_fail_by_name(raw, code):
    """PF-A2: missing, extra, wrong-shape and wrong-length tuples are named, contract or not."""

    def backward(d, cache):
        right = affine_backward(d, cache)
        return (raw[0], *right[1:]) if raw else right[1:]

    for contract in (False, True):
        report = gc.check_vjp(
            affine_forward, backward, POINT, contract=contract, probe=False, diagnose=False
        )
        assert report.status == "fail"
        assert raw == () or code in {f.code for f in report.findings if f.param == "x"}


def test_zero_size_parameter():
    forward = lambda x, w: (x.sum() + np.zeros(2), (x, w))
    report = gc.check_vjp(
        forward,
        lambda d, c: (np.full(3, d.sum()), np.zeros((0, 2))),
        {"x": gc.randn(3), "w": np.zeros((0, 2))},
        probe=False,
    )
    assert report.ok and report.params["w"].n_checked == 0


@pytest.mark.parametrize("when", ["forward", "backward", "later", "never"])
def test_everything_is_restored(when):
    """A23, PF-A8: inputs, closed-over parameters and random states, also when something raises."""
    w, calls = gc.randn(5), []

    def loss():
        calls.append(1)
        if when == "forward" or when == "later" and len(calls) > 6:
            raise RuntimeError("stop")
        np.random.rand()
        random.random()
        return w @ w

    def grads():
        if when == "backward":
            raise RuntimeError("stop")
        return 2 * w

    np.random.seed(5)
    random.seed(5)
    before = w.copy(), np.random.get_state()[1].copy(), random.getstate()
    try:
        assert gc.check(loss, [w], lambda: [grads()], reseed=1).ok
    except gc.CallError:
        assert when != "never"
    assert w.tobytes() == before[0].tobytes()
    assert np.array_equal(np.random.get_state()[1], before[1]) and random.getstate() == before[2]


def test_a_forward_that_edits_its_input_is_still_measured():
    """The caller's array is untouched, and the numeric side works on copies."""

    def forward(x):
        x *= 2
        return np.sin(x), x

    x = gc.randn(4)
    before = x.copy()
    report = gc.check_vjp(forward, lambda d, x: 2 * d * np.cos(x), (x,), probe=False)
    assert report.params["x"].status == "pass" and np.array_equal(x, before)


def test_settings_containers_are_not_updated():
    """Running statistics in a dict stay as they were."""
    param = {"mode": "train", "running": np.zeros(3)}

    def forward(x, param):
        param["running"] += x.mean(0)
        return x * 2, None

    assert gc.check_vjp(
        forward, lambda d, c: 2 * d, {"x": gc.randn(4, 3), "param": param}, probe=False
    ).ok
    assert np.all(param["running"] == 0)


@pytest.mark.oracle
def test_torch_tensors():
    torch = pytest.importorskip("torch")
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)

    def forward(x):
        t = torch.tensor(x, requires_grad=True)
        return torch.sin(t), t

    def backward(d, t):
        return torch.autograd.grad(torch.sin(t), t, torch.tensor(d))[0]

    assert gc.check_vjp(forward, backward, {"x": x}, wrt="x", probe=False).ok


def test_arrays_that_live_elsewhere_are_fetched():
    """CuPy's protocol: .get() copies to the host."""

    class Device:
        def __init__(self, array):
            self.array, self.shape, self.dtype = array, array.shape, array.dtype

        def get(self):
            return self.array.copy()

    forward = lambda x: (Device(x**2), x)
    backward = lambda d, x: Device(2 * x * d)
    assert gc.check_vjp(forward, backward, {"x": Device(gc.randn(4))}, contract=False, probe=False)
    wrong = lambda d, x: Device(3 * x * d)
    assert not gc.check_vjp(forward, wrong, {"x": Device(gc.randn(4))}, contract=False, probe=False)


SCALES = [1e-300, 1e-200, 1e-160, 1e-100, 1.0, 1e100, 1e150, 1e160, 1e200, 1e300]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mode", ["auto", "directions", "sample"])
def test_the_verdict_and_the_reason_hold_at_every_scale_of_float64(scale, mode):
    """Nothing is squared before it is scaled: an infinite norm would let any gradient pass."""
    inputs = {"x": gc.randn(3, 30, rng=0), "W": gc.randn(30, 4, rng=1)}
    forward = lambda x, W: (scale * np.tanh(x @ W), (x, W))

    def backward(factor):
        def pull(d, cache):
            x, W = cache
            z = d * scale * (1 - np.tanh(x @ W) ** 2)
            return {"x": z @ W.T, "W": factor * (x.T @ z)}

        return pull

    assert gc.check_vjp(forward, backward(1), inputs, mode=mode).status == "pass"
    report = gc.check_vjp(forward, backward(1.001), inputs, mode=mode)
    assert report.params["x"].status == "pass" and report.params["W"].status == "fail"
    assert [f.code for f in report.findings if f.severity == "fail"] == ["scale"]


@pytest.mark.parametrize("scale", SCALES)
def test_probes_and_losses_hold_at_every_scale(scale):
    squeezed = lambda d, cache: {"x": np.squeeze(scale * d @ cache[1].T)}
    point = {"x": gc.randn(3, 4, rng=0), "w": gc.randn(4, 5, rng=1)}
    forward = lambda x, w: (scale * (x @ w), (x, w))
    report = gc.check_vjp(forward, squeezed, point, wrt=("x",))
    assert "batch-1" in [f.code for f in report.findings]
    five = lambda d, cache: {"x": scale * d @ cache[1].T * (1 if len(d) == 3 else 0.9)}
    report = gc.check_vjp(forward, five, point, wrt=("x",))
    assert {"batch-1", "batch-size"} <= {f.code for f in report.findings}
    loss = lambda w: scale * np.sum(w**2)
    assert gc.check(loss, point["w"], lambda w: 2 * scale * w).status == "pass"
    wrong = gc.check(loss, point["w"], lambda w: 2.001 * scale * w, burn_in=2)
    assert wrong.status == "fail"


def test_no_directions_in_mode_directions_is_refused():
    with pytest.raises(gc.InputError, match="directions >= 1"):
        gc.check(lambda w: np.sum(w), gc.randn(3), np.ones(3), mode="directions", directions=0)


def test_a_loss_that_puts_other_arrays_into_its_dict_is_checked_on_copies():
    """A23: the parameters stay, and the verdict is that of the function at the same point."""
    X = np.random.default_rng(1).normal(size=(4, 3))
    params = {"W": np.random.default_rng(0).normal(size=(3, 2)), "b": np.ones(2)}
    before = {k: v.copy() for k, v in params.items()}

    def loss(p):
        p["W"] = 2 * p["W"]
        p["y"] = X @ p["W"] + p["b"]
        return float((p["y"] ** 2).sum())

    def grads(p, factor=2):
        d = 2 * (X @ (2 * p["W"]) + p["b"])
        return {"W": factor * X.T @ d, "b": d.sum(0)}

    for mode in ("all", "auto"):
        assert gc.check(loss, params, grads, mode=mode).ok
        assert not gc.check(loss, params, lambda p: grads(p, 2.1), mode=mode).ok
    assert params.keys() == before.keys()
    assert all((params[k] == before[k]).all() for k in before)
