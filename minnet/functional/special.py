"""Special functions that NumPy lacks: erf, the error function."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from ..backend import Array, array_module
from ..tensor import op
from .elementwise import clip, exp

__all__ = ["erf"]

# Rational approximations with relative error below 1e-16: W. J. Cody 1969, Rational Chebyshev
# approximations for the error function, Math. Comp. 23:631-637.  Highest power first.
_ERF = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2,
     3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2,
     1.28261652607737228e3, 2.84423683343917062e3),
)  # fmt: skip
_ERFC = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
     1.23033935480374942e3),
)  # fmt: skip


@op
def erf(x: Array) -> Array:
    """The error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.

    >>> import numpy as np
    >>> erf(np.array([0.0, 1.0])).round(6)
    array([0.      , 0.842701])
    """
    xp = array_module(x)
    wide = xp.float32 if getattr(x, "dtype", None) == xp.float16 else None
    y = _erf(xp, xp.asarray(x, dtype=wide))  # the polynomials exceed the range of float16
    return y if wide is None else y.astype(x.dtype)


def _erf(xp: Any, x: Array) -> Array:
    size = xp.minimum(xp.abs(x), 6)  # erf(6) is 1 in float64
    small = xp.minimum(size, 0.5)
    near = small * _ratio(_ERF, small * small)
    tail = xp.exp(-size * size) * _ratio(_ERFC, size)  # erfc = 1 - erf
    return xp.copysign(xp.where(size <= 0.5, near, 1 - tail), x)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    """A quotient of polynomials in x, by Horner's rule."""
    top, bottom = coefficients
    p, q = top[0], bottom[0]
    for a, b in zip(top[1:], bottom[1:], strict=True):
        p, q = p * x + a, q * x + b
    return p / q


def bell(x: Array) -> Array:
    """e^(-x^2), without overflow in x^2: from |x| = 30 on it is 0 in every dtype."""
    near = clip(x, min=-30, max=30)
    return exp(-near * near)


erf.defvjp(x=lambda g, x: g * (2 / sqrt(pi) * bell(x)))
