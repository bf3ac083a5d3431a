"""The one home for relative error, the words of the CS231n bands, and the verdict on a number."""

import math
from enum import StrEnum

import numpy as np

from .errors import InputError

__all__ = ["Band", "band", "conclusive", "matches", "norm", "relative_error"]


def relative_error(a, n, *, mode: str = "max"):
    """|a - n| / max(|a|, |n|), or over the sum |a| + |n|; two zeros have error 0.

    a, n: numbers or arrays that broadcast.  Range [0, 2] for "max", [0, 1] for "sum"; scale-free;
    NaN where either is NaN.  Raises InputError for another mode.
    Source: CS231n notes, "Gradient checks".

    >>> float(relative_error(1.0, 1.0001)) == float(relative_error(1.0001, 1.0))
    True
    >>> float(relative_error(0.0, 0.0)), float(relative_error(0.0, 3.0))
    (0.0, 1.0)
    """
    if mode not in ("max", "sum"):
        raise InputError(f"relative_error needs mode='max' or 'sum', got {mode!r}.")
    a, n = np.asarray(a), np.asarray(n)
    largest = np.maximum(abs(a), abs(n))
    unit = np.where(largest == 0, 1, largest)  # dividing first: no overflow, no 0/0
    difference = abs(a / unit - n / unit)
    if mode == "max":
        return difference
    total = abs(a / unit) + abs(n / unit)
    return difference / np.where(total == 0, 1, total)


def norm(a) -> float:
    """Euclidean length of all entries, of any size: where squares would overflow or vanish,
    nothing is squared before it is scaled; inf and NaN stay.

    >>> norm(np.array([3.0, 4.0])), norm(np.array([0.0, 4e200])), norm(np.array([3e-200, 4e-200]))
    (5.0, 4e+200, 5e-200)
    """
    a = np.asarray(a, dtype=float).reshape(-1)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        square = float(np.dot(a, a))
    if 1e-280 < square < 1e300:
        return math.sqrt(square)
    if not a.size:
        return 0.0
    top = float(np.abs(a).max())
    return top * float(np.linalg.norm(a / top)) if 0 < top < np.inf else top


class Band(StrEnum):
    """The CS231n notes' words for a relative error; words in a report, never the verdict."""

    WRONG = "probably wrong"
    UNCOMFORTABLE = "uncomfortable"
    OK = "ok with kinks"
    TOO_HIGH = "too high without kinks"
    HAPPY = "happy"

    def __str__(self):
        return self.value


def band(error: float, *, kinks: bool = False) -> Band:
    """> 1e-2 WRONG; > 1e-4 UNCOMFORTABLE; > 1e-7 OK if kinks were seen, else TOO_HIGH; else HAPPY.

    >>> band(1e-5).name, band(1e-5, kinks=True).name, band(float("nan")).name
    ('TOO_HIGH', 'OK', 'WRONG')
    """
    if not error <= 1e-2:
        return Band.WRONG
    if not error <= 1e-4:
        return Band.UNCOMFORTABLE
    if not error <= 1e-7:
        return Band.OK if kinks else Band.TOO_HIGH
    return Band.HAPPY


def matches(a, n, u, *, tol, scale, norm=0.0):
    """|a - n| <= 10 u + tol * scale + 10 eps * norm, elementwise; False for NaN.

    u: uncertainty of n.   scale: what tol is relative to.   norm: of the parameter's gradient.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return abs(a - n) <= 10 * u + tol * scale + 10 * np.finfo(float).eps * norm


def conclusive(u, *, tol, scale):
    """True where the reference is known well enough to let a gradient pass: u <= tol * scale."""
    return u <= tol * scale
