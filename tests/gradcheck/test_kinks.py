"""Kinks are resolved, judged by the subgradient interval, or counted, never dropped."""

import numpy as np
import pytest

import gradcheck as gc


def relu(x):
    return np.maximum(x, 0), x


def one(x, slope, f=relu):
    """A check of d f / dx at a point, with a constant claimed slope."""
    return gc.check_vjp(
        f, lambda d, x: d * slope, (np.atleast_1d(np.asarray(x, float)),), upstream="ones"
    )


@pytest.mark.parametrize(
    "slope, status",
    [(0, "pass"), (0.5, "pass"), (1, "pass"), (-0.2, "fail"), (1.3, "fail"), (np.nan, "fail")],
)
def test_on_a_kink_any_subgradient_passes(slope, status):
    """GC-Q4: at x = 0 exactly."""
    report = one(0.0, slope)
    assert report.params["x"].status == status
    if status == "pass" and slope != 0.5:
        assert "on-kink" in report.params["x"].worst[0].flags and report.params["x"].kinked == 1


@pytest.mark.parametrize(
    "x, slope, status",
    [
        (-1e-6, 0, "pass"),
        (-1e-6, 1, "fail"),
        (1e-6, 1, "pass"),
        (1e-6, 0, "fail"),
        (1e-6, 0.99, "fail"),
        (-3e-4, 0, "pass"),
        (2e-3, 1, "pass"),
        (2e-3, 1.01, "fail"),
        (-1e6, 0, "pass"),
        (-1e6, 0.1, "fail"),
    ],
)
def test_beside_a_kink_a_smaller_step_decides(x, slope, status):
    """GC-Q4, 0.3: the centred difference across the kink says 0.45, a smaller h says 0."""
    assert one(x, slope).params["x"].status == status


def test_the_example_of_the_notes():
    """0.3: relu at -1e-6 with h = 1e-5 gives 0.45; at -1e6 exactly 0 and no flag."""
    f = lambda x: np.maximum(x, 0).sum()
    g = gc.numerical_grad(f, np.array([-1e-6]), method="central", step=1e-5)
    assert g.value[0] == pytest.approx(0.45, abs=1e-9)
    far = one(-1e6, 0)
    assert far.params["x"].kinked == 0 and far.params["x"].worst[0].numeric == 0.0


@pytest.mark.parametrize(
    "kinks, status", [("resolve", "pass"), ("error", "fail"), ("ignore", "inconclusive")]
)
def test_what_to_do_with_kinks(kinks, status):
    report = gc.check_vjp(relu, lambda d, x: d * (x > 0), (np.array([0.0]),), kinks=kinks)
    assert report.params["x"].status == status


def relu_net(N, seed, mask=lambda z: z > 0, scale=1.0):
    rng = np.random.default_rng(seed)
    X, t = rng.normal(size=(N, 6)), rng.normal(size=(N, 3))
    p = {
        "W": rng.normal(size=(6, 10)) / 2,
        "b": rng.normal(size=10) / 5,
        "V": rng.normal(size=(10, 3)),
    }

    def loss(p):
        z = X @ p["W"] + p["b"]
        h = np.maximum(z, 0)
        r = h @ p["V"] - t
        dz = (r @ p["V"].T) * mask(z) / N
        grads = {"W": X.T @ dz, "b": dz.sum(0), "V": h.T @ r / N}
        return 0.5 * np.sum(r * r) / N, {k: scale * g for k, g in grads.items()}

    return loss, p


@pytest.mark.parametrize("N", [3, 50, 1000])
def test_relu_nets_with_many_kinks(N):
    """A12, GC-Q4: no alarm on a right gradient; no mask, inverted mask, 1 % off are caught."""
    for seed in range(3):
        assert gc.check(*relu_net(N, seed), probe=False).ok
        for wrong in ({"mask": lambda z: 1.0}, {"mask": lambda z: z < 0}, {"scale": 1.01}):
            assert gc.check(*relu_net(N, seed, **wrong), diagnose=False).status == "fail", wrong


def test_kinks_met_are_counted():
    """A07, A12: kinks are detected, not typed in; a smooth net has none."""
    counts = [
        sum(p.kinked for p in gc.check(*relu_net(1000, s), mode="sample").params.values())
        for s in range(4)
    ]
    assert sum(counts) > 0
    smooth = gc.check_grad(
        lambda x: np.sum(np.tanh(x)), lambda x: 1 - np.tanh(x) ** 2, gc.randn(50)
    )
    assert smooth.params["x"].kinked == 0


def test_white_box_winners():
    """GC-Q5: a callable that reports the branches finds crossings that a slope cannot show."""
    forward = lambda x: (np.maximum(x, 0.0) + np.minimum(x, 0.0), x)  # the kinks cancel
    report = gc.check_vjp(
        forward, lambda d, x: d, (np.array([1e-4, -1e-4, 1.0, -1.0]),), branches=lambda x: x > 0
    )
    assert report.status == "pass" and report.params["x"].kinked == 2
    without = gc.check_vjp(forward, lambda d, x: d, (np.array([1e-4, -1e-4, 1.0, -1.0]),))
    assert without.params["x"].kinked == 0


def test_a_loss_can_report_branches():
    report = gc.check(
        lambda x: np.sum(np.maximum(x, 0)),
        np.array([1e-4, 1.0]),
        lambda x: 1.0 * (x > 0),
        branches=lambda x: x > 0,
    )
    assert report.ok and report.params["params"].kinked == 1


def test_all_at_kinks_is_inconclusive():
    """A12: everything unresolved is never a pass."""
    f = lambda x: (
        np.array([np.maximum(x, 0).sum() - 2 * np.maximum(-x, 0).sum() + 3 * x.sum()]),
        x,
    )
    report = gc.check_vjp(
        f, lambda d, x: d[0] * 3 * np.ones_like(x), (np.zeros(3),), upstream="ones", probe=False
    )
    assert report.params["x"].status == "inconclusive" and not report.ok
    assert report.params["x"].unresolved == 3


def test_fewer_examples_meet_fewer_kinks():
    """A14."""
    kinked = lambda N: sum(
        sum(p.kinked for p in gc.check(*relu_net(N, s), mode="all", probe=False).params.values())
        for s in range(5)
    )
    assert kinked(3) <= kinked(300)


def test_count_kinks():
    """A13: N (C - 1) for a linear SVM, from the margins that its loss compares."""
    N, C = 500, 10
    scores, y = gc.randn(N, C), np.arange(N) % C
    rivals = np.arange(C) != y[:, None]
    margins = (scores - scores[np.arange(N), y, None] + 1)[rivals]
    assert gc.count_kinks([margins > 0]) == N * (C - 1)


def test_a_resolved_kink_is_not_the_worst_error():
    """GC-Q4: relu at zero passes with 0 against a centred 1/2; that is no error of 100 %."""
    x = np.array([0.0, 1.5, -0.7, 0.3])
    report = gc.check_vjp(relu, lambda d, x: d * (x > 0), (x,))
    p = report.params["x"]
    assert report.status == "pass" and p.kinked == 1
    assert p.max_rel < 1e-9 and p.norm_rel < 1e-9 and "on-kink" not in p.worst[0].flags
    assert "1.0e+00" not in report.summary() and "on a kink" not in report.summary()


def test_what_was_not_judged_is_not_the_worst_error_of_a_pass():
    x = np.array([1e-3, 1.5, -0.7, 0.3])
    report = gc.check_vjp(relu, lambda d, x: d * (x > 0), (x,), kinks="ignore")
    p = report.params["x"]
    assert p.status == "pass" and p.unresolved == 1 and p.max_rel < 1e-9
    assert "x[0]" not in report.summary()


def test_a_kink_that_directions_cross_is_not_put_down_to_the_entries():
    """Both are watched by one probe; entry k is not direction k."""
    x = np.linspace(1, 2, 40)
    x[-1] = 1e-5
    relu = lambda x: (np.maximum(x, 0), x > 0)
    report = gc.check_vjp(relu, lambda d, on: d * on, {"x": x}, branches=lambda on: on)
    p = report.params["x"]
    assert report.ok and any("kink" in e.flags for e in p.directions)
    assert [e.index for e in p.entries if e.flags] in ([], [(39,)])


def test_a_point_without_slopes_has_no_numeric_one():
    """Defined at x = 1 only: neither side has a value, and zero would look like an answer."""
    alone = lambda x: np.sqrt(-((x - 1) ** 2)).sum()
    report = gc.check(alone, np.ones(1), np.zeros_like)
    (e,) = report.params["params"].entries
    assert report.status == "inconclusive" and np.isnan(e.numeric) and np.isnan(e.step)
