"""Fills a `Record` while a training loop runs, through the observer seam alone.

On sampled steps it looks at everything; on the others only at the loss and whether all is finite.
It draws no random numbers and changes nothing.
"""

from __future__ import annotations

import copy
from math import nan
from typing import Any

import numpy as np

from ..backend import array_module, to_host
from ..functional.targets import raw
from ..nn import BatchNorm1d, BatchNorm2d, Embedding, Module
from ..tensor import Tensor
from .calls import Call, Rows, evaluation, has_modes, join
from .measure import about_batch, about_units, about_weights
from .nonfinite import culprit
from .record import Record, Sample

__all__ = ["Recorder"]

DENSE = 5  # the first steps are all sampled: much goes wrong at once
KEEP = 512  # examples that are kept
ACTIVATIONS = {"relu", "tanh", "sigmoid"}


class _Hand:
    """Who writes ``p.data -= lr * p.grad.data`` is the optimizer."""

    rho = 0.0

    def __init__(self, params: list[Any]):
        self.groups = [{"params": params, "lr": nan}]


class Recorder:
    """An observer (`minnet.observe`) that keeps a `Record` of a training run in ``record``.

    every: steps between two full samples; the first five are sampled too.
    ``model`` is a copy of the model before its first step, ``examples`` some (x, y) it was trained
    on: a doctor examines them afterwards.   ``past`` has the same three of earlier runs: a run ends
    when parameters learn that had no part in it, as in a script that trains two models.
    """

    def __init__(self, every: int = 10):
        self.every = every
        self.past: list[tuple[Record, Module | None, list]] = []
        self._begin()

    def _begin(self) -> None:
        """The state before a training run."""
        self.record = Record()
        self.model: Module | None = None
        self.examples: list[tuple[np.ndarray, np.ndarray]] = []
        self.roots: list[Module] = []
        self._known = False  # which modules are whole models
        self._tops: set[int] = set()  # their ids
        self._below: set[int] = set()  # ids of their parts
        self._names: dict[int, str] = {}
        self._modules: list[tuple[Module, tuple, Any]] = []
        self._norms: list[tuple[Any, Any]] = []
        self._rows = Rows()
        self._stepped: set[int] = set()
        self._optimized = False  # whether an optimizer was seen
        self._leaves: dict[int, Any] = {}
        self._versions = 0
        self._calls: list[Call] = []
        self._units: list[Any] = []
        self._sample: Sample | None = None
        self._before: dict[int, tuple[Any, Any]] = {}
        self._losses: list[float] = []
        self._fresh = True  # no backward since the last step
        self._full(True)

    def _full(self, on: bool) -> None:
        """Attach or detach what is told of every operation; a missing method costs nothing."""
        self.full = on
        self._listen(on or (self._known and not self.roots))
        self.on_gradient = self._on_gradient if on else None

    def _listen(self, on: bool) -> None:
        self.on_op = self._on_op if on else None

    # -- the forward pass -------------------------------------------------------------------------

    def _on_op(self, op: Any, args: Any, settings: dict, y: Any) -> None:
        if not self.roots:
            self._step_by_hand()
        self._check(op, args, y)
        if self.full:
            self._note(op, settings, y)
        if not self._calls and not self.roots and not self._modules:
            self._calls.append(Call(None, (), None))  # a model without modules
        reading = self._calls[-1].reading if self._calls else None
        if reading is not None:
            reading.on_op(op, args, settings, y)

    def _note(self, op: Any, settings: dict, y: Any) -> None:
        """Activations, and a softmax over the examples."""
        if op.name in ACTIVATIONS and y.ndim > 1 and y.requires_grad:
            self._units.append((op.name, y))
        over_rows = op.name in ("softmax", "log_softmax") and settings.get("axis", -1) == 0
        if over_rows and y.ndim == 2 and len(y) > 1:
            self.record.facts.setdefault("over_examples", op.name)

    def on_module(self, module: Module, args: tuple, y: Any) -> None:
        """A module was called."""
        if id(module) in self._tops:
            self._step_by_hand()
            if len(self._calls) > 4:
                self._settle(keep=4)
            self._calls.append(Call(module, args, y, len(self.record.loss), self.full))
            self._listen(True)
            if isinstance(y, Tensor):
                self._check(None, (), y)
        elif id(module) not in self._below:
            self._modules = [*self._modules[-63:], (module, args, y)]
            self._calls = self._calls if self.roots else [Call(module, args, y)]

    def _check(self, op: Any, args: Any, y: Any) -> None:
        """Notice the first NaN or Inf."""
        data = y._data
        if data.dtype.kind != "f" or bool(array_module(data).isfinite(data).all()):
            return
        if "nan" not in self.record.facts:
            fact = self.record.facts["nan"] = {"t": len(self.record.loss)}
            calls = [c for c in self._calls[-1:] if c.module is not None]
            models = [(c.module, c.args) for c in calls] or [(root, ()) for root in self.roots]
            fact |= culprit(op, args, models, self._names)

    # -- the backward pass ------------------------------------------------------------------------

    def _on_gradient(self, op: Any, name: str, d: Any) -> None:
        data = raw(d)
        if data.dtype.kind != "f" or bool(array_module(data).isfinite(data).all()):
            return
        found = {"t": len(self.record.loss), "op": op.name, "where": "backward"}
        self.record.facts.setdefault("nan", found)

    def on_backward(self, loss: Tensor, gradients: dict[Any, Tensor]) -> None:
        """`backward` has found the gradients, and not yet added them to ``.grad``."""
        self._step_by_hand()
        if self._known and not any(id(p) in self._names for p in gradients):
            self._renew()
        if not self._known:
            self._meet(gradients)
        self._leaves = {id(p): p for p in gradients}
        self._versions = 0 if self._optimized else sum(p._version for p in gradients)
        if self._fresh:
            self._sample, self._before = None, {}
        self._losses.append(float(to_host(loss._data).sum()))
        call = next((c for c in reversed(self._calls) if c.used() or c.module is None), None)
        call = call or (self._calls[-1] if self._calls else None)
        if self.full and call is not None:
            self._look(call, gradients)
        self._fresh = False
        self._calls = [c for c in self._calls if c is not call]

    def _meet(self, gradients: dict[Any, Tensor]) -> None:
        """The first backward: which of the called modules are whole models."""
        called = {id(m): m for m, _, _ in self._modules}
        self._below = {id(c) for m in called.values() for c in m.modules() if c is not m}
        self._known = True
        self.roots = [m for key, m in called.items() if key not in self._below]
        self._tops = {id(root) for root in self.roots}
        for k, root in enumerate(self.roots):
            prefix = f"{k}:" if len(self.roots) > 1 else ""
            self._names |= {id(p): f"{prefix}{n}" for n, p in root.named_parameters()}
        self._tables = {
            id(m.weight) for r in self.roots for m in r.modules() if isinstance(m, Embedding)
        }
        for leaf in gradients:
            self._names.setdefault(id(leaf), f"tensor {len(self._names)} {leaf.shape}")
        self._kept = [*gradients]  # so that no other object gets their id
        if self.roots:
            self._first_call()
            self._start()

    def _first_call(self) -> None:
        """Of the calls so far, keep the latest of the model, with what was read after it."""
        module, args, y = next(c for c in reversed(self._modules) if id(c[0]) in self._tops)
        latest = self._calls[-1] if self._calls else None
        call = Call(module, args, y)
        if latest is not None and latest.module is module:
            call.reading = latest.reading
        self._calls, self._modules = [call], []

    def _renew(self) -> None:
        """Another model begins to learn: what was called since belongs to its run."""
        self.finish()
        if self.record.steps:
            self.past.append((self.record, self.model, self.examples))
        modules = self._modules
        self._begin()
        self._modules = modules

    def _start(self) -> None:
        """Keep a copy of the model, and the state of its batch norms."""
        modules = [m for root in self.roots for m in root.modules()]
        norms = [m for m in modules if isinstance(m, (BatchNorm1d, BatchNorm2d))]
        self._norms = [(m, m.running_mean.copy()) for m in norms if m.running_mean is not None]
        try:
            self.model = copy.deepcopy(self.roots[0])
        except Exception:  # a user's module may hold what cannot be copied; then it is not examined
            self.model = None

    def _look(self, call: Call, gradients: dict[Any, Tensor]) -> None:
        """All that a sampled step shows before the optimizer acts."""
        facts = self.record.facts
        if self._fresh:
            self._stale(gradients)
        reached = facts.setdefault("reached", set())
        reached |= {self._names[id(p)] for p in gradients if id(p) in self._names}
        if self._sample is not None or call.reading is None:
            return
        self._read(call)
        x = call.args[0] if call.args else None
        self._sample = Sample(len(self.record.loss), about_batch(x, call.reading))
        output = raw(call.y) if isinstance(call.y, Tensor) else None
        hidden = [(name, y._data) for name, y in self._units if y._data is not output]
        self._sample.units = [about_units(k, name, y) for k, (name, y) in enumerate(hidden)]
        for key in self._names:  # in the order of the model's parameters
            p = self._leaves.get(key)
            if p is not None:
                self._before[key] = raw(p).copy(), raw(gradients[p]).copy()
        self._remember(x, call.reading.target)

    def _stale(self, gradients: dict[Any, Tensor]) -> None:
        """Gradients left over from a step that was already taken."""
        old = [p._grad for p in gradients if p._grad is not None and id(p) in self._stepped]
        if any(bool(raw(g).any()) for g in old):
            self.record.facts["stale"] = self.record.facts.get("stale", 0) + 1

    def _read(self, call: Call) -> None:
        """What the operations after the model said about the loss."""
        record, reading = self.record, call.reading
        assert reading is not None
        reading.finish()
        record.kind = record.kind or reading.kind
        for name, evidence in reading.notes.items():
            if name != "over_examples":
                record.facts[name] = (record.facts.get(name, (0, None))[0] + 1, evidence)
        if not call.training and has_modes(call.module):
            record.facts["trained_in_eval"] = record.facts.get("trained_in_eval", 0) + 1

    def _remember(self, x: Any, target: np.ndarray | None) -> None:
        """Fingerprints of the batch, and the batch itself while there are few."""
        rows = to_host(raw(x)) if x is not None else None
        if not isinstance(rows, np.ndarray) or rows.ndim == 0:
            return
        self._rows.add(rows)
        kept = sum(len(a) for a, _ in self.examples)
        if target is not None and len(target) == len(rows) and kept < KEEP:
            self.examples.append((rows.copy(), target.copy()))

    # -- the step ---------------------------------------------------------------------------------

    def _step_by_hand(self) -> None:
        """Parameters that were assigned since the last backward, without an optimizer."""
        if self._fresh or self._optimized:
            return
        if sum(p._version for p in self._leaves.values()) != self._versions:
            self._step(_Hand([*self._leaves.values()]))

    def on_step(self, optimizer: Any) -> None:
        """The optimizer has moved the parameters."""
        self._optimized = True
        self._step(optimizer)

    def _step(self, optimizer: Any) -> None:
        if self._sample is not None:
            self._sampled_step(optimizer)
        if self._fresh:
            return  # a second optimizer of the same step
        record = self.record
        record.loss.append(sum(self._losses) / max(len(self._losses), 1))
        self._losses, self._units, self._fresh = [], [], True
        self._settle(keep=0)
        self._next()

    def _next(self) -> None:
        t = len(self.record.loss)
        self._full(t < DENSE or t % self.every == 0)

    def skip(self, loss: float) -> None:
        """A step that was not observed, of which only the loss is known."""
        self.record.loss.append(loss)
        self._next()

    def broke(self, module: Module, args: tuple) -> None:
        """The loss of a step that was not observed is not finite: find out why."""
        found = culprit(None, (), [(module, args)], self._names)
        self.record.facts.setdefault("nan", {"t": len(self.record.loss), **found})

    def _sampled_step(self, optimizer: Any) -> None:
        """What the step did; a second optimizer's part replaces what was noted before."""
        sample = self._sample
        assert sample is not None
        owned = {id(p): (p, group) for group in optimizer.groups for p in group["params"]}
        self._stepped |= set(owned)
        first = not sample.weights
        noted = {w.name: w for w in sample.weights}
        for key, old in self._before.items():
            if first or key in owned:
                name = self._names[key]
                noted[name] = about_weights(name, owned.get(key), self._leaves[key], old)
                if key in self._tables:
                    noted[name].fan_in = 0  # a table of rows is not multiplied by anything
        sample.weights = list(noted.values())
        if first:
            self.record.samples.append(sample)
            self.record.gradient.append(sum(w.gradient**2 for w in noted.values()) ** 0.5)
            self._settings(optimizer)
        self._membership(owned)

    def _settings(self, optimizer: Any) -> None:
        group, rho = optimizer.groups[0], float(getattr(optimizer, "rho", 0.0))
        lr, mu = float(group["lr"]), float(group.get("momentum", 0.0))
        effective = lr / max(1 - rho, 1e-12)
        self.record.rates.append({"lr": lr, "momentum": mu, "effective": effective})

    def _membership(self, owned: dict[int, Any]) -> None:
        """Parameters of the model that no optimizer has, and those that ask for no gradients."""
        facts = self.record.facts
        names = facts.setdefault("owned", set())
        names |= {self._names[key] for key in owned if key in self._names}
        parameters = [p for root in self.roots for p in root.parameters() if id(p) in self._names]
        facts["parameters"] = {self._names[id(p)] for p in parameters}
        moved = facts.setdefault("moved", set())
        moved |= {w.name for w in self._sample.weights if w.change > 0} if self._sample else set()
        frozen = {self._names[id(p)] for p in parameters if not p.requires_grad}
        facts["frozen"] = frozen - moved

    # -- calls without learning -------------------------------------------------------------------

    def _settle(self, *, keep: int) -> None:
        """Calls that no backward went through were evaluations."""
        done = [c for c in self._calls if not c.learns]
        waiting = [c for c in self._calls if c.learns and not c.used()]
        ready = max(len(waiting) - keep, 0)
        self._calls = waiting[ready:]
        for call in [*done, *waiting[:ready]]:
            if call.module is not None and call.t:
                join(self.record.evaluations, evaluation(call, self._rows))

    def finish(self) -> Record:
        """What remains to be noticed at the end; returns the record."""
        self._step_by_hand()
        self._settle(keep=0)
        still = [m for m, start in self._norms if bool((m.running_mean == start).all())]
        if still and self.record.steps:
            self.record.facts["still_norms"] = len(still)
        return self.record
