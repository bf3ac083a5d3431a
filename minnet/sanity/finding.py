"""A finding: what was seen, why it matters, what to try."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from .lessons import lesson_of

__all__ = ["Finding", "LEVELS", "RANKS", "rank", "some"]

LEVELS = ("note", "warning", "error")
RANKS = ("symptom", "cause", "fact")  # how directly the evidence names the fault
WIDTH = 88  # of a printed line


@dataclass(frozen=True)
class Finding:
    """One thing that a detector saw.

    kind: the fault's short name.   level: "note" (worth knowing), "warning" (probably a fault),
    "error" (certainly one).   evidence: "symptom" (something is wrong), "cause" (a likely reason)
    or "fact" (seen directly).   seen, why, try_: whole sentences; seen has the numbers.
    """

    kind: str
    level: str
    evidence: str
    seen: str
    why: str
    try_: str

    @property
    def lesson(self) -> str:
        """Where it is explained, as "lesson 5: Before you train, section 9"."""
        return lesson_of(self.kind)

    @property
    def alarm(self) -> bool:
        """Whether it is above "note"."""
        return self.level != "note"

    def line(self) -> str:
        """One line, for the time of training."""
        return f"{self.level}: {self.kind.replace('_', ' ')}: {self.seen}"

    def __str__(self) -> str:
        parts = {"seen": self.seen, "why": self.why, "try": self.try_, "see": self.lesson}
        lines = [f"{self.level.upper()}  {self.kind.replace('_', ' ')}"]
        for name, text in parts.items():
            first = f"  {name + ':':5} "
            lines += wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
        return "\n".join(lines)


Detector = Callable[[Any], "Finding | None"]


def some(names: Collection[str], *, between: str = ", ") -> str:
    """The first three (of a set: by the alphabet), and how many more there are.

    >>> some(["a", "b"]), some(["a", "b", "c", "d", "e"])
    ('a, b', 'a, b, c and 2 more')
    """
    ordered, more = sorted(names) if isinstance(names, set) else [*names], len(names) - 3
    return between.join(ordered[:3]) + (f" and {more} more" if more > 0 else "")


def rank(findings: list[Finding]) -> list[Finding]:
    """The most serious first: by level, then by how directly the evidence names the fault."""
    weight = lambda f: (LEVELS.index(f.level), RANKS.index(f.evidence))
    return sorted(findings, key=weight, reverse=True)
