"""Pattern rules on which outputs send what to which entries, read off whole Jacobians where small
enough to measure: GC-P6 to P8, P10, P12."""

import numpy as np

from .facts import norm

__all__ = [
    "coupling",
    "first_step",
    "leaking",
    "lost_contributions",
    "masked_outputs",
    "output_factor",
]

INCOMPLETE = (
    "a sum over samples, positions or steps is incomplete: = for +=, a return inside the loop, "
    "or an index"
)


def masked_outputs(f):
    """GC-P7 for each output: they send back exactly where they should not."""
    if f.jacobians is None:
        return None
    a, n = map(f.present, f.jacobians)
    kept, meant = a.any(1), n.any(1)
    if (kept & meant).any() or not (kept.any() and meant.any()):
        return None
    return f.finding(
        "GC-P7",
        "mask-inverted",
        f"an inverted mask: the {meant.sum()} outputs that depend on this send nothing back, "
        f"{kept.sum()} others do",
        "negate the mask",
    )


def leaking(f):
    """GC-P7 for each output: every element of the Jacobian is right or should be zero."""
    if f.jacobians is None:
        return None
    a, n = map(f.present, f.jacobians)
    if not ((f.equal | ~n).all() and (a & ~n).any() and (a & n).any()):
        return None
    return f.finding(
        "GC-P7",
        "leak",
        f"{int((a & ~n).sum())} contributions that should be zero, beside {int((a & n).sum())} "
        "that are exactly right",
        "a mask is missing or too narrow in backward",
    )


def first_step(f):
    """GC-P12: right for what the first index of an output's axis sends back, wrong for the rest."""
    if f.jacobians is None or f.y.ndim < 2:
        return None
    right = f.equal.all(1).reshape(f.y.shape)
    moved = f.present(f.jacobians[1]).any(1).reshape(f.y.shape)
    for axis in (a for a in range(1, f.y.ndim) if f.y.shape[a] > 2):
        if f.x.ndim == f.y.ndim and f.shape[: axis + 1] == f.y.shape[: axis + 1]:
            continue  # a sequence itself: see coupling
        good = right.all(tuple(a for a in range(f.y.ndim) if a != axis))
        told = moved.take(0, axis).any()  # at a zero initial state the first step says nothing
        if good[0] and told and not right.take(range(1, len(good)), axis).any():
            return joining(f, axis)
    return None


def joining(f, axis):
    """The steps are right, how they are joined is not."""
    where = f"right for what index 0 of axis {axis} of the output sends back, wrong for all others"
    others = [k for k, (A, M, _) in f.e.all_params.items() if norm(A - M) > 1e-5 * norm(M)]
    if others == [f.name]:
        return f.finding(
            "GC-P12",
            "overlap-assign",
            f"{where}, while the other gradients are right: the steps are not added up",
            "use += in the loop over the steps",
            axis=axis,
        )
    return f.finding(
        "GC-P12",
        "carry-lost",
        f"{where}: what one step hands to the one before is lost or wrong",
        "follow the gradient that is carried from step to step",
        axis=axis,
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
            if edges := lost_edges(f, kept):
                return f.finding(
                    "GC-P12",
                    "border",
                    f"only the interior of axis {edges} of the output used: what its first and "
                    "last index send back is lost",
                    "add what was padded, mirrored or repeated at the border",
                    axis=edges,
                )
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


def lost_edges(f, kept):
    """The axis of the output of which exactly the first and the last index are lost, or None."""
    kept = kept.reshape(f.y.shape)
    for axis in range(1, kept.ndim):
        other = tuple(a for a in range(kept.ndim) if a != axis)
        line, n = kept.any(other), kept.shape[axis]
        whole = (line == kept.all(other)).all()
        if n > 2 and whole and np.flatnonzero(~line).tolist() == [0, n - 1]:
            return axis
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
    if wrong_carry(a, n, right) and a[off].any():
        return f.finding(
            "GC-P12",
            "carry-lost",
            f"each step along {where} right for its own output, wrong for later ones: what is "
            "carried from one step to the next has a wrong factor",
            "look at what multiplies the carried gradient, and at its index",
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


def wrong_carry(a, n, right) -> bool:
    """True if steps influence later ones only, and only that influence is wrong."""
    one_way = np.triu(n, 1).any() != np.tril(n, -1).any()
    own = right.diagonal().all() and n.diagonal().all()
    return bool(one_way and own and len(n) > 2 and not right.all() and not (a & ~n).any())
