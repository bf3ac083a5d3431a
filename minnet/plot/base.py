"""What all pictures share: the Figure, its colours, labelled axes; where matplotlib is imported."""

from __future__ import annotations

import io
from math import ceil
from typing import Any

import matplotlib
from matplotlib import patheffects
from matplotlib.figure import Figure

__all__ = ["COLOURS", "GRID", "INK", "Picture", "STYLES", "label_axes", "make_axes", "outlined"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", ":", "-.")
INK, GRID = "#333333", "#DDDDDD"


class Picture(Figure):
    """A Figure without a window: pixels and SVG on demand.

    >>> Picture(figsize=(1, 1)).svg()[:5]
    '<?xml'
    """

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()

    def svg(self) -> str:
        """The picture as SVG text; the same picture gives the same text."""
        buffer = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": "minnet"}):
            self.savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()


def make_axes(
    panels: int = 1, columns: int = 1, size: tuple[float, float] = (3.6, 2.8)
) -> tuple[Picture, list[Any]]:
    """A picture with panels in rows of ``columns``; size of one panel in inches."""
    columns = min(columns, panels)
    rows = ceil(panels / columns)
    picture = Picture(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    grid = picture.subplots(rows, columns, squeeze=False).ravel().tolist()
    for ax in grid[panels:]:
        ax.remove()
    return picture, grid[:panels]


def label_axes(ax: Any, xlabel: str, ylabel: str, title: str = "") -> None:
    """Labels with units, a light grid, no box."""
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_title(title, loc="left", fontsize="medium", color=INK)
    ax.grid(color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def outlined(width: float = 3.0) -> list[Any]:
    """Path effects that set a line off from what is behind it."""
    return [patheffects.Stroke(linewidth=width, foreground="white"), patheffects.Normal()]
