"""A bias and the activation behind it, joined: on a GPU one pass over memory instead of two.

The graph keeps two nodes, so that each formula stays where it is: "bias" sends g on to x and,
summed, to b; behind it the activation multiplies g by its slope, which it takes from y.  The sum
x + b between the two is what is never written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backend import Array
from ..errors import ShapeError, ValueRangeError
from ..tensor import Op, op
from .activation import relu, sigmoid
from .elementwise import tanh
from .targets import raw

__all__ = ["bias_activation"]

ACTIVATIONS: dict[str, Op] = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh}  # f'(u) from y = f(u)


def bias_activation(x: Array, b: Array, *, activation: str, axis: int = -1) -> Array:
    """y = f(x + b), where f is "relu", "sigmoid" or "tanh", and b lies along one axis of x.

    x: any shape.   b: (n,), n the size of that axis: -1 behind a linear layer, 1 behind a
    convolution.   Returns x's shape.
    Raises ValueRangeError for another activation, ShapeError for a b that does not fit.

    >>> import numpy as np
    >>> bias_activation(np.array([[-3.0, 1.0]]), np.array([1.0, 2.0]), activation="relu")
    array([[0., 3.]])
    """
    if activation not in ACTIVATIONS:
        raise ValueRangeError(
            f"bias_activation needs activation in {list(ACTIVATIONS)}, got {activation!r}."
        )
    if not -x.ndim <= axis < x.ndim or b.shape != (x.shape[axis],):
        raise ShapeError(
            f"bias_activation needs b (n,) and x with n along axis {axis}, got b {b.shape} and x "
            f"{x.shape}."
        )
    b = b.reshape(-1, *[1] * (x.ndim - 1 - axis % x.ndim))
    return _activated(_shifted(x, b), bias=raw(b), activation=activation)


@op
def _shifted(x: Array, b: Array) -> Array:
    """x + b in the graph; in memory x, to which `_activated` adds b."""
    return x


_shifted.defvjp(x=lambda g: g, b=lambda g: g)
_shifted.name = "bias"


@op
def _activated(x: Array, *, bias: Array, activation: str) -> Array:
    """f(x + b), differentiated for x + b."""
    return ACTIVATIONS[activation](x + bias)


_activated.defvjp(x=lambda g, y, activation: _rule(activation)(g, y))
_activated.winners = lambda x, *, bias, activation: x + bias > 0 if activation == "relu" else None
_activated.name = "bias_activation"


def _rule(activation: str) -> Callable[..., Any]:
    rule = ACTIVATIONS[activation].vjps["x"]
    assert rule is not None
    return rule
