"""Embedding: a table of vectors, looked up by whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, array_module, scatter_add
from ..errors import DTypeError, IndexRangeError, ShapeError
from ..modes import mode
from ..tensor import op
from .targets import raw

__all__ = ["embedding"]


def embedding(ids: Any, W: Array, *, padding_idx: int | None = None) -> Array:
    """y = W[ids]: a row of the table for each number; a row used twice gets both gradients.

    ids: integers 0 .. V-1 of any shape.   W: (V, d).   Returns (*ids.shape, d).
    padding_idx: a row that gets no gradient, for steps that are only padding.
    Raises DTypeError for ids that are no integers, IndexRangeError for those outside 0 .. V-1 (on a
    GPU they are trusted, unless somebody observes).

    >>> embedding(np.array([2, 0]), np.array([[0.0], [1.0], [2.0]]))
    array([[2.],
           [0.]])
    """
    if W.ndim != 2:
        raise ShapeError(f"embedding needs a table W of shape (V, d), got {W.shape}.")
    return _look_up(W, ids=require_ids("embedding", ids, len(W), W), frozen=padding_idx)


def require_ids(owner: str, ids: Any, rows: int, like: Any) -> Array:
    """ids as an array of integers 0 .. rows-1, or DTypeError or IndexRangeError."""
    ids = raw(ids, like)
    if ids.dtype.kind not in "iu":
        raise DTypeError(f"{owner} needs integers as ids, got {ids.dtype}: use x.astype(int).")
    looked_at = ids.size and (array_module(ids) is np or mode.get().observers)
    if looked_at and not (ids.min() >= 0 and ids.max() < rows):
        worst = ids.min() if ids.min() < 0 else ids.max()
        raise IndexRangeError(
            f"{owner} needs ids 0 .. {rows - 1} for its table of {rows} rows, got {worst}."
        )
    return ids


@op
def _look_up(W: Array, *, ids: Array, frozen: int | None) -> Array:
    return W[ids]


@op
def _add_rows(g: Array, *, ids: Array, shape: tuple[int, ...], frozen: int | None) -> Array:
    """dW: zeros, with each row of g added at its id, but nothing at the frozen one."""
    dW = array_module(g).zeros(shape, g.dtype)
    if array_module(g) is np and ids.size:
        _add_sorted(dW, ids.ravel(), g.reshape(ids.size, -1))
    else:
        scatter_add(dW, ids, g)
    if frozen is not None:
        dW[frozen] = 0
    return dW


def _add_sorted(dW: Array, ids: Array, g: Array) -> None:
    """dW[ids] += g with the rows of one id in one run: several times faster than `np.add.at`."""
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    starts = np.flatnonzero(np.diff(ids, prepend=ids[0] - 1))
    dW[ids[starts]] = np.add.reduceat(g[order], starts, axis=0)


@op
def _live_rows(W: Array, *, ids: Array, frozen: int | None) -> Array:
    """W[ids] with zeros at the frozen row: the transpose of `_add_rows`."""
    y = W[ids]
    if frozen is not None:
        y[ids == frozen] = 0
    return y


_look_up.defvjp(
    W=lambda g, ids, frozen, W_shape: _add_rows(g, ids=ids, shape=W_shape, frozen=frozen)
)
_live_rows.defvjp(
    W=lambda g, ids, frozen, W_shape: _add_rows(g, ids=ids, shape=W_shape, frozen=frozen)
)
_add_rows.defvjp(g=lambda g, ids, frozen: _live_rows(g, ids=ids, frozen=frozen))
_look_up.name = "embedding"
