"""Faults of the signals inside the network: activations and gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..finding import Finding
from ..record import Record, Units

__all__ = ["DETECTORS"]

DEAD = 0.5  # half of the units of a layer
MANY = 0.7
FEW = 8  # of four units three are dead soon, by chance
LOST = 0.95
SEEN = 100  # examples for which a unit was 0 before it is called dead
SATURATED = 0.8  # CHECK C10 of the course: more than 80 % of |tanh| above 0.97
FLAT = 1e-2  # activations that differ by less than 1 % between examples
FADES = 1e-4  # gradients of the first layer against those of the last
GOOD = 0.8
POOR = 0.3


def dead_relus(record: Record) -> Finding | None:
    """Relu units that were 0 for every example in the last samples."""
    dead = {name: 1 - units.mean() for name, units in _alive(record).items()}
    worst = max(dead, key=lambda name: dead[name], default=None)
    if worst is None or dead[worst] < DEAD:
        return None
    lost = dead[worst] > LOST and not record.skill > GOOD
    many = dead[worst] > MANY and not record.skill > POOR
    level = "error" if lost else "warning" if many else "note"
    return Finding(
        "dead_relus", level, "cause",
        f"{dead[worst]:.0%} of the units of {worst} were 0 for every example of the last batches "
        "looked at.",
        "A relu that is 0 for all inputs has gradient 0: the weights before it stop changing.",
        "Lower the learning rate, start with biases of 0, or use leaky_relu (a small slope below "
        "0).",
    )  # fmt: skip


def saturated(record: Record) -> Finding | None:
    """Most outputs of a tanh or sigmoid are at its flat ends."""
    shares = _per_layer(record, lambda u: u.saturated, ("tanh", "sigmoid"))
    medians = {name: float(np.median(values)) for name, values in shares.items()}
    worst = max(medians, key=lambda name: medians[name], default=None)
    if worst is None or medians[worst] < SATURATED:
        return None
    return Finding(
        "saturated", "error" if not record.skill > GOOD else "note", "cause",
        f"{medians[worst]:.0%} of the outputs of {worst} lie in the outer 1.5 % at either end of "
        "its range.",
        "There tanh and sigmoid are flat: their slope is nearly 0, and hardly any gradient passes.",
        "Start with smaller weights before it (init.xavier_normal), normalise the inputs, or use "
        "relu.",
    )  # fmt: skip


def collapsed(record: Record) -> Finding | None:
    """Activations that hardly differ between examples at the start."""
    first = record.samples[0].units if record.samples else []
    spreads = {u.name: u.spread for u in first}
    worst = min(spreads, key=lambda name: spreads[name], default=None)
    if worst is None or spreads[worst] > FLAT or record.samples[0].batch.same:
        return None
    return Finding(
        "collapsed", "error" if not record.skill > POOR else "note", "cause",
        f"at the start the outputs of {worst} have a standard deviation of {spreads[worst]:.2g} "
        f"between examples; below {FLAT:g} they are as good as equal.",
        "If all examples look the same to a layer, later layers cannot tell them apart, and the "
        "gradients of earlier ones shrink as much.",
        "Start with larger weights (init.kaiming_normal for relu, init.xavier_normal for tanh), "
        "or add batch norm.",
    )  # fmt: skip


def vanishing_gradients(record: Record) -> Finding | None:
    """The first layers get far smaller gradients than the last."""
    ratio = _depth_ratio(record)
    jumped = max(record.gradient, default=0.0) > 1e3 * float(np.median(record.gradient or [1.0]))
    if not ratio < FADES or (jumped and not record.skill > POOR):
        return None
    return Finding(
        "vanishing_gradients", "error" if not record.skill > POOR else "note", "cause",
        f"a weight of the first layer typically gets {ratio:.1e} times the gradient of one of the "
        "last.",
        "Each layer multiplies the gradient by its slope; small factors in a row leave nothing "
        "for the first layers, which then stay random.",
        "Use relu with init.kaiming_normal, batch norm, or shortcuts x + f(x) around layers; fewer "
        "sigmoid layers.",
    )  # fmt: skip


def _alive(record: Record) -> dict[str, np.ndarray]:
    """{relu layer: which units were active in the last samples}; layers of few units left out."""
    found: dict[str, np.ndarray] = {}
    sizes = np.cumsum([s.batch.n for s in reversed(record.samples)])
    for sample in record.samples[-max(5, int((sizes < SEEN).sum()) + 1) :]:
        for u in sample.units:
            if u.op == "relu" and len(u.active) >= FEW:
                same = u.name in found and found[u.name].shape == u.active.shape
                found[u.name] = found[u.name] | u.active if same else u.active
    return found


def _per_layer(
    record: Record, value: Callable[[Units], float], ops: tuple[str, ...]
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for sample in record.samples:
        for u in sample.units:
            if u.op in ops:
                found.setdefault(u.name, []).append(value(u))
    return found


def _depth_ratio(record: Record) -> float:
    """Median over the samples: gradient per weight in the first layer over that in the last.

    1 for fewer than three layers.
    """
    ratios = []
    for sample in record.samples:
        layers = [w for w in sample.weights if w.fan_in]
        sizes = [w.gradient / np.prod(w.shape) ** 0.5 for w in layers]
        if len(sizes) >= 3 and sizes[-1] > 0:
            ratios.append(sizes[0] / sizes[-1])
    return float(np.median(ratios)) if ratios else 1.0


DETECTORS = (dead_relus, saturated, collapsed, vanishing_gradients)
