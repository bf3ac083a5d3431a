"""Pictures that several lessons draw: a computation as a graph, arrays as rectangles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from minnet.plot.base import COLOURS, INK, Picture, make_axes

__all__ = ["graph", "shapes"]

BLUE, ORANGE = COLOURS[0], COLOURS[1]
WIDTH, HEIGHT = 0.78, 0.62  # of a box, in units of the grid

Step = tuple[str, Sequence[str], tuple[float, float]]


def graph(
    steps: Mapping[str, Step],
    values: Mapping[str, float],
    gradients: Mapping[str, float] | None = None,
    *,
    unit: float = 1.35,
) -> Picture:
    """A computation from left to right: values in blue, gradients of the last step in orange.

    steps: {name: (formula, names of its inputs, (column, row))}, rows counted upwards.
    values, gradients: a number for each name; names without one stay empty.   unit: inches.

    >>> steps = {"x": ("x", (), (0, 0)), "y": ("y = x²", ("x",), (1, 0))}
    >>> graph(steps, {"x": 3.0, "y": 9.0}, {"x": 6.0, "y": 1.0})._repr_png_()[1:4]
    b'PNG'
    """
    columns, rows = zip(*(place for _, _, place in steps.values()), strict=True)
    wide, high = max(columns) - min(columns) + 1, max(rows) - min(rows) + 1
    picture, (ax,) = make_axes(size=(wide * unit, high * unit * 0.8))
    ax.set(xlim=(min(columns) - 0.5, max(columns) + 0.5), ylim=(min(rows) - 0.5, max(rows) + 0.5))
    ax.set_axis_off()
    for name, (formula, inputs, place) in steps.items():
        for source in inputs:
            _arrow(ax, steps[source][2], place, both=gradients is not None)
        _box(ax, place, formula, values.get(name), name, (gradients or {}).get(name))
    return picture


def _box(
    ax: Any, place: Any, formula: str, value: float | None, name: str, gradient: float | None
) -> None:
    x, y = place
    corner = (x - WIDTH / 2, y - HEIGHT / 2)
    ax.add_patch(Rectangle(corner, WIDTH, HEIGHT, facecolor="white", edgecolor=INK, zorder=2))
    lines = [(formula, INK, "bold")]
    lines += [] if value is None else [(f"{value:.3g}", BLUE, "normal")]
    lines += [] if gradient is None else [(f"grad {gradient:.3g}", ORANGE, "normal")]
    for k, (text, colour, weight) in enumerate(lines):
        dy = 0.19 * ((len(lines) - 1) / 2 - k)
        ax.text(x, y + dy, text, color=colour, weight=weight, ha="center", va="center", zorder=3)


def _arrow(ax: Any, tail: tuple[float, float], head: tuple[float, float], *, both: bool) -> None:
    """Forward in blue; the way back beside it in orange, if gradients are shown."""
    (x0, y0), (x1, y1) = tail, head
    x0, x1 = x0 + WIDTH / 2, x1 - WIDTH / 2
    y1 += 0.3 * max(-1, min(1, y0 - y1))  # several arrows arrive side by side
    style = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "linewidth": 1.4}
    apart = 0.05 if both else 0
    forward = {"xy": (x1, y1 + apart), "xytext": (x0, y0 + apart)}
    ax.annotate("", **forward, arrowprops={**style, "color": BLUE})
    if both:
        back = {"xy": (x0, y0 - apart), "xytext": (x1, y1 - apart)}
        ax.annotate("", **back, arrowprops={**style, "color": ORANGE})


def shapes(rows: Sequence[Sequence[Any]], *, unit: float = 0.16) -> Picture:
    """Equations between arrays, each array as a rectangle of its size.

    rows: equations; an array is (label, rows, columns, which colour), the rest are signs between.
    unit: inches of one row or column.

    >>> shapes([[("y", 3, 2, 0), "=", ("x", 3, 4, 1), ("W", 4, 2, 2)]])._repr_png_()[1:4]
    b'PNG'
    """
    heights = [max(part[1] for part in row if isinstance(part, tuple)) + 3 for row in rows]
    widths = [sum(part[2] + 1 if isinstance(part, tuple) else 4 for part in row) for row in rows]
    picture, (ax,) = make_axes(size=(unit * (max(widths) + 2), unit * sum(heights)))
    ax.set(xlim=(-1, max(widths) + 1), ylim=(-sum(heights), 0), aspect="equal")
    ax.set_axis_off()
    top = 0.0
    for row, height in zip(rows, heights, strict=True):
        top -= height
        _equation(ax, row, top + height / 2)
    return picture


def _equation(ax: Any, row: Sequence[Any], middle: float) -> None:
    x = 0.0
    for part in row:
        if not isinstance(part, tuple):
            ax.text(x + 1.5, middle, part, ha="center", va="center", size="large", color=INK)
            x += 4
            continue
        label, high, wide, colour = part
        fill = to_rgba(COLOURS[colour], 0.3)
        corner = (x, middle - high / 2)
        ax.add_patch(Rectangle(corner, wide, high, facecolor=fill, edgecolor=INK))
        ax.text(x + wide / 2, middle, label, ha="center", va="center", color=INK)
        below = (x + wide / 2, middle - high / 2 - 0.3)
        ax.text(*below, f"{high} x {wide}", ha="center", va="top", size=7, color=INK)
        x += wide + 1

