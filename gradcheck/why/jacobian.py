"""Pattern rules on whole Jacobians, where small enough to measure: GC-P8, P11, P14."""

import numpy as np

from .facts import norm, proportional

__all__ = ["forward_map", "misplaced", "ones_upstream"]


def forward_map(f):
    """GC-P11: J d where J^T d is needed."""
    if f.jacobians is None or f.x.size != f.y.size:
        return None
    JA, JM = f.jacobians
    residual = norm(JA - JM.T) / norm(JM)
    if residual > 1e-5 or norm(JM - JM.T) < 1e-4 * norm(JM):
        return wrong_direction(f)
    return f.finding(
        "GC-P11",
        "forward-map",
        "the forward map applied to the upstream instead of its transpose",
        "use W.T for W, the inverse permutation, the reversed sum",
        residual,
    )


def wrong_direction(f):
    """GC-P11 by place alone: entries are reached by the outputs that they should reach."""
    a, n = map(f.present, f.jacobians)
    right, crossed = a & n, (a == n.T).all() and not (n == n.T).all()
    if not (crossed and right.any() and f.equal[right].all()):
        return None
    return f.finding(
        "GC-P11",
        "forward-map",
        "a sum that runs in the direction of the forward instead of against it: what both "
        "directions share is right",
        "reverse the sum (or the loop): an entry collects from the outputs that depend on it",
    )


def misplaced(f):
    """GC-P8: outputs send the right numbers to the wrong places (borders, cut off, apart)."""
    if f.jacobians is None:
        return None
    JA, JM = f.jacobians
    a, n = f.present(JA).sum(1), f.present(JM).sum(1)
    whole = (n == n.max()) & (a == a.max()) & (a == n)
    if n.max() < 3 or f.equal[whole].all() and whole.any():
        return None
    enough = whole.sum() > 1
    residual = norm(np.sort(JA[whole]) - np.sort(JM[whole])) / norm(JM[whole]) if enough else 1.0
    sorted_alike = residual <= 1e-5
    if not (sorted_alike or same_values(f)):
        return None
    return f.finding(
        "GC-P8",
        "wrong-place",
        "the right numbers sent back to the wrong places by each output",
        "look at the orientation of the kernel, the stride, the offset, the order of axes",
        residual,
        place=not sorted_alike,
    )


def same_values(f) -> bool:
    """True if both Jacobians are made of the same few numbers, as that of a filter is; some may be
    missing, where they fall outside."""
    unit = np.abs(f.jacobians[1]).max()
    few = [set(np.round(J[f.present(J)] / unit, 7).tolist()) for J in f.jacobians]
    alike = 3 * len(few[0] & few[1]) >= 2 * max(map(len, few))
    return alike and 3 < len(few[1]) < f.present(f.jacobians[1]).sum() / 2


def ones_upstream(f):
    """GC-P14: right for an upstream of ones only."""
    if f.jacobians is None:
        return None
    A, M = (J.sum(0) for J in f.jacobians)
    residual = proportional(A - M, M)[1] and norm(A - M) / (norm(M) or 1)
    if norm(M) < 1e-3 * norm(f.jacobians[1]) or residual > 1e-5:
        return None
    return f.finding(
        "GC-P14",
        "ones-upstream",
        "a gradient that is right for an upstream of ones only",
        "the upstream is summed, averaged or left out where its entries matter",
        residual,
        place=True,
    )
