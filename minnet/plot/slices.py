"""Slices through the loss of a network."""

from __future__ import annotations

from ..dynamics import Slice
from .base import COLOURS, INK, Picture, label_axes, make_axes
from .paths import bands

__all__ = ["loss_slice"]


def loss_slice(s: Slice) -> Picture:
    """A curve of one direction, labelled contours of two; the cross marks where theta is.

    >>> import numpy as np
    >>> from minnet.dynamics import Slice
    >>> at = np.array([-1.0, 0.0, 1.0])
    >>> loss_slice(Slice((at,), at**2, ("a",))).axes[0].get_xlabel()
    'a'
    """
    picture, (ax,) = make_axes(size=(4.4, 3.6))
    if len(s.at) == 1:
        ax.plot(s.at[0], s.losses, color=COLOURS[0])
        label_axes(ax, s.labels[0], "mean loss")
        return picture
    a, b = s.at
    levels = bands(s.losses)
    shades = [str(0.72 + 0.25 * k / len(levels)) for k in range(len(levels) - 1)]
    ax.contourf(a, b, s.losses.T, levels=levels, colors=shades)
    lines = ax.contour(a, b, s.losses.T, levels=levels, colors=COLOURS[0], linewidths=0.7)
    ax.clabel(lines, fontsize="x-small", fmt="%.3g")
    ax.plot(0, 0, "x", color=INK, markersize=8, markeredgewidth=2)
    label_axes(ax, s.labels[0], s.labels[1], "mean loss")
    ax.grid(False)
    return picture
