"""Maxout: the largest of several affine maps."""

from __future__ import annotations

from typing import Any

from ..backend import Array, default_dtype
from ..errors import ShapeError
from ..init import Rng
from .checks import require_count, require_floats
from .linear import Linear
from .module import Module

__all__ = ["Maxout"]


class Maxout(Module):
    """y_j = max_k (x W_jk + b_jk): a convex, piecewise linear activation that is learned.

    x: (..., in_features) -> (..., out_features).   pieces: the number of affine maps k.
    linear: their weights, a Linear(in_features, out_features pieces).  Ties share the gradient.
    Raises ShapeError for another last axis.   Goodfellow et al. 2013, arXiv:1302.4389.

    >>> import numpy as np
    >>> Maxout(3, 2, pieces=4, rng=0)(np.ones((5, 3), "float32")).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        pieces: int = 2,
        bias: bool = True,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        self.in_features = require_count(self, "in_features", in_features)
        self.pieces = require_count(self, "pieces", pieces)
        self.out_features = require_count(self, "out_features", out_features)
        width = out_features * pieces
        self.linear = Linear(in_features, width, bias=bias, rng=rng, dtype=dtype)

    def forward(self, x: Array) -> Array:
        """The largest piece of each output."""
        require_floats(self, x)
        if x.shape[-1:] != (self.in_features,):
            raise ShapeError(
                f"{self.title()} needs x of shape (..., {self.in_features}), got {x.shape}."
            )
        h = self.linear(x)
        return h.reshape(*h.shape[:-1], self.out_features, self.pieces).max(axis=-1)

    def describe(self) -> str:
        """The sizes and the pieces."""
        return f"{self.in_features} -> {self.out_features}, pieces={self.pieces}"
