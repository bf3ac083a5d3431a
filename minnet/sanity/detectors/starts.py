"""Faults of the weights before the first step."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from ..finding import Finding
from ..record import Record

__all__ = ["DETECTORS"]

WIDE = 5.0  # He's start has gain 1.4; each layer of gain 5 multiplies the variance by 25
SURPRISED = 3.0  # times the loss at chance
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
    if not names:
        return None
    return Finding(
        "symmetric_units", "error", "fact",
        f"all units of {', '.join(names[:3])} had the same weights, at the start or after steps.",
        "Equal units get equal gradients and stay equal: a layer of them is worth one unit. From "
        "all zeros nothing passes at all.",
        "Draw the weights at random (init.kaiming_normal); only biases may start at 0.",
    )  # fmt: skip


def initial_weights_too_large(record: Record) -> Finding | None:
    """The first loss is far above chance, and weights are far larger than usual."""
    gain, name = _gain(record, np.argmax)
    surprise = record.start / (record.chance * abs(record.scale or 1)) if record.chance else 0.0
    known = isfinite(surprise)
    if gain < WIDE or (known and surprise < SURPRISED and not _wild(record)):
        return None
    return Finding(
        "initial_weights_too_large", "error", "cause",
        f"{name} starts with gain {gain:.3g} (deviation times sqrt of inputs; 1 to 1.5 is usual), "
        f"and the first loss is {record.start:.3g}; knowing nothing gives {record.chance:.3g}.",
        "Each layer multiplies the signal by its gain. The model starts out certain and wrong, or "
        "with its units saturated.",
        "Use init.kaiming_normal (relu) or init.xavier_normal (tanh).",
    )  # fmt: skip


def initial_weights_too_small(record: Record) -> Finding | None:
    """Weights start so small that little passes, and little was learned."""
    gain, name = _gain(record, np.argmin)
    if not 0 < gain < NARROW or record.skill > POOR:
        return None
    return Finding(
        "initial_weights_too_small", "error", "cause",
        f"{name} starts with gain {gain:.2g} (deviation times sqrt of inputs; 1 to 1.5 is usual).",
        "Each layer multiplies signal and gradient by its gain: after a few small ones nothing "
        "is left.",
        "Use init.kaiming_normal (relu) or init.xavier_normal (tanh).",
    )  # fmt: skip


def _gain(record: Record, pick: Callable[..., Any]) -> tuple[float, str]:
    """The extreme gain of the weights before the first step, the last layer left out."""
    layers = [w for w in record.samples[0].weights if w.fan_in > 1] if record.samples else []
    layers = layers[:-1] if len(layers) > 1 else layers
    if not layers:
        return 1.0, ""
    gains = [w.gain for w in layers]
    k = int(pick(gains))
    return gains[k], layers[k].name


def _wild(record: Record) -> bool:
    """Units of the first sample are mostly saturated."""
    return any(u.saturated > SATURATED for u in record.samples[0].units)


DETECTORS = (symmetric_units, initial_weights_too_large, initial_weights_too_small)
