"""Score of the checker on the bank: what is flagged, and is the cause named first or second.

python -m tests.gradcheck.bank.score [seeds]
"""

import sys
import warnings
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

import gradcheck

from .bugs import BUGS

EFFECT = 1e-6  # a smaller change of the gradient is no bug at this point
H = np.longdouble(1e-5)


@dataclass(frozen=True)
class Trial:
    """One bug at one point.   flagged None: the bug changes nothing there."""

    id: str
    square: bool
    seed: int
    scale: float
    flagged: bool | None
    named: bool
    codes: tuple


def oracle(op, forward, inputs, d):
    """Gradients of sum(d y) by five-point differences in extended precision; none of gradcheck."""
    wide = {
        k: v.astype(np.longdouble) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v
        for k, v in inputs.items()
    }
    return {k: slopes(forward, wide, k, d) for k in op.wrt}


def slopes(forward, wide, k, d):
    g = np.zeros(wide[k].shape)
    for i in np.ndindex(g.shape):

        def y(step, i=i):
            moved = wide[k].copy()
            moved[i] += step
            return forward(**{**wide, k: moved})[0]

        g[i] = float(((8 * (y(H) - y(-H)) - (y(2 * H) - y(-2 * H))) * d).sum() / (12 * H))
    return g


def effects(bug, inputs, seed, scales):
    """{scale: True if the oracle shows that the bug changes the gradient at this point}."""
    if bug.contract:
        return dict.fromkeys(scales, True)
    forward, backward = bug.make()
    y, cache = forward(**copies(inputs))
    d = np.random.default_rng([seed, 1]).standard_normal(np.shape(y))
    right = oracle(bug.op, forward, inputs, d)
    wrong = {s: backward(d * s, cache) for s in scales}
    return {
        s: any(changed(np.asarray(g[k]), s * right[k]) for k in bug.op.wrt)
        for s, g in wrong.items()
    }


def changed(a, n):
    if a.shape != n.shape or a.dtype != n.dtype or not np.all(np.isfinite(a)):
        return True
    return np.linalg.norm(a - n) > EFFECT * np.linalg.norm(n)


def copies(inputs):
    return {k: np.copy(v) if isinstance(v, np.ndarray) else v for k, v in inputs.items()}


def scaled(forward, backward, scale):
    """The pair with its output, hence its gradients, multiplied by scale."""
    if scale == 1:
        return forward, backward

    def smaller(**inputs):
        y, cache = forward(**inputs)
        return y * scale, cache

    def pull(d, cache):
        inner = d * scale
        g = backward(inner, cache)
        if not np.array_equal(inner, d * scale):
            d[...] = inner / scale  # writing into the upstream must show outside
        return g

    return smaller, pull


def report_of(bug, inputs, scale, **options):
    """The checker's report on a bug."""
    forward, backward = bug.make()
    return gradcheck.check_vjp(
        *scaled(forward, backward, scale), inputs, wrt=bug.op.wrt, **options
    )


def trials(bugs=None, seeds=(0, 1), scales=(1, 1e-6), sizes=(False, True)):
    """Every bug at every size, seed and scale."""
    for bug in BUGS if bugs is None else bugs:
        for square in sizes:
            for seed in seeds:
                inputs = bug.op.inputs(np.random.default_rng([seed, 7]), square)
                real = effects(bug, inputs, seed, scales)
                for scale in scales:
                    yield attempt(bug, inputs, square, seed, scale, real[scale])


def attempt(bug, inputs, square, seed, scale, real):
    if not real:
        return Trial(bug.id, square, seed, scale, None, False, ())
    report = report_of(bug, inputs, scale, rng=seed, probe=False)
    codes = named(report)
    return Trial(
        bug.id,
        square,
        seed,
        scale,
        report.status != "pass",
        bool(bug.causes & set(codes[:2])),
        codes,
    )


def named(report):
    """The codes of the report's findings, notes left out, each once, in the order of the report."""
    return tuple(dict.fromkeys(f.code for f in report.findings if f.severity != "note"))


def table(results):
    """(lines of text, share flagged, share named, dropped)."""
    results, by_bug = list(results), defaultdict(list)
    for t in results:
        by_bug[t.id].append(t)
    lines = [f"{'bug':6}{'points':>7}{'no-op':>6}{'flagged':>8}{'named':>6}   codes where not"]
    for bug, rows in by_bug.items():
        real = [t for t in rows if t.flagged is not None]
        missed = {t.codes[:2] for t in real if not t.named}
        lines.append(
            f"{bug:6}{len(rows):7}{len(rows) - len(real):6}{sum(t.flagged for t in real):8}"
            f"{sum(t.named for t in real):6}   "
            + "; ".join(", ".join(c) or "-" for c in sorted(missed))
        )
    real = [t for t in results if t.flagged is not None]
    dropped = len(results) - len(real)
    flagged, right = (
        sum(x) / max(len(real), 1) for x in ([t.flagged for t in real], [t.named for t in real])
    )
    lines.append(
        f"{len(by_bug)} bugs, {len(real)} points, {dropped} dropped (no effect there): "
        f"{flagged:.2%} flagged, right cause first or second {right:.1%}"
    )
    return lines, flagged, right, dropped


def main(seeds=20):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print("\n".join(table(list(trials(seeds=range(seeds))))[0]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
