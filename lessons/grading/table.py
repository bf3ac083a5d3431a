"""Points and a line of feedback for each exercise: of one submission, of all, as a CSV table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minnet.data.files import replacing

from ..catalogue import exercises
from ..source import Lesson
from .runner import Limits, execute
from .submissions import Step, Submission, SubmissionError, program

__all__ = ["Grade", "grade", "table", "write_csv"]

LONGEST = 500  # characters of a line of feedback


@dataclass(frozen=True)
class Grade:
    """What one exercise of one submission earned, and why."""

    points: float
    feedback: str


def grade(submission: Submission, limits: Limits | None = None) -> dict[str, Grade]:
    """{exercise: Grade} of a submission; a file that is no notebook earns nothing and says so."""
    lesson = submission.lesson
    try:
        steps = program(submission)
    except SubmissionError as error:
        return dict.fromkeys(lesson.exercises, Grade(0.0, _line(str(error))))
    outcomes = execute(lesson.number, steps, limits or Limits())
    return {number: _grade(number, steps, outcomes) for number in lesson.exercises}


def _grade(number: str, steps: Sequence[Step], outcomes: dict[int, Any]) -> Grade:
    """The best of an exercise's checks; with a complaint, also that of the exercise's own cell."""
    results = [outcomes[i] for i, step in enumerate(steps) if step.check == number]
    best = max(results, key=lambda result: result["points"])
    if not best["said"]:
        return Grade(best["points"], "right")
    own = [outcomes[i]["said"] for i, step in enumerate(steps) if step.exercise == number]
    reasons = [f"in its cell: {said}" for said in own if said]
    return Grade(best["points"], _line("; ".join([*reasons, best["said"]])))


def table(
    submissions: Sequence[Submission],
    *,
    limits: Limits | None = None,
    workers: int = 2,
    tell: Callable[[Submission, dict[str, Grade]], None] = lambda submission, grades: None,
) -> list[dict[str, Any]]:
    """One row a student: student, total, of, then points and feedback of each exercise that anyone
    was asked.

    tell: called with each submission and its grades, in their order.
    """
    lessons = {s.lesson.number: s.lesson for s in submissions}
    rows = {
        s.student: _blank(s.student, [lessons[n] for n in sorted(lessons)]) for s in submissions
    }
    with ThreadPoolExecutor(workers) as pool:
        results = pool.map(lambda submission: grade(submission, limits), submissions)
        for submission, grades in zip(submissions, results, strict=True):
            row = rows[submission.student]
            for number, given in grades.items():
                row[number], row[f"{number} feedback"] = given.points, given.feedback
                row["total"] += given.points
            tell(submission, grades)
    return list(rows.values())


def _blank(student: str, lessons: Sequence[Lesson]) -> dict[str, Any]:
    """The row of someone who handed in nothing."""
    numbers = [number for lesson in lessons for number in lesson.exercises]
    possible = sum(
        exercises(lesson.number)[n].points for lesson in lessons for n in lesson.exercises
    )
    return {
        "student": student, "total": 0.0, "of": possible, **dict.fromkeys(numbers, 0.0),
        **{f"{number} feedback": "nothing handed in" for number in numbers},
    }  # fmt: skip


def write_csv(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the rows as UTF-8 with a header; the same rows give the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_field(value) for value in row.values()] for row in rows)
    with replacing(path) as file:
        file.write(text.getvalue().encode("utf-8", "replace"))


def _field(value: Any) -> str:
    """A field that no spreadsheet takes for a formula; numbers without needless digits."""
    if isinstance(value, float | int):
        return f"{value:.10g}"
    return f"'{value}" if str(value)[:1] in "=+-@" else str(value)


def _line(text: str) -> str:
    """A text as one line, not too long, without control characters and addresses in memory."""
    text = re.sub(r"0x[0-9a-f]{6,}", "0x...", " ".join(text.split()))
    text = "".join(letter for letter in text if letter.isprintable())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
