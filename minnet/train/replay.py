"""Record a training step once, and then replay its array calls without the tape.

What an eager step computes is known after the first one: the same operations in the same order, the
same rules backwards.  Only the numbers differ.  So a step on the engine is written down as a
straight list,

    r6 = linear_0(r0, r2, r3)            forward: each operation's function on arrays
    r10 = tanh_1(r6)
    ...
    r33 = rule_9(r27, r10)               backward: each rule, in the order of the sweep
    ...

whose registers hold the batch (r0 and r1), the parameters and every result.  This text is compiled
to a Python function, and a replay is one call of it.

A list is silent about whatever decided which operations to run: Python's branches, random draws,
checks of the data.  So only what is known to depend on nothing else is recorded: minnet's own
layers and losses (`LAYERS`, `LOSSES`), every array of which comes from the batch, from a parameter
or from another line.  Anything else runs eagerly, and a list is believed only after it has given
the bits of the eager step that follows its recording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property, partial
from typing import Any

import numpy as np

from .. import functional as F
from .. import nn
from ..backend import unbroadcast
from ..errors import DTypeError
from ..functional.targets import within
from ..modes import mode, observe
from ..nn import Module
from ..optim import ClipNorm, ClipValue, Optimizer
from ..tensor import Node, Op, Tensor

__all__ = ["RecordedStep"]

Array = Any
KEPT = 8  # lists at a time, one for each shape of batch

LAYERS = {  # their forward asks only for shapes, dtypes, settings and what operations return
    nn.AvgPool2d, nn.Conv2d, nn.Dropout, nn.ELU, nn.Flatten, nn.GELU, nn.GlobalAvgPool2d,
    nn.GroupNorm, nn.Identity, nn.LayerNorm, nn.LeakyReLU, nn.Linear, nn.MaxPool2d,
    nn.MultiheadAttention, nn.RMSNorm, nn.ReLU, nn.Residual, nn.SELU, nn.Sequential, nn.SiLU,
    nn.Sigmoid, nn.Softplus, nn.Tanh, nn.TransformerEncoderLayer,
}  # fmt: skip

_same_kind = lambda scores, y: scores.dtype == y.dtype
LOSSES: dict[Callable, Callable[[Tensor, Array], bool]] = {  # and for which kinds of targets
    F.cross_entropy: lambda scores, y: scores.ndim == 2 and y.ndim == 1 and y.dtype.kind in "iu",
    F.mse: _same_kind,
    F.l1: _same_kind,
    F.huber: _same_kind,
}


class RecordedStep:
    """loss = loss_fn(model(x), y), backward and one optimizer step, replayed where that is safe.

    Every call gives the numbers that the same lines give by hand, bit for bit, and returns the
    loss without a graph.  A replay needs: layers and a loss of `LAYERS` and `LOSSES`, no dropout,
    NumPy arrays of a shape and dtype seen before, labels in range, and layers, parameters and
    modes as they were; else the step runs eagerly, and is recorded again where that may help.
    The optimizer's own step is always the real one.   replayed: how many steps were replays.
    Worth it for small networks, where Python takes longer than the arithmetic.
    Raises DTypeError unless model is a Module and optimizer one of `minnet.optim`.

    >>> from minnet import functional as F, nn, optim
    >>> model = nn.Linear(2, 3, rng=0)
    >>> step = RecordedStep(model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.1))
    >>> x, y = np.ones((4, 2), "float32"), np.array([0, 1, 2, 0])
    >>> losses = [step(x, y).item() for _ in range(10)]
    >>> losses[-1] < losses[0], step.replayed
    (True, 7)
    """

    def __init__(self, model: Module, loss_fn: Callable, optimizer: Any):
        if not isinstance(model, Module) or not isinstance(
            optimizer, (Optimizer, ClipNorm, ClipValue)
        ):
            raise DTypeError(
                "RecordedStep needs (model, loss_fn, optimizer), a Module and an optimizer of "
                f"minnet.optim, got {type(model).__name__} and {type(optimizer).__name__}."
            )
        self._model, self._loss_fn, self._optimizer = model, loss_fn, optimizer
        self._accept = next((accept for f, accept in LOSSES.items() if f is loss_fn), None)
        self.replayed = 0
        self._lists: dict[Any, _List] = {}

    def __call__(self, x: Array, y: Array) -> Tensor:
        """Take one step on the batch (x, y) and return its loss."""
        key = self._key(x, y)
        known = self._lists.get(key)
        if key is None or (known is not None and known.refused and known.fits()):
            return self._eager(x, y)
        if known is None or not known.fits():
            return self._record(key, x, y)
        if known.classes is not None and not within(y, known.classes):
            return self._eager(x, y)
        if not known.trusted:
            return self._compare(key, known, x, y)
        self.replayed += 1
        loss, *gradients = known.run(x, y)
        self._optimizer.zero_grad()
        for p, d in zip(known.leaves, gradients, strict=True):
            p._grad = Tensor(d if p._grad is None else p._grad._data + d)
        self._optimizer.step()
        return Tensor(loss)

    def _key(self, x: Any, y: Any) -> Any:
        """What a list is kept under; None where nothing can be replayed."""
        if type(x) is not np.ndarray or type(y) is not np.ndarray or x is y:
            return None
        if self._accept is None or mode.get() != (True, ()) or self._optimizer.looks_ahead:
            return None
        return x.shape, x.strides, x.dtype, y.shape, y.strides, y.dtype

    def _eager(self, x: Any, y: Any, tape: _Tape | None = None) -> Tensor:
        optimizer = self._optimizer
        optimizer.zero_grad()
        with optimizer.lookahead() if optimizer.looks_ahead else nullcontext():
            with observe(tape) if tape else nullcontext():
                scores = self._model(x)
                loss = self._loss_fn(scores, y)
            if tape:
                tape.finish(scores, loss)
            loss.backward()
        optimizer.step()
        return loss.detach()

    def _record(self, key: Any, x: Array, y: Array) -> Tensor:
        """An eager step that leaves a list behind."""
        modules = list(self._model.modules())
        tape = _Tape(self._model.parameters(), x, y, self._accept)
        snapshot = _Snapshot(modules, self._model.parameters())
        if any(type(m) not in LAYERS or "forward" in vars(m) for m in modules):
            loss = self._eager(x, y)
        else:
            loss = self._eager(tape.x, y, tape)
        if len(self._lists) == KEPT:
            self._lists.clear()
        self._lists[key] = _List(tape, snapshot)
        return loss

    def _compare(self, key: Any, known: _List, x: Array, y: Array) -> Tensor:
        """An eager step, and what the list would have made of it."""
        expected, *gradients = known.run(x, y)
        found = _Gradients()
        with observe(found):
            loss = self._eager(x, y)
        pairs = [(loss._data, expected)]
        pairs += [(found.of.get(p), d) for p, d in zip(known.leaves, gradients, strict=True)]
        same = all(a is not None and _same_bits(a, b) for a, b in pairs)
        known.trusted = same and len(found.of) == len(gradients)
        known.refused = not known.trusted
        return loss


class _Gradients:
    """An observer that keeps what backward finds."""

    def on_backward(self, loss: Tensor, gradients: dict) -> None:
        self.of = {p: d._data for p, d in gradients.items()}


class _Snapshot:
    """What a list depends on besides the batch: attributes of the modules, arrays of parameters."""

    def __init__(self, modules: Sequence[Module], params: Sequence[Tensor]):
        self.held = [[*vars(m).values()] for m in modules]  # alive, so that no id is used twice
        self.modules = [(vars(m), [*map(id, vars(m).values())]) for m in modules]
        self.params = [(p, p._data, p._requires_grad) for p in params]

    def fits(self) -> bool:
        """Whether all is as it was."""
        for attributes, before in self.modules:
            if [*map(id, attributes.values())] != before:
                return False
        for p, array, trained in self.params:
            if p._data is not array or p._requires_grad is not trained:
                return False
        return True


class _List:
    """The finished list.   calls: (f, registers to read, settings, the register to write).

    classes: the labels of a batch must be below; None for a loss without labels.
    """

    def __init__(self, tape: _Tape, snapshot: _Snapshot):
        self.fits, self.trusted, self.refused = snapshot.fits, False, tape.loss is None
        if tape.loss is None:
            return
        self.leaves = list(tape.gradients)
        self.results = [tape.loss, *tape.gradients.values()]
        self.classes = tape.classes
        self.constants = {k: tape.values[k] for k in tape.constants}
        self.calls = tape.calls

    @cached_property
    def run(self) -> Callable[[Array, Array], tuple[Array, ...]]:
        """The list as a Python function of the batch: (loss, *gradients of the leaves).

        A loop that looked registers up by number would take as long as the small products do.
        """
        names = {_named(i, call[0]): call[0] for i, call in enumerate(self.calls)}
        names |= {f"r{k}": value for k, value in self.constants.items()}
        exec(self.source, names)
        return names["replay"]

    @property
    def source(self) -> str:
        """The list as text."""
        last = {k: i for i, call in enumerate(self.calls) for k in _touched(call)}
        kept = {0, 1, *self.constants, *self.results}
        lines = ["def replay(r0, r1):"]
        for i, call in enumerate(self.calls):
            f, places, settings, out = call
            given = [f"r{k}" for k in places] + [f"{name}=r{k}" for name, k in settings.items()]
            lines.append(f"    r{out} = {_named(i, f)}({', '.join(given)})")
            done = [f"r{k}" for k in _touched(call) if last[k] == i and k not in kept]
            lines += [f"    del {', '.join(done)}"] if done else []
        return "\n".join([*lines, "    return " + ", ".join(f"r{k}" for k in self.results)])


def _named(i: int, f: Callable) -> str:
    """What line i calls its function."""
    name = getattr(f, "__name__", "")
    return f"{name if name.isidentifier() else 'rule'}_{i}"


def _touched(call: tuple) -> set[int]:
    """The registers of a line."""
    _, places, settings, out = call
    return {*places, *settings.values(), out}


class _Unrecordable(Exception):
    """The list would depend on something that the tape did not see."""


class _Tape:
    """The list, while it is written: an observer of the forward pass, then the sweep.

    values: what each register holds in this step.   calls: as in `_List`.
    loss: its register, None if there is no list.   gradients: those of the leaves.
    """

    def __init__(self, params: Sequence[Tensor], x: Array, y: Array, accept: Any):
        self.values: list[Any] = []
        self.calls: list[tuple[Callable, Sequence[int], dict[str, int], int]] = []
        self.place: dict[int, int] = {}  # of a Tensor, by its id
        self.nodes: dict[Node, list[int]] = {}  # the registers of what its rules may ask for
        self.alive: list[Tensor] = []  # so that no id is used twice
        self.whole = True
        self.loss: int | None = None
        self.accept, self.classes = accept, None
        self.gradients: dict[Tensor, int] = {}
        self.x, self.y = Tensor(x), y
        self.put(x, self.x)
        self.put(y)
        self.constants = {self.put(p._data, p) for p in params}

    def put(self, value: Any, tensor: Tensor | None = None) -> int:
        """A new register."""
        self.values.append(value)
        if tensor is not None:
            self.place[id(tensor)] = len(self.values) - 1
            self.alive.append(tensor)
        return len(self.values) - 1

    def constant(self, value: Any) -> int:
        """A register that has this value in each replay."""
        self.constants.add(k := self.put(value))
        return k

    def call(self, f: Callable, *places: int) -> int:
        """Carry out a line, and note it."""
        out = self.put(f(*[self.values[k] for k in places]))
        self.calls.append((f, places, {}, out))
        return out

    def find(self, a: Any) -> int:
        """The register of an argument or setting; _Unrecordable for an array of unknown origin."""
        if id(a) in self.place:
            return self.place[id(a)]
        if isinstance(a, np.ndarray) and _same_array(a, self.y):
            return 1
        if not _is_setting(a):
            raise _Unrecordable
        return self.constant(a)

    def on_op(self, op: Op, args: Sequence[Any], settings: Mapping[str, Any], y: Tensor) -> None:
        """An operation was carried out."""
        try:
            if self.whole:
                self.forward(op, args, settings, y)
        except _Unrecordable:  # the step goes on
            self.whole = False

    def finish(self, scores: Any, loss: Any) -> None:
        """The forward pass is over."""
        try:
            known = self.whole and isinstance(scores, Tensor) and loss._node in self.nodes
            if known and self.accept(scores, self.y):
                self.gradients = self.backward(loss)
                self.loss = self.place[id(loss)]
                self.classes = scores.shape[1] if self.y.dtype.kind in "iu" else None
        except _Unrecordable:
            self.whole = False

    def forward(self, op: Op, args: Sequence, settings: Mapping[str, Any], y: Tensor) -> None:
        """The line of an operation, and the registers that its rules will ask for."""
        if not op.ours:
            raise _Unrecordable
        places, settings = [self.find(a) for a in args], {**op.defaults, **settings}
        named = {
            name: self.constant(v) if name in op.scratch else self.find(v)
            for name, v in settings.items()
        }
        out = self.put(y._data, y)
        self.calls.append((op.fn, places, named, out))
        if y.ndim == 0:  # the function returned a number
            self.calls.append((np.asarray, [out], {}, out))
        if y._node is not None:
            rest = places[len(op.arrays) :]
            known = {**dict(zip(op.arrays, places, strict=False)), **named, "y": out}
            self.nodes[y._node] = [self.wanted(op, want, known, rest) for want in op.wants]

    def wanted(self, op: Op, want: str, known: Mapping[str, int], rest: list[int]) -> int:
        """The register of what a rule asks for by this name."""
        if want in known:
            return known[want]
        if want in ("g", "i", ""):
            return self.constant(0)
        if want in op.many:
            return self.call(_together, *rest)
        name = want.removesuffix("_shape")
        shapes = [np.shape(self.values[k]) for k in (rest if name in op.many else [known[name]])]
        return self.constant(shapes if name in op.many else shapes[0])

    def backward(self, loss: Tensor) -> dict[Tensor, int]:
        """The lines of the sweep, as `minnet.tensor` makes it; the gradients of the leaves."""
        total: dict[Any, int] = {loss._node: self.constant(np.ones(loss.shape, loss.dtype))}
        owned: set[Any] = set()
        for node in sorted(self.nodes, key=lambda n: n.birth, reverse=True):
            for k, parent in enumerate(node.parents if node in total else ()):
                if parent is not None:
                    self.send(node, k, parent, total, owned)
        leaves = {p: k for p, k in total.items() if p not in self.nodes}
        if any(id(p) not in self.place for p in leaves):  # made before this step, or elsewhere
            raise _Unrecordable
        return {p: k if p in owned else self.call(_copy, k) for p, k in leaves.items()}

    def send(self, node: Node, k: int, parent: Any, total: dict[Any, int], owned: set) -> None:
        """The line that computes what a node sends to parent k, and the one that adds it up."""
        op, fixed, wanted = node.op, len(node.op.arrays), self.nodes[node]
        name = op.arrays[k] if k < fixed else op.many[0]
        rule = op.vjps[name]
        if rule is None:
            return
        wanted[0], wanted[1] = total[node], self.constant(k - fixed)
        asked = op.pick[name](wanted)
        if name in op.into and parent in owned:
            total[parent] = self.call(partial(_added_by, op.into[name]), total[parent], *asked)
            return
        d = self.call(rule, *asked)
        if self.values[d].dtype != parent.dtype:
            d = self.call(partial(_cast, dtype=parent.dtype), d)
        if self.values[d].shape != parent.shape:
            d = self.call(partial(unbroadcast, shape=parent.shape), d)
        fresh = self.values[d] is not self.values[wanted[0]] and self.values[d].base is None
        if parent in total:
            d, fresh = self.call(np.add, total[parent], d), True
        total[parent] = d
        if fresh:
            owned.add(parent)


def _together(*arrays: Array) -> tuple[Array, ...]:
    return arrays


def _copy(d: Array) -> Array:
    return d.copy("K")


def _cast(d: Array, dtype: np.dtype) -> Array:
    return d.astype(dtype)


def _added_by(into: Callable, total: Array, *asked: Any) -> Array:
    into(total, *asked)
    return total


def _is_setting(a: Any) -> bool:
    """A plain value, which cannot change behind the list's back."""
    if isinstance(a, tuple):
        return all(map(_is_setting, a))
    if isinstance(a, slice):
        return _is_setting((a.start, a.stop, a.step))
    kinds = type(None), type(...), bool, int, float, str, type  # none of NumPy's numbers
    return type(a) in kinds or isinstance(a, np.dtype)


def _same_array(a: Array, b: Array) -> bool:
    """Two names, or views, of the same numbers in the same order."""
    start = lambda x: (x.ctypes.data, x.shape, x.strides, x.dtype)
    return a is b or (a.size > 0 and start(a) == start(b))


def _same_bits(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
