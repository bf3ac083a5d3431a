"""Columns: every window of an image written out as a row, so that a convolution is one product.

They are k x k times as large as the images, so they exist for a few images at a time, in one buffer
that stays in cache.  Chellapilla, Puri & Simard 2006, "High performance convolutional neural
networks for document processing".
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from ..backend import Array, array_module, device_of, fused
from .windows import Pair, Window, channels_last

__all__: list[str] = []

BLOCK = {"cpu": 2**18, "cuda": 2**28}  # elements: 1 MiB of float32 stays in a second-level cache
FEW = 8  # channels of a group; below, a row of pixels is a longer run of memory than a pixel's


def blocks(images: int, each: int, like: Array) -> list[slice]:
    """Cut images, of which each has ``each`` elements of columns, into runs that fit a block."""
    step = max(1, BLOCK[device_of(like).kind] // max(1, each))
    return [slice(i, min(i + step, images)) for i in range(0, images, step)]


def columns(x: Array, window: Window, groups: int) -> Iterator[tuple[slice, Array]]:
    """(images, their columns) block by block; the next block overwrites the columns.

    x: (N, C, H, W).   columns: (groups, images x windows, taps x channels of a group).
    """
    if window.kernel == (1, 1) and window.padding == (0, 0):
        yield slice(0, len(x)), _pixels(x, window, groups)
        return
    x = x.transpose(0, 2, 3, 1)
    n, h, w, c = x.shape
    (a, b), (k, l), (ho, wo) = window.padding, window.kernel, window.outputs((h, w))
    cuts = blocks(n, ho * wo * k * l * c, x)
    if gather := fused("columns", x):
        yield from ((images, gather(x[images], window, groups)) for images in cuts)
        return
    most = cuts[0].stop if cuts else 0
    padded = _padded(x, most, window.padding)
    views = _window_views(padded, window, (ho, wo), groups)
    room = _room(views.shape, x)
    for images in cuts:
        m = images.stop - images.start
        padded[:m, a : a + h, b : b + w] = x[images]
        room[:, :m] = views[:, :m]
        yield images, room[:, :m].reshape(groups, m * ho * wo, k * l * c // groups)


def _pixels(x: Array, window: Window, groups: int) -> Array:
    """For kernels of one tap the columns are the pixels themselves."""
    s, t = window.stride
    x = channels_last(x)[:, ::s, ::t]
    return x.reshape(prod(x.shape[:3]), groups, x.shape[3] // groups).swapaxes(0, 1)


def _padded(x: Array, images: int, padding: Pair) -> Array:
    """Zeros (images, H + 2a, W + 2b, C), whose border stays zero."""
    (_, h, w, c), (a, b) = x.shape, padding
    shape = images, h + 2 * a, w + 2 * b, c
    if c >= FEW:
        return array_module(x).zeros(shape, x.dtype)
    return array_module(x).zeros((images, c, *shape[1:3]), x.dtype).transpose(0, 2, 3, 1)


def _window_views(padded: Array, window: Window, outputs: Pair, groups: int) -> Array:
    """(groups, N, Ho, Wo, k, l, C / groups): every tap of every window, without a copy."""
    (n, _, _, c), (along_n, along_h, along_w, along_c) = padded.shape, padded.strides
    (s, t), (d, e), each = window.stride, window.dilation, c // groups
    taps = d * along_h, e * along_w, along_c
    return array_module(padded).lib.stride_tricks.as_strided(
        padded,
        (groups, n, *outputs, *window.kernel, each),
        (each * along_c, along_n, s * along_h, t * along_w, *taps),
    )


def _room(shape: tuple[int, ...], like: Array) -> Array:
    """An array whose longest runs lie along the channels, or along W where these are few."""
    xp = array_module(like)
    if shape[-1] >= FEW:
        return xp.empty(shape, like.dtype)
    return xp.empty((shape[0], *shape[4:], *shape[1:4]), like.dtype).transpose(0, 4, 5, 6, 1, 2, 3)


def matrix(w: Array, groups: int) -> Array:
    """Filters (O, C / groups, k, l) -> (groups, taps x channels, O / groups), to follow columns."""
    o, each, k, l = w.shape
    by_tap = w.reshape(groups, o // groups, each, k, l).transpose(0, 3, 4, 2, 1)
    return by_tap.reshape(groups, k * l * each, o // groups)


def filters(m: Array, shape: tuple[int, ...], groups: int) -> Array:
    """The inverse of `matrix`."""
    o, each, k, l = shape
    by_tap = m.reshape(groups, k, l, each, o // groups).transpose(0, 4, 3, 1, 2)
    return array_module(m).ascontiguousarray(by_tap.reshape(shape))
