"""What a forward promises: its formula, the averages it stores, and that its blanks are filled."""

import copy

import numpy as np

from .compare import difference, matches
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
    expected = spec.formula(*(copy.deepcopy(values[name]) for name in spec.args))
    if isinstance(expected, dict):
        fitting = [name for name, value in expected.items() if matches(y, value)]
        if not fitting:
            return difference(y, next(iter(expected.values()))), ""
        return None, fitting[0] if len(fitting) == 1 else ""
    for got, wanted in zip(outputs(y), outputs(expected), strict=True):
        if not matches(got, wanted):
            return difference(got, wanted), ""
    return None, ""


def state_complaint(spec, values, used):
    """What is wrong with the averages that a forward promised to update in its settings."""
    promises = spec.state(*(values[name] for name in spec.args)) if spec.state else {}
    settings = used[spec.args[-1]]
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
