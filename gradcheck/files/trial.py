"""Try someone's function case by case: forward against its formula, backward by check_vjp.

An outcome is a dict with the case, whether it is a main one, a text and a kind: started, ok,
inconclusive, unsafe (right numbers, but the caller's arrays or a second call suffer), backward,
forward, raises, unimplemented.
"""

import copy
import traceback
from pathlib import Path

import numpy as np

from ..checks import check_vjp
from ..errors import CallError
from ..report import Report
from .catalogue import FORM_NAMES, Case
from .compare import TOLERANCE, difference, matches
from .loading import describe
from .promises import forward_complaint, state_complaint, unfilled_loss
from .subject import BadResult, Subject, Unfilled, outputs

__all__ = ["ALONE", "read_report", "trial"]

ALONE = "the gradient alone: no formula is known for the forward"

# findings about memory and repetition: the numbers are right, the use is not safe
UNSAFE = {
    "accumulates", "aliases", "backward-not-repeatable", "cache-consumed", "cache-modified",
    "mutates-input", "mutates-parameter", "mutates-upstream", "shared-cache",
}  # fmt: skip


def trial(target, names, spec, seed=0, budget=None, probe=False):
    """Yield the outcome of each case of a target."""
    subject = Subject(target, names, spec)
    form = pick_form(subject, seed)
    cases = [c for c in spec.cases if "reshape" not in target.variants or tiles(c)]
    for number, case in enumerate(cases):
        yield {"case": case.title, "main": case.main, "kind": "started", "text": ""}
        values = spec.build(np.random.default_rng(seed), **case.options, **form)
        outcome = guarded(subject, case, judge_case, values, seed, budget, probe)
        layout = FORM_NAMES.get(next(iter(form), ""), "")
        yield {**outcome, "convention": outcome.get("convention") or layout}
        if number == 0 and outcome["kind"] in {"ok", "inconclusive"} and target.kind != "forward":
            other = spec.build(np.random.default_rng(seed + 1), **case.options, **form)
            yield guarded(subject, Case("another call in between"), judge_memory, values, other)
            for title, change in LAYOUTS.items():
                yield guarded(subject, Case(title), judge_layout, values, change)


def pick_form(subject, seed):
    """The first of the equivalent layouts that the functions take; else the first."""
    forms = subject.spec.forms
    return next((f for f in forms[1:] and forms if fits(subject, f, seed)), forms[0])


def fits(subject, form, seed):
    """True if output and shapes of the gradients are right in a layout."""
    spec = subject.spec
    values = spec.build(np.random.default_rng(seed), **spec.cases[0].options, **form)
    try:
        found = evaluate(subject, values)
        y, _ = subject.run(copy.deepcopy(values))
        shapes = all(found["d" + name].shape == np.shape(values[name]) for name in spec.grads)
        return shapes and forward_complaint(subject, values, y)[0] is None
    except Exception:
        return False


def guarded(subject, case, judge_one, *args):
    """The outcome of a case, exceptions included."""
    target = subject.target
    outcome = {"case": case.title, "main": case.main, "hint": case.hint, "kind": "ok", "text": ""}
    try:
        return outcome | judge_one(subject, case, *args)
    except (Unfilled, NotImplementedError) as error:
        text = str(error) or "raises NotImplementedError"
        return outcome | {"kind": "unimplemented", "text": text}
    except BadResult as error:
        return outcome | {"kind": error.side, "text": str(error)}
    except (Exception, SystemExit) as error:
        if is_ours(error, subject.path):
            text = f"gradcheck itself failed: {describe(error, subject.path)}"
            return outcome | {"kind": "inconclusive", "main": True, "text": text}
        text = describe(error, subject.path, missing=subject.missing)
        unfilled = target.templates and "'NoneType'" in str(error)
        return outcome | {"kind": "unimplemented" if unfilled else "raises", "text": text}


def is_ours(error, path):
    """True for an exception that did not pass through the file, nor comes from calling it."""
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [file.stem for file in files if Path(__file__).parents[1] in file.parents]
    theirs = isinstance(error, CallError) or Path(path) in files
    return not theirs and ours[-1:] != ["subject"]


def judge_case(subject, case, values, seed, budget, probe):
    """Forward against its formula, then backward against differences of the forward."""
    used = copy.deepcopy(values)
    y, cache = subject.run(used)
    complaint, convention = forward_complaint(subject, values, y)
    complaint = complaint or state_complaint(subject, values, used)
    blank = subject.target.kind == "loss" and unfilled_loss(subject, y, cache)
    if blank:
        return {"kind": "unimplemented", "text": blank}
    judged = subject.spec.formula or subject.spec.complaint
    convention = convention if judged else ALONE
    found = {"kind": "ok", "text": "", "convention": convention}
    if complaint:
        found = {"kind": "forward", "text": f"forward: {complaint}"}
    finite = all(np.all(np.isfinite(out)) for out in outputs(y))
    if subject.target.kind == "forward" or not case.backward or (complaint and not finite):
        return found
    report = check(subject, values, y, cache, seed, budget, probe)
    if complaint:
        agrees = "agrees" if report.ok else "does not agree"
        found["text"] += f" (the backward {agrees} with this forward)"
        return found | {"report": report.to_dict()}
    return found | read_report(report)


def check(subject, values, y, cache, seed, budget, probe) -> Report:
    """check_vjp on one set of inputs; the backward is called once before, so that what it raises
    keeps its own traceback."""
    upstream = [np.random.default_rng(seed).standard_normal(np.shape(out)) for out in outputs(y)]
    subject.pull(tuple(upstream) if isinstance(y, tuple) else upstream[0], cache)

    def forward(**named):
        return subject.run(named)

    def backward(*d_and_cache):
        *d, cache = d_and_cache
        d = d[0] if len(d) == 1 else tuple(d)
        return subject.pull(d, cache)

    options = {} if budget is None else {"budget": budget}
    return check_vjp(
        forward, backward, values, wrt=subject.spec.grads, name=subject.target.title,
        tol=TOLERANCE, rng=seed, probe=probe, **options,
    )  # fmt: skip


def read_report(report: Report) -> dict:
    """Kind and text of a Report: what an outcome takes from it.

    >>> read_report(Report("f", "pass", {}, []))["error"]
    0.0
    """
    worst = [p for p in report.params.values() if p.status == "fail"]
    failed = [f for f in report.findings if f.severity == "fail"]
    found = {"report": report.to_dict(), "full": str(report)}
    unsafe = [f for f in failed if f.code in UNSAFE]
    if report.ok:
        return found | {"error": worst_error(report)}
    if report.status == "inconclusive":
        return found | {"kind": "inconclusive", "text": first_message(report.findings)}
    if not worst and len(unsafe) == len(failed):
        return found | {"kind": "unsafe", "text": first_message(unsafe)}
    names = ", ".join(f"d{p.name}" for p in worst)
    rights = ", ".join(f"d{p.name}" for p in report.params.values() if p.status == "pass")
    text = f"{names} wrong" + (f", {rights} right" if rights else "") if names else ""
    message = first_message(failed or report.findings)
    return found | {"kind": "backward", "text": ": ".join(filter(None, [text, message]))}


def worst_error(report):
    """The largest relative error; where nothing flows there is none."""
    flowing = [p for p in report.params.values() if p.band != "no influence"]
    return max((float(p.norm_rel) for p in flowing), default=0.0)


def first_message(findings):
    """What the first finding says, or nothing."""
    return findings[0].message if findings else ""


def tiles(case):
    """True if pooling windows do not overlap and are square."""
    window, stride = case.options.get("window", (2, 2)), case.options.get("stride", 2)
    return window == (stride, stride)


# memory layouts and precision: the same numbers must come out


def strided(x):
    """The same array, not contiguous in memory."""
    return np.stack([x, x], -1)[..., 0] if isinstance(x, np.ndarray) and x.ndim else x


def single(x):
    """The same array in float32."""
    is_float = isinstance(x, np.ndarray) and x.dtype == np.float64
    return x.astype(np.float32) if is_float else x


LAYOUTS = {"non-contiguous arrays": strided, "float32 arrays": single}


def judge_layout(subject, case, values, change):
    """Output and gradients after a change of layout, against those before it."""
    tol = 1e-3 if change is single else 1e-9
    return changed(evaluate(subject, values), evaluate(subject, values, change), tol)


def judge_memory(subject, case, values, other):
    """Gradients from the first cache after a forward on other values, against those before it."""
    between = lambda: subject.run(copy.deepcopy(other))
    found = changed(evaluate(subject, values), evaluate(subject, values, between=between), 1e-9)
    return found and found | {
        "kind": "unsafe",
        "hint": "all that the backward needs must be in its cache, not in a global or a buffer",
    }


def changed(before, after, tol):
    """What differs between two evaluations."""
    largest = max(np.abs(value).max(initial=0.0) for value in before.values())
    for name in before:
        # a gradient far below all else may be a zero, and its digits rounding
        if not matches(after[name], before[name], tol, floor=1e-3 * largest):
            side = "forward" if name.startswith("output") else "backward"
            text = difference(after[name], before[name]).replace("the formula", "before")
            return {"kind": side, "text": f"{name}: {text}"}
    return {}


def evaluate(subject, values, change=lambda x: x, between=lambda: None):
    """Outputs and gradients for a fixed upstream, by name."""
    y, cache = subject.run(copy.deepcopy({k: change(v) for k, v in values.items()}))
    found = {f"output {i}": np.array(out) for i, out in enumerate(outputs(y))}
    between()
    rng = np.random.default_rng(1)
    upstream = tuple(change(rng.standard_normal(np.shape(out))) for out in outputs(y))
    grads = subject.pull(upstream if isinstance(y, tuple) else upstream[0], cache)
    return found | {f"d{name}": np.array(g) for name, g in grads.items()}
