"""Preprocessing: scale to [0, 1], standardise with the training set's statistics, one-hot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DTypeError, ShapeError
from .dataset import check_finite, check_labels

__all__ = ["Standardizer", "one_hot", "scale"]


def scale(x: np.ndarray, high: float) -> np.ndarray:
    """Map integers 0 .. high to float32 numbers in [0, 1]: x / high, without a temporary.

    x: any shape.   high: the largest possible value (255 for bytes).

    >>> scale(np.array([0, 51, 255], dtype=np.uint8), 255).tolist()
    [0.0, 0.20000000298023224, 1.0]
    """
    return np.divide(x, np.float32(high), dtype=np.float32)


def one_hot(y: np.ndarray, classes: int) -> np.ndarray:
    """Turn labels into rows of the unit matrix: out[n, c] = 1 if y[n] = c else 0.

    y: (N,) integers 0 .. classes-1.   Returns (N, classes) float32.
    Raises DTypeError or ValueRangeError for other labels.

    >>> one_hot(np.array([2, 0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    y = np.asarray(y)
    check_labels(y, classes, "one_hot")
    return np.eye(classes, dtype=np.float32)[y]


@dataclass(frozen=True)
class Standardizer:
    """Centre and scale features with fixed statistics: (x - mean) / std.

    Fit it on the training part alone and apply it to every part; fitting on all the data would
    leak the test set into training. A feature that never varies is only centred.
    Source: LeCun et al. 1998, "Efficient BackProp", section 4.3.

    >>> train, test = np.array([[0.0, 5.0], [2.0, 5.0]]), np.array([[3.0, 6.0]])
    >>> standardize = Standardizer.fit(train)
    >>> standardize(train).tolist(), standardize(test).tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[2.0, 1.0]])
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray, *, axis: int | tuple[int, ...] = 0) -> Standardizer:
        """Measure mean and standard deviation (ddof 0) of floating-point x over the given axes.

        axis: 0 for one pair per feature; (0, 2, 3) for one per channel of (N, C, H, W) images.

        >>> Standardizer.fit(np.ones((4, 3, 2, 2)), axis=(0, 2, 3)).mean.shape
        (1, 3, 1, 1)
        """
        _check_float(x)
        if x.size == 0:
            raise ShapeError(f"Standardizer.fit needs at least one example, got shape {x.shape}.")
        check_finite(x, "x", "Standardizer.fit")
        mean = x.mean(axis=axis, keepdims=True, dtype=np.float64)
        std = x.std(axis=axis, keepdims=True, dtype=np.float64)
        return cls(mean.astype(x.dtype), np.where(std > 0, std, 1.0).astype(x.dtype))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return (x - mean) / std in x's dtype.   Raises ShapeError for other features."""
        _check_float(x)
        self._check_features(x)
        z = x - self.mean.astype(x.dtype)
        return np.divide(z, self.std.astype(x.dtype), out=z)

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Return z std + mean, the original units.

        >>> standardize = Standardizer.fit(np.array([[1.0], [3.0]]))
        >>> standardize.inverse(standardize(np.array([[7.0]]))).tolist()
        [[7.0]]
        """
        _check_float(z)
        self._check_features(z)
        return z * self.std.astype(z.dtype) + self.mean.astype(z.dtype)

    def _check_features(self, x: np.ndarray) -> None:
        """Every size of the mean must be x's, or 1 where it was measured over that axis."""
        sizes = zip(self.mean.shape, x.shape, strict=False)
        if x.ndim != self.mean.ndim or any(m not in (1, n) for m, n in sizes):
            raise ShapeError(
                f"Standardizer has statistics of shape {self.mean.shape}, got x of shape "
                f"{x.shape}: give it arrays like the one it was fitted on."
            )


def _check_float(x: np.ndarray) -> None:
    dtype = getattr(x, "dtype", None)
    if dtype is None or dtype.kind != "f":
        raise DTypeError(
            f"Standardizer needs a floating-point array, got {dtype or type(x).__name__}: "
            "scale or convert it first."
        )
