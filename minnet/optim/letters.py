"""Letters that stand for arrays and numbers while a formula is written down.

A `Letter` stands for an array: a ufunc applied to it becomes a line of a program.  A `Number`
stands for a number that changes from step to step (t, or the learning rate): arithmetic on it is
noted too, and redone with plain floats at each step.

Multiplying a row by a number costs a pass over memory, so a Letter keeps its factor apart for as
long as the algebra allows.  With k, h numbers and x, y arrays:

    (k x)(h y) = kh (xy)        (k x)/(h y) = (k/h) (x/y)       sqrt(k x) = sqrt(k) sqrt(x)
    h (k x) = hk x              (k x)**2 = k**2 x**2            k x + c = k (x + c/k)

Adam's ``-lr * (m / c1) / (sqrt(v / c2) + eps)`` then takes five passes instead of seven.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..errors import GraphError

__all__ = ["Letter", "Number", "Tape"]

_SHORT: dict[Any, Any] = {2: np.square, 0.5: np.sqrt}  # what NumPy makes of these powers


class Tape:
    """What the letters of one formula note.

    lines: (ufunc, inputs, output) on arrays.   numbers: in the order in which they were made.
    factors: numbers that the algebra takes to be `tame`.
    """

    def __init__(self) -> None:
        self.lines: list[tuple[np.ufunc, tuple, Letter]] = []
        self.numbers: list[Number] = []
        self.factors: list[Number] = []

    def count(self, value: Any, f: Callable | None = None, *inputs: Any) -> Number:
        """A new number: given, or f(*inputs)."""
        self.numbers.append(Number(self, value, f, inputs))
        return self.numbers[-1]


class Number:
    """Stands for a number of a step; ``value`` is the present one."""

    __hash__ = object.__hash__

    def __init__(self, tape: Tape, value: Any, f: Callable | None, inputs: tuple):
        self.tape, self.value, self.f, self.inputs = tape, value, f, inputs

    def __array_ufunc__(self, *_: Any, **__: Any) -> Any:
        return NotImplemented  # a Letter among the inputs takes over, else NumPy raises TypeError

    def refresh(self) -> None:
        """Compute the value again from the present ones of the inputs."""
        assert self.f is not None
        self.value = self.f(*[_value(x) for x in self.inputs])

    def note(self, f: Callable, *inputs: Any) -> Any:
        """f(*inputs) as a Number; a Letter among the inputs takes over."""
        if not all(isinstance(x, (int, float, Number)) for x in inputs):
            return NotImplemented
        return self.tape.count(f(*[_value(x) for x in inputs]), f, *inputs)

    __add__ = lambda a, b: a.note(operator.add, a, b)
    __radd__ = lambda a, b: a.note(operator.add, b, a)
    __sub__ = lambda a, b: a.note(operator.sub, a, b)
    __rsub__ = lambda a, b: a.note(operator.sub, b, a)
    __mul__ = lambda a, b: a.note(operator.mul, a, b)
    __rmul__ = lambda a, b: a.note(operator.mul, b, a)
    __truediv__ = lambda a, b: a.note(operator.truediv, a, b)
    __rtruediv__ = lambda a, b: a.note(operator.truediv, b, a)
    __pow__ = lambda a, b: a.note(operator.pow, a, b)
    __rpow__ = lambda a, b: a.note(operator.pow, b, a)
    __neg__ = lambda a: a.note(operator.neg, a)

    def _refuse(self, *_: Any) -> Any:
        raise TypeError("the value of this number is not known yet")

    __bool__ = __eq__ = __ne__ = _refuse  # type: ignore[assignment]


class Letter(NDArrayOperatorsMixin):
    """Stands for an array, factor times the row ``base`` that a line makes (or that is given)."""

    __hash__ = object.__hash__

    def __init__(self, tape: Tape, base: Letter | None = None, factor: Any = None):
        self.tape, self.factor = tape, factor  # None: 1
        self.base = self if base is None else base
        self.row: Letter | None = self if base is None else None

    def __array_ufunc__(self, f: np.ufunc, method: str, *inputs: Any, **options: Any) -> Letter:
        arrays = any(getattr(x, "ndim", 0) for x in inputs)
        if method != "__call__" or options or f.nout != 1 or arrays:
            raise _unrecorded(f"{f.__name__} in this form")
        if f is np.power and type(inputs[1]) in (int, float) and inputs[1] in _SHORT:
            f, inputs = _SHORT[inputs[1]], inputs[:1]
        rule = _ALGEBRA.get(f)
        y = rule(*inputs) if rule else None
        return self.note(f, *inputs) if y is None else y

    def note(self, f: np.ufunc, *inputs: Any) -> Letter:
        """Add the line  y = f(*inputs)  to the program and return y."""
        rows = tuple(x.whole() if is_letter(x) else x for x in inputs)
        y = Letter(self.tape)
        self.tape.lines.append((f, rows, y))
        return y

    def times(self, k: Any) -> Letter:
        """k times this; no line yet."""
        return Letter(self.tape, self.base, k if self.factor is None else self.factor * k)

    def whole(self) -> Letter:
        """A letter without a factor: this one, or the line that carries out its product."""
        if self.row is None:
            self.row = self.note(np.multiply, self.base, self.factor)
        return self.row

    def __array_function__(self, f: Any, *_: Any) -> None:
        raise _unrecorded(f.__name__)

    def __bool__(self) -> bool:
        raise _unrecorded("a branch on its values")


def _unrecorded(what: str) -> GraphError:
    return GraphError(
        "An update of scope 'element' is made of NumPy's elementwise functions and numbers, got "
        f'{what}: rewrite it, or set scope = "parameter" in its class.'
    )


def is_letter(x: Any) -> bool:
    """True for a Letter."""
    return type(x) is Letter


def _value(x: Any) -> Any:
    return x.value if type(x) is Number else x


# -------------------------------------------------------------------------------------------------
# The algebra: each rule returns None where it does not apply


def tame(k: Any) -> bool:
    """Whether k may be divided by, rooted and put on the other side without harm."""
    return 1e-6 < k < 1e6


def _movable(*factors: Any) -> bool:
    """At least one factor that is not 1, and all of them tame, now and (`Tape.factors`) later."""
    there = [k for k in factors if k is not None]
    if not there or not all(tame(_value(k)) for k in there):
        return False
    for k in there:
        if type(k) is Number:
            k.tape.factors.append(k)
    return True


def _plain(k: Any) -> bool:
    return type(k) is Number or isinstance(k, (int, float))


def _one(k: Any) -> Any:
    return 1.0 if k is None else k


def _multiply(x: Any, y: Any) -> Letter | None:
    if is_letter(x) and is_letter(y):
        if x.factor is None and y.factor is None:
            return None
        return x.note(np.multiply, x.base, y.base).times(_one(x.factor) * _one(y.factor))
    x, k = (x, y) if is_letter(x) else (y, x)
    return x.times(k) if _plain(k) else None


def _divide(x: Any, y: Any) -> Letter | None:
    if not is_letter(y):
        return x.times(1 / y) if _plain(y) and _movable(y) else None
    if is_letter(x) and _movable(y.factor):
        return x.note(np.divide, x.base, y.base).times(_one(x.factor) / y.factor)
    if is_letter(x) and x.factor is not None:
        return x.note(np.divide, x.base, y).times(x.factor)
    return None


def _add(x: Any, y: Any) -> Letter | None:
    x, c = (x, y) if is_letter(x) else (y, x)
    if is_letter(c) or not _plain(c) or not _movable(x.factor):
        return None
    return x.note(np.add, x.base, c / x.factor).times(x.factor)


def _sqrt(x: Letter) -> Letter | None:
    if not _movable(x.factor):
        return None
    k = x.factor
    root = k.note(math.sqrt, k) if type(k) is Number else math.sqrt(k)
    return x.note(np.sqrt, x.base).times(root)


def _square(x: Letter) -> Letter | None:
    return x.note(np.square, x.base).times(x.factor * x.factor) if _movable(x.factor) else None


_ALGEBRA: dict[Any, Callable[..., Letter | None]] = {
    np.multiply: _multiply,
    np.divide: _divide,
    np.add: _add,
    np.sqrt: _sqrt,
    np.square: _square,
    np.negative: lambda x: x.times(-1),
}
