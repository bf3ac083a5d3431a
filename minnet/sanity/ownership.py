"""Which parameters an optimizer has, which are frozen, and with which settings it steps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import nan
from typing import Any

from ..backend import to_host
from ..functional.targets import raw
from ..nn import BatchNorm1d, BatchNorm2d, Module
from .measure import is_random
from .record import Record, Sample

__all__ = ["Hand", "note_membership", "note_rates", "note_still_norms",
           "note_unmeasured", "note_untrained"]  # fmt: skip


class Hand:
    """Who writes ``p.data -= lr * p.grad.data`` is the optimizer."""

    def __init__(self, params: list[Any]):
        self.groups = [{"params": params, "lr": nan}]


def note_membership(
    record: Record, sample: Sample, names: dict[int, str], parameters: dict[str, bool],
    owned: Collection[int],
) -> None:  # fmt: skip
    """Parameters of the model that no optimizer has, and those that ask for no gradients.

    parameters: those of the model, and whether they asked for gradients at this sample.
    owned: ids of those that the optimizer has.
    """
    facts = record.facts
    facts["owned"] = facts.get("owned", set()) | {names[key] for key in owned if key in names}
    facts["parameters"] = set(parameters)
    facts["moved"] = facts.get("moved", set()) | {w.name for w in sample.weights if w.change > 0}
    frozen = {name for name, learns in parameters.items() if not learns}
    facts["frozen"] = frozen - facts["moved"]


def note_rates(record: Record, optimizer: Any) -> None:
    """Learning rate, momentum and betas of the first group."""
    group = optimizer.groups[0]
    settings = getattr(group, "data", group)  # the plain dict inside is read faster
    beta1, beta2 = settings.get("betas", (0.0, 1.0))
    record.rates.append({
        "lr": float(settings["lr"]), "momentum": float(settings.get("momentum", 0.0)),
        "beta1": float(beta1), "beta2": float(beta2),
    })  # fmt: skip


def note_untrained(
    record: Record, names: dict[int, str], parameters: Sequence[Any], trained: dict[int, Any]
) -> None:
    """Frozen parameters that never learned, in no earlier run either, and look random."""
    frozen = [p for p in parameters if names.get(id(p)) in record.facts.get("frozen", ())]
    fresh = [p for p in frozen if id(p) not in trained and is_random(to_host(raw(p)))]
    record.facts["random"] = {names[id(p)] for p in fresh}


def note_unmeasured(record: Record, module: Module) -> None:
    """A model in eval mode whose batch norms have the statistics they were built with.

    Weights that were copied from a trained model, without its buffers, look like this.
    """
    norms = [m for m in module.modules() if isinstance(m, (BatchNorm1d, BatchNorm2d))]
    means = [to_host(m.running_mean) for m in norms if m.running_mean is not None]
    if means and not any(mean.any() for mean in means):
        record.facts["unmeasured"] = len(means)


def note_still_norms(record: Record, norms: Sequence[tuple[Any, Any]]) -> None:
    """Batch norms whose running mean is the one they began with; norms: (layer, that mean)."""
    still = [layer for layer, start in norms if bool((layer.running_mean == start).all())]
    if still and record.steps:
        record.facts["still_norms"] = len(still)
