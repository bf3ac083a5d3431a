"""Other conventions that a right forward may follow, and when each is taken as the author's choice.

A published one is accepted wherever it fits, and named. Any other is accepted if a docstring of the
file tells it: a caller who reads the docstring knows what he gets. If none does, it is a fault with
a name.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from .reference import lstm, lstm_step

__all__ = ["Convention", "EPSILON_INSIDE", "MOMENTUM_OF_NEW", "conventions"]

EPSILON_INSIDE = r"eps\w*[^.]{0,40}\b(inside|under|within|in)( the)?( square)? root"
MOMENTUM_OF_NEW = r"momentum\b[^.]{0,30}\bweight of the (new|current|batch)"
EPSILON_OUTSIDE = r"eps\w*[^.]{0,60}\b(outside|standard deviation|std|sigma)\b"


@dataclass(frozen=True)
class Convention:
    """A formula beside the usual one.   told: what a docstring must say; None: it is published."""

    name: str
    formula: Callable
    told: str | None = None

    def accepted(self, docstrings: str) -> bool:
        """True if it is published, or the docstrings tell it.

        >>> Convention("outside", None, EPSILON_OUTSIDE).accepted("eps is added to the std")
        True
        """
        return self.told is None or bool(re.search(self.told, docstrings.lower()))


def conventions(key: str) -> Iterator[Convention]:
    """The conventions beside the usual formula of a name in the catalogue.

    >>> [convention.name for convention in conventions("layernorm")]
    ['eps is added to the standard deviation, not to the variance']
    """
    outside = "eps is added to the standard deviation, not to the variance"
    if key == "layernorm":  # so in "The Annotated Transformer", Rush 2018
        yield Convention(outside, layernorm_outside)
    elif key == "batchnorm":
        yield Convention(outside, batchnorm_outside, EPSILON_OUTSIDE)
    elif key in GATED:
        for order in permutations("ifog"):
            yield gate_order(GATED[key], "".join(order))


def standardize_outside(x, mean, var, eps):
    """(x - mean) / (sqrt(var) + eps)"""
    return (x - mean) / (np.sqrt(var) + eps)


def layernorm_outside(x, gamma, beta, ln_param):
    """layernorm with eps outside the root"""
    mean, var = x.mean(1, keepdims=True), x.var(1, keepdims=True)
    return gamma * standardize_outside(x, mean, var, ln_param.get("eps", 1e-5)) + beta


def batchnorm_outside(x, gamma, beta, bn_param):
    """batchnorm with eps outside the root"""
    mean, var = x.mean(0), x.var(0)
    if bn_param["mode"] == "test":
        mean, var = bn_param["running_mean"], bn_param["running_var"]
    return gamma * standardize_outside(x, mean, var, bn_param.get("eps", 1e-5)) + beta


GATED = {"lstmstep": lstm_step, "lstm": lstm}


def gate_order(formula, order):
    """An LSTM whose gates stand in another order in the columns of Wx, Wh and b."""
    places = [order.index(gate) for gate in "ifog"]

    def reordered(*args):
        *values, Wx, Wh, b = args
        return formula(*values, *(rearranged(p, places) for p in (Wx, Wh, b)))

    told = r"\W+".join(order) + r"\b"
    return Convention(f"gates in the order {', '.join(order)} (the course's: i, f, o, g)",
                      reordered, rf"\b{told}")  # fmt: skip


def rearranged(p, places):
    """The four blocks of the last axis, taken from these places."""
    blocks = np.split(p, 4, axis=-1)
    return np.concatenate([blocks[k] for k in places], axis=-1)
