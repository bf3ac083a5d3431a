"""GC-K10 and K11: a backward is linear in the upstream; judged on gradients of chosen upstreams."""

import numpy as np

from ..report import Finding
from .same import close, distance

__all__ = ["judge"]

LINEAR = {8: 1e-9, 4: 1e-4, 2: 3e-2}  # by bytes per number: how exact a sum can be


def judge(k, g, zero, double, second, both) -> list[Finding]:
    """Findings on parameter k: gradients of the upstreams d, 0, 2 d, e and d + e.

    >>> g, e = np.array([1.0, -2.0]), np.array([3.0, 1.0])
    >>> judge("W", g, 0 * g, 2 * g, e, g + e)
    []
    >>> [f.code for f in judge("W", g, g, g, g, g)]
    ['ignores-upstream']
    """
    tol = LINEAR.get(g.dtype.itemsize, 1e-9)
    scale = np.abs(g).max(initial=0) + np.abs(second).max(initial=0)
    if np.array_equal(g, second) and np.any(g):
        return [constant(k)]
    if not np.abs(zero).max(initial=0) <= tol * scale:
        return [offset(k, zero)]
    if not (close(double, 2 * g, tol, scale) and close(both, g + second, tol, scale)):
        return [bent(k, g, double, distance(double, 2 * g), distance(both, g + second))]
    return []


def constant(k) -> Finding:
    """The same gradient for every upstream."""
    return Finding(
        "ignores-upstream",
        "fail",
        k,
        f"the gradient of {k} is the same for every upstream: it is the local derivative alone",
        {},
        "multiply by the upstream gradient",
    )


def offset(k, zero) -> Finding:
    """A gradient without an upstream."""
    return Finding(
        "not-multiplied-by-upstream",
        "fail",
        k,
        f"the gradient of {k} is not zero when the upstream is zero",
        {"at_zero": float(np.abs(zero).max())},
        "one term of it does not carry the upstream gradient",
    )


def bent(k, g, double, doubled, added) -> Finding:
    """Twice the upstream does not give twice the gradient, or a sum not the sum."""
    top = np.abs(g).max()
    clipped = (np.abs(g) == top).sum() > 1 and np.abs(double).max() == top
    words = f"clipped at {top:.6g}" if clipped else "not linear in the upstream"
    return Finding(
        "clipped" if clipped else "nonlinear-in-upstream",
        "fail",
        k,
        f"the gradient of {k} is {words}",
        {"doubled": doubled, "added": added},
        "a mask, sign, norm or bound is taken from the upstream instead of from the inputs",
    )
