"""Pattern rules on terms and paths that are missing, or too much: GC-P10."""

import numpy as np

from ..errors import GradcheckError
from ..numeric import Probe, stencil
from .factors import vector_name
from .facts import norm, proportional

__all__ = [
    "direct_path",
    "extra_term",
    "other_terms",
    "path_missing",
    "target_term",
    "use_forgotten",
]

LINES = 4


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


def use_forgotten(f):
    """GC-P10, by Euler's count: f(s p) = s^k f(p), where p is used k times, and then <p, dL/dp> is
    k <dL/dy, y>.   An analytic gradient that counts other than k uses gives another whole number.
    """
    uses = degree(f)
    total = (f.D * f.y).reshape(len(f.D), -1).sum(1)
    if uses < 2 or not np.abs(total).min() > 1e-6 * norm(f.D) * norm(f.y):
        return None
    counted = (f.A * f.x).reshape(len(f.A), -1).sum(1) / total
    j = int(np.rint(counted[0]))
    if j in (0, uses) or np.abs(counted - j).max() > 1e-6:
        return None
    return f.finding(
        "GC-P10",
        "extra-term",
        f"{f.name} used {uses} times in the forward and counted {j} time{'s' * (j != 1)} in "
        f"backward: y is {2**uses} times as large at 2 {f.name}, so that the sum of {f.name} * "
        f"gradient must be {uses} times the sum of y * upstream, and it is {j} times",
        "each use of an array sends back a gradient of its own: add them all up, each once",
        float(np.abs(counted - j).max()),
        uses=uses,
        counted=j,
    )


def degree(f) -> int:
    """k where f(2 p) = 2^k f(p) and f(3 p) = 3^k f(p), at most 4; 0 where there is none."""
    if f.shape != f.whole or not f.x.any() or not f.y.any():
        return 0
    at = lambda s: f.problem.evaluate(f.problem.inputs | {f.name: s * f.x})
    fits = lambda k, s, y: norm(y / s**k - f.y) <= 1e-9 * norm(f.y)
    try:
        scaled = [(s, at(s)) for s in (2, 3)]
    except GradcheckError:
        return 0
    finite = all(np.all(np.isfinite(y)) for _, y in scaled)
    return next((k for k in (2, 3, 4) if finite and all(fits(k, *sy) for sy in scaled)), 0)


def target_term(f):
    """GC-P10: in a loss, a row of p lacks k times that row of q, and one of q k times that of p."""
    if f.D[0].size != 1 or f.x.ndim != 2:
        return None
    d = f.D.reshape(-1, 1, 1)
    for q, (A, M, _) in f.e.all_params.items():
        if q == f.name or A.shape != f.A.shape:
            continue
        pairs = (f.R, f.problem.inputs[q]), ((A - M) / f.unit, f.x)
        (k, one), (other, two) = (each_row(R, v * d) for R, v in pairs)
        if max(one, two) < 1e-6 and np.abs(k - other).max() < 1e-5 * np.abs(k).max():
            return f.finding(
                "GC-P10",
                "label-term",
                f"a wrong or missing term for the pairs of a row of {f.name} and the same row of "
                f"{q}, which a loss has as its target: analytic minus numeric is {q} times "
                + np.array2string(k, precision=4, threshold=6),
                "compare what is subtracted from the scores or probabilities (the matching pairs, "
                "the target) with the forward's",
                max(one, two),
                k=k.tolist(),
                other=q,
            )
    return None


def each_row(R, V):
    """(k, residual) of R = k V with one k for each row, the same for every upstream."""
    k = (R * V).sum((0, 2)) / np.maximum((V * V).sum((0, 2)), 1e-300)
    return k, norm(R - k[:, None] * V) / (norm(R) or 1.0)


def direct_path(f):
    """GC-P10: A - M is the upstream times something that does not depend on it, and M is more."""
    D = f.upstream
    if D.shape != f.A.shape or len(D) < 3 or f.x.ndim == 0 or not f.size:
        return None
    own = lambda g: (g * D).sum(0) / np.maximum((D * D).sum(0), 1e-300)
    elementwise = norm(f.M - D * own(f.M)) < 1e-3 * f.size
    v = own(f.R)
    rest = norm(f.R - D * v)
    if elementwise or rest > 1e-5 * norm(f.R) + 10 * f.noise:
        return None
    return f.finding(
        "GC-P10",
        "extra-term",
        f"a wrong factor on the direct path from the upstream to {f.name} (a skip connection): "
        "analytic minus numeric is the upstream times the same numbers for every upstream"
        + factor_of_path(f, v),
        "a path that adds its input unchanged hands the upstream on unchanged",
        rest / norm(f.R),
    )


def factor_of_path(f, v) -> str:
    """The known vector that multiplies the direct path where it should be 1, in words."""
    for axis in f.axes:
        k = 1 + v.mean(tuple(a for a in f.axes if a != axis))
        name = vector_name(f, k, axis)
        if name:
            return f", as if it were multiplied by {name}"
    return ""


def other_terms(f):
    """GC-P10, less telling: the upstream times an array, another parameter's gradient."""
    known = {}
    k, residual = proportional(f.A, f.upstream) if f.upstream.shape == f.A.shape else (0.0, 1.0)
    if residual < f.fit:
        return f.finding(
            "GC-P10",
            "extra-term",
            f"the upstream handed on as it is, times {k:.6g}: what lies between, a local "
            "derivative or another path, is left out",
            "multiply by the local derivative, and add up the gradients of all paths",
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
            side = "too much" if k * np.vdot(f.M, theta) > 0 else "missing, too much or too small"
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


def path_missing(f):
    """GC-P10: the analytic gradient is what the numeric one becomes where another input is zero."""
    if f.shape != f.whole or f.x.size < 2:
        return None
    V = np.random.default_rng(0).standard_normal((LINES, *f.shape))
    a = V.reshape(LINES, -1) @ f.A.reshape(len(f.A), -1).T
    for name in f.problem.wrt:
        if name == f.name or not f.problem.inputs[name].any():
            continue
        n = slopes_without(f, name, V)
        if n is not None and norm(a - n) <= 1e-6 * norm(a) and norm(a) > 1e-3 * f.size:
            return f.finding(
                "GC-P10",
                "extra-term",
                f"the path through {name} left out: the analytic gradient is what the numeric one "
                f"would be with {name} = 0",
                "add up the gradients of all paths from here to the output",
                norm(a - n) / norm(a),
                path=name,
            )
    return None


def slopes_without(f, name, V):
    """Numeric slopes along V with one input set to zero: (lines, upstreams), or None."""
    values = f.problem.inputs | {name: np.zeros_like(f.problem.inputs[name])}
    try:
        s = stencil(Probe(f.problem, values, f.name, f.e.D), V, "central4")
    except GradcheckError:
        return None
    return s.value / f.unit if np.all(np.isfinite(s.value)) else None
