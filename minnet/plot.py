"""Pictures; the only module that imports matplotlib.

Every function returns a `Picture`, a matplotlib Figure that needs no screen and shows itself in a
notebook; ``picture.savefig("x.png")`` writes it.  Colours are Okabe and Ito's, told apart by
colour-blind readers too ("Color Universal Design", 2008).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from math import ceil, prod
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from .errors import ShapeError, StateError
from .train import History

__all__ = [
    "COLOURS",
    "Picture",
    "activations",
    "confusion",
    "examples",
    "history",
    "schedule",
    "tiles",
    "update_ratios",
    "weights",
]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", ":", "-.")
INK, GRID = "#333333", "#DDDDDD"
NAMES = {"lr": "learning rate"}  # axis labels


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


def _axes(
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


def _plain(ax: Any, xlabel: str, ylabel: str, title: str = "") -> None:
    """Labels with units, a light grid, no box."""
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_title(title, loc="left", fontsize="medium", color=INK)
    ax.grid(color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


# -------------------------------------------------------------------------------------------------
# Curves


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
    picture, axes = _axes(len(groups), columns=2)
    for ax, group in zip(axes, groups, strict=True):
        for name in (group, f"val_{group}"):
            if name in h:
                _curve(ax, h.x(name), h[name], validation=name != group)
        _plain(ax, "epochs", NAMES.get(group, group))
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
    picture, (ax,) = _axes(size=(4.8, 4.0))
    ax.axhspan(1e-4, 1e-2, color=COLOURS[2], alpha=0.08, linewidth=0)
    ax.axhline(1e-3, color=COLOURS[2], linewidth=1)
    for k, name in enumerate(names):
        style = {"color": COLOURS[k % len(COLOURS)], "linestyle": STYLES[k // len(COLOURS) % 4]}
        label = name.removeprefix("update_ratio/")
        ax.plot(h.x(name), h[name], label=label, linewidth=1, **style)
    ax.set_yscale("log")
    _plain(ax, "epochs", "|change of w| / |w| per step")
    picture.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return picture


def schedule(f: Callable[[int], float], steps: int, *, label: str = "value") -> Picture:
    """A schedule's value at steps 0 .. steps-1."""
    picture, (ax,) = _axes()
    ax.plot(range(steps), [f(t) for t in range(steps)], color=COLOURS[0])
    _plain(ax, "optimizer steps", label)
    return picture


# -------------------------------------------------------------------------------------------------
# Inside the network


def activations(
    snapshots: Sequence[Mapping[str, Any]], layers: Sequence[str] | None = None
) -> Picture:
    """Each layer's outputs as a histogram: at the first snapshot and at the last one.

    snapshots: those of `minnet.train.Activations`.   layers: names; default all of them.
    The y axis is the share of the outputs that falls into a bin, on a logarithmic scale.
    """
    if not snapshots:
        raise StateError("plot.activations needs at least one snapshot of train.Activations.")
    first, last = snapshots[0], snapshots[-1]
    layers = list(last["layers"]) if layers is None else layers
    picture, axes = _axes(len(layers), columns=3, size=(2.6, 2.3))
    for ax, layer in zip(axes, layers, strict=True):
        _histogram(ax, last, layer, color=COLOURS[5], fill=True)
        _histogram(ax, first, layer, color=COLOURS[1])
        _plain(ax, "output", "share", layer)
        ax.set_yscale("log")
        ax.tick_params(labelsize="x-small")
    handles, labels = axes[0].get_legend_handles_labels()
    picture.legend(
        handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize="small"
    )
    return picture


def _histogram(ax: Any, snapshot: Mapping[str, Any], layer: str, **style: Any) -> None:
    counts, edges = snapshot["layers"][layer]
    label = f"epoch {snapshot['epoch']:.0f}"
    ax.stairs(counts / max(counts.sum(), 1), edges, label=label, **style)


def tiles(images: np.ndarray, *, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """Images (N, H, W) or (N, H, W, 3) in a grid, each scaled to [0, 1] by its own range.

    Returns (rows (H + gap) - gap, columns (W + gap) - gap[, 3]); gaps and empty places are NaN.

    >>> tiles(np.arange(8.0).reshape(2, 2, 2), columns=2)[0].tolist()
    [0.0, 0.3333333333333333, nan, 0.0, 0.3333333333333333]
    """
    images = np.asarray(images, dtype=float)
    if images.ndim not in (3, 4) or images.size == 0:
        raise ShapeError(f"tiles needs images (N, H, W) or (N, H, W, 3), got {images.shape}.")
    N, H, W, *colour = images.shape
    columns = min(N, ceil(N**0.5)) if columns is None else columns
    axes = tuple(range(1, images.ndim))
    low, high = images.min(axis=axes, keepdims=True), images.max(axis=axes, keepdims=True)
    scaled = (images - low) / np.where(high > low, high - low, 1)
    grid = np.full((ceil(N / columns) * (H + gap), columns * (W + gap), *colour), np.nan)
    for k, image in enumerate(scaled):
        i, j = k // columns * (H + gap), k % columns * (W + gap)
        grid[i : i + H, j : j + W] = image
    return grid[: len(grid) - gap, : grid.shape[1] - gap]


def weights(
    W: np.ndarray, shape: tuple[int, int] | None = None, *, most: int = 64
) -> tuple[Picture, np.ndarray]:
    """What each unit of a first layer looks for, and the array that is shown (see `tiles`).

    W: (H W, units) of a linear layer, with shape=(H, W); or filters (units, 1 or 3, H, W).
    most: how many units are shown.   Each is scaled to its own range: black lowest, white highest.
    """
    W = np.asarray(W)
    if W.ndim == 2 and shape is not None and len(W) == prod(shape):
        images = W.T.reshape(-1, *shape)
    elif W.ndim == 4 and W.shape[1] in (1, 3):
        images = W[:, 0] if W.shape[1] == 1 else np.moveaxis(W, 1, -1)
    else:
        raise ShapeError(
            "plot.weights needs W of shape (H W, units) with shape=(H, W), or filters (units, 1 or "
            f"3, H, W); got {W.shape} with shape={shape}."
        )
    grid = tiles(images[:most])
    picture, (ax,) = _axes(size=(4.2, 4.2 * len(grid) / grid.shape[1]))
    ax.imshow(grid, cmap="gray", interpolation="nearest")
    ax.set_axis_off()
    return picture, grid


# -------------------------------------------------------------------------------------------------
# What it gets right and wrong


def confusion(counts: np.ndarray) -> Picture:
    """A confusion matrix: counts[i, j] examples of class i were called j; mistakes are coloured.

    The colour stands for the share of the class's examples, the diagonal is left white.
    """
    counts = np.asarray(counts)
    C = len(counts)
    picture, (ax,) = _axes(size=(4.4, 4.1))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = np.where(np.eye(C, dtype=bool), 0, share)
    top = max(wrong.max(), 1e-9)
    ax.imshow(wrong, cmap="Oranges", vmin=0, vmax=top)
    for (i, j), n in np.ndenumerate(counts):
        if n:
            weight = "normal" if i == j else "bold"
            colour = "#777777" if i == j else ("white" if wrong[i, j] > 0.7 * top else "black")
            ax.text(j, i, n, ha="center", va="center", color=colour, weight=weight, fontsize=9)
    ax.set(xlabel="called", ylabel="true class", xticks=range(C), yticks=range(C))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return picture


def examples(images: np.ndarray, captions: Sequence[str], *, columns: int = 6) -> Picture:
    """Images (N, H, W) in [0, 1], dark ink on white, each with its caption."""
    images = np.asarray(images)
    if images.ndim != 3 or len(images) != len(captions) or len(images) == 0:
        raise ShapeError(
            f"plot.examples needs (N, H, W) images and N captions, got {images.shape} and "
            f"{len(captions)}."
        )
    picture, axes = _axes(len(images), columns=columns, size=(0.85, 1.05))
    for ax, image, caption in zip(axes, images, captions, strict=True):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(caption, fontsize="small", color=INK, pad=3)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color(GRID)
    return picture
