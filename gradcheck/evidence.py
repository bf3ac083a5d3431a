"""Several upstreams and every entry, or a grid of them: what the diagnosis of a failing parameter
works on; and a word where no rule fits."""

from dataclasses import replace

import numpy as np

from .arrays import as_numpy
from .derivative import entry_sweep
from .numeric import Probe, stencil
from .part import Part, grid_of
from .report import Evidence, Finding
from .tolerance import norm
from .why import diagnose

__all__ = ["reasons", "unexplained", "worst_sweeps"]

UPSTREAMS, MOST_ENTRIES = 5, 4096
GRID = 400  # entries looked at of a parameter with more than MOST_ENTRIES
MOST_NUMBERS = 2**30  # entries measured times numbers that a forward reads: seconds, not minutes


def reasons(problem, params, options, rng):
    """Findings of the diagnosis for every failing parameter."""
    failing = [k for k, p in params.items() if p.status == "fail" and p.n_total]
    names = affordable(problem, failing, options.budget or MOST_ENTRIES)
    findings = []
    if set(failing) & set(names):
        measured = evidence_arrays(problem, names, options, rng)
        for name in failing:
            findings += judged(problem, name, measured, options)
    for name in failing:
        if name not in names:
            findings += on_a_grid(problem, params[name], options, rng)
    return diagnose.rank(findings)


def judged(problem, name, measured, options) -> list[Finding]:
    """The diagnosis of one parameter, where it was measured."""
    if name not in measured:
        return []
    D, table = measured[name][0], {k: v[1] for k, v in measured.items()}
    A, M, U = table[name]
    return diagnose.diagnose(Evidence(problem, name, D, A, M, U, table, options.tol))


def on_a_grid(problem, p, options, rng) -> list[Finding]:
    """The diagnosis of a large parameter, from a grid of its entries."""
    numbers = sum(problem.inputs[k].size for k in problem.wrt)
    count = min(GRID, options.budget or GRID, MOST_NUMBERS // max(1, numbers))
    if count < 4 or not p.n_checked:
        return []
    d = problem.upstream(problem.evaluate(problem.inputs).shape, rng)
    wrong = [e.index for e in p.worst[:5] if e.status == "fail"]
    grid = grid_of(np.asarray(problem.gradients(d)[p.name], dtype=float), count, wrong)
    part = Part(problem, p.name, grid)
    found = judged(part, p.name, evidence_arrays(part, [p.name], options, rng), options)
    shape, whole = (" x ".join(map(str, s)) for s in (part.inputs[p.name].shape, p.shape))
    seen = f" (seen on a grid of {shape} of the {whole} entries)"
    return [replace(f, message=f.message + seen) for f in found]


def unexplained(params, findings) -> list[Finding]:
    """A note for each failing parameter that no finding explains: what can be said all the same."""
    explained = {f.param for f in findings if f.severity == "fail"}
    explained |= {k for f in findings if f.code == "localisation" for k in f.evidence["wrong"]}
    silent = [
        p for p in params.values() if p.status == "fail" and p.name not in explained and p.n_checked
    ]
    return [] if "" in explained else [no_reason(p) for p in silent]


def no_reason(p) -> Finding:
    """How the gradients differ, where no rule knows why."""
    a, n = p.entries.analytic, p.entries.numeric
    size = norm(a) * norm(n)
    cosine = float(np.dot(a / (norm(a) or 1), n / (norm(n) or 1))) if size else 0.0
    ratio = norm(a) / (norm(n) or 1)
    wrong = int(p.entries.judged("fail").sum())
    return Finding(
        "no-reason",
        "note",
        p.name,
        f"no rule fits: {wrong} of the {len(a)} entries compared are wrong, analytic and numeric "
        f"have cosine {cosine:.2g} and lengths in the ratio {ratio:.3g}",
        {"cosine": cosine, "ratio": ratio, "wrong": wrong},
        "shrink the shapes to 1 and 2 where you can, and compare single entries by hand",
    )


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
