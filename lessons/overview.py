"""The course at a glance: its lessons, their exercises, and the points earned so far.

import minnet_lessons
minnet_lessons.progress()           # in a notebook a table;  print(...) for text
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from . import store
from .catalogue import exercises
from .source import lessons

LEFT = "style='text-align:left'"
HEAD = f"<tr><th colspan=3 {LEFT}>{{}}</th><th>{{}}</th></tr>"
LINE = f"<tr><td>{{}}</td><td>{{}}</td><td {LEFT}>{{}}</td><td>{{}}</td></tr>"

__all__ = ["Progress", "Row", "add_arguments", "progress", "run_command"]


@dataclass(frozen=True)
class Row:
    """An exercise, the points earned and possible, and how often an answer was wrong."""

    lesson: str
    exercise: str
    title: str
    earned: float
    possible: float
    tries: int


class Progress:
    """A table of all exercises: text, HTML in a notebook, plain data by `to_dict()`."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)

    @property
    def earned(self) -> float:
        """Points earned so far."""
        return sum(row.earned for row in self.rows)

    @property
    def possible(self) -> float:
        """Points of the whole course."""
        return sum(row.possible for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """{"earned": points, "possible": points, "exercises": [the fields of each Row]}."""
        return {
            "earned": self.earned,
            "possible": self.possible,
            "exercises": [asdict(r) for r in self.rows],
        }

    def __str__(self) -> str:
        lines = []
        for lesson, rows in self._lessons():
            lines.append(f"{lesson}   {_points(rows)}")
            lines += [
                f"  {_mark(r)} {r.exercise:5} {r.title:50} {_points([r])}{_tries(r)}" for r in rows
            ]
        return "\n".join([*lines, f"Course: {_points(self.rows)}"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        body = []
        for lesson, rows in self._lessons():
            body.append(HEAD.format(escape(lesson), _points(rows)))
            for r in rows:
                result = f"{_points([r])}{_tries(r)}"
                body.append(LINE.format(_mark(r), r.exercise, escape(r.title), result))
        return f"<table>{''.join(body)}{HEAD.format('Course', _points(self.rows))}</table>"

    def _lessons(self) -> list[tuple[str, list[Row]]]:
        names = dict.fromkeys(row.lesson for row in self.rows)
        return [(name, [row for row in self.rows if row.lesson == name]) for name in names]


def progress() -> Progress:
    """What has been solved of the course, from the file that `MINNET_PROGRESS` names or
    ~/.minnet/progress.json.

    >>> progress().possible > 0
    True
    """
    kept = store.read()
    blank: dict[str, Any] = {"points": 0.0, "tries": {}}
    rows = []
    for lesson in lessons():
        for number, exercise in exercises(lesson.number).items():
            entry = kept.get(number, blank)
            earned, tries = min(entry["points"], exercise.points), sum(entry["tries"].values())
            name = f"Lesson {lesson.number}: {lesson.title}"
            rows.append(Row(name, number, exercise.title, earned, exercise.points, tries))
    return Progress(rows)


def _points(rows: Sequence[Row]) -> str:
    return f"{sum(r.earned for r in rows):g} of {sum(r.possible for r in rows):g}"


def _mark(row: Row) -> str:
    """Solved, begun, or not yet: x, / or a dot."""
    return "x" if row.earned == row.possible else "/" if row.earned or row.tries else "."


def _tries(row: Row) -> str:
    return f"   ({row.tries} wrong)" if row.tries else ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options: none."""


def run_command(options: argparse.Namespace) -> int:
    """Print the table."""
    print(progress())
    return 0
