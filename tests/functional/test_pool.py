"""Pooling: ties, padding, windows beyond the border (PF-C4, PF-D10); cases_pool.py has the rest."""

import sys

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet.errors import ShapeError
from minnet.functional.windows import Window

from .cases_pool import avg_pool2d, max_pool2d
from .oracle import relative_error
from .test_ops import FAULTS, planted

pool = sys.modules["minnet.functional.pool"]


def gradient(f, x, g=None):
    x = mn.tensor(x, requires_grad=True)
    y = f(x)
    return mn.grad(y, [x], np.ones(y.shape) if g is None else g)[0].numpy()


def test_first_of_equal_pixels_has_the_gradient(rng):
    """PF-C4: on a constant image each window's gradient goes to its first pixel, whole."""
    g = rng.standard_normal((1, 1, 2, 2))
    d = gradient(lambda x: F.max_pool2d(x, kernel_size=2), np.ones((1, 1, 4, 4)), g)
    assert np.array_equal(d[0, 0, ::2, ::2], g[0, 0])
    assert np.count_nonzero(d) == 4


@pytest.mark.parametrize("settings", [{"stride": 1}, {"stride": 2, "padding": 1}, {"stride": 3}])
def test_gradients_of_ties_sum_to_the_upstream(rng, settings):
    x = rng.integers(0, 3, (2, 3, 7, 8)).astype(float)
    f = lambda x: F.max_pool2d(x, kernel_size=3, **settings)
    g = rng.standard_normal(f(x).shape)
    assert gradient(f, x, g).sum() == pytest.approx(g.sum())


def test_row_order_decides_between_ties():
    """(0, 1) comes before (1, 0)."""
    x = np.array([[[[0.0, 1.0], [1.0, 0.0]]]])
    assert gradient(lambda x: F.max_pool2d(x, kernel_size=2), x).tolist() == [[[[0, 1], [0, 0]]]]


@pytest.mark.parametrize("low", [-3.0, -np.inf])
def test_padding_never_wins(low):
    """An all-negative image keeps its maxima, and all gradients stay on the image."""
    x = np.full((1, 2, 4, 4), low)
    f = lambda x: F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
    assert np.array_equal(f(x), np.full((1, 2, 2, 2), low))
    assert gradient(f, x).sum() == 8


def test_random_geometries_equal_naive_loops(rng):
    compared = 0
    while compared < 80:
        kernel, stride = (tuple(map(int, rng.integers(1, 5, 2))) for _ in range(2))
        padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
        settings = {"kernel_size": kernel, "stride": stride, "padding": padding}
        settings["ceil_mode"] = bool(rng.integers(2))
        x = rng.standard_normal((2, 2, *map(int, rng.integers(1, 9, 2))))
        if any(n + 2 * p < k for n, p, k in zip(x.shape[2:], padding, kernel, strict=True)):
            continue
        include = {"count_include_pad": bool(rng.integers(2))}
        y = F.avg_pool2d(x, **settings, **include)
        assert relative_error(y, avg_pool2d(x, **settings, **include)) < 1e-13
        assert np.array_equal(F.max_pool2d(x, **settings), max_pool2d(x, **settings))
        compared += 1


def test_transposes_of_transposes(rng):
    """`_from_winners` is the transpose of `_to_winners`, and each is the other's gradient."""
    for window in (Window((2, 2), (2, 2)), Window((3, 2), (1, 2), (1, 0))):
        x = rng.integers(0, 4, (2, 3, 6, 6)).astype(float)
        y = pool._max_pool2d(x, window=window)
        d, e = rng.standard_normal(y.shape), rng.standard_normal(x.shape)
        there = pool._to_winners(d, x, y, window=window)
        back = pool._from_winners(e, x, y, window=window)
        assert (there * e).sum() == pytest.approx((back * d).sum())
        assert relative_error(pool._from_winners(x, x, y, window=window), y) < 1e-15
        rule = lambda e, x=x, y=y, w=window, d=d: gradient(
            lambda e: pool._from_winners(e, x, y, window=w), e, d
        )
        assert relative_error(rule(e), there) < 1e-13
        for fault in FAULTS.values():
            with planted(pool._from_winners, "d", fault):
                assert relative_error(rule(e), there) > 1e-3


def test_winners_show_the_kinks(rng):
    x = rng.standard_normal((1, 1, 4, 4))
    won = pool._max_pool2d.winners(x, window=Window((2, 2), (2, 2)))
    assert won.shape == (4, 1, 2, 2, 1) and won.sum() == 4
    x[0, 0, :2, :2] = [[0, 9], [0, 0]]
    assert pool._max_pool2d.winners(x, window=Window((2, 2), (2, 2)))[1, 0, 0, 0, 0]


REFUSED = [
    (F.max_pool2d, (1, 1, 4), {"kernel_size": 2}, "needs x of shape (N, C, H, W), got (1, 1, 4)"),
    (F.max_pool2d, (1, 1, 2, 2), {"kernel_size": 3}, "3x3 pixels does not fit into 2x2"),
    (F.max_pool2d, (1, 1, 4, 4), {"kernel_size": 2, "padding": 2}, "at most half the kernel"),
    (
        F.max_pool2d,
        (1, 1, 8, 1),
        {"kernel_size": 2, "stride": (3, 2), "padding": 1, "dilation": (1, 2)},
        "lies on no pixel",
    ),
    (F.avg_pool2d, (1, 4, 4), {"kernel_size": 2}, "needs x of shape (N, C, H, W)"),
    (F.max_pool1d, (1, 1, 4, 4), {"kernel_size": 2}, "(N, C, L)"),
    (F.avg_pool1d, (1, 1, 2), {"kernel_size": 3}, "does not fit"),
    (F.adaptive_avg_pool2d, (1, 4, 4), {"output_size": 1}, "(N, C, H, W)"),
    (F.global_avg_pool2d, (1, 2, 0, 4), {}, "with pixels"),
    (F.global_max_pool2d, (1, 2), {}, "with pixels"),
    (F.upsample_nearest, (1, 2, 3), {"scale_factor": 2}, "(N, C, H, W)"),
]


@pytest.mark.parametrize(("f", "shape", "settings", "words"), REFUSED)
def test_bad_input_is_named(f, shape, settings, words):
    with pytest.raises(ShapeError) as error:
        f(np.ones(shape), **settings)
    assert f.__name__ in str(error.value)
    assert words in str(error.value)
