"""What the series of a `History` say early: over- and underfitting, flat parts, noisy features."""

from __future__ import annotations

import numpy as np

from ..errors import ShapeError
from ..train import History
from .finding import Finding

__all__ = ["early_clues", "flat_part", "noisy_features"]


def flat_part(x: np.ndarray, y: np.ndarray, *, tol: float) -> tuple[float, float] | None:
    """(first x, last x) of the longest part of a curve that rises and falls by less than tol.

    The slope of a part is the range of its y over the range of its x, so that a valley is not
    flat.   tol: in units of y per unit of x.   None if no two neighbours are as close.
    Raises ShapeError unless x and y are vectors of one length.
    Source: Smith 2018, arXiv:1803.09820, section 3: the horizontal part of the test loss.

    >>> flat_part(np.arange(6.0), np.array([3.0, 2.0, 1.0, 1.01, 1.0, 1.5]), tol=0.1)
    (2.0, 4.0)
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ShapeError(f"flat_part needs vectors of one length, got {x.shape} and {y.shape}.")
    best: tuple[float, float] | None = None
    for i in range(len(x) - 1):
        rest = y[i:]
        heights = np.maximum.accumulate(rest) - np.minimum.accumulate(rest)
        flat = np.flatnonzero(heights[1:] < tol * (x[i + 1 :] - x[i]))
        if flat.size and (best is None or x[i + 1 + flat[-1]] - x[i] > best[1] - best[0]):
            best = float(x[i]), float(x[i + 1 + flat[-1]])
    return best


def early_clues(
    history: History, *, chance: float | None = None, epochs: int = 3, tol: float = 0.05
) -> list[Finding]:
    """What the first epochs already say, from "loss" and "val_loss"; both are means over epochs.

    overfitting: the validation loss rises while the training loss falls.   underfitting: both
    stay within the share ``tol`` of where they began, above half of ``chance``.
    chance: the loss of a model that has learned nothing; default: the first loss.
    Source: Smith 2018, arXiv:1803.09820, section 3.

    >>> h = History()
    >>> for t, (loss, val) in enumerate([(2.0, 2.1), (1.0, 2.3), (0.4, 2.8)]):
    ...     h.record("loss", loss, x=t + 1.0)
    ...     h.record("val_loss", val, x=t + 1.0)
    >>> [clue.kind for clue in early_clues(h)]
    ['overfitting']
    """
    val = history["val_loss"][:epochs]
    if len(val) < 2:
        return []
    x, loss = history.x("loss"), history["loss"]
    spans = [(x > k) & (x <= k + 1) for k in range(len(val))]
    train = np.array([loss[span].mean() for span in spans if span.any()])
    start = float(loss[0]) if chance is None else chance
    if len(train) > 1 and val[-1] > (1 + tol) * val.min() and train[-1] < (1 - tol) * train[0]:
        return [_overfits(train, val)]
    still = all(abs(c[-1] - c[0]) <= tol * abs(c[0]) for c in (train, val))
    return [_underfits(train, val)] if still and min(train[-1], val[-1]) > 0.5 * start else []


def _overfits(train: np.ndarray, val: np.ndarray) -> Finding:
    return Finding(
        "overfitting", "warning", "symptom",
        f"in {len(val)} epochs the training loss fell from {train[0]:.3g} to {train[-1]:.3g}, and "
        f"the validation loss rose from {val.min():.3g} to {val[-1]:.3g}.",
        "The model learns its examples by heart instead of what they have in common.",
        "Use more regularisation (weight decay, dropout, augmentation), a smaller model, more "
        "data, or a higher learning rate.",
    )  # fmt: skip


def _underfits(train: np.ndarray, val: np.ndarray) -> Finding:
    return Finding(
        "underfitting", "warning", "symptom",
        f"in {len(val)} epochs the training loss stayed near {train[-1]:.3g} and the validation "
        f"loss near {val[-1]:.3g}.",
        "Both are flat and high: nothing more is learned, not even from the training examples.",
        "Use a higher learning rate, less regularisation, or a larger model.",
    )  # fmt: skip


def noisy_features(history: History, *, tol: float = 0.9) -> Finding | None:
    """Whether the first layer's weights, seen as images, are still as rough as at the start.

    Needs the series of `minnet.train.FirstLayer`.   tol: trained features count as smooth below
    this share of the roughness at the start.
    Source: CS231n notes, "First-layer visualizations".

    >>> h = History()
    >>> for epoch, roughness in enumerate([1.1, 1.1, 1.05]):
    ...     h.record("roughness", roughness, x=epoch)
    >>> noisy_features(h).kind
    'noisy_features'
    """
    first, last = history["roughness"][[0, -1]]
    if not last > tol * first:
        return None
    return Finding(
        "noisy_features", "warning", "symptom",
        f"neighbouring pixels of the first layer's weights differ by {last:.2f} standard "
        f"deviations; at the start it was {first:.2f}, white noise has 1.13.",
        "Trained on images a first layer becomes smooth: edges, blobs, colours. Noise means that "
        "training has not converged, that the learning rate is wrong, or that there is too little "
        "regularisation.",
        "Train longer; try a learning rate three times as high and a third; raise weight_decay.",
    )  # fmt: skip
