"""What the curves of loss and accuracy say: symptoms, for which other detectors name causes."""

from __future__ import annotations

from math import isfinite

import numpy as np

from ..finding import Finding
from ..record import Evaluation, Record

__all__ = ["DETECTORS"]

TWICE = 2.0
SWING = 0.25  # deviation of the late losses, in units of the first loss
ALTERNATES = 0.85  # noise alone changes direction in two thirds of the steps, a trend rarely
WILD = 1.0  # ... or more than the first loss itself
TYPICAL = 10.0
GAP = 0.15  # accuracy in training above that in evaluation
HUGE = 0.5  # most of what was learned does not carry over
RISE = 1.3  # evaluation loss over its minimum
WORSE = 1.5  # stopping at the minimum would have saved a third of it
LEARNED_BY_HEART = (
    "The model learns its examples by heart instead of what they have in common.",
    "Stop earlier; use more data (also randomly changed copies), dropout, weight decay, or a "
    "smaller model.",
)
LIMITED = 0.3
OFTEN, SMALL = 3, 4  # one hard batch is no fault, and small batches are noisy
DROPPED = 0.8
FLAT = 0.9  # of the loss in the middle of the run
LEARNED = 0.5  # below that training does not go well enough to speak of overfitting


def not_finite(record: Record) -> Finding | None:
    """A NaN or Inf appeared: where, and which operation made it."""
    fact = record.facts.get("nan")
    bad = [t for t, loss in enumerate(record.loss) if not isfinite(loss)]
    if fact is None and not bad:
        return None
    fact = fact or {"t": bad[0], "op": "an operation", "where": "forward"}
    where = {
        "forward": f"{fact['op']} made the first NaN or Inf, in the forward pass of step",
        "backward": f"backward of {fact['op']} made the first NaN or Inf, in step",
        "weights": f"the weights {fact['op']} were no longer finite at step",
        "input": f"{fact['op']} contained NaN or Inf at step",
    }[fact["where"]]
    return Finding(
        "not_finite", "error", "fact", f"{where} {fact['t']}.",
        "A NaN spreads to every number computed from it: after one step all weights are lost.",
        "Print what that operation is given: a logarithm of 0, a root of 0 (its slope is Inf), a "
        "division by 0, an exponential of a large number; or lower the learning rate.",
    )  # fmt: skip


def diverged(record: Record) -> Finding | None:
    """The loss ended at more than twice its start, and above chance."""
    floor = max(record.start, 0.0)
    if isfinite(record.chance):
        floor = max(floor, record.chance * abs(record.scale or 1))
    if not record.steps or not record.end > TWICE * floor or not floor > 0:
        return None
    return Finding(
        "diverged", "error", "symptom",
        f"the loss went from {record.start:.3g} to {record.end:.3g} in {record.steps} steps.",
        "Steps that make the loss grow go the wrong way or too far.",
        "Divide the learning rate by 10; if the loss still grows, look for a wrong sign in the "
        "loss or the update.",
    )  # fmt: skip


def plateau(record: Record) -> Finding | None:
    """At the end the loss is what a model reaches that ignores its input."""
    stuck = record.unlearned or record.carries_nothing
    if record.steps < 20 or not isfinite(record.skill) or not stuck or record.faint:
        return None
    return Finding(
        "plateau", "warning", "symptom",
        f"after {record.steps} steps the loss is {record.end:.3g}; a model that ignores its input "
        f"can reach {record.chance * abs(record.scale or 1):.3g}.",
        "The model has learned at most how frequent each target is, nothing about the inputs.",
        "Check that it can learn 20 examples by heart (sanity.check), then the labels, the "
        "learning rate and the initial weights.",
    )  # fmt: skip


def oscillating(record: Record) -> Finding | None:
    """The late losses swing widely and change direction all the time."""
    late = record.part(0.5, 1)
    if record.steps < 20 or not np.isfinite(late).all() or not record.start > 0:
        return None
    steps = np.diff(late)
    turns = float((steps[1:] * steps[:-1] < 0).mean())
    unit = record.start if not isfinite(record.chance) else record.chance * abs(record.scale or 1)
    swing = float(late.std()) / unit if unit > 0 else 0.0
    wild = swing > WILD or (swing > SWING and turns > ALTERNATES)
    if not wild or record.skill > LIMITED:
        return None
    return Finding(
        "oscillating", "warning", "symptom",
        f"in the second half the loss has mean {late.mean():.3g} and standard deviation "
        f"{late.std():.3g}; rise and fall change places in {turns:.0%} of the steps.",
        "Steps that jump from one side of a valley to the other make no progress along it.",
        "Divide the learning rate by 3 to 10, or take larger batches.",
    )  # fmt: skip


def spikes(record: Record) -> Finding | None:
    """Single losses far above their neighbours and above the first one, after the beginning."""
    loss = np.array(record.loss)
    if len(loss) < 30 or not np.isfinite(loss).all() or not loss.min() > 0:
        return None
    middle = np.array([np.median(loss[max(t - 10, 0) : t + 1]) for t in range(len(loss))])
    late = np.arange(len(loss)) > len(loss) // 10
    found = np.flatnonzero(late & (loss > TYPICAL * middle) & (loss > 1.5 * loss[0]))
    if not found.size:
        return None
    t = found[loss[found].argmax()]
    sizes = [s.batch.n for s in record.samples if s.batch.n]
    often = found.size >= OFTEN and min(sizes, default=OFTEN) > SMALL
    return Finding(
        "spikes", "warning" if often and record.skill < LEARNED else "note", "symptom",
        f"the loss shot up {found.size} time(s); at step {t} it was {loss[t]:.3g}, in the "
        f"ten steps before typically {middle[t]:.3g}.",
        "One bad batch or one step that is too long can undo much of what was learned.",
        "Print the batch of that step; limit the gradient's length (optim.ClipNorm), or lower the "
        "learning rate.",
    )  # fmt: skip


def overfitting(record: Record) -> Finding | None:
    """Training goes well, evaluation badly and worse than before."""
    passes = _evaluations(record)
    if len(passes) < 3:
        return None
    if not isfinite(record.accuracy):
        return _overfitting_values(record, passes)
    last, best = passes[-1], min(e.loss for e in passes)
    gap = record.accuracy - last.accuracy
    rise = last.loss / best if best > 0 else 1.0
    if record.skill < LEARNED or not (gap > GAP or rise > RISE):
        return None
    both = gap > HUGE or (gap > GAP and rise > WORSE)
    return Finding(
        "overfitting", "warning" if both else "note", "symptom",
        f"accuracy is {record.accuracy:.0%} in training and {last.accuracy:.0%} in evaluation; the "
        f"evaluation loss is {rise:.2g} times its lowest so far.",
        *LEARNED_BY_HEART,
    )  # fmt: skip


def _overfitting_values(record: Record, passes: list[Evaluation]) -> Finding | None:
    """The same for values instead of classes, where only losses can be compared."""
    train, last = record.end / abs(record.scale or 1), passes[-1].loss
    best, unit = min(e.loss for e in passes), record.chance
    rise, gap = last / best if best > 0 else 1.0, (last - train) / unit if unit > 0 else 0.0
    if record.skill < LEARNED or not (gap > GAP and rise > RISE):
        return None
    return Finding(
        "overfitting", "warning" if gap > 2 * GAP else "note", "symptom",
        f"the loss is {train:.3g} in training and {last:.3g} in evaluation, where its lowest was "
        f"{best:.3g}.",
        *LEARNED_BY_HEART,
    )  # fmt: skip


def underfitting(record: Record) -> Finding | None:
    """The loss is flat and high, and even a few examples cannot be learned by heart."""
    late, mid = record.part(0.9, 1), record.part(0.5, 0.6)
    if record.steps < 20 or not np.isfinite(late).all() or not isfinite(record.skill):
        return None
    flat = np.median(late) > FLAT * np.median(mid)
    memorises, dropped = record.facts.get("memorises"), record.facts.get("dropout", 0.0)
    blocked = memorises is not None and not memorises
    if record.skill > LIMITED or not flat or not (blocked or dropped > DROPPED):
        return None
    if not _could_do_better(record):
        return None  # the targets are noisy: the nearest neighbour does no better
    return Finding(
        "underfitting", "warning", "cause",
        f"the loss is flat at {record.end:.3g} ({record.skill:.0%} below that of guessing), and "
        + ("a fresh copy of the model could not learn 20 examples by heart." if blocked
           else f"dropout deletes {dropped:.0%} of a layer's units in each step."),
        "A model that cannot even memorise has too few units, a layer that no gradient passes, or "
        "too much noise such as dropout.",
        "Print each layer's gradient; if none is 0, use a larger model, less dropout and weight "
        "decay.",
    )  # fmt: skip


def _could_do_better(record: Record) -> bool:
    """Whether a simple rule guesses clearly more of the targets than the model does."""
    hits, chance, sigma = record.facts.get("neighbours", (1.0, 0.0, 0.0))
    if record.kind in ("squares", "distance"):
        explained = float(np.sin(np.pi * (hits - 0.5))) ** 2  # r^2, see `examine.neighbours`
        return bool(explained > max(record.skill, 0.0) + 0.2)
    reached = record.accuracy if isfinite(record.accuracy) else chance
    return bool(hits >= reached + 3 * sigma)


def late_start(record: Record) -> Finding | None:
    """Nothing happens for a fifth of the run, then the loss falls: a bad start."""
    early, end = record.part(0, 0.2), record.end
    if record.steps < 50 or not isfinite(end) or not record.start > 0:
        return None
    still = float(np.ptp(early)) < 0.02 * record.start
    if not still or end > 0.5 * record.start:
        return None
    return Finding(
        "late_start", "note", "symptom",
        f"for {len(early)} steps the loss stayed at {early[0]:.3g}, then it fell to {end:.3g}.",
        "A flat beginning means small gradients: the initial weights are too small, or so large "
        "that tanh and sigmoid units start where they are flat.",
        "Use init.kaiming_normal (relu) or init.xavier_normal (tanh, sigmoid).",
    )  # fmt: skip


def _evaluations(record: Record) -> list[Evaluation]:
    """Those with loss and accuracy on examples that were not trained on."""
    classes = record.kind not in ("squares", "distance")
    known = [e for e in record.evaluations if isfinite(e.loss)]
    known = [e for e in known if isfinite(e.accuracy) or not classes]
    return [e for e in known if e.seen + e.whole < 0.02 * max(e.n, 1)]


DETECTORS = (
    not_finite, diverged, plateau, oscillating, spikes, overfitting, underfitting, late_start,
)  # fmt: skip
