"""The plan of a check: contract, numeric reference, verdict per parameter, then the reasons."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .arrays import as_numpy
from .conclude import conclude, failed, merge
from .errors import InputError
from .evidence import reasons, unexplained, worst_sweeps
from .judge import judge, look
from .numeric import METHODS, Probe
from .points import degenerate, points
from .problem import Problem
from .remarks import (
    complex_safe,
    first_calls,
    influence,
    precision_notes,
    tiny,
    undecided,
    unique,
    unusable,
)
from .report import Finding, ParamResult, Report, worst_status
from .sampling import choose
from .tolerance import norm
from .why import contract, probe

__all__ = ["Options", "run"]


@dataclass(frozen=True)
class Options:
    """The shared keyword options of every check; see `gradcheck.check_vjp` for their meaning."""

    tol: float = 1e-7
    method: str = "auto"
    step: float | None = None
    mode: str = "auto"
    samples_per_param: int = 20
    directions: int = 3
    budget: int | None = None
    upstream: Any = "random"
    kinks: str = "resolve"
    contract: bool = True
    diagnose: bool = True
    probe: bool = True
    points: Any = 1
    burn_in: Any = None
    rng: Any = 0

    def __post_init__(self):
        choices = {
            "method": METHODS,
            "mode": ("auto", "all", "sample", "directions"),
            "kinks": ("resolve", "error", "ignore"),
        }
        for key, allowed in choices.items():
            if getattr(self, key) not in allowed:
                raise InputError(
                    f"gradcheck needs {key} to be one of {', '.join(allowed)}; "
                    f"got {getattr(self, key)!r}."
                )
        if not 0 < self.tol < 1:
            raise InputError(f"gradcheck needs 0 < tol < 1, got {self.tol!r}.")
        if self.samples_per_param < 1 or self.directions < 0:
            raise InputError("gradcheck needs samples_per_param >= 1 and directions >= 0.")
        if self.mode == "directions" and not self.directions:
            raise InputError("gradcheck needs directions >= 1 in mode='directions', got 0.")


def run(problem: Problem, options: Options) -> Report:
    """Check one Problem; random states are given back whatever happens."""
    start = time.perf_counter()
    with problem.preserved(), np.errstate(all="ignore"):
        params, findings, sweeps = examine(problem, options, np.random.default_rng(options.rng))
    severities = [f.severity for f in findings if f.severity != "note"]
    status = worst_status([p.status for p in params.values()] + severities)
    return Report(
        problem.name,
        status,
        params,
        findings,
        settings(options),
        problem.nfev,
        problem.nbev,
        time.perf_counter() - start,
        options.rng,
        sweeps,
    )


def examine(problem, options, rng):
    """({name: ParamResult}, findings, {name: Sweep of its worst entry})."""
    y, stop = first_calls(problem)
    if stop:
        return {}, [stop], {}
    findings = precision_notes(problem, y) + (
        contract.run(problem, rng) if options.contract else []
    )
    options = complex_or_auto(problem, options, findings)
    d = problem.upstream(y.shape, rng, options.upstream)
    params: dict[str, ParamResult] = {}
    for values in points(problem, options, d, rng):
        grads = problem.gradients(d, values)
        found, notes = measure(problem, values, grads, d, options, rng)
        said = {f.param for f in findings if f.severity == "fail"}
        notes = [f for f in notes if f.param not in said]  # the contract has named it already
        params = {k: merge(params.get(k), p) for k, p in found.items()}
        findings += notes + degenerate(problem, values, grads)
    findings += influence(params) + tiny(params)
    sweeps = worst_sweeps(problem, d, params) if options.diagnose else {}
    if options.diagnose:
        findings += reasons(problem, params, options, rng)
        findings += unexplained(params, findings)
    findings += undecided(params, y, options.tol)
    if options.probe and not problem.scalar and all(p.status != "fail" for p in params.values()):
        findings += probe.run(problem, problem.inputs, rng)
    return params, unique(findings), sweeps


def measure(problem, values, grads, d, options, rng):
    """({name: ParamResult}, findings) at one point: all first differences, then all verdicts."""
    measured, findings = {}, []
    for done, name in enumerate(problem.wrt):
        bad = unusable(grads.get(name), values[name], name)
        if bad:
            findings.append(bad)
            continue
        a = np.asarray(as_numpy(grads[name]), dtype=float)
        share = None
        if options.budget is not None:
            share = max(0, options.budget - problem.nfev) // (len(problem.wrt) - done)
        plan = choose(a, options, share, rng)
        measured[name] = look_at(a, Probe(problem, values, name, [d]), plan, options)
    say = lambda k: verdict(k, *measured[k], options) if k in measured else failed(k, values[k])
    return {name: say(name) for name in problem.wrt}, findings


def look_at(a, line_probe, plan, options):
    """(a, its length, directions, entries) of one parameter; the last two as Verdicts, or None."""
    size, directions, entries = norm(a), None, None
    if len(V := plan.directions):
        slopes = V.reshape(len(V), -1) @ a.ravel()
        places = ["direction"] * len(V), range(len(V))
        directions = look(line_probe, V, slopes, places, options, scale=size, norm=size)
    if len(k := plan.entries):
        places = np.unravel_index(k, a.shape) if a.ndim else ()
        typical = size / a.size**0.5
        entries = look(line_probe, k, a.ravel()[k], places, options, scale=typical, norm=size)
    return a, size, directions, entries


def verdict(name, a, size, directions, entries, options) -> ParamResult:
    """The verdict on one parameter; there is nothing wrong with an empty one."""
    if a.size == 0:
        return ParamResult(name, a.shape, "pass", 0.0, 0.0, 0, 0)
    slopes, judged = (judge(lines, options) if lines else () for lines in (directions, entries))
    return conclude(name, a, size, slopes, judged, entries.lines if entries else ())


def complex_or_auto(problem, options, findings):
    """method="complex" only for a forward that proves fit for it (opt-in, probed)."""
    if options.method != "complex" or complex_safe(problem):
        return options
    findings.append(
        Finding(
            "complex-unsafe",
            "warn",
            "",
            "the forward does not work on complex numbers (an abs, a cast, a "
            "maximum or a conjugate); real differences were used instead.",
            {},
            "Leave method='auto'.",
        )
    )
    return replace(options, method="auto")


def settings(options) -> dict:
    """Options worth printing."""
    return {
        k: v for k, v in vars(options).items() if not isinstance(v, np.ndarray) and k != "rng"
    }
