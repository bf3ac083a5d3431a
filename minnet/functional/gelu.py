"""GELU, which weights x by the normal distribution function, block by block in cache.

In each rule g = dL/dy.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import numpy as np

from ..backend import Array, array_module, as_array
from ..errors import ValueRangeError
from ..tensor import Tensor, op
from .elementwise import clip, tanh
from .special import bell, erf

__all__ = ["gelu"]

BLOCK = 2**15  # elements of a block: a handful of them stay in cache


def gelu(x: Array, *, approximate: str = "none") -> Array:
    """x Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016, arXiv:1606.08415).

    approximate="tanh": x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
    Raises ValueRangeError for another approximation.

    >>> gelu(np.array([1.0])).round(4), gelu(np.array([1.0]), approximate="tanh").round(4)
    (array([0.8413]), array([0.8412]))
    """
    if approximate not in _GELU:
        raise ValueRangeError(f"gelu needs approximate='none' or 'tanh', got {approximate!r}.")
    return _GELU[approximate](x)


def _blockwise(f: Callable[..., Array], *arrays: Array) -> Array:
    """f of arrays of one shape, elementwise, a block at a time."""
    shape, flat = np.shape(arrays[0]), [as_array(a).reshape(-1) for a in arrays]
    if array_module(*arrays) is not np or len(flat[0]) <= BLOCK:
        return f(*flat).reshape(shape)
    y = np.empty_like(flat[-1])
    for i in range(0, len(y), BLOCK):
        y[i : i + BLOCK] = f(*(a[i : i + BLOCK] for a in flat))
    return y.reshape(shape)


def _normal(x: Array) -> tuple[Any, Any]:
    """Phi(x), the normal distribution function, and e^(-x^2/2), its slope times sqrt(2 pi)."""
    if not isinstance(x, Tensor) and x.dtype == np.float32:
        return _normal32(x)
    return 0.5 + 0.5 * erf(x / sqrt(2)), bell(x / sqrt(2))


# Error below 1e-7, the precision of float32, for a fraction of the passes of `erf`.
# Abramowitz & Stegun 1964, Handbook of mathematical functions, 7.1.26.
_P, _A = 0.3275911, (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


def _normal32(x: Array) -> tuple[Array, Array]:
    xp = array_module(x)
    t = xp.abs(x)
    t *= _P / sqrt(2)
    t += 1
    xp.reciprocal(t, out=t)
    tail = t * _A[0]
    for a in _A[1:]:
        tail += a
        tail *= t
    e = xp.multiply(x, x, out=t)
    e *= -0.5
    xp.exp(e, out=e)
    tail *= e  # erfc(|x| / sqrt(2)), twice the area beyond |x|
    Phi = xp.subtract(1, tail, out=tail)
    xp.copysign(Phi, x, out=Phi)
    Phi *= 0.5
    Phi += 0.5
    return Phi, e


@op
def _gelu(x: Array) -> Array:
    return _blockwise(lambda x: x * _normal(x)[0], x)


def _gelu_slope(x: Array) -> Array:
    """Phi(x) + x phi(x)."""
    Phi, e = _normal(x)
    return Phi + x * e / sqrt(2 * pi)


def _d_gelu(g: Array, x: Array) -> Array:
    return g * _gelu_slope(x)


_gelu.defvjp(x=lambda g, x: _d_gelu(g, x) if isinstance(g, Tensor) else _blockwise(_d_gelu, g, x))


@op
def _gelu_tanh(x: Array) -> Array:
    return _blockwise(lambda x: 0.5 * x * (1 + tanh(_inner(x))), x)


def _inner(x: Array) -> Array:
    """The argument of tanh; beyond |x| = 10, where tanh is 1 in every dtype, it stays as it is."""
    x = clip(x, min=-10, max=10)
    return sqrt(2 / pi) * (x + 0.044715 * (x * x * x))


def _d_gelu_tanh(g: Array, x: Array) -> Array:
    t, near = tanh(_inner(x)), clip(x, min=-10, max=10)
    dt = (1 - t * t) * (sqrt(2 / pi) * (1 + 3 * 0.044715 * (near * near)))
    return g * (0.5 * (1 + t) + 0.5 * x * dt)


_gelu_tanh.defvjp(
    x=lambda g, x: _d_gelu_tanh(g, x) if isinstance(g, Tensor) else _blockwise(_d_gelu_tanh, g, x)
)
_gelu.name = _gelu_tanh.name = "gelu"
_GELU: dict[str, Any] = {"none": _gelu, "tanh": _gelu_tanh}
