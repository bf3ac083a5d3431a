"""Pattern rules on which outputs send what to which entries, read off whole Jacobians where small
enough to measure: GC-P6 to P8, P10, P12."""

import numpy as np

from .facts import norm

__all__ = ["leaking", "lost_contributions", "masked_outputs", "output_factor"]

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
        f"gradient let through where it should be zero: {int((a & ~n).sum())} contributions that "
        f"should be zero, beside {int((a & n).sum())} that are exactly right",
        "a mask is missing or too narrow in backward",
    )


def output_factor(f):
    """A factor for each output: the upstream is multiplied by something wrong on its way in."""
    if f.jacobians is None:
        return None
    JA, JM = f.jacobians
    weight = (JM**2).sum(1)
    r = np.divide((JA * JM).sum(1), weight, out=np.ones(len(JM)), where=weight > 0)
    residual = norm(JA - r[:, None] * JM) / norm(JM)
    if residual > 1e-5 or np.ptp(r) < 1e-4 * np.abs(r).max():
        return None
    if (np.count_nonzero(JM, 1) < 2).all() and not np.allclose(np.abs(r), 1):
        return None  # any wrong gradient has such factors; signs it has not
    kept, wrong = np.abs(r) > 1e-6, np.abs(r - 1) > 1e-5
    if np.allclose(r[kept], 1) and not kept.all():
        return one_sample(f, kept, residual)
    return wrong_factor(f, r, wrong, residual)


def wrong_factor(f, r, wrong, residual):
    """Each output's contributions are right up to a factor r, which is not 1 where wrong."""
    where = f"{wrong.sum()} of {len(r)} outputs"
    if edge := outer(f, wrong):
        return f.finding(
            "GC-P12",
            "border",
            f"a wrong factor {r[wrong][0]:.6g} at the border: on what the outermost outputs along "
            f"axis {edge} send back, all others being right",
            "look at what is padded, repeated or cut off at the border",
            residual,
            axis=edge,
        )
    if np.allclose(r[wrong], -1):
        return f.finding(
            "GC-P1",
            "sign",
            f"the wrong sign on what {where} send back{places(f, wrong)}, the others being right",
            "one minus too many or too few in that part",
            residual,
        )
    return f.finding(
        "GC-P6",
        "local-derivative",
        f"the upstream multiplied by a wrong factor at {where}, the rest of the way being right",
        "look at the last step of the forward, which is the first of backward",
        residual,
        range=[float(r.min()), float(r.max())],
    )


def one_sample(f, kept, residual=0.0):
    """Some outputs' contributions are right, the others' are lost."""
    return f.finding(
        "GC-P12",
        "one-sample",
        f"only {kept.sum()} of {len(kept)} outputs used"
        f"{places(f, kept)}: what the others send back is lost",
        INCOMPLETE,
        residual,
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
    exact = (f.equal | ~a).all() and not (a & ~n).any()
    if not exact or f.equal.all() or not (a & n).any() or not (a.any(0) | ~n.any(0)).all():
        return None  # whole entries that are zero: see zero_pattern
    lost = n & ~a
    kept = a.any(1) | ~n.any(1)
    if edge := outer(f, lost.any(1)):
        return f.finding(
            "GC-P12",
            "border",
            "a border that is left out: the outermost outputs along "
            f"axis {edge} send back too little, all others what they should",
            "add what was padded, mirrored or repeated at the border",
            axis=edge,
        )
    whole = (n[kept] == a[kept]).all()
    if whole and (one_index(f, kept) or not last_wins(a, n)):
        return one_sample(f, kept)
    return f.finding(
        "GC-P12",
        "overlap-assign",
        f"{int(lost.sum())} of {int(n.sum())} contributions lost, the others exactly right, as if "
        "they were assigned where they should be added",
        "use += where windows, steps or uses overlap",
    )


def one_index(f, kept) -> bool:
    """True if the outputs kept are those of one index of an axis."""
    kept = np.argwhere(kept.reshape(f.y.shape))
    one = np.flatnonzero(np.ptp(kept, axis=0) == 0)
    return any(len(kept) * f.y.shape[axis] == f.y.size for axis in one)


def last_wins(a, n) -> bool:
    """True if of the outputs that should add to an entry only the last one is left, everywhere."""
    last = len(n) - 1 - n[::-1].argmax(0)
    return bool((a.sum(0) <= 1).all() and (a[last, np.arange(n.shape[1])] | ~n.any(0)).all())


def outer(f, outputs):
    """The axis of the output along which these outputs are the first, the last or both, of an
    array that has this axis too; 0 where there is none (axis 0 counts examples)."""
    outputs = outputs.reshape(f.y.shape)
    for axis in range(1, f.y.ndim if f.x.ndim == f.y.ndim else 0):
        n = f.y.shape[axis]
        at = np.flatnonzero(outputs.any(tuple(a for a in range(f.y.ndim) if a != axis)))
        if len(at) and n > 2 + (len(at) == 1) and set(at) <= {0, n - 1}:
            return axis
    return 0
