"""`minnet explore`: its arguments, and what it prints."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import DataError
from .page import write

__all__ = ["add_arguments", "run_command"]

EXAMPLES = """\
examples:
  minnet explore                                    writes explore.html
  minnet explore --output /tmp/page.html

Open the file in a browser; it works without a network.
Exit status: 0 done, 2 unusable arguments or files.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("explore.html"),
        metavar="FILE",
        help="default: ./explore.html",
    )


def run_command(options: argparse.Namespace) -> int:
    """Write the page."""
    try:
        print(f"open {write(options.output)} in a browser")
    except OSError as error:
        raise DataError(
            f"--output {options.output} cannot be written to ({error.strerror}): name another file."
        ) from error
    return 0
