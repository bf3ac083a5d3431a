"""Known wrong submissions: one module a lesson; each names the exercise and the mistake to be told.

    @wrong("1.1", "not divided")
    def forgets_the_run(f, x, h):
        return f(x + h) - f(x)

    wrong("1.2", "too small")(1e-12)      # a value; several answers: a tuple and spread=True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["SUBMISSIONS", "Submission", "wrong"]


class Submission(NamedTuple):
    """A wrong answer to an exercise and the mistake that the check must name."""

    exercise: str
    mistake: str
    answer: tuple[Any, ...]


SUBMISSIONS: list[Submission] = []


def wrong(exercise: str, mistake: str, *, spread: bool = False) -> Callable[[Any], Any]:
    """Register a wrong answer; spread: the answer is a tuple of arguments of the check."""

    def register(answer: Any) -> Any:
        SUBMISSIONS.append(Submission(exercise, mistake, answer if spread else (answer,)))
        return answer

    return register
