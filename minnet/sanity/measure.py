"""The numbers that a sampled step leaves in a `Record`."""

from __future__ import annotations

from math import isfinite, nan
from typing import Any

import numpy as np

from ..backend import array_module, to_host
from .reading import Reading
from .record import Batch, Units, Weights

__all__ = ["about_batch", "about_units", "about_weights", "digests", "is_random"]

SATURATED = 0.97  # |tanh| above it has a slope below 6 %
EDGE = 1.1  # a random matrix stays within some percent of its largest expected singular value
ROWS = 512  # at most so many examples are looked at


def all_finite(a: Any) -> bool:
    """No NaN and no Inf, for the price of one product a a unless that overflows.

    >>> all_finite(np.array([1e200])), all_finite(np.array([np.nan])), all_finite(np.array([3]))
    (True, False, True)
    """
    if a.dtype.kind != "f" or isfinite(np.vdot(a, a)):  # unlike dot it does not warn
        return True
    return bool(array_module(a).isfinite(a).all())


def about_batch(x: Any, reading: Reading, *, moments: bool = True) -> Batch:
    """What went in: x, the model's argument if it is an array, and what was read of the loss.

    Deviations are per feature, over examples and, for images and sequences, positions.
    moments: measure mean and deviations too, else they are NaN.
    """
    batch = Batch(loss=reading.value, accuracy=reading.accuracy)
    target = reading.target
    if target is not None and target.ndim and len(target):
        batch.columns = target.size // len(target)
        rows = max(8 * ROWS // max(batch.columns, 1), 8)
        batch.target = np.array(target[:rows], dtype=float).ravel()
    if reading.scores is not None and reading.scores.ndim > 1:
        batch.outputs = reading.scores.shape[1]
    if x is None or not len(x):
        return batch
    batch.n = len(x)
    batch.same = len(x) > 1 and bool((x[0] == x[1]).all() and (x[:ROWS] == x[:1]).all())
    if not moments:
        batch.mean = batch.std = nan
    elif x.dtype.kind == "f" and x.ndim > 1:
        values = x[:ROWS].reshape(min(len(x), ROWS), -1).astype(float)
        means, squares = values.mean(axis=0), np.einsum("ij,ij->j", values, values) / len(values)
        batch.mean = float(means.mean())
        batch.std = float(max(squares.mean() - batch.mean**2, 0)) ** 0.5
        features = np.sqrt(np.maximum(squares - means**2, 0))
        middle = float(np.partition(features, features.size // 2)[features.size // 2])
        batch.uneven = float(features.max()) / middle if middle > 0 else 1.0
    return batch


def about_units(k: int, op: str, y: Any, *, start: bool = True) -> Units:
    """The k-th activation of a forward pass; units are channels (axis 1 of images, else the last).

    start: measure also how much the outputs differ between examples.

    >>> about_units(0, "relu", np.array([[0.0, 2.0], [0.0, 0.0]])).active.tolist()
    [False, True]
    """
    y = to_host(y)[:ROWS]
    axis = 1 if y.ndim == 4 else y.ndim - 1
    others = tuple(a for a in range(y.ndim) if a != axis)
    centred = 2 * y - 1 if op == "sigmoid" else y
    flat = float((np.abs(centred) > SATURATED).mean()) if op != "relu" else 0.0
    spread = float(y.std(axis=0).mean()) if start else nan
    return Units(f"{op} {k + 1}", op, (y > 0).any(axis=others), flat, spread)


def about_weights(
    name: str, before: Any, grad: Any, after: Any, used: Any,
    *, alpha: float, start: bool, table: bool,
) -> Weights:  # fmt: skip
    """One step of a parameter: w before it and after, the gradient of backward, the .grad used.

    alpha: weight decay.   start: look also for units that are alike.   table: the rows are looked
    up, so they are not multiplied by anything.
    """
    change = after - before
    norm, gradient, moved = _norm(before), _norm(grad), _norm(change)
    matrix = start and after.ndim > 1 and _columns(after).shape[1] > 1
    return Weights(
        name,
        after.shape,
        norm=norm,
        gradient=gradient,
        change=moved,
        decay=alpha * norm,
        slope=_cosine(change, grad, moved * gradient),
        agreement=_cosine(used, grad, _norm(used) * gradient),
        alike=matrix and _alike(_columns(after)),
        constant=matrix and bool(before.flat[0] != 0 and (before == before.flat[0]).all()),
        fan_in=0 if table else _fan_in(after.shape),
    )


def digests(x: np.ndarray) -> list[int]:
    """One number per row: equal rows have equal numbers.

    >>> a, b, c = digests(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]]))
    >>> a == b, a == c
    (True, False)
    """
    rows = np.ascontiguousarray(x[:ROWS]).reshape(len(x[:ROWS]), -1)
    width = rows.shape[1] * rows.itemsize
    return [*map(hash, rows.view(f"V{width}").ravel().tolist())] if width else [0] * len(rows)


def _alike(w: np.ndarray) -> bool:
    """All columns equal, but for a thousandth of the largest number."""
    return bool(np.abs(w - w[:, :1]).max() <= 1e-3 * np.abs(w).max())


def _columns(w: np.ndarray) -> np.ndarray:
    """One column per unit: of a filter bank (out, in, h, w) the transposed rows."""
    return w if w.ndim == 2 else w.reshape(len(w), -1).T


def is_random(w: np.ndarray) -> bool:
    """Whether a matrix looks like independent draws: no direction stands out.

    The largest singular value of n x m independent numbers of deviation s is near
    s (sqrt n + sqrt m); learning adds directions beyond it, and an orthogonal or constant matrix
    stays far below.   Source: Marchenko & Pastur 1967; Martin & Mahoney 2021, arXiv:1810.01075.

    >>> w = np.random.default_rng(0).normal(size=(64, 32))
    >>> is_random(w), is_random(w + 0.3), is_random(np.eye(64))
    (True, False, False)
    """
    if w.ndim < 2 or min(w.shape[:2]) < 2 or not np.isfinite(w).all():
        return False
    w = _columns(w)
    edge = float(np.sqrt((w**2).mean())) * sum(n**0.5 for n in w.shape)
    return bool(0.75 * edge < np.linalg.norm(w, 2) < EDGE * edge)


def _fan_in(shape: tuple[int, ...]) -> int:
    """Inputs per unit of a Linear (in, out) or a filter (out, in, h, w); 0 for the rest."""
    if len(shape) == 2:
        return shape[0]
    return int(np.prod(shape[1:])) if len(shape) > 2 else 0


def _norm(a: np.ndarray) -> float:
    return float(np.vdot(a, a)) ** 0.5


def _cosine(a: np.ndarray, b: np.ndarray, size: float) -> float:
    """a b / (|a| |b|) for size = |a| |b|, and 0 if that is zero."""
    return float(np.vdot(a, b)) / size if size > 0 else 0.0
