"""Indexing: slices, integer arrays, boolean masks.  A position that is read twice receives both
gradients.
"""

from __future__ import annotations

from typing import Any

from ..backend import array_module, scatter_add
from ..errors import DTypeError
from ..tensor import Tensor, op
from .elementwise import plain

__all__ = ["index", "take_along_axis"]

Array = Any  # an array of any module, or a Tensor


@op
def index(x: Array, *, key: Any) -> Array:
    """x[key], for every key that NumPy knows.

    >>> import numpy as np
    >>> index(np.array([1.0, 2.0, 3.0]), key=[0, 0, 2])
    array([1., 1., 3.])
    """
    return x[key]


@op
def _scatter(g: Array, *, key: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of a shape, with g added at key: the transpose of indexing."""
    total = array_module(g).zeros(shape, g.dtype)
    scatter_add(total, key, g)
    return total


index.defvjp(x=lambda g, key, x_shape: _scatter(g, key=key, shape=x_shape))
index.into = {"x": lambda total, g, key, x_shape: scatter_add(total, key, g)}
_scatter.defvjp(g=lambda g, key: index(g, key=key))


def take_along_axis(x: Array, indices: Array, *, axis: int | None = -1) -> Array:
    """y[i, j] = x[i, indices[i, j]] for axis 1, and so on; axis None reads x flattened.

    indices: integers, with as many axes as x.

    >>> import numpy as np
    >>> take_along_axis(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1], [0]]), axis=1)
    array([[2.],
           [3.]])
    """
    if axis is None:
        return index(x.reshape(-1), key=plain(indices))
    xp, last = array_module(plain(x)), x.ndim - 1
    grids = [xp.arange(n).reshape(-1, *[1] * (last - k)) for k, n in enumerate(x.shape)]
    grids[axis] = plain(indices)
    return index(x, key=tuple(grids))


def _positions(key: Any) -> Any:
    """A key without Tensors: positions have no gradient."""
    return tuple([plain(part) for part in key]) if type(key) is tuple else plain(key)


def _no_writing(self: Tensor, key: Any, value: Any) -> None:
    raise DTypeError(
        "x[...] = value would change what backward needs: choose with functional.where, or write "
        "x.data[...] = value before x is used."
    )


METHODS = {
    "__setitem__": _no_writing,
    "__getitem__": lambda self, key: index(self, key=_positions(key)),
}
