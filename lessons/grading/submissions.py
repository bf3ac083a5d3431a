"""Which notebooks were handed in, by whom, and the program that each becomes.

A folder holds either a folder for each student, with notebooks in it (also deeper), or files
STUDENT_NN_name.ipynb:

    submitted/ann/01_numbers_that_differentiate.ipynb
    submitted/bob_01_numbers_that_differentiate.ipynb
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from minnet.errors import MinnetError

from ..source import Cell, Lesson

__all__ = ["Step", "Submission", "SubmissionError", "find", "program"]

LARGEST = 50_000_000  # bytes of a notebook


class SubmissionError(MinnetError, ValueError):
    """A folder of submissions that cannot be graded as it is, or a file that is no notebook."""


@dataclass(frozen=True)
class Submission:
    """A notebook that a student handed in for a lesson."""

    student: str
    lesson: Lesson
    path: Path


@dataclass(frozen=True)
class Step:
    """One cell to execute.   exercise, check: the number of what it answers or checks."""

    code: str
    exercise: str = ""
    check: str = ""

    to_dict = asdict


def find(folder: Path, lessons: Sequence[Lesson]) -> tuple[list[Submission], list[Path]]:
    """(submissions by student and lesson, notebooks that belong to no lesson).

    Raises SubmissionError if there is nothing, or if a student handed in a lesson twice.
    """
    if not folder.is_dir():
        raise SubmissionError(
            f"there is no folder {folder}: name the one that holds the submissions."
        )
    found: dict[tuple[str, int], Submission] = {}
    strangers = []
    for path in sorted(folder.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        submission = _recognise(path.relative_to(folder), path, lessons)
        if submission is None:
            strangers.append(path)
            continue
        key = (submission.student, submission.lesson.number)
        if key in found:
            raise SubmissionError(
                f"{submission.student} handed in lesson {submission.lesson.number} twice: "
                f"{found[key].path} and {path}. Keep one of them."
            )
        found[key] = submission
    if not found:
        raise SubmissionError(
            f"{folder} holds no submission: STUDENT/NN_name.ipynb or STUDENT_NN_name.ipynb, "
            f"like ann/{lessons[0].name}.ipynb."
        )
    return [found[key] for key in sorted(found)], strangers


def _recognise(place: Path, path: Path, lessons: Iterable[Lesson]) -> Submission | None:
    """Whose notebook for which lesson; a browser may have added " (1)" to its name."""
    for lesson in lessons:
        match = re.fullmatch(rf"(?:(.+)_)?{lesson.name}(?:[^0-9a-zA-Z_].*)?", place.stem)
        if match and (student := place.parts[0] if len(place.parts) > 1 else match[1]):
            return Submission(student, lesson, path)
    return None


def program(submission: Submission) -> list[Step]:
    """The code cells of a submission in their order, with every check replaced by ours.

    A check that was deleted comes after its exercise's last cell, or at the end.  Raises
    SubmissionError if the file is no notebook.
    """
    ours = {cell.check: cell for cell in submission.lesson.cells if cell.check}
    steps = [_step(cell, ours) for cell in _code_cells(submission.path)]
    for number in [n for n in ours if n not in {step.check for step in steps}]:
        places = [i for i, step in enumerate(steps) if step.exercise == number]
        steps.insert(
            places[-1] + 1 if places else len(steps), Step(ours[number].text, check=number)
        )
    return steps


def _code_cells(path: Path) -> list[tuple[str, str]]:
    """[(name, code)] of a notebook file; the name is nbgrader's, else the cell's id."""
    try:
        if path.stat().st_size > LARGEST:
            raise SubmissionError(f"it has more than {LARGEST:,} bytes")
        book = json.loads(path.read_text(encoding="utf-8"))
        cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
        return [(_name(cell), "".join(cell["source"])) for cell in cells]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = (
            str(error) if isinstance(error, SubmissionError) else f"{type(error).__name__}: {error}"
        )
        raise SubmissionError(f"this is no notebook that can be read ({reason}).") from error


def _name(cell: dict[str, Any]) -> str:
    return str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id") or cell.get("id", ""))


def _step(cell: tuple[str, str], ours: dict[str, Cell]) -> Step:
    """A cell as a step; a check is known by its name, or by its text where names were lost."""
    name, code = cell
    for number, check in ours.items():
        label = number.replace(".", "_")
        if re.fullmatch(rf"check_{label}(-\d+)?", name) or code.strip() == check.text:
            return Step(check.text, check=number)
        if re.fullmatch(rf"exercise_{label}(-\d+)?", name):
            return Step(_plain(code), exercise=number)
    return Step(_plain(code))


def _plain(code: str) -> str:
    """Code without the lines that only a notebook understands, like %matplotlib and !pip."""
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)
    return code
