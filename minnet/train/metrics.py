"""Measures of a classifier, computed from its scores (logits or probabilities)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import array_module, as_array, to_host
from ..errors import DTypeError, ShapeError, ValueRangeError
from ..tensor import Tensor

__all__ = ["accuracy", "confusion_matrix", "top_k_accuracy"]


def _pair(who: str, scores: Any, y: Any) -> tuple[Any, Any]:
    scores = scores.data if isinstance(scores, Tensor) else as_array(scores)
    y = y.data if isinstance(y, Tensor) else as_array(y)
    if scores.ndim < 2 or y.shape != (scores.shape[0], *scores.shape[2:]):
        raise ShapeError(
            f"{who} needs scores (N, C, ...) and labels (N, ...), got {scores.shape} and {y.shape}."
        )
    if y.size == 0:
        raise ShapeError(f"{who} needs at least one example, got none.")
    return scores, y


def _require_integers(who: str, y: Any) -> None:
    if y.dtype.kind not in "iu":
        raise DTypeError(f"{who} needs integer labels, got {y.dtype}: use y.astype(int).")


def _share(hits: Any) -> Any:
    """The share of True: a number; on a GPU it stays there, as reading it would stop the device."""
    share = hits.mean()
    return float(share) if array_module(hits) is np else share


def _surely_numbers(scores: Any) -> bool:
    """True if there is no NaN, told by a sum of squares; False on a GPU, which it would stop."""
    if type(scores) is not np.ndarray:
        return False
    total = np.vdot(scores, scores)
    return bool(total == total)


def accuracy(scores: Any, y: Any) -> float:
    """Share of examples whose highest score is at the label.   scores: (N, C, ...), y: (N, ...).

    Scores with a NaN among them are never right.  Of arrays on a GPU it is an array of one number
    there.

    >>> accuracy(np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([0, 0]))
    0.5
    """
    scores, y = _pair("accuracy", scores, y)
    hits = scores.argmax(axis=1) == y
    return _share(hits if _surely_numbers(scores) else hits & (scores == scores).all(axis=1))


def top_k_accuracy(scores: Any, y: Any, *, k: int = 5) -> float:
    """Share of examples whose label is among the k highest scores; a tie counts against it.

    A NaN counts as the highest score of another class, and never as right itself.

    >>> top_k_accuracy(np.array([[3.0, 2.0, 1.0]]), np.array([1]), k=2)
    1.0
    """
    scores, y = _pair("top_k_accuracy", scores, y)
    _require_integers("top_k_accuracy", y)
    if not 1 <= k <= scores.shape[1]:
        raise ValueRangeError(f"top_k_accuracy needs 1 <= k <= {scores.shape[1]}, got {k}.")
    xp = array_module(scores)
    own = xp.take_along_axis(scores, xp.expand_dims(y, 1), axis=1)
    rank = (~(scores < own)).sum(axis=1)  # its own score counts once, and NaN is never below
    return _share((rank <= k) & (own == own).squeeze(1))


def confusion_matrix(scores: Any, y: Any) -> np.ndarray:
    """Counts[i, j] of examples of class i that were called class j: shape (C, C).

    Raises ValueRangeError for NaN among the scores, which calls no class.

    >>> confusion_matrix(np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([0, 0]))
    array([[1, 1],
           [0, 0]])
    """
    scores, y = _pair("confusion_matrix", scores, y)
    _require_integers("confusion_matrix", y)
    classes = scores.shape[1]
    if not (int(y.min()) >= 0 and int(y.max()) < classes):
        raise ValueRangeError(f"confusion_matrix needs labels in 0..{classes - 1}.")
    if (scores != scores).any():
        raise ValueRangeError("confusion_matrix needs scores that are numbers, got NaN.")
    pairs = to_host(y).ravel() * classes + to_host(scores.argmax(axis=1)).ravel()
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
