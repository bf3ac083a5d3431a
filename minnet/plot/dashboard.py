"""One picture of a whole training run, kept up to date while it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.files import replacing
from ..errors import StateError
from ..train import Activations, FirstLayer, History, Monitor
from .base import COLOURS, STYLES, Picture, label_axes, make_axes
from .network import tiles

__all__ = ["Dashboard", "dashboard"]


def dashboard(
    h: History,
    *,
    snapshots: Sequence[Mapping[str, Any]] = (),
    images: np.ndarray | None = None,
) -> Picture:
    """Loss, accuracy, update ratios, activations, their gradients, first-layer weights.

    h: with the series of `minnet.train.UpdateRatios` if they are to be shown.   snapshots: those
    of `minnet.train.Activations`.   images: (units, H, W), such as ``FirstLayer.images``.
    Panels without data say so.   Raises StateError for a history without a loss.

    >>> h = History()
    >>> h.record("loss", 2.3, x=0.5)
    >>> len(dashboard(h).axes)
    6
    """
    if "loss" not in h:
        raise StateError(f"plot.dashboard needs the series 'loss', the history has {h.names()}.")
    picture, axes = make_axes(6, columns=3, size=(3.8, 2.8))
    loss, accuracy, ratios, units, weights, slopes = axes
    _pair(loss, h, "loss")
    _pair(accuracy, h, "accuracy")
    _ratios(ratios, h)
    latest = snapshots[-1] if snapshots else {}
    _units(units, latest.get("layers", {}), "activations", "train.Activations(x)")
    _units(slopes, latest.get("gradients", {}), "gradients", "Activations(x, targets=y)")
    if images is None:
        _empty(weights, "first-layer weights", "train.FirstLayer((H, W))")
    else:
        weights.imshow(tiles(images[:64]), cmap="gray", interpolation="nearest")
        weights.set_title("first-layer weights", loc="left", fontsize="medium")
    weights.set_axis_off()
    return picture


def _pair(ax: Any, h: History, name: str) -> None:
    """A series of the training and its validation."""
    if name not in h:
        _empty(ax, name, "class labels")
        return
    ax.plot(h.x(name), h[name], color=COLOURS[0], linewidth=0.8, label="training")
    if f"val_{name}" in h:
        x, y = h.x(f"val_{name}"), h[f"val_{name}"]
        ax.plot(x, y, STYLES[1], color=COLOURS[1], marker="o", markersize=2.5, label="validation")
        ax.legend(frameon=False, fontsize="small")
    label_axes(ax, "epochs", name, name)


def _ratios(ax: Any, h: History) -> None:
    names = [n for n in h.names() if n.startswith("update_ratio/")]
    if not names:
        _empty(ax, "update ratios", "train.UpdateRatios()")
        return
    ax.axhline(-3, color=COLOURS[2], linewidth=1)
    for k, name in enumerate(names):
        positive = h[name] > 0
        log = np.log10(h[name][positive])
        ax.plot(h.x(name)[positive], log, color=COLOURS[k % len(COLOURS)], linewidth=0.8)
    label_axes(ax, "epochs", "log10 |change of w| / |w|", "update ratios (line: 1e-3)")


def _units(ax: Any, layers: Mapping[str, Any], what: str, needs: str) -> None:
    """The last histogram of each layer, one above the other."""
    if not layers:
        _empty(ax, what, needs)
        return
    for k, (_, (counts, edges)) in enumerate(layers.items()):
        height = 0.9 * counts / max(counts.max(), 1)
        colour = COLOURS[k % len(COLOURS)]
        ax.stairs(k + height, edges, baseline=k, color=colour, fill=True, alpha=0.7)
    ax.set_xlim(*_middle(layers.values()))
    ax.locator_params(axis="x", nbins=4)
    ax.ticklabel_format(axis="x", scilimits=(-2, 3))
    label_axes(ax, what, "layer", f"{what} at the output of each layer")
    ax.set_yticks(range(len(layers)), list(layers), fontsize="x-small")


def _middle(histograms: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """The range that holds 98 % of the numbers of every histogram: single ones may lie outside."""
    low, high = [], []
    for counts, edges in histograms:
        share = np.cumsum(counts) / max(counts.sum(), 1)
        low.append(edges[np.searchsorted(share, 0.01)])
        high.append(edges[np.searchsorted(share, 0.99) + 1])
    return float(min(low)), float(max(high))


def _empty(ax: Any, title: str, needs: str) -> None:
    label_axes(ax, "", "", title)
    ax.set(xticks=[], yticks=[])
    ax.text(0.5, 0.5, f"needs {needs}", ha="center", va="center", transform=ax.transAxes)


class Dashboard(Monitor):
    """Draw the dashboard after every epoch: in a notebook live, elsewhere into a PNG file.

    path: the file, replaced whole each time; None writes none.   activations, first_layer: the
    monitors whose pictures are shown; pass them to `fit` too, before this one.

    ``fit(..., monitors=[ratios, activations, plot.Dashboard("run.png", activations=activations)])``
    """

    def __init__(
        self,
        path: str | Path | None = "dashboard.png",
        *,
        activations: Activations | None = None,
        first_layer: FirstLayer | None = None,
    ):
        self.path = None if path is None else Path(path)
        self.activations, self.first_layer = activations, first_layer
        self.picture: Picture | None = None
        self._handle: Any = None

    def epoch_end(self, run: Any) -> None:
        """Draw it anew."""
        self.picture = dashboard(
            run.history,
            snapshots=self.activations.snapshots if self.activations else (),
            images=self.first_layer.images if self.first_layer else None,
        )
        if self.path is not None:
            with replacing(self.path) as file:
                file.write(self.picture._repr_png_())
        self._show()

    def _show(self) -> None:
        """Replace the picture in the notebook cell, where there is one."""
        try:
            from IPython import display, get_ipython
        except ImportError:
            return
        if get_ipython() is None:
            return
        if self._handle is None:
            self._handle = display.display(self.picture, display_id=True)
        else:
            self._handle.update(self.picture)
