"""From what users have (pairs, losses, modules) to a Problem."""

from functools import partial

import numpy as np

from .arrays import is_array
from .errors import CallError, DTypeError, InputError
from .problem import Problem, copies
from .refuse import refuse_class
from .signature import argument_names, positional_count, takes_keywords, title
from .structure import by_place, by_structure, named_params, scaled

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
    pair = Pair(forward, backward, inputs, name or title(forward))
    lanes = options.pop("lanes", getattr(forward, "batch_independent", False))
    pair.problem = Problem(
        pair.call,
        pair.pull,
        inputs,
        wrt=(wrt,) if isinstance(wrt, str) else wrt,
        name=name or title(backward),
        lanes=int(lanes),
        alone=value and (lambda values: pair.problem.pack(pair.ask(value, values))),
        prefilled=pair.prefilled if pair.into else None,
        **options,
    )
    return pair.problem


class Pair:
    """forward and backward as a Problem asks for them."""

    problem: Problem

    def __init__(self, forward, backward, inputs, name):
        self.forward, self.backward, self.name = forward, backward, name
        self.ask = by_keywords if takes_keywords(forward, inputs) else by_place
        self.into = "grads" in (argument_names(backward) or [])
        self.seen = {}  # the values of the last forward, whose shapes the gradients have

    def call(self, values):
        """(outputs, cache)."""
        self.seen.update(values)
        return split_cache(self.ask(self.forward, values), self.name)

    def pull(self, d, cache):
        """What backward returns, or the buffers that it added to."""
        if not self.into:
            return self.backward(*self.upstreams(d), cache)
        grads = {k: np.zeros_like(self.seen[k]) for k in self.problem.wrt}
        return grads | self.pull_into(d, cache, grads)

    def upstreams(self, d):
        """The arguments of backward that stand before the cache."""
        apart = isinstance(d, tuple) and positional_count(self.backward) == len(d) + 1 + self.into
        return d if apart else (d,)

    def pull_into(self, d, cache, grads) -> dict:
        """Let backward add to the buffers; the gradients that it returned instead."""
        returned = self.backward(*self.upstreams(d), cache, grads=grads)
        named = {} if returned is None else self.problem.by_name(returned)
        return {k: g for k, g in named.items() if g is not None}

    def prefilled(self, d, noise):
        """Buffers that held noise before backward added to them."""
        grads, problem = copies(noise), self.problem
        cache = self.call(copies(problem.inputs))[1]
        returned = self.pull_into(problem.unpack(d), cache, grads)
        return {k: g for k, g in grads.items() if k not in returned}


def by_keywords(f, values):
    """f(x=..., w=...)."""
    return f(**values)


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
    branches = options.pop("branches", None)
    closed = positional_count(loss) == 0
    bind = in_place(arrays) if closed else by_structure(loss, params, arrays)
    parts = Objective(loss, grads, branches, bind)
    options.setdefault("dtype", "float64")
    if closed:
        options["dtype"] = "as-is"  # the closure's own arrays cannot be cast
    parts.problem = Problem(
        parts.call,
        parts.pull,
        dict(arrays),
        wrt=tuple(arrays),
        name=name or title(loss),
        weights=reduction,
        branches=parts.pattern if branches else None,
        value=None if grads is None else bind(loss),
        bare=None if grads is None else bare(loss, params),
        alone=parts.alone if callable(grads) else None,
        **options,
    )
    return parts.problem


class Objective:
    """A loss and its gradients as a Problem asks for them; bind(f)(values) calls any of them."""

    problem: Problem

    def __init__(self, loss, grads, branches, bind):
        self.loss, self.grads, self.branches, self.bind = loss, grads, branches, bind

    def call(self, values):
        """(value, cache)."""
        result, grads = self.bind(self.loss)(values), self.grads
        if grads is None and isinstance(result, (tuple, list)) and len(result) == 2:
            result, grads = result
        return result, Later(grads, values)

    def pull(self, d, cache):
        """d times the gradients, in the structure that they come in."""
        raw = cache.grads
        if callable(raw):
            self.problem.start_randomness()  # grads runs a forward of its own
            raw = self.gradients(raw, cache.values)[1]
        if raw is None:
            raise CallError("no gradients: loss must return (loss, gradients), or give grads=")
        return scaled(raw, float(d)) if np.ndim(d) == 0 else raw

    def gradients(self, grads, values):
        """(value or None, gradients) of a function of gradients."""
        return without_value(self.bind(grads)(values), len(self.problem.wrt))

    def pattern(self, cache):
        """What the user's branches say at the point of a cache."""
        return self.bind(self.branches)(cache.values)

    def alone(self, values):
        """The value that comes along with the gradients, if any does."""
        value = self.gradients(self.grads, values)[0]
        return None if value is None else self.problem.pack(value)


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


def without_value(raw, count):
    """(value or None, gradients) of what a function of gradients for `count` arrays returned."""
    pair = isinstance(raw, (tuple, list)) and len(raw) == 2 and np.size(raw[0]) == 1
    if pair and (isinstance(raw[1], (dict, list, tuple)) or count == 1):
        return raw
    return None, raw


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
