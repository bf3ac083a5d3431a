"""Upsampling as a layer."""

from __future__ import annotations

from typing import Any

from ..backend import Array
from ..errors import ShapeError, ValueRangeError
from ..functional import upsample_nearest
from ..functional.windows import pair
from .checks import require_floats
from .module import Module

__all__ = ["Upsample"]


class Upsample(Module):
    """Each pixel becomes a block of scale_factor pixels, all equal to it.

    x: (N, C, H, W) -> (N, C, s H, s W).   scale_factor s: a whole number or (height, width).
    mode: "nearest".

    >>> import numpy as np
    >>> Upsample(2)(np.array([[[[1.0, 2.0]]]])).tolist()
    [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """

    def __init__(self, scale_factor: Any = 2, *, mode: str = "nearest"):
        if mode != "nearest":
            raise ValueRangeError(f"Upsample needs mode='nearest', got {mode!r}.")
        self.scale_factor = pair("Upsample", "scale_factor", scale_factor, least=1)

    def forward(self, x: Array) -> Array:
        """upsample_nearest(x)."""
        require_floats(self, x)
        if x.ndim != 4 or 0 in x.shape[2:]:
            raise ShapeError(f"{self.title()} needs x of shape (N, C, H, W), got {x.shape}.")
        return upsample_nearest(x, scale_factor=self.scale_factor)

    def describe(self) -> str:
        """The factor along each axis."""
        return "x".join(map(str, self.scale_factor))
