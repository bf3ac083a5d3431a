"""Findings that need no tolerance: what came back, in which type, of which size."""

import math
from dataclasses import replace

import numpy as np

from .arrays import as_numpy
from .derivative import agrees_with_complex
from .errors import CallError
from .problem import copies
from .report import Finding

__all__ = [
    "complex_safe",
    "first_calls",
    "influence",
    "precision_notes",
    "tiny",
    "undecided",
    "unique",
    "unusable",
]


def first_calls(problem):
    """(y, None), or (y, the finding that makes a check impossible)."""
    values = copies(problem.inputs)
    y, _ = problem.forward(values)
    changed = any(not same(values[k], problem.inputs[k]) for k in problem.wrt)
    problem.guard = changed or problem.edits_dict()
    again = problem.evaluate(problem.inputs)
    if y.size == 0:
        return y, Finding(
            "empty-output",
            "inconclusive",
            "",
            "forward returned an empty array.",
            {"shape": y.shape},
            "Check with at least one example.",
        )
    if not np.isfinite(y).all():
        return y, Finding(
            "non-finite",
            "inconclusive",
            "",
            "forward returned NaN or infinity at the point itself.",
            {"count": int(np.sum(~np.isfinite(y)))},
            "Choose another point, or look for log(0), 0/0 or overflow.",
        )
    slack = 100 * np.finfo(y.dtype).eps * abs(y).max()
    if y.shape != again.shape or not (abs(y - again) <= slack).all():
        return y, Finding(
            "forward-not-repeatable",
            "inconclusive",
            "",
            "forward gave two different values at the same point, so differences mean nothing.",
            {"largest difference": difference(y, again)},
            "Turn dropout or augmentation off, or pass reseed=0 to seed every call.",
        )
    return y, None


def unusable(g, x, name):
    """The finding for a gradient that cannot be compared, or None."""
    if g is None:
        return Finding(
            "missing-gradient",
            "fail",
            name,
            f"backward returned no gradient for {name}.",
            {},
            "Return one array per input, in order, or a dict keyed by input name.",
        )
    g = as_numpy(g)
    if g.shape != x.shape:
        return Finding(
            "shape",
            "fail",
            name,
            f"the gradient of {name} has shape {g.shape}, {name} itself {x.shape}.",
            {"got": g.shape, "needed": x.shape},
            "Sum over the axes along which the input was broadcast.",
        )
    if g.dtype.kind not in "fiub":
        return Finding(
            "dtype",
            "fail",
            name,
            f"the gradient of {name} has type {g.dtype}.",
            {},
            "Return real floating-point numbers.",
        )
    if not np.isfinite(g).all():
        return Finding(
            "nan",
            "fail",
            name,
            f"the gradient of {name} holds NaN or infinity where the output is finite.",
            {"count": int(np.sum(~np.isfinite(g)))},
            "Look for 0/0, log(0) or an overflow in backward.",
        )
    return None


def influence(params):
    """GC-Q6: parameters whose slopes are all within rounding of zero.

    What is negligible beside the other parameters counts as a true zero; alone, nothing is claimed.
    """
    findings = []
    largest = max((p.norm for p in params.values() if math.isfinite(p.norm)), default=0.0)
    for name, p in params.items():
        lines = [many for many in (p.entries, p.directions) if len(many)]
        silent = lines and all((e.size() <= 10 * e.uncertainty).all() for e in lines)
        if not silent or p.status == "fail":
            continue
        zero = not any(np.any(e.size()) for e in lines)
        if zero or p.uncertainty <= 1e-7 * largest:
            params[name] = replace(p, status="pass", band="no influence")
            findings.append(
                Finding(
                    "no-influence",
                    "note",
                    name,
                    f"{name} does not influence the output here: every "
                    "slope is zero to within rounding.",
                    {"uncertainty": p.uncertainty},
                    "Expected for a dead unit or a bias before batch norm; else try another point.",
                )
            )
    return findings


def tiny(params):
    """GC-G7: a note, never a status, for gradients that %f or float16 would show as zero."""
    below = lambda p: len(p.entries) and p.entries.size().max() < 1e-10
    candidates = [p for p in params.values() if 0 < p.norm < 1e-10 * p.n_total]
    small = [p.name for p in candidates if below(p)]
    if not small:
        return []
    return [
        Finding(
            "tiny-gradients",
            "note",
            "",
            f"all gradients of {', '.join(small)} are below 1e-10; in float64 that is no trouble.",
            {"params": small},
            "Scale the loss (loss_scale=) if backward runs in float32 or float16.",
        )
    ]


def undecided(params, y, tol):
    """GC-Q1: why slopes could not be judged, and what helps; one finding for each reason."""
    open_ = [p for p in params.values() if p.status == "inconclusive"]
    largest, groups = float(abs(y).max()) if open_ else 0.0, {}
    for p in open_:
        reason, count, known = hidden_by(p, largest)
        groups.setdefault(reason, []).append((f"{count} slopes of {p.name}", known))
    rows = ((reason, *zip(*found, strict=True)) for reason, found in groups.items())
    return [why_undecided(*row, largest, tol) for row in rows]


def hidden_by(p, largest):
    """(reason, slopes without a verdict, how well the worst of them is known relative to tol's
    unit): "kink" at the point itself, "rounding" of a large output, else "rough"."""
    lines = [many for many in (p.entries, p.directions) if len(many)]
    open_ = [many.take(np.flatnonzero(many.judged("inconclusive"))) for many in lines]
    u, h, unit = (
        np.concatenate([getattr(many, k) for many in open_])
        for k in ("uncertainty", "step", "scale")
    )
    known = float(np.max(u / np.where(unit > 0, unit, 1), initial=0.0))
    if all(np.all(many.flagged("on-kink")) for many in open_):
        return "kink", len(u), known
    rounded = np.median(u * h) <= 1e3 * np.finfo(float).eps * largest
    return ("rounding" if rounded else "rough"), len(u), known


def why_undecided(reason, counts, known, largest, tol):
    """The finding for slopes that share a reason."""
    noise = largest * np.finfo(float).eps
    why, hint = {
        "kink": (
            "the point lies on a kink, where any slope between those of the two sides is right.",
            "Move the point: points=3, or other random values.",
        ),
        "rounding": (
            f"an output of size {largest:.0e} is rounded to {noise:.0e}, so they are known to "
            f"{max(known):.0e} of a typical entry, and tol asks for {tol:g}.",
            "Subtract what is constant from the output; or return per-sample losses or un-reduced "
            "outputs, whose differences are taken before they are summed; or give a larger tol.",
        ),
        "rough": (
            f"differences at smaller and smaller steps settle to {max(known):.0e} only.",
            "Look for noise, an inner loop that stops early, or kinks that lie close together.",
        ),
    }[reason]
    words = f"{', '.join(counts)} could not be judged: {why}"
    evidence = {"reason": reason, "known": max(known)}
    return Finding("undecided", "inconclusive", "", words, evidence, hint)


def complex_safe(problem) -> bool:
    """True if the complex step works here and agrees with real differences."""
    try:
        return agrees_with_complex(problem)
    except (CallError, TypeError, ValueError):
        return False


def precision_notes(problem, y):
    """What the types say: cast to float64, or a check in low precision."""
    cast = [
        k for k in problem.wrt if problem.original_dtypes[k].itemsize < problem.inputs[k].itemsize
    ]
    notes = (
        [
            Finding(
                "cast-to-float64",
                "note",
                "",
                f"checked in float64: {', '.join(cast)} came in lower precision.",
                {},
                "dtype='as-is' checks in the type given.",
            )
        ]
        if cast
        else []
    )
    low = [
        str(a.dtype) for a in [y, *(problem.inputs[k] for k in problem.wrt)] if a.dtype.itemsize < 8
    ]
    if low:
        notes.append(
            Finding(
                "low-precision",
                "warn",
                "",
                f"forward works in {low[0]}, whose rounding hides errors up to a per cent.",
                {},
                "Run the check in float64.",
            )
        )
    return notes


def same(a, b) -> bool:
    """Bitwise equality, NaN included."""
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def difference(y, z):
    """max |y - z|, or None where the shapes differ."""
    return float(np.max(abs(y - z))) if y.shape == z.shape else None


def unique(findings):
    """Each (code, param) once, the first kept."""
    kept: dict = {}
    for f in findings:
        kept.setdefault((f.code, f.param, f.message), f)
    return list(kept.values())
