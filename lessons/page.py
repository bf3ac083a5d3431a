"""`python -m lessons page NN`: an executed notebook as a page, and its picture for the README."""

from __future__ import annotations

import argparse
import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image  # comes with matplotlib

from minnet.data.files import replacing

from .build import NOTEBOOKS
from .run import execute, extra
from .source import Lesson, SourceError, lessons

__all__ = ["add_arguments", "page", "picture", "run_command"]

PICTURES = Path(__file__).with_name("pictures")
COLOURS = 128  # of a stored picture: a third of the bytes, and no difference to the eye


def page(book: Any) -> str:
    """A notebook with its outputs as HTML."""
    return str(extra("nbconvert").HTMLExporter().from_notebook_node(book)[0])


def picture(book: Any) -> bytes | None:
    """The last PNG that a cell tagged `picture` shows; None if there is none."""
    shown = [
        output.data["image/png"]
        for cell in book.cells if "picture" in cell.metadata.get("tags", ())
        for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})
    ]  # fmt: skip
    return base64.b64decode(shown[-1]) if shown else None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("numbers", nargs="*", type=int, metavar="NN", help="lessons; default: all")
    parser.add_argument(
        "--output", type=Path, default=Path(), metavar="FOLDER", help="default: here"
    )
    parser.add_argument("--student", action="store_true", help="the reader's notebook instead")
    parser.add_argument("--pictures", action="store_true", help="also renew lessons/pictures")


def run_command(options: argparse.Namespace) -> int:
    """Write NN_name.html into the output folder."""
    options.output.mkdir(parents=True, exist_ok=True)
    for lesson in lessons(options.numbers):
        part = Path() if options.student else Path("solutions")
        book, seconds = execute(NOTEBOOKS / part / f"{lesson.name}.ipynb")
        target = options.output / f"{lesson.name}.html"
        with replacing(target) as file:
            file.write(page(book).encode())
        print(f"wrote {target} ({seconds:.1f} s)")
        if options.pictures:
            _keep(lesson, picture(book))
    return 0


def _keep(lesson: Lesson, png: bytes | None) -> None:
    """Store a lesson's picture."""
    if png is None:
        raise SourceError(f'{lesson.name}: no cell with tags=["picture"] shows a picture.')
    path = PICTURES / f"{lesson.name}.png"
    with replacing(path) as file:
        Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS).save(
            file, "png", optimize=True
        )
    print(f"wrote {path} ({path.stat().st_size / 1000:.0f} kB)")
