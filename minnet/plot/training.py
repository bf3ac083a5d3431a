"""Curves of a training run and of a schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np

from ..errors import StateError
from ..train import History
from .base import COLOURS, STYLES, Picture, label_axes, make_axes

__all__ = ["history", "schedule", "update_ratios"]

NAMES = {"lr": "learning rate"}  # axis labels


def history(h: History, names: Sequence[str] | None = None) -> Picture:
    """Series against epochs, one panel each; a ``val_`` series joins its training series.

    names: which series; default all of the training (those without a "/").  Per-step series are
    drawn thin, with their mean over each epoch on top.  Raises StateError if there are none.

    >>> h = History()
    >>> for t in range(4):
    ...     h.record("loss", 1 / (1 + t), x=(1 + t) / 2)
    >>> len(history(h).axes)
    1
    """
    names = [n for n in h.names() if "/" not in n] if names is None else list(names)
    groups = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    if not groups:
        raise StateError("plot.history needs at least one series, the history is empty.")
    picture, axes = make_axes(len(groups), columns=2)
    for ax, group in zip(axes, groups, strict=True):
        for name in (group, f"val_{group}"):
            if name in h:
                _curve(ax, h.x(name), h[name], validation=name != group)
        label_axes(ax, "epochs", NAMES.get(group, group))
        if f"val_{group}" in h:
            ax.legend(frameon=False, fontsize="small")
        if "loss" in group and _spans_decades(h, group):
            ax.set_yscale("log")
    return picture


def _curve(ax: Any, x: np.ndarray, y: np.ndarray, *, validation: bool) -> None:
    if validation:
        ax.plot(x, y, STYLES[1], color=COLOURS[1], label="validation", marker="o", markersize=2.5)
        return
    epoch = np.ceil(x - 1e-9)
    ends = np.unique(epoch)
    if len(x) <= len(ends):
        ax.plot(x, y, color=COLOURS[0], label="training")
        return
    means = [y[epoch == end].mean() for end in ends]
    shown = slice(None, None, ceil(len(x) / 1000))  # a thousand points are all that can be seen
    ax.plot(x[shown], y[shown], color=COLOURS[0], alpha=0.3, linewidth=0.6, label="each batch")
    ax.plot(ends - 0.5, means, color=COLOURS[0], label="training, mean of epoch")


def _spans_decades(h: History, group: str) -> bool:
    """A loss that falls a hundredfold is read on a logarithmic axis."""
    values = h[group] if group in h else h[f"val_{group}"]
    positive = values[np.isfinite(values)]
    return bool(len(positive) and positive.min() > 0 and positive.max() > 100 * positive.min())


def update_ratios(h: History) -> Picture:
    """|change of w| / |w| of each parameter against epochs, on a logarithmic axis.

    The line marks 1e-3, the band 1e-4 to 1e-2: below it learning crawls, above it it is unstable.
    Needs the series of `minnet.train.UpdateRatios`.   Source: CS231n notes, "Ratio of
    weights:updates".
    """
    names = [n for n in h.names() if n.startswith("update_ratio/")]
    if not names:
        raise StateError("plot.update_ratios needs fit(..., monitors=[train.UpdateRatios()]).")
    picture, (ax,) = make_axes(size=(4.8, 4.0))
    ax.axhspan(1e-4, 1e-2, color=COLOURS[2], alpha=0.08, linewidth=0)
    ax.axhline(1e-3, color=COLOURS[2], linewidth=1)
    for k, name in enumerate(names):
        style = {"color": COLOURS[k % len(COLOURS)], "linestyle": STYLES[k // len(COLOURS) % 4]}
        label = name.removeprefix("update_ratio/")
        ax.plot(h.x(name), h[name], label=label, linewidth=1, **style)
    ax.set_yscale("log")
    label_axes(ax, "epochs", "|change of w| / |w| per step")
    picture.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return picture


def schedule(f: Callable[[int], float], steps: int, *, label: str = "value") -> Picture:
    """A schedule's value at steps 0 .. steps-1."""
    picture, (ax,) = make_axes()
    ax.plot(range(steps), [f(t) for t in range(steps)], color=COLOURS[0])
    label_axes(ax, "optimizer steps", label)
    return picture
