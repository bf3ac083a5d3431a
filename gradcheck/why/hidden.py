"""What shows at one example, where dW = outer(x, dz): rules GC-P10 and GC-P13."""

import copy

import numpy as np

from ..errors import GradcheckError
from ..numeric import Probe, stencil
from ..report import Evidence
from .facts import Facts, norm, proportional
from .patterns import axis_factor
from .probe import examples

__all__ = ["hidden_factor", "product_path"]

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


def product_path(f):
    """GC-P10: with one example dW = outer(x, dz), which tells dz, and x gets dz W^T."""
    small = f.x.ndim == 2 and f.x.size <= MOST_ENTRIES and f.shape == f.whole
    one = one_example(f) if small else None
    for name in f.e.all_params if one and len(one.x) == 1 and one.x.any() else ():
        W = one.problem.inputs[name]
        if W.ndim == 2 and W.shape[:1] == one.shape[1:]:
            path = np.stack([through(one, name, d) for d in one.e.D]) / one.unit
            k, residual = proportional(one.R[:, 0], path)
            if residual < 1e-5 and norm(path) > 1e-3 * one.size:
                return f.finding(
                    "GC-P10",
                    "extra-term",
                    f"the path through {name} {'left out' if abs(k + 1) < 1e-5 else 'wrong'}"
                    + f": with one example, analytic minus numeric is {k:.6g} times what {name} "
                    "sends back",
                    "add up the gradients of all paths from here to the output",
                    residual,
                    path=name,
                    k=k,
                )
    return None


def through(one, name, d):
    """dz W^T for one example x, where dW = outer(x, dz)."""
    x, W = one.x[0], one.problem.inputs[name]
    dW = np.asarray(one.problem.gradients(d)[name], dtype=float)
    return (x @ dW / (x @ x)) @ W.T


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
