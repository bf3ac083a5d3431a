"""From tensors that hold their own gradients (.data, .grad, loss.backward()) to a Problem."""

import contextlib

import numpy as np

from .arrays import as_numpy
from .errors import CallError
from .problem import Problem
from .refuse import refuse_class
from .signature import positional_count, title
from .structure import by_name, by_place, by_structure, scaled

__all__ = ["are_tensors", "tensor_problem"]


def are_tensors(params) -> bool:
    """True if everything to be checked carries .data and .grad, as torch's and minnet's leaves and
    those of many a home-made engine do; tensors that ask for no gradient count as plain arrays."""
    many = params.values() if isinstance(params, dict) else params
    many = many if isinstance(params, (dict, list, tuple)) else [params]
    return bool(many) and all(is_leaf(t) for t in many)


def is_leaf(t) -> bool:
    """True for one such tensor."""
    held = hasattr(t, "data") and hasattr(t, "grad") and not isinstance(t, np.ndarray)
    return held and bool(getattr(t, "requires_grad", True))


def tensor_problem(loss, params, *, names=None, name=None, reduction="mean", **options) -> Problem:
    """loss(params), loss(*params) or loss() gives one number with backward(), which adds to .grad.

    params: a tensor, or a list or dict of them.  Their data, gradients and requires_grad are as
    before after every call.  reduction: unused, a loss is one number here.
    """
    refuse_class(loss, "gradcheck", "a function loss")
    params = params if isinstance(params, (dict, list, tuple)) else Single([params])
    tensors = by_name(params, names or (["params"] if isinstance(params, Single) else None))
    ask = caller(loss, params, tensors)
    at = lambda values: held_at(tensors, values)

    def call(values):
        with at(values):
            return one_number(ask(loss, tensors), name or title(loss)), values

    def pull(d, values):
        with at(values):
            ask(loss, tensors).backward()
            return scaled({k: gradient(t) for k, t in tensors.items()}, float(np.sum(d)))

    def prefilled(d, noise):
        with at(problem.inputs):
            ask(loss, tensors).backward()  # now every buffer exists, of the type that it has
            for k, g in noise.items():
                fill(tensors[k], g)
            ask(loss, tensors).backward()
            return {k: gradient(tensors[k]) for k in noise}

    def alone(values):
        with at(values), asking_for_nothing(tensors):
            return one_number(ask(loss, tensors), problem.name)

    given = {k: as_numpy(t.data) for k, t in tensors.items()}
    flagged = all(hasattr(t, "requires_grad") for t in tensors.values())
    problem = Problem(
        call,
        pull,
        given,
        wrt=tuple(given),
        name=name or title(loss),
        weights=reduction,
        prefilled=prefilled,
        alone=alone if flagged else None,
        **options,
    )
    return problem


class Single(list):
    """The one tensor that was given by itself."""


def caller(loss, params, tensors):
    """ask(f, tensors): f with the tensors as it wants them."""
    if positional_count(loss) == 0:
        return lambda f, ts: f()
    if isinstance(params, Single):
        return by_place
    bind = by_structure(loss, params, tensors)
    return lambda f, ts: bind(f)(ts)


@contextlib.contextmanager
def held_at(tensors, values):
    """The tensors with these values and no gradients; afterwards with their own again."""
    before = {k: (t.data, as_numpy(t.data).copy(), t.grad) for k, t in tensors.items()}
    try:
        for k, t in tensors.items():
            t.data, t.grad = like(t.data, values[k]), blank(t.grad)
        yield
    finally:
        for k, (data, numbers, grad) in before.items():
            if not np.array_equal(as_numpy(data), numbers, equal_nan=True):
                data[...] = like(data, numbers)  # the tensor had let its own array be written
            tensors[k].data, tensors[k].grad = data, grad


@contextlib.contextmanager
def asking_for_nothing(tensors):
    """The tensors with requires_grad off."""
    try:
        for t in tensors.values():
            t.requires_grad = False
        yield
    finally:
        for t in tensors.values():
            t.requires_grad = True


def like(old, new):
    """An array of numbers as what `old` is: a framework's tensor, an array, or a plain number."""
    if hasattr(old, "new_tensor"):  # torch's; new_tensor keeps the precision of its owner
        return (old.double() if new.dtype == float else old).new_tensor(new)
    return float(new) if isinstance(old, (int, float)) else np.array(new)


def blank(grad):
    """What a gradient is before the first backward: None, or zeros where it was never None."""
    return np.zeros_like(grad)[()] if isinstance(grad, (int, float, np.ndarray)) else None


def gradient(t):
    """A tensor's gradient as an array, or None."""
    plain = t.grad is None or isinstance(t.grad, (int, float, np.ndarray))
    return t.grad if plain else as_numpy(t.grad.data)


def fill(t, numbers):
    """Put numbers into the gradient of a tensor."""
    if t.grad is None:
        return
    if isinstance(t.grad, (int, float, np.ndarray)):
        t.grad = like(t.grad, numbers)
    else:
        t.grad.data = like(t.grad.data, numbers)


def one_number(y, name) -> np.ndarray:
    """The value of a loss."""
    value = as_numpy(y.data if hasattr(y, "data") and hasattr(y, "backward") else y)
    if value.size != 1 or not hasattr(y, "backward"):
        raise CallError(
            f"{name}: with tensors that hold their gradients loss must return one number with "
            f"backward(), got {type(y).__name__} of shape {value.shape}."
        )
    return np.array(value + 0.0)
