"""A module of CuPy's shape that computes with NumPy: what catches most GPU bugs without a GPU.

It behaves like CuPy where that hurts: host arrays are refused, nothing becomes a host array by
itself, names that CuPy lacks are missing, results without axes stay arrays "on the device", integer
arrays as indices wrap around, and reading a value stops the device, which is counted.

    before = minnet.backend.register(fake_cupy)     # as `register(cupy)` would

Where CuPy is lenient it may be stricter: an operation whose arrays do not live on the current
device is an error here, and a slow copy in CuPy.
"""

import numpy as np

from . import cuda
from .array import NAMES, Ufunc, function, ndarray
from .counting import COUNTS, counting

__all__ = ["COUNTS", "counting", "cuda", "ndarray"]
__version__ = "14.2 stand-in"

newaxis, pi, inf, nan, e = np.newaxis, np.pi, np.inf, np.nan, np.e


class lib:
    """The part of cupy.lib that exists."""

    class stride_tricks:
        as_strided = staticmethod(function("as_strided", np.lib.stride_tricks.as_strided))


class linalg:
    """The part of cupy.linalg that is used; cupy.linalg.eig and others do not exist."""

    cholesky = staticmethod(function("cholesky", np.linalg.cholesky))
    eigh = staticmethod(function("eigh", np.linalg.eigh))
    eigvalsh = staticmethod(function("eigvalsh", np.linalg.eigvalsh))
    inv = staticmethod(function("inv", np.linalg.inv))
    norm = staticmethod(function("norm", np.linalg.norm))
    qr = staticmethod(function("qr", np.linalg.qr))
    solve = staticmethod(function("solve", np.linalg.solve))
    svd = staticmethod(function("svd", np.linalg.svd))


def array(obj, dtype=None, copy=True, order="K"):
    """A new array on the current device, from the host or from any device."""
    return _placed(obj, dtype, True if copy else None, order)


def asarray(a, dtype=None, order=None):
    """The same array if it is one already, else a copy on the current device."""
    return _placed(a, dtype, None, order or "K")


asanyarray = asarray


def _placed(obj, dtype, copy, order):
    if isinstance(obj, ndarray):
        made = np.array(obj._a, dtype, copy=copy, order=order)
        return obj if made is obj._a else ndarray._new(made)
    obj = _unwrapped(obj)
    made = np.array(obj, dtype, copy=True, order=order)
    if made.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {made.dtype}")
    if isinstance(obj, (np.ndarray, list, tuple)) and made.size:
        COUNTS.note("copies", f"{type(obj).__name__} {made.shape}")
    return ndarray._new(made)


def _unwrapped(obj):
    """Nested lists may hold arrays of the device."""
    if isinstance(obj, (list, tuple)):
        return [_unwrapped(x) for x in obj]
    return obj._a if isinstance(obj, ndarray) else obj


def asnumpy(a):
    """The values on the host; the device stops."""
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def get_default_memory_pool():
    return cuda.POOL


def __getattr__(name):
    if name not in NAMES["functions"]:
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    own = getattr(np, name)
    if isinstance(own, type):  # dtypes
        return own
    made = Ufunc(own) if isinstance(own, np.ufunc) else function(name, own)
    globals()[name] = made
    return made
