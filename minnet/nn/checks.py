"""What every layer asks of its settings and its input, in the layer's own name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ValueRangeError

if TYPE_CHECKING:
    from .module import Module

__all__: list[str] = []


def require_count(owner: Module, name: str, n: Any) -> int:
    """A whole number of at least 1, or DTypeError or ValueRangeError."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise DTypeError(
            f"{type(owner).__name__} needs a whole number as {name}, got {n!r} "
            f"({type(n).__name__})."
        )
    if n < 1:
        raise ValueRangeError(f"{type(owner).__name__} needs {name} of at least 1, got {n}.")
    return int(n)


def require_floats(owner: Module, x: Any) -> None:
    """Raise DTypeError unless x is an array or Tensor of floating-point numbers."""
    dtype = getattr(x, "dtype", None)
    if dtype is None or dtype.kind != "f":
        got = type(x).__name__ if dtype is None else str(dtype)
        raise DTypeError(
            f"{owner.title()} needs x as a tensor or array of floats, got {got}: "
            + ("use minnet.tensor(x)." if dtype is None else "use x.astype('float32').")
        )
