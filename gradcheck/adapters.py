"""From what users have (pairs, losses, modules) to a Problem."""

import inspect
from functools import partial

import numpy as np

from .arrays import as_numpy, is_array
from .errors import CallError, DTypeError, InputError
from .problem import Problem, positional_count
from .refuse import refuse_class

__all__ = ["loss_problem", "vjp_problem"]


def vjp_problem(forward, backward, inputs, *, wrt=None, name=None, **options) -> Problem:
    """forward(**inputs) -> (out, cache) and backward(dout, cache) -> dict, tuple or array.

    inputs: a dict, or a tuple in the order of forward's arguments.  out may be a tuple of
    arrays, or forward may return (out1, out2, cache); backward then
    takes (douts, cache) or (d1, d2, cache).

    >>> square = vjp_problem(lambda x: (x * x, x), lambda d, x: 2 * x * d, (np.array([3.0]),))
    >>> square.gradients(np.array([1.0]))["x"].tolist()
    [6.0]
    """
    for f in (forward, backward):
        refuse_class(f, "check_vjp", "functions forward and backward")
    inputs = named_inputs(forward, inputs)
    spread = takes_keywords(forward, inputs)

    def call(values):
        result = forward(**values) if spread else forward(*values.values())
        return split_cache(result, name or title(forward))

    def pull(d, cache):
        many = isinstance(d, tuple) and positional_count(backward) == len(d) + 1
        return backward(*d, cache) if many else backward(d, cache)

    lanes = options.pop("lanes", getattr(forward, "batch_independent", False))
    return Problem(
        call,
        pull,
        inputs,
        wrt=(wrt,) if isinstance(wrt, str) else wrt,
        name=name or title(backward),
        lanes=int(lanes),
        **options,
    )


def loss_problem(loss, params, grads=None, *, names=None, name=None, reduction="mean", **options):
    """loss(params) or loss(): a scalar or a per-sample vector, alone or as (loss, gradients).

    params: an array, or a list or dict of arrays; loss gets the same structure back, or one
    argument per array if it takes that many; branches takes what loss takes.  A loss() without
    arguments reads the arrays it closes over: they are set in place, and restored.
    grads: arrays, a function like loss, or None when loss returns them.
    reduction: what a vector of losses is reduced by ("mean" or "sum").
    """
    if reduction not in ("mean", "sum"):
        raise InputError(f"gradcheck needs reduction='mean' or 'sum', got {reduction!r}.")
    refuse_class(loss, "gradcheck", "a function loss")
    arrays = named_params(params, names)
    closed = positional_count(loss) == 0
    ask = in_place(arrays) if closed else by_structure(loss, params, arrays)

    def call(values):
        result = ask(loss, values)
        if grads is None and isinstance(result, (tuple, list)) and len(result) == 2:
            return result[0], Later(result[1], values)
        return result, Later(grads, values)

    def pull(d, cache):
        raw, values = cache.grads, cache.values
        if callable(raw):
            problem.start_randomness()  # grads runs a forward of its own
            raw = ask(raw, values)
        if raw is None:
            raise CallError("no gradients: loss must return (loss, gradients), or give grads=")
        return scaled(raw, float(d)) if np.ndim(d) == 0 else raw

    def pattern(cache):
        return ask(branches, cache.values)

    given = dict(arrays)
    options.setdefault("dtype", "float64")
    branches = options.pop("branches", None)
    if closed:
        options["dtype"] = "as-is"  # the closure's own arrays cannot be cast
    problem = Problem(
        call,
        pull,
        given,
        wrt=tuple(given),
        name=name or title(loss),
        weights=reduction,
        branches=pattern if branches else None,
        value=None if grads is None else partial(ask, loss),
        **options,
    )
    return problem


def named_inputs(forward, inputs) -> dict:
    """Inputs as a dict; a tuple takes its names from forward's signature."""
    if isinstance(inputs, dict):
        return dict(inputs)
    if is_array(inputs):
        inputs = (inputs,)
    if not isinstance(inputs, (tuple, list)):
        raise DTypeError(
            f"gradcheck needs inputs as a dict or a tuple of arrays, "
            f"got {type(inputs).__name__}. Turn generators into a tuple first."
        )
    names = argument_names(forward) or []
    names += [f"input{i}" for i in range(len(names), len(inputs))]
    return dict(zip(names, inputs, strict=False))


def named_params(params, names) -> dict:
    """Parameters as a dict of arrays by name."""
    if isinstance(params, dict):
        arrays = params
    elif is_array(params):
        arrays = {(names or ["params"])[0]: params}
    elif isinstance(params, (list, tuple)):
        names = list(names or (f"params[{i}]" for i in range(len(params))))
        if len(names) != len(params):
            raise InputError(
                f"gradcheck needs one name per array: {len(names)} names for {len(params)} arrays."
            )
        arrays = dict(zip(names, params, strict=True))
    else:
        raise DTypeError(
            f"gradcheck needs params as an array, or a list or dict of arrays, "
            f"got {type(params).__name__}. Turn generators into a list first."
        )
    return {str(k): v if is_array(v) else frozen(v) for k, v in arrays.items()}


def frozen(v):
    """A list as an array; read-only, since writing into it would not reach the caller's list."""
    array = as_numpy(v).copy()
    array.flags.writeable = False
    return array


class Later:
    """The cache of a loss: what its gradients are made from (not the user's own cache)."""

    __slots__ = ("grads", "values")

    def __init__(self, grads, values):
        self.grads, self.values = grads, values


def in_place(arrays):
    """ask(f, values): f() with values written into the caller's own arrays, which are restored."""
    fixed = [k for k, a in arrays.items() if not (isinstance(a, np.ndarray) and a.flags.writeable)]
    if fixed:
        raise InputError(
            f"loss() without arguments needs writable NumPy arrays, but {fixed} "
            "are not. Let loss take the parameters: loss(params)."
        )

    def ask(f, values):
        saved = {k: a.copy() for k, a in arrays.items()}
        try:
            for k, a in arrays.items():
                a[...] = values[k]
            return f() if positional_count(f) == 0 else f(arrays)
        finally:
            for k, a in arrays.items():
                if not np.array_equal(a, values[k], equal_nan=True):
                    values[k][...] = a  # a loss that edits its parameters must look so outside too
                a[...] = saved[k]

    return ask


def by_structure(loss, params, arrays):
    """ask(f, values): f with the values in the structure that the parameters came in."""
    if not is_array(params) and positional_count(loss) == len(arrays) > 1:
        return lambda f, values: f(*values.values())
    if isinstance(params, dict):
        named = all(isinstance(k, str) for k in params)
        back = dict if named else lambda v: dict(zip(params, v.values(), strict=True))
        return lambda f, values: f(back(values))
    if is_array(params):
        return lambda f, values: f(*values.values())
    return lambda f, values: f(type(params)(values.values()))


def split_cache(result, name):
    """(outputs, cache) from what a forward returned: the last item is the cache."""
    if not isinstance(result, (tuple, list)) or len(result) < 2:
        raise CallError(f"{name}: forward must return (out, cache), got {type(result).__name__}.")
    *outs, cache = result
    return (outs[0] if len(outs) == 1 else tuple(outs)), cache


def scaled(raw, d):
    """d times gradients in any structure; None stays None."""
    if d == 1:
        return raw
    if isinstance(raw, dict):
        return {k: scaled(v, d) for k, v in raw.items()}
    if isinstance(raw, (list, tuple)):
        return [scaled(v, d) for v in raw]
    return None if raw is None else d * as_numpy(raw)


def argument_names(f):
    """Names of f's positional arguments, or None."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return None
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def takes_keywords(f, inputs) -> bool:
    """True when every input's name is an argument of f (or f takes **kwargs)."""
    try:
        inspect.signature(f).bind(**inputs)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def title(f) -> str:
    """A function's or a class's own name."""
    return getattr(f, "__name__", None) or type(f).__name__
