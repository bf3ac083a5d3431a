"""Small sets drawn from a formula: two dimensions to look at, classes a line cannot part."""

from __future__ import annotations

import numpy as np

from ..backend import as_generator
from ..errors import ValueRangeError
from .dataset import Dataset

__all__ = ["blobs", "line", "moons", "spiral"]

RNG = np.random.Generator | int | None


def spiral(n: int = 100, *, classes: int = 3, noise: float = 0.2, rng: RNG = None) -> Dataset:
    """Draw interleaved spiral arms: x = r (sin t, cos t), t = 2 pi k / K + 4 r + noise.

    n: points per arm, r = 0 .. 1.   classes: arms K.   noise: standard deviation of t in radians.
    Returns x (n K, 2) float32 and y (n K,), arm by arm. After the spiral of the CS231n notes.

    >>> spiral(50, classes=3, rng=0)
    Dataset(150 examples: x float32 (150, 2), y int64 (150,), 3 classes)
    """
    rng = _checked("spiral", n, classes, noise, rng)
    y = np.repeat(np.arange(classes), n)
    r = np.tile(np.linspace(0, 1, n), classes)
    t = 2 * np.pi * y / classes + 4 * r + noise * rng.standard_normal(n * classes)
    return _labelled(np.stack([r * np.sin(t), r * np.cos(t)], axis=1), y, classes)


def moons(n: int = 100, *, noise: float = 0.1, rng: RNG = None) -> Dataset:
    """Draw two interleaving half circles: (cos t, sin t) and (1 - cos t, 1/2 - sin t), t = 0 .. pi.

    n: points per moon.   noise: standard deviation of both coordinates.

    >>> moons(50, rng=0)
    Dataset(100 examples: x float32 (100, 2), y int64 (100,), 2 classes)
    """
    rng = _checked("moons", n, 2, noise, rng)
    t = np.linspace(0, np.pi, n)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    x = np.concatenate([upper, [1, 0.5] - upper])
    return _labelled(x + noise * rng.standard_normal(x.shape), np.repeat([0, 1], n), 2)


def blobs(
    n: int = 100, *, classes: int = 3, features: int = 2, noise: float = 1.0, rng: RNG = None
) -> Dataset:
    """Draw one Gaussian cloud per class around centres uniform in [-10, 10]^features.

    n: points per class.   noise: standard deviation of a cloud.

    >>> blobs(50, classes=4, features=5, rng=0)
    Dataset(200 examples: x float32 (200, 5), y int64 (200,), 4 classes)
    """
    rng = _checked("blobs", n, classes, noise, rng)
    y = np.repeat(np.arange(classes), n)
    centres = rng.uniform(-10, 10, (classes, features))
    return _labelled(centres[y] + noise * rng.standard_normal((n * classes, features)), y, classes)


def line(
    n: int = 100, *, slope: float = 2.0, intercept: float = 1.0, noise: float = 0.1, rng: RNG = None
) -> Dataset:
    """Draw a regression line: y = slope x + intercept + noise, x uniform in [-1, 1].

    Returns x and y of shape (n, 1), float32.

    >>> d = line(3, noise=0, rng=0)
    >>> bool(np.allclose(d.y, 2 * d.x + 1))
    True
    """
    rng = _checked("line", n, 1, noise, rng)
    x = rng.uniform(-1, 1, (n, 1))
    y = slope * x + intercept + noise * rng.standard_normal((n, 1))
    return Dataset(x.astype(np.float32), y.astype(np.float32))


def _labelled(x: np.ndarray, y: np.ndarray, classes: int) -> Dataset:
    return Dataset(x.astype(np.float32), y.astype(np.int64), classes)


def _checked(owner: str, n: int, classes: int, noise: float, rng: RNG) -> np.random.Generator:
    if n < 1 or classes < 1 or not noise >= 0:
        raise ValueRangeError(
            f"{owner} needs n and classes of at least 1 and noise of at least 0, "
            f"got n={n}, classes={classes}, noise={noise}."
        )
    return as_generator(rng)
