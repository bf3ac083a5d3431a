"""Reductions: sums, moments, extremes, norms.

In each rule g = dL/dy.  axis is None (all), an axis or a tuple of axes; negative axes count from
the end.  Means, variances and extremes over nothing raise ShapeError.
"""

from __future__ import annotations

from math import prod as product
from typing import Any

from ..backend import Array, array_module, as_array, sum_axes
from ..errors import DTypeError, IndexRangeError, ShapeError
from ..tensor import Tensor, op
from .elementwise import astype, where
from .shape import broadcast_to, flip, pad, reshape, transpose

__all__ = ["argmax", "argmin", "cumsum", "max", "mean", "min", "norm", "prod", "std", "sum", "var"]

Axes = Any  # None for all axes, an axis, or a tuple of axes


# -------------------------------------------------------------------------------------------------
# Shapes: what was reduced, and how the gradient finds its way back


def _axes(axis: Axes, ndim: int) -> tuple[int, ...]:
    """The axes that are reduced, counted from the start."""
    if axis is None:
        return tuple(range(ndim))
    return tuple([a % ndim for a in (axis if isinstance(axis, tuple) else (axis,))])


def _n(shape: tuple[int, ...], axis: Axes) -> int:
    """The number of elements that are reduced to one."""
    return product([shape[a] for a in _axes(axis, len(shape))])


def _check(name: str, x: Array, axis: Axes, least: int = 0) -> None:
    """Raise IndexRangeError for an axis that x lacks, ShapeError for too few elements.

    NumPy lets some reductions, not all, name axis 0 of an array without axes; here none may.
    """
    for a in () if axis is None else axis if isinstance(axis, tuple) else (axis,):
        if not hasattr(a, "__index__"):
            raise DTypeError(f"{name} needs an axis, a tuple of axes or None, got axis={axis!r}.")
        if not -x.ndim <= a < x.ndim:
            raise IndexRangeError(f"{name} does not work on {x.shape}: axis {a} is out of range.")
    if least and (n := _n(x.shape, axis)) < least:
        raise ShapeError(
            f"{name} needs at least {least} element{'s'[: least > 1]} to reduce, got {n}: "
            f"shape {x.shape} over axis={axis}."
        )


def _keep(y: Array, axis: Axes, shape: tuple[int, ...]) -> Array:
    """y with its reduced axes back as axes of size 1, so that it broadcasts against x."""
    axes = _axes(axis, len(shape))
    return reshape(y, shape=[1 if i in axes else n for i, n in enumerate(shape)])


def _spread(g: Array, axis: Axes, shape: tuple[int, ...]) -> Array:
    """g repeated over the axes that were reduced."""
    return broadcast_to(_keep(g, axis, shape), shape=shape)


# -------------------------------------------------------------------------------------------------
# Sums and moments


@op
def sum(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The sum over the given axes.

    >>> import numpy as np
    >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    _check("sum", x, axis)
    return sum_axes(x, axis, keepdims)


sum.defvjp(x=lambda g, x_shape, axis: _spread(g, axis, x_shape))


@op
def cumsum(x: Array, *, axis: int | None = None) -> Array:
    """y_i = x_0 + ... + x_i along an axis; of the flattened array for None.

    >>> import numpy as np
    >>> cumsum(np.array([1.0, 2.0, 3.0]))
    array([1., 3., 6.])
    """
    return array_module(x).cumsum(x, axis=axis)


def _sum_from(g: Array, axis: int | None, shape: tuple[int, ...]) -> Array:
    """dL/dx_i = g_i + g_(i+1) + ...: each x_i is part of every later sum."""
    return reshape(flip(cumsum(flip(g, axis=axis), axis=axis), axis=axis), shape=shape)


cumsum.defvjp(x=lambda g, axis, x_shape: _sum_from(g, axis, x_shape))


@op
def mean(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """(1/n) sum x over the given axes.  Raises ShapeError over nothing.

    >>> import numpy as np
    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    array([1.5, 3.5])
    """
    _check("mean", x, axis, 1)
    return array_module(x).mean(x, axis=axis, keepdims=keepdims)


mean.defvjp(x=lambda g, axis, x_shape: _spread(g / _n(x_shape, axis), axis, x_shape))


@op
def var(x: Array, *, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Array:
    """sum (x - mean x)^2 / (n - ddof) over the given axes.

    ddof: 0 for the variance of these n values, 1 for an estimate of that of a population.
    Raises ShapeError unless n > ddof.

    >>> import numpy as np
    >>> var(np.array([1.0, 3.0])), var(np.array([1.0, 3.0]), ddof=1)
    (np.float64(1.0), np.float64(2.0))
    """
    _check("var", x, axis, ddof + 1)
    return array_module(x).var(x, axis=axis, ddof=ddof, keepdims=keepdims)


def _deviation(x: Array, axis: Axes, ddof: int) -> Array:
    """(x - mean x) / (n - ddof): half the slope of the variance."""
    return (x - mean(x, axis=axis, keepdims=True)) / (_n(x.shape, axis) - ddof)


var.defvjp(x=lambda g, x, axis, ddof: _keep(2 * g, axis, x.shape) * _deviation(x, axis, ddof))


@op
def std(x: Array, *, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Array:
    """The square root of `var`; where it is 0, its gradient is 0.

    >>> import numpy as np
    >>> std(np.array([1.0, 3.0]))
    np.float64(1.0)
    """
    _check("std", x, axis, ddof + 1)
    return array_module(x).std(x, axis=axis, ddof=ddof, keepdims=keepdims)


std.defvjp(
    x=lambda g, x, y, axis, ddof: _keep(g / _nonzero(y), axis, x.shape) * _deviation(x, axis, ddof)
)


@op
def norm(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The 2-norm, sqrt(sum x^2), over the given axes; at 0 its gradient is 0.

    >>> import numpy as np
    >>> norm(np.array([3.0, 4.0]))
    np.float64(5.0)
    """
    _check("norm", x, axis)
    return array_module(x).sqrt(sum_axes(x * x, axis, keepdims))


norm.defvjp(x=lambda g, x, y, axis: _keep(g / _nonzero(y), axis, x.shape) * x)  # dy/dx = x/y


def _nonzero(y: Array) -> Array:
    """y with 1 for 0: a divisor for numerators that are 0 there."""
    return where(y == 0, 1, y)


def prod(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The product over the given axes; 1 over nothing.

    A tree of multiplications, so that zeros among the factors need no special gradient.  The
    product of integers has 64 bits, as in NumPy.

    >>> import numpy as np
    >>> prod(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([3., 8.])
    """
    if not isinstance(x, Tensor):
        return array_module(x).prod(x, axis=axis, keepdims=keepdims)
    _check("prod", x, axis)
    x = astype(x, dtype=_PRODUCT.get(x.dtype.kind, x.dtype))
    axes = _axes(axis, x.ndim)
    others = [i for i in range(x.ndim) if i not in axes]
    shape = [x.shape[i] for i in others]
    factors = reshape(transpose(x, axes=[*axes, *others]), shape=[_n(x.shape, axis), *shape])
    y = _product_of_rows(factors)
    return _keep(y, axis, x.shape) if keepdims else y


_PRODUCT = {"b": "int64", "i": "int64", "u": "uint64"}  # kind of the factors: of their product


def _product_of_rows(x: Any) -> Any:
    """x[0] x[1] ... x[n-1]: multiply one half of the rows with the other until one is left."""
    while len(x) != 1:
        if len(x) % 2 or not len(x):
            x = pad(x, pad_width=[(0, 1), *[(0, 0)] * (x.ndim - 1)], constant_values=1)
        half = len(x) // 2
        x = x[:half] * x[half:] if half else x
    return x[0]


# -------------------------------------------------------------------------------------------------
# Extremes: ties share the gradient equally


@op
def max(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The largest element; ties share its gradient.  Raises ShapeError over nothing.

    >>> import numpy as np
    >>> max(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=1)
    array([5., 4.])
    """
    _check("max", x, axis, 1)
    return x.max(axis=axis, keepdims=keepdims)


@op
def min(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """The smallest element; ties share its gradient.  Raises ShapeError over nothing.

    >>> import numpy as np
    >>> min(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=1)
    array([1., 3.])
    """
    _check("min", x, axis, 1)
    return x.min(axis=axis, keepdims=keepdims)


def _share(g: Array, x: Array, y: Array, axis: Axes) -> Array:
    """g in equal parts to all elements that equal the extreme y (none does if y is nan)."""
    hits = x == _keep(y, axis, x.shape)
    n = hits.sum(axis=_axes(axis, x.ndim), keepdims=True).clip(1)
    return hits * astype(_keep(g, axis, x.shape) / n, dtype=g.dtype)


max.defvjp(x=lambda g, x, y, axis: _share(g, x, y, axis))
min.defvjp(x=lambda g, x, y, axis: _share(g, x, y, axis))
max.winners = lambda x, *, axis=None, keepdims=False: x == x.max(axis=axis, keepdims=True)
min.winners = lambda x, *, axis=None, keepdims=False: x == x.min(axis=axis, keepdims=True)


def argmax(x: Array, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The position of the (first) largest element: a plain integer array without gradient.

    >>> import numpy as np
    >>> argmax(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=1)
    array([1, 1])
    """
    return _position("argmax", x, axis, keepdims)


def argmin(x: Array, *, axis: int | None = None, keepdims: bool = False) -> Array:
    """The position of the (first) smallest element: a plain integer array without gradient.

    >>> import numpy as np
    >>> argmin(np.array([[1.0, 5.0], [3.0, 4.0]]), axis=1)
    array([0, 0])
    """
    return _position("argmin", x, axis, keepdims)


def _position(name: str, x: Array, axis: int | None, keepdims: bool) -> Array:
    x = x._data if isinstance(x, Tensor) else x
    _check(name, x, axis, 1)
    find = getattr(array_module(x), name)
    return as_array(find(x, axis=axis, keepdims=keepdims), x)


METHODS = {
    "sum": lambda self, axis=None, keepdims=False: sum(self, axis=axis, keepdims=keepdims),
    "mean": lambda self, axis=None, keepdims=False: mean(self, axis=axis, keepdims=keepdims),
    "prod": lambda self, axis=None, keepdims=False: prod(self, axis=axis, keepdims=keepdims),
    "max": lambda self, axis=None, keepdims=False: max(self, axis=axis, keepdims=keepdims),
    "min": lambda self, axis=None, keepdims=False: min(self, axis=axis, keepdims=keepdims),
    "var": lambda self, axis=None, ddof=0, keepdims=False: var(
        self, axis=axis, ddof=ddof, keepdims=keepdims
    ),
    "std": lambda self, axis=None, ddof=0, keepdims=False: std(
        self, axis=axis, ddof=ddof, keepdims=keepdims
    ),
    "cumsum": lambda self, axis=None: cumsum(self, axis=axis),
    "argmax": lambda self, axis=None, keepdims=False: argmax(self, axis=axis, keepdims=keepdims),
    "argmin": lambda self, axis=None, keepdims=False: argmin(self, axis=axis, keepdims=keepdims),
}
