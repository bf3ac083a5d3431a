"""Calls of a whole model: which of them learned, and what the others evaluated."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np

from ..backend import to_host
from ..functional.targets import raw
from ..modes import is_grad_enabled
from ..nn import Module
from .measure import digests
from .reading import Reading
from .record import Evaluation

__all__ = ["Call", "Rows", "evaluation", "has_modes", "join"]

WHOLE = 0.8  # share of a batch beyond which it counts as part of the training set
BITS = 40.0  # rows that tell fewer apart are equal by chance, the more so if features agree
MODES = {"Dropout", "Dropout2d", "BatchNorm1d", "BatchNorm2d"}


def has_modes(module: Module | None) -> bool:
    """Whether training and eval mode differ for a model."""
    return module is not None and any(type(m).__name__ in MODES for m in module.modules())


class Call:
    """One call of the whole model after t steps, and the loss that followed, if it is read."""

    __slots__ = ("args", "learns", "module", "reading", "t", "training", "y")

    def __init__(self, module: Module | None, args: tuple, y: Any, t: int = 0, read: bool = True):
        self.module, self.args, self.y, self.t = module, args, y, t
        self.training = module.training if module is not None else True
        self.learns = is_grad_enabled()
        self.reading = Reading(y) if read or not self.learns else None

    def used(self) -> bool:
        """Whether backward went through the output: it frees what it has visited."""
        node = getattr(self.y, "_node", None)
        return node is not None and not node.values


class Rows:
    """Which examples were trained on, as far as was looked.

    coverage: the estimated share of the training set that is known: how many of the latest rows
    were known before.
    """

    def __init__(self) -> None:
        self.known: set[int] = set()
        self.coverage = 0.0

    def add(self, x: np.ndarray) -> None:
        """A training batch."""
        new = digests(x)
        share = sum(map(self.known.__contains__, new)) / max(len(new), 1)
        self.coverage = 0.7 * self.coverage + 0.3 * share
        self.known.update(new)

    def overlap(self, x: np.ndarray) -> tuple[int, int, float]:
        """(n, 0, 0) for n examples of the training set, else (0, n, trained ones among them).

        All 0 where too little was seen, or where equal rows are common and mean nothing.
        """
        found = digests(x)
        if self.coverage < 0.1 or (is_coarse(x) and len(set(found)) < 0.9 * len(found)):
            return 0, 0, 0.0
        share = sum(d in self.known for d in found) / len(found) / self.coverage
        return (len(x), 0, 0.0) if share > WHOLE else (0, len(x), share * len(x))


def is_coarse(x: np.ndarray) -> bool:
    """Whether different examples can well be equal by chance: few features, or few values.

    >>> is_coarse(np.eye(9)), is_coarse(np.random.default_rng(0).normal(size=(9, 9)))
    (True, False)
    """
    if x.dtype.kind in "iub" or x[0].size < 4:
        return True
    rows = x[:64].reshape(len(x[:64]), -1)
    bits = accumulate(_bits(rows[:, k]) for k in range(rows.shape[1]))
    return not any(total > BITS for total in bits) or len(np.unique(rows)) <= 3


def _bits(values: np.ndarray) -> float:
    """Entropy of a feature; many when hardly a value comes twice."""
    counts = np.unique(values, return_counts=True)[1]
    p = counts / counts.sum()
    return 24.0 if len(counts) > 0.9 * len(values) > 7 else float(-(p * np.log2(p)).sum())


def evaluation(call: Call, rows: Rows) -> Evaluation | None:
    """What a call without learning evaluated; None for what has no rows."""
    x = to_host(raw(call.args[0])) if call.args else None
    if not isinstance(x, np.ndarray) or x.ndim == 0 or not len(x):
        return None
    found = Evaluation(call.t, len(x), training=call.training and has_modes(call.module))
    if call.reading is not None:
        call.reading.finish()
        found.loss, found.accuracy = call.reading.value, call.reading.accuracy
    found.first = digests(x[:1])[0]
    found.whole, found.looked, found.seen = rows.overlap(x)
    found.coarse = is_coarse(x)
    values = x.astype(float) if x.dtype.kind == "f" else np.zeros(1)
    found.mean, found.std = float(values.mean()), float(values.std())
    return found


def join(passes: list[Evaluation], part: Evaluation | None) -> None:
    """Add one batch to the pass over the data that it belongs to."""
    if part is None:
        return
    if not passes or (passes[-1].t, passes[-1].training) != (part.t, part.training):
        passes.append(part)
        return
    old = passes[-1]
    old.again = old.again or part.first == old.first
    n = old.n + part.n
    for name in ("loss", "accuracy", "mean", "std"):
        value = (old.n * getattr(old, name) + part.n * getattr(part, name)) / n
        setattr(old, name, value)
    for name in ("n", "whole", "looked", "seen"):
        setattr(old, name, getattr(old, name) + getattr(part, name))
    old.asked, old.coarse = old.asked or part.asked, old.coarse or part.coarse
