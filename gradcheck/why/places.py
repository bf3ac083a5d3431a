"""Pattern rules on where a gradient is wrong: GC-P7 (branches), P8, P10 (labels), P12."""

import math

import numpy as np

from .facts import axis_words, norm, proportional, subsets

__all__ = [
    "argmax_term",
    "border",
    "branch",
    "label_term",
    "last_step",
    "partial_slice",
    "repeated_index",
    "stops_early",
    "wrong_place",
]


SPLITS = 48  # splits of the entries for each array that may split them, so that few do by chance


def repeated_index(f):
    """GC-P12: wrong exactly at what an integer input names more than once."""
    for name, v in f.integers.items() if f.D[0].size > 1 else ():
        for axis in f.axes:
            if v.size < 2 or v.min() < 0:
                continue
            named = np.bincount(v.ravel(), minlength=f.grid[axis][-1] + 1)
            if len(named) > f.whole[axis]:
                continue
            named = named[f.grid[axis]]
            if each_row(f, v, axis):
                where = f"{f.wrong.sum()} entries that {name} names more than once in a row"
                return last_one_wins(f, name, axis, where, "g[rows, ids]")
            wrong = f.wrong.any(tuple(a for a in f.axes if a != axis))
            if wrong.any() and (wrong == (named > 1)).all() and (not wrong.all() or one_left(f)):
                where = f"{wrong.sum()} indices of axis {axis} that {name} names more than once"
                return last_one_wins(f, name, axis, where, "g[ids]")
    return None


def last_one_wins(f, name, axis, where, written):
    """An index that is named twice, by a list of indices or by windows that overlap."""
    v = f.integers[name]
    windows = v.ndim > 1 and v.shape[-1] > 1 and bool((np.diff(v) == 1).all())
    return f.finding(
        "GC-P12",
        "overlap-assign" if windows else "repeated-index",
        f"{'overlapping windows' if windows else 'a repeated index'}: wrong exactly at the {where},"
        " where the last one wins",
        f"use np.add.at instead of {written} += d",
        axis=axis,
        index=name,
    )


def each_row(f, v, axis) -> bool:
    """True if v: (..., k) names entries along the last axis, row by row, and those that it names
    more than once are exactly the wrong ones."""
    rows = axis == f.x.ndim - 1 and v.ndim == f.x.ndim > 1 and v.shape[:-1] == f.shape[:-1]
    if not rows or f.shape != f.whole or f.wrong.sum() < 2:
        return False
    named = (v[..., None] == np.arange(f.shape[-1])).sum(-2)
    return bool((f.wrong == (named > 1)).all()) and not f.wrong.all()


def one_left(f):
    """True if exactly one right contribution is left at each entry."""
    if f.jacobians is None:
        return False
    a = f.present(f.jacobians[0])
    return bool((a.sum(0) == 1).all() and f.equal[a].all())


def label_term(f):
    """GC-P10: wrong only at the label entries, or by one value there and another one elsewhere."""
    if f.x.ndim < 2 or not f.wrong.any():
        return None
    for name, v in f.integers.items():
        if v.size and v.shape == f.whole[:-1] and v.min() >= 0 and v.max() < f.whole[-1]:
            at = v[np.ix_(*f.grid[:-1])][..., None] == f.grid[-1]
            if two_values(f, at):
                return f.finding(
                    "GC-P10",
                    "label-term",
                    f"a wrong target: analytic minus numeric has one value at the label ({name}) "
                    "and another one at all other classes",
                    "compare what is subtracted from the probabilities with the forward's target",
                )
            if not (f.wrong & ~at).any():
                values = np.unique(np.round(f.R[:, f.wrong] / np.abs(f.D).max(), 9))
                return f.finding(
                    "GC-P10",
                    "label-term",
                    f"the term at the label ({name}) missing or wrong: every other entry is right",
                    "look at the -1, the count or the division at the correct class",
                    differences=values[:3].tolist(),
                )
    return None


def argmax_term(f):
    """GC-P10: wrong only at the largest entry along an axis."""
    if f.x.ndim < 2 or f.wrong.all() or not f.wrong.any():
        return None
    for axis in f.axes:
        top = f.x == f.x.max(axis, keepdims=True)
        by_chance = f.shape[axis] ** -float(f.wrong.sum()) * f.x.ndim > 0.05
        if not (by_chance or (f.wrong & ~top).any()):
            return f.finding(
                "GC-P10",
                "argmax-term",
                "the largest entry along axis "
                f"{axis} getting too much or too little: every other entry is right",
                "a maximum subtracted for stability carries no gradient",
                place=True,
            )
    return None


def two_values(f, at) -> bool:
    """True if A - M, per unit of the upstream, has one value at the labels and one elsewhere."""
    rows = f.D.shape[1:] == f.whole[:-1] and f.shape == f.whole
    if f.D[0].size > 1 and not rows or f.shape[-1] < 3 or len(f.x) < 2:
        return False
    R = f.R / (f.D[..., None] if rows else f.D.reshape(-1, *[1] * f.x.ndim))
    on, off = R[:, at], R[:, ~at]
    exact = max(np.ptp(on), np.ptp(off)) <= 1e-6 * np.abs(R).max()
    return bool(exact and abs(off).min() > 1e-3 * abs(R).max())


def branch(f):
    """GC-P7: wrong only on one side of a threshold on an input."""
    if f.wrong.all() or f.wrong.sum() < 2 or f.x.ndim == 0:
        return None
    alike = proportional(f.A[:, f.wrong], f.M[:, f.wrong])[1] < f.fit
    arrays = {name: v for name, v in f.floats.items() if v.shape == f.shape}
    if math.comb(f.x.size, int(f.wrong.sum())) < SPLITS * (1 if alike else len(arrays)):
        return None  # few entries are split by many arrays
    for name, v in arrays.items():
        for words, w in ((name, v), (f"|{name}|", np.abs(v))):
            for side, t in (("above", w), ("below", -w)):
                low, high = t[f.wrong].min(), t[~f.wrong].max()
                if low > high:
                    at = 0.5 * (low + high) * (1 if side == "above" else -1)
                    return f.finding(
                        "GC-P7",
                        "branch",
                        "one branch of the formula being wrong: all is right but where "
                        f"{words} is {side} about {at:.3g}",
                        "check the slope and the condition of that branch",
                        near=float(at),
                        place=not alike,
                    )
    return None


def stops_early(f):
    """GC-P12: zero up to some index of an axis, right from there on."""
    zero = ~f.nonzero[0] & f.nonzero[1]
    for axis in (a for a in f.axes if a and f.shape[a] > 2):
        other = tuple(a for a in f.axes if a != axis)
        lost, left = zero.any(other), f.nonzero[0].any(other)
        k = int(lost.sum())
        early = lost[:k].all() and not (lost & left).any()
        if 0 < k < len(lost) - 1 and early and (f.wrong == zero).all():
            return f.finding(
                "GC-P12",
                "carry-lost",
                f"a backward that stops {len(lost) - k} steps from the end of axis {axis}: right "
                "there, zero before",
                "let the loop over the steps run to the first one",
                axis=axis,
            )
    return None


def last_step(f):
    """GC-P12: right at the last step alone, of a sequence whose other steps are mostly wrong."""
    for axis in (a for a in f.axes if f.shape[a] > 2 and f.x.ndim > 2):
        wrong, last = (np.moveaxis(m, axis, 0) for m in (f.wrong, f.nonzero[1]))
        each = wrong[:-1].reshape(len(wrong) - 1, -1).any(1)
        share = wrong[:-1].sum() / max(1, last[:-1].sum())
        by_chance = (1 - min(share, 1)) ** last[-1].sum() > 1e-3
        if each.all() and not (by_chance or wrong[-1].any()) and last[-1].any():
            return lost_carry(f, axis, len(wrong) - 1)
    return None


def lost_carry(f, axis, index):
    """Only one end of a sequence is right."""
    return f.finding(
        "GC-P12",
        "carry-lost",
        f"a carry from step to step that is lost or wrong: only index {f.grid[axis][index]} of "
        f"axis {axis} is right, where nothing is carried yet",
        "follow the gradient that comes back from the following step",
        axis=axis,
    )


def partial_slice(f):
    """GC-P12: whole slices are right."""
    for axis in (a for a in f.axes if f.shape[a] > 1):
        bad = f.wrong.any(tuple(a for a in f.axes if a != axis))
        good, last = np.flatnonzero(~bad), len(bad) - 1
        if len(good) == 0 or bad.sum() == 0:
            continue
        if list(good) in ([last], [0]) and last > 1 or last == 1 and f.x.ndim > 2:
            return lost_carry(f, axis, good[0])
        return f.finding(
            "GC-P12",
            "partial-slice",
            f"a fault in some slices only: right at {places(f.grid[axis][good])} of axis {axis}, "
            f"wrong at {places(f.grid[axis][bad])}",
            "compare what the code does for the one and for the other",
            axis=axis,
        )
    return None


def places(indices) -> str:
    """ "index 3", "indices 0, 1, 2", or the first few and how many.

    >>> places(np.array([3])), places(np.arange(20))
    ('index 3', 'indices 0, 1, 2, 3, 4, ... (20 of them)')
    """
    first = ", ".join(map(str, indices[:5] if len(indices) > 8 else indices))
    more = f", ... ({len(indices)} of them)" if len(indices) > 8 else ""
    return f"{'index' if len(indices) == 1 else 'indices'} {first}{more}"


def border(f):
    """GC-P12: the interior is right, the border wrong, or the reverse."""
    if f.x.ndim < 2 or min(f.shape[-2:]) < 3 or f.wrong.sum() < 3:
        return None
    inner = np.zeros(f.shape, bool)
    inner[..., 1:-1, 1:-1] = True
    if inner.sum() > 3 and not f.wrong[inner].any():
        return f.finding(
            "GC-P12",
            "border",
            "a fault at the border alone: the interior of the last two axes is right",
            "look at padding, at the divisor of windows that are cut off, at the crop",
            place=True,
        )
    return None


def wrong_place(f):
    """GC-P8: sums along some axes are right, the entries are not."""
    for S in subsets(f.x.ndim):
        axes = tuple(a + 1 for a in S)
        A, M = f.A.sum(axes), f.M.sum(axes)
        if all(f.shape[a] == 1 for a in S) or not norm(M) > 1e-3 * f.size:
            continue
        if f.small(norm(A - M), norm(M)):
            return f.finding(
                "GC-P8",
                "wrong-place",
                f"the right amount in the wrong place along {axis_words(S)}: sums along it agree",
                "look at offsets, strides, the orientation of a kernel, "
                "or the axis of a reduction",
                norm(A - M) / norm(M),
                axes=S,
            )
    return None
