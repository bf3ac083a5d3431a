"""`minnet doctor SCRIPT.py`: run a training script as it is, watched by a doctor."""

from __future__ import annotations

import argparse
import json
import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .data.files import replacing
from .errors import DataError
from .sanity import Diagnosis, Doctor

__all__ = ["add_arguments", "examine", "run_command"]

EXAMPLES = """\
examples:
  minnet doctor train.py                     findings at the end, the most serious first
  minnet doctor train.py --epochs 3          what follows the script's name is for the script
  minnet doctor --json found.json train.py   the findings as a file too

The script trains with minnet, by train.fit or by a loop of its own, and is not changed.  Its
optimizer must be one of minnet.optim: the doctor sees training by its steps.
Exit status: 0 no alarm, 1 the doctor found something or the script failed, 2 no such script.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--every", type=int, default=10, metavar="N", help="look at every N-th step; default: 10"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the findings there")
    parser.add_argument("script", type=Path, metavar="SCRIPT.py", help="the training script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the script")


def run_command(options: argparse.Namespace) -> int:
    """Run the script, then print the findings."""
    doctor, failed = examine(options.script, options.arguments, every=options.every)
    diagnosis = doctor.report()
    steps = doctor.steps
    print(f"\nminnet doctor: {steps} steps seen.")
    if steps or diagnosis:
        print(f"\n{diagnosis}")
    else:
        print("No optimizer of minnet.optim took a step, so there is nothing to judge.")
    if options.json:
        _write(diagnosis, options.json)
    return 1 if diagnosis.alarms or failed else 0


def examine(script: Path, arguments: list[str], *, every: int = 10) -> tuple[Doctor, bool]:
    """(the doctor that watched the script, whether the script ended by an exception).

    The exception's traceback is printed, without the frames of this file.   Raises DataError if
    there is no such script.
    """
    if not script.is_file():
        raise DataError(f"doctor needs a Python script, there is none at {script}.")
    doctor, failed = Doctor(every), False
    with doctor.watching(), _as_main(script, arguments):
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as stop:
            failed = stop.code not in (None, 0)
        except Exception as error:
            failed = True
            frames = error.__traceback__
            while frames and frames.tb_frame.f_code.co_filename != str(script):
                frames = frames.tb_next
            traceback.print_exception(error.with_traceback(frames or error.__traceback__))
    return doctor, failed


@contextmanager
def _as_main(script: Path, arguments: list[str]) -> Iterator[None]:
    """sys.argv and sys.path as `python SCRIPT.py ARGUMENTS` would set them."""
    argv, path = sys.argv, sys.path[:]
    sys.argv, sys.path[0:0] = [str(script), *arguments], [str(script.resolve().parent)]
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path


def _write(diagnosis: Diagnosis, path: Path) -> None:
    with replacing(path) as file:
        file.write(json.dumps(diagnosis.to_dict(), indent=1).encode())
