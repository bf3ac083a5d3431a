"""A slope measured with a step that the reader chooses: what truncation and rounding look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minnet.plot import COLOURS, Picture
from minnet.plot.base import label_axes, make_axes

__all__ = ["explorer", "picture"]

Function = Callable[[Any], Any]


def explorer(f: Function = np.sin, df: Function = np.cos, x: float = 1.0) -> Any:
    """Move the step h of the centred difference of f at x, and see the curve and the error.

    f: a function of an array.   df: its derivative.   Needs ipywidgets (pip install ipywidgets) and
    a running notebook; without ipywidgets it returns the `picture` for three steps.

    >>> type(explorer()).__name__ in ("VBox", "Picture")
    True
    """
    try:
        import ipywidgets as widgets
    except ImportError:
        return picture(f, df, x, (0.5, 1e-5, 1e-15))
    knob = widgets.FloatLogSlider(
        0.5, min=-16, max=0, step=0.25, description="step h", layout={"width": "32em"}
    )
    image = widgets.Image(format="png")

    def show(change: Any = None) -> None:
        image.value = picture(f, df, x, (knob.value,))._repr_png_()

    knob.observe(show, names="value")
    show()
    return widgets.VBox([knob, image])


def picture(f: Function, df: Function, x: float, steps: tuple[float, ...]) -> Picture:
    """For each step: the curve within two steps of x, in units of h, and the error on its V."""
    drawing, axes = make_axes(2 * len(steps), columns=2, size=(3.7, 2.9))
    for h, near, far in zip(steps, axes[::2], axes[1::2], strict=True):
        _near(near, f, df, x, h)
        _far(far, f, df, x, h)
    return drawing


def _near(ax: Any, f: Function, df: Function, x: float, h: float) -> None:
    """Both axes in units of h, so that a straight line keeps its slope at every h."""
    t = np.linspace(-2, 2, 801)
    ends = np.array([-1, 1])
    ax.plot(t, (f(x + t * h) - f(x)) / h, color="black", label="f, as computed")
    ax.plot(t, t * df(x), ":", color="grey", label="tangent")
    ax.plot(ends, (f(x + ends * h) - f(x)) / h, "s--", color=COLOURS[1], label="centred slope")
    ax.set_ylim(-1.6, 1.6)
    ax.legend(fontsize="x-small", loc="upper left")
    label_axes(ax, "distance from x, in steps h", "f - f(x), in steps h", f"h = {h:.2g}")


def _far(ax: Any, f: Function, df: Function, x: float, step: float) -> None:
    """The V, and where this step lies on it."""
    h = 10.0 ** np.arange(-16, 0.1, 0.25)
    error = lambda h: np.maximum(abs((f(x + h) - f(x - h)) / (2 * h) / df(x) - 1), 1e-13)
    ax.loglog(h, error(h), ".", color=COLOURS[0], markersize=3)
    ax.loglog(step, error(step), "s", color=COLOURS[1], markersize=8)
    label_axes(ax, "step h", "relative error of the slope", f"error {float(error(step)):.1e}")
