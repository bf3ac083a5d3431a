"""When a run ends and another begins, and what becomes of the gradients between two steps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..functional.targets import raw
from ..nn import Module
from .calls import Rows
from .record import Record

__all__ = ["begins", "note_discarded", "note_stale", "note_unstepped", "note_whole"]

ALTERNATES = 0.1  # of the steps belong to another optimizer, or loss, than the step before


def begins(
    gradients: Collection[Any],
    used: bool,
    calls: Sequence[tuple[Module, tuple, Any]],
    *,
    known: Collection[int],
    trained: Collection[int],
) -> bool:
    """Whether another model begins to learn: of new parameters, or with a new part on an old body.

    used: a model of this run made the loss.   calls: (module, arguments, output) of what is no
    part of the run.   known: ids of its parameters, trained: of all that ever learned.
    """
    one_is_known = any(id(p) in known for p in gradients)
    if used or not one_is_known:
        return not one_is_known
    new = {id(p) for p in gradients if id(p) not in known}
    learning = [module for module, _, y in calls if getattr(y, "requires_grad", False)]
    part = any(id(p) in new for module in learning for p in module.parameters())
    return part and not new & set(trained)


def note_discarded(record: Record, gradients: Collection[Any]) -> None:
    """Gradients of the backward before that were cleared, and no step had used them."""
    if not any(_left(p) for p in gradients):
        record.facts["discarded"] = record.facts.get("discarded", 0) + 1


def note_stale(record: Record, gradients: Collection[Any], stepped: Collection[int]) -> None:
    """Gradients left over from a step that was already taken."""
    old = [p for p in gradients if p._grad is not None and id(p) in stepped]
    if any(map(_left, old)):
        record.facts["stale"] = record.facts.get("stale", 0) + 1


def note_unstepped(record: Record, backwards: int) -> None:
    """The largest number of backwards before a step."""
    record.facts["unstepped"] = max(backwards, record.facts.get("unstepped", 0))


def note_whole(record: Record, rows: Rows, turns: int) -> None:
    """Facts that only the whole run shows.   turns: steps of other optimizers or losses."""
    facts = record.facts
    facts["alternating"] = turns > ALTERNATES * record.steps > 0 or "mixed" in facts
    facts["examples"] = len(rows.known) / max(rows.coverage, 0.1)
    if "weighted" in facts:
        record.kind = ""  # the loss at chance depends on the weights


def _left(p: Any) -> bool:
    return p._grad is not None and bool(raw(p._grad).any())
