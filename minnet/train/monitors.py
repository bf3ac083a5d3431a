"""Monitors: small objects that watch a training run and add series to its history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import to_host
from ..derivatives import grad
from ..errors import ValueRangeError
from ..modes import enable_grad, observe
from ..tensor import Tensor
from .evaluation import evaluating

if TYPE_CHECKING:
    from .fit import Run
    from .history import History

__all__ = ["Activations", "Monitor", "UpdateRatios"]

MANY = 100_000  # numbers that may wait to be measured


class Monitor:
    """Override what you need; ``run`` is the `Run` (model, optimizer, history, batch, loss, t, x).

    before_step comes after backward, when the gradients are there and the parameters unchanged.
    ``run.record(name, value)`` adds to the history, and ``run.stop(reason)`` ends the run without
    an error: after this step or, from epoch_end, after this epoch.

    >>> class Worst(Monitor):
    ...     def after_step(self, run):
    ...         worst = abs(run.scores.data).max()
    ...         run.record("largest score", worst)
    ...         if worst > 1e4:
    ...             run.stop("the scores explode")
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


class Sampling(Monitor):
    """A monitor that looks at every ``every``-th step."""

    def __init__(self, every: int = 10):
        self.every = check_every(every)


class Waiting(Sampling):
    """Keeps copies on sampled steps, so that training does not wait for what is made of them.

    They are measured when much of them waits, and at the end of each epoch.
    """

    def __init__(self, every: int = 10):
        super().__init__(every)
        self._samples: list[tuple[float, Any]] = []  # (epochs, what was copied then)
        self._size = 0  # numbers in them

    def keep(self, run: Run, sample: Any, size: int) -> None:
        """Add a sample of so many numbers."""
        self._samples.append((run.x, sample))
        self._size += size
        if self._size > MANY:
            self.epoch_end(run)

    def measure(self, history: History, samples: list[tuple[float, Any]]) -> None:
        """Record what the samples show."""

    def epoch_end(self, run: Run) -> None:
        """Measure the samples that wait."""
        samples, self._samples, self._size = self._samples, [], 0
        if samples:
            with np.errstate(over="ignore", invalid="ignore"):  # a run that breaks down too
                self.measure(run.history, samples)

    def end(self, run: Run) -> None:
        """Measure what waits when training stops."""
        self.epoch_end(run)


class UpdateRatios(Waiting):
    """|change of w| / |w| of each parameter w: a healthy run stays near 1e-3.

    Uses the applied change (momentum and decay included), every ``every`` steps; norms are
    Euclidean.  A parameter that is all zero has no ratio and is left out until it moves.
    Series: "update_ratio/NAME".   Source: CS231n notes, "Ratio of weights:updates".
    """

    def __init__(self, every: int = 10):
        super().__init__(every)
        self._named: list[tuple[str, Any]] = []
        self._before: list[Any] = []

    def start(self, run: Run) -> None:
        """Whose changes are measured."""
        self._named = [(f"update_ratio/{n}", p) for n, p in run.model.named_parameters()]

    def before_step(self, run: Run) -> None:
        """Keep a copy of the parameters on every sampled step."""
        if run.history.steps % self.every == 0:
            self._before = [p._data.copy() for _, p in self._named]

    def after_step(self, run: Run) -> None:
        """Compare with the copy."""
        if not self._before:
            return
        changes = [p._data - old for (_, p), old in zip(self._named, self._before, strict=True)]
        squares = [
            (np.vdot(w, w), np.vdot(d, d)) for w, d in zip(self._before, changes, strict=True)
        ]
        self._before = []
        self.keep(run, squares, len(squares))

    def measure(self, history: History, samples: list[tuple[float, Any]]) -> None:
        """The quotients."""
        for k, (name, _) in enumerate(self._named):
            have = [(x, *squares[k]) for x, squares in samples if squares[k][0] > 0]
            if have:
                ratios = [float(change) ** 0.5 / float(norm) ** 0.5 for _, norm, change in have]
                history.extend(name, ratios, x=[x for x, _, _ in have])


class Activations(Monitor):
    """Histograms of each layer's output on one fixed batch, after every epoch.

    targets: those of the batch; then the gradients of the loss with respect to the outputs are
    counted too.   layers: which modules are looked at, a test ``f(name, module)``; default: those
    without parts.   ``snapshots`` is a list of {"epoch": x, "layers": {name: (counts, edges)},
    "gradients": the same of the gradients}.
    """

    def __init__(
        self,
        batch: Any,
        *,
        targets: Any = None,
        bins: int = 50,
        layers: Callable[[str, Any], bool] | None = None,
    ):
        self.batch, self.targets, self.bins = batch, targets, bins
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
        with evaluating(run.model), observe(collector), _recording(self.targets is not None):
            scores = run.model(self.batch)
            loss = None if self.targets is None else run.loss_fn(scores, self.targets)
        outputs = {name: y for name, y in collector.outputs.items() if isinstance(y, Tensor)}
        found = {} if loss is None else dict(zip(outputs, _slopes(loss, outputs), strict=True))
        self.snapshots.append({
            "epoch": run.x,
            "layers": self._count(collector.outputs),
            "gradients": self._count(found),
        })  # fmt: skip

    def _count(self, arrays: Mapping[str, Any]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        numbers = {name: to_host(getattr(y, "data", y)) for name, y in arrays.items()}
        finite = {name: y[np.isfinite(y)] for name, y in numbers.items()}
        return {name: np.histogram(y, bins=self.bins) for name, y in finite.items()}


def _recording(on: bool) -> Any:
    return enable_grad() if on else nullcontext()


def _slopes(loss: Tensor, outputs: Mapping[str, Tensor]) -> Sequence[Any]:
    """dL/dy of each output; zeros where the loss does not depend on it."""
    learned = [y for y in outputs.values() if y.requires_grad]
    found = iter(grad(loss, learned, allow_unused=True))
    return [next(found) if y.requires_grad else np.zeros(y.shape) for y in outputs.values()]


class _Outputs:
    """An observer that keeps the latest output of the named modules."""

    def __init__(self, names: dict[Any, str]):
        self.names = names
        self.outputs: dict[str, Any] = {}

    def on_module(self, module: Any, args: Any, y: Any) -> None:
        if module in self.names:
            self.outputs[self.names[module]] = y
