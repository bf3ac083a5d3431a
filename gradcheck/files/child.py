"""The process that executes one file and judges one target: `python -m gradcheck.files.child JOB`.

JOB is a JSON file that says what to check and where to write events, one JSON object a line:
{"line": n}, {"note": text}, {"outcome": {...}}, {"done": true}. The process may crash or hang at
any moment: `runner` reads what there is.
"""

import copy
import json
import sys
import warnings
from pathlib import Path

import numpy as np

from ..report import Report
from .catalogue import Case, Spec, lookup
from .discover import Target
from .instances import Unbuildable
from .layers import layer_functions
from .loading import describe, load, silence
from .nets import net_functions
from .reference import FORMULAS
from .rules import check_rule
from .subject import kind
from .trial import read_report, trial
from .updates import RULES

__all__ = ["main"]

BUILDERS = {"layer": layer_functions, "net": net_functions}
CHECKERS = {"layer": "check_module", "net": "check"}
NO_UPDATE = "no published update is known by this name"
NO_INPUTS = "no inputs are known for this name: add gradcheck_inputs(name) or --inputs FILE"


def given_specs(target, inputs_function):
    """The Specs of `gradcheck_inputs(name)`: a dict, a tuple, or a list of those; None: unknown."""
    given = inputs_function(target.name) if inputs_function else None
    if given is None:
        return None
    sets = given if isinstance(given, list) else [given]
    return [fixed_spec(target, values, i) for i, values in enumerate(sets)]


def fixed_spec(target, values, number):
    """A Spec with one case: the values that were given, by name or in order."""
    if not isinstance(values, dict):
        values = dict(zip(target.arguments, tuple(values), strict=False))
    grads = tuple(k for k, v in values.items() if np.asarray(v).dtype.kind == "f" and np.ndim(v))
    known = lookup(target)
    args = tuple(name for name in target.arguments if name in values)
    return Spec(
        args=args,
        grads=known.grads if known and set(known.grads) <= set(values) else grads,
        build=lambda rng: copy.deepcopy(values),
        cases=(Case(f"given inputs {number + 1}", main=True),),
        formula=FORMULAS.get(target.key) if known and known.args == args else None,
        key=known.key if known else "",
        outputs=known.outputs if known else 1,
    )


def outcomes(target, names, job):
    """All outcomes of one target, from the catalogue or from given inputs."""
    seed, budget = job["seed"], job["budget"]
    if target.kind == "rule":
        if target.key not in RULES:
            yield {"case": "", "main": True, "kind": "inconclusive", "text": NO_UPDATE}
            return
        rule, rng = names[target.forward], np.random.default_rng(seed)
        yield from check_rule(rule, target.key, rng, docstrings=target.docstrings)
        return
    if target.kind in BUILDERS:
        yield from instances(target, names, seed, budget)
        return
    if target.kind == "report":
        yield read_own_report(names[target.forward]())
        return
    inputs = load(Path(job["inputs"])) if job["inputs"] else names
    known = lookup(target)
    specs = given_specs(target, inputs.get("gradcheck_inputs")) or ([known] if known else [])
    for spec in specs:
        yield from trial(target, names, spec, seed, budget, probe=spec is not known)
    if not specs:
        yield {"case": "", "main": True, "kind": "inconclusive", "text": NO_INPUTS}


def instances(target, names, seed, budget):
    """The outcomes of a class; one that cannot be built is not judged."""
    try:
        built = list(BUILDERS[target.kind](target, names[target.forward]))
    except Unbuildable as error:
        text = f"{error}: check an instance with gradcheck.{CHECKERS[target.kind]}"
        yield {"case": "", "main": True, "kind": "inconclusive", "text": text}
        return
    for functions, made, spec in built:
        yield from trial(functions, {**names, **made}, spec, seed, budget)
        if spec.unjudged:
            yield {"case": "", "main": True, "kind": "inconclusive", "text": spec.unjudged}


def read_own_report(report):
    """The outcome of a function that ran a check of its own."""
    outcome = {"case": "its own check", "main": True, "kind": "ok", "text": ""}
    if isinstance(report, Report):
        return outcome | read_report(report)
    return outcome | {"kind": "raises", "text": f"returned {kind(report)}, needs a Report"}


def main(job_file):
    """Do one job; every event is written and flushed before the next step."""
    job = json.loads(Path(job_file).read_text())
    path = Path(job["path"])
    with open(job["events"], "a") as events:

        def tell(**event):
            events.write(json.dumps(event) + "\n")
            events.flush()

        silence()
        warnings.simplefilter("ignore")
        np.seterr(all="ignore")
        target = Target(**{k: freeze(v) for k, v in job["target"].items()})
        names = load(path, job["skip"], tell)
        if target.forward not in names or (target.backward or target.forward) not in names:
            text = "its definition could not be executed: see the notes"
            tell(outcome={"case": "", "main": True, "kind": "raises", "text": text})
        else:
            run_guarded(target, names, job, tell)
        tell(done=True)


def run_guarded(target, names, job, tell):
    """Outcomes one by one; what escapes the cases (a rule that raises) becomes one more."""
    try:
        for outcome in outcomes(target, names, job):
            tell(outcome=outcome)
    except (Exception, SystemExit) as error:
        text = describe(error, job["path"], missing=names["__gradcheck_missing__"])
        blank = isinstance(error, NotImplementedError) or target.templates
        kind = "unimplemented" if blank else "raises"
        tell(outcome={"case": "", "main": True, "kind": kind, "text": text})


def freeze(value):
    """Lists as tuples, so that they can be compared and hashed."""
    return tuple(value) if isinstance(value, list) else value


if __name__ == "__main__":
    main(sys.argv[1])
