"""`python -m lessons COMMAND`: make, run and grade the notebooks of the course."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from minnet.errors import MinnetError

__all__ = ["COMMANDS", "main"]

COMMANDS = {  # name: (module, one line)
    "list": ("overview", "the lessons, their exercises and what you have solved"),
    "build": ("build", "make the notebooks from lessons/sources"),
    "run": ("run", "execute the notebooks: solutions pass, the reader's stop where they should"),
    "page": ("page", "write an executed solution notebook as a page, to look at it"),
    "grade": ("grading.command", "grade a folder of submitted notebooks into a table"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 done, 1 not as it should be, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(words[:1]).parse_args(words)
    try:
        return import_module(f".{COMMANDS[options.command][0]}", __package__).run_command(options)
    except (MinnetError, OSError) as error:
        print(f"lessons {options.command}: {error}", file=sys.stderr)
        return 2


def _parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; only the chosen command gets its arguments, because they need its module."""
    parser = argparse.ArgumentParser(prog="python -m lessons", description=__doc__)
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True
    )
    for name, (module, line) in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")
        if name in chosen:
            import_module(f".{module}", __package__).add_arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
