"""Pooling and upsampling: windows of an image become one pixel, or a pixel becomes a block.

In each rule g = dL/dy.  Padding is never read: it cannot win a maximum, and adds 0 to an average.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend import Array, array_module
from ..errors import ShapeError
from ..tensor import Tensor, op
from .linalg import matmul
from .reduce import max, mean
from .shape import broadcast_to, reshape, transpose
from .windows import Pair, Window, channels_first, channels_last, pair

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "global_avg_pool2d",
    "global_max_pool2d",
    "max_pool1d",
    "max_pool2d",
    "upsample_nearest",
]


# -------------------------------------------------------------------------------------------------
# Maximum: the first winner of a window, row by row, has its gradient


def max_pool2d(
    x: Array,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Array:
    """y[n,c,i,j] = max over the window's pixels x[n, c, i s + p d, j s + q d]; padding never wins.

    x: (N, C, H, W).   kernel_size, stride (the kernel's size if None), padding, dilation: pixels,
    one number or (height, width).   ceil_mode: let a last window hang over the far border.
    The first of several equal pixels has the gradient.
    Raises ShapeError unless the kernel fits into the padded image, and padding into half a kernel.

    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), kernel_size=2)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    window = _window("max_pool2d", x, 4, kernel_size, stride, padding, dilation, ceil_mode)
    window.require_pixels("max_pool2d", x.shape[2:])
    return _max_pool2d(x, window=window)


def max_pool1d(
    x: Array,
    *,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> Array:
    """y[n,c,i] = max_p x[n, c, i s + p d], otherwise as `max_pool2d`.   x: (N, C, L).

    >>> import numpy as np
    >>> max_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), kernel_size=2)
    array([[[3., 2.]]])
    """
    stride = kernel_size if stride is None else stride
    window = _window(
        "max_pool1d", x, 3, (1, kernel_size), (1, stride), (0, padding), (1, dilation), ceil_mode
    )
    window.require_pixels("max_pool1d", (1, x.shape[2]))
    return _along_row(_max_pool2d, x, window=window)


@op
def _max_pool2d(x: Array, *, window: Window) -> Array:
    xp, x = array_module(x), channels_last(x)
    y = _outputs(x, window)
    y.fill(-np.inf)
    for windows, pixels in window.taps(x.shape[1:3]):
        xp.maximum(y[windows], x[pixels], out=y[windows])
    return channels_first(y)


def _wins(x: Array, y: Array, window: Window) -> Iterator[tuple[tuple, tuple, Array]]:
    """(windows, pixels, whether the pixel is its window's first maximum) for each tap."""
    free = array_module(y).ones(y.shape, bool)
    for windows, pixels in window.taps(x.shape[1:3]):
        won = (x[pixels] == y[windows]) & free[windows]
        free[windows] ^= won
        yield windows, pixels, won


@op
def _to_winners(d: Array, x: Array, y_: Array, *, window: Window) -> Array:
    """Each window's d at its winner; zero elsewhere."""
    d, x, y = channels_last(d), channels_last(x), channels_last(y_)
    xp, apart = array_module(x), window.apart
    total = xp.zeros(x.shape, d.dtype)
    for windows, pixels, won in _wins(x, y, window):
        if apart:  # no pixel is read twice
            xp.multiply(d[windows], won, out=total[pixels])
        else:
            total[pixels] += d[windows] * won
    return channels_first(total)


@op
def _from_winners(d: Array, x: Array, y_: Array, *, window: Window) -> Array:
    """Each window's entry of d at its winner: the transpose of `_to_winners`."""
    d, x, y = channels_last(d), channels_last(x), channels_last(y_)
    total = array_module(x).zeros(y.shape, d.dtype)
    for windows, pixels, won in _wins(x, y, window):
        total[windows] += d[pixels] * won
    return channels_first(total)


_max_pool2d.defvjp(x=lambda g, x, y, window: _to_winners(g, _plain(x), _plain(y), window=window))
_to_winners.defvjp(
    d=lambda g, x, y_, window: _from_winners(g, _plain(x), _plain(y_), window=window),
    x=None,
    y_=None,
)
_from_winners.defvjp(
    d=lambda g, x, y_, window: _to_winners(g, _plain(x), _plain(y_), window=window),
    x=None,
    y_=None,
)
_max_pool2d.name = "max_pool2d"


def _winners(x: Array, *, window: Window) -> Array:
    """(taps, N, Ho, Wo, C): which tap of each window won, for gradient checks."""
    y = _max_pool2d(x, window=window)
    shape = (-1, *channels_last(y).shape)
    flags = [array_module(x).zeros(shape[1:], bool) for _ in range(window.taps_count)]
    for flag, (windows, _, won) in zip(
        flags, _wins(channels_last(x), channels_last(y), window), strict=True
    ):
        flag[windows] = won
    return array_module(x).stack(flags)


_max_pool2d.winners = _winners


def _plain(x: Array) -> Array:
    """The array of a Tensor: who won is piecewise constant."""
    return x._data if isinstance(x, Tensor) else x


# -------------------------------------------------------------------------------------------------
# Average


def avg_pool2d(
    x: Array,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """The mean of each window, padded with zeros.   x: (N, C, H, W); settings as `max_pool2d`.

    count_include_pad: divide by all of the window's pixels, else by those on the image.

    >>> import numpy as np
    >>> avg_pool2d(np.ones((1, 1, 1, 2)), kernel_size=(1, 2), padding=(0, 1))
    array([[[[0.5, 0.5]]]])
    """
    window = _window("avg_pool2d", x, 4, kernel_size, stride, padding, 1, ceil_mode)
    return _avg_pool2d(x, window=window, count_include_pad=count_include_pad)


def avg_pool1d(
    x: Array,
    *,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """The mean of each window along one axis, otherwise as `avg_pool2d`.   x: (N, C, L).

    >>> import numpy as np
    >>> avg_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), kernel_size=2)
    array([[[2., 1.]]])
    """
    stride = kernel_size if stride is None else stride
    window = _window(
        "avg_pool1d", x, 3, (1, kernel_size), (1, stride), (0, padding), 1, ceil_mode
    )
    return _along_row(_avg_pool2d, x, window=window, count_include_pad=count_include_pad)


@op
def _avg_pool2d(x: Array, *, window: Window, count_include_pad: bool) -> Array:
    x = channels_last(x)
    y = _outputs(x, window)
    y.fill(0)
    for windows, pixels in window.taps(x.shape[1:3]):
        y[windows] += x[pixels]
    y /= _counts(x, window, count_include_pad)
    return channels_first(y)


@op
def _avg_spread(d: Array, *, size: Pair, window: Window, count_include_pad: bool) -> Array:
    """Each window's d in equal parts to its pixels: the transpose of `_avg_pool2d`."""
    d = channels_last(d)
    x = array_module(d).zeros((len(d), *size, d.shape[3]), d.dtype)
    d = d / _counts(x, window, count_include_pad)
    for windows, pixels in window.taps(size):
        x[pixels] += d[windows]
    return channels_first(x)


_avg_pool2d.defvjp(
    x=lambda g, x_shape, window, count_include_pad: _avg_spread(
        g, size=x_shape[2:], window=window, count_include_pad=count_include_pad
    )
)
_avg_spread.defvjp(
    d=lambda g, window, count_include_pad: _avg_pool2d(
        g, window=window, count_include_pad=count_include_pad
    )
)
_avg_pool2d.name = "avg_pool2d"


def _counts(x: Array, window: Window, count_include_pad: bool) -> Array:
    """(Ho, Wo, 1): the divisor of each window, pixels beyond the far padding never counted."""
    xp, sizes = array_module(x), x.shape[1:3]
    rows, columns = [_counts_along(xp, a, sizes[a], window, count_include_pad) for a in (0, 1)]
    return (rows[:, None, None] * columns[:, None]).astype(x.dtype)


def _counts_along(xp: Any, axis: int, size: int, window: Window, count_include_pad: bool) -> Array:
    border = window.padding[axis]
    start = xp.arange(window.outputs((size, size))[axis]) * window.stride[axis] - border
    stop = xp.minimum(start + window.kernel[axis], size + border)
    if count_include_pad:
        return stop - start
    return xp.minimum(stop, size) - xp.maximum(start, 0)


def adaptive_avg_pool2d(x: Array, *, output_size: Any) -> Array:
    """Means over a grid of output_size windows that cover the image: y = A x B^T.

    Window i of n over an axis of m pixels reads pixels floor(i m / n) to ceil((i + 1) m / n) - 1.
    x: (N, C, H, W).   output_size: a number or (height, width); None keeps the input's size.

    >>> import numpy as np
    >>> adaptive_avg_pool2d(np.arange(6.0).reshape(1, 1, 2, 3), output_size=1)
    array([[[[2.5]]]])
    """
    _require_images("adaptive_avg_pool2d", x)
    sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    wanted = [n if k is None else k for k, n in zip(sizes, x.shape[2:], strict=True)]
    rows, columns = pair("adaptive_avg_pool2d", "output_size", wanted, least=1)
    if (rows, columns) == (1, 1):
        return global_avg_pool2d(x)
    A, B = _averages(rows, x.shape[2], x), _averages(columns, x.shape[3], x)
    return matmul(matmul(A, x), B.T)


def _averages(n: int, m: int, like: Array) -> Array:
    """(n, m): row i has 1/count at the pixels of window i."""
    xp = array_module(_plain(like))
    i, pixel = xp.arange(n)[:, None], xp.arange(m)
    inside = (pixel >= i * m // n) & (pixel < -(-(i + 1) * m // n))
    return (inside / inside.sum(1, keepdims=True)).astype(like.dtype)


def global_avg_pool2d(x: Array) -> Array:
    """The mean of each channel: (N, C, H, W) -> (N, C, 1, 1).

    >>> import numpy as np
    >>> global_avg_pool2d(np.ones((2, 3, 4, 5))).shape
    (2, 3, 1, 1)
    """
    _require_images("global_avg_pool2d", x)
    return mean(x, axis=(2, 3), keepdims=True)


def global_max_pool2d(x: Array) -> Array:
    """The largest pixel of each channel: (N, C, H, W) -> (N, C, 1, 1); ties share the gradient.

    >>> import numpy as np
    >>> global_max_pool2d(np.ones((2, 3, 4, 5))).shape
    (2, 3, 1, 1)
    """
    _require_images("global_max_pool2d", x)
    return max(x, axis=(2, 3), keepdims=True)


# -------------------------------------------------------------------------------------------------
# Upsampling


def upsample_nearest(x: Array, *, scale_factor: Any) -> Array:
    """Each pixel repeated: y[n,c,i,j] = x[n, c, i // s, j // s].

    x: (N, C, H, W).   scale_factor s: a whole number or (height, width).
    Returns (N, C, s H, s W).

    >>> import numpy as np
    >>> upsample_nearest(np.array([[[[1.0, 2.0]]]]), scale_factor=2)
    array([[[[1., 1., 2., 2.],
             [1., 1., 2., 2.]]]])
    """
    _require_images("upsample_nearest", x)
    s, t = pair("upsample_nearest", "scale_factor", scale_factor, least=1)
    n, c, h, w = x.shape
    x = reshape(transpose(x, axes=(0, 2, 3, 1)), shape=(n, h, 1, w, 1, c))
    y = reshape(broadcast_to(x, shape=(n, h, s, w, t, c)), shape=(n, h * s, w * t, c))
    return transpose(y, axes=(0, 3, 1, 2))


# -------------------------------------------------------------------------------------------------
# What they share


def _outputs(x: Array, window: Window) -> Array:
    """An empty array for one number per window and channel, channels last."""
    shape = (len(x), *window.outputs(x.shape[1:3]), x.shape[3])
    return array_module(x).empty(shape, x.dtype)


def _along_row(pool: Any, x: Array, **settings: Any) -> Array:
    """Pool (N, C, L) as images of one row."""
    y = pool(reshape(x, shape=(*x.shape[:2], 1, x.shape[2])), **settings)
    return reshape(y, shape=(*y.shape[:2], y.shape[3]))


def _window(owner: str, x: Array, ndim: int, *geometry: Any) -> Window:
    """The checked window of a pool."""
    if x.ndim != ndim:
        axes = "(N, C, H, W)" if ndim == 4 else "(N, C, L)"
        raise ShapeError(f"{owner} needs x of shape {axes}, got {x.shape}.")
    window = Window.of(owner, *geometry)
    window.require_fit(owner, x.shape[2:] if ndim == 4 else (1, x.shape[2]))
    window.require_little_padding(owner)
    return window


def _require_images(owner: str, x: Array) -> None:
    if x.ndim != 4 or 0 in x.shape[2:]:
        raise ShapeError(f"{owner} needs x of shape (N, C, H, W) with pixels, got {x.shape}.")
