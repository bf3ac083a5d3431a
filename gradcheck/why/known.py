"""The arrays a diagnosis may know: those inside caches, settings and outputs."""

from dataclasses import fields, is_dataclass

import numpy as np

__all__ = ["arrays_in", "snapshot"]


def arrays_in(x, label="cache", depth=4) -> dict[str, np.ndarray]:
    """{label: array} of every NumPy array inside tuples, lists, dicts and objects.

    >>> sorted(arrays_in((np.ones(2), {"W": np.ones(3)})))
    ['cache[0]', 'cache[1][W]']
    """
    if isinstance(x, np.ndarray):
        return {label: x}
    if depth == 0 or isinstance(x, (str, bytes, int, float, type(None))):
        return {}
    found: dict[str, np.ndarray] = {}
    for key, item in items(x):
        found |= arrays_in(item, f"{label}[{key}]", depth - 1)
    return found


def items(x):
    """(key, member) of a container or of an object's attributes."""
    if isinstance(x, dict):
        return list(x.items())
    if isinstance(x, (tuple, list)):
        return list(enumerate(x))
    if is_dataclass(x):
        return [(f.name, getattr(x, f.name)) for f in fields(x)]
    return list(vars(x).items()) if hasattr(x, "__dict__") and not callable(x) else []


def snapshot(arrays: dict) -> dict:
    """Shape, dtype and bytes of each array: equal exactly when nothing was written."""
    return {
        k: (a.shape, a.dtype.str, a.tobytes())
        for k, a in arrays.items()
        if isinstance(a, np.ndarray) and not a.dtype.hasobject
    }
