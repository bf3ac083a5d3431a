"""`minnet lessons [FOLDER]`: copy the notebooks to a folder and open them in JupyterLab."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from minnet.data.files import replacing
from minnet.errors import MinnetError

from .build import NOTEBOOKS

__all__ = ["add_arguments", "copy", "run_command"]

FOLDER = Path("minnet-lessons")
EXAMPLES = """\
examples:
  minnet lessons                       into ./minnet-lessons, then opens JupyterLab
  minnet lessons course --copy-only    into ./course, opens nothing

Your work is never overwritten: a notebook that is there stays, and you are told so.
Exit status: 0 done, 1 JupyterLab is missing or failed, 2 unusable folder.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=FOLDER,
        metavar="FOLDER",
        help=f"default: ./{FOLDER}",
    )
    parser.add_argument("--copy-only", action="store_true", help="copy, and open nothing")
    parser.add_argument(
        "--no-browser", action="store_true", help="start JupyterLab, open no browser"
    )


def run_command(options: argparse.Namespace) -> int:
    """Copy; then start JupyterLab in the folder and wait until it ends."""
    if not options.copy_only and importlib.util.find_spec("jupyterlab") is None:
        raise MinnetError(
            'opening notebooks needs JupyterLab: pip install "minnet[lessons]"; '
            "or copy them alone: minnet lessons --copy-only."
        )
    copied, kept = copy(options.folder)
    print(f"{len(copied)} notebooks copied to {options.folder}.")
    for path in kept:
        print(f"kept yours: {path}")
    if options.copy_only:
        print(f"Open the first with: jupyter lab {min(options.folder.glob('*.ipynb'))}")
        return 0
    browser = ["--no-browser"] if options.no_browser else []
    return (
        1
        if subprocess.call([sys.executable, "-m", "jupyterlab", *browser, str(options.folder)])
        else 0
    )


def copy(folder: Path) -> tuple[list[Path], list[Path]]:
    """(notebooks copied into the folder, notebooks of yours that were there and differ)."""
    copied, kept = [], []
    for original in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        path, content = folder / original.name, original.read_bytes()
        if not path.exists():
            with replacing(path) as file:
                file.write(content)
            copied.append(path)
        elif path.read_bytes() != content:
            kept.append(path)
    return sorted(copied), kept
