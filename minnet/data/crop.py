"""Augmentation of small photographs, on whatever device the batch lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import Array, array_module, device_of, to_device
from ..errors import ShapeError, ValueRangeError

__all__ = ["RandomCrop"]


@dataclass(frozen=True)
class RandomCrop:
    """Shift each image by up to ``padding`` pixels, mirror every second, cut a square out.

    An augmentation is a ``transform(x, rng)`` for `Loader`.   padding: pixels, filled by
    reflection at the border.   flip: left and right change places with probability 1/2.
    cutout: side of a square of zeros at a random place, 0 for none (DeVries & Taylor 2017,
    arXiv:1708.04552).
    x: (N, C, H, W); the result has x's shape, dtype and device, and channels-last memory.
    Random numbers are drawn on the host: a few for each image.

    >>> move = RandomCrop(padding=2, cutout=3)
    >>> move(np.ones((5, 3, 8, 8), "float32"), np.random.default_rng(0)).shape
    (5, 3, 8, 8)
    """

    padding: int = 4
    flip: bool = True
    cutout: int = 0

    def __post_init__(self) -> None:
        if self.padding < 0 or self.cutout < 0:
            raise ValueRangeError(f"RandomCrop needs padding and cutout of at least 0, got {self}.")

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        """x with each image changed."""
        if x.ndim != 4 or min(x.shape[2:]) <= self.padding:
            raise ShapeError(
                f"RandomCrop needs images (N, C, H, W) larger than padding={self.padding}, got x "
                f"of shape {x.shape}."
            )
        xp, (N, _, H, W), p = array_module(x), x.shape, self.padding
        top, left, mirrored, cut_row, cut_col = to_device(self._draw(x.shape, rng), device_of(x))
        i, j = xp.arange(H), xp.arange(W)
        row = top[:, None] + i
        col = left[:, None] + xp.where(mirrored[:, None] == 1, W - 1 - j, j)
        padded = xp.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="reflect")
        y = padded.transpose(0, 2, 3, 1)[
            xp.arange(N)[:, None, None], row[:, :, None], col[:, None, :]
        ]
        if self.cutout:
            rows, columns = self._cut(i, cut_row), self._cut(j, cut_col)
            y *= ~(rows[:, :, None, None] & columns[:, None, :, None])
        return y.transpose(0, 3, 1, 2)

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """(5, N): first row and column, whether mirrored, first row and column of the square."""
        N, _, H, W = shape
        limits = (2 * self.padding + 1, 2 * self.padding + 1, 1 + self.flip,
                  H + 1 - min(self.cutout, H), W + 1 - min(self.cutout, W))  # fmt: skip
        return np.stack([rng.integers(limit, size=N) for limit in limits])

    def _cut(self, i: Any, first: Any) -> Array:
        """(N, pixels): True inside the square."""
        return (i >= first[:, None]) & (i < first[:, None] + self.cutout)
