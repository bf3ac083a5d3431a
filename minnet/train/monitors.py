"""Monitors: small objects that watch a training run and add series to its history."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import to_host
from ..errors import ValueRangeError
from ..modes import observe
from .evaluation import evaluating

if TYPE_CHECKING:
    from .fit import Run

__all__ = ["Activations", "Monitor", "UpdateRatios"]


class Monitor:
    """Override what you need; ``run`` is the `Run` (model, optimizer, history, batch, loss, t, x).

    before_step comes after backward, when the gradients are there and the parameters unchanged.

    >>> class Worst(Monitor):
    ...     def after_step(self, run):
    ...         run.record("largest score", abs(run.scores.data).max())
    """

    def start(self, run: Run) -> None:
        """Before the first step."""

    def before_step(self, run: Run) -> None:
        """After backward, before the optimizer moves the parameters."""

    def after_step(self, run: Run) -> None:
        """After the optimizer step; run.t counts it."""

    def epoch_end(self, run: Run) -> None:
        """After an epoch and its validation."""

    def end(self, run: Run) -> None:
        """When training ends, also by an exception."""


def check_every(every: int) -> int:
    """The number itself; raises ValueRangeError below 1."""
    if every < 1:
        raise ValueRangeError(f"a monitor acts every 1, 2, ... steps or epochs, got {every}.")
    return every


class UpdateRatios(Monitor):
    """|change of w| / |w| of each parameter w: a healthy run stays near 1e-3.

    Uses the applied change (momentum and decay included), every ``every`` steps; norms are
    Euclidean.  A parameter that is all zero has no ratio and is left out until it moves.
    Series: "update_ratio/NAME".   Source: CS231n notes, "Ratio of weights:updates".
    """

    def __init__(self, every: int = 10):
        self.every = check_every(every)
        self._before: dict[str, Any] = {}

    def before_step(self, run: Run) -> None:
        """Keep a copy of the parameters on every sampled step."""
        if run.t % self.every == 0:
            self._before = {n: p.data.copy() for n, p in run.model.named_parameters()}

    def after_step(self, run: Run) -> None:
        """Compare with the copy."""
        for name, p in run.model.named_parameters() if self._before else ():
            old = self._before[name]
            norm = float(np.linalg.norm(to_host(old)))
            if norm > 0:
                change = float(np.linalg.norm(to_host(p.data - old)))
                run.record(f"update_ratio/{name}", change / norm)
        self._before = {}


class Activations(Monitor):
    """Histograms of each layer's output on one fixed batch, after every epoch.

    layers: which modules are looked at, a test ``f(name, module)``; default: those without parts.
    ``snapshots`` is a list of {"epoch": x, "layers": {name: (counts, edges)}}.
    """

    def __init__(
        self, batch: Any, *, bins: int = 50, layers: Callable[[str, Any], bool] | None = None
    ):
        self.batch, self.bins = batch, bins
        self.layers = layers or (lambda name, module: not list(module.children()))
        self.snapshots: list[dict[str, Any]] = []

    def start(self, run: Run) -> None:
        """The state at initialisation."""
        self._look(run)

    def epoch_end(self, run: Run) -> None:
        """The state after an epoch."""
        self._look(run)

    def _look(self, run: Run) -> None:
        names = {m: name for name, m in run.model.named_modules() if self.layers(name, m)}
        collector = _Outputs(names)
        with evaluating(run.model), observe(collector):
            run.model(self.batch)
        finite = {name: y[np.isfinite(y)] for name, y in collector.outputs.items()}
        layers = {name: np.histogram(y, bins=self.bins) for name, y in finite.items()}
        self.snapshots.append({"epoch": run.x, "layers": layers})


class _Outputs:
    """An observer that keeps the latest output of the named modules."""

    def __init__(self, names: dict[Any, str]):
        self.names = names
        self.outputs: dict[str, np.ndarray] = {}

    def on_module(self, module: Any, args: Any, y: Any) -> None:
        if module in self.names:
            self.outputs[self.names[module]] = to_host(getattr(y, "data", y))
