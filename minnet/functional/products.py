"""Matrix products, and the precision of their factors: the one home of mixed precision.

Inside ``factors("bfloat16")`` a product of two float32 matrices rounds both factors to 16 bits,
adds in float32, and rounds the sums once; everything else stays float32.  A GPU does such products
on its tensor cores, many times faster; on the CPU the same numbers are made with float32
arithmetic, so that training in 16 bits can be studied, and tested, without a GPU.

                sign, exponent, fraction    largest    smallest normal    1 + eps
    float16     1, 5, 10 bits               65504      6e-5               eps = 2^-10
    bfloat16    1, 8, 7 bits                3e38       1e-38              eps = 2^-7

Products of stacks of matrices, such as attention's q k^T, stay float32: CuPy 14.2 has no 16-bit
form of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import numpy as np

from ..backend import Array, array_module, is_array
from ..errors import DeviceError, DTypeError

__all__: list[str] = []

_factors: ContextVar[str | None] = ContextVar("minnet_factors", default=None)


@contextmanager
def factors(dtype: str | None) -> Iterator[None]:
    """Round the factors of float32 products in this block to "float16" or "bfloat16"; None: no.

    Blocks nest, survive exceptions, and hold for one thread.   Raises DTypeError for other names.

    >>> third = np.full((1, 1), 1 / 3, "float32")
    >>> with factors("bfloat16"):
    ...     product(third, np.ones((1, 1), "float32"))
    array([[0.33398438]], dtype=float32)
    """
    token = _factors.set(None if dtype is None else require_half(dtype, "factors"))
    try:
        yield
    finally:
        _factors.reset(token)


def require_half(dtype: Any, owner: str) -> str:
    """The name of a 16-bit type; DTypeError for any other."""
    name = str(dtype)
    if name not in ("float16", "bfloat16"):
        raise DTypeError(f"{owner} needs dtype 'float16' or 'bfloat16', got {dtype!r}.")
    return name


def are_rounded() -> bool:
    """True inside a block of `factors`."""
    return _factors.get() is not None


def product(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """a b over the last two axes, written to out if it is given.

    Two stacks of one matrix each are multiplied as matrices, which a GPU can do in TF32 and in 16
    bits.
    """
    kind = _factors.get()
    if kind is out is None and type(a) is type(b) is np.ndarray and a.ndim == b.ndim == 2:
        return a.dot(b)  # the same product as a @ b, which looks for stacks first
    if a.ndim == b.ndim == 3 and len(a) == len(b) == 1:
        return product(a[0], b[0], out=None if out is None else out[0])[None]
    if kind is None or not _make_float32_matrix(a, b):
        return a @ b if out is None else array_module(a).matmul(a, b, out=out)
    y = _in_16_bits(a, b, kind)
    if out is None:
        return y
    out[...] = y
    return out


def sum_of_rows(g: Array) -> Array:
    """1^T g for a matrix g, as a product where that is faster than a reduction.

    >>> sum_of_rows(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    return _ones(len(g), g.dtype).dot(g) if type(g) is np.ndarray else g.sum(axis=0)


def sum_of_columns(p: Array) -> Array:
    """p 1 for a matrix p; rows that are long are left to NumPy, whose sums keep more digits.

    >>> sum_of_columns(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([3., 7.])
    """
    short = type(p) is np.ndarray and p.shape[1] <= 1024
    return p.dot(_ones(p.shape[1], p.dtype)) if short else p.sum(axis=1)


@lru_cache(64)
def _ones(n: int, dtype: Any) -> np.ndarray:
    ones = np.ones(n, dtype)
    ones.flags.writeable = False  # it is lent to all
    return ones


def _make_float32_matrix(a: Any, b: Any) -> bool:
    """Whether a b is one; a batch in float16 counts, beside weights in float32."""
    kinds = {a.dtype.char, b.dtype.char}
    return is_array(a) and is_array(b) and a.ndim == b.ndim == 2 and "f" in kinds <= {"e", "f"}


def _in_16_bits(a: Array, b: Array, kind: str) -> Array:
    if array_module(a) is np:
        a, b = (rounded(x.astype("float32", copy=False), kind) for x in (a, b))
        return rounded(a @ b, kind)
    half = _dtype(kind)
    return (a.astype(half) @ b.astype(half)).astype("float32")  # cuBLAS adds in float32


def rounded(x: np.ndarray, kind: str) -> np.ndarray:
    """The float16 or bfloat16 number next to each float32 number, as float32; ties go to even.

    >>> rounded(np.float32([1 / 3, 1e9]), "bfloat16").tolist()
    [0.333984375, 998244352.0]
    """
    if kind == "float16":
        with np.errstate(over="ignore"):  # above 65504 it is inf, which the loss scale looks for
            return x.astype("float16").astype("float32")
    bits = x.view("uint32")  # bfloat16 is the upper half of float32
    up = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    y = ((bits + up) & np.uint32(0xFFFF0000)).view("float32")
    return np.where(np.isnan(x), x, y)


def _dtype(kind: str) -> Any:
    """The dtype on a GPU: CuPy's bfloat16 is that of ml_dtypes."""
    if kind == "float16":
        return np.dtype("float16")
    try:
        import ml_dtypes
    except ImportError as error:
        raise DeviceError(
            "bfloat16 on a GPU needs ml_dtypes, from which CuPy has the type: pip install "
            "ml_dtypes."
        ) from error
    return np.dtype(ml_dtypes.bfloat16)
