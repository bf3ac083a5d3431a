"""The one text a lesson is written in: cells between `# %%` lines (jupytext's percent format),
read without jupytext.

A file begins with a header of `#` lines between two `# ---`, which states the lesson:

    #   lesson: {number: 1, title: "Numbers that differentiate", minutes: 60, needs: "calculus"}

and a cell's line may state
    [markdown]          text, each of its lines behind "# "
    exercise="1.1"      here the reader writes; the solution stands between ### BEGIN SOLUTION and
    ### END SOLUTION check="1.1"         here the answer is checked
    covers=["A01"]      what is demonstrated here
    tags=["picture"]    the cell whose last picture stands in the table of lessons
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minnet.errors import MinnetError

__all__ = ["SOURCES", "Cell", "Lesson", "SourceError", "lessons", "read"]

SOURCES = Path(__file__).with_name("sources")
OPTIONS = {"exercise": str, "check": str, "covers": list, "tags": list}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


class SourceError(MinnetError, ValueError):
    """A lesson's source that cannot be made into notebooks: which file, which line, what to do."""


@dataclass(frozen=True)
class Cell:
    """One cell.   line: of its `# %%`.   text: without that line; markdown without its `# `."""

    text: str
    line: int
    markdown: bool = False
    exercise: str = ""
    check: str = ""
    covers: Sequence[str] = ()
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class Lesson:
    """A lesson: what its header states, and its cells."""

    path: Path
    number: int
    title: str
    minutes: int
    needs: str
    cells: Sequence[Cell] = field(repr=False)

    @property
    def name(self) -> str:
        """The name of its files, without an ending."""
        return self.path.stem

    @property
    def covers(self) -> list[str]:
        """All that is demonstrated anywhere in it, sorted."""
        return sorted({name for cell in self.cells for name in cell.covers})

    @property
    def exercises(self) -> list[str]:
        """The numbers of its exercises, in their order."""
        return [cell.check for cell in self.cells if cell.check]


def lessons(numbers: Sequence[int] = ()) -> list[Lesson]:
    """The lessons in their order, all or those with the given numbers.

    Raises SourceError if one of the numbers has no source.
    """
    paths = {int(path.stem.split("_")[0]): path for path in sorted(SOURCES.glob("[0-9]*.py"))}
    missing = sorted(set(numbers) - set(paths))
    if missing:
        known = ", ".join(map(str, paths)) or "none"
        raise SourceError(
            f"there is no lesson {missing[0]} in {SOURCES}; the lessons are: {known}."
        )
    return [read(paths[number]) for number in sorted(numbers or paths)]


def read(path: str | Path) -> Lesson:
    """The lesson of a source file.   Raises SourceError naming the line of the faulty cell."""
    path = Path(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(r"# %%( |$)", line)]
    if not starts:
        raise SourceError(f"{path.name} has no cell: begin each with a line `# %%`.")
    head = _header(path, lines[: starts[0]])
    ends = [*starts[1:], len(lines)]
    cells = [_cell(path, i + 1, lines[i:end]) for i, end in zip(starts, ends, strict=True)]
    _check_exercises(path, cells)
    return Lesson(path=path, cells=cells, **head)


def _header(path: Path, lines: Sequence[str]) -> dict[str, Any]:
    """number, title, minutes and needs from the line `lesson: {...}`."""
    row = re.search(r"^#\s+lesson: \{(.*)\}$", "\n".join(lines), re.MULTILINE)
    pairs = re.findall(r'(\w+): ("(?:[^"\\]|\\.)*"|\d+)', row[1] if row else "")
    head = {key: json.loads(value) for key, value in pairs}
    if set(head) != {"number", "title", "minutes", "needs"}:
        raise SourceError(
            f'{path.name} needs a header line `#   lesson: {{number: 1, title: "...", minutes: 60,'
            f' needs: "..."}}`, it states {", ".join(head) or "nothing"}.'
        )
    if path.stem.split("_")[0] != f"{head['number']:02}":
        raise SourceError(
            f"{path.name} says that it is lesson {head['number']}: rename one of the two."
        )
    return head


def _cell(path: Path, line: int, lines: Sequence[str]) -> Cell:
    """The cell whose `# %%` line is the first of these."""
    where = f"{path.name}, line {line}"
    markdown = "[markdown]" in lines[0]
    options = _options(where, lines[0].removeprefix("# %%").replace("[markdown]", ""))
    body = "\n".join(lines[1:]).strip("\n").split("\n")
    if not "".join(body).strip("# "):
        raise SourceError(f"{where}: this cell is empty.")
    if markdown:
        if any(not re.match("#( |$)", text) for text in body):
            raise SourceError(f"{where}: a line of this text does not begin with `# `.")
        body = [text[2:] for text in body]
    cell = Cell("\n".join(body), line, markdown, **options)
    _check_regions(where, cell)
    return cell


def _options(where: str, text: str) -> dict[str, Any]:
    """{key: value} of a cell's line, each value written as in JSON."""
    found, position, decoder = {}, 0, json.JSONDecoder()
    while match := re.compile(r"\s*(\w+)=").match(text, position):
        try:
            value, position = decoder.raw_decode(text, match.end())
        except ValueError:
            raise SourceError(
                f'{where}: the value of {match[1]} is not JSON, like "1.1".'
            ) from None
        if not isinstance(value, OPTIONS.get(match[1], ())):
            known = ", ".join(f"{key} ({kind.__name__})" for key, kind in OPTIONS.items())
            raise SourceError(f"{where}: {match[1]}={value!r} is not known here; there is {known}.")
        found[match[1]] = value
    if text[position:].strip():
        raise SourceError(f"{where}: {text[position:].strip()!r} is no `key=value`.")
    return found


def _check_regions(where: str, cell: Cell) -> None:
    """Solution regions open and close in turn; each exercise cell has one, no other cell has."""
    marks = re.findall(f"{BEGIN}|{END}", cell.text)
    if marks != [BEGIN, END] * (len(marks) // 2):
        raise SourceError(f"{where}: each `{BEGIN}` needs its `{END}` in the same cell.")
    if bool(marks) != bool(cell.exercise):
        what = "has no solution region" if cell.exercise else 'has a solution but no exercise="..."'
        raise SourceError(f"{where}: this cell {what}.")


def _check_exercises(path: Path, cells: Sequence[Cell]) -> None:
    """Each exercise has one check, and each check stands after its exercise."""
    checks = Counter(cell.check for cell in cells if cell.check)
    if repeated := [number for number, times in checks.items() if times > 1]:
        raise SourceError(f"{path.name}: exercise {repeated[0]} has more than one check.")
    for number, line in _unmatched(cells):
        raise SourceError(
            f"{path.name}, line {line}: exercise {number} needs its cell, and its check after it."
        )


def _unmatched(cells: Sequence[Cell]) -> Iterator[tuple[str, int]]:
    for i, cell in enumerate(cells):
        if cell.exercise and all(c.check != cell.exercise for c in cells[i:]):
            yield cell.exercise, cell.line
        if cell.check and all(c.exercise != cell.check for c in cells[:i]):
            yield cell.check, cell.line
