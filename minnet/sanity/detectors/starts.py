"""Faults of the weights before the first step."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from ..finding import Finding, some
from ..record import Record, Weights

__all__ = ["DETECTORS"]

USUAL = 1.5  # gains that keep a signal's size: He's 1.4, Xavier's 1, a default of 0.6
MULTIPLIED = 50.0  # ... so this much more than usual in all has left the planned range
GROWS = 1e3  # gradients at the first layer against those at the last
SENSITIVE = 1e3  # percent of loss per percent of weights; a healthy network has less than 100
LONG = 0.3  # a step that changes weights by a third is no small step
JUMPS = 1e3  # one step's gradient against the median
WIDE = 5.0  # He's start has gain 1.4; each layer of gain 5 multiplies the variance by 25
SURPRISED = 3.0  # times the loss at chance
SMALLER = 0.2  # of the smallest usual gain, over all layers
FADED = 20.0  # times smaller gradients at the first layer, where no residual path keeps them
SMALLEST = 0.5  # the smallest usual gain, see USUAL
NARROW = 0.05  # three layers of gain 0.05 leave a ten-thousandth of the signal
POOR = 0.3
SATURATED = 0.8  # share of the outputs at the flat ends


def symmetric_units(record: Record) -> Finding | None:
    """All units of a layer are still the same after the first step."""
    first = [s for s in record.samples if s.t >= 1][:4]  # later, rounding separates them slowly
    alike = record.series("alike", first)
    names = [name for name, values in alike.items() if len(values) > 1 and values.all()]
    start = record.samples[0].weights if record.samples else []
    names += [w.name for w in start if w.constant and w.name not in names]
    hidden = [w for w in start if w.fan_in > 1][:-1]
    still = {w.name for s in first for w in s.weights if not w.change}
    zeros = [w.name for w in hidden if not w.norm and w.name in still and w.name not in names]
    names += zeros if not record.skill > POOR else []
    if not names:
        return None
    return Finding(
        "symmetric_units", "error", "fact",
        f"all units of {some(names)} had the same weights, at the start or after steps.",
        "Equal units get equal gradients and stay equal: a layer of them is worth one unit. "
        "Through weights of 0 neither signal nor gradient passes.",
        "Draw the weights at random (init.kaiming_normal); only biases may start at 0.",
    )  # fmt: skip


def initial_weights_too_large(record: Record) -> Finding | None:
    """The first loss is far above chance, and weights are far larger than usual."""
    gain, name = _gain(record, np.argmax)
    product = float(np.prod([max(g, 1e-9) / USUAL for g in _gains(record)]))
    surprise = record.start / (record.chance * abs(record.scale or 1)) if record.chance else 0.0
    known = isfinite(surprise)
    large = gain > WIDE or (gain > USUAL and product > MULTIPLIED)
    if not large or (known and surprise < SURPRISED and not _wild(record)):
        return None
    chance = f"{record.chance:.3g}" if isfinite(record.chance) else "not known"
    return Finding(
        "initial_weights_too_large", "error", "cause",
        f"{name} starts with gain {gain:.3g} (the weights' standard deviation times the root of "
        f"its inputs' number; usual: 1 to 1.5), all layers amplify {product:.2g} times the usual; "
        f"the first loss is {record.start:.3g}, that of guessing is {chance}.",
        "Each layer multiplies the signal by about its gain. The model starts out certain and "
        "wrong, or with tanh and sigmoid units where they are flat and pass no gradient.",
        "Use init.kaiming_normal (relu) or init.xavier_normal (tanh, sigmoid).",
    )  # fmt: skip


def initial_weights_too_small(record: Record) -> Finding | None:
    """Weights start so small that little passes, and little was learned."""
    gain, name = _gain(record, np.argmin)
    product = float(np.prod([min(g / SMALLEST, 1.0) for g in _gains(record) if g > 0]))
    signals = record.samples[0].signals if record.samples else []
    faded = _deep(signals) and signals[0] > FADED * signals[-1]
    asleep = product < SMALLER and faded and _slept(record)
    if not asleep and (not 0 < gain < NARROW or record.skill > POOR):
        return None
    slept = f"; the loss stayed at {record.start:.3g} for a fifth of the run" if asleep else ""
    return Finding(
        "initial_weights_too_small", "warning" if asleep else "error", "cause",
        f"{name} starts with gain {gain:.2g} (the weights' standard deviation times the root of "
        f"its inputs' number; usual: 1 to 1.5){slept}.",
        "Each layer multiplies signal and gradient by about its gain: after a few small ones "
        "nothing is left.",
        "Use init.kaiming_normal (relu) or init.xavier_normal (tanh, sigmoid).",
    )  # fmt: skip


def exploding_gradients(record: Record) -> Finding | None:
    """Gradients grow on their way back to the first layer, or jump from step to step."""
    start = record.samples[0].signals if record.samples else []
    depth = start[-1] / start[0] if _deep(start) else 1.0
    jump, harmful = _jump(record), not record.skill > POOR
    sensitive = _elasticity(record)
    grown = f"gradients grow {depth:.2g}-fold from the last layer back to the first"
    jumped = f"the largest gradient of all steps is {jump:.2g} times the median"
    steep = f"1 % more weight at the start would change the loss by about {sensitive:.2g} %"
    seen = [grown] if depth > GROWS else []
    seen += [jumped] if harmful and jump > JUMPS else []
    seen += [f"{steep} (below 100 % is usual)"] if harmful and sensitive > SENSITIVE else []
    if not seen:
        return None
    return Finding(
        "exploding_gradients", "error" if harmful else "note", "cause",
        "; ".join(seen) + ".",
        "Each layer, or each step of a recurrent network, multiplies the gradient. Many factors "
        "above 1 make it huge, and one such step destroys what was learned.",
        "Start with smaller weights, limit the gradient's length (optim.ClipNorm(optimizer, 1.0)), "
        "or add batch norm.",
    )  # fmt: skip


def _elasticity(record: Record) -> float:
    """|g| |w| / loss in the first sample: percent of loss per percent of weights.

    It is of the order of the number of layers, whatever the scale of inputs and targets.
    """
    first = record.samples[0].weights if record.samples else []
    size = float(sum(w.norm**2 for w in first)) ** 0.5
    g = record.gradient[0] if record.gradient else 0.0
    return g * size / record.start if record.start > 0 else 1.0


def _jump(record: Record) -> float:
    """The largest gradient over the median, if others follow that are far smaller.

    In a run that diverges gradients grow too, but to the end, or after a step that was too long:
    there the steps are to blame.
    """
    norms = np.nan_to_num(np.array(record.gradient), posinf=0.0)
    typical = float(np.median(norms)) if norms.size else 0.0
    k = int(norms.argmax()) if norms.size else 0
    fell = k + 1 < norms.size and norms[k + 1 :].min() < 0.01 * norms[k]
    before = [w.ratio for s in record.samples[:k] for w in s.weights if w.fan_in]
    fell = fell and not any(ratio > LONG for ratio in before)
    return float(norms[k]) / typical if typical > 1e-3 and fell else 1.0


def _deep(signals: list[float]) -> bool:
    """At least three layers, of finite gradients that are not zero."""
    return len(signals) > 1 and signals[0] > 0 and isfinite(signals[-1])


def _gain(record: Record, pick: Callable[..., Any]) -> tuple[float, str]:
    """The extreme gain of the weights before the first step, the last layer left out."""
    layers, gains = _layers(record), _gains(record)
    if not layers:
        return 1.0, ""
    k = int(pick(gains))
    return gains[k], layers[k].name


def _layers(record: Record) -> list[Weights]:
    layers = [w for w in record.samples[0].weights if w.fan_in > 1] if record.samples else []
    return layers[:-1] if len(layers) > 1 else layers


def _slept(record: Record) -> bool:
    """The means of a fifth of the run, in five parts, stay within 2 % of the first loss."""
    early = record.part(0, 0.2)
    if len(early) < 20 or not np.isfinite(early).all():
        return False
    means = [part.mean() for part in np.array_split(early, 5)]
    return bool(np.ptp(means) < 0.02 * abs(record.start))


def _gains(record: Record) -> list[float]:
    return [w.gain for w in _layers(record)]


def _wild(record: Record) -> bool:
    """Units of the first sample are mostly saturated."""
    return any(u.saturated > SATURATED for u in record.samples[0].units)


DETECTORS = (
    symmetric_units, initial_weights_too_large, initial_weights_too_small, exploding_gradients,
)  # fmt: skip
