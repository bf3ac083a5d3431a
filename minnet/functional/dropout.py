"""Dropout whose mask is a function of a seed: nothing is kept for the gradient but that seed."""

from __future__ import annotations

from math import prod
from typing import Any

from ..backend import Array, array_module, counted_uniform
from ..tensor import op

__all__: list[str] = []


@op
def _seeded_dropout(x: Array, *, seed: Any, p: float, axes: int) -> Array:
    """y = x mask / (1 - p), a mask entry being 0 where the number hashed from the seed is below p.

    axes: how many of x's first axes have mask entries of their own; along the others they repeat.

    >>> import numpy as np
    >>> _seeded_dropout(np.ones(6), seed=np.uint64(0), p=0.5, axes=1)
    array([2., 0., 0., 2., 0., 0.])
    """
    shape = x.shape[:axes] + (1,) * (x.ndim - axes)
    keep = counted_uniform(array_module(x), seed, prod(shape)).reshape(shape) >= p
    return x * (keep.astype(x.dtype) / ((1 - p) or 1))  # p = 1 keeps nothing to scale


_seeded_dropout.defvjp(  # y is linear in x, with a diagonal matrix: its own transpose
    x=lambda g, seed, p, axes: _seeded_dropout(g, seed=seed, p=p, axes=axes),
)
