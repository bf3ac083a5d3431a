"""Faults of the data: inputs, labels, their order, and how they were split."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from ..dtypes import TRY, WHY
from ..finding import Finding
from ..record import Evaluation, Record

__all__ = ["DETECTORS"]

LARGE = 20.0  # inputs of size 20 make the first layer's outputs 20 times as large as planned
OFFSET = 10.0  # the mean is ten deviations from 0: the features hide behind their offset
UNEVEN = 100.0  # one feature is 100 times larger: the loss surface is 10,000 times as steep there
TINY = 1e-2
UNLEARNED = 0.05  # within 5 % of chance, the tolerance of the check before learning
POOR = 0.5
SORTED = 0.5  # a shuffled batch of 8 of 10 classes has 85 % of the labels' entropy
LEARNED = 0.9
FEW = 0.25  # of the classes; a head that is reused or kept for later may well use half
SHARED = 0.02  # 2 % of the evaluated examples
COMMON = 0.95  # ... where examples can be equal by chance
SHIFT = 1.0  # deviations of the training inputs
RATIO = 3.0
NEAR, OTHER = 0.3, 1.4  # smaller shifts, which count where evaluation fails too
GAP = 0.15  # accuracy in training above that in evaluation
WORSE = 1.5  # surer than guessing, and wrong


def constant_inputs(record: Record) -> Finding | None:
    """All examples of every batch are the same."""
    seen = [s.batch for s in record.samples if s.batch.n > 1]
    if not seen or not all(b.same for b in seen):
        return None
    return Finding(
        "constant_inputs", "error", "fact",
        f"all examples are equal in each of the {len(seen)} batches looked at (mean "
        f"{seen[0].mean:.3g}).",
        "From equal inputs no model can tell different targets: the best it can do is their mean.",
        "Print a batch: look for a division by too much, an integer division, or an array that "
        "was never filled.",
    )  # fmt: skip


def unnormalised_inputs(record: Record) -> Finding | None:
    """The inputs are far from zero mean and unit size."""
    batch = record.samples[0].batch if record.samples else None
    if batch is None or not batch.n or batch.same:
        return None
    size = (batch.mean**2 + batch.std**2) ** 0.5
    far = abs(batch.mean) > OFFSET * batch.std
    odd = size > LARGE or size < TINY or far or batch.uneven > UNEVEN
    if not odd or not size:
        return None
    surprised = record.start > 3 * record.chance * abs(record.scale or 1)
    harmful = not record.skill > POOR or not isfinite(record.end) or surprised
    return Finding(
        "unnormalised_inputs", "error" if harmful else "note", "fact",
        f"inputs have mean {batch.mean:.3g} and standard deviation {batch.std:.3g}; the widest "
        f"feature's deviation is {batch.uneven:.3g} times the median feature's.",
        "Initial weights are sized for inputs of mean 0 and standard deviation 1. Others make the "
        "layers' outputs too large or too small, and features of unlike sizes need unlike rates.",
        "Subtract each feature's mean over the training set, then divide by its standard deviation "
        "(where that is not 0).",
    )  # fmt: skip


def unnormalised_targets(record: Record) -> Finding | None:
    """Regression targets that are large, or far from zero, and were not learned."""
    y = record.targets
    if record.kind != "squares" or y.size < 8 or record.skill > POOR:
        return None
    size = float((y**2).mean()) ** 0.5
    if not (size > LARGE or abs(y.mean()) > OFFSET * max(y.std(), 1e-12)):
        return None
    return Finding(
        "unnormalised_targets", "error", "cause",
        f"targets have mean {y.mean():.3g} and standard deviation {y.std():.3g}, and the loss "
        f"ended at {record.end:.3g}.",
        "A model starts with outputs near 0. Targets far from 0 make the first errors large, and "
        "the gradients with them.",
        "Subtract the targets' mean, divide by their standard deviation; undo it for predictions.",
    )  # fmt: skip


def needless_float64(record: Record) -> Finding | None:
    """Float64 data, or a float64 number inside the model, makes float32 layers compute in float64.

    That is slow and not wrong: a note, and no alarm.
    """
    told = record.facts.get("dtypes")
    if not told:
        return None
    return Finding("needless_float64", "note", "fact", f"{told}.", WHY, TRY)


def unshuffled(record: Record) -> Finding | None:
    """The batches contain fewer different targets than the data."""
    batches = [s.batch for s in record.samples if s.batch.n >= 8 and s.batch.target.size]
    batches = [b for b in batches if b.target.size in (b.n, b.n * max(b.outputs, 1))]
    if len(batches) < 3:
        return None
    variety = _entropy if record.kind in ("cross_entropy", "hinge", "binary") else np.var
    shuffled = _shuffled(batches, variety)
    whole = float(np.mean(shuffled))
    seen = float(np.mean([variety(b.target) for b in batches]))
    share = seen / whole if whole > 0 else 1.0
    if not (share < SORTED and seen < min(shuffled)):
        return None
    harmless = record.kind == "squares" and record.skill > LEARNED  # a series in its own order
    return Finding(
        "unshuffled", "note" if harmless else "error", "fact",
        f"a batch has {share:.0%} of the variety of targets (entropy of labels, variance of "
        "values) that it would have after shuffling.",
        "Sorted data shows the model one class after another: it learns the latest and forgets "
        "the others, and the loss jumps with each new one.",
        "Shuffle: data.Loader does unless shuffle=False; draw a new order for each epoch.",
    )  # fmt: skip


def degenerate_labels(record: Record) -> Finding | None:
    """One label only, or most classes never occur."""
    y, kind = record.targets, record.kind
    if y.size < 20 or kind not in ("cross_entropy", "hinge", "binary", "squares"):
        return None
    found = np.unique(y)
    outputs = max((s.batch.outputs for s in record.samples), default=0)
    enough = 4 <= outputs <= 50 and y.size >= 20 * outputs and kind in ("cross_entropy", "hinge")
    if len(found) > 1 and not (enough and len(found) <= outputs * FEW):
        return None
    return Finding(
        "degenerate_labels", "error", "fact",
        f"the {y.size} targets looked at have {len(found)} different value(s); the model has "
        f"{outputs} outputs.",
        "Targets that are all the same, or that leave out most classes, can be predicted without "
        "looking at the input.",
        "Print np.unique(y, return_counts=True): look for argmax over the wrong axis, one column "
        "of 0 and 1 taken for the class number, or fractions rounded to 0 by a conversion.",
    )  # fmt: skip


def broken_labels(record: Record) -> Finding | None:
    """What is learned does not carry over, or the examples say nothing about their targets."""
    facts, last = record.facts, _clean(record)
    chance = _majority(record)
    if last is not None and isfinite(chance) and record.skill > POOR and last.n >= 20:
        sigma = (chance * (1 - chance) / last.n) ** 0.5
        useless = not last.loss < record.chance  # accuracy says little when one class dominates
        best = min(e.loss for e in record.evaluations if isfinite(e.loss))
        never = best > record.chance and last.loss > WORSE * record.chance
        apart = never and last.accuracy < 0.4 * record.accuracy
        if (last.accuracy < chance + 3 * sigma and useless) or apart:
            return _broken(
                f"training reached {record.accuracy:.0%}, evaluation {last.accuracy:.0%}; always "
                f"naming the most frequent class gives {chance:.0%}.", "error",
            )  # fmt: skip
    told = facts.get("neighbours")
    learned = record.skill > UNLEARNED and not record.carries_nothing
    if told is None or learned or not isfinite(record.end):
        return None
    hits, expected, sigma = told
    values = record.kind in ("squares", "distance")
    doubt = 3 if record.unlearned and not values else 2  # the signal may be faint
    if hits > expected + doubt * sigma:
        return None
    right = "on the right side of the median" if values else "right"
    return _broken(
        "the loss stayed near chance, and so do two simple rules (copy the nearest example, a "
        f"linear fit): {hits:.0%} {right}, {expected:.0%} by guessing.", "error",
    )  # fmt: skip


def _broken(seen: str, level: str) -> Finding:
    return Finding(
        "broken_labels", level, "cause", seen,
        "Inputs that say nothing about their targets can be learned by heart, which does not help "
        "on new examples. Labels shuffled or shifted against x look exactly like this.",
        "Show some examples with their labels; check that x and y are shuffled together, that "
        "classes have the same numbers everywhere, and that changed copies keep their label.",
    )  # fmt: skip


def leak(record: Record) -> Finding | None:
    """Examples that were trained on are evaluated on, in every evaluation."""
    passes = [e for e in record.evaluations if e.n]
    whole, seen = sum(e.whole for e in passes), sum(e.seen for e in passes)
    others = sum(e.looked for e in passes)
    coarse = any(e.coarse for e in passes)
    if coarse and others + whole < sum(e.n for e in passes):
        return None  # equal rows are common: pairs of a user and a film, rounded numbers
    mixed = others > 0 and seen / others > (COMMON if coarse else SHARED)
    if not mixed and (others or not whole):
        return None
    every = all(e.n > 0.7 * record.facts.get("examples", 0) and not e.asked for e in passes)
    harmless = not mixed and (every or sum(e.whole > 0 for e in passes) == 1)
    n, known = (others, seen) if mixed else (whole, whole)
    return Finding(
        "leak", "note" if harmless else "error", "fact",
        f"about {known:.0f} of {n} evaluated examples were trained on.",
        "A score on examples that were trained on says how well they were memorised, not how well "
        "the model does on new ones.",
        "Split into training and test part first, then preprocess; drop duplicates across the "
        "parts; keep all examples of one person or document in one part.",
    )  # fmt: skip


def evaluation_inputs_differ(record: Record) -> Finding | None:
    """Evaluation inputs have another mean or size than those of training."""
    batches = [s.batch for s in record.samples if s.batch.n]
    passes = [e for e in record.evaluations if e.n >= 20 and e.std > 0]
    if not batches or not passes or batches[0].same:
        return None
    batches = [b for b in batches if isfinite(b.mean)]
    mean, std = np.mean([b.mean for b in batches]), np.mean([b.std for b in batches])
    last = passes[-1]
    shift, ratio = abs(last.mean - mean), last.std / std if std > 0 else 1.0
    far = shift > SHIFT * std or not 1 / RATIO < ratio < RATIO
    apart = shift > NEAR * std or not 1 / OTHER < ratio < OTHER
    if not std > 0 or not (far or (apart and _fails(record, last))):
        return None
    level = "error" if _fails(record, last) or (far and _worse(record, last)) else "note"
    return Finding(
        "evaluation_inputs_differ", level, "fact",
        f"training inputs have mean {mean:.3g} and standard deviation {std:.3g}, evaluation inputs "
        f"{last.mean:.3g} and {last.std:.3g}.",
        "The model is asked about numbers unlike those it learned from: often one part was "
        "preprocessed and the other was not, or with other constants.",
        "Compute mean and standard deviation on the training part; use these for every part.",
    )  # fmt: skip


def _fails(record: Record, last: Evaluation) -> bool:
    """Whether training goes well, and evaluation clearly worse or no better than chance."""
    if isfinite(record.accuracy) and isfinite(last.accuracy):
        return record.accuracy - last.accuracy > GAP
    known = isfinite(last.loss) and isfinite(record.chance)
    return known and last.loss > 0.5 * record.chance and record.skill > POOR


def _worse(record: Record, last: Evaluation) -> bool:
    """Whether the evaluation loss is three times that of training, and a fifth of chance."""
    train = record.end / abs(record.scale or 1)
    known = isfinite(last.loss) and isfinite(record.chance)
    return known and last.loss > max(3 * train, 0.2 * record.chance)


def _shuffled(batches: list[Any], variety: Any) -> list[float]:
    """The mean variety of targets in the batches, had they been shuffled; 20 times."""
    rng, parts = np.random.default_rng(0), [b.target for b in batches]
    places, whole = np.cumsum([len(t) for t in parts])[:-1], np.concatenate(parts)
    draws = (np.split(rng.permutation(whole), places) for _ in range(20))
    return [float(np.mean([variety(t) for t in each])) for each in draws]


def _clean(record: Record) -> Evaluation | None:
    """The last evaluation with an accuracy that is not on training examples."""
    known = [e for e in record.evaluations if isfinite(e.accuracy)]
    passes = [e for e in known if e.seen + e.whole < SHARED * e.n]
    return passes[-1] if passes else None


def _majority(record: Record) -> float:
    y = record.targets
    if not y.size or record.kind not in ("cross_entropy", "hinge", "binary"):
        return float("nan")
    return float(np.unique(y, return_counts=True)[1].max() / y.size)


def _entropy(y: np.ndarray) -> float:
    p = np.unique(y, return_counts=True)[1] / len(y)
    return float(-(p * np.log(p)).sum())


DETECTORS = (
    constant_inputs, unnormalised_inputs, unnormalised_targets, unshuffled, degenerate_labels,
    broken_labels, leak, evaluation_inputs_differ, needless_float64,
)  # fmt: skip
