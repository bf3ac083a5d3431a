"""`minnet tour`: its arguments, and what it prints."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..errors import DataError
from .job import Settings, run
from .page import write
from .recipes import RECIPES

__all__ = ["add_arguments", "run_command"]

EXAMPLES = """\
examples:
  minnet tour                                       bundled digits; no download
  minnet tour --data mnist --root data/mnist        MNIST from local files
  minnet tour --quick --output /tmp/tour            a few epochs, to see whether all works

Writes OUTPUT/report.html, a page that explains every number, and OUTPUT/tour.json.
Exit status: 0 done, 1 a check or training failed, 2 unusable arguments or files.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--data", choices=list(RECIPES), default="digits", help="default: digits")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="folder with MNIST's files; default: fetch them"
    )
    parser.add_argument(
        "--epochs", type=_at_least(1), metavar="N", help="passes over the training images"
    )
    parser.add_argument("--seed", type=_at_least(0), default=0, metavar="S", help="default: 0")
    parser.add_argument(
        "--output", type=Path, default=Path("tour"), metavar="DIR", help="default: ./tour"
    )
    parser.add_argument("--quick", action="store_true", help="train for a few epochs only")


def run_command(options: argparse.Namespace) -> int:
    """Run the tour and print what it finds."""
    _require_writable(options.output)
    settings = Settings(
        data=options.data,
        root=options.root,
        epochs=options.epochs,
        seed=options.seed,
        quick=options.quick,
        progress=True,
    )
    results = run(settings, tell=partial(print, flush=True))
    print(f"read {write(results, options.output)}")
    return 0


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"needs at least {least}, got {text}")
        return value

    number.__name__ = "whole number"  # argparse names it in its errors
    return number


def _require_writable(folder: Path) -> None:
    """Find out now, not after training."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(
            f"--output {folder} cannot be written to ({error.strerror}): name another folder."
        ) from error
