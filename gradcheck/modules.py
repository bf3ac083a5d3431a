"""From a layer object to a Problem."""

import copy

import numpy as np

from .arrays import is_array, is_float
from .errors import InputError
from .problem import Problem, copies
from .refuse import refuse_class, refuse_framework_module
from .signature import title
from .structure import by_name, named_params

__all__ = ["module_problem"]


def module_problem(module, *inputs, name=None, **options) -> Problem:
    """A layer object: forward(*inputs), backward(dout), parameters(), gradients().

    Works on a deep copy, so nothing of the caller's is touched.  parameters and gradients may be
    methods or attributes ("params" and "grads" too), lists or dicts, or parameters are objects with
    .data and .grad; backward returns the gradient of the float inputs, or None.
    A layer with zero_grad() promises to add to its gradients.
    """
    refuse_class(module, "check_module", "a layer object")
    refuse_framework_module(module)
    module = copy.deepcopy(module)
    owners = by_name(member(module, "parameters", "params") or {}, None)
    params = named_params({k: p.data if holds(p) else p for k, p in owners.items()}, None)
    xs = {f"input{i}" if len(inputs) > 1 else "input": x for i, x in enumerate(inputs)}
    clash = set(params) & set(xs)
    if clash:
        raise InputError(f"{title(type(module))}: rename the parameters {sorted(clash)}.")

    layer = Layer(module, owners, params, xs)
    everything = xs | params
    layer.problem = Problem(
        layer.call,
        layer.pull,
        everything,
        wrt=[k for k, v in everything.items() if is_float(v)],
        name=name or title(type(module)),
        prefilled=layer.prefilled,
        adds=callable(getattr(module, "zero_grad", None)),
        **options,
    )
    return layer.problem


class Layer:
    """A layer object as a Problem asks for it.

    owners: what holds each parameter, by name; params: their arrays; xs: the inputs.
    """

    problem: Problem

    def __init__(self, module, owners, params, xs):
        self.module, self.owners, self.params, self.xs = module, owners, params, xs

    def call(self, values):
        """(outputs, cache): the forward at these values of parameters and inputs."""
        for k, p in self.params.items():
            p[...] = values[k]
        return self.module.forward(*(values[k] for k in self.xs)), dict(values)

    def pull(self, d, cache):
        """The gradients that backward left in the layer, and those it returned."""
        self.call(cache)  # the layer remembers its last forward only
        clear_gradients(self.module, self.owners)
        dxs = self.module.backward(d)
        held = copies(buffers(self.module, self.owners))  # the next call fills the same arrays
        return held | input_grads(self.xs, dxs)

    def prefilled(self, d, noise):
        """The gradients of the layer's own buffers, which held noise before backward."""
        module, owners, inputs = self.module, self.owners, self.problem.inputs
        self.pull(d, inputs)  # now every buffer exists
        arrays = {k: g for k, g in buffers(module, owners).items() if isinstance(g, np.ndarray)}
        for k, g in arrays.items():
            g[...] = noise[k]
        reached = buffers(module, owners)
        arrays = {k: noise[k] for k in arrays if np.array_equal(reached[k], noise[k])}
        self.call(inputs)
        module.backward(d)
        return {k: buffers(module, owners)[k] for k in arrays}


def holds(p) -> bool:
    """True for a parameter object that holds an array and its gradient."""
    return isinstance(getattr(p, "data", None), np.ndarray) and hasattr(p, "grad")


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


def buffers(module, owners) -> dict:
    """The gradients that a module holds, keyed as its parameters are."""
    grads = member(module, "gradients", "grads")
    if grads is None:
        return {k: p.grad for k, p in owners.items() if holds(p)}
    return dict(grads) if isinstance(grads, dict) else dict(zip(owners, grads, strict=False))


def clear_gradients(module, owners):
    """Zero the gradients in place, so that layers that accumulate start from nothing."""
    if callable(getattr(module, "zero_grad", None)):
        module.zero_grad()
        return
    for g in buffers(module, owners).values():
        if isinstance(g, np.ndarray):
            g[...] = 0


def input_grads(xs, dxs) -> dict:
    """Gradients of a module's inputs; None where it does not return any."""
    dxs = dxs if isinstance(dxs, (tuple, list)) else (dxs,)
    return dict(zip(xs, dxs, strict=False))
