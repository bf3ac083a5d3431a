"""What a schedule is: a pure function of the step that prints, compares and plots itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from math import inf, isfinite
from typing import Any

import numpy as np

from ..errors import ValueRangeError

__all__ = ["Schedule", "need", "need_counts", "need_values", "schedule"]

Formula = Callable[[float], float]


class Schedule:
    """The value of a hyper-parameter at step t = 0, 1, ...: call it, ``f(t)``.

    It counts nothing: any t may be asked for, in any order, so that plotting it and resuming with
    it need no replay, and there is no state to save.  Schedules made alike are equal; they can be
    copied and sent to other processes.  Raises ValueRangeError unless 0 <= t < inf.

    >>> from minnet.schedules import exponential
    >>> f = exponential(0.1, k=0.5)
    >>> f, round(f(2), 6), f.values(2).round(6)
    (exponential(0.1, k=0.5), 0.036788, array([0.1     , 0.060653]))
    """

    def __init__(self, make: Callable[..., Schedule], args: tuple, settings: dict, f: Formula):
        self.make, self.args, self.settings, self.f = make, args, settings, f

    def __call__(self, t: float) -> float:
        if not 0 <= t < inf:
            raise ValueRangeError(f"{self!r} needs a finite step t >= 0, got t={t!r}.")
        return self.f(t)

    def values(self, steps: int) -> np.ndarray:
        """Return f(0) ... f(steps - 1)."""
        return np.array([self(t) for t in range(steps)])

    def plot(self, steps: int, *, label: str = "value") -> Any:
        """Draw f(0) ... f(steps - 1); see `minnet.plot.schedule`."""
        from ..plot import schedule as draw

        return draw(self, steps, label=label)

    def __repr__(self) -> str:
        given = [repr(x) for x in self.args] + [f"{k}={x!r}" for k, x in self.settings.items()]
        return f"{self.make.__name__}({', '.join(given)})"

    def __eq__(self, other: object) -> bool:
        key = lambda f: (f.make, f.args, f.settings)
        return isinstance(other, Schedule) and key(self) == key(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __reduce__(self) -> tuple:
        return partial(self.make, *self.args, **self.settings), ()


def schedule(make: Callable[..., Formula]) -> Callable[..., Schedule]:
    """Turn a function that returns a formula of t into one that returns a `Schedule`.

    >>> @schedule
    ... def square_root(start):
    ...     return lambda t: start / (1 + t) ** 0.5
    >>> square_root(0.1)(3)
    0.05
    """

    @wraps(make)
    def made(*args: Any, **settings: Any) -> Schedule:
        return Schedule(made, args, settings, make(*args, **settings))

    return made


def need(who: str, condition: bool, needs: str, **got: Any) -> None:
    """Raise ValueRangeError unless the condition holds.

    >>> need("cosine", 0 > 1, "steps of at least 1", steps=0)
    Traceback (most recent call last):
    minnet.errors.ValueRangeError: cosine needs steps of at least 1, got steps=0.
    """
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in got.items())
        raise ValueRangeError(f"{who} needs {needs}, got {values}.")


def need_values(who: str, **values: float) -> None:
    """Raise ValueRangeError unless all values are finite and at least 0, as every setting is."""
    good = all(isfinite(value) and value >= 0 for value in values.values())
    need(who, good, "finite values of at least 0", **values)


def need_counts(who: str, **counts: float) -> None:
    """Raise ValueRangeError unless all counts of steps (or epochs) are finite and above 0."""
    good = all(isfinite(count) and count > 0 for count in counts.values())
    need(who, good, "finite numbers of steps above 0", **counts)
