"""The affine map y = x W + b, fused: one product and one addition in place."""

from __future__ import annotations

from math import prod

from ..backend import Array
from ..errors import ShapeError
from ..tensor import op
from .products import product, sum_of_rows

__all__ = ["linear"]


def _rows(x: Array) -> Array:
    """x with all axes but the last joined: (..., k) -> (n, k), so that one GEMM does the work."""
    return x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), x.shape[-1])


@op
def linear(x: Array, W: Array, b: Array | None = None) -> Array:
    """y = x W + b over the last axis of x.

    x: (..., n_in).   W: (n_in, n_out).   b: (n_out,) or None.   Returns (..., n_out).
    Raises ShapeError unless the sizes fit.

    >>> import numpy as np
    >>> linear(np.ones((2, 3)), np.ones((3, 1)), np.array([0.5]))
    array([[3.5],
           [3.5]])
    """
    if x.shape[-1:] != W.shape[:1] or W.ndim != 2 or (b is not None and b.shape != W.shape[1:]):
        shapes = ", ".join(str(a.shape) for a in (x, W, b) if a is not None)
        raise ShapeError(f"linear needs x (..., k), W (k, m) and b (m,), got {shapes}.")
    y = product(_rows(x), W)
    if b is not None:
        y += b
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], W.shape[1])


linear.defvjp(
    x=lambda g, W, x_shape: product(_rows(g), W.T).reshape(x_shape),  # dL/dx = g W^T
    W=lambda g, x: product(_rows(x).T, _rows(g)),  # dL/dW = x^T g
    b=lambda g: sum_of_rows(_rows(g)),  # dL/db = 1^T g
)
