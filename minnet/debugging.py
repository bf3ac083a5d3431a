"""`debug`: name the operation that made the first NaN or Inf, and notice hidden writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from .backend import Array, array_module, is_array, to_host
from .errors import GraphError, NonFiniteError
from .modes import observe
from .tensor import Op, Tensor

__all__ = ["debug"]


def debug() -> Any:
    """Name the first operation that makes a NaN or Inf, and notice hidden writes to saved arrays.

    Costs a pass over every array.  Raises NonFiniteError, or GraphError from backward.

    >>> from minnet import tensor
    >>> with debug(), np.errstate(all="ignore"):
    ...     tensor([0.0]) / 0.0
    Traceback (most recent call last):
    minnet.errors.NonFiniteError: divide((1,), ()) made the first NaN or Inf: look at its arguments.
    """
    return observe(_Debugger())


class _Debugger:
    """The observer behind `debug`."""

    def on_op(self, op: Op, args: Sequence[Any], settings: dict, y: Tensor) -> None:
        if not _finite(y._data):
            shapes = ", ".join(str(np.shape(a)) for a in args)
            raise NonFiniteError(
                f"{op.name}({shapes}) made the first NaN or Inf: look at its arguments."
            )
        if y._node is not None:
            y._node.checks = _unwritten(op.name, y._node.values)

    def on_gradient(self, op: Op, name: str, d: Any) -> None:
        if not _finite(d._data if isinstance(d, Tensor) else d):
            raise NonFiniteError(
                f"backward of {op.name} made the first NaN or Inf: its gradient for {name}."
            )


def _finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(array_module(array).isfinite(array).all())


def _unwritten(name: str, values: list) -> Callable[[], None]:
    """A function that raises GraphError once a saved array is no longer what it is now."""
    before = _checksums(values)

    def check() -> None:
        if _checksums(values) != before:
            raise GraphError(
                f"an array that {name} saved for backward was written to through another name "
                "(x.data[...] = ..., out=x.data). Work on a copy."
            )

    return check


def _checksums(values: list) -> list[int]:
    """One checksum per saved array, in order (g's place is empty)."""
    flat = [v for value in values for v in (value if type(value) is tuple else (value,))]
    return [crc32(to_host(a).tobytes()) for a in flat if is_array(a)]
