"""A layer class, turned into the pair of functions that a Spec describes.

A layer has forward(x) and backward(dout) and keeps the gradients of its arrays as attributes (dW
for W, grad_W, ...), in a dict grads, or as the grad of an object with data and grad. A loss layer
has forward(x, y) and backward().
"""

import copy
import re
from dataclasses import replace

import numpy as np

from ..modules import holds
from .catalogue import Case, Spec
from .instances import CLASSES, IN, Unbuildable, arrays, construct, loaded, required
from .loading import describe
from .reference import FORMULAS

__all__ = ["layer_functions"]

SEARCHED = "it may be called dW or grad_W (of W), stand in a dict grads, or be the grad of W"
LABELS = {"label", "labels", "t", "target", "targets", "y", "y_true"}
AFFINE = {"affine", "dense", "fc", "fullyconnected", "linear"}
LOSSES = {"softmaxloss", "svmloss"}


def layer_functions(target, cls):
    """Yield the (target, names, Spec) of a layer class."""
    template, _ = construct(cls)
    given = inputs_of(template)
    tried = attempt(template, given)
    params = tuple(name for name in arrays(template) if gradient(tried, name) is not None)
    lost = without_gradient(arrays(template), params)
    shapes = {name: np.shape(arrays(template)[name]) for name in params}

    def forward(*values):
        layer = loaded(template, dict(zip(params, values[len(given) :], strict=True)))
        return layer.forward(*values[: len(given)]), layer

    def backward(dout, cache):
        layer = copy.deepcopy(cache)
        dx = layer.backward(dout) if required(layer.backward) else dout * layer.backward()
        return (dx, *(gradient(layer, name) for name in params))

    def build(r, N=3):
        drawn = {name: 0.5 * r.normal(size=shape) for name, shape in shapes.items()}
        x = r.normal(size=(N, IN))
        values = (x + 0.2 * np.sign(x), r.integers(CLASSES, size=N))  # relu has its kink at 0
        return dict(zip(given, values, strict=False)) | drawn

    run, pull = f"{target.name}.forward", f"{target.name}.backward"
    spec = Spec(
        (*given, *params), (given[0], *params), build, cases_of(target.key),
        formula=formula_of(target.key, given, params),
        unjudged=f"no gradient of {', '.join(lost)} was found: {SEARCHED}" if lost else "",
    )  # fmt: skip
    made = {run: forward, pull: backward}
    yield replace(target, kind="pair", forward=run, backward=pull), made, spec


def inputs_of(layer):
    """The names of the inputs: x, and y where it is called a label."""
    names = required(layer.forward)
    labelled = len(names) == 2 and names[1].lower() in LABELS
    if len(names) != 1 and not labelled:
        raise Unbuildable(f"forward takes {', '.join(names) or 'nothing'}")
    return ("x", "y")[: len(names)]


def attempt(template, given):
    """A copy after one forward and, if that returned something, one backward."""
    layer = copy.deepcopy(template)
    values = (np.random.default_rng(0).normal(size=(3, IN)), np.arange(3))
    try:
        y = layer.forward(*values[: len(given)])
    except Exception as error:
        reason = describe(error, "", place=False)
        raise Unbuildable(f"forward does not take an x of shape (3, {IN}) ({reason})") from None
    if y is not None:
        layer.backward(*[np.ones_like(y) for _ in required(layer.backward)])
    return layer


def without_gradient(names, params):
    """The arrays whose gradient was not found; averages have none, and gradients are none."""
    known = {*params, *(key for name in params for key in gradient_keys(name))}
    return [n for n in names if n not in known and not re.match("running|moving", n)]


def gradient_keys(name):
    """What the gradient of an array may be called."""
    return "d" + name, "d_" + name, "grad_" + name, name + "_grad"


def gradient(layer, name):
    """What a layer keeps as the gradient of one of its arrays; None if there is nothing."""
    if holds(vars(layer).get(name)):
        return vars(layer)[name].grad
    grads = getattr(layer, "grads", None)
    if isinstance(grads, dict):
        return next((grads[k] for k in (name, *gradient_keys(name)) if k in grads), None)
    return next((vars(layer)[k] for k in gradient_keys(name) if k in vars(layer)), None)


def cases_of(key):
    """One case, and a batch of one where the layer does not need a batch."""
    one = () if "batch" in key else (Case("one row", {"N": 1}),)
    return Case("matrix", main=True), *one


def formula_of(key, given, params):
    """The published formula, where the name and the arrays leave no doubt."""
    if given == ("x", "y"):
        return FORMULAS.get(key) if key in LOSSES else None
    if key in AFFINE and [p.lower() for p in params] == ["w", "b"]:
        return FORMULAS["affine"]
    return FORMULAS[key] if key in {"relu", "sigmoid", "tanh"} and not params else None
