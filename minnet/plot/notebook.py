"""The explorer for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dynamics import RULES, Landscape, Playable, Trajectory, compare, quadratic, trace
from .animation import animate
from .base import Picture
from .paths import contour

__all__ = ["explorer"]


def explorer(
    landscape: Landscape | None = None,
    *,
    rules: Mapping[str, Playable] = RULES,
    lr: float = 0.05,
    momentum: float = 0.9,
    steps: int = 100,
) -> Any:
    """Choose a rule, its learning rate, its momentum and where it starts; see where it goes.

    landscape: of two variables; default a quadratic of curvatures 1 and 20.   lr, momentum: to
    begin with.   Needs ipywidgets (pip install ipywidgets) and a running notebook; without
    ipywidgets it returns an `Animation` of all rules instead.

    >>> shown = explorer()
    >>> type(shown).__name__ in ("VBox", "Animation")
    True
    """
    landscape = landscape or quadratic((1.0, 20.0))
    try:
        import ipywidgets as widgets
    except ImportError:
        chosen = {name: rule(lr, momentum) for name, rule in rules.items()}
        return animate(compare(chosen, landscape, steps=steps))
    return _panel(widgets, landscape, rules, lr, momentum, steps)


def _panel(
    widgets: Any,
    landscape: Landscape,
    rules: Mapping[str, Playable],
    lr: float,
    momentum: float,
    steps: int,
) -> Any:
    """Sliders above a picture that is drawn anew whenever one of them moves."""
    x, y = landscape.start
    (x0, x1), (y0, y1) = landscape.bounds
    wide = {"continuous_update": False, "layout": {"width": "32em"}}
    knobs = {
        "rule": widgets.Dropdown(options=list(rules), value=next(iter(rules)), description="rule"),
        "lr": widgets.FloatLogSlider(lr, min=-5, max=1, description="learning rate", **wide),
        "momentum": widgets.FloatSlider(
            momentum, min=0, max=0.99, step=0.01, description="momentum", **wide
        ),
        "x": widgets.FloatSlider(x, min=x0, max=x1, step=0.01, description="start x", **wide),
        "y": widgets.FloatSlider(y, min=y0, max=y1, step=0.01, description="start y", **wide),
    }
    image = widgets.Image(format="png")

    def show(change: Any = None) -> None:
        rule, lr, momentum, x, y = (knob.value for knob in knobs.values())
        knobs["momentum"].disabled = not rules[rule].knob
        path = trace(rules[rule](lr, momentum), landscape, (x, y), steps=steps)
        image.value = _picture(rule, path)._repr_png_()

    for knob in knobs.values():
        knob.observe(show, names="value")
    show()
    return widgets.VBox([*knobs.values(), image])


def _picture(rule: str, path: Trajectory) -> Picture:
    """The path on its landscape; the title says where it came to."""
    picture = contour({rule: path})
    ax = picture.axes[0]
    end = f"loss {path.losses[0]:.3g} to {path.losses[-1]:.3g} in {len(path)} steps"
    ax.set_title(f"{path.landscape.name}: {end}", loc="left", fontsize="medium")
    return picture
