"""Schedules that fall: from ``start``, at step 0, towards an end.

t counts steps.  To count in epochs, whole or not, wrap the schedule: `in_epochs`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import cos, exp, floor, pi

from .base import Formula, need, need_counts, need_values, schedule

__all__ = [
    "constant",
    "cosine",
    "exponential",
    "inverse_time",
    "linear",
    "multi_step",
    "polynomial",
    "step",
    "warm_restarts",
]


@schedule
def constant(value: float) -> Formula:
    """The same value at every step.

    >>> constant(0.1)(1000)
    0.1
    """
    need_values("constant", value=value)
    return lambda t: value


@schedule
def step(start: float, *, every: float, factor: float = 0.5) -> Formula:
    """start factor^floor(t / every): falls by a factor at regular intervals.

    Common in epochs: factor 0.5 every 5, or 0.1 every 20.   Source: CS231n notes, "Step decay".

    >>> f = step(0.1, every=5, factor=0.5)
    >>> f(4), f(5), f(10)
    (0.1, 0.05, 0.025)
    """
    need_values("step", start=start, factor=factor)
    need_counts("step", every=every)
    return lambda t: start * factor ** floor(t / every)


@schedule
def multi_step(start: float, *, at: Sequence[float], factor: float = 0.1) -> Formula:
    """start factor^(how many of ``at`` are reached): falls at the given steps.

    at: the steps whose value is the first smaller one, in rising order.
    The step decay of He et al. 2015, arXiv:1512.03385.

    >>> f = multi_step(0.5, at=[30, 60], factor=0.5)
    >>> f(29), f(30), f(60)
    (0.5, 0.25, 0.125)
    """
    need_values("multi_step", start=start, factor=factor)
    need("multi_step", list(at) == sorted(at), "steps in rising order", at=at)
    return lambda t: start * factor ** bisect_right(at, t)


@schedule
def exponential(start: float, *, k: float) -> Formula:
    """start e^(-k t).   Its sum is finite, about start / k, so it may stop short of a minimum.

    Per step by a factor gamma: k = -ln gamma.   Source: CS231n notes, "Exponential decay".

    >>> from math import log
    >>> round(exponential(1.0, k=log(2))(3), 6)
    0.125
    """
    need_values("exponential", start=start, k=k)
    return lambda t: start * exp(-k * t)


@schedule
def inverse_time(start: float, *, k: float) -> Formula:
    """start / (1 + k t): halved at t = 1/k.   Its sum is infinite, so it can reach any minimum.

    Robbins & Monro 1951; CS231n notes, "1/t decay".

    >>> inverse_time(1.0, k=0.25)(4)
    0.5
    """
    need_values("inverse_time", start=start, k=k)
    return lambda t: start / (1 + k * t)


@schedule
def polynomial(start: float, *, steps: float, end: float = 0.0, power: float = 1.0) -> Formula:
    """end + (start - end) (1 - t/steps)^power, and end from ``steps`` on.

    >>> polynomial(1.0, steps=10, power=2)(5)
    0.25
    """
    need_values("polynomial", start=start, end=end, power=power)
    need_counts("polynomial", steps=steps)
    return lambda t: end + (start - end) * max(0.0, 1 - t / steps) ** power


@schedule
def linear(start: float, *, steps: float, end: float = 0.0) -> Formula:
    """A straight line from start to end, reached at ``steps`` and kept; it may also rise.

    A momentum that rises over training: ``linear(0.5, steps=T, end=0.99)``.

    >>> linear(0.5, steps=49, end=0.99)(49)
    0.99
    """
    need_values("linear", start=start, end=end)
    need_counts("linear", steps=steps)
    return lambda t: start * (1 - t / steps) + end * (t / steps) if t < steps else end


@schedule
def cosine(start: float, *, steps: float, end: float = 0.0) -> Formula:
    """Half a cosine: end + (start - end) (1 + cos(pi t / steps)) / 2, and end from ``steps`` on.

    Loshchilov & Hutter 2017, arXiv:1608.03983, equation 5 without restarts.

    >>> cosine(0.5, steps=10)(5)
    0.25
    """
    need_values("cosine", start=start, end=end)
    need_counts("cosine", steps=steps)
    return lambda t: half_cosine(start, end, min(t / steps, 1.0))


@schedule
def warm_restarts(
    start: float, *, steps: float, end: float = 0.0, factor: float = 1.0
) -> Formula:
    """Half a cosine from start towards end, again and again; each is ``factor`` times as long.

    steps: the length of the first.   factor: at least 1.
    Loshchilov & Hutter 2017, arXiv:1608.03983, equation 5 (T_0 = steps, T_mult = factor).

    >>> f = warm_restarts(0.5, steps=10, factor=2)
    >>> f(5), f(10), f(20), f(30)
    (0.25, 0.5, 0.25, 0.5)
    """
    need_values("warm_restarts", start=start, end=end)
    need_counts("warm_restarts", steps=steps)
    need("warm_restarts", 1 <= factor < float("inf"), "a factor of at least 1", factor=factor)

    def value(t: float) -> float:
        length = steps
        if factor == 1:
            t = t % steps
        while t >= length:
            t, length = t - length, length * factor
        return half_cosine(start, end, t / length)

    return value


def half_cosine(a: float, b: float, share: float) -> float:
    """From a (share 0) to b (share 1) along half a period of a cosine."""
    return b + (a - b) * (1 + cos(pi * share)) / 2
