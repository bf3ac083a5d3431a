"""Sequences of unequal length in one batch: which steps belong to which sequence."""

from __future__ import annotations

from typing import Any

from ..backend import Array, array_module
from ..errors import DTypeError, ShapeError, ValueRangeError
from ..modes import mode
from .targets import raw

__all__: list[str] = []


def within(owner: str, lengths: Any, steps: int, batch: int, like: Any) -> Array:
    """(T, N) booleans: True where step t is one of the lengths[n] steps of sequence n.

    Raises DTypeError, ShapeError or ValueRangeError, in the owner's name, unless lengths are N
    integers 1 .. T; on a GPU their range is trusted, unless somebody observes.
    """
    n, xp = raw(lengths, like), array_module(raw(like))
    if n.dtype.kind not in "iu":
        raise DTypeError(f"{owner} needs integers as lengths, got {n.dtype}.")
    if n.shape != (batch,):
        raise ShapeError(
            f"{owner} needs lengths of shape ({batch},), one per sequence, got {n.shape}."
        )
    looked_at = n.size and (type(n).__module__ == "numpy" or mode.get().observers)
    if looked_at and not 1 <= n.min() <= n.max() <= steps:
        raise ValueRangeError(
            f"{owner} needs lengths 1 .. {steps} for x with {steps} steps, got {n.min()} .. "
            f"{n.max()}."
        )
    return xp.arange(steps)[:, None] < n
