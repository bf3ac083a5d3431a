"""What a step does to the parameters: a copy from before it, in one row, and where all is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..backend import to_host
from ..train.rows import Copies, places

__all__ = ["Moves", "Part", "arrays"]


class Part(NamedTuple):
    """A parameter in a row: its id, shape, place and weight decay; None if it was not stepped."""

    key: int
    shape: tuple[int, ...]
    place: slice
    alpha: float | None


class Moves:
    """Looks at the parameters that have a gradient, and at their gradients, around a step.

    parameters: all that learn, in the order of the model; the recorder fills them.
    row: copies from before the step.   parts: what is in it.   owned: {id: parameter} of those that
    the optimizer has.
    """

    def __init__(self) -> None:
        self.parameters: list[Any] = []
        self.row: Any = None
        self.parts: list[Part] = []
        self.owned: dict[int, Any] = {}
        self.measured = False  # the row, so that its memory can be used again
        self._moving: list[Any] = []
        self._seen: Any = None  # what the parts depend on
        self._rows = Copies()

    def begin(self, gradients: Mapping[Any, Any]) -> None:
        """Copy before the step; gradients: {parameter: that of backward}."""
        if self.measured:
            self._rows.give_back([self.row])
        self.measured = False
        self._moving = [p for p in self.parameters if p in gradients]
        data = [p._data for p in self._moving]
        self.row = self._rows.copy(data + [gradients[p]._data for p in self._moving])

    def attribute(self, optimizer: Any) -> bool:
        """Find what this optimizer moves; whether that is other than before."""
        groups = [getattr(group, "data", group) for group in optimizer.groups]  # dicts are faster
        kinds = [(group.get("weight_decay", 0.0), len(group["params"])) for group in groups]
        seen = id(optimizer), kinds, [(id(p), p._data.shape) for p in self._moving]
        if seen == self._seen:
            return False
        self._seen, self.owned = seen, {id(p): p for group in groups for p in group["params"]}
        pairs = zip(groups, kinds, strict=True)
        alphas = {id(p): float(alpha) for group, (alpha, _) in pairs for p in group["params"]}
        cuts = zip(self._moving, places(p.size for p in self._moving), strict=True)
        self.parts = [Part(id(p), p.shape, place, alphas.get(id(p))) for p, place in cuts]
        return True

    def end(self) -> list[Any]:
        """The parameters after the step, and the gradients that it used."""
        found = self.row[len(self.row) // 2 :]  # stand in for those that were cleared since
        pairs = zip(self._moving, self.parts, strict=True)
        used = [found[part.place] if p._grad is None else p._grad._data for p, part in pairs]
        return [p._data for p in self._moving] + used


def arrays(row: Any, parts: Sequence[Part]) -> list[Any]:
    """The parameters that a row was made of, and then the gradients."""
    halves = np.split(to_host(row), 2)
    return [half[place].reshape(shape) for half in halves for _, shape, place, _ in parts]
