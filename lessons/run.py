"""`python -m lessons run`: execute the notebooks as Jupyter does.

A solution notebook passes every check.  A reader's notebook stops with YourTurn at its first
exercise: at the cell or at its check, and not before.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from minnet.errors import MinnetError

from .build import NOTEBOOKS
from .source import Lesson, lessons
from .store import PROGRESS

__all__ = ["ExtraMissing", "add_arguments", "execute", "extra", "run_command"]

LIMIT = 60  # seconds a notebook may take


class ExtraMissing(MinnetError, ImportError):
    """Something of the extra `lessons` is not installed."""


def extra(module: str) -> Any:
    """Import a module of the extra `lessons`.   Raises ExtraMissing naming the pip command."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ExtraMissing(f'this needs {module}: pip install "minnet[lessons]"') from error


def execute(path: Path, *, limit: float = LIMIT) -> tuple[Any, float]:
    """(the notebook with its outputs, seconds); it ends at the first cell that raises.

    The kernel keeps its progress in a file of its own, so that a run changes nobody's, and shows
    pictures whatever backend of matplotlib is chosen here.
    """
    nbformat, nbclient = extra("nbformat"), extra("nbclient")
    book, began = nbformat.read(path, as_version=4), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, PROGRESS: str(Path(folder, "progress.json"))}
        environment.pop("MPLBACKEND", None)
        client = nbclient.NotebookClient(
            book, timeout=limit, extra_arguments=["--Application.log_level=40"],
            resources={"metadata": {"path": folder}},
        )  # fmt: skip
        try:
            client.execute(env=environment)
        except nbclient.exceptions.CellExecutionError:
            pass  # the outputs show it
        except nbclient.exceptions.CellTimeoutError as error:
            raise MinnetError(f"{path.name}: a cell took more than {limit:g} s.") from error
    return book, time.perf_counter() - began


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("numbers", nargs="*", type=int, metavar="NN", help="lessons; default: all")
    parser.add_argument(
        "--limit", type=float, default=LIMIT, metavar="SECONDS", help="default: %(default)s"
    )


def run_command(options: argparse.Namespace) -> int:
    """Run both notebooks of each lesson; fail if one ends as it should not or takes too long."""
    faults = [fault for lesson in lessons(options.numbers) for fault in _run(lesson, options.limit)]
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


def _run(lesson: Lesson, limit: float) -> list[str]:
    """What is wrong with a lesson's two notebooks."""
    name = f"{lesson.name}.ipynb"
    found = []
    judges: Sequence[tuple[Path, Callable]] = (
        (Path("solutions", name), _solved),
        (Path(name), _stopped),
    )
    for path, judge in judges:
        book, seconds = execute(NOTEBOOKS / path, limit=limit)
        faults = [*judge(book), *([f"took {seconds:.0f} s"] if seconds > limit else [])]
        print(f"{seconds:6.1f} s  {path}: {'; '.join(faults) or _praise(book)}", flush=True)
        found += [f"{path}: {fault}" for fault in faults]
    return found


def _praise(book: Any) -> str:
    cell = _error(book)[0]
    where = cell and cell.metadata["nbgrader"]["grade_id"]
    return f"stops at {where}, as it should" if where else "all checks pass"


def _solved(book: Any) -> list[str]:
    cell, error = _error(book)
    return [f"{error.ename}: {error.evalue}\nin the cell:\n{cell.source}"] if cell else []


def _stopped(book: Any) -> list[str]:
    """A reader's notebook stops at its first exercise or that one's check, in a friendly way."""
    cell, error = _error(book)
    if not cell:
        return ["runs through, as if nothing were left to do"]
    first = [c.id for c in book.cells if "nbgrader" in c.metadata and c.metadata.nbgrader.grade][0]
    allowed = (first, first.replace("check", "exercise"))
    if cell.id not in allowed:
        return [
            f"stops before its first exercise with {error.ename}: {error.evalue}\n{cell.source}"
        ]
    friendly = error.ename == "YourTurn" and "\n".join(error.traceback).startswith("Your turn")
    return [] if friendly else [f"stops with {error.ename}: {error.evalue}, YourTurn is needed"]


def _error(book: Any) -> tuple[Any, Any]:
    """(cell, its error) of the cell that raised, or (None, None)."""
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                return cell, output
    return None, None
