"""`python -m lessons grade FOLDER`: its arguments, and what it prints."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from dataclasses import asdict
from pathlib import Path

from ..source import lessons
from .runner import PACKAGE, Limits
from .submissions import Submission, SubmissionError, find
from .table import Grade, table, write_csv

__all__ = ["add_arguments", "run_command"]

EXAMPLES = """\
FOLDER holds a folder for each student with notebooks in it, or files STUDENT_NN_name.ipynb:

  submitted/ann/01_numbers_that_differentiate.ipynb
  submitted/bob_01_numbers_that_differentiate.ipynb

Every submission runs in a process of its own, without a network. Its checks are replaced by ours,
so edits of them change nothing. An error or an endless loop costs only what depends on it. The
same folder gives the same table. This keeps honest mistakes apart, it is not a prison: grade the
files of people whom you would let use the machine.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    add, default = parser.add_argument, "default: %(default)s"
    add("folder", type=Path, metavar="FOLDER", help="the submissions")
    add("--csv", type=Path, metavar="FILE", help="the table; default: FOLDER/grades.csv")
    add("--seconds", type=float, metavar="N", help=f"of a submission, a sixth of a cell; {default}")
    add("--memory", type=int, metavar="MB", help=f"of a submission, if the system can; {default}")
    add("--seed", metavar="WORD", help=f"chooses the random inputs, for all the same; {default}")
    add("--workers", type=int, default=2, metavar="N", help=f"processes at a time; {default}")
    parser.set_defaults(**asdict(Limits()))


def run_command(options: argparse.Namespace) -> int:
    """Grade, print a line for each submission, write the table."""
    if options.seconds <= 0 or options.memory < 512 or options.workers < 1:
        raise SubmissionError(
            "--seconds must be positive, --memory at least 512, --workers at least 1."
        )
    if not importlib.util.find_spec(PACKAGE):
        raise SubmissionError(f"the notebooks import {PACKAGE}: install it first (pip install .).")
    submissions, strangers = find(options.folder, lessons())
    for path in strangers:
        print(f"not graded, its name is no lesson's: {path}", file=sys.stderr)
    limits = Limits(options.seconds, options.memory, options.seed)
    rows = table(submissions, limits=limits, workers=options.workers, tell=_tell)
    path = options.csv or options.folder / "grades.csv"
    write_csv(rows, path)
    print(f"wrote {path}: {len(rows)} students")
    return 0


def _tell(submission: Submission, grades: dict[str, Grade]) -> None:
    points = "  ".join(f"{number} {given.points:g}" for number, given in grades.items())
    print(f"{submission.student:20} lesson {submission.lesson.number:2}   {points}", flush=True)
