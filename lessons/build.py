"""`python -m lessons build`: from each source a notebook for the reader and one with the solutions.

A notebook is written as plain JSON with sorted keys, so that the same source gives the same bytes.
Exercises and checks carry nbgrader's metadata (schema 3), so that an instructor can import them.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from minnet.data.files import replacing

from .catalogue import exercises
from .source import BEGIN, END, Cell, Lesson, SourceError, lessons

__all__ = ["NOTEBOOKS", "add_arguments", "build", "grade_id", "notebook", "run_command"]

NOTEBOOKS = Path(__file__).parent
REGION = re.compile(rf"^([ \t]*){BEGIN}\n(?:.*\n)*?[ \t]*{END}$", re.MULTILINE)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}

Json = dict[str, Any]


def notebook(lesson: Lesson, *, solutions: bool) -> Json:
    """A lesson as a notebook (nbformat 4.5) without outputs.   solutions: with them, or YOUR CODE
    HERE instead.

    Raises SourceError if a check has no function in lessons/checks.
    """
    known = exercises(lesson.number)
    missing = sorted(set(lesson.exercises) - set(known))
    if missing:
        raise SourceError(
            f"{lesson.path.name}: lessons/checks has no @exercise({missing[0]!r}, ...)."
        )
    points = {number: known[number].points for number in lesson.exercises}
    times: Counter[str] = Counter()
    stated = {"number": lesson.number, "title": lesson.title, "minutes": lesson.minutes}
    return {
        "cells": [_cell(cell, solutions, points, times) for cell in lesson.cells],
        "metadata": {
            "kernelspec": KERNEL,
            "language_info": {"name": "python"},
            "lesson": {**stated, "needs": lesson.needs, "covers": lesson.covers},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(cell: Cell, solutions: bool, points: dict[str, float], times: Counter[str]) -> Json:
    """One cell; times counts texts and exercises, so that ids stay unique."""
    text = cell.text if solutions else REGION.sub(_blank, cell.text)
    metadata: Json = {"tags": list(cell.tags)} if cell.tags else {}
    if cell.covers:
        metadata["covers"] = list(cell.covers)
    if name := grade_id(cell, times):
        metadata["nbgrader"] = _grading(cell, name, points)
    kind: Json = {"cell_type": "markdown"}
    if not cell.markdown:
        kind = {"cell_type": "code", "execution_count": None, "outputs": []}
    return {
        **kind,
        "id": name or _id(cell, times),
        "metadata": metadata,
        "source": text.splitlines(True),
    }


def _blank(region: re.Match[str]) -> str:
    """What stands in place of a solution; inside a function it also raises."""
    lines = ["# YOUR CODE HERE", *(["raise YourTurn"] if region[1] else [])]
    return "\n".join(region[1] + line for line in lines)


def grade_id(cell: Cell, times: Counter[str]) -> str:
    """exercise_1_2 or check_1_2; the second cell of one exercise: exercise_1_2-2; else nothing."""
    if not (cell.exercise or cell.check):
        return ""
    name = f"exercise_{cell.exercise}" if cell.exercise else f"check_{cell.check}"
    return _unique(name.replace(".", "_"), times)


def _id(cell: Cell, times: Counter[str]) -> str:
    """A cell's id depends on its text alone, so that an edit shows in one place."""
    return _unique(f"{crc32(cell.text.encode()):08x}", times)


def _unique(name: str, times: Counter[str]) -> str:
    times[name] += 1
    return name if times[name] == 1 else f"{name}-{times[name]}"


def _grading(cell: Cell, name: str, points: dict[str, float]) -> Json:
    """nbgrader's metadata: an answer that anyone may edit, or a locked test that earns points."""
    answer = bool(cell.exercise)
    grading = {"grade": not answer, "grade_id": name, "locked": not answer, "schema_version": 3,
               "solution": answer, "task": False}  # fmt: skip
    return grading if answer else {**grading, "points": points[cell.check]}


def build(lesson: Lesson) -> dict[Path, str]:
    """{path: text} of a lesson's two notebooks; nothing is written."""
    name = f"{lesson.name}.ipynb"
    return {
        NOTEBOOKS / name: _dumps(notebook(lesson, solutions=False)),
        NOTEBOOKS / "solutions" / name: _dumps(notebook(lesson, solutions=True)),
    }


def _dumps(content: Json) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("numbers", nargs="*", type=int, metavar="NN", help="lessons; default: all")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of date")


def run_command(options: argparse.Namespace) -> int:
    """Write the notebooks whose text changed; with --check, name them and fail."""
    wanted: dict[Path, str] = {}
    for lesson in lessons(options.numbers):
        wanted |= build(lesson)
    stale = [path for path, text in wanted.items() if _text(path) != text]
    strays = [] if options.numbers else _strays(wanted)
    for path in (*stale, *strays):
        print(f"{_verb(path, wanted, options.check)} {path.relative_to(NOTEBOOKS)}")
    if options.check:
        print(f"{len(wanted) - len(stale)} of {len(wanted)} notebooks are up to date.")
        if stale or strays:
            print("Run `python -m lessons build`.")
        return 1 if stale or strays else 0
    for path in stale:
        with replacing(path) as file:
            file.write(wanted[path].encode())
    for path in strays:
        path.unlink()
    return 0


def _verb(path: Path, wanted: dict[Path, str], check: bool) -> str:
    if path in wanted:
        return "out of date:" if check else "wrote"
    return "without a source:" if check else "removed"


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _strays(wanted: Sequence[Path] | dict[Path, str]) -> list[Path]:
    """Notebooks here that no source makes."""
    here = (*NOTEBOOKS.glob("[0-9]*.ipynb"), *NOTEBOOKS.glob("solutions/*.ipynb"))
    return sorted(path for path in here if path not in wanted)
