"""Winograd's minimal filtering F(2, 3) along the height: two rows of outputs from four of products,
where the definition takes six.

For a column of four pixels x, a filter w of three taps, and its two outputs y,

    y = A^T [(G w) . (B^T x)]          . entry by entry

         |1  0 -1  0|        |1    0    0 |
    B^T =|0  1  1  0|    G = |1/2  1/2 1/2|    A^T = |1 1  1  0|
         |0 -1  1  0|        |1/2 -1/2 1/2|          |0 1 -1 -1|
         |0  1  0 -1|        |0    0    1 |

Channels and the filter's columns are summed by the matrix product that each of the four entries
becomes.  All maps are applied to whole rows of pixels, long runs of memory.
Winograd 1980, "Arithmetic complexity of computations"; Lavin & Gray 2016, arXiv:1509.09308.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..backend import Array, array_module, device_of
from .products import are_rounded
from .windows import Window, channels_first, channels_last

__all__: list[str] = []

FEWEST = 32  # channels on either side from which fewer products pay for the additions
BLOCK = 2**19  # elements of columns at a time

G = [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]


def suits(x: Array, filters: tuple[int, ...], window: Window, groups: int) -> bool:
    """Whether a convolution has the form that this file is for, and is large enough to gain."""
    if window.kernel[0] != 3 or window.stride != (1, 1) or window.dilation != (1, 1) or groups > 1:
        return False
    rows, columns = window.outputs(x.shape[2:])
    return (
        min(filters[:2]) >= FEWEST
        and rows % 2 == 0
        and len(x) * rows * columns > 0
        and device_of(x).kind == "cpu"
        and not are_rounded()
        and x.dtype.char in "fd"
    )


def convolve(x: Array, w: Array, b: Array | None, window: Window) -> Array:
    """(N, C, H, W) images, (O, C, 3, l) filters -> (N, O, Ho, Wo)."""
    xp = array_module(x)
    y = xp.empty((len(x), *window.outputs(x.shape[2:]), len(w)), x.dtype)
    U = _transformed_filters(w)
    room = xp.empty((4, _step(x, window), y.shape[1] // 2, *y.shape[2:]), x.dtype)
    for images, V in _transformed_images(x, window):
        M = room[:, : images.stop - images.start]
        xp.matmul(V, U, out=M.reshape(4, -1, len(w)))
        _to_outputs(M, y[images, ::2], y[images, 1::2])
        if b is not None:
            y[images] += b
    return channels_first(y)


def filters_gradient(x: Array, d: Array, window: Window) -> Array:
    """The gradient of <d, convolve(x, w)> for w: the transposes of the same maps, in turn."""
    xp, d, l = array_module(x), channels_last(d), window.kernel[1]
    dU = xp.zeros((4, l * x.shape[1], d.shape[3]), x.dtype)
    room = xp.empty((4, _step(x, window), d.shape[1] // 2, *d.shape[2:]), x.dtype)
    for images, V in _transformed_images(x, window):
        M = room[:, : images.stop - images.start]
        _from_outputs(d[images, ::2], d[images, 1::2], M)
        dU += V.swapaxes(1, 2) @ M.reshape(4, -1, d.shape[3])
    dU = dU.reshape(4, l, x.shape[1], d.shape[3]).transpose(3, 2, 0, 1)
    return xp.asarray(G, dtype=x.dtype).T @ dU


def _transformed_filters(w: Array) -> Array:
    """U = G w down the columns of each filter, as (4, l C, O)."""
    o, c, _, l = w.shape
    U = array_module(w).asarray(G, dtype=w.dtype) @ w
    return U.transpose(2, 3, 1, 0).reshape(4, l * c, o)


def _step(x: Array, window: Window) -> int:
    """Images of a block."""
    rows, columns = window.outputs(x.shape[2:])
    return max(1, min(len(x), BLOCK // (2 * rows * columns * window.kernel[1] * x.shape[1])))


def _transformed_images(x: Array, window: Window) -> Iterator[tuple[slice, Array]]:
    """(images, V), block by block: the columns of B^T x, as (4, images x Ho/2 x Wo, l C)."""
    xp, x, step = array_module(x), x.transpose(0, 2, 3, 1), _step(x, window)
    (n, h, w, c), (a, b), l = x.shape, window.padding, window.kernel[1]
    rows, columns = window.outputs((h, w))
    padded = xp.zeros((step, h + 2 * a, w + 2 * b, c), x.dtype)
    T = xp.empty((4, step, rows // 2, w + 2 * b, c), x.dtype)
    V = xp.empty((4, step, rows // 2, columns, l * c), x.dtype)
    runs = xp.lib.stride_tricks.as_strided(T, V.shape, T.strides)  # l pixels of a row overlap
    for i in range(0, n, step):
        m = min(step, n - i)
        padded[:m, a : a + h, b : b + w] = x[i : i + m]
        _differences([padded[:m, k : k + rows - 1 : 2] for k in range(4)], T[:, :m])
        V[:, :m] = runs[:, :m]
        yield slice(i, i + m), V[:, :m].reshape(4, -1, l * c)


def _differences(x: list[Array], T: Array) -> None:
    """T = B^T x: every second row from row k on is x_k."""
    xp = array_module(T)
    xp.subtract(x[0], x[2], out=T[0])
    xp.add(x[1], x[2], out=T[1])
    xp.subtract(x[2], x[1], out=T[2])
    xp.subtract(x[1], x[3], out=T[3])


def _to_outputs(M: Array, even: Array, odd: Array) -> None:
    """(even, odd) = A^T M, the rows of outputs."""
    xp = array_module(M)
    xp.add(M[0], M[1], out=even)
    even += M[2]
    xp.subtract(M[1], M[2], out=odd)
    odd -= M[3]


def _from_outputs(even: Array, odd: Array, M: Array) -> None:
    """M = A (even, odd): the transpose of `_to_outputs`."""
    xp = array_module(M)
    M[0] = even
    xp.add(even, odd, out=M[1])
    xp.subtract(even, odd, out=M[2])
    xp.negative(odd, out=M[3])
