"""Experiments on a copy of the untrained model, when the curves alone leave the cause open."""

from __future__ import annotations

import copy
from math import isfinite
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
    Regression targets are labelled by being above or below their median.  None for sequences of
    tokens, for which distance means little.
    """
    x, t = _few(examples, MOST)
    if x.dtype.kind != "f" or len(x) < 40 or t.size != len(t) or not np.isfinite(x).all():
        return None
    if x[0].size > WIDEST:
        return None  # a linear rule would need more examples than features
    t = t.ravel()
    if kind == "squares":
        t = t > np.median(t)
    flat = x.reshape(len(x), -1).astype(float)
    squares = (flat**2).sum(axis=1)
    distance = squares[:, None] + squares - 2 * flat @ flat.T
    same = np.isclose(distance, 0, atol=1e-9 * max(float(squares.max()), 1e-12))
    distance[same] = np.inf  # the example itself, and its copies from other epochs
    hits = float((t[distance.argmin(axis=1)] == t).mean())
    classes, counts = np.unique(t, return_counts=True)
    p = float(counts.max()) / len(t)  # always naming the most frequent one does as well
    hits = max(hits, float((classes[_ridge(flat, t[:, None] == classes)] == t).mean()))
    return hits, p, (p * (1 - p) / len(t)) ** 0.5


def _ridge(x: np.ndarray, one_hot: np.ndarray) -> np.ndarray:
    """The class that ridge regression on all other examples names, for each example.

    H = x (x^T x + alpha I)^-1 x^T;   leaving example i out predicts (H y - H_ii y)_i / (1 - H_ii).
    """
    x = np.column_stack([(x - x.mean(axis=0)) / (x.std(axis=0) + 1e-12), np.ones(len(x))])
    alpha = 0.1 * len(x)
    H = x @ np.linalg.solve(x.T @ x + alpha * np.eye(x.shape[1]), x.T)
    h = np.diag(H)[:, None]
    return ((H @ one_hot - h * one_hot) / (1 - h)).argmax(axis=1)


def _few(examples: list[tuple[Any, Any]], most: int) -> tuple[np.ndarray, np.ndarray]:
    """The first examples of the recorded batches, no two with the same input."""
    width = min(len(x) for x, _ in examples)
    x = np.concatenate([x[:width] for x, _ in examples])
    t = np.concatenate([t[:width] for _, t in examples])
    rows = np.unique(x.reshape(len(x), -1), axis=0, return_index=True)[1]
    rows = np.sort(rows)[:most]
    return x[rows], t[rows]
