"""Convolution: windows of an image times filters, as one matrix product per block of images.

In each rule g = dL/dy.  A convolution is linear in the images and in the filters, so its two
gradients are linear operations again, and the three are each other's gradients, to any order.
"""

from __future__ import annotations

from typing import Any

from ..backend import Array, array_module, fused
from ..errors import ShapeError
from ..tensor import op
from . import winograd
from .columns import blocks, columns, filters, matrix
from .products import product
from .reduce import sum
from .shape import reshape
from .windows import Pair, Window, channels_first, channels_last, pair

__all__ = ["conv1d", "conv2d", "conv_transpose2d"]


def conv2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlate: y[n,o,i,j] = b[o] + sum_cpq x[n, c, i s + p d, j s + q d] w[o,c,p,q].

    x: (N, C, H, W) images.   w: (O, C/groups, P, Q) filters.   b: (O,) or None.
    stride s, padding with zeros, dilation d: pixels, one number or (height, width).
    groups: the channels, and the filters, in so many parts; a part of the filters sees its part of
    the channels.
    Returns (N, O, 1 + (H + 2 padding - d (P-1) - 1) // s, the same for W and Q).
    Raises ShapeError if channels differ or a filter exceeds the padded image.
    Source of the sizes: Dumoulin & Visin 2016, arXiv:1603.07285, section 2.4.

    >>> import numpy as np
    >>> conv2d(np.ones((1, 1, 5, 5)), np.ones((2, 1, 3, 3)), stride=2).shape
    (1, 2, 2, 2)
    """
    _require_filters("conv2d", x, w, b, 4, groups)
    window = Window.of("conv2d", w.shape[2:], stride, padding, dilation)
    window.require_fit("conv2d", x.shape[2:])
    return _conv2d(x, w, b, window=window, groups=groups)


def conv1d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlate along one axis: y[n,o,i] = b[o] + sum_cp x[n, c, i s + p d] w[o,c,p].

    x: (N, C, L).   w: (O, C/groups, P).   b: (O,) or None.   Otherwise as `conv2d`.
    Returns (N, O, 1 + (L + 2 padding - d (P-1) - 1) // s).

    >>> import numpy as np
    >>> conv1d(np.array([[[1.0, 2.0, 4.0]]]), np.array([[[-1.0, 1.0]]]))
    array([[[1., 2.]]])
    """
    _require_filters("conv1d", x, w, b, 3, groups)
    window = Window.of("conv1d", (1, w.shape[2]), (1, stride), (0, padding), (1, dilation))
    window.require_fit("conv1d", (1, x.shape[2]))
    y = _conv2d(_row(x), _row(w), b, window=window, groups=groups)
    return reshape(y, shape=(*y.shape[:2], y.shape[3]))


def _row(x: Array) -> Array:
    """(N, C, L) -> (N, C, 1, L)."""
    return reshape(x, shape=(*x.shape[:2], 1, x.shape[2]))


def conv_transpose2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Array:
    """The transpose of `conv2d` as a linear map: y[n,o,i,j] sums x[n,c,a,b] w[c,o,p,q] + b[o] over
    all c, a, b, p, q with i = a s + p d - padding (and j from b and q).

    x: (N, C, H, W).   w: (C, O/groups, P, Q), as a convolution from O to C channels has it.
    output_padding: rows and columns more at the far border, fewer than stride.
    Returns (N, O, (H-1) s - 2 padding + d (P-1) + output_padding + 1, the same for W and Q).
    Dumoulin & Visin 2016, arXiv:1603.07285, section 4.

    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 2)))
    array([[[[1., 2., 1.]]]])
    """
    owner = "conv_transpose2d"
    _require_transposed(x, w, b, groups)
    window = Window.of(owner, w.shape[2:], stride, padding, dilation)
    more = pair(owner, "output_padding", output_padding)
    size = _grown(x.shape[2:], window, more)
    if min(size) < 1 or any(m >= s for m, s in zip(more, window.stride, strict=True)):
        raise ShapeError(
            f"{owner} needs an output of at least 1x1 pixel and output_padding below the stride "
            f"{window.stride}, got {size[0]}x{size[1]} and {more}."
        )
    y = _conv2d_input(x, w, size=size, window=window, groups=groups)
    return y if b is None else y + reshape(b, shape=(-1, 1, 1))


def _grown(size: Pair, window: Window, more: Pair) -> Pair:
    """The size of the image whose convolution has this size."""
    s, p, e = window.stride, window.padding, window.extent
    rows, columns = [(size[k] - 1) * s[k] - 2 * p[k] + e[k] + more[k] for k in (0, 1)]
    return rows, columns


# -------------------------------------------------------------------------------------------------
# Three linear maps: image -> output, output -> image, (image, output) -> filters


@op
def _conv2d(x: Array, w: Array, b: Array | None, *, window: Window, groups: int) -> Array:
    """Images and filters -> outputs."""
    x, w = _alike(x, w)
    if winograd.suits(x, w.shape, window, groups):
        return winograd.convolve(x, w, b, window)
    n, o = len(x), len(w)
    y = array_module(x).empty((n, *window.outputs(x.shape[2:]), o), x.dtype)
    m = matrix(w, groups)
    for images, each in columns(x, window, groups):
        product(each, m, out=_rows(y[images], groups))
        if b is not None:
            y[images] += b
    return channels_first(y)


@op
def _conv2d_input(d: Array, w: Array, *, size: Pair, window: Window, groups: int) -> Array:
    """Outputs and filters -> images of a size: each output is spread over the pixels it read."""
    (d, w), back = _alike(d, w), _flipped(window)
    if back and back.outputs(d.shape[2:]) == size:
        return _conv2d.fn(d, _exchanged(w, groups), None, window=back, groups=groups)
    return _spread(d, w, size, window, groups)


def _spread(d: Array, w: Array, size: Pair, window: Window, groups: int) -> Array:
    """Tap by tap: x[n, c, i s + p d, j s + q d] += sum_o d[n,o,i,j] w[o,c,p,q]."""
    c = w.shape[1] * groups
    d, m = channels_last(d), matrix(w, groups).swapaxes(1, 2)
    if gather := fused("images", d):
        taps = product(_rows(d, groups), m)
        return channels_first(gather(taps, window, (len(d), *size, c), groups))
    x = array_module(d).zeros((len(d), *size, c), d.dtype)
    taps = list(window.taps(size))
    for images in blocks(len(d), d[0].size // d.shape[-1] * len(taps) * c, d):
        part = product(_rows(d[images], groups), m)
        part = part.reshape(groups, *d[images].shape[:3], len(taps), -1)
        part = part.transpose(4, 1, 2, 3, 0, 5)
        for each, (windows, pixels) in zip(part, taps, strict=True):
            x[images][pixels] += each[windows].reshape(x[images][pixels].shape)
    return channels_first(x)


@op
def _conv2d_filters(x: Array, d: Array, *, window: Window, groups: int) -> Array:
    """Images and outputs -> filters: w[o,c,p,q] = sum x[n, c, i s + p d, j s + q d] d[n,o,i,j]."""
    (x, d), each, (k, l) = _alike(x, d), x.shape[1] // groups, window.kernel
    if winograd.suits(x, (d.shape[1], each), window, groups):
        return winograd.filters_gradient(x, d, window)
    d = channels_last(d)
    m = array_module(x).zeros((groups, k * l * each, d.shape[3] // groups), x.dtype)
    for images, rows in columns(x, window, groups):
        m += product(rows.swapaxes(1, 2), _rows(d[images], groups))
    return filters(m, (d.shape[3], each, k, l), groups)


_conv2d.defvjp(
    x=lambda g, w, x_shape, window, groups: (
        _conv2d_input(g, w, size=x_shape[2:], window=window, groups=groups)
    ),
    w=lambda g, x, window, groups: _conv2d_filters(x, g, window=window, groups=groups),
    b=lambda g: _channel_sums(g),
)
_conv2d_input.defvjp(
    d=lambda g, w, window, groups: _conv2d(g, w, None, window=window, groups=groups),
    w=lambda g, d, window, groups: _conv2d_filters(g, d, window=window, groups=groups),
)
_conv2d_filters.defvjp(
    x=lambda g, d, x_shape, window, groups: (
        _conv2d_input(d, g, size=x_shape[2:], window=window, groups=groups)
    ),
    d=lambda g, x, window, groups: _conv2d(x, g, None, window=window, groups=groups),
)
_conv2d.name = "conv2d"


def _alike(a: Array, b: Array) -> tuple[Array, Array]:
    """Both in the dtype of their product."""
    if a.dtype == b.dtype:
        return a, b
    dtype = array_module(a).result_type(a.dtype, b.dtype)
    return a.astype(dtype), b.astype(dtype)


def _channel_sums(g: Array) -> Array:
    """(N, O, H, W) -> (O,)."""
    return sum(channels_last(g), axis=(0, 1, 2))


def _rows(y: Array, groups: int) -> Array:
    """(N, H, W, O) without gaps -> (groups, N H W, O/groups), a view."""
    return y.reshape(-1, groups, y.shape[3] // groups).swapaxes(0, 1)


def _flipped(window: Window) -> Window | None:
    """The window of the transposed map, for stride 1 and little padding; else None."""
    far = [e - 1 - p for e, p in zip(window.extent, window.padding, strict=True)]
    if window.stride != (1, 1) or min(far) < 0:
        return None
    return window._replace(padding=(far[0], far[1]))


def _exchanged(w: Array, groups: int) -> Array:
    """Filters turned by 180 degrees, with inputs and outputs exchanged in each group."""
    o, each, k, l = w.shape
    turned = w[:, :, ::-1, ::-1].reshape(groups, o // groups, each, k, l)
    return turned.swapaxes(1, 2).reshape(groups * each, o // groups, k, l)


# -------------------------------------------------------------------------------------------------
# What is refused


def _require_filters(owner: str, x: Array, w: Array, b: Any, ndim: int, groups: int) -> None:
    axes = "(N, C, H, W)" if ndim == 4 else "(N, C, L)"
    taps = "P, Q" if ndim == 4 else "P"
    fits = x.ndim == w.ndim == ndim and groups >= 1 and x.shape[1] == w.shape[1] * groups
    if not fits or w.shape[0] % groups or (b is not None and b.shape != w.shape[:1]):
        raise ShapeError(
            f"{owner} needs x {axes}, w (O, C/groups, {taps}) and b (O,) with groups dividing C "
            f"and O, got {_shapes(x, w, b)}, groups={groups}."
        )


def _require_transposed(x: Array, w: Array, b: Any, groups: int) -> None:
    fits = x.ndim == w.ndim == 4 and groups >= 1 and x.shape[1] == w.shape[0]
    if not fits or w.shape[0] % groups or (b is not None and b.shape != (w.shape[1] * groups,)):
        raise ShapeError(
            "conv_transpose2d needs x (N, C, H, W), w (C, O/groups, P, Q) and b (O,) with groups "
            f"dividing C and O, got {_shapes(x, w, b)}, groups={groups}."
        )


def _shapes(*arrays: Any) -> str:
    return ", ".join(str(a.shape) for a in arrays if a is not None)
