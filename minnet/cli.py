"""The command line: `minnet COMMAND ...`, one module a command, no logic of its own.

A command's module has ``add_arguments(parser)`` and ``run_command(options) -> exit status``; it is
imported when its command is given, so that `minnet --help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

from .errors import MinnetError

__all__ = ["COMMANDS", "main"]

COMMANDS = {  # name: (module, one line for `minnet --help`)
    "tour": (
        "minnet.tour.command",
        "gradient-check, sanity-check and train a network on digits; explain it on a page",
    ),
    "doctor": (
        "minnet.doctor",
        "run a training script, watch it, and say what is wrong with it",
    ),
    "explore": (
        "minnet.explore.command",
        "write a page on which optimizers run down landscapes as sliders are moved",
    ),
    "lessons": (
        "minnet_lessons.command",
        "copy the notebooks of the course to a folder and open them in JupyterLab",
    ),
}

FAILURE, USAGE_ERROR, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 done, 1 it failed, 2 given what it cannot use.

    What a user can put right is one line on stderr: a MinnetError or an error of the system.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _suggest(words[:1])
    options = _parser(words[:1]).parse_args(words)
    try:
        return import_module(COMMANDS[options.command][0]).run_command(options)
    except (MinnetError, OSError) as error:
        print(f"minnet {options.command}: {error}", file=sys.stderr)
        return USAGE_ERROR if isinstance(error, OSError) else FAILURE
    except KeyboardInterrupt:
        print(f"\nminnet {options.command}: interrupted.", file=sys.stderr)
        return INTERRUPTED


def _parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; only the chosen command gets its arguments, because they need its module."""
    parser = argparse.ArgumentParser(
        prog="minnet",
        description="A small deep-learning framework to learn from.",
        epilog="`minnet COMMAND --help` explains a command.",
    )
    release = import_module("minnet").__version__
    parser.add_argument("--version", action="version", version=f"minnet {release}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    commands.required = True
    for name, (module, line) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=line,
            description=f"{line[0].upper()}{line[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in chosen:
            import_module(module).add_arguments(command)
    return parser


def _suggest(words: Sequence[str]) -> None:
    """End with exit status 2 and the nearest command's name, if the first word is no command."""
    for word in words:
        if word in COMMANDS or word.startswith("-"):
            continue
        near = get_close_matches(word, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there is: {', '.join(COMMANDS)}."
        print(f"minnet: {word!r} is no command; {hint}", file=sys.stderr)
        raise SystemExit(USAGE_ERROR)
