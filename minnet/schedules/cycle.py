"""Schedules that rise and fall: one cycle over a whole training, or many short ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor

from ..errors import ValueRangeError
from .base import Formula, Schedule, need, need_counts, need_values, schedule
from .decay import half_cosine

__all__ = [
    "cyclical_momentum",
    "exp_range",
    "one_cycle",
    "triangle",
    "triangular",
    "triangular2",
]

Leg = Callable[[float, float, float], float]


@schedule
def triangle(steps: float, *, high: float, peak: float) -> Formula:
    """A straight line from 0 to high, reached at step ``peak``, then one to 0, reached at steps.

    After Page 2018, "How to train your ResNet", who rises for 5 of 24 epochs: in epochs
    ``in_epochs(triangle(24, high=0.4, peak=5), len(loader))``.

    >>> f = triangle(24, high=0.4, peak=5)
    >>> f(0), f(5), f(14.5), f(24)
    (0.0, 0.4, 0.2, 0.0)
    """
    need_values("triangle", high=high)
    need("triangle", 0 < peak < steps, "its peak inside the training", steps=steps, peak=peak)
    return through([(0, 0.0), (peak, high), (steps, 0.0)], straight)


@schedule
def triangular(low: float, high: float, *, half: float) -> Formula:
    """low + (high - low) max(0, 1 - x),  x = |t/s - 2 cycle + 1|,  cycle = floor(1 + t/(2 s)).

    half: s, the steps from low to high.   low > high falls first: a momentum for the same cycle.
    Smith 2015, arXiv:1506.01186, section 3.1 and its code.

    >>> f = triangular(0.001, 0.006, half=2000)
    >>> [round(f(t), 9) for t in (0, 1000, 2000, 3000, 4000)]
    [0.001, 0.0035, 0.006, 0.0035, 0.001]
    """
    need_values("triangular", low=low, high=high)
    need_counts("triangular", half=half)
    return lambda t: low + (high - low) * wave(t, half)


@schedule
def triangular2(low: float, high: float, *, half: float) -> Formula:
    """`triangular`, but each cycle is half as high as the one before: / 2^(cycle - 1).

    >>> f = triangular2(0.001, 0.006, half=2000)
    >>> round(f(6000), 9), round(f(10000), 9)
    (0.0035, 0.00225)
    """
    need_values("triangular2", low=low, high=high)
    need_counts("triangular2", half=half)
    return lambda t: low + (high - low) * wave(t, half) / 2 ** (cycle(t, half) - 1)


@schedule
def exp_range(low: float, high: float, *, half: float, gamma: float) -> Formula:
    """`triangular`, but the height shrinks at each step: times gamma^t.

    >>> round(exp_range(0.001, 0.006, half=2000, gamma=0.99994)(2000), 9)
    0.005434586
    """
    need_values("exp_range", low=low, high=high, gamma=gamma)
    need_counts("exp_range", half=half)
    return lambda t: low + (high - low) * wave(t, half) * gamma**t


@schedule
def one_cycle(
    steps: int,
    *,
    high: float,
    start: float | None = None,
    end: float | None = None,
    warmup: float | None = None,
    style: str = "fastai",
) -> Formula:
    """One rise to ``high`` and one fall, over the whole training.

    style="fastai": half a cosine from start to high, then one to end (fastai and PyTorch).
    Defaults: warmup 0.3, start = high / 25, end = start / 10,000.
    style="smith": straight lines from start to high, back to start, equally long, then to end
    (Smith 2018, arXiv:1803.09820).   Defaults: warmup 0.45, start = high / 10, end = start / 100.

    warmup: the first leg's share of the training; the peak is at step warmup * steps - 1.
    There are exactly ``steps`` values; asking for a later one raises ValueRangeError.

    >>> f = one_cycle(100, high=0.1)
    >>> [round(f(t), 6) for t in (0, 29, 99)]
    [0.004, 0.1, 0.0]
    >>> f = one_cycle(100, high=1.0, style="smith")
    >>> [round(f(t), 6) for t in (0, 22, 44, 66, 88, 99)]
    [0.1, 0.55, 1.0, 0.55, 0.1, 0.001]
    """
    need("one_cycle", style in _STYLES, f"a style of {', '.join(_STYLES)}", style=style)
    legs, leg, share, first, last = _STYLES[style]
    warmup = share if warmup is None else warmup
    start = high / first if start is None else start
    end = start / last if end is None else end
    need_values("one_cycle", high=high, start=start, end=end)
    peak = warmup * steps - 1
    ends = [k * peak for k in range(1, legs)]
    inside = peak > 0 and ends[-1] < steps - 1
    need("one_cycle", inside, "all its legs inside the training", steps=steps, warmup=warmup)
    points = zip([0, *ends, steps - 1], [start, high, start, end][:legs] + [end], strict=True)
    return _only(steps, through(list(points), leg))


def cyclical_momentum(
    steps: int,
    *,
    high: float = 0.95,
    low: float = 0.85,
    warmup: float | None = None,
    style: str = "fastai",
) -> Schedule:
    """The mirror image of `one_cycle`: from high to low while the learning rate rises, and back.

    Use the same steps, warmup and style as for the learning rate.
    Smith 2018, arXiv:1803.09820, section 4.3.

    >>> f = cyclical_momentum(100)
    >>> [round(f(t), 6) for t in (0, 29, 99)]
    [0.95, 0.85, 0.95]
    """
    return one_cycle(steps, high=low, start=high, end=high, warmup=warmup, style=style)


# -- the pieces ------------------------------------------------------------------------------------


def straight(a: float, b: float, share: float) -> float:
    """From a (share 0) to b (share 1) along a line, exact at both ends."""
    return a * (1 - share) + b * share


def through(points: Sequence[tuple[float, float]], leg: Leg) -> Formula:
    """Go through the points (t, value) along legs; the last value is kept."""

    def value(t: float) -> float:
        for (t0, a), (t1, b) in zip(points, points[1:], strict=False):
            if t <= t1:
                return leg(a, b, (t - t0) / (t1 - t0))
        return points[-1][1]

    return value


def cycle(t: float, half: float) -> int:
    """The number of the cycle of 2 half steps that t lies in: 1, 2, ..."""
    return floor(1 + t / (2 * half))


def wave(t: float, half: float) -> float:
    """The height of a triangular wave, 0 to 1 and back to 0 in 2 half steps."""
    x = abs(t / half - 2 * cycle(t, half) + 1)
    return max(0.0, 1 - x)


def _only(steps: int, f: Formula) -> Formula:
    def value(t: float) -> float:
        if t > steps - 1:
            raise ValueRangeError(
                f"one_cycle has {steps} steps, 0 .. {steps - 1}, got t={t}: make it with the "
                "number of steps you train for, epochs * len(loader)."
            )
        return f(t)

    return value


# style: legs, their form, the first one's share, high / start, start / end
_STYLES: dict[str, tuple[int, Leg, float, float, float]] = {
    "fastai": (2, half_cosine, 0.3, 25, 1e4),
    "smith": (3, straight, 0.45, 10, 100),
}
