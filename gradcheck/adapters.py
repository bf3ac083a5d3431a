"""From what users have (pairs, losses, modules) to a Problem."""

import inspect
from functools import partial

import numpy as np

from .arrays import as_numpy, is_array
from .errors import CallError, DTypeError, InputError
from .problem import Problem, copies, positional_count
from .refuse import refuse_class

__all__ = ["loss_problem", "vjp_problem"]


def vjp_problem(
    forward, backward, inputs, *, wrt=None, name=None, value=None, **options
) -> Problem:
    """forward(**inputs) -> (out, cache) and backward(dout, cache) -> dict, tuple or array.

    inputs: a dict, or a tuple in the order of forward's arguments.  out may be a tuple of
    arrays, or forward may return (out1, out2, cache); backward then
    takes (douts, cache) or (d1, d2, cache).  A backward with an argument `grads` gets a dict of
    zero arrays by name, and adds to them; what it returns goes first.
    value(**inputs) -> out: the forward as it runs when no gradient is asked for.

    >>> square = vjp_problem(lambda x: (x * x, x), lambda d, x: 2 * x * d, (np.array([3.0]),))
    >>> square.gradients(np.array([1.0]))["x"].tolist()
    [6.0]
    """
    for f in (forward, backward):
        refuse_class(f, "check_vjp", "functions forward and backward")
    inputs = named_inputs(forward, inputs)
    ask = by_keywords if takes_keywords(forward, inputs) else by_place
    into = "grads" in (argument_names(backward) or [])
    problem: Problem
    seen: dict = {}  # the values of the last forward, whose shapes the gradients have

    def call(values):
        seen.update(values)
        return split_cache(ask(forward, values), name or title(forward))

    def pull(d, cache):
        if into:
            grads = {k: np.zeros_like(seen[k]) for k in problem.wrt}
            return grads | pull_into(d, cache, grads)
        return backward(*upstreams(d), cache)

    def upstreams(d):
        apart = isinstance(d, tuple) and positional_count(backward) == len(d) + 1 + into
        return d if apart else (d,)

    def pull_into(d, cache, grads):
        returned = backward(*upstreams(d), cache, grads=grads)
        named = {} if returned is None else problem.by_name(returned)
        return {k: g for k, g in named.items() if g is not None}

    def prefilled(d, noise):
        grads = copies(noise)
        returned = pull_into(problem.unpack(d), call(copies(problem.inputs))[1], grads)
        return {k: g for k, g in grads.items() if k not in returned}

    lanes = options.pop("lanes", getattr(forward, "batch_independent", False))
    problem = Problem(
        call,
        pull,
        inputs,
        wrt=(wrt,) if isinstance(wrt, str) else wrt,
        name=name or title(backward),
        lanes=int(lanes),
        alone=value and (lambda values: problem.pack(ask(value, values))),
        prefilled=prefilled if into else None,
        **options,
    )
    return problem


def by_keywords(f, values):
    """f(x=..., w=...)."""
    return f(**values)


def by_place(f, values):
    """f(..., ...)."""
    return f(*values.values())


def loss_problem(loss, params, grads=None, *, names=None, name=None, reduction="mean", **options):
    """loss(params) or loss(): a scalar or a per-sample vector, alone or as (loss, gradients).

    params: an array, or a list or dict of arrays; loss gets the same structure back, or one
    argument per array if it takes that many; branches takes what loss takes.  A loss() without
    arguments reads the arrays it closes over: they are set in place, and restored.
    grads: arrays, a function like loss, or None when loss returns them.  The function may return
    (loss, gradients): its loss is then compared with that of `loss`.
    reduction: what a vector of losses is reduced by ("mean" or "sum").
    """
    if reduction not in ("mean", "sum"):
        raise InputError(f"gradcheck needs reduction='mean' or 'sum', got {reduction!r}.")
    refuse_class(loss, "gradcheck", "a function loss")
    arrays = named_params(params, names)
    closed = positional_count(loss) == 0
    bind = in_place(arrays) if closed else by_structure(loss, params, arrays)
    ask = lambda f, values: bind(f)(values)

    def call(values):
        result = ask(loss, values)
        if grads is None and isinstance(result, (tuple, list)) and len(result) == 2:
            return result[0], Later(result[1], values)
        return result, Later(grads, values)

    def pull(d, cache):
        raw, values = cache.grads, cache.values
        if callable(raw):
            problem.start_randomness()  # grads runs a forward of its own
            raw = without_value(ask(raw, values), arrays)[1]
        if raw is None:
            raise CallError("no gradients: loss must return (loss, gradients), or give grads=")
        return scaled(raw, float(d)) if np.ndim(d) == 0 else raw

    def pattern(cache):
        return ask(branches, cache.values)

    def alone(values):
        value = without_value(ask(grads, values), arrays)[0]
        return None if value is None else problem.pack(value)

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
        value=None if grads is None else bind(loss),
        bare=None if grads is None else bare(loss, params),
        alone=alone if callable(grads) else None,
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


def without_value(raw, arrays):
    """(value or None, gradients) of what a function of gradients returned."""
    pair = isinstance(raw, (tuple, list)) and len(raw) == 2 and np.size(raw[0]) == 1
    if pair and (isinstance(raw[1], (dict, list, tuple)) or len(arrays) == 1):
        return raw
    return None, raw


def named_params(params, names) -> dict:
    """Parameters as a dict of arrays by name."""
    return {k: v if is_array(v) else frozen(v) for k, v in by_name(params, names).items()}


def by_name(params, names) -> dict:
    """Parameters as a dict by name, as they are."""
    if isinstance(params, dict):
        return {str(k): v for k, v in params.items()}
    if is_array(params):
        return {(names or ["params"])[0]: params}
    if isinstance(params, (list, tuple)):
        names = list(names or (f"params[{i}]" for i in range(len(params))))
        if len(names) != len(params):
            raise InputError(
                f"gradcheck needs one name per array: {len(names)} names for {len(params)} arrays."
            )
        return dict(zip(names, params, strict=True))
    raise DTypeError(
        f"gradcheck needs params as an array, or a list or dict of arrays, "
        f"got {type(params).__name__}. Turn generators into a list first."
    )


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
    """bind(f)(values): f() with values written into the caller's arrays, which are restored."""
    fixed = [k for k, a in arrays.items() if not (isinstance(a, np.ndarray) and a.flags.writeable)]
    if fixed:
        raise InputError(
            f"loss() without arguments needs writable NumPy arrays, but {fixed} "
            "are not. Let loss take the parameters: loss(params)."
        )

    def within(f, values):
        saved = {k: a.copy() for k, a in arrays.items()}
        try:
            for k, a in arrays.items():
                a[...] = values[k]
            return f()
        finally:
            for k, a in arrays.items():
                if not np.array_equal(a, values[k], equal_nan=True):
                    values[k][...] = a  # a loss that edits its parameters must look so outside too
                a[...] = saved[k]

    def bind(f):
        return partial(within, f if positional_count(f) == 0 else partial(f, arrays))

    return bind


def by_structure(loss, params, arrays):
    """bind(f)(values): f with the values in the structure that the parameters came in."""
    if is_array(params) or positional_count(loss) == len(arrays) > 1:
        return lambda f: lambda values: f(*values.values())
    if not isinstance(params, dict):
        return lambda f: lambda values: f(type(params)(values.values()))
    if all(isinstance(k, str) for k in params):
        return lambda f: lambda values: f(dict(values))
    return lambda f: lambda values: f(dict(zip(params, values.values(), strict=True)))


def bare(loss, params):
    """loss itself where it takes the dict of its parameters; None where it takes another form."""
    named = isinstance(params, dict) and all(isinstance(k, str) for k in params)
    return loss if named and positional_count(loss) == 1 else None


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
