"""Faults between the model's output and the number that backward starts from."""

from __future__ import annotations

from math import isfinite

import numpy as np

from ..finding import Finding
from ..record import Record

__all__ = ["DETECTORS"]

SUMMED = 0.2  # the loss is a sum if loss / mean is within 20 % of the number of examples
STEEP = 1e-2  # CS231n: updates above 1e-2 of the weights are too long
GENEROUS = 0.3  # share of chance that must be gained before a summed loss is left alone


def softmax_twice(record: Record) -> Finding | None:
    """The scores given to the loss are probabilities already, in most of the steps."""
    count, producer = record.facts.get("probabilities", (0, ""))
    if count < 0.5 * record.looked or not count:
        return None
    return Finding(
        "softmax_twice", "error", "fact",
        f"in {count} of {record.looked} steps looked at, the scores given to the loss were "
        f"probabilities already (made by {producer or 'the model'}).",
        "The loss applies softmax (or sigmoid) itself. Twice, the probabilities cannot get near 0 "
        "and 1, the gradients shrink, and learning stalls above the loss it could reach.",
        "Remove the softmax or sigmoid at the end of the model; give the loss the raw scores.",
    )  # fmt: skip


def missing_softmax(record: Record) -> Finding | None:
    """A log-likelihood was taken of numbers that are no (log-)probabilities."""
    count, size = record.facts.get("no_softmax", (0, 0.0))
    logs, low = record.facts.get("log_of_scores", (0, 0.0))
    plain, _ = record.facts.get("no_logarithm", (0, 0.0))
    plain = plain if record.loss and record.loss[-1] < 0 else 0
    if not (count or logs or plain) or "over_examples" in record.facts:
        return None
    if plain and not (count or logs):
        return _no_logarithm(record)
    seen = (
        f"the loss was given raw scores (largest size {size:.3g}) instead of log-probabilities."
        if count
        else "the loss took the logarithm of model outputs that are no probabilities: not all lie "
        f"in 0 .. 1, the lowest is {low:.3g}."
    )
    return Finding(
        "missing_softmax", "error", "fact", seen,
        "Cross-entropy is minus the log of a probability, and probabilities sum to 1. Of raw "
        "scores it can fall without limit, as these grow, and the log of a negative one is NaN.",
        "Use F.cross_entropy on the raw scores, or F.log_softmax(scores, axis=1) before F.nll.",
    )  # fmt: skip


def _no_logarithm(record: Record) -> Finding:
    return Finding(
        "missing_softmax", "error", "fact",
        f"the loss is minus a probability, not minus its logarithm: it ended at {record.end:.3g}.",
        "Cross-entropy is minus the log of the right class's probability. Without the log a "
        "confident mistake costs little more than a doubtful one; its gradient is nearly zero.",
        "Use F.cross_entropy on the raw scores, or F.log_softmax(scores, axis=1) before F.nll.",
    )  # fmt: skip


def wrong_axis(record: Record) -> Finding | None:
    """A softmax ran over the examples, or another part of the model mixed them."""
    op, leak = record.facts.get("over_examples"), record.facts.get("mixes_examples")
    if not op and not leak:
        return None
    seen = (
        "softmax was taken along axis 0, over the examples of the batch."
        if op
        else f"in eval mode the output for one example depends on others: {leak}."
    )
    return Finding(
        "wrong_axis", "error", "fact", seen,
        "Each example must be judged by itself: otherwise the answer depends on its neighbours in "
        "the batch, and the loss compares the wrong things.",
        "Use axis=1 (the classes) for softmax and sums, and transpose, not reshape, to swap axes.",
    )  # fmt: skip


def broadcasting(record: Record) -> Finding | None:
    """Predictions and targets of different shapes were subtracted, giving a table."""
    count, shapes = record.facts.get("broadcast", (0, ()))
    if not count:
        return None
    x, t, y = shapes
    return Finding(
        "broadcasting", "error", "fact",
        f"predictions of shape {x} minus targets of shape {t} gave shape {y}: every prediction "
        "was compared with every target.",
        "NumPy stretches a missing axis (broadcasting). The mean then compares all pairs, and the "
        "best answer is the same for every input: the mean of the targets.",
        "Give both the same shape, for example target.reshape(-1, 1), or use F.mse, which raises "
        "an error for unequal shapes.",
    )  # fmt: skip


def negated_loss(record: Record) -> Finding | None:
    """The loss is negative or falls, while the same loss computed from scores and targets rises."""
    means = [s.batch.loss for s in record.samples if isfinite(s.batch.loss)]
    if not record.kind or len(means) < 3 or not record.loss[-1] < 0:
        return None
    if not means[-1] > means[0]:
        return None
    return Finding(
        "negated_loss", "error", "fact",
        f"the loss went from {record.start:.3g} to {record.loss[-1]:.3g}; this kind "
        f"({record.kind}) is never negative, and recomputed it rose from {means[0]:.3g} "
        f"to {means[-1]:.3g}.",
        "The optimizer lowers the number it is given. With the wrong sign, a lower number is a "
        "worse model.",
        "Remove the minus sign before the loss.",
    )  # fmt: skip


def clipped_scores(record: Record) -> Finding | None:
    """The scores come out of a relu or tanh, so some values are out of reach."""
    count, evidence = record.facts.get("clipped_scores", (0, ("", 0.0)))
    if count < 0.5 * record.looked or not count:
        return None
    made, share = evidence
    return Finding(
        "clipped_scores", "warning", "fact",
        f"in {count} of {record.looked} steps looked at, the scores came out of a {made}; "
        f"{share:.0%} of them were at its limit.",
        "A relu cannot give negative scores and a tanh none beyond 1: right answers may be out of "
        "reach, and at the limit no gradient passes.",
        "Remove the activation after the last linear layer.",
    )  # fmt: skip


def wrong_reduction(record: Record) -> Finding | None:
    """The loss is a sum over the batch, and the steps are too long for it."""
    first = record.samples[0].batch if record.samples else None
    if first is None or first.n < 4 or not isfinite(first.loss):
        return None
    terms = [first.n, first.n * max(first.outputs, 1), len(first.target)]
    scale = record.scale
    if not any(n > 1 and abs(scale / n - 1) < SUMMED for n in terms):
        return None
    ratios = [float(np.nanmax(r)) for r in record.series("ratio").values() if np.isfinite(r).any()]
    harmful = bool(ratios) and max(ratios) > STEEP and not record.skill > GENEROUS
    return Finding(
        "wrong_reduction", "error" if harmful else "note", "cause",
        f"the loss is {scale:.3g} times the mean loss of an example: a sum over the batch, which "
        f"has {first.n} examples.",
        "A sum grows with the batch, and so does its gradient: the steps are as many times longer "
        "as with the mean.",
        "Use the mean (reduction=\"mean\"), or divide the learning rate by the batch size.",
    )  # fmt: skip


DETECTORS = (
    softmax_twice, missing_softmax, wrong_axis, broadcasting, negated_loss, clipped_scores,
    wrong_reduction,
)  # fmt: skip
