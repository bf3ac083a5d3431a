"""Windows that slide over images: their sizes, and where each of their taps reads.

Images are (N, C, H, W) to every caller.  Inside they lie channels last, as (N, H, W, C), so that a
pixel's channels are neighbours in memory: a transposed view, kept through a chain of layers.
Source of the sizes: Dumoulin & Visin 2016, arXiv:1603.07285, section 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..backend import Array, array_module, is_array
from ..errors import DTypeError, ShapeError, ValueRangeError

__all__: list[str] = []

Pair = tuple[int, int]


def channels_last(x: Array) -> Array:
    """(N, C, H, W) -> (N, H, W, C) without gaps in memory; no copy if it lies like that already."""
    x = x.transpose(0, 2, 3, 1)
    return array_module(x).ascontiguousarray(x) if is_array(x) else x


def channels_first(x: Array) -> Array:
    """(N, H, W, C) -> (N, C, H, W), a view."""
    return x.transpose(0, 3, 1, 2)


def pair(owner: str, name: str, n: Any, *, least: int = 0) -> Pair:
    """n or (n for the height, n for the width) as a pair of whole numbers of at least `least`."""
    both = tuple(n) if isinstance(n, (tuple, list)) else (n, n)
    if len(both) != 2 or any(isinstance(k, bool) or not hasattr(k, "__index__") for k in both):
        raise DTypeError(f"{owner} needs {name} as a whole number or a pair of them, got {n!r}.")
    if min(both) < least:
        raise ValueRangeError(f"{owner} needs {name} of at least {least}, got {n!r}.")
    return int(both[0]), int(both[1])


class Window(NamedTuple):
    """The geometry of a sliding window, height before width in each pair.

    kernel: taps.   stride: pixels between windows.   padding: rows and columns added on each side.
    dilation: pixels between taps.   ceil: whether a last window may hang over the far border.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    ceil: bool = False

    @classmethod
    def of(
        cls, owner: str, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool = False
    ) -> Window:
        """A checked window; stride None is the kernel's size."""
        kernel = pair(owner, "kernel_size", kernel, least=1)
        return cls(
            kernel,
            kernel if stride is None else pair(owner, "stride", stride, least=1),
            pair(owner, "padding", padding),
            pair(owner, "dilation", dilation, least=1),
            ceil,
        )

    @property
    def extent(self) -> Pair:
        """Pixels from the first tap to the last: dilation (kernel - 1) + 1."""
        (p, q), (d, e) = self.kernel, self.dilation
        return d * (p - 1) + 1, e * (q - 1) + 1

    @property
    def taps_count(self) -> int:
        """The number of pixels that a window reads."""
        return self.kernel[0] * self.kernel[1]

    @property
    def apart(self) -> bool:
        """Whether no two windows share a pixel."""
        return all(s >= e for s, e in zip(self.stride, self.extent, strict=True))

    def outputs(self, size: Pair) -> Pair:
        """The number of windows along each axis: 1 + floor((size + 2 padding - extent) / stride).

        With ceil rounded up, but the last window still starts on the image or its near padding.
        """
        rows, columns = [self._outputs(axis, size[axis]) for axis in (0, 1)]
        return rows, columns

    def _outputs(self, axis: int, size: int) -> int:
        stride, padding = self.stride[axis], self.padding[axis]
        room = size + 2 * padding - self.extent[axis]
        if not self.ceil:
            return 1 + room // stride
        n = 1 - (-room // stride)
        return n - 1 if (n - 1) * stride >= size + padding else n

    def require_fit(self, owner: str, size: Pair) -> None:
        """Raise ShapeError if a window is larger than the padded image."""
        padded = [n + 2 * p for n, p in zip(size, self.padding, strict=True)]
        if any(e > n for e, n in zip(self.extent, padded, strict=True)):
            dilated = f" (dilation {self.dilation})" if self.dilation != (1, 1) else ""
            raise ShapeError(
                f"{owner}: a kernel of {self.extent[0]}x{self.extent[1]} pixels{dilated} does not "
                f"fit into {size[0]}x{size[1]} pixels padded to {padded[0]}x{padded[1]}: use a "
                "smaller kernel or more padding."
            )

    def require_little_padding(self, owner: str) -> None:
        """Raise ShapeError if a window could lie on padding alone."""
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ShapeError(
                f"{owner} needs padding of at most half the kernel, got {self.padding} for "
                f"{self.kernel}: a window may not lie on padding alone."
            )

    def require_pixels(self, owner: str, size: Pair) -> None:
        """Raise ShapeError if a window has all its taps beyond the border: it has no maximum."""
        if self.dilation == (1, 1) and not self.ceil:
            return  # padding is at most half a kernel
        for axis, n in enumerate(self.outputs(size)):
            reached = [self._reach(axis, tap, size[axis], n)[0] for tap in range(self.kernel[axis])]
            if len({i for part in reached for i in range(part.start, part.stop)}) < n:
                raise ShapeError(
                    f"{owner}: a window of {self.extent[0]}x{self.extent[1]} pixels, dilation "
                    f"{self.dilation}, padding {self.padding}, lies on no pixel of the "
                    f"{size[0]}x{size[1]} image: use less padding, dilation, or no ceil_mode."
                )

    def taps(self, size: Pair) -> Iterator[tuple[tuple, tuple]]:
        """For each tap, row by row: (windows, pixels), keys of channels-last arrays.

        The tap of ``windows`` reads ``pixels``; windows whose tap falls on padding are left out.
        """
        outputs, every = self.outputs(size), slice(None)
        for p in range(self.kernel[0]):
            rows = self._reach(0, p, size[0], outputs[0])
            for q in range(self.kernel[1]):
                columns = self._reach(1, q, size[1], outputs[1])
                yield (every, rows[0], columns[0]), (every, rows[1], columns[1])

    def _reach(self, axis: int, tap: int, size: int, outputs: int) -> tuple[slice, slice]:
        """Windows lo..hi of an axis whose tap lies on the image, and the pixels that they read."""
        stride = self.stride[axis]
        offset = tap * self.dilation[axis] - self.padding[axis]
        lo = min(max(0, -(offset // stride)), outputs)
        hi = max(lo, min(outputs, (size - 1 - offset) // stride + 1))
        start, stop = lo * stride + offset, (hi - 1) * stride + offset + 1
        return slice(lo, hi), slice(max(0, start), max(0, stop), stride)
