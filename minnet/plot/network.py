"""Inside a network, and what it gets right and wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, prod
from typing import Any

import numpy as np

from ..errors import ShapeError, StateError
from .base import COLOURS, GRID, INK, Picture, label_axes, make_axes

__all__ = ["activations", "confusion", "examples", "tiles", "weights"]


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
    picture, axes = make_axes(len(layers), columns=3, size=(2.6, 2.3))
    for ax, layer in zip(axes, layers, strict=True):
        _histogram(ax, last, layer, color=COLOURS[5], fill=True)
        _histogram(ax, first, layer, color=COLOURS[1])
        label_axes(ax, "output", "share", layer)
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
    picture, (ax,) = make_axes(size=(4.2, 4.2 * len(grid) / grid.shape[1]))
    ax.imshow(grid, cmap="gray", interpolation="nearest")
    ax.set_axis_off()
    return picture, grid


def confusion(counts: np.ndarray) -> Picture:
    """A confusion matrix: counts[i, j] examples of class i were called j; mistakes are coloured.

    The colour stands for the share of the class's examples, the diagonal is left white.
    """
    counts = np.asarray(counts)
    C = len(counts)
    picture, (ax,) = make_axes(size=(4.4, 4.1))
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
    picture, axes = make_axes(len(images), columns=columns, size=(0.85, 1.05))
    for ax, image, caption in zip(axes, images, captions, strict=True):
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(caption, fontsize="small", color=INK, pad=3)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color(GRID)
    return picture
