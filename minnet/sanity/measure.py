"""The numbers that a sampled step leaves in a `Record`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import to_host
from ..functional.targets import raw
from .reading import Reading
from .record import Batch, Units, Weights

__all__ = ["about_batch", "about_units", "about_weights", "digests"]

SATURATED = 0.97  # |tanh| above it has a slope below 6 %
ROWS = 512  # at most so many examples are looked at


def about_batch(x: Any, reading: Reading) -> Batch:
    """What went in: x, the model's argument, and what was read of the loss.

    Deviations are per feature, over examples and, for images and sequences, positions.
    """
    batch = Batch(loss=reading.value, accuracy=reading.accuracy)
    if reading.target is not None:
        batch.target = np.array(reading.target, dtype=float).ravel()[: 8 * ROWS]
    if reading.scores is not None and reading.scores.ndim > 1:
        batch.outputs = reading.scores.shape[1]
    x = to_host(raw(x)) if x is not None else np.zeros(())
    if not isinstance(x, np.ndarray) or x.ndim == 0 or not len(x):
        return batch
    batch.n = len(x)
    batch.same = len(x) > 1 and bool((x[0] == x[1]).all() and (x[:ROWS] == x[:1]).all())
    if x.dtype.kind == "f" and x.ndim > 1:
        values = x[:ROWS].reshape(min(len(x), ROWS), -1).astype(float)
        means, squares = values.mean(axis=0), np.einsum("ij,ij->j", values, values) / len(values)
        batch.mean = float(means.mean())
        batch.std = float(max(squares.mean() - batch.mean**2, 0)) ** 0.5
        features = np.sqrt(np.maximum(squares - means**2, 0))
        middle = float(np.partition(features, features.size // 2)[features.size // 2])
        batch.uneven = float(features.max()) / middle if middle > 0 else 1.0
    return batch


def about_units(k: int, op: str, y: Any) -> Units:
    """The k-th activation of a forward pass; units are channels (axis 1 of images, else the last).

    >>> about_units(0, "relu", np.array([[0.0, 2.0], [0.0, 0.0]])).active.tolist()
    [False, True]
    """
    y = to_host(y)[:ROWS]
    axis = 1 if y.ndim == 4 else y.ndim - 1
    others = tuple(a for a in range(y.ndim) if a != axis)
    centred = 2 * y - 1 if op == "sigmoid" else y
    flat = float((np.abs(centred) > SATURATED).mean()) if op != "relu" else 0.0
    spread = float(y.std(axis=0).mean())
    return Units(f"{op} {k + 1}", op, (y > 0).any(axis=others), flat, spread)


def about_weights(name: str, owner: Any, p: Any, before: tuple[Any, Any]) -> Weights:
    """Parameter p after a step.   owner: (p, group) in its optimizer or None.

    before: the values of p and the gradient that backward made, both before the step.
    """
    w, g = (to_host(a).ravel() for a in before)
    change = to_host(raw(p)).ravel() - w
    used = g if p._grad is None else to_host(raw(p._grad)).ravel()
    alpha = owner[1].get("weight_decay", 0.0) if owner is not None else 0.0
    matrix = before[0].ndim == 2 and before[0].shape[1] > 1
    after = to_host(raw(p))
    return Weights(
        name,
        tuple(before[0].shape),
        norm=_norm(w),
        gradient=_norm(g),
        change=_norm(change),
        decay=float(alpha) * _norm(w),
        slope=_cosine(change, g),
        agreement=_cosine(used, g),
        alike=matrix and _alike(after),
        constant=matrix and bool(w[0] != 0 and (w == w[0]).all()),
        fan_in=_fan_in(before[0].shape),
    )


def digests(x: np.ndarray) -> list[int]:
    """One number per row: equal rows have equal numbers.

    >>> a, b, c = digests(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]]))
    >>> a == b, a == c
    (True, False)
    """
    return [hash(row.tobytes()) for row in np.ascontiguousarray(x[:ROWS])]


def _alike(w: np.ndarray) -> bool:
    """All columns equal, but for a thousandth of the largest number."""
    return bool(np.abs(w - w[:, :1]).max() <= 1e-3 * np.abs(w).max())


def _fan_in(shape: tuple[int, ...]) -> int:
    """Inputs per unit of a Linear (in, out) or a filter (out, in, h, w); 0 for the rest."""
    if len(shape) == 2:
        return shape[0]
    return int(np.prod(shape[1:])) if len(shape) > 2 else 0


def _norm(a: np.ndarray) -> float:
    return float(np.sqrt(np.vdot(a, a)))


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """a b / (|a| |b|), and 0 if one of them is zero."""
    size = _norm(a) * _norm(b)
    return float(np.vdot(a, b)) / size if size > 0 else 0.0
