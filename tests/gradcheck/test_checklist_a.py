"""CHECKLIST group A, one test (or more) for each behaviour, by name."""

import math

import numpy as np
import pytest

import gradcheck as gc

one = lambda x: np.array(float(x))


def slope(f, exact, x, h, method):
    error = [abs(gc.numerical_grad(f, one(x), method=method, step=t).value - exact) for t in h]
    return np.polyfit(np.log(h), np.log(np.array(error, float)), 1)[0]


def test_a01_forward_difference():
    """A01: order 1; h f''/2 at sin 1 is 4.21e-4 for h = 1e-3."""
    assert slope(np.sin, math.cos(1), 1, 10.0 ** -np.arange(1, 7), "forward") == pytest.approx(
        1, abs=0.05
    )
    error = gc.numerical_grad(np.sin, one(1), method="forward", step=1e-3).value - math.cos(1)
    assert abs(error) == pytest.approx(4.21e-4, rel=2e-3)
    assert (
        gc.check_grad(lambda x: np.sum(np.sin(x)), np.cos, gc.randn(4)).settings["method"]
        != "forward"
    )


def test_a02_centred_difference():
    """A02, G1: order 2; h^2 f'''/6; halving h divides the error by 4; default h = 1e-5."""
    assert slope(np.sin, math.cos(1), 1, 10.0 ** -np.arange(1, 5), "central") == pytest.approx(
        2, abs=0.05
    )
    error = lambda f, exact, h: abs(
        gc.numerical_grad(f, one(1), method="central", step=h).value - exact
    )
    assert error(np.sin, math.cos(1), 1e-3) == pytest.approx(9.01e-8, rel=2e-3)
    assert error(np.exp, math.e, 1e-3) / error(np.exp, math.e, 5e-4) == pytest.approx(4, rel=0.05)
    default = gc.numerical_grad(np.sin, one(1), method="central")
    assert default.step == pytest.approx(1e-5) and abs(default.value - math.cos(1)) < 5e-11


@pytest.mark.parametrize("method, calls", [("central", 2 * 12), ("forward", 12 + 1)])
def test_a03_cost(method, calls):
    """A03: two evaluations a scalar; forward differences share f(x)."""
    seen = []
    gc.numerical_grad(lambda x: seen.append(1) or np.sum(x**2), gc.randn(3, 4), method=method)
    assert len(seen) == calls


def test_a04_relative_error():
    """A04: symmetric, in [0, 2], 1 when one is zero, scale-free."""
    a, n = gc.randn(100), gc.randn(100, rng=1)
    rel = gc.relative_error(a, n)
    assert np.array_equal(rel, gc.relative_error(n, a)) and np.all((rel >= 0) & (rel <= 2))
    assert gc.relative_error(2.0, -2.0) == 2 and gc.relative_error(0.0, 1e-300) == 1
    for c in (1e-12, 2.0**-900, 1e12):
        assert np.allclose(gc.relative_error(c * a, c * n), rel, rtol=1e-13)


def test_a05_both_zero_passes():
    """A05 (warnings are errors in this suite)."""
    assert gc.relative_error(0.0, 0.0) == 0.0
    assert gc.check_grad(lambda x: 0.0 * x.sum(), np.zeros_like, gc.randn(3)).ok


def test_a06_why_not_the_absolute_error():
    """A06: 1e-4 off passes as small at 1, is everything at 1e-5."""
    assert gc.relative_error(1.0, 1.0001) == pytest.approx(1e-4, rel=1e-3)
    assert gc.relative_error(1e-5, 1e-5 + 1e-4) >= 0.9
    assert not gc.check_grad(lambda x: 1e-5 * x[0], lambda x: np.array([1e-5 + 1e-4]), np.ones(1))


def test_a07_bands_and_detected_kinks():
    """A07, G4: words follow the measured error and the detected kinks."""
    assert [gc.band(e).name for e in (2e-2, 1e-3, 1e-5, 1e-8)] == [
        "WRONG",
        "UNCOMFORTABLE",
        "TOO_HIGH",
        "HAPPY",
    ]
    assert gc.band(1e-5, kinks=True).name == "OK"
    report = gc.check_grad(
        lambda x: np.sum(np.sin(x)), lambda x: np.cos(x) * (1 + 1e-5), gc.randn(5)
    )
    assert report.status == "fail" and report.params["x"].band == "too high without kinks"


def tanh_stack(depth, seed=0, dtype=float):
    rng = np.random.default_rng(seed)
    p = {f"W{i}": (rng.normal(size=(20, 20)) / 20**0.5).astype(dtype) for i in range(depth)}
    X, y = rng.normal(size=(8, 20)).astype(dtype), rng.integers(0, 20, 8)

    def loss(p):
        hs = [X]
        for W in p.values():
            hs.append(np.tanh(hs[-1] @ W))
        s = hs[-1] - hs[-1].max(1, keepdims=True)
        q = np.exp(s) / np.exp(s).sum(1, keepdims=True)
        value = -np.mean(np.log(q[np.arange(8), y]))
        d, grads = (q - np.eye(20, dtype=dtype)[y]) / 8, {}
        for name, h, below in zip(reversed(p), reversed(hs[1:]), reversed(hs[:-1]), strict=True):
            dz = d * (1 - h * h)
            grads[name], d = below.T @ dz, dz @ p[name].T
        return value, grads

    return loss, p


def test_a08_depth():
    """A08, G5: ten layers cost about a digit; every layer has its own row; no relaxation."""
    worst = {}
    for depth in (1, 2, 5, 10):
        loss, p = tanh_stack(depth)
        report = gc.check(loss, p, method="central", mode="all" if depth < 3 else "sample")
        assert report.ok and len(report.params) == depth and report.settings["tol"] == 1e-7
        worst[depth] = np.median([e.rel_error for e in report.params["W0"].worst])
    assert worst[10] < 100 * worst[1] and worst[10] < 1e-7


def test_a09_double_precision():
    """A09, G6: float32 loses at least four digits; the check itself runs in float64."""
    f32 = lambda x: np.sin(x.astype(np.float32))
    low = abs(gc.numerical_grad(f32, one(1), method="central", step=1e-6).value - math.cos(1))
    high = abs(gc.numerical_grad(np.sin, one(1), method="central", step=1e-6).value - math.cos(1))
    assert 1e-3 < low < 1e-1 and high < 5e-10
    median = {}
    for dtype in (np.float32, np.float64):
        loss, p = tanh_stack(2, dtype=dtype)
        before = {k: v.tobytes() for k, v in p.items()}
        value = lambda p, loss=loss: loss(p)[0]
        exact = gc.check(loss, p).params["W0"].worst
        report = gc.check(loss, p, dtype="as-is", contract=False)
        assert {k: v.tobytes() for k, v in p.items()} == before
        assert any(f.code == "low-precision" for f in report.findings) == (dtype == np.float32)
        g = gc.numerical_grad(lambda w, p=p, f=value: f(p | {"W0": w}), p["W0"], method="central")
        pairs = [(e.analytic, g.value[e.index]) for e in exact]
        median[dtype] = np.median([gc.relative_error(a, n) for a, n in pairs])
    assert median[np.float64] < 1e-4 * median[np.float32]


def test_a10_active_range():
    """A10, G7: raw values, a note for tiny gradients that is never a status, unscaled gradients."""
    f, g = lambda x: 1e-13 * np.sum(np.sin(x)), lambda x: 1e-13 * np.cos(x)
    report = gc.check_grad(f, g, gc.randn(5))
    assert report.status == "pass" and any(x.code == "tiny-gradients" for x in report.findings)
    plain = gc.check_grad(lambda x: np.sum(np.sin(x)), np.cos, gc.randn(5))
    scaled = gc.check_grad(lambda x: np.sum(np.sin(x)), np.cos, gc.randn(5), loss_scale=1e6)
    values = lambda r: [e.analytic for e in r.params["x"].worst]
    assert sorted(values(scaled)) == pytest.approx(sorted(values(plain)), rel=1e-12)
    assert not gc.check_grad(f, lambda x: 2e-13 * np.cos(x), gc.randn(5))


def test_a11_mean_against_sum():
    """A11: ratio N, the same verdict."""
    X, t = gc.randn(16, 3), gc.randn(16, rng=1)
    each = lambda w: 0.5 * (X @ w - t) ** 2
    results = {}
    for reduction, k in (("mean", 1 / 16), ("sum", 1.0)):
        right = gc.check(each, gc.randn(3), lambda w, k=k: k * (X @ w - t) @ X, reduction=reduction)
        wrong = gc.check(
            each, gc.randn(3), lambda w, k=k: 1.1 * k * (X @ w - t) @ X, reduction=reduction
        )
        assert right.ok and wrong.status == "fail"
        results[reduction] = right.params["params"].norm
    assert results["sum"] == pytest.approx(16 * results["mean"], rel=1e-12)


KINKED = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0), lambda x: x > 0),
    "leaky": (
        lambda x: np.where(x > 0, x, 0.1 * x),
        lambda x: np.where(x > 0, 1, 0.1),
        lambda x: x > 0,
    ),
    "abs": (np.abs, np.sign, lambda x: x > 0),
    "clip": (
        lambda x: np.clip(x, -1, 1),
        lambda x: 1.0 * (abs(x) < 1),
        lambda x: np.sign(x) * (abs(x) > 1),
    ),
    "hinge": (lambda x: np.maximum(1 - x, 0), lambda x: -1.0 * (x < 1), lambda x: x < 1),
}


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize("white", [True, False])
def test_a12_kinks(name, white):
    """A12, G8: crossings are flagged and resolved; missing and inverted masks are caught."""
    f, df, branch = KINKED[name]
    x = np.concatenate([gc.randn(6), [1e-4, -1e-4, 1 + 1e-4, 1 - 1e-4]])
    forward = lambda x: (f(x), x)
    check = lambda g: gc.check_vjp(
        forward, lambda d, x: d * g(x), (x,), probe=False, branches=branch if white else None
    )
    right = check(df)
    assert right.ok and right.params["x"].kinked >= 2
    for wrong in (
        lambda x: np.ones_like(x) * 0.5,
        lambda x: df(2 - x) + 0.3,
        lambda x: 1.01 * df(x),
    ):
        assert check(wrong).status == "fail"


def test_a13_svm_kinks():
    """A13: N (C - 1)."""
    margins = np.zeros((50_000, 9), dtype=bool)
    assert gc.count_kinks([margins]) == gc.count_kinks({"hinge": margins}) == 450_000


def svm(N, k=1.0, seed=0):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(N, 8)), rng.integers(0, 5, N)

    def loss(W):
        s = X @ W
        m = np.maximum(s - s[np.arange(N), y, None] + 1, 0)
        m[np.arange(N), y] = 0
        d = (m > 0) / N
        d[np.arange(N), y] = -d.sum(1)
        return m.sum() / N, k * X.T @ d

    return loss, 0.1 * rng.normal(size=(8, 5))


def test_a14_few_datapoints():
    """A14, G9: three examples meet no more kinks than 300, and find a planted bug."""
    kinked = {
        N: sum(gc.check(*svm(N, seed=s), mode="all").params["params"].kinked for s in range(3))
        for N in (3, 300)
    }
    assert kinked[3] <= kinked[300]
    assert gc.check(*svm(3, k=1.01)).status == "fail"


@pytest.mark.parametrize("method, low, high", [("central", 1e-6, 1e-4), ("forward", 1e-9, 1e-7)])
def test_a15_step_size(method, low, high):
    """A15: the best h of the V-curve over sin, exp, tanh at 20 points each."""
    df = {np.sin: np.cos, np.exp: np.exp, np.tanh: lambda x: 1 - np.tanh(x) ** 2}
    points = np.random.default_rng(0).uniform(-1.5, 1.5, 20)
    best = [gc.sweep_h(f, one(x), g(x), method=method).best for f, g in df.items() for x in points]
    assert low <= np.median(best) <= high


def test_a15_g10_retry_names_the_step():
    """A15, G10: a mismatch at one h that vanishes at another is no wrong gradient."""
    report = gc.check_grad(
        lambda x: np.sum(np.maximum(x, 0)),
        lambda x: 1.0 * (x > 0),
        np.array([2e-5, 1.0]),
        step=1e-3,
    )
    entry = next(e for e in report.params["x"].worst if e.index == (0,))
    assert report.ok and "retried" in entry.flags and entry.step < 2e-5


def test_a16_chart():
    """A16: both formulas on one log-log axis."""
    pytest.importorskip("matplotlib").use("Agg")
    from gradcheck import plot

    sweeps = [gc.h_sweep(np.sin, one(1), math.cos(1), method=m) for m in ("forward", "central")]
    ax = plot.sweeps(sweeps)
    assert ax.get_xscale() == ax.get_yscale() == "log" and len(ax.lines) == 2
    assert "h" in ax.get_xlabel() and "error" in ax.get_ylabel()
    plot.plt.close("all")


def test_a17_burn_in():
    """A17, G11: a term that is zero at a zero second layer."""
    X, t = gc.randn(8, 4), gc.randn(8, rng=1)
    p = {"W": gc.randn(4, 5, rng=2), "v": np.zeros(5)}

    def loss(p):
        h = np.tanh(X @ p["W"])
        r = h @ p["v"] - t
        return 0.5 * np.mean(r * r), {"W": np.zeros((4, 5)), "v": h.T @ r / 8}

    assert gc.check(loss, p).ok
    assert gc.check(loss, p, burn_in=10).params["W"].status == "fail"
    assert not np.any(p["v"])


@pytest.mark.parametrize("reg, bad, part", [(1e4, "data", "data/w"), (1e-9, "reg", "reg/w")])
def test_a18_regularisation_split(reg, bad, part):
    """A18, G12: a 10 % error drowned by the other term is found by checking the terms apart."""
    X = gc.randn(6, 3)
    k = {"data": 1.0, "reg": 1.0}
    k[bad] = 1.1
    data = lambda w: (np.mean(np.sin(X @ w)), k["data"] * np.cos(X @ w) @ X / 6)
    ridge = lambda w: (0.5 * reg * w @ w, k["reg"] * reg * w)
    total = lambda w: tuple(a + b for a, b in zip(data(w), ridge(w), strict=True))
    w = gc.randn(3) + 5
    loose = {"tol": 1e-4}
    assert gc.check(total, w, names=["w"], **loose).ok
    split = gc.check(total, w, names=["w"], terms={"data": data, "reg": ridge}, **loose)
    assert split.status == "fail" and split.params[part].status == "fail"
    ratio = next(f for f in split.findings if f.code == "term-ratio")
    assert ratio.severity == "warn" and ratio.evidence["ratio"] > 10


def dropout(x):
    mask = (np.random.rand(*x.shape) < 0.5) / 0.5
    return np.tanh(x) * mask, (x, mask)


def dropout_backward(d, cache):
    x, mask = cache
    return d * mask * (1 - np.tanh(x) ** 2)


def test_a19_non_determinism_is_named():
    """A19, GC-K3: not "wrong gradient"."""
    report = gc.check_vjp(dropout, dropout_backward, (gc.randn(6, 5),))
    assert report.status == "inconclusive" and not report
    assert [f.code for f in report.findings] == ["forward-not-repeatable"]


def test_a20_same_seed_instead():
    """A20, G13: the same seed before every evaluation makes it happy."""
    report = gc.check_vjp(dropout, dropout_backward, (gc.randn(6, 5),), reseed=3)
    assert report.ok and report.params["x"].band == "happy"


def test_a21_every_parameter_is_sampled():
    """A21, G14: a wrong bias gradient beside 10^6 weights, 50 of 50 seeds."""
    p = {"W": np.zeros((1000, 1000)) + 0.1, "b": gc.randn(10)}
    f = lambda p: p["W"][0, 0] * 2 + np.sum(np.sin(p["b"]))
    dW = np.zeros((1000, 1000))
    dW[0, 0] = 2

    def wrong(p):
        return {"W": dW, "b": np.cos(p["b"]) * np.r_[1.5, np.ones(9)]}

    for seed in range(50):
        report = gc.check(
            f,
            p,
            wrong,
            mode="sample",
            samples_per_param=10,
            rng=seed,
            contract=False,
            diagnose=False,
        )
        assert report.params["b"].status == "fail" and report.params["b"].n_checked == 10
        assert report.params["W"].n_checked == 10
    entries = {e.index for e in report.params["W"].worst}
    assert len(entries) == 10


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True), x


def batch_norm(x):
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), x


@pytest.mark.parametrize("forward", [softmax, batch_norm])
def test_a22_random_upstream(forward):
    """A22, PF-A5: with ones the gradient is zero and a backward of zeros looks right."""
    x = gc.randn(5, 4)
    zero = lambda d, x: np.zeros_like(x)
    ones = gc.numerical_grad(lambda x: forward(x)[0].sum(), x).value
    assert np.max(abs(ones)) < 1e-9
    report = gc.check_vjp(forward, zero, (x,))
    assert report.status == "fail" and max(abs(e.numeric) for _, e in report.worst(20)) > 0.01


@pytest.mark.parametrize("raises", [False, True])
def test_a23_no_side_effects(raises):
    """A23: arrays, running statistics in a layer, random state, dtype."""

    class Layer:
        def __init__(self):
            self.w, self.dw = gc.randn(3).astype(np.float32), np.zeros(3, np.float32)
            self.running, self.calls = np.zeros(3), 0

        def forward(self, x):
            self.calls += 1
            self.running += x.mean(0)
            np.random.rand()
            if raises and self.calls > 9:
                raise RuntimeError
            self.x = x
            return x * self.w

        def backward(self, d):
            self.dw[...] = (d * self.x).sum(0)
            return d * self.w

        parameters = lambda self: {"w": self.w}
        gradients = lambda self: {"w": self.dw}

    layer, x = Layer(), gc.randn(4, 3, rng=1)
    image = lambda: (
        layer.w.tobytes(),
        layer.w.dtype,
        layer.running.tobytes(),
        layer.calls,
        x.tobytes(),
        np.random.get_state()[1].tobytes(),
        np.random.get_state()[2],
    )
    before = image()
    if raises:
        with pytest.raises(gc.CallError):
            gc.check_module(layer, x)
    else:
        gc.check_module(layer, x)
    assert image() == before


def test_a24_report():
    """A24: name, index, both values, relative error, h, verdict, worst first, in the exception."""

    def backward(d, x):
        g = 2 * x * d
        g[2, 1] *= 3
        return g

    with pytest.raises(gc.GradientMismatch) as error:
        gc.assert_vjp(lambda x: (x**2, x), backward, {"weights": gc.randn(4, 3)})
    report = error.value.report
    name, entry = report.worst(1)[0]
    assert (name, entry.index, entry.status) == ("weights", (2, 1), "fail")
    assert entry.analytic == pytest.approx(3 * entry.numeric, rel=1e-9) and entry.step > 0
    data = report.to_dict()["params"]["weights"]["worst"][0]
    assert data["index"] == [2, 1] and data["rel_error"] == pytest.approx(2 / 3, rel=1e-6)
    errors = [abs(e.analytic - e.numeric) / e.scale for e in report.params["weights"].worst]
    assert errors[0] == max(errors)
