"""Pattern rules on analytic (A) and numeric (M) gradients: GC-P1, P2, P3, P5, P6, P7 and P10.

Each rule takes Facts and returns a Finding or None; it claims only what fits to a stated residual.
"""


import numpy as np

from .factors import elementwise_name, factor_words, scale_names, vector_name
from .facts import norm, proportional

__all__ = [
    "axis_factor",
    "extra_term",
    "local_derivative",
    "other_terms",
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
        "never computed, or returned under another name: it is zero",
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
    if not both.any():
        return f.finding(
            "GC-P7",
            "mask-inverted",
            "an inverted mask: gradient flows exactly where it should not",
            "negate the mask",
            residual,
            **where,
        )
    if not (a & ~n).any():
        if abs(k - 1) > 1e-5:
            return f.finding(
                "GC-P7",
                "one-cell",
                f"the gradient sent to some places only, {k:.6g} times "
                "what is right there, zero elsewhere",
                "spread it over the whole window",
                residual,
                **where,
            )
        return f.finding(
            "GC-P7",
            "zeroed",
            "gradient cut to zero at entries where it should flow",
            "a mask too wide, a loop too short, or an early return",
            residual,
            **where,
        )
    if not (n & ~a).any():
        return f.finding(
            "GC-P7",
            "leak",
            "gradient let through where it should be zero",
            "a mask is missing or too narrow in backward",
            residual,
            **where,
        )
    return None


def axis_factor(f):
    """GC-P5: a factor for each row or channel, the same for every upstream."""
    found = ratio(f)
    if found is None:
        return None
    q, used = found
    for axis in (a for a in f.axes if f.shape[a] > 1):
        other = tuple(a for a in f.axes if a != axis)
        count = used.sum(other)
        if not other or (count > 0).sum() < 2 or f.x.size == f.shape[axis]:
            continue
        k = np.where(count > 0, np.where(used, q, 0).sum(other) / np.maximum(count, 1), 1.0)
        spread = k.reshape([-1 if a == axis else 1 for a in f.axes])
        residual = norm(f.A - spread * f.M) / (norm(f.A) or 1)
        if residual < f.fit and np.ptp(k) > 1e-5 * np.abs(k).max():
            name = vector_name(f, k, axis)
            return f.finding(
                "GC-P5",
                "axis-factor",
                f"a factor for each index of axis {axis}"
                + (f": {name}" if name else f", {np.array2string(k, precision=4, threshold=8)}"),
                "a scale per channel (gamma, 1/sigma, a weight, a count) is missing or doubled",
                residual,
                axis=axis,
                k=k.tolist(),
                name=name,
            )
    return None


def local_derivative(f):
    """GC-P6: the factor of each entry is wrong, the same for every upstream."""
    found = ratio(f)
    if found is None:
        return None
    q, used = found
    name, residual = elementwise_name(f, q, used)
    if not name and (len(f.A) == 1 or f.one_output_each):
        return None  # then any wrong gradient has such a factor
    return f.finding(
        "GC-P6",
        "local-derivative",
        "a wrong local derivative: the factor at each entry "
        "is the same for every upstream" + (f", {name}" if name else ""),
        "derive the elementwise formula again, in terms of what is cached",
        residual,
        range=[float(q[used].min()), float(q[used].max())],
        name=name,
    )


def extra_term(f):
    """GC-P10: what is too much or missing is a multiple of a known array or of the upstream."""
    known = arrays_of_shape(f)
    if f.D[0].size == 1:
        d = f.D.reshape(-1, *[1] * len(f.shape))
        known |= {f"{n} times the upstream": v * d for n, v in list(known.items())}
        known |= {"the upstream": np.broadcast_to(d, f.A.shape)}
    elif f.upstream.shape == f.A.shape:
        known |= {"the upstream": f.upstream}
    elif f.D.shape[1:] == f.whole[: f.D.ndim - 1] and f.shape == f.whole:
        d = f.D.reshape(*f.D.shape, *[1] * (f.A.ndim - f.D.ndim))
        known |= {"the upstream": np.broadcast_to(d, f.A.shape)}
    return residual_is(f, known)


def other_terms(f):
    """GC-P10, less telling: the upstream times an array, another parameter's gradient."""
    known = {}
    k, residual = proportional(f.A, f.upstream) if f.upstream.shape == f.A.shape else (0.0, 1.0)
    if residual < f.fit:
        return f.finding(
            "GC-P10",
            "extra-term",
            f"only the direct path, {k:.6g} times the upstream, where another path is added to it",
            "add up the gradients of all paths",
            residual,
        )
    if f.upstream.shape == f.A.shape:
        known = {f"the upstream times {n}": f.upstream * v for n, v in arrays_of_shape(f).items()}
    known |= {
        f"the gradient of {q}": M
        for q, (_, M, _) in f.e.all_params.items()
        if q != f.name and M.shape == f.A.shape
    }
    return residual_is(f, known)


def arrays_of_shape(f):
    """Known arrays of the parameter's shape, and their signs."""
    known = {
        n: np.broadcast_to(v, f.A.shape)
        for n, v in f.floats.items()
        if v.shape == f.shape and v.any()
    }
    return known | {f"sign({n})": np.sign(v) for n, v in list(known.items())}


def residual_is(f, known):
    """The finding that A - M is a multiple of one of these arrays."""
    for name, theta in known.items():
        k, residual = proportional(f.R, theta)
        if residual < max(f.fit * f.size / (norm(f.R) or 1), 1e-6) < 1e-2 and f.size > 0:
            side = "too much" if k * np.vdot(f.M, theta) > 0 else "missing or too much"
            return f.finding(
                "GC-P10",
                "extra-term",
                f"a term {k:.6g} times {name} {side}: analytic minus numeric is exactly that",
                "a regulariser, a skip connection or another path "
                "has the wrong factor, or is in only one of value and gradient",
                residual,
                k=k,
                term=name,
            )
    return None
