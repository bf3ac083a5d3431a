"""What the operations after a model's output compute: which loss, of which scores and targets."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np

from ..backend import is_array, to_host
from ..functional.targets import raw
from ..tensor import Tensor

__all__ = ["Reading", "are_probabilities"]

LIMITS = {"relu": 0.0, "tanh": 1.0, "sigmoid": 1.0}  # activations, and where they cut scores off
RANGES = {"relu": (0.0, np.inf), "tanh": (-1.01, 1.01), "sigmoid": (-0.01, 1.01)}


def are_probabilities(scores: np.ndarray, axis: int = 1) -> bool:
    """All between 0 and 1, and every row sums to 1 (more than one column).

    >>> are_probabilities(np.array([[0.25, 0.75]])), are_probabilities(np.array([[2.0, -1.0]]))
    (True, False)
    """
    if scores.ndim < 2 or scores.shape[axis] < 2 or not scores.size:
        return False
    if not 0 <= scores.item(0) <= 1:
        return False  # most scores show it at once
    inside = bool((scores >= 0).all() and (scores <= 1).all())
    return inside and bool(np.allclose(scores.sum(axis=axis), 1, atol=1e-4))


class Reading:
    """Follows the operations of one loss.

    kind, scores, target: as far as they were recognised.   value: the mean loss per example.
    notes: {name: evidence} of what looked wrong.
    """

    def __init__(self, output: Any):
        self.output = output
        self.kind, self.value = "", nan
        self.scores: np.ndarray | None = None
        self.target: np.ndarray | None = None
        self.notes: dict[str, Any] = {}
        self._seen: set[str] = set()
        self._weighted = False
        self._difference: Any = None  # between scores and targets
        self._likely: tuple[float, ...] = ()  # what the loss is if it is a likelihood

    def on_op(self, op: Any, args: Any, settings: dict, y: Any) -> None:
        """Look at one operation."""
        reader = _READERS.get(op.name)
        if reader is not None:
            reader(self, args, settings, y)
        self._seen.add(op.name)

    def finish(self) -> None:
        """Compute the mean loss of the kinds that are made of several operations."""
        x, t = self.scores, self.target
        if self.kind == "binary" and (t is None or self._weighted or ((t < 0) | (t > 1)).any()):
            self.kind, self.target = "", None  # other losses have a softplus too
            if self._weighted:
                self.notes["weighted"] = True
            return
        if x is None or t is None or x.size != t.size:
            return
        with np.errstate(all="ignore"):  # a run that breaks down is measured too
            self._measure(x.reshape(t.shape), t)

    def _measure(self, x: np.ndarray, t: np.ndarray) -> None:
        if self.kind == "squares":
            self.value = float(((x - t) ** 2).mean())
        if self.kind == "distance":
            self.value = float(np.abs(x - t).mean())
        if self.kind == "binary" and "probability" not in self._seen:
            self.value = float((np.logaddexp(0, x) - t * x).mean())

    def confirm(self, loss: float) -> None:
        """Forget what was taken for a likelihood unless the loss is that number.

        It is the last thing asked of the operations: from here on no Tensor, and so no graph, is
        kept.
        """
        self.output = self._difference = None
        if not self._likely:
            return
        borne = bool(np.isclose(np.abs(self._likely), abs(loss), rtol=1e-3).any())
        if self.scores is not None and "raw" in self._seen and borne:
            self.notes["no_softmax"] = float(np.abs(self.scores).max())
        elif not borne:  # entries were picked for another end, such as the value of an action
            self.kind, self.value = "", nan
            for name in ("no_softmax", "no_logarithm"):
                self.notes.pop(name, None)

    @property
    def accuracy(self) -> float:
        """Share of right answers; NaN for other losses than those of classes."""
        x, t = self.scores, self.target
        if x is None or t is None or not t.size:
            return nan
        if self.kind in ("cross_entropy", "hinge") and x.ndim == 2 and len(x) == len(t):
            return float((x.argmax(axis=1) == (t if t.ndim == 1 else t.argmax(axis=1))).mean())
        if self.kind == "binary" and x.size == t.size:
            middle = 0.5 if "probability" in self._seen else 0
            return float(((x.ravel() > middle) == (t.ravel() > 0.5)).mean())
        return nan

    # -- one method for each operation that says something ----------------------------------------

    def _classes(self, kind: str, x: Any, target: np.ndarray, over: Any, y: Any) -> None:
        self.kind, self.scores, self.target = kind, to_host(raw(x)), target
        loss = to_host(raw(y))
        total = float(loss.item() if loss.size == 1 else loss.sum())
        total *= 1 if over is None else float(over)
        self.value = total / max(len(target), 1)
        made = _producer(x)
        if made == "sigmoid" or are_probabilities(self.scores):
            self.notes["probabilities"] = made
        elif made in LIMITS:
            self._clipped(x)

    def _clipped(self, x: Any) -> None:
        """Scores that an activation has limited."""
        made = _producer(x)
        if made in LIMITS:
            at_limit = np.isclose(np.abs(to_host(raw(x))), LIMITS[made], atol=0.03)
            self.notes["clipped_scores"] = made, float(at_limit.mean())

    def labels(self, args: Any, settings: dict, y: Any) -> None:
        self._classes("cross_entropy", args[0], to_host(settings["t"]), settings["over"], y)
        if settings["w"] is not None:
            self.kind, self.value = "", nan  # weighted: chance is not that of the labels

    def distribution(self, args: Any, settings: dict, y: Any) -> None:
        q = to_host(raw(args[1]))
        self._classes("cross_entropy", args[0], q.argmax(axis=1), settings["over"], y)

    def hinge(self, args: Any, settings: dict, y: Any) -> None:
        self._classes("hinge", args[0], to_host(settings["t"]), settings["over"], y)

    def softmax(self, args: Any, settings: dict, y: Any) -> None:
        self.scores = to_host(raw(args[0]))
        if _axis(settings, self.scores.ndim) == 0 and self.scores.ndim == 2:
            self.notes["over_examples"] = "softmax"

    def index(self, args: Any, settings: dict, y: Any) -> None:
        """The scores at the labels, x[range, t]: a log-likelihood written by hand, or `nll`."""
        key, x = settings.get("key"), to_host(raw(args[0]))
        if not (isinstance(key, tuple) and len(key) == 2 and x.ndim == 2):
            return
        t = np.asarray(to_host(raw(key[1]))) if is_array(raw(key[1])) else np.zeros(0)
        if t.ndim != 1 or t.dtype.kind not in "iu" or len(t) != len(x):
            return
        self.kind, self.target = "cross_entropy", t
        picked = x[np.arange(len(t)), t].astype(float)
        self._likely = float(picked.mean()), float(picked.sum())
        forms = (x, np.exp(np.minimum(x, 1)), np.exp(np.minimum(-x, 1)))
        if not any(are_probabilities(form) for form in forms):
            self.notes["no_softmax"] = float(np.abs(x).max())
        self.scores = -x if forms[2].sum() and are_probabilities(forms[2]) else x
        if are_probabilities(x):
            self.notes["no_logarithm"] = float(x.min())
            x = np.log(np.maximum(x, 1e-30))
        self.value = float(np.abs(x[np.arange(len(t)), t]).mean())

    def logarithm(self, args: Any, settings: dict, y: Any) -> None:
        p = to_host(raw(args[0]))
        if p.size and bool(((p >= 0) & (p <= 1)).all()):
            self._seen.add("probability")
            self.scores = p if self.kind != "cross_entropy" else self.scores
        elif args[0] is self.output:
            self.notes["log_of_scores"] = float(p.min())

    def difference(self, args: Any, settings: dict, y: Any) -> None:
        fixed = [k for k in (0, 1) if self._fixed(args[k])]
        if len(fixed) != 1 or not np.size(raw(args[fixed[0]])) or self.target is not None:
            return
        x, t = to_host(raw(args[1 - fixed[0]])), np.asarray(to_host(raw(args[fixed[0]])))
        if t.ndim == 0 or x.size < 2:
            return
        if t.shape != x.shape and sorted((t.ndim, x.ndim)) == [1, 2] and y.size > x.size:
            self.notes["broadcast"] = (x.shape, t.shape, y.shape)
        self.scores, self.target, self._difference = x, t, y
        low, high = RANGES.get(_producer(args[1 - fixed[0]]), (-np.inf, np.inf))
        if bool(((t < low) | (t > high)).any()):
            self._clipped(args[1 - fixed[0]])

    def _fixed(self, a: Any) -> bool:
        """Whether an argument is none of the model's making, also where no graph is recorded."""
        return a is not self.output and not getattr(a, "requires_grad", False)

    def squares(self, args: Any, settings: dict, y: Any) -> None:
        if args[0] is self._difference and not self.kind and self.target is not None:
            self.kind = "squares"

    def distance(self, args: Any, settings: dict, y: Any) -> None:
        if args[0] is self._difference and not self.kind and self.target is not None:
            self.kind = "distance"

    def softplus(self, args: Any, settings: dict, y: Any) -> None:
        x = to_host(raw(args[0]))
        self.kind, self.scores = "binary", x
        if _producer(args[0]) == "sigmoid":
            self.notes["probabilities"] = "sigmoid"
        elif _producer(args[0]) == "relu":
            self._clipped(args[0])

    def product(self, args: Any, settings: dict, y: Any) -> None:
        fixed = [raw(a) for a in args if self._fixed(a)]
        if len(fixed) != 1 or self.kind in ("cross_entropy", "squares", "distance"):
            return
        t = to_host(fixed[0]) if is_array(fixed[0]) else np.zeros(0)
        if self._seen & {"softplus"} and self.scores is not None and t.size == self.scores.size:
            other = self.target if self.kind == "binary" else None
            self._weighted |= bool((t > 1).any())
            if other is not None and other.shape == t.shape:
                self._weighted |= not np.allclose(t + other, 1, atol=1e-4)
        if self.target is not None:
            return
        self._divergence(t, to_host(raw(args[0 if not self._fixed(args[0]) else 1])))
        yes_or_no = t.size > 1 and self.scores is not None and t.size == self.scores.size
        if yes_or_no and bool(((t >= 0) & (t <= 1)).all()) and self._seen & {"softplus", "log"}:
            self.kind, self.target = "binary", t

    def _divergence(self, p: np.ndarray, x: np.ndarray) -> None:
        """p log q where log q are raw scores; which number the loss is tells `confirm`."""
        if p.shape != x.shape or self.kind or not are_probabilities(p):
            return
        if are_probabilities(np.exp(np.minimum(x, 1))) or are_probabilities(x):
            return
        cross = -float((p * x).sum(axis=1).mean())
        own = float((p * np.log(np.maximum(p, 1e-30))).sum(axis=1).mean())
        sums = np.array([cross, cross + own])
        self.scores, self._likely = x, (*sums, *(sums * len(p)), *(sums / p.shape[1]))
        self._seen.add("raw")


_READERS = {
    "label_cross_entropy": Reading.labels,
    "soft_cross_entropy": Reading.distribution,
    "weston_watkins": Reading.hinge,
    "softmax": Reading.softmax,
    "log_softmax": Reading.softmax,
    "index": Reading.index,
    "log": Reading.logarithm,
    "subtract": Reading.difference,
    "square": Reading.squares,
    "power": Reading.squares,
    "multiply": Reading.product,
    "softplus": Reading.softplus,
    "abs": Reading.distance,
    "absolute": Reading.distance,
    "huber_of": Reading.distance,
}


def _producer(x: Any) -> str:
    """The name of the operation that made x; "" for arrays and leaves."""
    return x._node.op.name if isinstance(x, Tensor) and x._node is not None else ""


def _axis(settings: dict, ndim: int) -> int | None:
    axis = settings.get("axis", -1)
    return axis % ndim if isinstance(axis, int) and ndim else None
