"""A path left out, seen by closing it: rule GC-P10."""

import numpy as np

from ..errors import GradcheckError
from ..numeric import Probe, stencil
from .facts import norm

__all__ = ["path_missing"]

LINES = 4


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
