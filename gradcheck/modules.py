"""From a layer object to a Problem."""

import copy

import numpy as np

from .adapters import named_params, title
from .arrays import as_numpy, is_array
from .errors import InputError
from .problem import Problem
from .refuse import refuse_class, refuse_framework_module

__all__ = ["module_problem"]


def module_problem(module, *inputs, name=None, **options) -> Problem:
    """A layer object: forward(*inputs), backward(dout), parameters(), gradients().

    Works on a deep copy, so nothing of the caller's is touched.  parameters and gradients may be
    methods or attributes ("params" and "grads" too), lists or dicts; backward returns the gradient
    of the float inputs, or None.
    """
    refuse_class(module, "check_module", "a layer object")
    refuse_framework_module(module)
    module = copy.deepcopy(module)
    params = named_params(member(module, "parameters", "params") or {}, None)
    xs = {f"input{i}" if len(inputs) > 1 else "input": x for i, x in enumerate(inputs)}
    clash = set(params) & set(xs)
    if clash:
        raise InputError(f"{title(type(module))}: rename the parameters {sorted(clash)}.")

    def call(values):
        for k, p in params.items():
            p[...] = values[k]
        return module.forward(*(values[k] for k in xs)), dict(values)

    def pull(d, cache):
        call(cache)  # the layer remembers its last forward only
        clear_gradients(module)
        dxs = module.backward(d)
        return named_like(params, member(module, "gradients", "grads") or {}) | input_grads(xs, dxs)

    everything = xs | params
    wrt = [k for k, v in everything.items() if is_array(v) and as_numpy(v).dtype.kind == "f"]
    return Problem(call, pull, everything, wrt=wrt, name=name or title(type(module)), **options)


def member(module, *names):
    """The first attribute or method of that name, called if callable; iterators become lists."""
    for name in names:
        value = getattr(module, name, None)
        value = value() if callable(value) else value
        if value is not None:
            return (
                value if isinstance(value, (dict, list, tuple)) or is_array(value) else list(value)
            )
    return None


def clear_gradients(module):
    """Zero the gradients in place, so that layers that accumulate start from nothing."""
    if callable(getattr(module, "zero_grad", None)):
        module.zero_grad()
        return
    grads = member(module, "gradients", "grads") or {}
    for g in grads.values() if isinstance(grads, dict) else grads:
        if isinstance(g, np.ndarray):
            g[...] = 0


def named_like(params, grads) -> dict:
    """Gradients keyed as the parameters are."""
    if isinstance(grads, dict):
        return dict(grads)
    return dict(zip(params, grads, strict=False))


def input_grads(xs, dxs) -> dict:
    """Gradients of a module's inputs; None where it does not return any."""
    dxs = dxs if isinstance(dxs, (tuple, list)) else (dxs,)
    return dict(zip(xs, dxs, strict=False))
