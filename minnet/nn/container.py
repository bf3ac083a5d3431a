"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, Self

from ..backend import Array
from ..errors import DTypeError, IndexRangeError, ShapeError, ValueRangeError
from .joined import joined
from .module import Module

__all__ = ["Flatten", "Identity", "Lambda", "ModuleList", "Residual", "Sequential"]


class ModuleList(Module):
    """A list of modules whose parameters are found: indexing, slicing, iteration, len, append.

    layers are named "0", "1", ...; keyword arguments name their modules.  ``blocks[-1] = layer``
    puts another in a place: an optimizer made before that still has the parameters of the old one.

    >>> blocks = ModuleList(Identity(), Identity())
    >>> len(blocks), len(blocks[:1])
    (2, 1)
    """

    def __init__(self, *layers: Module, **named: Module):
        self._names: tuple[str, ...] = ()
        for layer in layers:
            self.append(layer)
        for name, layer in named.items():
            self.append(layer, name=name)

    def append(self, layer: Module, *, name: str | None = None) -> Self:
        """Add a module at the end; its name is its position unless given."""
        name = str(len(self._names)) if name is None else name
        self._require_module(layer)
        if hasattr(self, name):
            raise ValueRangeError(f"{type(self).__name__} has an attribute {name!r}: rename it.")
        setattr(self, name, layer)
        self._names = (*self._names, name)
        return self

    def _require_module(self, layer: Any) -> None:
        if not isinstance(layer, Module):
            raise DTypeError(f"{type(self).__name__} needs modules, got {_advice(layer)}")

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Module]:
        return (self.__dict__[name] for name in self._names)

    def __getitem__(self, index: int | slice | str) -> Any:
        if isinstance(index, slice):
            return type(self)(**{name: self.__dict__[name] for name in self._names[index]})
        return self.__dict__[self._name(index)]

    def __setitem__(self, index: int | str, layer: Module) -> None:
        self._require_module(layer)
        setattr(self, self._name(index), layer)

    def _name(self, index: int | str) -> str:
        """The name of the module at a position, or of that name."""
        if isinstance(index, str) and index in self._names:
            return index
        if isinstance(index, str) or not -len(self) <= index < len(self):
            raise IndexRangeError(
                f"{type(self).__name__} has no module {index!r}: it has {', '.join(self._names)}."
            )
        return self._names[index]


class Sequential(ModuleList):
    """Layers one after another: y = layer_n(... layer_1(x)).

    >>> import numpy as np
    >>> Sequential(Flatten(), Identity())(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def forward(self, x: Any) -> Any:
        """Each layer in turn."""
        for layer in joined(self, x):
            x = layer(x)
        return x


class Residual(Module):
    """y = body(x) + shortcut(x); without a shortcut, + x.

    He et al. 2015, arXiv:1512.03385.   Raises ShapeError unless both have one shape.

    >>> Residual(Lambda(lambda x: 2 * x))(1.0)
    3.0
    """

    def __init__(self, body: Module, shortcut: Module | None = None):
        self.body = body
        self.shortcut = Identity() if shortcut is None else shortcut

    def forward(self, x: Array) -> Array:
        """body(x) + shortcut(x)."""
        y, skip = self.body(x), self.shortcut(x)
        shapes = getattr(y, "shape", ()), getattr(skip, "shape", ())
        if shapes[0] != shapes[1]:
            raise ShapeError(
                f"Residual needs body(x) and shortcut(x) of one shape, got {shapes[0]} and "
                f"{shapes[1]}: give a shortcut that changes the shape as the body does."
            )
        return y + skip


class Identity(Module):
    """y = x.

    >>> Identity()(3)
    3
    """

    def forward(self, x: Any) -> Any:
        """x."""
        return x


class Lambda(Module):
    """A function without parameters as a module.

    >>> Lambda(abs)(-3)
    3
    """

    def __init__(self, fn: Callable[..., Any]):
        self.fn = fn

    def forward(self, *args: Any) -> Any:
        """fn(x)."""
        return self.fn(*args)

    def describe(self) -> str:
        """The function's name."""
        return getattr(self.fn, "__name__", repr(self.fn))


class Flatten(Module):
    """(N, d1, d2, ...) -> (N, d1 d2 ...).

    >>> import numpy as np
    >>> Flatten()(np.ones((0, 3, 4))).shape
    (0, 12)
    """

    def forward(self, x: Array) -> Array:
        """Join all axes but the first."""
        if getattr(x, "ndim", 0) < 1:
            raise ShapeError(f"Flatten needs x of shape (N, ...), got {getattr(x, 'shape', x)}.")
        return x.reshape(x.shape[0], prod(x.shape[1:]))


def _advice(layer: Any) -> str:
    """What was given instead of a module, and what to write."""
    if isinstance(layer, type):
        return f"the class {layer.__name__}: call it, {layer.__name__}(...)."
    if isinstance(layer, (list, tuple)):
        return f"a {type(layer).__name__}: unpack it with a star, *layers."
    return type(layer).__name__ + (": wrap a function in nn.Lambda." if callable(layer) else ".")
