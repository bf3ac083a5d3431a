"""Say how an output differs from its formula."""

import numpy as np

__all__ = ["TOLERANCE", "difference", "matches"]

TOLERANCE = 1e-6  # real faults are far larger; log(p + 1e-8) in a loss is not held against anyone


def matches(got, expected, tol: float = TOLERANCE, floor: float = 0.0) -> bool:
    """True if two arrays have one shape and differ by at most tol of the largest entry (or floor).

    >>> matches([1.0, 2.0], [1.0, 2.1]), matches([np.nan], [0.0])
    (False, False)
    """
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        return False
    scale = np.max(np.abs(expected), initial=floor) or 1.0
    return bool(np.all(np.abs(got - expected) <= tol * scale))


def difference(got, expected) -> str:
    """One sentence: shape, not-a-number, a factor, an offset, a place, or the worst entry.

    >>> difference(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
    '2 times the formula in every entry'
    """
    try:
        got = np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        return f"returns {type(got).__name__}, needs an array of shape {np.shape(expected)}"
    expected = np.asarray(expected, dtype=float)
    if got.shape != expected.shape:
        return f"shape {got.shape}, the formula gives {expected.shape}"
    if got.size == 1 and not np.isfinite(got).all():
        return f"{got.item()}, the formula gives {expected.item():.6g}"
    if not np.isfinite(got).all():
        count = int(np.sum(~np.isfinite(got)))
        return f"{count} of {got.size} entries are NaN or infinite"
    return _factor(got, expected) or _offset(got, expected) or _place(got, expected)


def _factor(got, expected):
    if not expected.any():
        return None
    factor = (got * expected).sum() / (expected**2).sum()
    if got.size == 1:
        return f"{got.item():.6g}, the formula gives {expected.item():.6g} ({factor:.4g} times)"
    if factor and matches(got, factor * expected):
        return f"{factor:.6g} times the formula in every entry"
    return None


def _offset(got, expected):
    offset = got - expected
    if got.size > 1 and matches(offset, np.full(got.shape, offset.mean())):
        return f"the formula plus {offset.mean():.6g} in every entry"
    return None


def _place(got, expected):
    """Which share of the entries is wrong, and the worst of them."""
    error = np.abs(got - expected)
    wrong = error > TOLERANCE * np.abs(expected).max()
    index = tuple(int(i) for i in np.unravel_index(error.argmax(), error.shape))
    worst = f"at {index} {got[index]:.6g}, the formula gives {expected[index]:.6g}"
    return f"{int(wrong.sum())} of {got.size} entries differ; {worst}"
