"""Pattern rules on whole Jacobians, where small enough to measure: GC-P8, P11, P12, P14."""

import numpy as np

from .facts import norm, proportional

__all__ = [
    "coupling",
    "forward_map",
    "lost_contributions",
    "misplaced",
    "ones_upstream",
    "output_factor",
]

INCOMPLETE = (
    "a sum over samples, positions or steps is incomplete: = for +=, a return inside the loop, "
    "or an index"
)


def forward_map(f):
    """GC-P11: J d where J^T d is needed."""
    if f.jacobians is None or f.x.size != f.y.size:
        return None
    JA, JM = f.jacobians
    residual = norm(JA - JM.T) / norm(JM)
    if residual > 1e-5 or norm(JM - JM.T) < 1e-4 * norm(JM):
        return None
    return f.finding(
        "GC-P11",
        "forward-map",
        "the forward map applied to the upstream instead of its transpose",
        "use W.T for W, the inverse permutation, the reversed sum",
        residual,
    )


def output_factor(f):
    """A factor for each output: the upstream is multiplied by something wrong on its way in."""
    if f.jacobians is None:
        return None
    JA, JM = f.jacobians
    weight = (JM**2).sum(1)
    r = np.divide((JA * JM).sum(1), weight, out=np.ones(len(JM)), where=weight > 0)
    residual = norm(JA - r[:, None] * JM) / norm(JM)
    if (
        residual > 1e-5
        or np.ptp(r) < 1e-4 * np.abs(r).max()
        or (np.count_nonzero(JM, 1) < 2).all()
    ):
        return None
    kept = np.abs(r) > 1e-6
    if np.allclose(r[kept], 1) and not kept.all():
        return f.finding(
            "GC-P12",
            "one-sample",
            f"only {kept.sum()} of {len(r)} outputs used"
            f"{places(f, kept)}: what the others send back is lost",
            INCOMPLETE,
            residual,
        )
    wrong = np.abs(r - 1) > 1e-5
    return f.finding(
        "GC-P6",
        "local-derivative",
        f"the upstream multiplied by a wrong factor at {wrong.sum()} "
        f"of {len(r)} outputs, the rest of the way being right",
        "look at the last step of the forward, which is the first of backward",
        residual,
        range=[float(r.min()), float(r.max())],
    )


def places(f, kept):
    """Which indices of which axis of the output these are, if a slice."""
    kept = kept.reshape(f.y.shape)
    for axis in range(kept.ndim):
        other = tuple(a for a in range(kept.ndim) if a != axis)
        if (kept.any(other) == kept.all(other)).all():
            return f", index {np.flatnonzero(kept.any(other)).tolist()} of axis {axis}"
    return ""


def misplaced(f):
    """GC-P8: outputs send the right numbers to the wrong places (borders, cut off, apart)."""
    if f.jacobians is None:
        return None
    JA, JM = f.jacobians
    a, n = f.present(JA).sum(1), f.present(JM).sum(1)
    whole = (n == n.max()) & (a == a.max()) & (a == n)
    if n.max() < 3 or whole.sum() < 2 or f.equal[whole].all():
        return None
    residual = norm(np.sort(JA[whole]) - np.sort(JM[whole])) / norm(JM[whole])
    if residual > 1e-5:
        return None
    return f.finding(
        "GC-P8",
        "wrong-place",
        "each output sending back the right numbers to the wrong places",
        "look at the orientation of the kernel, the stride, the offset, the order of axes",
        residual,
    )


def lost_contributions(f):
    """GC-P12: every element of the Jacobian is right or zero: some contributions are not added."""
    if f.jacobians is None:
        return None
    a, n = map(f.present, f.jacobians)
    if (f.equal | ~a).all() and (a & n).any() and not f.equal.all() and not (a & ~n).any():
        touched = (a.any(0) | ~n.any(0)).all()
        if not touched:
            return None  # whole entries are zero: see zero_pattern
        kept = a.any(1) | ~n.any(1)
        if (n[kept] == a[kept]).all():
            return f.finding(
                "GC-P12",
                "one-sample",
                f"only {kept.sum()} of {len(kept)} outputs used"
                f"{places(f, kept)}: what the others send back is lost",
                INCOMPLETE,
            )
        return f.finding(
            "GC-P12",
            "overlap-assign",
            f"{int((n & ~a).sum())} of {int(n.sum())} contributions "
            "lost, the others exactly right: assigned where they should be added",
            "use += where windows, steps or uses overlap",
        )
    return None


def coupling(f):
    """GC-P8, P10, P12: which examples or steps influence which, axis by axis."""
    if f.jacobians is None:
        return None
    a, n = map(f.present, f.jacobians)
    for i in f.axes:
        for j in range(f.y.ndim):
            if f.shape[i] != f.y.shape[j] or f.shape[i] < 2:
                continue
            A, N, E = (blocks(f, m, i, j) for m in (a, n, f.equal))
            found = judge_coupling(f, A.any((2, 3)), N.any((2, 3)), E.all((2, 3)), (i, j))
            if found:
                return found
    return None


def blocks(f, m, i, j):
    """(outputs, inputs) as (L, L, rest of outputs, rest of inputs) along axis j of y and i of x."""
    m = np.moveaxis(m.reshape(*f.y.shape, *f.shape), (j, f.y.ndim + i), (0, 1))
    rest = f.y.size // f.y.shape[j]
    return m.reshape(f.y.shape[j], f.shape[i], rest, -1)


def judge_coupling(f, a, n, right, axes):
    """a, n, right: (L, L) whether blocks are present in A, in M, and equal."""
    off, L = ~np.eye(len(a), dtype=bool), len(a)
    where = f"axis {axes[0]}"
    if n[off].any() and not a[off].any() and n.diagonal().all():
        upper, lower = np.triu(n, 1).any(), np.tril(n, -1).any()
        if upper != lower and right.diagonal().any():
            return f.finding(
                "GC-P12",
                "carry-lost",
                f"only the direct path along {where}: what is carried from "
                "one step to the next is lost",
                "add the gradient that comes back from the following step",
                axis=axes[0],
            )
        kind = "each of the" if not right.diagonal().all() else "exactly its own part of"
        return f.finding(
            "GC-P10",
            "coupling-missing",
            f"the {L} entries along {where} treated as independent "
            f"({kind} block), although each output depends on all of them",
            "add the terms that go through the mean, the sum or the shared statistic",
            axis=axes[0],
        )
    if a[off].any() and not n[off].any() and n.diagonal().all():
        return f.finding(
            "GC-P8",
            "wrong-axis",
            f"entries along {where} mixed, which the forward does not mix: "
            "a sum or mean over the wrong axis",
            "check axis= in each reduction of backward",
            axis=axes[0],
        )
    return None


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
        "right for an upstream of ones only",
        "the upstream is summed, averaged or left out where its entries matter",
        residual,
    )
