"""Pattern rules on invariances and missing terms of a reduction: GC-P9, P10; and P15."""

import numpy as np

from .facts import axis_words, norm, subsets

__all__ = [
    "mean_term",
    "normalisation_terms",
    "row_term",
    "scale_invariance",
    "shift_invariance",
    "small_plateau",
    "term_through_sum",
]

STATISTICS = (
    "treat the mean and the variance as functions of the input, and add up all their paths"
)


def long_axes(f):
    """Sets of axes with at least 3 entries to average over."""
    return [
        S
        for S in subsets(f.x.ndim)
        if np.prod([f.shape[a] for a in S]) > 2 and all(f.shape[a] > 1 for a in S)
    ]


def mean_term(f):
    """GC-P10: A - M is constant along axes."""
    for S in sorted(long_axes(f), key=lambda S: -len(S)):
        axes = tuple(a + 1 for a in S)
        rest = norm(f.R - f.R.mean(axes, keepdims=True))
        if rest <= 1e-5 * norm(f.R) + 10 * f.noise and norm(f.R) > 100 * f.noise:
            return f.finding(
                "GC-P10",
                "mean-term",
                f"a wrong or missing mean-centring term: analytic minus "
                f"numeric is constant along {axis_words(S)}",
                "look at how the gradient of the mean (or of the normalising sum) re-enters",
                rest / norm(f.R),
                axes=S,
            )
    return None


def normalisation_terms(f):
    """GC-P10: per slice, A - M lies in span{x - mean} or span{1, x - mean}."""
    if norm(f.R) <= 100 * f.noise:
        return None
    for S in long_axes(f):
        axes = tuple(a + 1 for a in S)
        one = np.ones(f.shape)
        centred = f.x - f.x.mean(S, keepdims=True)
        for code, basis, words in (
            ("variance-term", [centred], f"multiple of {f.name} - mean"),
            ("variance-term", [f.x * one], f"multiple of {f.name}"),
            ("normalisation-terms", [one, centred], f"combination of 1 and {f.name} - mean"),
        ):
            if np.prod([f.shape[a] for a in S]) < len(basis) + 2:
                continue
            rest = outside(f.R, basis, axes)
            if rest <= 1e-5 * norm(f.R) + 10 * f.noise:
                return f.finding(
                    "GC-P10",
                    code,
                    f"terms of a normalisation along {axis_words(S)} missing or wrong: "
                    f"analytic minus numeric is a {words} in every slice",
                    STATISTICS,
                    rest / norm(f.R),
                    axes=S,
                )
    return None


def term_through_sum(f):
    """GC-P10: A - M depends on the upstream only through a (weighted) sum along an axis."""
    if f.D.shape != f.R.shape or len(f.D) < 3 or norm(f.R) <= 100 * f.noise:
        return None
    weights = ("", 1.0), (" times the output", f.y), (" times the input", f.x)
    for axis in (a for a in f.axes if f.shape[a] > 1):
        for words, w in weights:
            s = (f.D * w).sum(axis + 1, keepdims=True)
            v = (f.R * s).sum(0) / np.maximum((s * s).sum(0), 1e-300)
            rest = norm(f.R - s * v)
            if rest <= 1e-5 * norm(f.R) + 10 * f.noise:
                return f.finding(
                    "GC-P10",
                    term_code(f, words, axis),
                    f"one wrong or missing term, the one with the sum of the "
                    f"upstream{words} along axis {axis}",
                    "derive what multiplies that sum",
                    rest / norm(f.R),
                    axis=axis,
                )
    return None


def term_code(f, words, axis):
    """What a sum of the upstream (times something) stands for: a mean, a length or a variance, or,
    where the output does change when x is scaled, weights that add up to one (softmax)."""
    if not words:
        return "mean-term"
    ways = (w * f.M for w in (f.x, f.x - f.x.mean(axis, keepdims=True)))
    unscaled = min(norm(v.sum(axis + 1)) - 2e-2 * norm(v) for v in ways) <= 0
    return "variance-term" if words.endswith("input") or unscaled else "coupling-missing"


def row_term(f):
    """GC-P10: along an axis A - M is a number for each row times one known array."""
    if norm(f.R) <= 100 * f.noise:
        return None
    for axis in (a for a in f.axes if f.shape[a] > 2 and f.x.ndim > 1):
        for name, theta in derivatives(f):
            rest = outside(f.R, [theta], (axis + 1,))
            if rest <= 1e-5 * norm(f.R) + 10 * f.noise and varied(f.R, theta, axis):
                return f.finding(
                    "GC-P10",
                    "coupling-missing",
                    f"a missing or wrong term that the entries along axis {axis} share: analytic "
                    f"minus numeric is one number for each row times {name}",
                    "something that all of them go into (a sum, a denominator) was taken for a "
                    "constant",
                    rest / norm(f.R),
                    axis=axis,
                    term=name,
                )
    return None


def derivatives(f):
    """(words, array) of known arrays of the parameter's shape and of the slopes made of them."""
    for name, v in f.floats.items():
        if v.shape == f.shape and np.ptp(v) > 0 and name != f.name:
            yield name, v
            yield f"{name} (1 - {name})", v * (1 - v)
            yield f"1 - {name}^2", 1 - v * v


def varied(R, theta, axis) -> bool:
    """True if the numbers differ from row to row: one number for all is another finding."""
    theta = np.broadcast_to(theta, R.shape)
    k = (R * theta).sum(axis + 1) / np.maximum((theta * theta).sum(axis + 1), 1e-300)
    return bool(np.ptp(k[0]) > 1e-3 * np.abs(k[0]).max())


def outside(R, basis, axes):
    """Norm of the part of R that is not in the span of the basis, slice by slice."""
    done = []
    for b in basis:
        b = np.broadcast_to(b, R.shape)
        for c in done:
            b = b - c * (b * c).sum(axes, keepdims=True)
        length = np.sqrt((b * b).sum(axes, keepdims=True))
        b = np.divide(b, length, out=np.zeros(R.shape), where=length > 1e-12)
        R = R - b * (b * R).sum(axes, keepdims=True)
        done.append(b)
    return norm(R)


def shift_invariance(f):
    """GC-P9: M sums to zero along axes for every upstream, A does not."""
    for S in long_axes(f):
        axes = tuple(a + 1 for a in S)
        M, A = f.M.sum(axes), f.A.sum(axes)
        if norm(M) < 1e-6 * f.size and norm(A) > 1e-4 * norm(f.A):
            return f.finding(
                "GC-P9",
                "mean-term",
                f"a missing term that couples the entries along {axis_words(S)}: "
                "the numeric gradient sums to zero along it for every upstream, the analytic "
                "one does not",
                "softmax, centring and log-sum-exp have such a term: minus a (weighted) mean",
                norm(M) / f.size,
                axes=S,
                analytic_sum=norm(A) / norm(f.A),
            )
    return None


def scale_invariance(f):
    """GC-P9: x . M is zero along axes (Euler), x . A is not."""
    for S in long_axes(f):
        axes = tuple(a + 1 for a in S)
        for x in (f.x, f.x - f.x.mean(S, keepdims=True)):
            M, A = (x * f.M).sum(axes), (x * f.A).sum(axes)
            if norm(M) < 2e-3 * norm(x * f.M) and norm(A) > 2e-2 * norm(x * f.A):
                return f.finding(
                    "GC-P9",
                    "variance-term",
                    f"a missing projection: the output does not change when {f.name} is scaled "
                    f"along {axis_words(S)}, but the analytic gradient says it does",
                    STATISTICS,
                    norm(M) / norm(x * f.M),
                    axes=S,
                )
    return None


def small_plateau(f):
    """GC-P15: a small systematic error that nothing else explains."""
    error = norm(f.R) / (f.size or 1.0)
    if not 10 * f.noise / (f.size or 1.0) < error < 2e-2:
        return None
    near = [n for n, v in f.hyper.items() if v and 0.2 < error / abs(v) < 5]
    near += [f"1/{s}" for s in sorted(set(f.shape)) if s > 9 and 0.2 < error * s < 5]
    return f.finding(
        "GC-P15",
        "small-plateau",
        f"a small systematic error, {error:.2g} times the gradient"
        + (f", near {', '.join(near)}" if near else ""),
        "another approximation of the same function, eps in another place, n - 1 for n, or "
        "a value from before an update",
        error,
        error=error,
        place=True,
    )
