"""Several upstreams, every entry: what the diagnosis of a failing parameter works on."""

import numpy as np

from .arrays import as_numpy
from .derivative import entry_sweep
from .numeric import Probe, stencil
from .report import Evidence
from .why import diagnose

__all__ = ["reasons", "worst_sweeps"]

UPSTREAMS, MOST_ENTRIES = 5, 4096


def reasons(problem, params, options, rng):
    """Findings of the diagnosis for every failing parameter."""
    failing = [k for k, p in params.items() if p.status == "fail"]
    if not failing:
        return []
    measured = evidence_arrays(problem, options, rng)
    findings = []
    for name in failing:
        if name in measured:
            D, table = measured[name][0], {k: v[1] for k, v in measured.items()}
            findings += diagnose.diagnose(
                Evidence(problem, name, D, *table[name], table, options.tol)
            )
    return diagnose.rank(findings)


def evidence_arrays(problem, options, rng):
    """{name: (D, (A, M, U))} for several upstreams, without parameters too large to measure."""
    shape = problem.evaluate(problem.inputs).shape
    D = [problem.upstream(shape, rng) for _ in range(1 if problem.scalar else UPSTREAMS)]
    grads = [problem.gradients(d) for d in D]
    result = {}
    for name in problem.wrt:
        x, rows = problem.inputs[name], [g.get(name) for g in grads]
        if not 0 < x.size <= (options.budget or MOST_ENTRIES) or any(r is None for r in rows):
            continue
        try:
            A = np.stack([np.asarray(as_numpy(r), dtype=float) for r in rows])
        except (TypeError, ValueError):
            continue
        if A.shape[1:] != x.shape:
            continue
        s = stencil(
            Probe(problem, problem.inputs, name, D), np.arange(x.size), "central", options.step
        )
        M, U = (v.T.reshape(len(D), *x.shape) for v in (s.value, s.u))
        result[name] = D, (A, M, U)
    return result


def worst_sweeps(problem, d, params):
    """{name: Sweep of the worst entry} of the failing parameters that were compared."""
    return {
        p.name: entry_sweep(problem, d, p.name, p.worst[0])
        for p in params.values()
        if p.status == "fail" and p.n_checked
    }
