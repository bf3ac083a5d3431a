"""Augmentation: random small changes of images that do not change what they show.

An augmentation is a ``transform(x, rng)`` for `Loader`: it draws anew for every batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ShapeError, ValueRangeError

__all__ = ["RandomAffine"]


@dataclass(frozen=True)
class RandomAffine:
    """Turn, stretch, slant and shift each image by its own random amounts, uniform in +- a range.

    rotate: degrees.   stretch: share of the size (0.1: 90 % to 110 %, each axis for itself).
    slant: pixels sideways per pixel of height.   shift: pixels.   Zeros come in from outside.
    shape: (H, W), needed when images come as rows of H W numbers.
    x: (N, ..., H, W) or (N, H W) floats; the result has x's shape and dtype.
    Source: Simard, Steinkraus & Platt 2003, "Best practices for CNNs applied to visual document
    analysis", section 2.

    >>> move = RandomAffine(shift=1.0, shape=(8, 8))
    >>> move(np.ones((5, 64), "float32"), np.random.default_rng(0)).shape
    (5, 64)
    """

    rotate: float = 0.0
    stretch: float = 0.0
    slant: float = 0.0
    shift: float = 0.0
    shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        ranges = (self.rotate, self.stretch, self.slant, self.shift)
        if not all(0 <= value < np.inf for value in ranges) or not self.stretch < 1:
            raise ValueRangeError(f"RandomAffine needs ranges >= 0 and stretch < 1, got {self}.")

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x with each image changed."""
        size = self.shape or x.shape[-2:]
        if x.ndim < 2 or x[0].size % (size[0] * size[1]) or (self.shape is None and x.ndim < 3):
            raise ShapeError(
                f"RandomAffine needs images (N, ..., H, W), or rows with shape=(H, W), got x of "
                f"shape {x.shape} and shape={self.shape}."
            )
        images = x.reshape(len(x), -1, *size)
        A, b = self._draw(len(x), rng)
        return _sample(images, *_sources(A, b, size)).reshape(x.shape)

    def _draw(self, N: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A: (N, 2, 2) and b: (N, 2), so that the pixel at p shows what was at A p + b."""
        angle, slant, sy, sx, dy, dx = rng.uniform(-1, 1, (6, N))
        cos, sin = np.cos(np.radians(self.rotate) * angle), np.sin(np.radians(self.rotate) * angle)
        A, turn = np.zeros((N, 2, 2)), np.empty((N, 2, 2))
        A[:, 0, 0], A[:, 1, 1] = 1 + self.stretch * sy, 1 + self.stretch * sx
        A[:, 1, 0] = self.slant * slant
        turn[:, 0, 0] = turn[:, 1, 1] = cos
        turn[:, 0, 1], turn[:, 1, 0] = -sin, sin
        return turn @ A, self.shift * np.stack((dy, dx), axis=1)


def _sources(A: np.ndarray, b: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of each image comes from: rows and columns, (N, H, W)."""
    centre = (np.array(size) - 1) / 2
    p = np.moveaxis(np.indices(size), 0, -1) - centre  # (H, W, 2), from the middle
    q = np.einsum("nij,hwj->nihw", A, p) + (b + centre)[:, :, None, None]
    return q[:, 0], q[:, 1]


def _sample(images: np.ndarray, row: np.ndarray, col: np.ndarray) -> np.ndarray:
    """Bilinear interpolation of (N, C, H, W) images at (N, H, W) positions; 0 outside."""
    N, C, H, W = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    row, col = np.clip(row, -1, H) + 1, np.clip(col, -1, W) + 1
    i, j = np.minimum(row.astype(int), H), np.minimum(col.astype(int), W)
    u, v = row - i, col - j
    flat = padded.reshape(N, C, -1)
    corner = i * (W + 2) + j
    total = np.zeros_like(images)
    for step, weight in (
        (0, (1 - u) * (1 - v)),
        (1, (1 - u) * v),
        (W + 2, u * (1 - v)),
        (W + 3, u * v),
    ):
        at = (corner + step).reshape(N, 1, -1)
        values = np.take_along_axis(flat, at, axis=2).reshape(images.shape)
        total += values * weight[:, None].astype(images.dtype)
    return total
