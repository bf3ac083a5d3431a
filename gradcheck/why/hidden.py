"""A wrong local derivative inside a chain, seen at one example: rule GC-P13."""

import copy

import numpy as np

from ..errors import GradcheckError
from ..numeric import Probe, stencil
from ..report import Evidence
from .facts import Facts, norm
from .patterns import axis_factor
from .probe import examples

__all__ = ["hidden_factor"]

MOST_ENTRIES = 4096


def hidden_factor(f):
    """With one example dW = outer(x, dz): a wrong factor in dz is one for each column of dW."""
    if f.x.ndim != 2 or f.x.size > MOST_ENTRIES or f.problem.scalar:
        return None
    one = one_example(f)
    hit = axis_factor(one) if one else None
    if hit is None:
        return None
    return f.finding(
        "GC-P13",
        "local-derivative",
        "a wrong local derivative in a step between this and the output: with one example it is a "
        f"factor for each index of axis {hit.evidence['axis']}",
        "derive the activation of that layer again, in terms of what is cached",
        hit.evidence["residual"],
        k=hit.evidence["k"],
    )


def one_example(f):
    """The Facts of the same parameter with the inputs cut to one example, or None."""
    cut = examples(f.problem, f.problem.inputs, 1)
    if cut is None:
        return None
    problem, rng = copy.copy(f.problem), np.random.default_rng(0)
    problem.inputs = cut
    try:
        D = [rng.standard_normal(problem.evaluate(cut).shape) for _ in f.D]
        A = np.stack([np.asarray(problem.gradients(d)[f.name], dtype=float) for d in D])
        s = stencil(Probe(problem, cut, f.name, D), np.arange(cut[f.name].size), "central")
    except (GradcheckError, TypeError, ValueError):
        return None
    M, U = (v.T.reshape(A.shape) if v.size == A.size else None for v in (s.value, s.u))
    if M is None or not (np.all(np.isfinite(A)) and norm(M) > 1e3 * norm(U)):
        return None
    return Facts(Evidence(problem, f.name, D, A, M, U, {}, f.e.tol))
