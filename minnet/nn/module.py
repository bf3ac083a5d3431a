"""Module: parameters, buffers and submodules behind plain attributes.

    class Net(Module):
        def __init__(self, rng):
            self.hidden = Linear(64, 32, rng=rng)        # found because it is an attribute
            self.scale = Parameter(np.ones(32, "float32"))

        def forward(self, x):
            return self.hidden(x) * self.scale

Nothing is registered: a module's attributes *are* its parameters and submodules, in the order in
which they were assigned, so there is no `super().__init__()` to forget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Self

import numpy as np

from ..backend import Array, Device, as_array, device_of, is_array, to_device, to_host
from ..errors import DTypeError, ShapeError, StateError
from ..modes import mode, notify
from ..tensor import Parameter, Tensor

__all__ = ["Module"]

_COLLECTIONS = (list, tuple, dict, set)


class Module:
    """A function with parameters: subclass it, assign layers as attributes, define `forward`.

    >>> class Double(Module):
    ...     def forward(self, x):
    ...         return 2 * x
    >>> Double()(21)
    42
    """

    training: bool = True
    _buffers: tuple[str, ...] = ()  # names of the attributes that are saved but not trained

    def forward(self, *args: Any, **settings: Any) -> Any:
        """What the module computes; subclasses define it."""
        raise TypeError(f"{type(self).__name__} needs a forward method: def forward(self, x): ...")

    def __call__(self, *args: Any, **settings: Any) -> Any:
        y = self.forward(*args, **settings)
        if mode.get().observers:
            notify("on_module", self, args, y)
        return y

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, _COLLECTIONS):
            _refuse_hidden(self, name, value)
        if type(value) is Tensor and value.requires_grad and value.is_leaf:
            raise DTypeError(
                f"{self.title()}.{name} needs a Parameter, got a tensor that requires gradients: "
                "it would not be found, trained or saved. Write Parameter(array)."
            )
        held = self.__dict__.get(name)
        if isinstance(held, Parameter) and not (value is None or isinstance(value, Parameter)):
            raise DTypeError(
                f"{self.title()}.{name} is a Parameter, got {type(value).__name__}: assign "
                f"{name}.data = array to set its values, or a new Parameter."
            )
        if name in self._buffers and not is_array(value):
            raise DTypeError(
                f"{self.title()}.{name} is a buffer, got {type(value).__name__}: assign an array, "
                "of a tensor its .data."
            )
        object.__setattr__(self, name, value)

    def register_buffer(self, name: str, value: Array) -> None:
        """Make an array attribute part of the state_dict, `to` and `astype`, but not trained.

        It can be assigned anew.   Raises DTypeError for anything but an array, then too.
        """
        if not is_array(value):
            raise DTypeError(
                f"{self.title()} needs an array as buffer {name!r}, got {type(value).__name__}."
            )
        setattr(self, name, value)
        self._buffers = (*(n for n in self._buffers if n != name), name)

    # -- what it contains -------------------------------------------------------------------------

    def named_children(self) -> list[tuple[str, Module]]:
        """The direct submodules, in order of assignment."""
        return [(name, m) for name, m in self.__dict__.items() if isinstance(m, Module)]

    def children(self) -> list[Module]:
        """The direct submodules."""
        return [m for _, m in self.named_children()]

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """This module ("") and all below it ("hidden.0"), parents first; a shared one once."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [("", self)]
        while stack:
            path, module = stack.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield path, module
                below = [(_join(path, name), m) for name, m in module.named_children()]
                stack.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """This module and all below it."""
        return (m for _, m in self.named_modules())

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """("hidden.weight", parameter) pairs in a fixed order; a tied parameter appears once.

        Raises DTypeError if a list or dict of a module has come to hold modules or parameters.
        """
        found: dict[int, tuple[str, Parameter]] = {}
        for path, module in self.named_modules():
            for name, p in module.__dict__.items():
                if isinstance(p, Parameter):
                    found.setdefault(id(p), (_join(path, name), p))
                elif isinstance(p, _COLLECTIONS):
                    _refuse_hidden(module, name, p)
        return list(found.values())

    def parameters(self) -> list[Parameter]:
        """Every parameter once, in the order of `named_parameters`."""
        return [p for _, p in self.named_parameters()]

    def _buffer_slots(self) -> Iterator[tuple[str, Module, str]]:
        """(name, owner, attribute) of every buffer."""
        for path, module in self.named_modules():
            for name in module._buffers:
                yield _join(path, name), module, name

    def named_buffers(self) -> list[tuple[str, Array]]:
        """("norm.running_mean", array) pairs: state that is saved but not trained."""
        return [(path, getattr(owner, name)) for path, owner, name in self._buffer_slots()]

    def buffers(self) -> list[Array]:
        """Every buffer, in the order of `named_buffers`."""
        return [array for _, array in self.named_buffers()]

    # -- modes ------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Let dropout drop and batch norm use batch statistics; gradients are not touched."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """The opposite of `train`."""
        return self.train(False)

    def requires_grad_(self, value: bool = True) -> Self:
        """Freeze (False) or unfreeze every parameter."""
        for p in self.parameters():
            p.requires_grad = value
        return self

    def zero_grad(self) -> None:
        """Forget every parameter's gradient."""
        for p in self.parameters():
            p.grad = None

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call fn on every submodule, then on this module."""
        for module in reversed(list(self.modules())):
            fn(module)
        return self

    # -- device and dtype -------------------------------------------------------------------------

    def to(self, device: str | Device) -> Self:
        """Move parameters, gradients and buffers, in place: tied parameters stay tied."""
        return self._convert(lambda a: to_device(a, device))

    def astype(self, dtype: Any) -> Self:
        """Convert parameters, gradients and floating-point buffers, in place.

        Raises DTypeError unless dtype is floating-point.
        """
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise DTypeError(
                f"{self.title()} needs a floating-point dtype for its parameters, got {dtype}."
            )
        return self._convert(lambda a: a.astype(dtype, copy=False) if a.dtype.kind == "f" else a)

    def _convert(self, f: Callable[[Array], Array]) -> Self:
        """Replace each array by f(array); nothing changes when one of them raises."""
        params, slots = self.parameters(), list(self._buffer_slots())
        data = [f(p.data) for p in params]
        grads = [None if p.grad is None else Tensor(f(p.grad.data)) for p in params]
        buffers = [f(getattr(owner, name)) for _, owner, name in slots]
        for p, array, grad in zip(params, data, grads, strict=True):
            p.data, p.grad = array, grad
        for (_, owner, name), array in zip(slots, buffers, strict=True):
            setattr(owner, name, array)
        return self

    # -- state ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers on the host, by name."""
        state = {name: p.data for name, p in self.named_parameters()} | dict(self.named_buffers())
        return {name: np.array(to_host(array)) for name, array in state.items()}

    def load_state_dict(
        self, state: Mapping[str, Any], *, strict: bool = True
    ) -> tuple[list[str], list[str]]:
        """Copy arrays into the parameters and buffers of the same names, in their own dtype.

        Returns the names (missing, unknown); strict raises StateError if there are any.  Raises
        ShapeError for other shapes.  After an error nothing has changed.
        """
        if not isinstance(state, Mapping):
            raise DTypeError(
                f"{self.title()} needs a mapping of names to arrays, such as another module's "
                f"state_dict(), got {type(state).__name__}."
            )
        params, slots = dict(self.named_parameters()), list(self._buffer_slots())
        own = {name: p.data for name, p in params.items()} | dict(self.named_buffers())
        missing = [name for name in own if name not in state]
        unknown = [name for name in state if name not in own]
        if strict and (missing or unknown):
            raise StateError(_explain_names(self.title(), missing, unknown))
        new = {n: _like(self.title(), n, state[n], old) for n, old in own.items() if n in state}
        for name in params.keys() & new.keys():
            params[name].data = new[name]
        for path, owner, name in slots:
            if path in new:
                setattr(owner, name, new[path])
        return missing, unknown

    # -- how it prints ----------------------------------------------------------------------------

    def describe(self) -> str:
        """The settings that `repr` shows in parentheses; layers override it."""
        return ""

    def title(self) -> str:
        """The module's own name in `repr` and in errors: "Linear(784 -> 10)"."""
        return f"{type(self).__name__}({self.describe()})"

    def __repr__(self) -> str:
        rows = list(_tree(self, "", ""))
        width = max(len(label) for label, _ in rows)
        total = sum(p.size for p in self.parameters())
        table = [f"{label:<{width}}  {note}".rstrip() for label, note in rows]
        return "\n".join([*table, f"{total:,} parameters"])


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _refuse_hidden(owner: Module, name: str, value: Any) -> None:
    """Modules inside a list would never be trained or saved, silently."""
    if any(isinstance(item, (Module, Parameter)) for item in _items(value)):
        raise DTypeError(
            f"{owner.title()}.{name} needs a ModuleList or Sequential, got a "
            f"{type(value).__name__}: parameters inside it would not be found."
        )


def _items(value: Any) -> Iterator[Any]:
    """What a list, tuple, dict or set holds, and what those inside it hold."""
    for item in value.values() if isinstance(value, dict) else value:
        yield item
        if isinstance(item, _COLLECTIONS):
            yield from _items(item)


def _like(owner: str, name: str, value: Any, old: Array) -> Array:
    """A new array with value's numbers, old's dtype and device; its shape must be old's."""
    value = as_array(value.data if isinstance(value, Tensor) else value)
    if value.dtype.kind not in "biuf":
        raise DTypeError(f"{owner} needs numbers for {name}, got dtype {value.dtype}.")
    if value.shape != old.shape:
        raise ShapeError(f"{owner} needs {name} of shape {old.shape}, got {value.shape}.")
    new = old.copy()
    new[...] = to_device(value, device_of(old))
    return new


def _explain_names(owner: str, missing: list[str], unknown: list[str]) -> str:
    """Which names are missing and which unknown, with the likely misspellings."""
    parts = []
    if missing:
        parts.append(f"lacks {_some(missing)}")
    if unknown:
        guesses = [(u, get_close_matches(u, missing, n=1)) for u in unknown[:3]]
        hints = [f"{u} (did you mean {g[0]}?)" if g else u for u, g in guesses]
        parts.append(f"has unknown {_some(hints, len(unknown))}")
    return (
        f"{owner}: the state {' and '.join(parts)}. Build the model that was saved, or pass "
        "strict=False."
    )


def _some(names: list[str], total: int | None = None) -> str:
    """The first three names, and how many more."""
    more = (total or len(names)) - len(names[:3])
    return ", ".join(names[:3]) + (f" and {more} more" if more else "")


def _tree(module: Module, label: str, indent: str) -> Iterator[tuple[str, str]]:
    """(drawing, shapes) for the module and each one below it."""
    own = [(n, p.shape) for n, p in module.__dict__.items() if isinstance(p, Parameter)]
    yield label + module.title(), ", ".join(f"{name} {shape}" for name, shape in own)
    children = module.named_children()
    for k, (name, child) in enumerate(children):
        last = k == len(children) - 1
        branch, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _tree(child, f"{indent}{branch}{name}: ", indent + below)
