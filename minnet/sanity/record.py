"""What was seen of a training run, as plain numbers: the detectors read it and compute the rest.

A `Record` can be filled by hand (tests do), or by a `Recorder` that watches a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite, nan, prod, sqrt
from typing import Any

import numpy as np

__all__ = ["Batch", "Evaluation", "Record", "Sample", "Units", "Weights"]

POOR = 0.3  # of chance gained
FAINT = 0.15  # more right answers than by chance
SMOOTH = 0.3  # a penalty changes less, and turns less often, than the loss of the batches does
UNLEARNED = 0.05  # within 5 % of chance, the tolerance of the check before learning


def _entropy(y: np.ndarray) -> np.ndarray:
    """-q log q - (1 - q) log(1 - q) for the mean q of each column."""
    q = np.clip(y.mean(axis=0), 1e-12, 1 - 1e-12)
    return -q * np.log(q) - (1 - q) * np.log1p(-q)


# the loss of the best constant, for each column of the targets
GUESSES: dict[str, Any] = {
    "binary": _entropy,
    "squares": lambda y: y.var(axis=0),
    "distance": lambda y: np.abs(y - np.median(y, axis=0)).mean(axis=0),
}


@dataclass
class Weights:
    """One parameter w at one sampled step; norms are Euclidean.

    gradient: |g| that backward made.   change: |delta w| that the step applied.
    decay: alpha |w|, the pull of weight decay.   slope: cosine of delta w with g; negative is
    downhill.   agreement: cosine of g with the .grad that the optimizer was given.
    alike: whether all units of a weight matrix are the same after it.   constant: whether all its
    numbers were, and not 0, before it.   fan_in: inputs per unit, or 0.
    """

    name: str
    shape: tuple[int, ...] = ()
    norm: float = 1.0
    gradient: float = 1.0
    change: float = 1e-3
    decay: float = 0.0
    slope: float = -1.0
    agreement: float = 1.0
    alike: bool = False
    constant: bool = False
    fan_in: int = 0

    @property
    def ratio(self) -> float:
        """|delta w| / |w|; NaN while w is all zero."""
        return self.change / self.norm if self.norm > 0 else nan

    @property
    def gain(self) -> float:
        """Standard deviation of a weight times sqrt(fan_in): 1 to 1.5 keeps a signal's size."""
        return float(self.norm / max(prod(self.shape), 1) ** 0.5 * self.fan_in**0.5)


@dataclass
class Units:
    """The outputs of one activation at one sampled step.

    active: for each unit, whether it was above 0 for any example.   saturated: share of outputs at
    the flat ends of tanh (|a| > 0.97) or sigmoid (the same after scaling to -1 .. 1).
    spread: standard deviation over the examples, mean over the units.
    """

    name: str
    op: str
    active: np.ndarray = field(default_factory=lambda: np.ones(1, bool))
    saturated: float = 0.0
    spread: float = 1.0


@dataclass
class Batch:
    """What went into the model and the loss at one sampled step.

    mean, std: of all inputs.   uneven: largest feature deviation over the median one.
    same: all examples are equal.   target: labels or values, flat, with so many columns per
    example.   loss: mean per example.
    """

    n: int = 0
    mean: float = 0.0
    std: float = 1.0
    uneven: float = 1.0
    same: bool = False
    target: np.ndarray = field(default_factory=lambda: np.zeros(0))
    columns: int = 1
    outputs: int = 0
    loss: float = nan
    accuracy: float = nan


@dataclass
class Sample:
    """One sampled step t = 0, 1, ...: batch, weights, units.

    signals: root mean square of the gradient at each layer's input, in the order of backward: the
    last layer first.
    """

    t: int
    batch: Batch = field(default_factory=Batch)
    weights: list[Weights] = field(default_factory=list)
    units: list[Units] = field(default_factory=list)
    signals: list[float] = field(default_factory=list)


@dataclass
class Evaluation:
    """One pass over data without learning, after t steps.   training: the mode of the model.

    asked: whether `train.evaluate` made it, as `fit` does with its validation data.
    whole: examples in batches that were trained on as a whole (a look at the training set).
    looked, seen: examples in the other batches, and trained ones among them (an estimate).
    first: fingerprint of the first example.   again: the same examples were asked twice.
    coarse: the inputs are such that examples can be equal by chance.   std, mean: of the inputs.
    """

    t: int
    n: int = 0
    loss: float = nan
    accuracy: float = nan
    training: bool = False
    asked: bool = False
    whole: int = 0
    looked: int = 0
    seen: float = 0.0
    coarse: bool = False
    first: int = 0
    again: bool = False
    mean: float = 0.0
    std: float = 1.0


@dataclass
class Record:
    """A training run.   loss: of each step, the number that backward was called on.

    kind: "cross_entropy", "hinge", "squares", "distance" (absolute errors, or Huber's), "binary",
    or "" if the loss is none of these.
    gradient: |g| of all parameters, each sampled step.   rates: the same of lr, momentum, betas.
    facts: what was noticed once, with its evidence, under the names that detectors read.
    """

    loss: list[float] = field(default_factory=list)
    kind: str = ""
    gradient: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    rates: list[dict[str, float]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """How many steps were seen."""
        return len(self.loss)

    @property
    def targets(self) -> np.ndarray:
        """All recorded labels or values."""
        parts = [s.batch.target for s in self.samples if s.batch.target.size]
        return np.concatenate(parts) if parts else np.zeros(0)

    @property
    def chance(self) -> float:
        """The loss of the best model that ignores its input; NaN if that is not known.

        cross-entropy: the entropy of the labels.   hinge: margin 1 times C - 1.
        squares: the variance of the targets.   distance: their mean distance from the median.
        binary: the entropy of yes and no.   Of several columns each is guessed by itself.
        """
        y = self.targets
        if not self._confirmed:
            return nan
        if self.kind == "hinge" and self.samples:
            return float(self.samples[0].batch.outputs - 1)
        if not y.size:
            return nan
        if self.kind == "cross_entropy":
            p = np.unique(y, return_counts=True)[1] / y.size
            return float(-(p * np.log(p)).sum())
        guess = GUESSES.get(self.kind)
        return float(np.mean(guess(self._table(y)))) if guess else nan

    def _table(self, y: np.ndarray) -> np.ndarray:
        """The targets (examples, columns)."""
        widths = {s.batch.columns for s in self.samples if s.batch.target.size}
        width = max(widths.pop(), 1) if len(widths) == 1 else 1
        return y.reshape(-1, width if y.size % width == 0 else 1)

    @property
    def scale(self) -> float:
        """What the loss must be divided by to be a mean per example; 1 for a mean."""
        ratios = self._ratios()
        return float(np.median(ratios)) if len(ratios) else 1.0

    def _ratios(self) -> np.ndarray:
        """The loss over the mean loss of an example, at each sample that knows both."""
        known = [(s.batch.loss, self.loss[s.t]) for s in self.samples if s.t < self.steps]
        return np.array([whole / mean for mean, whole in known if isfinite(mean) and mean > 1e-6])

    @property
    def _confirmed(self) -> bool:
        """Whether the loss is the mean that was read, times a number or plus a smooth penalty.

        Else it weighs the examples, or has other terms, and its chance is not known.
        """
        known = [(s.batch.loss, self.loss[s.t]) for s in self.samples if s.t < self.steps]
        mean, whole = np.array([pair for pair in known if isfinite(sum(pair))]).reshape(-1, 2).T
        if len(mean) < 3 or self.kind == "distance":
            return True
        scale = np.median(whole / np.maximum(mean, 1e-12))
        near = np.abs(whole - scale * mean) < 0.05 * np.abs(whole) + 1e-6
        extra = np.diff(whole - mean)
        smooth = np.median(np.abs(extra)) < SMOOTH * np.median(np.abs(np.diff(mean)))
        smooth = smooth or (extra[1:] * extra[:-1] < 0).mean() < SMOOTH
        return bool(near.mean() > 0.7 or (smooth and (whole >= mean).all()))

    def part(self, first: float, last: float) -> np.ndarray:
        """The losses of a part of the run, given as shares of its steps; at least five steps."""
        n = self.steps
        i = min(int(first * n), max(n - 5, 0))
        return np.array(self.loss[i : max(int(last * n), i + min(5, n))])

    @property
    def start(self) -> float:
        """The first loss."""
        return self.loss[0] if self.loss else nan

    @property
    def end(self) -> float:
        """The median loss of the last tenth; infinite if the last loss is not finite."""
        if not self.loss or not isfinite(self.loss[-1]):
            return inf
        return float(np.median(self.part(0.9, 1)))

    @property
    def skill(self) -> float:
        """1 - end / chance: 0 has learned nothing, 1 everything; without a chance, against start.

        NaN without a run.
        """
        chance = self.chance
        if isfinite(chance) and chance > 0:
            return 1 - self._data_end() / chance if isfinite(self.end) else -inf
        return 1 - self.end / self.start if self.start > 0 else nan

    def _data_end(self) -> float:
        """The mean loss of an example at the end, without what a penalty adds."""
        ratios = self._ratios()
        if len(ratios) and np.ptp(ratios) < 1e-2 * abs(np.median(ratios)):
            return float(self.part(0.8, 1).mean()) / abs(self.scale or 1)
        losses = [s.batch.loss for s in self.samples if s.t >= 0.8 * self.steps]
        known = [loss for loss in losses if isfinite(loss)]
        return float(np.median(known)) if known else self.end / abs(self.scale or 1)

    @property
    def unlearned(self) -> bool:
        """The loss ended within 5 % of chance, and not three standard errors below it."""
        skill, late = self.skill, self.part(0.5, 1) / abs(self.scale or 1)
        if not skill < UNLEARNED:
            return False
        if not np.isfinite(late).all() or not isfinite(self.chance):
            return True
        return bool(late.mean() + 3 * late.std() / sqrt(len(late)) > self.chance)

    @property
    def faint(self) -> bool:
        """The inputs say something about the targets, but so little that chance is near."""
        hits, p, sigma = self.facts.get("neighbours", (0.0, 0.0, 0.0))
        return bool(3 * sigma < hits - p < FAINT)

    @property
    def accuracy(self) -> float:
        """The mean training accuracy of the last samples; NaN if it is not known."""
        latest = [s.batch.accuracy for s in self.samples if s.t >= 0.8 * self.steps]
        known = [a for a in latest if isfinite(a)]
        return float(np.mean(known)) if known else nan

    @property
    def looked(self) -> int:
        """How many steps were sampled."""
        return len(self.samples)

    @property
    def carries_nothing(self) -> bool:
        """Little was learned, and on other examples it was never better than chance."""
        clean = [e for e in self.evaluations if isfinite(e.loss) and not e.seen + e.whole]
        if len(clean) < 3 or clean[-1].n < 50 or not UNLEARNED <= self.skill < POOR:
            return False
        losses = np.array([e.loss for e in clean]) / self.chance
        return bool(losses.min() > 0.9 and min(np.median(losses), losses[-1]) > 1)

    def late(self) -> list[Sample]:
        """The samples of the second half."""
        return [s for s in self.samples if s.t >= self.steps / 2] or self.samples[-1:]

    def series(self, attribute: str, samples: list[Sample] | None = None) -> dict[str, np.ndarray]:
        """{parameter: values of one attribute of its `Weights`} over the samples."""
        found: dict[str, list[float]] = {}
        for sample in self.samples if samples is None else samples:
            for w in sample.weights:
                found.setdefault(w.name, []).append(getattr(w, attribute))
        return {name: np.array(values) for name, values in found.items()}
