"""Pattern rules on analytic (A) and numeric (M) gradients: GC-P1, P2, P3, P5, P6 and P7.

Each rule takes Facts and returns a Finding or None; it claims only what fits to a stated residual.
"""

import numpy as np

from ..errors import GradcheckError
from ..numeric import Probe, stencil
from .factors import elementwise_name, factor_words, scale_names, vector_name
from .facts import norm, proportional

__all__ = [
    "axis_factor",
    "local_derivative",
    "scale",
    "swapped",
    "zero",
    "zero_pattern",
]


def zero(f):
    """GC-P2."""
    if f.nonzero[0].any() or not f.nonzero[1].any():
        return None
    return f.finding(
        "GC-P2",
        "zero",
        "a gradient that is never computed, or returned under another name: it is zero",
        "look for a missing line, a wrong key, or a buffer that is never filled",
    )


def swapped(f):
    """GC-P3: this gradient is another parameter's."""
    for q, (_, M, _) in f.e.all_params.items():
        if q != f.name and M.shape == f.A.shape and f.small(norm(f.A - M), norm(M)):
            own, other = f.nonzero[1], np.abs(M).any(0)
            if not (own & other).any():
                return f.finding(
                    "GC-P7",
                    "mask-inverted",
                    f"the gradient that {q} should get, and where {f.name} should get none: an "
                    "inverted mask, or the gradients exchanged",
                    "check which branch belongs to which argument",
                    other=q,
                )
            if f.small(norm(f.e.all_params[q][0] - M), norm(M)):
                return f.finding(
                    "GC-P3",
                    "wrong-operand",
                    f"the formula of {q} used for {f.name}: both are the same",
                    "compare what each line multiplies",
                    other=q,
                )
            return f.finding(
                "GC-P3",
                "swapped",
                f"the gradient of {q} returned as that of {f.name}",
                "check the order of what is returned and unpacked",
                norm(f.A - M) / norm(M),
                other=q,
            )
    return None


def scale(f):
    """GC-P1: a = k n."""
    k, residual = proportional(f.A, f.M)
    if residual > f.fit or abs(k) < 1e-12:
        return None
    if abs(k + 1) < 1e-6:
        return f.finding(
            "GC-P1", "sign", "the wrong sign", "one minus too many or too few", residual, k=k
        )
    names = scale_names(f, k)
    also = "; sizes that differ (3, 4, 5) would tell these apart" if len(names) > 1 else ""
    return f.finding(
        "GC-P1",
        "scale",
        f"a factor {factor_words(k, names)}{also}",
        "look for a forgotten or doubled factor: mean or sum, 1/2, a count, a rate",
        residual,
        k=k,
        names=names,
    )


def ratio(f):
    """(q, used): A / M where M is not zero; None if it depends on the upstream."""
    weight = (f.M**2).sum(0)
    used = (np.abs(f.M) > 100 * f.floor).any(0)
    q = np.divide((f.A * f.M).sum(0), weight, out=np.zeros(f.shape), where=weight > 0)
    off = norm(f.A - q * f.M)
    return (q, used) if used.any() and f.small(off, max(norm(f.A), f.size)) else None


def zero_pattern(f):
    """GC-P7: zeros where the gradient should flow, or the reverse."""
    a, n = f.nonzero
    both = a & n
    k, residual = proportional(f.A[:, both], f.M[:, both]) if both.any() else (1.0, 0.0)
    if (a == n).all() or residual > f.fit:
        return None
    where = {"entries": int((a != n).sum()), "of": int(a.size), "k": k}
    for hit, code, message, hint in supports(a, n, k):
        if hit:
            return f.finding("GC-P7", code, message, hint, residual, **where)
    return None


def supports(a, n, k):
    """(whether, code, message, hint): how the entries that get a gradient differ from those that
    should, a from n, where both are in the ratio k."""
    yield (
        not (a & n).any(),
        "mask-inverted",
        "an inverted mask: gradient flows exactly where it should not",
        "negate the mask",
    )
    yield (
        not (a & ~n).any() and abs(k - 1) > 1e-5,
        "one-cell",
        f"the gradient sent to some places only, {k:.6g} times what is right there, zero elsewhere",
        "spread it over the whole window",
    )
    yield (
        not (a & ~n).any(),
        "zeroed",
        f"gradient cut to zero at {(n & ~a).sum()} entries where it should flow",
        "a mask too wide, a loop too short, or an early return",
    )
    yield (
        not (n & ~a).any(),
        "leak",
        f"gradient let through at {(a & ~n).sum()} entries where it should be zero",
        "a mask is missing or too narrow in backward",
    )


def axis_factor(f):
    """GC-P5: a factor for each row or channel, the same for every upstream."""
    found = ratio(f)
    if found is None:
        return None
    q, used = found
    for axis in (a for a in f.axes if f.shape[a] > 1):
        other = tuple(a for a in f.axes if a != axis)
        count = used.sum(other)
        if (count > 0).sum() < 2 or (other and f.x.size == f.shape[axis]):
            continue
        k = np.where(count > 0, np.where(used, q, 0).sum(other) / np.maximum(count, 1), 1.0)
        spread = k.reshape([-1 if a == axis else 1 for a in f.axes])
        residual = norm(f.A - spread * f.M) / (norm(f.A) or 1)
        name = vector_name(f, k, axis) if residual < f.fit else None
        if residual < f.fit and np.ptp(k) > 1e-5 * np.abs(k).max() and (other or name):
            return factors_along(f, k, axis, name, residual)
    return None


def factors_along(f, k, axis, name, residual):
    """A factor k for each index of an axis; -1 where it is not 1 is a sign."""
    found = {"axis": axis, "k": k.tolist(), "name": name}
    flipped = np.abs(k - 1) > 1e-5
    if np.allclose(k[flipped], -1):
        where = np.flatnonzero(flipped).tolist()
        words, hint = f"the wrong sign at {where} of axis {axis}", "one minus too many or too few"
        return f.finding("GC-P1", "sign", words, hint, residual, **found)
    return f.finding(
        "GC-P5",
        "axis-factor",
        f"a factor too many for each index of axis {axis}: "
        + (name or np.array2string(k, precision=4, threshold=8)),
        "a scale per channel (gamma, 1/sigma, a weight, a count) is missing or doubled",
        residual,
        **found,
    )


def local_derivative(f):
    """GC-P6: the factor of each entry is wrong, the same for every upstream."""
    found = ratio(f)
    if found is None:
        return None
    q, used = found
    name, residual = elementwise_name(f, q, used)
    if not name and (f.D[0].size == 1 or f.one_output_each) and not separable(f):
        return None  # then any wrong gradient has such a factor
    return f.finding(
        "GC-P6",
        "local-derivative",
        "a wrong local derivative: the factor at each entry "
        "is the same for every upstream" + (f", {name} times what is right" if name else ""),
        "derive the elementwise formula again, in terms of what is cached",
        residual,
        range=[float(q[used].min()), float(q[used].max())],
        name=name,
        place=not name,  # a number for each entry accounts for nothing
    )


def separable(f) -> bool:
    """True if the numeric gradient at one half of the entries stays when the other half moves, and
    not when they move: a sum over entries of a function of each."""
    if len(f.A) == 1 or f.shape != f.whole or f.x.size < 2:
        return False
    half = np.random.default_rng(0).permutation(f.x.size) % 2 == 0
    step = 0.1 * (np.std(f.x) or 1.0)
    moved = [f.x + step * np.where(half, own, 1).reshape(f.shape) for own in (0, 1)]
    try:
        rest, whole = (slopes(f, x, np.flatnonzero(half)) for x in moved)
    except GradcheckError:
        return False
    still = norm(rest - f.M[0].ravel()[half]) <= 1e-6 * norm(f.M[0])
    return bool(still and norm(whole - rest) > 1e-3 * norm(rest))  # of a linear one all stay


def slopes(f, x, entries):
    """The numeric gradient of some entries with the parameter at x, for the first upstream."""
    probe = Probe(f.problem, f.problem.inputs | {f.name: x}, f.name, f.e.D[:1])
    return stencil(probe, entries, "central").value[:, 0] / f.unit
