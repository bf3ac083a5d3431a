"""Initialisers: a formula and its paper, as functions from a shape to an array.

Each takes ``rng`` (a Generator, a seed, or None for fresh entropy) and ``dtype``.  The fans
are read from the shape: a matrix (n_in, n_out) for y = x W + b, or filters (n_out, n_in, d1, ...),
whose fans count the d1 d2 ... positions of a filter.
"""

from __future__ import annotations

from math import erf, prod, sqrt
from typing import Any

import numpy as np

from . import backend
from .backend import as_generator, default_dtype
from .errors import DTypeError, ShapeError, ValueRangeError

__all__ = [
    "calculate_gain",
    "constant",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Shape = tuple[int, ...]
Rng = np.random.Generator | int | None


def _float(dtype: Any) -> np.dtype:
    """The dtype of a parameter: floating-point."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise DTypeError(f"An initialiser needs a floating-point dtype, got {dtype}: use float32.")
    return dtype


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs an output sums over, and outputs an input feeds.

    Raises ShapeError for fewer than two axes.

    >>> fans((784, 10)), fans((16, 3, 5, 5))
    ((784, 10), (75, 400))
    """
    if len(shape) < 2:
        raise ShapeError(
            f"The fans need a shape of two or more axes, got {tuple(shape)}: use zeros or uniform "
            "for a bias."
        )
    if len(shape) == 2:
        return shape[0], shape[1]
    positions = prod(shape[2:])
    return shape[1] * positions, shape[0] * positions


def calculate_gain(nonlinearity: str, *, a: float = 0.01) -> float:
    """The factor by which weights must grow to keep the variance behind a nonlinearity.

    linear, sigmoid: 1.   tanh: 5/3.   relu: sqrt(2).   leaky_relu: sqrt(2 / (1 + a^2)), a its slope
    below 0.   selu: 3/4.   He et al. 2015, arXiv:1502.01852, for the relus; PyTorch's values.

    >>> calculate_gain("relu") == sqrt(2)
    True
    """
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": sqrt(2),
        "leaky_relu": sqrt(2 / (1 + a * a)),
        "selu": 3 / 4,
    }
    if nonlinearity not in gains:
        raise ValueRangeError(f"calculate_gain knows {', '.join(gains)}, got {nonlinearity!r}.")
    return gains[nonlinearity]


def constant(shape: Shape, value: float, *, dtype: Any = default_dtype) -> np.ndarray:
    """W = value everywhere.

    >>> constant((2,), 0.5)
    array([0.5, 0.5], dtype=float32)
    """
    return np.full(shape, value, _float(dtype))


def zeros(shape: Shape, *, rng: Rng = None, dtype: Any = default_dtype) -> np.ndarray:
    """W = 0; rng is accepted, and not used, so that any initialiser can stand in for another.

    >>> zeros((2,))
    array([0., 0.], dtype=float32)
    """
    return constant(shape, 0, dtype=dtype)


def ones(shape: Shape, *, rng: Rng = None, dtype: Any = default_dtype) -> np.ndarray:
    """W = 1; rng is not used.

    >>> ones((2,))
    array([1., 1.], dtype=float32)
    """
    return constant(shape, 1, dtype=dtype)


def normal(
    shape: Shape,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    rng: Rng = None,
    dtype: Any = default_dtype,
) -> np.ndarray:
    """W ~ N(mean, std^2).

    >>> normal((2, 3), std=0.01, rng=0).shape
    (2, 3)
    """
    if not std >= 0:
        raise ValueRangeError(f"init.normal needs std of at least 0, got {std}.")
    z = backend.normal(as_generator(rng), shape, _float(dtype))
    return z * np.dtype(dtype).type(std) + np.dtype(dtype).type(mean)


def uniform(
    shape: Shape,
    *,
    low: float = 0.0,
    high: float = 1.0,
    rng: Rng = None,
    dtype: Any = default_dtype,
) -> np.ndarray:
    """W ~ U(low, high).

    >>> w = uniform((100,), low=-2, high=-1, rng=0)
    >>> bool((w >= -2).all() and (w <= -1).all())
    True
    """
    if not low <= high:
        raise ValueRangeError(f"init.uniform needs low <= high, got {low} and {high}.")
    u = backend.uniform(as_generator(rng), shape, _float(dtype))
    return u * np.dtype(dtype).type(high - low) + np.dtype(dtype).type(low)


def xavier_uniform(
    shape: Shape, *, gain: float = 1.0, rng: Rng = None, dtype: Any = default_dtype
) -> np.ndarray:
    """W ~ U(-a, a), a = gain sqrt(6 / (fan_in + fan_out)).

    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks", equation 16: the variance of outputs and of gradients both kept about 1.

    >>> bool(abs(xavier_uniform((30, 20), rng=0)).max() <= sqrt(6 / 50))
    True
    """
    a = gain * sqrt(6 / max(sum(fans(shape)), 1))
    return uniform(shape, low=-a, high=a, rng=rng, dtype=dtype)


def xavier_normal(
    shape: Shape, *, gain: float = 1.0, rng: Rng = None, dtype: Any = default_dtype
) -> np.ndarray:
    """W ~ N(0, std^2), std = gain sqrt(2 / (fan_in + fan_out)).   Glorot & Bengio 2010.

    >>> xavier_normal((30, 20), rng=0).shape
    (30, 20)
    """
    std = gain * sqrt(2 / max(sum(fans(shape)), 1))
    return normal(shape, std=std, rng=rng, dtype=dtype)


def _kaiming_std(shape: Shape, mode: str, nonlinearity: str, a: float) -> float:
    """gain / sqrt(fan)."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueRangeError(f"mode is 'fan_in' or 'fan_out', got {mode!r}.")
    fan = fans(shape)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a=a) / sqrt(max(fan, 1))


def kaiming_uniform(
    shape: Shape,
    *,
    mode: str = "fan_in",
    nonlinearity: str = "relu",
    a: float = 0.01,
    rng: Rng = None,
    dtype: Any = default_dtype,
) -> np.ndarray:
    """W ~ U(-sqrt(3) std, sqrt(3) std), std = gain / sqrt(fan).

    mode: "fan_in" keeps the variance of outputs, "fan_out" that of gradients.   nonlinearity, a:
    as in `calculate_gain`.   He et al. 2015, arXiv:1502.01852, equations 10 and 14.

    >>> bool(abs(kaiming_uniform((50, 20), rng=0)).max() <= sqrt(6 / 50))
    True
    """
    bound = sqrt(3) * _kaiming_std(shape, mode, nonlinearity, a)
    return uniform(shape, low=-bound, high=bound, rng=rng, dtype=dtype)


def kaiming_normal(
    shape: Shape,
    *,
    mode: str = "fan_in",
    nonlinearity: str = "relu",
    a: float = 0.01,
    rng: Rng = None,
    dtype: Any = default_dtype,
) -> np.ndarray:
    """W ~ N(0, std^2), std = gain / sqrt(fan).   Settings and source as for `kaiming_uniform`.

    >>> kaiming_normal((50, 20), rng=0).shape
    (50, 20)
    """
    std = _kaiming_std(shape, mode, nonlinearity, a)
    return normal(shape, std=std, rng=rng, dtype=dtype)


def orthogonal(
    shape: Shape, *, gain: float = 1.0, rng: Rng = None, dtype: Any = default_dtype
) -> np.ndarray:
    """W = gain Q with orthonormal rows or columns, whichever are fewer; Q uniform (Haar).

    More than two axes are joined to (shape[0], the rest).
    Saxe et al. 2013, arXiv:1312.6120: depth then neither shrinks nor stretches a signal.

    >>> q = orthogonal((3, 3), rng=0, dtype="float64")
    >>> bool(abs(q @ q.T - np.eye(3)).max() < 1e-14)
    True
    """
    dtype, _ = _float(dtype), fans(shape)  # raise before anything is drawn
    n, m = shape[0], prod(shape[1:])
    z = as_generator(rng).standard_normal((max(n, m), min(n, m)))
    q, r = np.linalg.qr(z)
    q *= np.sign(np.diag(r))  # QR alone prefers some signs; with them Q is uniform
    q = q if n >= m else q.T
    return (gain * q).reshape(shape).astype(dtype)


def truncated_normal(
    shape: Shape,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    bound: float = 2.0,
    rng: Rng = None,
    dtype: Any = default_dtype,
) -> np.ndarray:
    """W ~ N(mean, std^2) given |W - mean| <= bound std: what falls outside is drawn again.

    bound: at least 0.1, in standard deviations.   The deviation of W is below std: 0.88 std at 2.

    >>> bool(abs(truncated_normal((1000,), rng=0)).max() <= 2)
    True
    """
    if not (std >= 0 and bound >= 0.1):
        raise ValueRangeError(
            f"truncated_normal needs std >= 0 and bound >= 0.1, got {std} and {bound}."
        )
    dtype, rng, kept = _float(dtype), as_generator(rng), np.empty(0)
    while kept.size < prod(shape):
        missing = (prod(shape) - kept.size) / erf(bound / sqrt(2))  # erf: the share that stays
        z = rng.standard_normal(int(missing) + 1)
        kept = np.concatenate([kept, z[abs(z) <= bound]])
    z = kept[: prod(shape)].reshape(shape)
    return (mean + std * z).astype(dtype)
