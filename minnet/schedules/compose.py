"""Schedules made of schedules; any function of t will do as a part."""

from __future__ import annotations

from math import isfinite

from .base import Formula, Schedule, need, need_counts, schedule
from .decay import linear

__all__ = ["chain", "in_epochs", "scale", "warmup_then"]


@schedule
def scale(f: Formula, by: float) -> Formula:
    """by f(t).

    >>> from minnet.schedules import constant
    >>> scale(constant(0.5), 0.5)(7)
    0.25
    """
    need("scale", isfinite(by) and by >= 0, "a finite factor of at least 0", by=by)
    return lambda t: by * f(t)


@schedule
def in_epochs(f: Formula, steps_per_epoch: int, *, whole: bool = False) -> Formula:
    """f of the epoch, t / steps_per_epoch; with whole=True f of the completed epochs, 0, 1, ...

    steps_per_epoch: ``len(loader)``.

    >>> from minnet.schedules import inverse_time
    >>> f = in_epochs(inverse_time(1.0, k=1), 100)
    >>> g = in_epochs(inverse_time(1.0, k=1), 100, whole=True)
    >>> f(100), g(199), g(200) == f(200)
    (0.5, 0.5, True)
    """
    need_counts("in_epochs", steps_per_epoch=steps_per_epoch)
    if whole:
        return lambda t: f(t // steps_per_epoch)
    return lambda t: f(t / steps_per_epoch)


@schedule
def chain(*parts: tuple[Formula, float] | Formula) -> Formula:
    """One schedule after the other: chain((f, 10), (g, 20), h) is f, then g from 10, h from 30.

    Each counts from 0 at its own beginning; only the last comes without a number of steps.

    >>> from minnet.schedules import constant, cosine
    >>> f = chain((constant(0.1), 5), cosine(0.1, steps=10))
    >>> f(4), f(5), f(10)
    (0.1, 0.1, 0.05)
    """
    *timed, last = parts or (None,)
    pairs = all(isinstance(x, tuple) and len(x) == 2 for x in timed) and callable(last)
    need("chain", pairs, "(schedule, steps) pairs and then one schedule", parts=parts)
    for _, steps in timed:  # type: ignore[misc]
        need_counts("chain", steps=steps)

    def value(t: float) -> float:
        for f, steps in timed:  # type: ignore[misc]
            if t < steps:
                return f(t)
            t = t - steps
        return last(t)  # type: ignore[operator, misc]

    return value


def warmup_then(f: Formula, *, steps: float, start: float = 0.0) -> Schedule:
    """A straight line from start to f(0), reached at step ``steps``, then f, counted from there.

    >>> from minnet.schedules import cosine
    >>> f = warmup_then(cosine(0.1, steps=90), steps=10)
    >>> f(0), f(5), f(10), f(55)
    (0.0, 0.05, 0.1, 0.05)
    """
    return chain((linear(start, end=f(0), steps=steps), steps), f)
