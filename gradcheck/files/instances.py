"""Small instances of someone's classes: made from the names of the constructor's arguments.

The arrays of an instance are in its dict params, or are its attributes, bare or as objects with
data and grad. Whoever calls one works on a copy, so that no call can disturb the next.
"""

import copy
import inspect

import numpy as np

from ..modules import holds
from .loading import describe

__all__ = [
    "CLASSES", "IN", "INPUT", "Unbuildable", "arrays", "construct", "loaded", "required", "takes",
]  # fmt: skip

INPUT = ("input_dim", "input_size")
IN, OUT, HIDDEN, CLASSES, IMAGE = 6, 4, 5, 3, (2, 4, 4)
SIZES = {
    **dict.fromkeys(("d", "d_in", "dim", "fan_in", "features", "in_dim", "in_features", "in_size",
                     "input_dim", "input_size", "n_in", "n_inputs", "normalized_shape",
                     "num_features", "num_in"), IN),
    **dict.fromkeys(("d_out", "fan_out", "m", "n_out", "n_outputs", "num_out", "out_dim",
                     "out_features", "out_size"), OUT),
    **dict.fromkeys(("hidden_dim", "hidden_size", "n_hidden", "num_hidden"), HIDDEN),
    **dict.fromkeys(("num_classes", "n_classes", "output_dim", "output_size"), CLASSES),
    **dict.fromkeys(("std", "weight_scale"), 0.5),
    "dtype": np.float64, "filter_size": 3, "hidden_dims": [HIDDEN, 4], "num_filters": 3, "seed": 1,
}  # fmt: skip


class Unbuildable(Exception):
    """No instance can be made or run without knowing more."""


def construct(cls, **settings):
    """(instance, its arguments): each argument is given, known by its name, or has a default.

    An input size whose default is a tuple is that of an image.

    >>> class Linear:
    ...     def __init__(self, n_in, n_out):
    ...         self.W = np.zeros((n_in, n_out))
    >>> construct(Linear)[0].W.shape
    (6, 4)
    """
    arguments = {}
    for name, argument in inspect.signature(cls).parameters.items():
        if argument.kind is argument.VAR_KEYWORD:
            continue
        value = settings.get(name, SIZES.get(name.lower(), argument.default))
        if value is argument.empty:
            raise Unbuildable(f"no value is known for {name} of {cls.__name__}(...)")
        image = name in INPUT and isinstance(argument.default, tuple)
        arguments[name] = IMAGE if image else value
    try:
        return cls(**arguments), arguments
    except Exception as error:
        said = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        reason = describe(error, "", place=False)
        raise Unbuildable(f"{cls.__name__}({said}) cannot be made ({reason})") from None


def arrays(instance) -> dict:
    """The float arrays that an instance holds, by name."""
    bare = {k: v.data if holds(v) else v for k, v in holder(instance).items()}
    return {k: v for k, v in bare.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"}


def loaded(template, values):
    """A copy of an instance that holds other arrays."""
    instance = copy.deepcopy(template)
    held = holder(instance)
    for name, value in values.items():
        if holds(held[name]):
            held[name].data = value
        else:
            held[name] = value
    return instance


def holder(instance):
    """The dict that holds the arrays of an instance."""
    params = getattr(instance, "params", None)
    return params if isinstance(params, dict) else vars(instance)


def takes(function, name) -> bool:
    """True if a function has an argument of that name."""
    return name in inspect.signature(function).parameters


def required(function) -> list[str]:
    """The names of the arguments that a function cannot do without.

    >>> required(lambda x, y, train=True: x)
    ['x', 'y']
    """
    found = inspect.signature(function).parameters.values()
    plain = [a for a in found if a.kind is a.POSITIONAL_OR_KEYWORD]
    return [a.name for a in plain if a.default is a.empty]
