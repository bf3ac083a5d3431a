"""Normalisation: subtract a mean and divide by a standard deviation, then scale and shift.

Channels are axis 1: x is (N, C) or (N, C, d1, ...).  gamma scales and beta shifts; None is 1 and 0.
Batch norm works on rows of memory with the channels last, block by block in cache; its formula
stands beside, in operations, for gradients of gradients.
"""

from __future__ import annotations

from math import prod
from typing import Any

from ..backend import Array, array_module, device_of, sum_axes
from ..errors import ShapeError
from ..tensor import Tensor, op
from .elementwise import sqrt
from .reduce import sum
from .shape import reshape

__all__ = [
    "batch_norm",
    "batch_statistics",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "rms_norm",
]

BLOCK = {"cpu": 2**17, "cuda": 2**62}  # elements of a block: a few of them stay in cache


# -------------------------------------------------------------------------------------------------
# Batch norm as a formula, in operations


def _axes(x: Array) -> tuple[int, ...]:
    """Every axis but the channels."""
    return (0, *range(2, x.ndim))


def _per_channel(v: Array, ndim: int) -> Array:
    """(C,) -> (C, 1, ...), which broadcasts along the channels of an array with ndim axes."""
    return v.reshape(-1, *[1] * (ndim - 2))


def _moments(x: Array) -> tuple[Array, Array]:
    """Mean and biased variance of each channel."""
    n, axes = x.size // x.shape[1], _axes(x)
    mean = sum(x, axis=axes) / n
    centred = x - _per_channel(mean, x.ndim)
    return mean, sum(centred * centred, axis=axes) / n


def _standardize(x: Array, mean: Array, var: Array, eps: float) -> tuple[Array, Array]:
    """x_hat = (x - mean) / sqrt(var + eps), and 1 / sqrt(var + eps) per channel."""
    inv_std = _per_channel(1 / sqrt(var + eps), x.ndim)
    return (x - _per_channel(mean, x.ndim)) * inv_std, inv_std


def _d_x_formula(g: Array, x: Array, gamma: Any, mean: Any, var: Any, training: bool, eps: float):
    """gamma / std (g - mean(g) - x_hat mean(g x_hat)); without statistics of x, gamma / std g."""
    if training:
        mean, var = _moments(x)
    x_hat, inv_std = _standardize(x, mean, var, eps)
    scale = inv_std if gamma is None else inv_std * _per_channel(gamma, x.ndim)
    if not training:
        return g * scale
    n, axes = x.size // x.shape[1], _axes(x)
    mean_g, mean_gx = sum(g, axis=axes) / n, sum(g * x_hat, axis=axes) / n
    return scale * (g - _per_channel(mean_g, x.ndim) - x_hat * _per_channel(mean_gx, x.ndim))


def _d_gamma_formula(g: Array, x: Array, mean: Any, var: Any, training: bool, eps: float):
    """sum g x_hat."""
    if training:
        mean, var = _moments(x)
    return sum(g * _standardize(x, mean, var, eps)[0], axis=_axes(x))


# -------------------------------------------------------------------------------------------------
# The same on rows of memory


class _Rows:
    """x with channels last, as rows (..., d C) of d neighbouring pixels: long rows are fast."""

    def __init__(self, x: Array):
        self.axes = (0, *range(2, x.ndim), 1)
        last = array_module(x).ascontiguousarray(x.transpose(self.axes))
        self.shape, self.channels = last.shape, x.shape[1]
        self.data = last.reshape(-1, prod(last.shape[-2:]) if x.ndim > 2 else x.shape[1])
        self.step = max(1, BLOCK[device_of(x).kind] // max(1, self.data.shape[1]))

    def blocks(self) -> list[slice]:
        """Runs of rows that fit into cache."""
        return [slice(i, i + self.step) for i in range(0, len(self.data), self.step)]

    def tiled(self, v: Array) -> Array:
        """(C,) repeated to the length of a row."""
        return array_module(v).tile(v, self.data.shape[1] // self.channels)

    def summed(self, row: Array) -> Array:
        """A row of sums -> (C,)."""
        return row.reshape(-1, self.channels).sum(0)

    def back(self, data: Array) -> Array:
        """Rows like these as an array with the channels on axis 1, a view."""
        last = data.reshape(self.shape)
        return last.transpose(0, last.ndim - 1, *range(1, last.ndim - 1))

    def scratch(self) -> Array:
        """An uninitialised block."""
        return array_module(self.data).empty_like(self.data[: self.step])


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """Mean and biased variance of each channel over the batch: two vectors (C,).

    Raises ShapeError unless x is (N, C, ...) with at least one value per channel.

    >>> import numpy as np
    >>> mean, var = batch_statistics(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> mean.tolist(), var.tolist()
    ([2.0, 5.0], [1.0, 0.0])
    """
    if x.ndim < 2 or x.size == 0:
        raise ShapeError(
            f"batch statistics need x of shape (N, C, ...) with N of at least 1, got {x.shape}."
        )
    if isinstance(x, Tensor):
        return _moments(x)
    rows, n = _Rows(x), x.size // x.shape[1]
    mean = rows.summed(sum_axes(rows.data, 0)) / n
    return mean, _products(rows, rows, mean) / n


def _products(a: _Rows, x: _Rows, mean: Array) -> Array:
    """sum a (x - mean) of each channel; for a = x, the sum of squared deviations."""
    xp, room, means = array_module(mean), x.scratch(), x.tiled(mean)
    total = xp.zeros_like(means)
    for block in x.blocks():
        centred = xp.subtract(x.data[block], means, out=room[: len(x.data[block])])
        centred *= centred if a is x else a.data[block]
        total += sum_axes(centred, 0)
    return x.summed(total)


def batch_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    mean: Array | None = None,
    var: Array | None = None,
    training: bool = True,
    eps: float = 1e-5,
) -> Array:
    """y = gamma (x - mean) / sqrt(var + eps) + beta, channel by channel.

    x: (N, C, ...).   gamma, beta: (C,).   mean, var: (C,).
    training: mean and var are the batch's own, functions of x (give what `batch_statistics(x)`
    returned to save computing them again); else they are constants, such as running averages.
    Raises ShapeError for a batch without values, or without mean and var when not training.
    Ioffe & Szegedy 2015, arXiv:1502.03167.

    >>> import numpy as np
    >>> batch_norm(np.array([[1.0], [3.0]]), eps=0.0)
    array([[-1.],
           [ 1.]])
    """
    return _batch_norm(x, gamma, beta, mean=mean, var=var, training=training, eps=eps)


@op
def _batch_norm(
    x: Array, gamma: Any, beta: Any, *, mean: Any, var: Any, training: bool, eps: float
) -> Array:
    mean, var = _statistics(x, mean, var, training)
    xp, rows = array_module(x), _Rows(x)
    scale = (1 if gamma is None else gamma) / xp.sqrt(var + eps)
    shift = (0 if beta is None else beta) - mean * scale
    scale, shift = rows.tiled(scale), rows.tiled(shift)
    y = xp.empty_like(rows.data)
    for block in rows.blocks():
        xp.multiply(rows.data[block], scale, out=y[block])
        y[block] += shift
    return rows.back(y)


def _statistics(x: Array, mean: Any, var: Any, training: bool) -> tuple[Array, Array]:
    if mean is not None and var is not None:
        return mean, var
    if not training:
        raise ShapeError("batch_norm needs mean and var when training=False: pass both.")
    return batch_statistics(x)


def _d_x(g: Array, x: Array, gamma: Any, mean: Any, var: Any, training: bool, eps: float) -> Array:
    """`_d_x_formula`, on arrays as  scale (g - mean(g)) - (x - mean) slope."""
    if isinstance(g, Tensor):
        return _d_x_formula(g, x, gamma, mean, var, training, eps)
    mean, var = _statistics(x, mean, var, training)
    xp, rows, gs, n = array_module(x), _Rows(x), _Rows(g), x.size // x.shape[1]
    scale = (1 if gamma is None else gamma) / xp.sqrt(var + eps)
    if not training:
        return g * _per_channel(scale, x.ndim)
    slope = scale / (var + eps) * _products(gs, rows, mean) / n
    shift = slope * mean - scale * rows.summed(sum_axes(gs.data, 0)) / n
    scale, slope, shift = rows.tiled(scale), rows.tiled(slope), rows.tiled(shift)
    d, room = xp.empty_like(rows.data), rows.scratch()
    for block in rows.blocks():
        xp.multiply(gs.data[block], scale, out=d[block])
        d[block] -= xp.multiply(rows.data[block], slope, out=room[: len(d[block])])
        d[block] += shift
    return rows.back(d)


def _d_gamma(g: Array, x: Array, mean: Any, var: Any, training: bool, eps: float) -> Array:
    """sum g x_hat."""
    if isinstance(g, Tensor):
        return _d_gamma_formula(g, x, mean, var, training, eps)
    mean, var = _statistics(x, mean, var, training)
    return _products(_Rows(g), _Rows(x), mean) / array_module(x).sqrt(var + eps)


def _d_beta(g: Array) -> Array:
    """sum g."""
    if isinstance(g, Tensor):
        return sum(g, axis=_axes(g))
    rows = _Rows(g)
    return rows.summed(sum_axes(rows.data, 0))


_batch_norm.defvjp(x=_d_x, gamma=_d_gamma, beta=_d_beta)
_batch_norm.name = "batch_norm"


# -------------------------------------------------------------------------------------------------
# Norms of one example, which do not look at the rest of the batch


@op
def _standard_rows(x: Array, *, eps: float) -> Array:
    """x_hat = (x - mean) / sqrt(var + eps), each row by its own mean and variance.   x: (n, d)."""
    y = x - sum_axes(x, 1, keepdims=True) / x.shape[1]
    y /= array_module(x).sqrt(sum_axes(y * y, 1, keepdims=True) / x.shape[1] + eps)
    return y


def _d_rows(g: Array, x: Array, y: Array, eps: float) -> Array:
    """(g - mean(g) - x_hat mean(g x_hat)) / std."""
    mean = lambda a: sum(a, axis=1, keepdims=True) / x.shape[1]
    centred = x - mean(x)
    std = sqrt(mean(centred * centred) + eps)
    return (g - mean(g) - y * mean(g * y)) / std


_standard_rows.defvjp(x=_d_rows)


def _affine(x: Array, gamma: Array | None, beta: Array | None) -> Array:
    """gamma x + beta."""
    x = x if gamma is None else x * gamma
    return x if beta is None else x + beta


def layer_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    normalized_shape: int | tuple[int, ...],
    eps: float = 1e-5,
) -> Array:
    """y = gamma (x - mean) / sqrt(var + eps) + beta; mean, var over the last axes of each example.

    normalized_shape: the sizes of these axes, also those of gamma and beta.   var: biased.
    Raises ShapeError unless x ends in normalized_shape.   Ba et al. 2016, arXiv:1607.06450.

    >>> import numpy as np
    >>> layer_norm(np.array([[1.0, 3.0]]), normalized_shape=2, eps=0.0)
    array([[-1.,  1.]])
    """
    shape = _last_axes("layer_norm", x, normalized_shape, gamma, beta)
    rows = _standard_rows(reshape(x, shape=(-1, prod(shape))), eps=eps)
    return _affine(reshape(rows, shape=x.shape), gamma, beta)


def rms_norm(
    x: Array,
    gamma: Array | None = None,
    *,
    normalized_shape: int | tuple[int, ...],
    eps: float | None = None,
) -> Array:
    """y = gamma x / sqrt(mean(x^2) + eps); the mean over the last axes of each example.

    normalized_shape: the sizes of these axes.   eps: the dtype's machine epsilon if None.
    Raises ShapeError unless x ends in normalized_shape.   Zhang & Sennrich 2019, arXiv:1910.07467.

    >>> import numpy as np
    >>> rms_norm(np.array([[1.0, 7.0]]), normalized_shape=2).round(4)
    array([[0.2, 1.4]])
    """
    shape = _last_axes("rms_norm", x, normalized_shape, gamma)
    eps = float(array_module(x).finfo(x.dtype).eps) if eps is None else eps
    axes = tuple(range(-len(shape), 0))
    return _affine(x / sqrt(sum(x * x, axis=axes, keepdims=True) / prod(shape) + eps), gamma, None)


def _last_axes(owner: str, x: Array, normalized_shape: Any, *params: Any) -> tuple[int, ...]:
    """normalized_shape as a tuple that x ends in."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    fits = all(p is None or p.shape == shape for p in params)
    if not shape or 0 in shape or x.shape[-len(shape) :] != shape or not fits:
        raise ShapeError(
            f"{owner} needs x to end in normalized_shape {shape}, and parameters of that shape, "
            f"got x {x.shape}" + "".join(f", {p.shape}" for p in params if p is not None) + "."
        )
    return shape


def group_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    num_groups: int,
    eps: float = 1e-5,
) -> Array:
    """y = gamma (x - mean) / sqrt(var + eps) + beta; mean, var over each example's channel groups.

    x: (N, C, ...).   num_groups: parts of the C channels, in order.   gamma, beta: (C,).
    A group of one value gives beta.   Raises ShapeError unless num_groups divides C.
    Wu & He 2018, arXiv:1803.08494.

    >>> import numpy as np
    >>> group_norm(np.array([[1.0, 3.0, 5.0, 5.0]]), num_groups=2, eps=1e-9).round(4)
    array([[-1.,  1.,  0.,  0.]])
    """
    if x.ndim < 2 or num_groups < 1 or x.shape[1] % num_groups or 0 in x.shape[1:]:
        raise ShapeError(
            f"group_norm needs x (N, C, ...) with num_groups dividing C, got x {x.shape}, "
            f"num_groups={num_groups}."
        )
    values = prod(x.shape[1:]) // num_groups
    rows = _standard_rows(reshape(x, shape=(len(x) * num_groups, values)), eps=eps)
    gamma, beta = (None if p is None else _per_channel(p, x.ndim) for p in (gamma, beta))
    return _affine(reshape(rows, shape=x.shape), gamma, beta)


def instance_norm(
    x: Array, gamma: Array | None = None, beta: Array | None = None, *, eps: float = 1e-5
) -> Array:
    """y = gamma (x - mean) / sqrt(var + eps) + beta; mean, var over each channel of each example.

    x: (N, C, d1, ...).   gamma, beta: (C,).   Ulyanov, Vedaldi & Lempitsky 2016, arXiv:1607.08022.

    >>> import numpy as np
    >>> instance_norm(np.array([[[1.0, 3.0], [4.0, 8.0]]]), eps=0.0)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    return group_norm(x, gamma, beta, num_groups=x.shape[1], eps=eps)
