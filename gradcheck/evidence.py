"""Several upstreams, every entry: what the diagnosis of a failing parameter works on."""

import numpy as np

from .arrays import as_numpy
from .derivative import entry_sweep
from .numeric import Probe, stencil
from .report import Evidence
from .why import diagnose

__all__ = ["reasons", "worst_sweeps"]

UPSTREAMS, MOST_ENTRIES = 5, 4096
MOST_NUMBERS = 2**30  # entries measured times numbers that a forward reads: seconds, not minutes


def reasons(problem, params, options, rng):
    """Findings of the diagnosis for every failing parameter."""
    failing = [k for k, p in params.items() if p.status == "fail"]
    names = affordable(problem, failing, options.budget or MOST_ENTRIES)
    if not set(failing) & set(names):
        return []
    measured = evidence_arrays(problem, names, options, rng)
    findings = []
    for name in failing:
        if name in measured:
            D, table = measured[name][0], {k: v[1] for k, v in measured.items()}
            findings += diagnose.diagnose(
                Evidence(problem, name, D, *table[name], table, options.tol)
            )
    return diagnose.rank(findings)


def affordable(problem, failing, most):
    """The checked names of at most `most` entries, in their order, while the work lasts: first what
    fails, then what it is compared with, the small before the large."""
    sizes = {k: problem.inputs[k].size for k in problem.wrt}
    left = MOST_NUMBERS // max(1, sum(sizes.values()))
    chosen = set()
    for k in sorted(sizes, key=lambda k: (k not in failing, sizes[k])):
        if 0 < sizes[k] <= min(most, left):
            chosen.add(k)
            left -= sizes[k]
    return [k for k in problem.wrt if k in chosen]


def evidence_arrays(problem, names, options, rng):
    """{name: (D, (A, M, U))} of the parameters named, for several upstreams."""
    shape = problem.evaluate(problem.inputs).shape
    D = [problem.upstream(shape, rng) for _ in range(1 if problem.scalar else UPSTREAMS)]
    grads = [problem.gradients(d) for d in D]
    result = {}
    for name in names:
        x, rows = problem.inputs[name], [g.get(name) for g in grads]
        if any(r is None for r in rows):
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
