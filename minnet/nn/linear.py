"""Linear: y = x W + b."""

from __future__ import annotations

from math import sqrt
from typing import Any

from ..backend import Array, as_generator, default_dtype
from ..errors import ShapeError
from ..functional import bias_activation, linear
from ..init import Rng, uniform
from ..tensor import Parameter
from .checks import require_count, require_floats
from .module import Module

__all__ = ["Linear"]


class Linear(Module):
    """y = x W + b, with weight W (in_features, out_features) and bias b (out_features,).

    x: (..., in_features) -> (..., out_features).   bias: False leaves b out.
    Both start uniform on +-1 / sqrt(in_features), PyTorch's default; before relus in deep nets
    init.kaiming_normal keeps the signal's size better.
    Raises ShapeError for another last axis, DTypeError for integers.

    >>> import numpy as np
    >>> layer = Linear(3, 2, rng=0)
    >>> layer(np.ones((4, 3), "float32")).shape
    (4, 2)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        self.in_features = require_count(self, "in_features", in_features)
        self.out_features = require_count(self, "out_features", out_features)
        rng, a = as_generator(rng), 1 / sqrt(in_features)
        draw = lambda shape: Parameter(uniform(shape, low=-a, high=a, rng=rng, dtype=dtype))
        self.weight = draw((in_features, out_features))
        self.bias = draw((out_features,)) if bias else None

    def forward(self, x: Array, *, activation: str | None = None) -> Array:
        """x W + b over the last axis; with an activation, that of x W + b, as `bias_activation`."""
        require_floats(self, x)
        if x.shape[-1:] != (self.in_features,):
            raise ShapeError(
                f"{self.title()} needs x of shape (..., {self.in_features}), got {x.shape}. "
                "Its last axis is multiplied by W: "
                + ("flatten x first." if x.ndim > 2 else "check the layer before it.")
            )
        if activation is None or self.bias is None:
            return linear(x, self.weight, self.bias)
        return bias_activation(linear(x, self.weight), self.bias, activation=activation)

    def describe(self) -> str:
        """The sizes."""
        return f"{self.in_features} -> {self.out_features}"
