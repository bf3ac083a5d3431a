"""The engine: a Tensor remembers what made it, and `backward` applies the chain rule in reverse.

An operation is a function on arrays, and beside it stand its vector-Jacobian products (vjps), one
per array argument:

    @op
    def multiply(a, b):
        return a * b

    multiply.defvjp(
        a=lambda g, b: g * b,          # dL/da = g b      g = dL/dy, the gradient of the output
        b=lambda g, a: g * a,          # dL/db = g a
    )

A vjp asks for what it needs by name: ``g``; ``y``, the output; an argument such as ``a``; its
shape, ``a_shape``; a setting such as ``axis``.  What no vjp asks for is not kept alive.  The same
vjp runs on arrays, or on Tensors when the gradient itself is to be differentiated
(``create_graph=True``).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence, Set
from functools import update_wrapper
from heapq import heappop, heappush
from itertools import count
from operator import itemgetter
from types import MethodType
from typing import Any

import numpy as np

from .backend import (
    Array,
    Device,
    array_module,
    as_array,
    compute,
    device_of,
    is_array,
    on_its_device,
    to_device,
    to_host,
    unbroadcast,
)
from .errors import DTypeError, GraphError, ShapeError
from .modes import Mode, listeners, mode, notify

__all__ = ["Op", "Parameter", "Tensor", "op", "tensor"]

# -------------------------------------------------------------------------------------------------
# Operations

# One clock for all.  A node is younger than its parents, so that descending birth is a topological
# order; and a saved array was edited if its tensor's last edit is younger than the node.
_now = count(1)
_latest_edit = [0]  # of any tensor: nodes that are younger need no search


class Node:
    """One recorded application of an operation: what its vjps need, and whom they feed.

    values holds what the rules ask for, in the order of ``op.wants``; sources are the places in
    values that came from Tensors, which a graph of gradients needs back.
    """

    __slots__ = ("birth", "checks", "clock", "dtype", "op", "parents", "shape", "sources", "values")

    checks: Callable[[], None] | None  # set by `debug`

    def __init__(self, op: Op, args: Sequence, arrays: list, parents: list, settings: dict, y: Any):
        data = y._data
        self.op, self.parents, self.birth = op, parents, next(_now)
        self.values, self.sources = op.save(args, arrays, settings, data)
        self.shape, self.dtype, self.clock, self.checks = data.shape, data.dtype, y._clock, None

    def edited(self) -> bool:
        """Whether `.data` of the output or of a saved tensor was assigned since."""
        if _latest_edit[0] < self.birth:
            return False
        saved = [t for _, s in self.sources for t in (s if type(s) is tuple else (s,))]
        clocks = [t._clock for t in saved if isinstance(t, Tensor)]
        clocks += [self.clock] if self.op.wants_output else []
        return any(clock[0] > self.birth for clock in clocks)

    def free(self) -> None:
        """Drop the saved arrays and the way to the parents."""
        self.values, self.sources, self.parents = [], [], []

    def differentiable(self, g: Any) -> list:
        """The values for a graph of gradients: Tensors that can be followed."""
        values = [g, *self.values[1:]]
        for place, source in self.sources:
            values[place] = source
        if self.op.wants_output:
            values[-1] = _made_by(self, values[-1])
        return values

    def check(self) -> None:
        """Raise GraphError if the saved values are gone, or not what the forward pass saw."""
        if not self.values:
            raise GraphError(
                f"backward went through {self.op.name} a second time, after its saved arrays were "
                "freed. Pass retain_graph=True to the first backward, or compute the loss again."
            )
        if self.edited():
            names = ", ".join(name for name in self.op.wants if name not in ("g", "i", ""))
            raise GraphError(
                f"backward of {self.op.name} needs the values that its forward pass saw ({names}), "
                "but `.data` of one was assigned since. Call backward first, or work on a copy."
            )
        if self.checks is not None:
            self.checks()


def _made_by(node: Node, y: Array) -> Tensor:
    """The output of a node as a Tensor again."""
    out = Tensor(y)
    out._node, out._requires_grad, out._clock = node, True, node.clock
    return out


class Op:
    """A differentiable operation: given arrays it computes, given Tensors it also records.

    Array arguments are positional, settings are keyword-only.  ``winners`` (optional) returns the
    branch pattern of an operation with kinks, for gradient checks.  ``into`` (optional) has rules
    that add dL/d(argument) into the array where the sum is kept, instead of making a new one.
    ``scratch`` (optional) names settings that are work arrays, which the function fills itself.
    """

    def __init__(self, fn: Callable[..., Any]):
        update_wrapper(self, fn)
        self.fn, self.name = fn, fn.__name__
        parameters = list(inspect.signature(fn).parameters.values())
        positional = [p for p in parameters if p.kind == p.POSITIONAL_OR_KEYWORD]
        self.arrays = [p.name for p in positional]
        self.optional = {p.name: p.default for p in positional if p.default is not p.empty}
        self.many = [p.name for p in parameters if p.kind == p.VAR_POSITIONAL]
        self.defaults = {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}
        self.ours = fn.__module__.partition(".")[0] == "minnet"  # its rules return fresh arrays
        self.vjps: dict[str, Callable[..., Any] | None] = {}
        self.into: dict[str, Callable[..., None]] = {}
        self.scratch: tuple[str, ...] = ()
        self.winners: Callable[..., Any] | None = None

    def __repr__(self) -> str:
        return f"<op {self.name}{inspect.signature(self.fn)}>"

    def defvjp(self, **vjps: Callable[..., Any] | None) -> None:
        """Register dL/d(argument) for each array argument by name; None if it has no gradient.

        The rule of ``*arrays`` may also ask for ``i``, the position among them.
        Raises TypeError at once for a missing or misspelt name.
        """
        names = [*self.arrays, *self.many]
        if set(names) != set(vjps):
            raise TypeError(f"{self.name} needs one vjp for each of {names}, got {list(vjps)}.")
        asks = {name: list(inspect.signature(f).parameters) for name, f in vjps.items() if f}
        asked = {ask for each in asks.values() for ask in each}
        shapes = [f"{name}_shape" for name in (*self.many, *self.arrays)]
        order = ["g", "i" if self.many else "", *names, *shapes, *self.defaults, "y"]
        if unknown := asked - set(order):
            raise TypeError(f"a vjp of {self.name} asks for {sorted(unknown)}, not in {order}.")
        self.vjps, self.wants = vjps, [*order[:2], *(w for w in order[2:] if w in asked)]
        self.pick = {name: picker([*map(self.wants.index, each)]) for name, each in asks.items()}
        self._keep = [k for k, name in enumerate(self.arrays) if name in asked]
        self._keep_shape = [k for k, name in enumerate(self.arrays) if f"{name}_shape" in asked]
        self._keep_many = [f for name in self.many for f in (name, f"{name}_shape") if f in asked]
        self._keep_settings = [name for name in self.defaults if name in asked]
        self.wants_output = "y" in asked

    def save(self, args: Sequence, arrays: list, settings: dict, y: Any) -> tuple[list, list]:
        """The values in the order of wants, and [(place, Tensor)] of those that were Tensors."""
        values: list[Any] = [None, 0]
        sources: list[tuple[int, Any]] = []
        for k in self._keep:
            if arrays[k] is not args[k]:
                sources.append((len(values), args[k]))
            values.append(arrays[k])
        for want in self._keep_many:
            rest = tuple(arrays[len(self.arrays) :])
            if want in self.many:
                sources.append((len(values), args[len(self.arrays) :]))
            values.append(rest if want in self.many else [getattr(a, "shape", ()) for a in rest])
        for k in self._keep_shape:
            values.append(getattr(arrays[k], "shape", ()))
        for name in self._keep_settings:
            values.append(settings[name] if name in settings else self.defaults[name])
        if self.wants_output:
            values.append(y)
        return values, sources

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Let an operation serve as a method: ``x.exp()`` is ``exp(x)``."""
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: Any, **settings: Any) -> Any:
        rest = self.arrays[len(args) :]
        if rest and all(name in settings or name in self.optional for name in rest):
            args = (*args, *(settings.pop(name, self.optional.get(name)) for name in rest))
        for a in args:
            if isinstance(a, Tensor):
                return self._apply(args, settings)
        return self.fn(*args, **settings)

    def _apply(self, args: Sequence[Any], settings: dict[str, Any]) -> Tensor:
        arrays, parents, tracked = [], [], False
        for a in args:
            if isinstance(a, Tensor):
                arrays.append(a._data)
                parents.append((a._node or a) if a._requires_grad else None)
                tracked = tracked or a._requires_grad
            else:
                arrays.append(a)
                parents.append(None)
        data = as_array(compute(self, arrays, settings), arrays[0])
        out = Tensor(data)
        if data.base is not None or data is arrays[0]:
            out._watch(args)
        now = mode.get()
        if tracked and now.grad:
            if not self.vjps:
                raise GraphError(f"{self.name} has no gradient: give it one with .defvjp(...).")
            out._requires_grad, out._node = True, Node(self, args, arrays, parents, settings, out)
        if now.observers:
            notify("on_op", self, args, settings, out)
        return out


def picker(places: Sequence[int]) -> Callable[[list], Sequence]:
    """A function that takes the values at these places out of a list."""
    if len(places) == 1:
        return lambda values: (values[places[0]],)
    return itemgetter(*places) if places else lambda values: ()


def op(fn: Callable[..., Any]) -> Op:
    """Make a function on arrays differentiable; register its vjps with ``.defvjp``.

    >>> @op
    ... def cube(x):
    ...     return x * x * x
    >>> cube.defvjp(x=lambda g, x: 3 * g * x * x)
    >>> x = tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad.item()
    12.0
    """
    return Op(fn)


# -------------------------------------------------------------------------------------------------
# Tensor


class Tensor:
    """An array that remembers the operation that made it.

    Make one with `minnet.tensor`.  ``.data`` is the writable array, ``.grad`` the accumulated
    gradient (a Tensor) of a leaf, ``.requires_grad`` whether gradients flow to it.
    """

    __slots__ = ("__weakref__", "_clock", "_data", "_grad", "_home", "_node", "_requires_grad")
    __array_ufunc__ = None  # so that  array + tensor  asks the tensor
    __hash__ = object.__hash__

    def __init__(self, data: Array):
        self._data = data
        self._requires_grad = False
        self._node: Node | None = None  # how it was made; None for a leaf
        self._home: Any = None  # the owner of the flat buffer that _data is a view of
        self._clock = [0]  # when the array was last edited; tensors that are views of it share it
        self._grad: Tensor | None = None

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient of a leaf, or None. Assign None or an array of this shape."""
        return self._grad

    @grad.setter
    def grad(self, g: Any) -> None:
        if g is not None and not isinstance(g, Tensor):
            g = tensor(g, dtype=self.dtype)
        if g is not None and g.shape != self.shape:
            raise ShapeError(f".grad needs the tensor's shape {self.shape}, got {g.shape}.")
        self._grad = g if g is None or g.dtype == self.dtype else g.astype(self.dtype)

    def _watch(self, args: Sequence) -> None:
        """Share the version counter of the tensor, if any, whose memory this one is a view of."""
        mine, tensors = self._memory(), [a for a in args if isinstance(a, Tensor)]
        self._clock = next((t._clock for t in tensors if t._memory() is mine), self._clock)

    @property
    def data(self) -> Array:
        """The array. Assigning to it is seen by backward; writing through a slice of it is not."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        value = value._data if isinstance(value, Tensor) else value
        if not is_array(value):
            value = array_module(self._data).asarray(value, dtype=self.dtype)
        if value is not self._data and self._requires_grad:
            _require_float(value.dtype)
        touch([self])
        if value is not self._data:
            old = self._data
            alike = (value.shape, value.dtype, type(value)) == (old.shape, old.dtype, type(old))
            if self._home is not None and alike:
                old[...] = value
            else:
                self._data, self._clock = value, [self._version]  # views keep the old array

    @property
    def requires_grad(self) -> bool:
        """Whether operations on this tensor are recorded, and gradients flow to it."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value:
            _require_float(self._data.dtype)
        elif self._node is not None:
            raise GraphError("requires_grad of a computed tensor cannot be unset: use detach().")
        self._requires_grad = bool(value)

    _version = property(lambda self: self._clock[0])
    _memory = lambda self: self._data if self._data.base is None else self._data.base
    base = None  # a Tensor counts as fresh: a graph of gradients is never added into
    shape = property(lambda self: self._data.shape, doc="Sizes of the axes.")
    ndim = property(lambda self: self._data.ndim, doc="Number of axes.")
    size = property(lambda self: self._data.size, doc="Number of elements.")
    dtype = property(lambda self: self._data.dtype, doc="Element type.")
    device = property(lambda self: device_of(self._data), doc="Where the array lives.")
    is_leaf = property(lambda self: self._node is None, doc="True unless an operation made it.")

    def numpy(self) -> np.ndarray:
        """The values as a NumPy array; shares memory with a tensor on the CPU."""
        return to_host(self._data)

    def item(self) -> Any:
        """The single element as a Python number."""
        return self._data.item()

    def detach(self) -> Tensor:
        """The same array outside the graph; shares memory, gradients stop here."""
        out = Tensor(self._data)
        out._clock = self._clock
        return out

    def to(self, device: str | Device) -> Tensor:
        """This tensor on ``device``: itself when it is there, else a copy (a leaf stays a leaf)."""
        data = to_device(self._data, device)
        if data is self._data:
            return self
        if self._node is not None:
            raise GraphError("Only leaf tensors move between devices: move before computing.")
        return tensor(data, requires_grad=self._requires_grad, copy=False)

    def backward(
        self, g: Any = None, *, retain_graph: bool = False, create_graph: bool = False
    ) -> None:
        """Add dL/dx to ``.grad`` of every leaf x that this tensor L was computed from.

        g: gradient of L itself, of L's shape; 1 for a scalar.   retain_graph: keep the graph for
        another backward.   create_graph: make the gradients differentiable.
        Raises GraphError without a graph, on a freed graph, or for a non-scalar without g.

        >>> x = tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).backward([1.0, 1.0])
        >>> x.grad.numpy()
        array([2., 4.])
        """
        g = seed(self, g, create_graph)
        keep = retain_graph or create_graph
        found = sweep(self, g, keep=keep, graph=create_graph)
        notify("on_backward", self, found)
        with on_its_device(self._data):
            for leaf, d in found.items():
                if (before := leaf._grad) is not None:
                    d = before + d if create_graph else Tensor(before._data + d._data)
                leaf._grad = d

    def __repr__(self) -> str:
        body = np.array2string(self.numpy(), separator=", ", prefix="tensor(")
        notes = [] if self.dtype == np.float64 else [f"dtype={self.dtype}"]
        notes += [f"device='{self.device}'"] if self.device.kind != "cpu" else []
        notes += [f"from {self._node.op.name}"] if self._node else []
        notes += ["requires_grad=True"] if self._requires_grad and not self._node else []
        return f"tensor({', '.join([body, *notes])})"

    __len__ = lambda self: len(self._data)
    __iter__ = lambda self: (self[i] for i in range(len(self)))
    __bool__ = lambda self: bool(self._data)
    __float__ = lambda self: float(self._data)
    __int__ = lambda self: int(self._data)

    def __reduce__(self) -> tuple:
        if self._node is not None:
            raise GraphError("Only leaf tensors can be copied or pickled: use x.detach().")
        return _rebuild, (type(self), self._data, self._requires_grad)


class Parameter(Tensor):
    """A leaf tensor that a Module owns and an optimizer updates.

    >>> Parameter(np.zeros(3)).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Array):
        super().__init__(tensor(data, copy=False)._data)
        self.requires_grad = True


def touch(tensors: Iterable[Tensor]) -> None:
    """Note that the arrays of these tensors are edited now."""
    _latest_edit[0] = now = next(_now)
    for t in tensors:
        t._clock[0] = now


def _rebuild(cls: type[Tensor], data: Array, requires_grad: bool) -> Tensor:
    out = cls(data)
    out._requires_grad = requires_grad
    return out


def tensor(
    data: Any, *, dtype: Any = None, requires_grad: bool = False, copy: bool = True
) -> Tensor:
    """Make a tensor from numbers, nested lists or an array, by NumPy's rules for dtypes.

    copy=False shares memory with an array (writing to one changes the other).
    Raises DTypeError for data that are not numbers, and for integers that should have gradients.

    >>> tensor([[1.0, 2.0]], requires_grad=True)
    tensor([[1., 2.]], requires_grad=True)
    """
    data = data._data if isinstance(data, Tensor) else data
    array, xp = as_array(data), array_module(data)
    array = xp.array(array, dtype=dtype, copy=True) if copy else xp.asarray(array, dtype=dtype)
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"tensor needs real numbers, got {type(data).__name__} ({array.dtype}).")
    out = Tensor(array)
    if requires_grad:
        out.requires_grad = True
    return out


def _require_float(dtype: np.dtype) -> None:
    if dtype.kind != "f":
        raise DTypeError(
            f"requires_grad needs a floating-point tensor, got {dtype}: an integer cannot take a "
            "small step. Pass dtype=float."
        )


# -------------------------------------------------------------------------------------------------
# The reverse sweep


def seed(y: Tensor, g: Any, graph: bool) -> Any:
    """dL/dL: the upstream the sweep starts with, as an array (or a Tensor when graph is set)."""
    if not y._requires_grad:
        raise GraphError(
            "backward needs a tensor computed from one with requires_grad=True (and outside "
            "no_grad); this one has no graph."
        )
    if g is None:
        if y.size != 1:
            raise GraphError(
                f"backward without a gradient needs a scalar, got shape {y.shape}: reduce it with "
                ".sum() or .mean(), or pass g of that shape."
            )
        with on_its_device(y._data):
            g = array_module(y._data).ones(y.shape, y.dtype)
        return Tensor(g) if graph else g
    array = as_array(g._data if isinstance(g, Tensor) else g, y._data)
    if array.shape != y.shape:
        raise ShapeError(f"backward needs g of the tensor's shape {y.shape}, got {array.shape}.")
    if not graph:
        return array.astype(y.dtype, copy=False)
    return g if isinstance(g, Tensor) else Tensor(array)


class _Sweep:
    """One pass over the graph: each node once, youngest first, when its gradient is complete.

    It adds into an array only if that array was made here or came fresh out of one of our rules;
    any other may be the caller's upstream, a saved array, or a view.
    """

    def __init__(self, root: Any, g: Any, graph: bool, useful: set | None):
        self.total: dict[Any, Any] = {root: g}  # {node or leaf: sum of what its users sent}
        self.graph, self.useful, self.told = graph, useful, listeners("on_gradient")
        self.owned: set[Any] = set()
        self.heap = [(-root.birth, root)] if isinstance(root, Node) else []

    def run(self, keep_graph: bool, wanted: Set) -> None:
        while self.heap:
            node = heappop(self.heap)[1]
            node.check()
            self.visit(node, self.total[node] if node in wanted else self.total.pop(node))
            if not keep_graph:
                node.free()

    def visit(self, node: Node, g: Any) -> None:
        """Send the gradient of a node's output on to its parents."""
        op, fixed = node.op, len(node.op.arrays)
        values = node.differentiable(g) if self.graph else node.values
        values[0] = g
        for k, parent in enumerate(node.parents):
            if parent is None or (self.useful is not None and parent not in self.useful):
                continue
            name = op.arrays[k] if k < fixed else op.many[0]
            rule = op.vjps[name]
            if rule is None:
                continue
            values[1] = k - fixed
            asked = op.pick[name](values)
            if op.into and name in op.into and parent in self.owned:
                op.into[name](self.total[parent], *asked)
                continue
            d = rule(*asked)
            if type(d) is not type(g) or d.shape != parent.shape or d.dtype is not parent.dtype:
                d = _fit(d, parent, op, name)
            for tell in self.told:
                tell(op, name, d)
            self.give(parent, d, op.ours and d is not g and d.base is None)
        values[0] = None

    def give(self, parent: Any, d: Any, fresh: bool) -> None:
        """Add d to the gradient of a node or leaf."""
        if parent not in self.total:
            self.total[parent] = d
            if isinstance(parent, Node):
                heappush(self.heap, (-parent.birth, parent))
        elif parent in self.owned:
            self.total[parent] += d
        else:
            self.total[parent] = self.total[parent] + d
            if not self.graph:
                self.total[parent], fresh = as_array(self.total[parent], d), True
        if fresh and not self.graph:
            self.owned.add(parent)

    def result(self, key: Any) -> Tensor:
        """The gradient of key as a Tensor that shares memory with nothing else."""
        d = self.total[key]
        if self.graph:
            return d
        return Tensor(d if key in self.owned else d.copy("K"))  # in its own memory order


def sweep(
    y: Tensor, g: Any, *, keep: bool, graph: bool, wanted: Set = frozenset(), useful: Any = None
) -> dict[Any, Tensor]:
    """{leaf: gradient} of the leaves reached; or {node or leaf: gradient} of the wanted ones.

    useful: the nodes and leaves that the sweep visits; None for all.
    """
    walk = _Sweep(y._node or y, g, graph, useful)
    token = mode.set(Mode(graph, mode.get().observers))
    try:
        with on_its_device(y._data):
            walk.run(keep, wanted)
            found = wanted or walk.total  # visited nodes are gone: leaves remain
            return {key: walk.result(key) for key in found if key in walk.total}
    finally:
        mode.reset(token)


def _fit(d: Any, parent: Any, op: Op, name: str) -> Any:
    """Bring a gradient to its argument's dtype and shape: what was broadcast is summed."""
    if not isinstance(d, Tensor):
        d = as_array(d)
    if d.dtype.kind in "cO":  # complex numbers, or None
        raise DTypeError(f"the vjp of {op.name} for {name} must give real numbers, got {d.dtype}.")
    if d.shape != parent.shape:
        try:
            d = unbroadcast(d, parent.shape)
        except ValueError as error:
            raise GraphError(
                f"the vjp of {op.name} for {name} needs shape {parent.shape}, got {d.shape}."
            ) from error
    return d if d.dtype == parent.dtype else d.astype(parent.dtype)
