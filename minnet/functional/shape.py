"""Operations that rearrange elements: reshape, transpose, join, split, pad.

In each rule g = dL/dy, and the gradient is g rearranged back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import array_module
from ..errors import IndexRangeError, ShapeError
from ..tensor import op
from .index import index

__all__ = [
    "broadcast_to",
    "concatenate",
    "expand_dims",
    "flip",
    "pad",
    "ravel",
    "reshape",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "transpose",
]

Array = Any  # an array of any module, or a Tensor


@op
def reshape(x: Array, *, shape: Any) -> Array:
    """The same elements in another shape; one size may be -1.

    >>> reshape(np.arange(6), shape=(2, -1)).shape
    (2, 3)
    """
    return x.reshape(shape)


reshape.defvjp(x=lambda g, x_shape: reshape(g, shape=x_shape))


def ravel(x: Array) -> Array:
    """All elements along one axis.

    >>> ravel(np.zeros((2, 3))).shape
    (6,)
    """
    return reshape(x, shape=-1)


@op
def squeeze(x: Array, *, axis: Any = None) -> Array:
    """x without its axes of size 1: all of them, or those named.

    >>> squeeze(np.zeros((1, 5, 1)), axis=0).shape
    (5, 1)
    """
    return array_module(x).squeeze(x, axis)


squeeze.defvjp(x=lambda g, x_shape: reshape(g, shape=x_shape))


@op
def expand_dims(x: Array, *, axis: Any) -> Array:
    """x with a new axis of size 1 at each position named.

    >>> expand_dims(np.zeros((2, 3)), axis=1).shape
    (2, 1, 3)
    """
    return array_module(x).expand_dims(x, axis)


expand_dims.defvjp(x=lambda g, x_shape: reshape(g, shape=x_shape))


@op
def broadcast_to(x: Array, *, shape: Any) -> Array:
    """x repeated along new axes and along axes of size 1 (a view).

    >>> broadcast_to(np.array([1.0, 2.0]), shape=(2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    return array_module(x).broadcast_to(x, shape)


broadcast_to.defvjp(x=lambda g: g)  # the engine sums what was broadcast


@op
def transpose(x: Array, *, axes: Sequence[int] | None = None) -> Array:
    """x with its axes permuted: axis i of the result is axis axes[i] of x; reversed for None.

    >>> transpose(np.zeros((2, 3, 4)), axes=(1, 2, 0)).shape
    (3, 4, 2)
    """
    return x.transpose(axes)


def _inverse(axes: Sequence[int] | None, ndim: int) -> list[int] | None:
    """The permutation that undoes axes."""
    return None if axes is None else sorted(range(ndim), key=lambda i: axes[i] % ndim)


transpose.defvjp(x=lambda g, axes: transpose(g, axes=_inverse(axes, g.ndim)))


@op
def swapaxes(x: Array, *, axis1: int, axis2: int) -> Array:
    """x with two axes exchanged.

    >>> swapaxes(np.zeros((2, 3, 4)), axis1=0, axis2=2).shape
    (4, 3, 2)
    """
    return x.swapaxes(axis1, axis2)


swapaxes.defvjp(x=lambda g, axis1, axis2: swapaxes(g, axis1=axis1, axis2=axis2))


@op
def flip(x: Array, *, axis: Any = None) -> Array:
    """x in reverse order along one axis, several, or all (None).

    >>> flip(np.array([1.0, 2.0, 3.0]))
    array([3., 2., 1.])
    """
    return array_module(x).flip(x, axis)


flip.defvjp(x=lambda g, axis: flip(g, axis=axis))


def concatenate(arrays: Sequence[Array], *, axis: int | None = 0) -> Array:
    """Join arrays along an axis they share (None: flatten them first).

    >>> concatenate([np.zeros((2, 3)), np.ones((1, 3))]).shape
    (3, 3)
    """
    arrays = _some("concatenate", arrays)
    if axis is None:
        return _concatenate(*[ravel(a) for a in arrays], axis=0)
    return _concatenate(*arrays, axis=axis)


def _some(name: str, arrays: Sequence[Array]) -> list[Array]:
    """The arrays as a list, of at least one."""
    arrays = [*arrays]
    if not arrays:
        raise ShapeError(f"{name} needs at least one array, got none.")
    return arrays


@op
def _concatenate(*arrays: Array, axis: int) -> Array:
    return array_module(*arrays).concatenate(arrays, axis)


def _span(i: int, shapes: list[tuple[int, ...]], axis: int) -> tuple:
    """The key of array i in the whole."""
    start = sum(shape[axis] for shape in shapes[:i])
    key = [slice(None)] * len(shapes[i])
    key[axis] = slice(start, start + shapes[i][axis])
    return tuple(key)


_concatenate.name = "concatenate"
_concatenate.defvjp(
    arrays=lambda g, i, arrays_shape, axis: index(g, key=_span(i, arrays_shape, axis))
)


def stack(arrays: Sequence[Array], *, axis: int = 0) -> Array:
    """Join arrays of one shape along a new axis.

    >>> stack([np.zeros(3), np.ones(3)], axis=1).shape
    (3, 2)
    """
    return _stack(*_some("stack", arrays), axis=axis)


@op
def _stack(*arrays: Array, axis: int) -> Array:
    return array_module(*arrays).stack(arrays, axis)


_stack.name = "stack"
_stack.defvjp(arrays=lambda g, i, axis: index(g, key=(slice(None),) * (axis % g.ndim) + (i,)))


def split(x: Array, *, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Array]:
    """Cut x along an axis into equal sections, or before each of the indices; a list of parts.

    Raises ShapeError if a number of sections does not divide the axis.

    >>> [part.shape for part in split(np.zeros(5), indices_or_sections=[2])]
    [(2,), (3,)]
    """
    if not -x.ndim <= axis < x.ndim:
        raise IndexRangeError(f"split does not work on {x.shape}: axis {axis} is out of range.")
    n, head = x.shape[axis], (slice(None),) * (axis % x.ndim)
    stops = indices_or_sections
    if isinstance(stops, int):
        if stops < 1 or n % stops:
            raise ShapeError(
                f"split does not work on {x.shape}: {stops} sections do not divide axis {axis}."
            )
        stops = range(n // stops, n, n // stops) if n else [0] * (stops - 1)
    cuts = [slice(a, b) for a, b in zip([None, *stops], [*stops, None], strict=True)]
    return [index(x, key=(*head, cut)) for cut in cuts]


@op
def pad(x: Array, *, pad_width: Any, constant_values: Any = 0) -> Array:
    """x with constant borders.  pad_width: n, (before, after), or one such pair for each axis.

    >>> pad(np.array([1.0, 2.0]), pad_width=(1, 2))
    array([0., 1., 2., 0., 0.])
    """
    return array_module(x).pad(x, pad_width, constant_values=constant_values)


def _interior(shape: tuple[int, ...], pad_width: Any) -> tuple:
    before = np.broadcast_to(pad_width, (len(shape), 2))[:, 0].tolist()
    return tuple([slice(b, b + n) for b, n in zip(before, shape, strict=True)])


pad.defvjp(x=lambda g, x_shape, pad_width: index(g, key=_interior(x_shape, pad_width)))


def _sizes(shape: tuple) -> Any:
    """Accept NumPy's two forms: f(2, 3) and f((2, 3))."""
    return shape[0] if len(shape) == 1 else shape


METHODS = {
    "T": property(transpose, doc="The axes reversed."),
    "mT": property(lambda self: swapaxes(self, axis1=-1, axis2=-2), doc="Last axes exchanged."),
    "reshape": lambda self, *shape: reshape(self, shape=_sizes(shape)),
    "ravel": ravel,
    "flatten": ravel,
    "squeeze": lambda self, axis=None: squeeze(self, axis=axis),
    "swapaxes": lambda self, axis1, axis2: swapaxes(self, axis1=axis1, axis2=axis2),
    "transpose": lambda self, *axes: transpose(self, axes=_sizes(axes) if axes else None),
}
