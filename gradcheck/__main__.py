"""The command `gradcheck FILE.py`: check the hand-written gradients in someone's file.

Exit codes: 0 all right, 1 something is wrong, 2 usage or import error, 3 inconclusive.
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from .files.page import render_html, render_text
from .files.runner import check_file
from .files.source import SourceError

__all__ = ["main"]

CODES = {"pass": 0, "fail": 1, "inconclusive": 3}


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments (default: the process's own); returns the exit code."""
    options = parser().parse_args(argv)
    reports, codes = [], []
    for what in options.targets:
        try:
            report = check(what, options)
        except (SourceError, OSError) as error:
            print(f"gradcheck: {error}", file=sys.stderr)
            codes.append(2)
            continue
        reports.append(report)
        codes.append(CODES[report.status])
        if not options.json:
            print(render_text(report))
    if options.json:
        found = [report.to_dict() for report in reports]
        one = found[0] if len(options.targets) == 1 and found else found
        print(json.dumps(one, indent=1, allow_nan=False))
    if options.html:
        Path(options.html).write_text(render_html(reports), encoding="utf-8")
    return next((code for code in (2, 1, 3) if code in codes), 0)


def parser():
    """The options of the command."""
    p = argparse.ArgumentParser("gradcheck", description=__doc__)
    p.add_argument("targets", nargs="+", metavar="TARGET",
                   help="FILE.py, module, or either with :function")
    p.add_argument("--inputs", metavar="FILE", type=existing,
                   help="Python file that defines gradcheck_inputs(name) -> dict of arguments")
    p.add_argument("--json", action="store_true", help="print JSON instead of text")
    p.add_argument("--html", metavar="FILE", help="also write a page that can be opened anywhere")
    p.add_argument("--seed", type=int, default=0, help="of the random inputs (default 0)")
    p.add_argument("--budget", type=positive, help="forward calls for a verdict")
    p.add_argument("--timeout", type=positive, default=30, metavar="SECONDS",
                   help="for each function, default 30")
    return p  # fmt: skip


def check(what, options):
    """The FileReport of one TARGET."""
    path, function = locate(what)
    return check_file(
        path, function=function, inputs=options.inputs, seed=options.seed,
        budget=options.budget, timeout=options.timeout,
    )  # fmt: skip


def locate(what):
    """(path, function or None) of FILE.py, module, FILE.py:function or module:function."""
    if Path(what).is_file():
        return Path(what), None
    place, colon, function = what.rpartition(":")
    if not colon or (len(place) == 1 and place.isalpha()):  # a drive letter is not a module
        place, function = what, ""
    if place.endswith(".py") or Path(place).is_file():
        return Path(place), function or None
    return module_file(place), function or None


def module_file(name):
    """The source file of a module, found without importing the module itself."""
    sys.path.insert(0, "")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise SourceError(f"{name}: no such file or module ({error})") from None
    finally:
        sys.path.remove("")
    if spec is None or not (spec.origin or "").endswith(".py"):
        raise SourceError(f"{name}: no such file, and no module with Python source")
    return Path(spec.origin)


def existing(name):
    """The name of a file that is there."""
    if not Path(name).is_file():
        raise argparse.ArgumentTypeError(f"{name}: no such file")
    return name


def positive(text):
    """A number above 0; whole ones as int."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"needs a number above 0, got {text}")
    return int(value) if value == int(value) else value


if __name__ == "__main__":
    sys.exit(main())
