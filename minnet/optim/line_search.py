"""How far to go along a direction d:  phi(a) = f(theta + a d).

A search takes phi, which returns the value and the slope at a, and both at a = 0; it returns a.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, inf, isfinite, sqrt
from typing import NamedTuple

__all__ = ["backtracking", "parabola", "strong_wolfe"]

Phi = Callable[[float], tuple[float, float]]


class _Point(NamedTuple):
    a: float
    value: float
    slope: float


def strong_wolfe(
    phi: Phi,
    value: float,
    slope: float,
    *,
    first: float = 1.0,
    c1: float = 1e-4,
    c2: float = 0.9,
    evaluations: int = 25,
) -> float:
    """Return a step with  phi(a) <= phi(0) + c1 a phi'(0)  and  |phi'(a)| <= c2 |phi'(0)|.

    first: the step tried first.   evaluations: after so many, the lowest step with enough
    decrease is returned; 0 if there was none.   value, slope: phi(0) and phi'(0) < 0.
    Nocedal & Wright 2006, Numerical Optimization, Algorithms 3.5 and 3.6 in one loop: until
    ``high`` is known the step doubles, then it is interpolated between low and high.

    >>> a = strong_wolfe(lambda a: ((a - 3) ** 2, 2 * (a - 3)), 9.0, -6.0, c2=0.1)
    >>> round(a, 6)
    3.0
    """
    low, high, a = _Point(0.0, value, slope), None, first
    for _ in range(evaluations):
        now = _Point(a, *phi(a))
        if not now.value <= value + c1 * a * slope or now.value >= low.value:
            high = now
        elif abs(now.slope) <= -c2 * slope:
            return a
        else:
            toward = 1.0 if high is None else high.a - low.a
            if now.slope * toward >= 0:
                high = low
            low = now
        a = 2 * a if high is None else _between(low, high)
    return low.a


def backtracking(
    phi: Phi,
    value: float,
    slope: float,
    *,
    first: float = 1.0,
    c1: float = 1e-4,
    shrink: float = 0.5,
    evaluations: int = 60,
) -> float:
    """Shrink the step until  phi(a) <= phi(0) + c1 a phi'(0); 0 if that never happens.

    Armijo 1966; Nocedal & Wright 2006, Algorithm 3.1.

    >>> backtracking(lambda a: ((a - 1) ** 2, 2 * (a - 1)), 1.0, -2.0, first=8.0)
    1.0
    """
    a = first
    for _ in range(evaluations):
        if phi(a)[0] <= value + c1 * a * slope:
            return a
        a = shrink * a
    return 0.0


def parabola(phi: Phi, value: float, slope: float, *, first: float = 1.0) -> float:
    """Return the minimum of the parabola with slopes phi'(0) and phi'(first): exact for quadratics.

    >>> parabola(lambda a: (5 * (a - 0.1) ** 2, 10 * (a - 0.1)), 0.05, -1.0)
    0.1
    """
    rise = phi(first)[1] - slope
    return -slope * first / rise if rise > 0 else first


def _between(low: _Point, high: _Point) -> float:
    """The minimum of the cubic through both, a tenth away from them, or the middle.

    Nocedal & Wright 2006, equation 3.59.
    """
    width = high.a - low.a
    margin = 0.1 * abs(width)
    guess = low.a + _cubic_minimum(low, high)
    inside = min(low.a, high.a) + margin <= guess <= max(low.a, high.a) - margin
    return guess if inside else low.a + width / 2


def _cubic_minimum(low: _Point, high: _Point) -> float:
    """Where the cubic with these values and slopes is lowest, from low; inf if nowhere."""
    width = high.a - low.a
    d1 = low.slope + high.slope - 3 * (low.value - high.value) / (low.a - high.a)
    square = d1 * d1 - low.slope * high.slope  # inf where d1**2 would raise
    if not (isfinite(square) and square >= 0):
        return inf
    d2 = copysign(sqrt(square), width)
    below = high.slope - low.slope + 2 * d2
    return width - width * (high.slope + d2 - d1) / below if below else inf
