"""A grid of entries of one large parameter, as a Problem of its own."""

import numpy as np

from .problem import Problem

__all__ = ["Part", "grid_of"]


class Part(Problem):
    """`whole`, with only some entries of one parameter free: those where the `grid` lines cross.

    grid: ascending indices along each axis.   Everything else is as in `whole`.
    """

    def __init__(self, whole, param, grid):
        self.__dict__.update(vars(whole))
        self.whole, self.param, self.grid, self.cross = whole, param, grid, np.ix_(*grid)
        self.inputs = whole.inputs | {param: whole.inputs[param][self.cross]}
        self.call = lambda values: whole.call(self.filled(values))
        self.value = lambda values: whole.value(self.filled(values))
        self.vectorized = False  # a stack of whole parameters would be large

    def filled(self, values) -> dict:
        """The values with the free entries put into the whole parameter."""
        full = self.whole.inputs[self.param].astype(values[self.param].dtype)
        full[self.cross] = values[self.param]
        return {**values, self.param: full}

    def backward(self, d, cache) -> dict:
        """Gradients as of `whole`, those of the parameter at the free entries alone."""
        grads = super().backward(d, cache)
        return grads | {self.param: self.cut(grads.get(self.param))}

    def cut(self, array):
        """The free entries of an array of the parameter's shape; another one as it is."""
        alike = np.shape(array) == self.whole.inputs[self.param].shape
        return array[self.cross] if alike else array


def grid_of(a, count, first=()) -> list[np.ndarray]:
    """Indices along each axis of a gradient a whose crossings are at most `count` entries.

    A run from the start, the last one, those of the indices `first`, and where |a| is largest.

    >>> [g.tolist() for g in grid_of(np.ones((3, 100)), 12)]
    [[0, 1, 2], [0, 1, 2, 99]]
    """
    widths = list(a.shape)
    while np.prod(widths) > count:
        widths[int(np.argmax(widths))] -= 1
    return [axis_of(a, axis, n, first) for axis, n in enumerate(widths)]


def axis_of(a, axis, n, first) -> np.ndarray:
    """n indices along one axis."""
    length = a.shape[axis]
    weight = abs(a).max(tuple(i for i in range(a.ndim) if i != axis))
    wanted = [*range((n + 1) // 2), length - 1, *(index[axis] for index in first)]
    heavy = np.argsort(-weight, kind="stable").tolist()
    return np.sort(list(dict.fromkeys([*wanted, *heavy]))[:n])
