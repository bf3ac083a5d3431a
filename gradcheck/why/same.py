"""When two arrays count as the same: exactly, or to rounding where sums are reordered."""

import numpy as np

__all__ = ["ROUNDING", "close", "differing", "distance", "fresh", "overlap", "same"]

ROUNDING = 100 * np.finfo(float).eps


def fresh(values) -> dict:
    """Copies of the arrays of a dict."""
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in values.items()}


def same(a, b) -> bool:
    """Equal to rounding, NaN equal to NaN (scatter sums on a GPU are reordered)."""
    if a.shape != b.shape:
        return False
    equal = a.tobytes() == b.tobytes() or np.array_equal(a, b, equal_nan=True)
    return equal or close(a, b, ROUNDING)


def overlap(a, b) -> bool:
    """True if two arrays share memory."""
    both = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    return both and np.may_share_memory(a, b) and np.shares_memory(a, b)


def close(a, b, tol, scale=None) -> bool:
    """max |a - b| <= tol times the larger of the two (or scale); False for NaN."""
    if a.shape != b.shape:
        return False
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0)) if scale is None else scale
    return bool(np.abs(a - b).max(initial=0) <= tol * scale)


def distance(a, b) -> float:
    """max |a - b|."""
    return float(np.abs(a - b).max(initial=0)) if a.shape == b.shape else float("inf")


def differing(grads, again) -> list:
    """Names whose gradients are not the same."""
    return [k for k, g in grads.items() if k not in again or not same(g, again[k])]
