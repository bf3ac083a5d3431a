"""A net class, turned into the loss function that a Spec describes.

A net has loss(X, y) -> (loss, grads), its arrays in params or as attributes, and perhaps a
regulariser of strength reg, an attribute or an argument of loss. loss(X) without labels gives the
scores.
"""

import copy
import inspect
from dataclasses import replace
from itertools import chain, combinations

import numpy as np

from .catalogue import REG, Case, Spec
from .compare import difference, matches
from .instances import CLASSES, INPUT, Unbuildable, arrays, construct, loaded, takes
from .reference import REGULARIZERS, softmax_loss, svm_loss

__all__ = ["net_functions"]

VARIANTS: tuple[dict, ...] = (
    {}, {"use_batchnorm": True}, {"normalization": "batchnorm"}, {"normalization": "layernorm"},
    {"dropout": 0.5}, {"dropout_keep_ratio": 0.5},
)  # fmt: skip
LOSSES = {"softmax": softmax_loss, "svm": svm_loss}


def net_functions(target, cls):
    """Yield the (target, names, Spec) of a net class, for each setting that its constructor has."""
    arguments = inspect.signature(cls).parameters
    for settings in VARIANTS:
        if set(settings) <= set(arguments):
            yield net_of(target, cls, settings)


def net_of(target, cls, settings):
    """(target, names, Spec) of a net with some settings changed."""
    template, arguments = construct(cls, reg=0.0, **settings)
    shape = input_shape(target, arguments)
    params = trained(target, template, np.zeros((2, *shape)))

    def loss(*values):
        *held, X, y, reg = values
        return penalised(loaded(template, dict(zip(params, held, strict=True))), X, y, reg)

    def build(r, N=4, reg=0.0):
        drawn = {name: r.normal(size=np.shape(v)) for name, v in arrays(template).items()}
        X, y = r.normal(size=(N, *shape)), r.integers(CLASSES, size=N)
        return drawn | {"X": X, "y": y, "reg": reg}

    judged = not settings and has_scores(template, np.zeros((2, *shape)))
    spec = Spec(
        (*params, "X", "y", "reg"), params, build, cases_of(template, settings),
        complaint=promise_of(template, params) if judged else None,
    )  # fmt: skip
    run = f"{target.name}.loss"
    return replace(target, kind="loss", forward=run), {run: loss}, spec


def input_shape(target, arguments):
    """The shape of one example, from the argument that tells it."""
    sizes = [arguments[name] for name in INPUT if name in arguments]
    if not sizes:
        raise Unbuildable(f"no argument of {target.name}(...) tells the size of X")
    return sizes[0] if isinstance(sizes[0], tuple) else (sizes[0],)


def trained(target, template, X):
    """The names of the arrays to check: those in params, or the attributes that get a gradient."""
    names = tuple(arrays(template))
    if not isinstance(getattr(template, "params", None), dict):
        result = penalised(copy.deepcopy(template), X, np.arange(len(X)), 0.0) if names else ()
        grads = result[1] if isinstance(result, tuple) and len(result) == 2 else ()
        names = tuple(name for name in names if name in grads)
    if not names:
        raise Unbuildable(f"{target.name} has no arrays in params")
    return names


def penalised(net, X, y, reg):
    """(loss, grads) at a strength of the regulariser, given to the net in its own way."""
    if takes(net.loss, "reg"):
        return net.loss(X, y, reg=reg)
    net.reg = reg
    return net.loss(X, y)


def has_scores(template, X):
    """True if loss(X) without labels gives the scores."""
    try:
        return np.shape(copy.deepcopy(template).loss(X)) == (len(X), CLASSES)
    except Exception:
        return False


def cases_of(net, settings):
    """Without and with a regulariser, if the net has one; a changed setting names its cases."""
    said = ", ".join(f"{name} {value}" for name, value in settings.items())
    cases = [Case(said or "reg 0", main=True)]
    if takes(net.loss, "reg") or hasattr(net, "reg"):
        title = ", ".join(filter(None, [said, "reg 0.1"]))
        cases.append(Case(title, {"reg": 0.1}, main=True, hint=REG))
    return tuple(cases if settings else [*cases, Case("batch 1", {"N": 1})])


def promise_of(template, params):
    """A judge of the loss: that of the net's own scores, plus the regulariser of all weights.

    Both published losses, and both sizes of the L2 term, are accepted.
    """

    def complaint(values, y, run, docstring):
        held = {name: values[name] for name in params}
        scores = loaded(template, held).loss(values["X"])
        weights = tuple(name for name in params if held[name].ndim > 1)
        found = [said for said, loss in possible(held, weights, scores, values) if matches(y, loss)]
        if found:
            return None, found[0] if len(found) == 1 else ""
        usual = next(loss for _, loss in possible(held, weights, scores, values))
        return difference(y, usual) + other_sum(y, held, weights, scores, values), ""

    return complaint


def possible(held, summed, scores, values):
    """(name, value) of each published loss, with these arrays in the regulariser."""
    squares = sum((held[name] ** 2).sum() for name in summed)
    for kind, loss in LOSSES.items():
        for said, size in REGULARIZERS.items():
            yield f"{kind} loss, {said}", loss(scores, values["y"]) + size * values["reg"] * squares


def other_sum(y, held, weights, scores, values):
    """Which arrays the regulariser sums over, if that explains the loss."""
    subsets = chain.from_iterable(combinations(held, n) for n in range(len(held) + 1))
    for some in subsets if len(held) <= 8 and values["reg"] else ():
        if any(matches(y, loss) for _, loss in possible(held, some, scores, values)):
            sums = f"sums over {', '.join(some)}" if some else "is not in the loss"
            return f"; consistent with: the regulariser {sums}, needs {', '.join(weights)}"
    return ""
