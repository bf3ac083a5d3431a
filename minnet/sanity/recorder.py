"""Fills a `Record` while a training loop runs, through the observer seam alone.

On sampled steps it looks at everything; on the others only at the loss and whether all is finite.
It draws no random numbers and changes nothing.
"""

from __future__ import annotations

import copy
from math import isfinite
from typing import Any

import numpy as np

from ..backend import is_array
from ..functional.targets import raw
from ..nn import BatchNorm1d, BatchNorm2d, Embedding, Module
from ..tensor import Tensor
from . import ownership
from .calls import Call, evaluation, has_modes, join
from .dtypes import note_dtypes
from .measure import all_finite
from .moves import Moves
from .nonfinite import culprit
from .ownership import Hand
from .record import Batch, Record, Sample
from .stages import begins, note_discarded, note_stale, note_unstepped, note_whole
from .waiting import DENSE, Waiting, due_steps

__all__ = ["Recorder"]

ACTIVATIONS = {"relu", "tanh", "sigmoid"}
LAYERS = {"linear", "affine", "conv2d", "_conv2d"}
SAFE = LAYERS | ACTIVATIONS  # inside a model, whose output is looked at anyway
UNMEASURED = Batch()  # until somebody asks
NOTED = ACTIVATIONS | {"softmax", "log_softmax"}


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
        self._trained: dict[int, Any] = {}  # all that ever learned
        self._begin()

    def _begin(self) -> None:
        """The state before a training run."""
        self.record = Record()
        self.model: Module | None = None
        self.waiting = Waiting()
        self.examples = self.waiting.examples
        self.roots: list[Module] = []
        self._known = False  # which modules are whole models
        self._tops: set[int] = set()  # their ids
        self._below: set[int] = set()  # ids of their parts
        self._names: dict[int, str] = {}
        self._modules: list[tuple[Module, tuple, Any]] = []
        self._norms: list[tuple[Any, Any]] = []
        self._stepped: set[int] = set()
        self._parameters: list[Any] = []
        self._latest, self._turns = 0, 0  # the last step's optimizer, and how often it changed
        self._foreign = 0  # steps of a loss that the models had no part in
        self._optimized = False  # whether an optimizer was seen
        self._leaves: list[Any] = []
        self.moves = Moves()
        self._versions = 0
        self._calls: list[Call] = []
        self._units: list[Any] = []
        self._sample: Sample | None = None
        self._losses: list[float] = []
        self._fresh = True  # no backward since the last step
        self._asked: set[int] = set()  # when `evaluate` was called
        self._signals: list[float] = []
        self._dues = due_steps(self.every)
        self._due = next(self._dues)  # the next step to be sampled
        self._full(True)

    def _full(self, on: bool) -> None:
        """Attach or detach what is told of every operation; a missing method costs nothing."""
        self.full = on
        self.on_gradient = self._on_gradient if on else None
        self.on_op = self._on_op if on or (self._known and not self.roots) else None

    # -- the forward pass -------------------------------------------------------------------------

    def _on_op(self, op: Any, args: Any, settings: dict, y: Any) -> None:
        if not self.roots:
            self._step_by_hand()
        elif op.name in LAYERS:
            return  # a layer inside a model says nothing about the loss
        if not self.roots or op.name not in SAFE:
            self._check(op, args, y)
        if self.full and op.name in NOTED:
            self._note(op, settings, y)
        if not self._calls and not self.roots and not self._modules:
            self._calls.append(Call(None, (), None))  # a model without modules
        if self._calls and (reading := self._calls[-1].reading) is not None:
            reading.on_op(op, args, settings, y)

    def _note(self, op: Any, settings: dict, y: Any) -> None:
        """Activations, and a softmax over the examples."""
        if op.name in ACTIVATIONS and y._data.ndim > 1 and y._requires_grad:
            self._units.append((op.name, y))
        elif settings.get("axis", -1) == 0 and y.ndim == 2 and len(y) > 1:
            self.record.facts.setdefault("over_examples", op.name)

    def on_module(self, module: Module, args: tuple, y: Any) -> None:
        """A module was called."""
        if id(module) in self._tops:
            self._step_by_hand()
            if len(self._calls) > 4:
                self._settle(keep=4)
            self._calls.append(Call(module, args, y, len(self.record.loss), self.full))
            self.on_op = self._on_op
            if isinstance(y, Tensor):
                self._check(None, (), y)
        elif id(module) not in self._below:
            if self.roots:
                self._settle(keep=4)  # what is computed now is not the loss of an older call
            self._modules = [*self._modules[-63:], (module, args, y)]
            if self.roots and not module.training and self.record.steps:
                ownership.note_unmeasured(self.record, module)
            self._calls = self._calls if self.roots else [Call(module, args, y)]

    def _check(self, op: Any, args: Any, y: Any) -> None:
        """Notice the first NaN or Inf."""
        if all_finite(y._data):
            return
        if "nan" not in self.record.facts:
            fact = self.record.facts["nan"] = {"t": len(self.record.loss)}
            calls = [c for c in self._calls[-1:] if c.module is not None]
            models = [(c.module, c.args) for c in calls] or [(root, ()) for root in self.roots]
            fact |= culprit(op, args, models, self._names)

    # -- the backward pass ------------------------------------------------------------------------

    def _on_gradient(self, op: Any, name: str, d: Any) -> None:
        data = d._data if isinstance(d, Tensor) else d
        total = float(np.vdot(data, data))
        if name == "x" and op.name in LAYERS and data.size:
            self._signals.append((total / data.size) ** 0.5)
        if not isfinite(total) and not all_finite(data):
            found = {"t": len(self.record.loss), "op": op.name, "where": "backward"}
            self.record.facts.setdefault("nan", found)

    def on_backward(self, loss: Tensor, gradients: dict[Any, Tensor]) -> None:
        """`backward` has found the gradients, and not yet added them to ``.grad``."""
        self._step_by_hand()
        used = any(c.used() for c in self._calls)
        now = gradients, used, self._modules
        if self._known and begins(*now, known=self._names, trained=self._trained):
            self._renew()
        self._foreign += self._fresh and bool(self.roots) and not used
        if not self._known:
            self._meet(gradients)
        self._leaves = [*gradients]
        if self.full and not self._fresh:
            note_discarded(self.record, gradients)
        self._versions = 0 if self._optimized else sum(p._version for p in gradients)
        if self._fresh:
            self._sample = None
        value = loss._data
        self._losses.append(float(value.item() if value.size == 1 else value.sum()))
        call = self._calls[-1] if self._calls else None
        if call is not None and call.module is not None and not call.used():
            call = next((c for c in reversed(self._calls) if c.used() or c.module is None), call)
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
        self._parameters = [p for root in self.roots for p in root.parameters()]
        modules = [m for root in self.roots for m in root.modules()]
        self.waiting.names = self._names
        self.waiting.tables = {id(m.weight) for m in modules if isinstance(m, Embedding)}
        for leaf in gradients:
            self._names.setdefault(id(leaf), f"tensor {len(self._names)} {leaf.shape}")
        others = set(gradients) - set(self._parameters)
        self.moves.parameters = self._parameters + [p for p in gradients if p in others]
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
            note_stale(self.record, gradients, self._stepped)
        reached = facts.setdefault("reached", set())
        if len(reached) < len(self._names):
            reached |= {self._names[id(p)] for p in gradients if id(p) in self._names}
        if self._sample is not None or call.reading is None:
            return
        self._read(call)
        note_dtypes(self.record, call)
        self._sample = Sample(len(self.record.loss), UNMEASURED)
        output = raw(call.y) if isinstance(call.y, Tensor) else None
        hidden = [(name, y._data) for name, y in self._units if y._data is not output]
        x: Any = raw(call.args[0]) if call.args else None
        arrays = [y for _, y in hidden] + ([x] if is_array(x) and x.ndim else [])
        names = [name for name, _ in hidden]
        self.waiting.later(self.waiting.forward, arrays, self._sample, call.reading, names)
        self.moves.begin(gradients)

    def _read(self, call: Call) -> None:
        """What the operations after the model said about the loss."""
        record, reading = self.record, call.reading
        assert reading is not None
        reading.finish()
        reading.confirm(self._losses[-1])
        if record.kind and reading.kind and record.kind != reading.kind:
            record.facts["mixed"] = record.kind, reading.kind
        record.kind = record.kind or reading.kind
        for name, evidence in reading.notes.items():
            if name != "over_examples":
                record.facts[name] = (record.facts.get(name, (0, None))[0] + 1, evidence)
        if not call.training and has_modes(call.module):
            record.facts["trained_in_eval"] = record.facts.get("trained_in_eval", 0) + 1

    # -- the step ---------------------------------------------------------------------------------

    def _step_by_hand(self) -> None:
        """Parameters that were assigned since the last backward, without an optimizer."""
        if self._fresh or self._optimized:
            return
        if sum(p._version for p in self._leaves) != self._versions:
            self._step(Hand(self._leaves))

    def on_step(self, optimizer: Any) -> None:
        """The optimizer has moved the parameters."""
        self._optimized = True
        self._step(optimizer)

    def _step(self, optimizer: Any) -> None:
        if self._sample is not None:
            self._sampled_step(optimizer)
        if self._fresh:
            return  # a second optimizer of the same step
        if not isinstance(optimizer, Hand):
            self._turns += self._latest not in (0, id(optimizer))
            self._latest = id(optimizer)
        record = self.record
        record.loss.append(sum(self._losses) / max(len(self._losses), 1))
        note_unstepped(self.record, len(self._losses))
        self._losses, self._units, self._signals, self._fresh = [], [], [], True
        self._settle(keep=0)
        self._next()

    def _next(self) -> None:
        """Whether the next step is sampled."""
        steps = len(self.record.loss)
        while self._due < steps:
            self._due = next(self._dues)
        self._full(self._due == steps)

    @property
    def unsampled(self) -> int:
        """How many steps come before the next one that is sampled."""
        return self._due - len(self.record.loss)

    def skip(self, losses: list[float]) -> None:
        """Steps that were not observed, of which only the losses are known."""
        self.record.loss += losses
        self._next()

    def broke(self, module: Module, args: tuple) -> None:
        """The loss of a step that was not observed is not finite: find out why."""
        found = culprit(None, (), [(module, args)], self._names)
        self.record.facts.setdefault("nan", {"t": len(self.record.loss), **found})

    def _sampled_step(self, optimizer: Any) -> None:
        """What the step did; a second optimizer's part replaces what was noted before."""
        sample, record, moves = self._sample, self.record, self.moves
        assert sample is not None
        if not record.samples or record.samples[-1] is not sample:
            record.samples.append(sample)
            record.gradient.append(0.0)
            sample.signals = self._signals
            ownership.note_rates(record, optimizer)
        new = moves.attribute(optimizer)
        place = len(record.samples) - 1
        moves.measured = self.waiting.later(
            self.waiting.weights, moves.end(), moves.row, moves.parts, record, place
        )
        if new or sample.t < DENSE:
            self._belong(sample)

    def _belong(self, sample: Sample) -> None:
        """Note which parameters the optimizer has, and which learn at all."""
        owned = self.moves.owned
        self._stepped.update(owned)
        self._trained |= {key: p for key, p in owned.items() if p._requires_grad}
        learn = {self._names[id(p)]: p._requires_grad for p in self._parameters}
        job = ownership.note_membership, self.record, sample, self._names, learn, owned
        self.waiting.then(*job)

    # -- calls without learning -------------------------------------------------------------------

    def _settle(self, *, keep: int) -> None:
        """Calls that no backward went through were evaluations."""
        if not self._calls:
            return
        done = [c for c in self._calls if not c.learns]
        waiting = [c for c in self._calls if c.learns and not c.used()]
        ready = max(len(waiting) - keep, 0)
        self._calls = waiting[ready:]
        for call in [*done, *waiting[:ready]]:
            if call.module is not None and call.t:
                self.waiting.measure()
                found = evaluation(call, self.waiting.rows)
                if found is not None:
                    found.asked = call.t in self._asked
                    join(self.record.evaluations, found)

    def on_evaluate(self, module: Module) -> None:
        """`train.evaluate` begins."""
        self._asked.add(len(self.record.loss))

    def finish(self) -> Record:
        """What remains to be noticed at the end; returns the record."""
        self._step_by_hand()
        self._settle(keep=0)
        self.waiting.measure()
        note_whole(self.record, self.waiting.rows, max(self._turns, self._foreign))
        note_unstepped(self.record, len(self._losses))
        ownership.note_untrained(self.record, self._names, self._parameters, self._trained)
        ownership.note_still_norms(self.record, self._norms)
        return self.record
