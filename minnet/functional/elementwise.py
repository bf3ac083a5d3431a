"""Elementwise operations: arithmetic and powers, exponentials, comparisons and choices.

In each rule g = dL/dy.  Shapes broadcast as in NumPy; the engine sums what was broadcast.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend import array_module, as_array
from ..errors import DeviceError, GraphError
from ..modes import is_grad_enabled
from ..tensor import Tensor, op

__all__ = [
    "abs",
    "add",
    "astype",
    "clip",
    "cos",
    "divide",
    "exp",
    "expm1",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "power",
    "sign",
    "sin",
    "sqrt",
    "square",
    "subtract",
    "tanh",
    "where",
]

Array = Any  # an array of any module, a Tensor, or a number


# -------------------------------------------------------------------------------------------------
# Arithmetic


@op
def add(a: Array, b: Array) -> Array:
    """a + b, broadcasting.

    >>> add(1.0, np.array([1.0, 2.0]))
    array([2., 3.])
    """
    return a + b


add.defvjp(
    a=lambda g: g,
    b=lambda g: g,
)


@op
def subtract(a: Array, b: Array) -> Array:
    """a - b, broadcasting.

    >>> subtract(np.array([3.0]), 1.0)
    array([2.])
    """
    return a - b


subtract.defvjp(
    a=lambda g: g,
    b=lambda g: -g,
)


@op
def multiply(a: Array, b: Array) -> Array:
    """a b, broadcasting.

    >>> multiply(2.0, np.array([3.0]))
    array([6.])
    """
    return a * b


multiply.defvjp(
    a=lambda g, b: g * b,
    b=lambda g, a: g * a,
)


@op
def divide(a: Array, b: Array) -> Array:
    """a / b, broadcasting; division by zero gives inf or nan, as in NumPy.

    >>> divide(1.0, np.array([4.0]))
    array([0.25])
    """
    return a / b


divide.defvjp(
    a=lambda g, b: g / b,
    b=lambda g, y, b: -g * y / b,  # d(a/b)/db = -a/b^2 = -y/b
)


@op
def negative(x: Array) -> Array:
    """-x.

    >>> negative(np.array([1.0]))
    array([-1.])
    """
    return -x


negative.defvjp(x=lambda g: -g)


@op
def square(x: Array) -> Array:
    """x^2.

    >>> square(np.array([3.0]))
    array([9.])
    """
    return x * x


square.defvjp(x=lambda g, x: g * (2 * x))


@op
def power(x: Array, p: Array) -> Array:
    """x^p, broadcasting.  p: a number or an array.

    The gradient for p is x^p log(x), taken as 0 at x = 0; at x < 0 there is none (nan).

    >>> power(np.array([2.0, 3.0]), 2)
    array([4., 9.])
    """
    return _SMALL_POWERS[p](x) if type(p) is int and p in _SMALL_POWERS else x**p


_SMALL_POWERS: dict[int, Callable[[Array], Array]] = {  # many times faster than the pow function
    2: lambda x: x * x,
    3: lambda x: x * x * x,
    4: lambda x: (x * x) * (x * x),
}


def _power_slope(x: Array, p: Array) -> Array:
    """p x^(p-1), which is 0 for p = 0 also where x = 0."""
    if isinstance(p, (int, float)):
        return p * x ** (p - 1) if p != 0 else x * 0
    zero = p == 0
    return where(zero, 0, p * x ** where(zero, 1, p - 1))


def _log_base(x: Array) -> Array:
    """log x; 0 at x = 0, where x^p stays 0 for p > 0; nan below."""
    return log(where(x > 0, x, 1)) + where(x < 0, float("nan"), 0)


power.defvjp(
    x=lambda g, x, p: g * _power_slope(x, p),
    p=lambda g, y, x: g * (y * _log_base(x)),
)


# -------------------------------------------------------------------------------------------------
# Exponentials, roots, trigonometry


@op
def exp(x: Array) -> Array:
    """e^x.

    >>> exp(np.array([0.0]))
    array([1.])
    """
    return array_module(x).exp(x)


exp.defvjp(x=lambda g, y: g * y)


@op
def expm1(x: Array) -> Array:
    """e^x - 1, exact for small x.

    >>> expm1(np.array([1e-20]))
    array([1.e-20])
    """
    return array_module(x).expm1(x)


expm1.defvjp(x=lambda g, x: g * exp(x))


@op
def log(x: Array) -> Array:
    """The natural logarithm.

    >>> log(np.array([1.0]))
    array([0.])
    """
    return array_module(x).log(x)


log.defvjp(x=lambda g, x: g / x)


@op
def log1p(x: Array) -> Array:
    """log(1 + x), exact for small x.

    >>> log1p(np.array([1e-20]))
    array([1.e-20])
    """
    return array_module(x).log1p(x)


log1p.defvjp(x=lambda g, x: g / (1 + x))


@op
def sqrt(x: Array) -> Array:
    """The square root; its slope at 0 is inf.

    >>> sqrt(np.array([9.0]))
    array([3.])
    """
    return array_module(x).sqrt(x)


sqrt.defvjp(x=lambda g, y: g / (2 * y))


@op
def sin(x: Array) -> Array:
    """Sine, x in radians.

    >>> sin(np.array([0.0]))
    array([0.])
    """
    return array_module(x).sin(x)


@op
def cos(x: Array) -> Array:
    """Cosine, x in radians.

    >>> cos(np.array([0.0]))
    array([1.])
    """
    return array_module(x).cos(x)


sin.defvjp(x=lambda g, x: g * cos(x))
cos.defvjp(x=lambda g, x: -g * sin(x))


@op
def tanh(x: Array) -> Array:
    """(e^x - e^-x) / (e^x + e^-x).

    >>> tanh(np.array([0.0]))
    array([0.])
    """
    return array_module(x).tanh(x)


tanh.defvjp(x=lambda g, y: g * (1 - y * y))


# -------------------------------------------------------------------------------------------------
# Kinks and choices: at a tie, the mean of both one-sided slopes


@op
def sign(x: Array) -> Array:
    """-1, 0 or 1; its gradient is 0.

    >>> sign(np.array([-2.0, 0.0, 3.0]))
    array([-1.,  0.,  1.])
    """
    return array_module(x).sign(x)


sign.defvjp(x=lambda g: g * 0)
sign.winners = lambda x: array_module(x).sign(x)


@op
def abs(x: Array) -> Array:
    """|x|; the gradient at 0 is 0.

    >>> abs(np.array([-2.0, 3.0]))
    array([2., 3.])
    """
    return array_module(x).abs(x)


abs.defvjp(x=lambda g, x: g * sign(x))
abs.winners = lambda x: array_module(x).sign(x)


@op
def maximum(a: Array, b: Array) -> Array:
    """The larger of a and b, broadcasting; a tie sends half of the gradient to each.

    >>> maximum(np.array([1.0, 3.0]), 2.0)
    array([2., 3.])
    """
    return array_module(a, b).maximum(a, b)


maximum.defvjp(
    a=lambda g, a, b: _both_sides(g, a > b, a >= b),
    b=lambda g, a, b: _both_sides(g, b > a, b >= a),
)
maximum.winners = lambda a, b: array_module(a, b).sign(a - b)


@op
def minimum(a: Array, b: Array) -> Array:
    """The smaller of a and b, broadcasting; a tie sends half of the gradient to each.

    >>> minimum(np.array([1.0, 3.0]), 2.0)
    array([1., 2.])
    """
    return array_module(a, b).minimum(a, b)


minimum.defvjp(
    a=lambda g, a, b: _both_sides(g, a < b, a <= b),
    b=lambda g, a, b: _both_sides(g, b < a, b <= a),
)
minimum.winners = lambda a, b: array_module(a, b).sign(a - b)


def _both_sides(g: Array, wins: Array, wins_or_ties: Array) -> Array:
    """The mean of g where it wins and g where it wins or ties."""
    half = 0.5 * g
    return half * wins + half * wins_or_ties


@op
def clip(x: Array, *, min: Any = None, max: Any = None) -> Array:
    """x limited to [min, max]; the gradient passes where min <= x <= max.

    min, max: numbers, constant arrays, or None for no limit.

    >>> clip(np.array([-2.0, 0.5, 2.0]), min=-1, max=1)
    array([-1. ,  0.5,  1. ])
    """
    return array_module(x).clip(x, min, max)


def _inside(x: Array, min: Any, max: Any) -> Any:
    above = True if min is None else x >= min
    return above if max is None else above & (x <= max)


clip.defvjp(x=lambda g, x, min, max: g * _inside(x, min, max))
clip.winners = lambda x, *, min=None, max=None: _inside(x, min, max)


@op
def where(condition: Array, a: Array, b: Array) -> Array:
    """a where the condition holds, else b, broadcasting; the branch not taken gets gradient 0.

    >>> where(np.array([True, False]), 1.0, 2.0)
    array([1., 2.])
    """
    return array_module(condition, a, b).where(condition, a, b)


where.defvjp(
    condition=None,
    a=lambda g, condition: where(condition, g, 0),
    b=lambda g, condition: where(condition, 0, g),
)


@op
def astype(x: Array, *, dtype: Any) -> Array:
    """x converted to another floating-point dtype; the gradient is converted back.

    >>> astype(np.array([1.5]), dtype="float32").dtype
    dtype('float32')
    """
    return x.astype(dtype)


astype.defvjp(x=lambda g: g)  # the engine gives each gradient its argument's dtype


# -------------------------------------------------------------------------------------------------
# Operators


def plain(x: Any) -> Any:
    """The array of a Tensor; anything else unchanged."""
    return x._data if isinstance(x, Tensor) else x


def _comparison(compare: Callable[[Any, Any], Any]) -> Callable[[Tensor, Any], Array]:
    """A comparison of tensors is a plain boolean array: it has no gradient."""
    return lambda self, other: as_array(compare(self._data, plain(other)), self._data)


def _astype(self: Tensor, dtype: Any) -> Tensor:
    """Convert; integers and booleans carry no gradient."""
    return astype(self if np.dtype(dtype).kind == "f" else self.detach(), dtype=dtype)


def _in_place(symbol: str, operation: Callable[[Any, Any], Any]) -> Callable[[Tensor, Any], Any]:
    """y += x makes a new tensor; a leaf that is trained would be left behind, unchanged."""

    def assign(self: Tensor, other: Any) -> Any:
        if self.requires_grad and self.is_leaf:
            raise GraphError(
                f"p {symbol}= x would bind p to a new tensor and leave the one that is trained "
                f"as it was: write p.data {symbol}= x.data."
            )
        return operation(self, other)

    return assign


def _as_array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    """What NumPy's own functions read; they would cut a graph that waits for its backward."""
    if self.device.kind != "cpu":
        raise DeviceError(f"NumPy cannot read a tensor on {self.device}: use x.numpy().")
    if self._node is not None and self._node.values and is_grad_enabled():
        raise GraphError(
            "NumPy's functions would cut the graph of gradients here: use minnet.functional, or "
            "x.numpy() to read the values."
        )
    return np.array(self._data, dtype=dtype, copy=copy)


def _format(self: Tensor, spec: str) -> str:
    """f"{loss:.3f}" formats a single element as its number; without a spec it is str(x)."""
    return format(self.item(), spec) if spec else str(self)


METHODS = {
    "__add__": add,
    "__radd__": lambda self, other: add(other, self),
    "__sub__": subtract,
    "__rsub__": lambda self, other: subtract(other, self),
    "__mul__": multiply,
    "__rmul__": lambda self, other: multiply(other, self),
    "__truediv__": divide,
    "__rtruediv__": lambda self, other: divide(other, self),
    "__pow__": power,
    "__rpow__": lambda self, other: power(other, self),
    "__iadd__": _in_place("+", add),
    "__isub__": _in_place("-", subtract),
    "__imul__": _in_place("*", multiply),
    "__itruediv__": _in_place("/", divide),
    "__neg__": negative,
    "__pos__": lambda self: self,
    "__abs__": abs,
    "__lt__": _comparison(operator.lt),
    "__le__": _comparison(operator.le),
    "__gt__": _comparison(operator.gt),
    "__ge__": _comparison(operator.ge),
    "__eq__": _comparison(operator.eq),
    "__ne__": _comparison(operator.ne),
    "__array__": _as_array,
    "__format__": _format,
    "abs": abs,
    "clip": lambda self, min=None, max=None: clip(self, min=min, max=max),
    "exp": exp,
    "log": log,
    "sqrt": sqrt,
    "tanh": tanh,
    "astype": _astype,
}
