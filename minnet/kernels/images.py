"""Convolution's columns in gather form, and batch norm as one pass.

Gather form: each output element fetches what it needs, so no two threads write to one place and
the result does not depend on their order.
"""

from __future__ import annotations

from typing import Any

from ..backend import Array, array_module
from .source import Elementwise

__all__ = ["COLUMNS", "IMAGES", "SCALE_SHIFT", "TWO_SCALES", "gather_columns", "gather_images"]

# i counts (group, image, row, column, tap row, tap column, channel of the group)
COLUMNS = Elementwise(
    "columns",
    "raw T x, int64 C, int64 H, int64 W, int64 N, int64 Ho, int64 Wo, int64 K, int64 L,"
    " int64 s, int64 t, int64 a, int64 b, int64 d, int64 e, int64 each",
    "T y",
    """
    long long rest = i;
    const long long c = rest % each; rest /= each;
    const long long l = rest % L; rest /= L;
    const long long k = rest % K; rest /= K;
    const long long column = rest % Wo; rest /= Wo;
    const long long row = rest % Ho; rest /= Ho;
    const long long image = rest % N, group = rest / N;
    const long long h = row * s - a + k * d, w = column * t - b + l * e;
    const bool inside = h >= 0 && h < H && w >= 0 && w < W;
    y = inside ? x[((image * H + h) * W + w) * C + group * each + c] : T(0);
    """,
)

# i counts (image, h, w, channel); sums what every window that covers the pixel sends to it
IMAGES = Elementwise(
    "images",
    "raw T y, int64 C, int64 H, int64 W, int64 N, int64 Ho, int64 Wo, int64 K, int64 L,"
    " int64 s, int64 t, int64 a, int64 b, int64 d, int64 e, int64 each",
    "T x",
    """
    const long long channel = i % C, w = i / C % W, h = i / C / W % H, image = i / C / W / H;
    const long long group = channel / each, c = channel % each;
    T sum = 0;
    for (long long k = 0; k < K; ++k) {
        const long long u = h + a - k * d;
        if (u < 0 || u % s || u / s >= Ho) continue;
        for (long long l = 0; l < L; ++l) {
            const long long v = w + b - l * e;
            if (v < 0 || v % t || v / t >= Wo) continue;
            const long long window = ((group * N + image) * Ho + u / s) * Wo + v / t;
            sum += y[((window * K + k) * L + l) * each + c];
        }
    }
    x = sum;
    """,
)


def gather_columns(x: Array, window: Any, groups: int) -> Array:
    """(N, H, W, C) without gaps -> (groups, N Ho Wo, taps x channels of a group)."""
    n, h, w, c = x.shape
    (ho, wo), (k, l) = window.outputs((h, w)), window.kernel
    y = array_module(x).empty((groups, n * ho * wo, k * l * c // groups), x.dtype)
    if y.size:
        COLUMNS(x, *_geometry(window, (n, h, w, c), groups), y)
    return y


def gather_images(y: Array, window: Any, shape: tuple[int, ...], groups: int) -> Array:
    """The transpose of `gather_columns`: sums (N, H, W, C) of what windows send to each pixel."""
    x = array_module(y).empty(shape, y.dtype)
    if x.size:
        IMAGES(y, *_geometry(window, shape, groups), x)
    return x


def _geometry(window: Any, shape: tuple[int, ...], groups: int) -> tuple[int, ...]:
    n, h, w, c = shape
    sizes = (c, h, w, n, *window.outputs((h, w)), *window.kernel)
    return (*sizes, *window.stride, *window.padding, *window.dilation, c // groups)


SCALE_SHIFT = Elementwise("scale_shift", "T x, T scale, T shift", "T y", "y = x * scale + shift;")
TWO_SCALES = Elementwise(
    "two_scales", "T g, T x, T scale, T slope, T shift", "T d", "d = g * scale - x * slope + shift;"
)
