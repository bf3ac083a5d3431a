"""What a forward promises: its formula, the averages it stores, and that its blanks are filled."""

import copy
import re

import numpy as np

from .compare import difference, matches
from .conventions import MOMENTUM_OF_NEW, conventions
from .subject import outputs

__all__ = ["forward_complaint", "state_complaint", "unfilled_loss"]


def forward_complaint(subject, values, y):
    """(what is wrong or None, the convention that the output follows)."""
    spec = subject.spec
    if spec.complaint:
        def run(other):
            return subject.run(copy.deepcopy(other))[0]

        return spec.complaint(values, y, run, subject.target.docstring)
    if spec.formula is None:
        return None, ""
    expected = compute(spec.formula, spec, values)
    if isinstance(expected, dict):
        fitting = [name for name, value in expected.items() if matches(y, value)]
        if not fitting:
            return difference(y, next(iter(expected.values()))), ""
        return None, fitting[0] if len(fitting) == 1 else ""
    if fits(y, expected):
        return None, ""
    found = [c for c in conventions(spec.key) if fits(y, compute(c.formula, spec, values))]
    if found and found[0].accepted(subject.target.docstrings):
        return None, found[0].name
    pairs = zip(outputs(y), outputs(expected), strict=True)
    complaint = next(difference(*pair) for pair in pairs if not matches(*pair))
    return "; consistent with: ".join([complaint, *(c.name for c in found)]), ""


def compute(formula, spec, values):
    """What a formula gives for the arguments of a Spec, which it may not change."""
    return formula(*(copy.deepcopy(values[name]) for name in spec.args))


def fits(y, expected):
    """True if every output is what a formula gives."""
    return all(map(matches, outputs(y), outputs(expected)))


def state_complaint(subject, values, used):
    """What is wrong with the averages that a forward promised to update in its settings.

    momentum weighs the old average, or the new batch where a docstring says so.
    """
    spec = subject.spec
    settings, given = used[spec.args[-1]], dict(values)
    if spec.state and re.search(MOMENTUM_OF_NEW, subject.target.docstrings.lower()):
        momentum = values[spec.args[-1]].get("momentum", 0.1)
        given[spec.args[-1]] = values[spec.args[-1]] | {"momentum": 1 - momentum}
    promises = spec.state(*(given[name] for name in spec.args)) if spec.state else {}
    for key, accepted in promises.items():
        if settings.get(key) is None:
            return f"{key} is not stored in {spec.args[-1]}"
        if not any(matches(settings[key], value) for value in accepted):
            return f"{key}: {difference(settings[key], accepted[0])}"
    return None


def unfilled_loss(subject, loss, gradient):
    """A reason if the blanks of a loss function were never filled in."""
    name, blank = subject.target.forward, subject.target.templates
    if gradient is None:
        return f"{name} returns None for the gradient"
    if blank and not np.any(np.asarray(gradient)):
        loss_too = "loss and gradient are" if not np.any(loss) else "the gradient is"
        return f"{name}: {loss_too} still zero"
    return None
