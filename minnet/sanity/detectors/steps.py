"""Faults of the optimizer: what it was given, how far it goes, and where to."""

from __future__ import annotations

from math import isfinite

import numpy as np

from ..finding import Finding, some
from ..record import Record, Sample

__all__ = ["DETECTORS"]

UPHILL = 0.2  # a descent's mean cosine with the gradient is negative; noise alone gives about 0
STALE = 0.5  # share of the steps
TRAVEL = 0.05  # a run whose weights moved less than 5 % in all has changed almost nothing
STILL = 0.8  # ... and whose loss is still above 80 % of the first
LONG = 0.3  # a step that changes weights by a third is no small step
LEAP = 3.0  # a step three times as long as the weights forgets where they were
HALF = 0.5
WASTED = 4  # gradients for each step; methods that look twice before a step waste one
BUSY = 2e-2  # CS231n: the ratio of update to weight should be near 1e-3; above 1e-2 is high
SHORT = 20  # steps before which nothing needs to have been learned
POOR = 0.3
GOOD = 0.8
EMPTY = 1e-3  # a weight that began at zero has no size to compare a step with
OVERWHELMED = 1.0  # the pull of weight decay exceeds the gradient of the data
SHRUNK = 0.8  # at a minimum with weight decay both pull alike; here the weights have given way
LIGHT = 0.95  # above it a first beta is rare, and above the second one a mistake
HEAVY = 0.99  # a velocity that averages over 100 steps and more


def uphill(record: Record) -> Finding | None:
    """The applied updates point along the gradient instead of against it."""
    samples = [s for s in record.samples if s.weights][: max(5, len(record.samples) // 2)]
    moved = [[w.slope for w in s.weights if w.change > 0] for s in samples]
    slopes = [float(np.mean(each)) for each in moved if each]
    turned_one = _turned(record, samples)
    if turned_one:
        return _uphill(f"the gradient of {turned_one} changed its sign between backward and step.")
    several = record.facts.get("unstepped", 1) > 1  # the step followed other gradients too
    if len(slopes) < 3 or not np.mean(slopes) > UPHILL or several:
        return None
    agreement = float(np.mean([w.agreement for s in samples for w in s.weights]))
    turned = " The .grad it used points against the one backward made." if agreement < -0.5 else ""
    return _uphill(
        f"the steps point along the gradient (cosine {np.mean(slopes):+.2f} on average, 1 is "
        f"the same direction); downhill it is negative.{turned}"
    )


def _turned(record: Record, samples: list[Sample]) -> str:
    """The parameter whose .grad points against the gradient that backward made; or ""."""
    for name, values in record.series("agreement", samples).items():
        if len(values) > 2 and np.median(values) < -0.5:
            return name
    return ""


def _uphill(seen: str) -> Finding:
    return Finding(
        "uphill", "error", "fact", seen,
        "The gradient points to where the loss grows. Following it makes the model worse with "
        "every step, however small.",
        "Look for a minus sign too many or too few between backward and the update.",
    )  # fmt: skip


def missing_zero_grad(record: Record) -> Finding | None:
    """Gradients of earlier steps were still there when backward added new ones."""
    count = record.facts.get("stale", 0)
    if count < 3 or count < STALE * (record.looked - 1):
        return None
    return Finding(
        "missing_zero_grad", "error", "fact",
        f"in {count} of {record.looked} steps looked at, backward added to the gradient of an "
        "earlier step.",
        "backward adds to .grad. Without zero_grad each step follows the sum of all gradients so "
        "far: old ones never fade, and the steps grow.",
        "Call optimizer.zero_grad() before each backward.",
    )  # fmt: skip


def not_in_optimizer(record: Record) -> Finding | None:
    """Parameters get gradients, and no optimizer updates them."""
    facts = record.facts
    known, owned = facts.get("parameters", set()), facts.get("owned", set())
    lost = (known & facts.get("reached", set())) - owned - facts.get("frozen", set())
    if not lost:
        return None
    return Finding(
        "not_in_optimizer", "error", "fact",
        f"{some(lost)} got gradients, and no optimizer has them ({len(lost)} of {len(known)} "
        "parameters).",
        "What the optimizer was not given stays at its random start.",
        "Build the optimizer from model.parameters(), after the model is complete.",
    )  # fmt: skip


def unreached(record: Record) -> Finding | None:
    """Parameters that should learn and never got a gradient."""
    facts = record.facts
    lost = facts.get("parameters", set()) - facts.get("reached", set()) - facts.get("frozen", set())
    lost &= facts.get("owned", lost)  # a model that only answers, such as a teacher, has no owner
    zero = {
        name
        for name, g in record.series("gradient").items()
        if len(g) > 3 and not g.any() and name in facts.get("parameters", set())
    }
    if not lost or not facts.get("reached"):
        return None
    return Finding(
        "unreached", "error", "fact",
        f"{some(lost)} never got a gradient ({len(lost)} in all; {len(zero)} more got zeros).",
        "The loss does not depend on them, or the way to them was cut by detach, .data or NumPy.",
        "Follow the forward pass from these parameters to the loss; remove them if unused.",
    )  # fmt: skip


def frozen(record: Record) -> Finding | None:
    """Parameters with requires_grad=False that never moved in this run."""
    names, known = record.facts.get("frozen", set()), record.facts.get("parameters", set())
    if not names:
        return None
    random = names & record.facts.get("random", set())
    meant = random & record.facts.get("owned", set()) or not record.skill > GOOD
    looks = f"; {some(random)} look like random initial weights" if random else ""
    return Finding(
        "frozen", "warning" if random and meant else "note", "fact",
        f"{some(names)} had requires_grad=False and never moved ({len(names)} of {len(known)} "
        f"parameters){looks}.",
        "Frozen layers keep their initial weights. That is right for layers trained before, and "
        "wrong for random ones.",
        "Call model.requires_grad_(True), unless these weights come from an earlier training.",
    )  # fmt: skip


def missing_step(record: Record) -> Finding | None:
    """backward was called again and again, and no step followed."""
    count, thrown = record.facts.get("unstepped", 0), record.facts.get("discarded", 0)
    wasted = thrown > WASTED * max(record.steps, 1)
    if not wasted and (count < 10 or record.steps > 1):
        return None  # gradients of micro-batches are added up on purpose
    after = f", and {thrown} times its gradients were cleared before a step used them"
    return Finding(
        "missing_step", "error", "fact",
        f"backward was called up to {count} times without a step after it{after if wasted else ''};"
        f" {record.steps} step(s) were seen.",
        "backward only computes gradients. The weights change when the optimizer steps.",
        "Call optimizer.step() after each backward.",
    )  # fmt: skip


def learning_rate_too_low(record: Record) -> Finding | None:
    """All steps together moved the weights by less than 5 %, and the loss has hardly fallen."""
    ratios = _ratios(record)
    if not ratios or record.steps < 20 or record.skill > POOR:
        return None
    travel = _travel(record)
    alive = max(record.gradient, default=0.0) > 1e-8
    if not (travel < TRAVEL and alive and record.end > STILL * record.start > 0):
        return None
    rate = record.rates[-1]["lr"] if record.rates else float("nan")
    return Finding(
        "learning_rate_too_low", "warning", "cause",
        f"in {record.steps} steps the weights moved by {travel:.2%} of their size, and the loss "
        f"went from {record.start:.3g} to {record.end:.3g} (learning rate {rate:.3g}).",
        "A healthy step changes weights by about a thousandth of their size. At this pace training "
        "needs far more steps than it was given.",
        "Multiply the learning rate by 10 until the loss falls; check that no schedule, and no "
        "limit on the gradient (clipping), makes the steps small.",
    )  # fmt: skip


def learning_rate_too_high(record: Record) -> Finding | None:
    """Nothing was learned, or what was learned was lost, while the steps were long."""
    ratios = _ratios(record)
    if not ratios or not record.steps:
        return None
    longest = max(float(np.nanmax(r)) for r in ratios)
    late = float(np.median([np.median(r[len(r) // 2 :]) for r in ratios]))
    start = abs(record.start)
    jump = max(record.loss[1:10], default=0.0) > 3 * start > 0
    grown = not isfinite(record.end) or record.end > 1.5 * start > 0
    lost = grown or (record.unlearned and not record.faint)
    lost = lost or (longest > LEAP and record.skill < HALF)
    if not lost or not (longest > LONG or late > BUSY or jump):
        return None
    if record.steps < SHORT and isfinite(record.end) and not jump:
        return None  # too early to tell
    rate = record.rates[0]["lr"] if record.rates else float("nan")
    return Finding(
        "learning_rate_too_high", "error", "cause",
        f"a step changed weights by up to {longest:.2g} times their size (median of the second "
        f"half {late:.2g}); the loss went from {record.start:.3g} to {record.end:.3g} (learning "
        f"rate {rate:.3g}).",
        "A healthy step changes weights by about 0.001 of their size. Far longer ones jump across "
        "the valley and up its other side, and can leave relus at 0 for good.",
        "Divide the learning rate by 10, or let it grow from 0 in the first steps (warm-up).",
    )  # fmt: skip


def momentum_too_high(record: Record) -> Finding | None:
    """The velocity remembers more steps than make sense here."""
    mu = max((r.get("momentum", 0.0) for r in record.rates), default=0.0)
    exchanged = [r for r in record.rates if r.get("beta1", 0.0) > max(r.get("beta2", 1.0), LIGHT)]
    if exchanged:
        return _exchanged(exchanged[0])
    if mu < HEAVY:
        return None
    memory = 1 / max(1 - mu, 1e-12)
    harmful = not record.skill > POOR or memory > record.steps / 2 or record.end > 3 * _best(record)
    return Finding(
        "momentum_too_high", "error" if harmful else "note", "cause",
        f"momentum {mu:g} adds up gradients of about {memory:.0f} steps, of {record.steps} in all; "
        f"the loss ended at {record.end:.3g}, its best was {_best(record):.3g}.",
        "A velocity that forgets so slowly flies past the minimum and swings back, and acts like "
        f"a learning rate {memory:.0f} times larger.",
        f"Use momentum 0.9, or divide the learning rate by {memory:.0f}.",
    )  # fmt: skip


def _exchanged(rates: dict[str, float]) -> Finding:
    return Finding(
        "momentum_too_high", "error", "fact",
        f"betas are ({rates['beta1']:g}, {rates['beta2']:g}): the mean of the gradients remembers "
        f"{1 / (1 - rates['beta1']):.0f} steps, the mean of their squares fewer.",
        "The first mean gives the step's direction: with so long a memory it flies past the "
        "minimum. The second gives its size, uneven if short. The two were probably exchanged.",
        "Use betas=(0.9, 0.999); lesson 10, section 4, shows both ways.",
    )  # fmt: skip


def weight_decay_overwhelms(record: Record) -> Finding | None:
    """The pull towards zero is stronger than the gradient of the data."""
    late = record.late()
    pulls = [w.decay / w.gradient for s in late for w in s.weights if w.fan_in and w.gradient > 0]
    pull = float(np.median(pulls)) if pulls else 0.0
    means = [(s.batch.loss, record.loss[s.t]) for s in record.samples if isfinite(s.batch.loss)]
    data, whole = max(means, key=lambda pair: pair[1] - pair[0], default=(0.0, 0.0))
    added, shrunk = whole - data, _shrunk(record)
    in_loss = 0 < data < added / 2 and shrunk < 0.5 and not _summed(record)
    pulled = pull > OVERWHELMED and shrunk < SHRUNK
    if record.skill > HALF or not (pulled or in_loss):
        return None
    seen = (
        f"weight decay pulls {pull:.3g} times as strongly as the gradient of the data"
        if pulled
        else f"the penalty on the weights adds {added:.3g} to a data loss of {data:.3g}"
    )
    return Finding(
        "weight_decay_overwhelms", "error", "cause",
        f"{seen}, and the loss ended at {record.end:.3g}.",
        "The weights are driven to zero before they can learn: the model answers the same for "
        "every input.",
        "Divide weight_decay, or the penalty's factor, by 10 until the data loss falls; 1e-4 is a "
        "usual start.",
    )  # fmt: skip


def _ratios(record: Record) -> list[np.ndarray]:
    """Update-to-weight ratios of the weight matrices and filters, each over the samples."""
    matrices = {w.name for s in record.samples for w in s.weights if w.fan_in}
    started = {name: g > EMPTY for name, g in record.series("gain").items()}
    ratios = [(r, started[n]) for n, r in record.series("ratio").items() if n in matrices]
    finite = [r[np.isfinite(r) & known] for r, known in ratios]
    return [r for r in finite if r.size]


def _travel(record: Record) -> float:
    """Sum of the update ratios over all steps, for the median weight; between samples a line."""
    t = [s.t for s in record.samples]
    paths = []
    for name, r in record.series("ratio").items():
        if len(r) == len(t) and any(w.name == name and w.fan_in for w in record.samples[0].weights):
            paths.append(float(np.trapezoid(np.nan_to_num(r), t)) + float(np.nan_to_num(r[-1])))
    return float(np.median(paths)) if paths else float("inf")


def _shrunk(record: Record) -> float:
    """Norm of the weights at the end over that at the start."""
    norms = [n for n in record.series("norm").values() if n[0] > 0]
    return float(np.median([n[-1] / n[0] for n in norms])) if norms else 1.0


def _summed(record: Record) -> bool:
    first = record.samples[0].batch if record.samples else None
    return first is not None and first.n > 3 and abs(record.scale / first.n - 1) < 0.2


def _best(record: Record) -> float:
    """The lowest mean of ten losses in a row."""
    losses = np.array(record.loss)
    if len(losses) < 10:
        return float(losses.min(initial=np.inf))
    return float(np.convolve(losses, np.ones(10) / 10, "valid").min())


DETECTORS = (
    uphill, missing_zero_grad, missing_step, not_in_optimizer, unreached, frozen,
    weight_decay_overwhelms, momentum_too_high, learning_rate_too_low, learning_rate_too_high,
)  # fmt: skip
