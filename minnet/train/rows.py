"""Copies of many arrays side by side in one row: one call is cheaper than many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..backend import array_module, on_its_device, to_host

__all__ = ["Copies", "lengths", "places", "stacked"]

LARGE = 100_000  # bytes; the memory of smaller rows is used again by the allocator itself


class Copies:
    """Makes rows; large ones use memory again, because fresh memory costs more than copying.

    >>> rows = Copies()
    >>> rows.copy([np.eye(2), np.ones(1)])
    array([1., 0., 0., 1., 1.])
    """

    def __init__(self) -> None:
        self._free: list[Any] = []

    def copy(self, arrays: Sequence[Any]) -> Any:
        """A copy of all their numbers in one row."""
        arrays = arrays or [np.empty(0)]
        room = self._room(arrays) if self._free else None
        with on_its_device(arrays[0]):
            return array_module(arrays[0]).concatenate(arrays, axis=None, out=room)

    def _room(self, arrays: Sequence[Any]) -> Any:
        """A row of the same kind and size that nobody needs any more, if there is one."""
        kind = type(arrays[0]), arrays[0].dtype, sum(a.size for a in arrays)
        kinds = [(type(row), row.dtype, row.size) for row in self._free]
        return self._free.pop(kinds.index(kind)) if kind in kinds else None

    def give_back(self, rows: Iterable[Any]) -> None:
        """Nobody will look at these rows again."""
        self._free += [row for row in rows if row.nbytes > LARGE]


def places(sizes: Iterable[int]) -> Iterator[slice]:
    """Where each of several arrays lies in a row that was made of them.

    >>> [*places([4, 1])]
    [slice(0, 4, None), slice(4, 5, None)]
    """
    end = 0
    for size in sizes:
        start, end = end, end + size
        yield slice(start, end)


def stacked(rows: Iterable[Any]) -> np.ndarray:
    """Arrays of one shape as one array; a single one is not copied."""
    rows = [to_host(row) for row in rows]
    return np.stack(rows) if len(rows) > 1 else rows[0][None]


def lengths(rows: np.ndarray) -> np.ndarray:
    """The Euclidean norm of each row.

    >>> lengths(np.array([[3.0, 4.0], [0.0, 2.0]]))
    array([5., 2.])
    """
    return np.vecdot(rows, rows).astype(float) ** 0.5
