"""What the check of an exercise can say: your turn, not yet, right.

    YourTurn(NotImplementedError)     nothing was written yet
    TryAgain(AssertionError)          something was written, and is not right
    Passed                            right

A notebook shows the text alone, without a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Passed", "TryAgain", "YourTurn"]


class YourTurn(NotImplementedError):
    """An exercise that waits for its answer.

    >>> raise YourTurn
    Traceback (most recent call last):
    ...
    minnet_lessons.outcome.YourTurn
    """

    def _render_traceback_(self) -> list[str]:
        return [str(self) or "Your turn: replace this line by your own, then run the cell again."]


class TryAgain(AssertionError):
    """An answer that is not right: the `exercise`, the `mistake`, and what was `earned`."""

    def __init__(self, text: str, *, exercise: str, mistake: str, earned: float = 0.0) -> None:
        super().__init__(text)
        self.exercise, self.mistake, self.earned = exercise, mistake, earned

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


@dataclass(frozen=True)
class Passed:
    """A right answer: the exercise and, line by line, what was found to hold."""

    exercise: str
    title: str
    points: float
    lines: Sequence[str]

    def __str__(self) -> str:
        return "\n".join([f"{self._headline()}", *(f"  + {line}" for line in self.lines)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        held = "".join(f"<li>{escape(line)}</li>" for line in self.lines)
        return f"<p><b>{escape(self._headline())}</b></p><ul>{held}</ul>"

    def _headline(self) -> str:
        unit = "point" if self.points == 1 else "points"
        return f"{self.exercise} {self.title}: right ({self.points:g} {unit})."
