"""Experiments on a copy of the untrained model, when the curves alone leave the cause open."""

from __future__ import annotations

import copy
from math import asin, isfinite, pi
from typing import Any

import numpy as np

from .. import functional as F
from ..nn import Dropout, Module
from ..optim import Adam
from .leaks import mixing
from .record import Record

__all__ = ["examine", "memorises", "neighbours"]

OPEN = 0.3  # with more than 30 % of chance gained nothing needs explaining
EXAMPLES, STEPS = 20, 200
MOST = 400  # examples whose neighbours are looked for
WIDEST = 1000  # features of an example


def examine(model: Module | None, examples: list[tuple[Any, Any]], record: Record) -> None:
    """Add the facts "memorises", "neighbours" and "mixes_examples" to the record."""
    if examples and isfinite(record.start):
        with np.errstate(all="ignore"):
            _examine(model, examples, record)


def _examine(model: Module | None, examples: list[tuple[Any, Any]], record: Record) -> None:
    if model is not None and "mixes_examples" not in record.facts:
        found = mixing(copy.deepcopy(model).eval(), examples[0][0][:8])
        if found:
            record.facts["mixes_examples"] = found
    if record.skill > OPEN:
        return
    drops = [m.p for m in (model.modules() if model else ()) if isinstance(m, Dropout)]
    record.facts["dropout"] = max(drops, default=0.0)
    told = neighbours(examples, record.kind)
    if told is not None:
        record.facts["neighbours"] = told
    known = memorises(model, examples, record.kind) if model is not None else None
    if known is not None:
        record.facts["memorises"] = known


def memorises(model: Module, examples: list[tuple[Any, Any]], kind: str) -> bool | None:
    """Whether a copy learns 20 examples by heart; None if the kind of loss does not say how."""
    losses: dict[str, Any] = {
        "cross_entropy": F.cross_entropy,
        "hinge": F.multiclass_hinge,
        "squares": lambda x, t: F.mse(x, t.reshape(x.shape)),
        "distance": lambda x, t: F.l1(x, t.reshape(x.shape)),
        "binary": lambda x, t: F.binary_cross_entropy_with_logits(x, t.reshape(x.shape)),
    }
    loss_fn = losses.get(kind)
    if loss_fn is None:
        return None
    x, t = _few(examples, EXAMPLES)
    twin = copy.deepcopy(model).train().requires_grad_(True)
    for module in twin.modules():
        if isinstance(module, Dropout):
            module.eval()
    try:
        return _learns(twin, loss_fn, x, t)
    except (ValueError, TypeError, ArithmeticError, RuntimeError):
        return None  # the script's loss was fed in a way of its own


def _learns(twin: Module, loss_fn: Any, x: Any, t: Any) -> bool:
    opt = Adam(twin.parameters(), lr=1e-2)
    first = last = float(loss_fn(twin(x), t))
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            loss = loss_fn(twin(x), t)
            opt.zero_grad()
            loss.backward()
            opt.step()
            last = loss.item()
            if not isfinite(last) or last < 0.05 * first:
                break
    return bool(last < 0.3 * first)


def neighbours(examples: list[tuple[Any, Any]], kind: str) -> tuple[float, float, float] | None:
    """(share of examples whose label the others tell, the share by chance, its deviation).

    The others tell by the nearest of them, or by ridge regression on them, whichever does better.
    Regression targets count as right on the right side of their median.  None for sequences of
    tokens, for which distance means little.
    """
    x, t = _few(examples, MOST)
    if x.dtype.kind != "f" or len(x) < 40 or t.size != len(t) or not np.isfinite(x).all():
        return None
    if x[0].size > WIDEST:
        return None  # a linear rule would need more examples than features
    t = t.ravel()
    flat = x.reshape(len(x), -1).astype(float)
    if kind in ("squares", "distance"):
        return _correlated(flat, t.astype(float))
    hits = float((t[_distances(flat).argmin(axis=1)] == t).mean())
    classes, counts = np.unique(t, return_counts=True)
    p = float(counts.max()) / len(t)  # always naming the most frequent one does as well
    best = _ridge(flat, t[:, None] == classes).argmax(axis=1)
    hits = max(hits, float((classes[best] == t).mean()))
    return hits, p, (p * (1 - p) / len(t)) ** 0.5


def _correlated(x: np.ndarray, t: np.ndarray) -> tuple[float, float, float]:
    """The same for values: from the correlation r of targets with what the others predict.

    Of two normal variables with correlation r the share 1/2 + asin(r)/pi is on equal sides.
    """
    ranks = (t.argsort().argsort() - (len(t) - 1) / 2) / len(t)  # outliers say no more than others
    nearest = ranks[_distances(x).argmin(axis=1)]
    guesses = (_ridge(x, ranks[:, None])[:, 0], nearest)
    r = max(float(np.nan_to_num(np.corrcoef(guess, ranks)[0, 1])) for guess in guesses)
    return 0.5 + asin(max(r, 0.0)) / pi, 0.5, 1 / (pi * len(t) ** 0.5)


def _distances(x: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs of rows; infinite between equal ones."""
    squares = (x**2).sum(axis=1)
    distance = squares[:, None] + squares - 2 * x @ x.T
    same = np.isclose(distance, 0, atol=1e-9 * max(float(squares.max()), 1e-12))
    distance[same] = np.inf  # the example itself, and its copies from other epochs
    return distance


def _ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What ridge regression on all other examples predicts for each example.

    H = x (x^T x + alpha I)^-1 x^T;   leaving example i out predicts (H y - H_ii y)_i / (1 - H_ii).
    """
    x = np.column_stack([(x - x.mean(axis=0)) / (x.std(axis=0) + 1e-12), np.ones(len(x))])
    alpha = 0.1 * len(x)
    H = x @ np.linalg.solve(x.T @ x + alpha * np.eye(x.shape[1]), x.T)
    h = np.diag(H)[:, None]
    return (H @ y - h * y) / (1 - h)


def _few(examples: list[tuple[Any, Any]], most: int) -> tuple[np.ndarray, np.ndarray]:
    """The first examples of the recorded batches, no two with the same input."""
    width = min(len(x) for x, _ in examples)
    x = np.concatenate([x[:width] for x, _ in examples])
    t = np.concatenate([t[:width] for _, t in examples])
    rows = np.unique(x.reshape(len(x), -1), axis=0, return_index=True)[1]
    rows = np.sort(rows)[:most]
    return x[rows], t[rows]
