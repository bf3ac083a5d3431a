"""Parameters side by side in one row of memory, so that many small ones cost as much as one.

A `Flat` owns the row theta, of which its parameters are views, and one row for each slot of the
optimizer.  It knows how to cut these rows into blocks and how to carry out a step on them.
Gradients stay where backward left them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, product
from types import SimpleNamespace
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from ..backend import array_module, device_of, fused, on_its_device, to_device
from ..errors import GraphError, StateError
from ..tensor import Tensor, touch
from ..threads import share, thread_count
from .program import Program

__all__ = ["Flat", "Formula", "flatten"]

Array = Any
BLOCK_BYTES = 176 * 1024  # the four to six rows of a block share a second-level cache of 1 MiB
PLAIN_BYTES = 64 * 1024  # up to here temporaries are cheap, and writing a program does not pay
SHARED_BYTES = 8 * 1024 * 1024  # rows of this length take milliseconds, worth a second thread
SHARED_BLOCK_BYTES = 512 * 1024  # longer, since between two calls a thread may wait for the other
CACHE_LINE = 64  # bytes; passes over rows that start at one are a tenth faster
_WHOLE = 2**62


class Formula(NamedTuple):
    """advance: (theta, g, s, t) -> the next theta, or (theta, g, s, t, lr) with another lr.

    known: all that it depends on besides t and lr; None if more is unknown.
    """

    advance: Callable[..., Any]
    lr: float
    known: Any


class Block(NamedTuple):
    """Rows lo..hi, which are (a part of) parameters first..last, as arrays of the given shape.

    rooms: where each worker gathers the gradients of several parameters.
    """

    lo: int
    hi: int
    first: int
    last: int
    shape: tuple[int, ...]
    theta: Array
    slots: tuple[Array, ...]
    rooms: tuple[Array, ...] = ()


class Flat:
    """The parameters of a group that share a dtype and a device, and their slots.

    owner: the optimizer.   states: for a parameter's id its step count "t" and slot arrays.
    """

    def __init__(self, owner: Any, params: Sequence[Tensor], states: Mapping[int, Mapping]):
        self.owner, self.params = ref(owner), params
        self.shapes = [p.shape for p in params]
        self.ends = np.cumsum([p.size for p in params]).tolist()
        self.starts = [0, *self.ends[:-1]]
        self.counts = [states[id(p)]["t"] if id(p) in states else 0 for p in params]
        self.dtype = params[0].dtype
        self.theta = self._row(self.ends[-1])
        shared = owner.scope == "element" and self.xp is np and self.theta.nbytes >= SHARED_BYTES
        self.workers = thread_count() if shared else 1
        self.xp.concatenate([p._data for p in params], axis=None, out=self.theta)
        self.slots = {name: self._row(self.ends[-1]) for name in owner.slots}
        self.views = [self._view(self.theta, i) for i in range(len(params))]
        self.plans: dict[tuple[int, int], list[Block]] = {}
        self.known: Any = None  # what the programs depend on
        self.programs: dict[tuple[int, int], Program | None] = {}
        self.carried: dict[tuple[int, int], Callable[[int, Block, Array], None]] = {}
        self.scratch: dict[int, list[Array]] = {}
        for row in self.slots.values():
            row.fill(0)
        for i, p in enumerate(params):
            self._fill_slots(i, states.get(id(p), {}))

    def _view(self, row: Array, i: int) -> Array:
        return row[self.starts[i] : self.ends[i]].reshape(self.shapes[i])

    def _fill_slots(self, i: int, state: Mapping) -> None:
        for name in self.slots.keys() & state.keys():
            view = self._view(self.slots[name], i)
            if view.shape != state[name].shape:
                raise StateError(
                    f"A parameter changed its shape from {state[name].shape} to {view.shape} "
                    "between two steps: make a new optimizer."
                )
            view[...] = to_device(state[name], device_of(view))

    @property
    def xp(self) -> Any:
        """The module of the rows."""
        return array_module(self.params[0]._data)

    def _row(self, n: int) -> Array:
        """An empty row of n numbers."""
        if self.xp is not np:
            return self.xp.empty(n, self.dtype)
        room = np.empty(n + CACHE_LINE // self.dtype.itemsize, self.dtype)
        start = -room.ctypes.data % CACHE_LINE // self.dtype.itemsize
        return room[start : start + n]

    def adopt(self) -> None:
        """Make the parameters views of theta."""
        for p, view in zip(self.params, self.views, strict=True):
            p._data, p._home = view, self

    def intact(self) -> bool:
        """False when a parameter was bound to another array, or copied, since `adopt`."""
        for p, view in zip(self.params, self.views, strict=True):
            if p._data is not view or p._home is not self:
                return False
        return True

    def __getstate__(self) -> dict[str, Any]:
        """What `states` needs: the first step of a copy, pickled or not, makes it a new row."""
        names = ("params", "shapes", "starts", "ends", "counts", "slots")
        return {name: vars(self)[name] for name in names} | {"views": [None] * len(self.params)}

    def states(self) -> Iterator[tuple[Tensor, dict[str, Any]]]:
        """Each parameter with its step count and slots (views)."""
        for i, p in enumerate(self.params):
            slots = {name: self._view(row, i) for name, row in self.slots.items()}
            yield p, {"t": self.counts[i], **slots}

    def runs(self) -> list[tuple[int, int, int]]:
        """(first, last, t): neighbours that have a gradient and are all at their step t."""
        pairs = zip(self.params, self.counts, strict=True)
        keys = [p._grad is not None and t + 1 for p, t in pairs]
        if keys.count(keys[0]) == len(keys):  # the commonest case, without the search below
            return [(0, len(keys), keys[0])] if keys[0] else []
        groups = groupby(range(len(keys)), keys.__getitem__)
        found = [(key, list(members)) for key, members in groups if key]
        return [(members[0], members[-1] + 1, key) for key, members in found]

    def job(
        self, formula: Formula, first: int, last: int, t: int, scope: str
    ) -> Callable[[], None]:
        """Prepare step t of parameters first..last; nothing is changed until it is called."""
        if scope == "all" and (first, last) != (0, len(self.params)):
            raise GraphError(
                f'{type(self.owner()).__name__} has scope "all": it needs a gradient of every '
                f"parameter at every step, got those of {last - first} of {len(self.params)}."
            )
        if (first, last) not in self.plans:
            self.plans[first, last] = list(self._blocks(first, last, scope))
        carry_out: Callable
        if scope == "element" and self._steady(formula, (first, last), t):
            carry_out = self.carried[first, last]
        elif scope == "element" and (self._large(first, last) or fused("update", self.theta)):
            carry_out = self._recorded(formula.advance, (first, last), t)
        else:
            apply = partial(_apply, formula.advance, tuple(self.slots), t)
            carry_out = lambda _, block, g: apply(block, g)
        return partial(self._carry_out, carry_out, first, last, t)

    def _large(self, first: int, last: int) -> bool:
        return (self.ends[last - 1] - self.starts[first]) * self.dtype.itemsize > PLAIN_BYTES

    def _steady(self, formula: Formula, run: tuple[int, int], t: int) -> bool:
        """Whether `carried` has the program of an earlier step, or a new one, set to t and lr."""
        if formula.known is None or type(self.theta) is not np.ndarray:
            return False
        if self.known != formula.known:
            self.known, self.programs = formula.known, {}
        program = self.programs.get(run)
        if run not in self.programs or (program and not program.at(t, formula.lr)):
            numbers = t, formula.lr
            options = {"dtype": self.dtype, "steady": True}
            try:
                program = Program(formula.advance, tuple(self.slots), *numbers, **options)
                self.carried[run] = self._carried_by(program, run)
            except TypeError:  # the formula asks for the value of t or lr
                program = None
            self.programs[run] = program
        return program is not None

    def _recorded(
        self, advance: Callable, run: tuple[int, int], t: int
    ) -> Callable[[int, Block, Array], None]:
        """What `_apply` does, as a program in scratch rows."""
        dtype = self.dtype if self.xp is np else None
        program = Program(advance, tuple(self.slots), t, dtype=dtype)
        if (fuse := fused("update", self.theta)) and (launch := fuse(program, len(self.slots))):
            return lambda _, block, g: launch(block.theta, g, block.slots)
        return self._carried_by(program, run)

    def _carried_by(
        self, program: Program, run: tuple[int, int]
    ) -> Callable[[int, Block, Array], None]:
        registers = {}
        for worker, block in product(range(self.workers), self.plans[run]):
            rows = self._scratch(worker, program.scratch)
            scratch = [row[: block.hi - block.lo] for row in rows]
            registers[worker, block.lo] = program.registers(block.theta, block.slots, scratch)
        return lambda worker, block, g: program.run(g, registers[worker, block.lo])

    def _carry_out(self, carry_out: Callable, first: int, last: int, t: int) -> None:
        params = self.params[first:last]
        grads = [p._grad._data for p in params]  # type: ignore[union-attr]

        def work(worker: int, block: Block) -> None:
            own = grads[block.first - first : block.last - first]
            carry_out(worker, block, self._gradient(worker, block, own))

        with on_its_device(self.theta):
            share(work, self.plans[first, last], self.workers)
        self.counts[first:last] = [t] * (last - first)
        touch(params)

    def _scratch(self, worker: int, count: int, first: int = 1) -> list[Array]:
        """Rows of a worker, kept between steps: row 0 gathers gradients, others serve programs."""
        rows = self.scratch.setdefault(worker, [])
        while len(rows) < first + count:
            rows.append(self._row(min(len(self.theta), self._limit())))
        return rows[first : first + count]

    def _limit(self) -> int:
        size = BLOCK_BYTES if self.workers == 1 else SHARED_BLOCK_BYTES
        return size // self.dtype.itemsize if self.xp is np else _WHOLE

    def _gradient(self, worker: int, block: Block, grads: list[Array]) -> Array:
        """The gradient of a block: a view of one parameter's, or many small ones gathered."""
        if block.rooms:
            room = block.rooms[worker]
            return array_module(room).concatenate(grads, axis=None, out=room)
        start = self.starts[block.first]
        return grads[0].reshape(-1)[block.lo - start : block.hi - start].reshape(block.shape)

    def _stride(self, size: int, limit: int) -> int:
        """The length of blocks that cut size numbers into equal parts, in whole cache lines."""
        parts, line = -(-size // (limit or _WHOLE)) or 1, CACHE_LINE // self.dtype.itemsize
        return min(-(-size // (parts * line)) * line or 1, limit or _WHOLE)

    def _room(self, worker: int, n: int) -> Array:
        """A place for n gathered numbers."""
        room = self._scratch(worker, 1, 0)[0]
        return room[:n] if n <= len(room) else self._row(n)

    def _blocks(self, first: int, last: int, scope: str) -> Iterator[Block]:
        limit = {"element": self._limit(), "parameter": 0, "all": _WHOLE}[scope]
        i = first
        while i < last:
            j = i + 1
            while j < last and self.ends[j] - self.starts[i] <= limit:
                j += 1
            stride = self._stride(self.ends[j - 1] - self.starts[i], limit)
            for lo in range(self.starts[i], self.ends[j - 1], stride):
                hi = min(lo + stride, self.ends[j - 1])
                shape = self.shapes[i] if scope == "parameter" else (hi - lo,)
                rows = [row[lo:hi].reshape(shape) for row in (self.theta, *self.slots.values())]
                rooms = [self._room(k, hi - lo) for k in range(self.workers) if j > i + 1]
                yield Block(lo, hi, i, j, shape, rows[0], tuple(rows[1:]), tuple(rooms))
            i = j


def _apply(advance: Callable, names: Sequence[str], t: int, block: Block, g: Array) -> None:
    """Carry out the formula on a block as it is written, then store what it made."""
    rows = (block.theta, *block.slots)
    s = SimpleNamespace(**dict(zip(names, block.slots, strict=True)))
    made = [advance(block.theta, g, s, t), *(getattr(s, name) for name in names)]
    fresh = [y.copy() if any(y is row for row in rows) else y for y in made]
    for row, y in zip(rows, fresh, strict=True):
        row[...] = y


def flatten(owner: Any, states: Mapping[int, Mapping]) -> list[tuple[Any, Flat]]:
    """Build the flats of all groups of an optimizer, and only then adopt the parameters."""
    flats = []
    for group in owner.groups:
        kinds: dict[tuple, list[Tensor]] = {}
        for p in group["params"]:
            _require_free(owner, p)
            kinds.setdefault((p.dtype, device_of(p._data)), []).append(p)
        for params in kinds.values():
            with on_its_device(params[0]._data):
                flats.append((group, Flat(owner, params, states)))
    for _, flat in flats:
        flat.adopt()
    return flats


def _require_free(owner: Any, p: Tensor) -> None:
    home = p._home.owner() if isinstance(p._home, Flat) else None
    if home not in (None, owner):
        raise StateError(
            f"{type(owner).__name__} got a parameter of shape {p.shape} that a "
            f"{type(home).__name__} updates: delete that optimizer first, or give each its own."
        )
