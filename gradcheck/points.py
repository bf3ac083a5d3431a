"""Where to check: at the given point, at others beside it, and after some steps of training."""

import numpy as np

from .arrays import as_numpy, real_copy
from .errors import InputError
from .problem import copies
from .report import Finding
from .tolerance import norm

__all__ = ["burned_in", "degenerate", "points"]


def points(problem, options, d, rng):
    """Values at the point itself, at `points`, and after `burn_in`."""
    yield problem.inputs
    if isinstance(options.points, int):
        yield from (beside(problem, rng) for _ in range(options.points - 1))
    else:
        yield from (at(problem, values) for values in options.points)
    if options.burn_in:
        yield burned_in(problem, options.burn_in, d)


def beside(problem, rng) -> dict:
    """A random point: every checked array moved by half its own scale."""
    values = copies(problem.inputs)
    for name in problem.wrt:
        x = values[name]
        scale = norm(x) / x.size**0.5 if np.any(x) else 1.0
        x += 0.5 * scale * rng.standard_normal(x.shape)
    return values


def at(problem, given) -> dict:
    """A point given by the user: a dict of some arrays, or the one array there is."""
    given = given if isinstance(given, dict) else {problem.wrt[0]: given}
    unknown = set(given) - set(problem.wrt)
    if unknown:
        raise InputError(
            f"{problem.name}: points name {sorted(unknown)}, checked are {problem.wrt}."
        )
    return copies(problem.inputs) | {k: real_copy(v, k, problem.dtype) for k, v in given.items()}


def burned_in(problem, count, d) -> dict:
    """Values after `count` steps of gradient descent on a copy, or a fall of the loss by 5 %.

    A callable gets a copy of the values and returns (or edits) them.
    """
    values = copies(problem.inputs)
    if callable(count):
        return at(problem, count(values) or values)
    if not problem.scalar:
        raise InputError(
            f"{problem.name}: burn_in={count} needs a loss to go down. "
            "For a forward/backward pair give burn_in a function of the values."
        )
    loss = lambda v: float(np.sum(problem.evaluate(v) * d))
    start = loss(values)
    rate = first_rate(problem, values, d)
    for _ in range(count):
        values, rate = descend(problem, values, d, loss, rate)
        if loss(values) <= start - 0.05 * abs(start):
            break
    return values


def first_rate(problem, values, d) -> float:
    """A step that moves the parameters by about a tenth of a unit."""
    grads = problem.gradients(d, values)
    size = norm([norm(as_numpy(grads[k])) for k in problem.wrt if grads[k] is not None])
    return 0.1 / size if np.isfinite(size) and size > 0 else 1.0


def descend(problem, values, d, loss, rate):
    """x <- x - rate g, the rate halved while the loss does not fall (at most 8 times)."""
    grads, before = problem.gradients(d, values), loss(values)
    for _ in range(8):
        moved = values | {
            k: values[k] - rate * as_numpy(grads[k]) for k in problem.wrt if grads[k] is not None
        }
        if loss(moved) < before:
            return moved, 1.5 * rate
        rate /= 2
    return moved, rate


def degenerate(problem, values, grads):
    """GC-G11: a point so symmetric that a wrong gradient may look right."""
    flat = [
        k
        for k in problem.wrt
        if values[k].ndim > 1 and values[k].size > 1 and (values[k] == values[k].flat[0]).all()
    ]
    if not flat:
        return []
    return [
        Finding(
            "degenerate-point",
            "warn",
            "",
            f"all entries of {', '.join(flat)} are equal here, "
            "which hides errors that a typical point shows.",
            {"params": flat},
            "Check at random values too: points=3, or burn_in=20 for a loss.",
        )
    ]
