"""Winograd's convolution F(2x2, 3x3): two by two outputs from four by four pixels with 16 products
for each pair of channels, where the definition takes 36.

    Y = A^T [ sum_c (G w G^T) . (B^T x B) ] A          . entry by entry

so that the sum over channels is one matrix product for each of the 16 entries.  Products and
additions are otherwise those of the definition, and so are rounding errors.
Lavin & Gray 2016, arXiv:1509.09308, section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend import Array, array_module, device_of
from .windows import Window, channels_first, channels_last

__all__: list[str] = []

FEWEST = 64  # channels on either side from which the fewer products pay for the additions
BLOCK = 2**19  # elements of transformed images at a time

G = [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]


def suits(x: Array, filters: tuple[int, ...], window: Window, groups: int) -> bool:
    """Whether a convolution has the form that this file is for, and is large enough to gain."""
    same = window.kernel == (3, 3) and window.stride == window.dilation == (1, 1) and groups == 1
    if not same or min(filters[:2]) < FEWEST or device_of(x).kind != "cpu" or x.dtype.char not in "fd":
        return False
    return all(n > 0 and n % 2 == 0 for n in window.outputs(x.shape[2:]))


def convolve(x: Array, w: Array, b: Array | None, window: Window) -> Array:
    """(N, C, H, W) images, (O, C, 3, 3) filters -> (N, O, Ho, Wo)."""
    xp = array_module(x)
    y = xp.empty((len(x), *window.outputs(x.shape[2:]), len(w)), x.dtype)
    U, M, rows = _transformed_filters(w), None, None
    for images, V in _transformed_images(x, window):
        if M is None or M.shape[2] != V.shape[2]:
            M = xp.empty((*V.shape[:-1], len(w)), x.dtype)
            rows = xp.empty((2, *M.shape[1:]), x.dtype)
        xp.matmul(_as_rows(V), U, out=_as_rows(M))
        _sums(M, rows)
        _sums(rows.swapaxes(0, 1), _tiles(y[images]).swapaxes(0, 1))
        if b is not None:
            y[images] += b
    return channels_first(y)


def filters_gradient(x: Array, d: Array, window: Window) -> Array:
    """The gradient of <d, convolve(x, w)> for w: the transposes of the same maps, in turn."""
    d, total = channels_last(d), 0
    for images, V in _transformed_images(x, window):
        D = _transformed_outputs(d[images])
        total = total + _as_rows(V).swapaxes(1, 2) @ _as_rows(D)
    g = array_module(x).asarray(G, dtype=x.dtype)
    dU = total.reshape(4, 4, x.shape[1], d.shape[3]).transpose(3, 2, 0, 1)
    return g.T @ dU @ g


def _transformed_filters(w: Array) -> Array:
    """U = G w G^T of each pair of channels, as (16, C, O)."""
    g = array_module(w).asarray(G, dtype=w.dtype)
    return (g @ w @ g.T).transpose(2, 3, 1, 0).reshape(16, w.shape[1], len(w))


def _as_rows(V: Array) -> Array:
    """(4, 4, N, th, tw, C) -> (16, N th tw, C)."""
    return V.reshape(16, -1, V.shape[-1])


def _transformed_images(x: Array, window: Window) -> Iterator[tuple[slice, Array]]:
    """(images, V), block by block: V = B^T x B of each tile, (4, 4, images, th, tw, C).

    Even and odd columns of the padded images lie apart, so that tiles read long runs of memory.
    """
    xp, (n, c, h, w) = array_module(x), x.shape
    th, tw = [m // 2 for m in window.outputs((h, w))]
    step = max(1, min(n, BLOCK // (16 * th * tw * c)))
    padded = xp.zeros((step, 2 * th + 2, 2, tw + 1, c), x.dtype)
    R = xp.empty((4, *padded[:, :th].shape), x.dtype)
    V = xp.empty((4, 4, step, th, tw, c), x.dtype)
    for i in range(0, n, step):
        images = slice(i, min(i + step, n))
        if images.stop - i < step:
            m = images.stop - i
            padded, R, V = padded[:m], R[:, :m], xp.empty((4, 4, m, th, tw, c), x.dtype)
        _fill(padded, x[images], window)
        _differences([padded[:, k : k + 2 * th : 2] for k in range(4)], R)
        columns = [R[:, :, :, k % 2, k // 2 : k // 2 + tw] for k in range(4)]
        _differences(columns, V.swapaxes(0, 1))
        yield images, V


def _fill(padded: Array, x: Array, window: Window) -> None:
    """Copy images into the interior of padded: column j is at [..., j % 2, j // 2, :]."""
    x, (a, b) = x.transpose(0, 2, 3, 1), window.padding
    for parity in (0, 1):
        columns = x[:, :, (parity + b) % 2 :: 2]
        start = (b + 1 - parity) // 2
        padded[:, a : a + x.shape[1], parity, start : start + columns.shape[2]] = columns


def _differences(x: Any, out: Any) -> None:
    """B^T along one axis: out_k of x_k, k = 0, 1, 2, 3."""
    xp = array_module(x[0])
    xp.subtract(x[0], x[2], out=out[0])
    xp.add(x[1], x[2], out=out[1])
    xp.subtract(x[2], x[1], out=out[2])
    xp.subtract(x[1], x[3], out=out[3])


def _tiles(y: Array) -> Array:
    """(N, 2 th, 2 tw, O) -> (2, 2, N, th, tw, O), a view: row and column within the tile first."""
    n, h, w, o = y.shape
    return y.reshape(n, h // 2, 2, w // 2, 2, o).transpose(2, 4, 0, 1, 3, 5)


def _sums(m: Array, out: Array) -> None:
    """A^T along the first axis: 4 -> 2."""
    xp = array_module(m)
    xp.add(m[0], m[1], out=out[0])
    out[0] += m[2]
    xp.subtract(m[1], m[2], out=out[1])
    out[1] -= m[3]


def _transformed_outputs(d: Array) -> Array:
    """A d A^T of each tile: (N, Ho, Wo, O) -> (4, 4, N, th, tw, O)."""
    xp = array_module(d)
    tiles = xp.ascontiguousarray(_tiles(d))
    rows = xp.empty((4, *tiles.shape[1:]), d.dtype)
    D = xp.empty((4, 4, *tiles.shape[2:]), d.dtype)
    _spread(tiles, rows)
    _spread(rows.swapaxes(0, 1), D.swapaxes(0, 1))
    return D


def _spread(d: Array, out: Array) -> None:
    """A along the first axis: 2 -> 4."""
    xp = array_module(d)
    out[0] = d[0]
    xp.add(d[0], d[1], out=out[1])
    xp.subtract(d[0], d[1], out=out[2])
    xp.negative(d[1], out=out[3])
