"""Activations: elementwise nonlinearities, and softmax along an axis.

In each rule g = dL/dy.  Names and defaults are PyTorch's.
"""

from __future__ import annotations

import numpy as np

from ..backend import Array, array_module
from ..tensor import op
from .elementwise import exp, minimum, where
from .reduce import Axes, _check, _keep, sum

__all__ = [
    "elu",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
]


@op
def relu(x: Array) -> Array:
    """max(x, 0); the gradient at 0 is 0.

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return array_module(x).maximum(x, 0)


relu.defvjp(x=lambda g, y: g * (y > 0))
relu.winners = lambda x: x > 0


@op
def leaky_relu(x: Array, *, negative_slope: float = 0.01) -> Array:
    """x for x > 0, else negative_slope x (Maas, Hannun & Ng 2013).

    >>> leaky_relu(np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    """
    xp = array_module(x)
    return xp.maximum(x, 0) + negative_slope * xp.minimum(x, 0)


leaky_relu.defvjp(
    x=lambda g, x, negative_slope: g * (x > 0) + negative_slope * g * (x <= 0),
)
leaky_relu.winners = lambda x, *, negative_slope=0.01: x > 0


@op
def elu(x: Array, *, alpha: float = 1.0) -> Array:
    """x for x > 0, else alpha (e^x - 1) (Clevert, Unterthiner & Hochreiter 2015, arXiv:1511.07289).

    >>> elu(np.array([0.0, 2.0]))
    array([0., 2.])
    """
    xp = array_module(x)
    return xp.maximum(x, 0) + alpha * xp.expm1(xp.minimum(x, 0))


elu.defvjp(x=lambda g, x, alpha: g * where(x > 0, 1, alpha * exp(minimum(x, 0))))
elu.winners = lambda x, *, alpha=1.0: x > 0

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934


def selu(x: Array) -> Array:
    """1.0507 elu(x, alpha=1.6733): keeps mean 0, variance 1 (Klambauer et al. 2017, 1706.02515).

    >>> selu(np.array([1.0])).round(4)
    array([1.0507])
    """
    return _SELU_SCALE * elu(x, alpha=_SELU_ALPHA)


@op
def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), without overflow warnings: e^-x = inf gives 0.

    >>> sigmoid(np.array([0.0]))
    array([0.5])
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + array_module(x).exp(-x))


sigmoid.defvjp(x=lambda g, y: g * (y * (1 - y)))


@op
def softplus(x: Array) -> Array:
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).

    >>> softplus(np.array([1000.0]))
    array([1000.])
    """
    xp = array_module(x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


softplus.defvjp(x=lambda g, x: g * sigmoid(x))


@op
def silu(x: Array) -> Array:
    """x sigmoid(x), also called swish (Elfwing, Uchibe & Doya 2017, arXiv:1702.03118).

    >>> silu(np.array([0.0]))
    array([0.])
    """
    return x * sigmoid(x)


def _silu_slope(x: Array) -> Array:
    s = sigmoid(x)
    return s + x * s * (1 - s)


silu.defvjp(x=lambda g, x: g * _silu_slope(x))


# -------------------------------------------------------------------------------------------------
# Softmax and its kin; the largest score is subtracted first, which changes nothing but overflow


@op
def softmax(x: Array, *, axis: Axes = -1) -> Array:
    """y_i = e^x_i / sum_j e^x_j along an axis.

    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    _check("softmax", x, axis, 1)
    e = array_module(x).exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


softmax.defvjp(x=lambda g, y, axis: y * (g - sum(g * y, axis=axis, keepdims=True)))


@op
def log_softmax(x: Array, *, axis: Axes = -1) -> Array:
    """log softmax(x) = x - logsumexp(x), exact also where the softmax underflows.

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    _check("log_softmax", x, axis, 1)
    shifted = x - x.max(axis=axis, keepdims=True)
    xp = array_module(x)
    return shifted - xp.log(xp.exp(shifted).sum(axis=axis, keepdims=True))


log_softmax.defvjp(x=lambda g, y, axis: g - exp(y) * sum(g, axis=axis, keepdims=True))


@op
def logsumexp(x: Array, *, axis: Axes = None, keepdims: bool = False) -> Array:
    """log sum_i e^x_i over the given axes (all for None), without overflow.

    >>> logsumexp(np.array([1000.0, 1000.0])).round(4)
    np.float64(1000.6931)
    """
    _check("logsumexp", x, axis, 1)
    xp = array_module(x)
    top = x.max(axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):  # log 0 = -inf where every x is -inf
        y = top + xp.log(xp.exp(x - top).sum(axis=axis, keepdims=True))
    return y if keepdims else y.reshape(x.sum(axis=axis).shape)


logsumexp.defvjp(
    x=lambda g, x, y, axis: _keep(g, axis, x.shape) * exp(x - _keep(y, axis, x.shape)),
)
