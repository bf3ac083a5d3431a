"""Convolution: each fast path beside the plain definition, memory order, ties of names and sizes.

Values and both orders of gradients of the operations themselves are rows of the table in
cases_conv.py (PF-D10).
"""

import sys

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet.errors import DTypeError, ShapeError, ValueRangeError
from minnet.functional import columns, winograd
from minnet.functional.windows import Window

from .cases_conv import conv2d as naive_conv2d
from .oracle import contracted, numeric_gradient, relative_error, with_tensors

conv = sys.modules["minnet.functional.conv"]


def channels_last_memory(x):
    """The same numbers with the channels as neighbours in memory."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def random_case(rng):
    """(x, w, b, settings) of a random convolution that fits."""
    while True:
        groups, each, per = (int(rng.choice(n)) for n in ([1, 1, 2, 3], [1, 2, 9], [1, 3]))
        k, l, h, w = (int(n) for n in rng.integers(1, (4, 4, 9, 9)))
        s, p, d = (tuple(map(int, rng.integers(lo, hi, 2))) for lo, hi in ((1, 4), (0, 4), (1, 3)))
        if h + 2 * p[0] > d[0] * (k - 1) and w + 2 * p[1] > d[1] * (l - 1):
            n = int(rng.integers(1, 4))
            x = rng.standard_normal((n, groups * each, h, w))
            w = rng.standard_normal((groups * per, each, k, l))
            b = rng.standard_normal(groups * per)
            return x, w, b, {"stride": s, "padding": p, "dilation": d, "groups": groups}


def test_random_geometries_equal_naive_loops(rng):
    for _ in range(100):
        x, w, b, settings = random_case(rng)
        y = F.conv2d(x, w, b, **settings)
        assert relative_error(y, naive_conv2d(x, w, b, **settings)) < 1e-12


def test_gradients_are_the_transposes_of_the_map(rng):
    """<conv(x, w), g> = <x, dx> = <w, dw>: a convolution is linear in each."""
    for _ in range(100):
        x, w, _, settings = random_case(rng)
        x, w = mn.tensor(x, requires_grad=True), mn.tensor(w, requires_grad=True)
        y = F.conv2d(x, w, **settings)
        g = rng.standard_normal(y.shape)
        dx, dw = mn.grad(y, [x, w], g)
        inner = (y.numpy() * g).sum()
        assert inner == pytest.approx((x.numpy() * dx.numpy()).sum(), rel=1e-10, abs=1e-10)
        assert inner == pytest.approx((w.numpy() * dw.numpy()).sum(), rel=1e-10, abs=1e-10)


def test_input_gradient_by_flipped_filters_equals_the_spread(rng):
    """The fast way for stride 1 and the generic one, tap by tap."""
    for groups, dilation, padding in [(1, 1, 1), (2, 1, 0), (1, 2, 2), (3, 2, 1)]:
        window = Window((3, 2), (1, 1), (padding, 0), (dilation, 1))
        d = rng.standard_normal((2, 2 * groups, *window.outputs((6, 5))))
        w = rng.standard_normal((2 * groups, 3, 3, 2))
        fast = conv._conv2d_input(d, w, size=(6, 5), window=window, groups=groups)
        assert conv._flipped(window) is not None
        assert relative_error(fast, conv._spread(d, w, (6, 5), window, groups)) < 1e-13


@pytest.mark.parametrize("block", [1, 2**9, 2**30])
@pytest.mark.parametrize("channels", [columns.FEW - 1, columns.FEW])
def test_blocks_and_column_orders_give_the_same(rng, monkeypatch, block, channels):
    """One image at a time, a last block that is not full, all at once; rows of pixels or not."""
    x, w = rng.standard_normal((5, channels, 6, 5)), rng.standard_normal((4, channels, 3, 3))
    expected = naive_conv2d(x, w, padding=1)
    monkeypatch.setitem(columns.BLOCK, "cpu", block)
    for images in (x, channels_last_memory(x), x[:, ::-1][:, ::-1]):
        assert relative_error(F.conv2d(images, w, padding=1), expected) < 1e-13


# -------------------------------------------------------------------------------------------------
# Winograd beside the columns


@pytest.fixture
def few_channels_suffice(monkeypatch):
    monkeypatch.setattr(winograd, "FEWEST", 1)


@pytest.mark.parametrize("block", [1, 2**8, 2**30])
@pytest.mark.parametrize(
    ("shape", "columns", "padding"),
    [
        ((2, 3, 4, 6), 3, 1),
        ((5, 2, 6, 5), 3, 0),
        ((1, 1, 2, 1), 1, (1, 0)),
        ((3, 2, 4, 4), 2, (2, 0)),
        ((7, 1, 2, 3), 4, (1, 2)),
    ],
)
@pytest.mark.usefixtures("few_channels_suffice")
def test_winograd_equals_the_definition(rng, monkeypatch, shape, columns, padding, block):
    monkeypatch.setattr(winograd, "BLOCK", block)
    x, w, b = rng.standard_normal(shape), rng.standard_normal((4, shape[1], 3, columns)), np.ones(4)
    window = Window.of("test", (3, columns), 1, padding, 1)
    assert winograd.suits(x, w.shape, window, 1)
    y = F.conv2d(x, w, b, padding=padding)
    assert relative_error(y, naive_conv2d(x, w, b, padding=padding)) < 1e-13
    d = rng.standard_normal(y.shape)
    fast = conv._conv2d_filters(x, d, window=window, groups=1)
    monkeypatch.setattr(winograd, "FEWEST", 10**9)
    assert relative_error(fast, conv._conv2d_filters(x, d, window=window, groups=1)) < 1e-13


@pytest.mark.usefixtures("few_channels_suffice")
def test_winograd_has_exact_gradients_of_both_orders(rng):
    f = lambda x, w: F.conv2d(x, w, padding=1)
    x, w = rng.standard_normal((1, 2, 2, 4)), rng.standard_normal((2, 2, 3, 3))
    point = [x, w, rng.standard_normal((1, 2, 2, 4))]
    tensors = with_tensors(point, [0, 1, 2])
    phi = contracted(f, [0, 1])
    for k, d in enumerate(mn.grad(phi(*tensors), tensors)):
        expected = numeric_gradient(lambda *p: phi(*p).item(), point, k, 1.0)
        assert relative_error(d.numpy(), expected) < 1e-8


@pytest.mark.parametrize(
    ("size", "dtype", "window", "groups"),
    [
        ((7, 6), "f", Window((3, 3)), 1),
        ((6, 6), "e", Window((3, 3)), 1),
        ((6, 6), "f", Window((3, 3), stride=(2, 2)), 1),
        ((6, 6), "f", Window((3, 3), dilation=(2, 2)), 1),
        ((6, 6), "f", Window((2, 3)), 1),
        ((6, 6), "f", Window((3, 3)), 2),
    ],
)
def test_winograd_is_left_out_where_it_does_not_fit(size, dtype, window, groups):
    x = np.ones((1, 64, *size), dtype)
    assert not winograd.suits(x, (64, 64, 3, 3), window, groups)
    assert winograd.suits(np.ones((1, 64, 6, 6), "f"), (64, 64, 3, 3), Window((3, 3)), 1)
    assert not winograd.suits(np.ones((1, 8, 6, 6), "f"), (64, 8, 3, 3), Window((3, 3)), 1)


@pytest.mark.parametrize("channels", [8, 64])
def test_float32_agrees_with_float64(rng, channels):
    x = rng.standard_normal((2, channels, 8, 8))
    w = rng.standard_normal((channels, channels, 3, 3))
    wide, narrow = (
        [mn.tensor(a.astype(t), requires_grad=True) for a in (x, w)] for t in ("d", "f")
    )
    g = rng.standard_normal(x.shape)
    for a, b in zip(
        mn.grad(F.conv2d(*wide, padding=1), wide, g),
        mn.grad(F.conv2d(*narrow, padding=1), narrow, g.astype("f")),
        strict=True,
    ):
        assert b.dtype == np.float32
        assert relative_error(b.numpy(), a.numpy()) < 1e-5


@pytest.mark.parametrize("dtypes", [("f", "d"), ("d", "f")])
def test_mixed_dtypes_give_the_wider_one(rng, dtypes):
    """As a product of NumPy arrays does; gradients have their argument's dtype."""
    a, b = dtypes
    x = mn.tensor(rng.standard_normal((2, 2, 4, 4)).astype(a), requires_grad=True)
    w = mn.tensor(rng.standard_normal((3, 2, 3, 3)).astype(b), requires_grad=True)
    y = F.conv2d(x, w)
    assert y.dtype == np.float64
    assert relative_error(y.numpy(), naive_conv2d(x.numpy(), w.numpy())) < 1e-13
    y.sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == dtypes


# -------------------------------------------------------------------------------------------------
# Memory order, and what is refused


def test_chain_keeps_channels_last_memory(rng):
    """conv, batch norm, relu, pool and their gradients hand on (N, H, W, C) memory uncopied."""
    x = mn.tensor(rng.standard_normal((2, 3, 8, 8)), requires_grad=True)
    w = mn.tensor(rng.standard_normal((4, 3, 3, 3)), requires_grad=True)
    v = rng.standard_normal((2, 4, 3, 3))
    y = F.conv2d(x, w, padding=1)
    for step in (y, F.batch_norm(y), F.relu(y), F.max_pool2d(F.relu(y), kernel_size=2)):
        assert step.numpy().transpose(0, 2, 3, 1).flags.c_contiguous
    z = F.conv2d(F.max_pool2d(F.relu(F.batch_norm(y)), kernel_size=2), v)
    seen = {}

    class Watch:
        def on_gradient(self, op, name, d):
            seen[op.name] = d

    with mn.observe(Watch()):
        mn.grad(z.sum(), [y])
    for name in ("conv2d", "max_pool2d", "relu", "batch_norm"):
        assert seen[name].transpose(0, 2, 3, 1).flags.c_contiguous, name


REFUSED = [
    (F.conv2d, [(1, 3, 5, 5), (2, 4, 3, 3)], {}, ShapeError, "(1, 3, 5, 5), (2, 4, 3, 3), groups"),
    (F.conv2d, [(3, 5, 5), (2, 3, 3, 3)], {}, ShapeError, "needs x (N, C, H, W)"),
    (F.conv2d, [(1, 3, 5, 5), (2, 3, 3, 3), (3,)], {}, ShapeError, "(3,)"),
    (F.conv2d, [(1, 4, 5, 5), (3, 2, 3, 3)], {"groups": 2}, ShapeError, "groups dividing"),
    (F.conv2d, [(1, 1, 3, 3), (1, 1, 5, 5)], {}, ShapeError, "5x5 pixels does not fit into 3x3"),
    (F.conv2d, [(1, 1, 3, 3), (1, 1, 2, 2)], {"dilation": 3}, ShapeError, "(dilation (3, 3))"),
    (F.conv2d, [(1, 1, 3, 3), (1, 1, 2, 2)], {"stride": 0}, ValueRangeError, "stride of at least"),
    (F.conv2d, [(1, 1, 3, 3), (1, 1, 2, 2)], {"padding": 0.5}, DTypeError, "padding as a whole"),
    (F.conv2d, [(1, 1, 3, 3), (1, 1, 2, 2)], {"padding": -1}, ValueRangeError, "needs padding of"),
    (F.conv1d, [(1, 2, 3), (1, 2, 4)], {}, ShapeError, "1x4 pixels does not fit"),
    (F.conv1d, [(1, 2, 3, 3), (1, 2, 4)], {}, ShapeError, "(N, C, L)"),
    (F.conv_transpose2d, [(1, 2, 3, 3), (3, 1, 2, 2)], {}, ShapeError, "w (C, O/groups, P, Q)"),
    (
        F.conv_transpose2d,
        [(1, 1, 3, 3), (1, 1, 2, 2)],
        {"output_padding": 1},
        ShapeError,
        "output_padding below the stride",
    ),
    (
        F.conv_transpose2d,
        [(1, 1, 1, 1), (1, 1, 2, 2)],
        {"padding": 1},
        ShapeError,
        "at least 1x1 pixel",
    ),
]


@pytest.mark.parametrize(("f", "shapes", "settings", "kind", "words"), REFUSED)
def test_bad_input_is_named(f, shapes, settings, kind, words):
    with pytest.raises(kind) as error:
        f(*map(np.ones, shapes), **settings)
    assert f.__name__ in str(error.value)
    assert words in str(error.value)
