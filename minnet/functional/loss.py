"""Losses: how far predictions are from their targets, as one number for the batch.

Every loss takes reduction="mean" | "sum" | "none" (one loss per example, or per element):

| loss | its mean divides by |
|---|---|
| cross_entropy, nll | the examples that count; with class weights, the sum of their weights |
| cross_entropy with probabilities as targets | examples |
| multiclass_hinge | examples |
| mse, l1, huber, binary_cross_entropy_with_logits | elements |
| kl_div | examples ("batchmean", its default), or elements ("mean") |

They are PyTorch's, but for multiclass_hinge, which PyTorch divides by the number of classes too.
A mean over nothing raises.  Targets without gradients take the dtype of the predictions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, array_module
from ..errors import ShapeError, ValueRangeError
from ..tensor import op
from .activation import softplus
from .elementwise import abs as absolute
from .elementwise import clip, exp, log, square
from .targets import denominator, predictions, raw, reduce_losses, values_like

__all__ = ["binary_cross_entropy_with_logits", "huber", "kl_div", "l1", "mse"]


# -------------------------------------------------------------------------------------------------
# Distances between values


def mse(x: Array, target: Any, *, reduction: str = "mean") -> Array:
    """(x - target)^2.   x, target: one shape (they are not broadcast).

    >>> import numpy as np
    >>> float(mse(np.array([1.0, 3.0]), [0.0, 0.0]))
    5.0
    """
    x = predictions("mse", x, classes=False)
    d = x - values_like("mse", x, target)
    return reduce_losses(square(d), denominator("mse", reduction, x.size))


def l1(x: Array, target: Any, *, reduction: str = "mean") -> Array:
    """|x - target|; the gradient where they are equal is 0.   x, target: one shape.

    >>> import numpy as np
    >>> float(l1(np.array([1.0, 3.0]), [0.0, 0.0]))
    2.0
    """
    x = predictions("l1", x, classes=False)
    d = x - values_like("l1", x, target)
    return reduce_losses(absolute(d), denominator("l1", reduction, x.size))


def huber(x: Array, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Array:
    """d^2 / 2 for |d| <= delta, else delta (|d| - delta / 2), with d = x - target.

    x, target: one shape.   delta: above 0, in the units of x.
    Huber 1964, "Robust estimation of a location parameter", equation 2.

    >>> import numpy as np
    >>> huber(np.array([0.5, 3.0]), [0.0, 0.0], reduction="none")
    array([0.125, 2.5  ])
    """
    x = predictions("huber", x, classes=False)
    if not delta > 0:
        raise ValueRangeError(f"huber needs delta above 0, got {delta}.")
    d = x - values_like("huber", x, target)
    return reduce_losses(huber_of(d, delta=delta), denominator("huber", reduction, x.size))


@op
def huber_of(d: Array, *, delta: float) -> Array:
    """c (|d| - c / 2) with c = min(|d|, delta): both branches of Huber's function in one."""
    xp = array_module(d)
    size = xp.abs(d)
    c = xp.minimum(size, delta)
    return c * (size - c / 2)


huber_of.defvjp(d=lambda g, d, delta: g * clip(d, min=-delta, max=delta))
huber_of.winners = lambda d, *, delta: (d > delta) * 1 - (d < -delta) * 1


# -------------------------------------------------------------------------------------------------
# Probabilities of yes or no, and of distributions


def binary_cross_entropy_with_logits(
    logits: Array, target: Any, *, pos_weight: Any = None, reduction: str = "mean"
) -> Array:
    """-(w t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))), with -log sigmoid(x) = softplus(-x).

    logits, target: one shape; targets between 0 and 1.   pos_weight: w, a number or an array that
    broadcasts to that shape, at least 0; it weighs the positive examples.
    At zero logits the loss is log 2.
    No probability is clipped: where the model is confidently wrong the gradient is 1, not 0.

    >>> import numpy as np
    >>> round(float(binary_cross_entropy_with_logits(np.zeros(3), [0, 1, 1])), 6)
    0.693147
    """
    name = "binary_cross_entropy_with_logits"
    x = predictions(name, logits, classes=False)
    t = values_like(name, x, target)
    _check_range(name, t, "the targets are probabilities of yes")
    over = denominator(name, reduction, x.size)
    positive = t if pos_weight is None else t * _positive_weight(name, x, pos_weight)
    return reduce_losses(positive * softplus(-x) + (1 - t) * softplus(x), over)


def _check_range(loss: str, target: Array, advice: str) -> None:
    """Raise ValueRangeError unless 0 <= target <= 1; arrays on a GPU are trusted."""
    t = raw(target)
    if array_module(t) is np and not ((t >= 0) & (t <= 1)).all():
        raise ValueRangeError(
            f"{loss} needs targets between 0 and 1, got {t.min():.3g} to {t.max():.3g}: {advice}."
        )


def _positive_weight(loss: str, x: Array, pos_weight: Any) -> Array:
    w = raw(pos_weight, x).astype(x.dtype)
    if array_module(w) is np and not (w >= 0).all():
        raise ValueRangeError(f"{loss} needs pos_weight of at least 0, got {w.min():.3g}.")
    try:
        return array_module(w).broadcast_to(w, x.shape)
    except ValueError as error:
        raise ShapeError(
            f"{loss} needs pos_weight that broadcasts to {x.shape}, got {w.shape}."
        ) from error


def kl_div(
    log_q: Array, p: Any, *, log_target: bool = False, reduction: str = "batchmean"
) -> Array:
    """KL(p || q) = sum_c p_c (log p_c - log_q_c), with 0 log 0 = 0.

    log_q: (N, ...), log-probabilities of the model, such as log_softmax(logits, axis=1).
    p: probabilities of the same shape; log-probabilities if log_target.
    reduction: "batchmean" divides the sum by N and is the divergence; "mean" by the elements.

    >>> import numpy as np
    >>> round(float(kl_div(np.log([[0.5, 0.5]]), [[1.0, 0.0]])), 6)
    0.693147
    """
    x = predictions("kl_div", log_q, classes=False)
    p = values_like("kl_div", x, p)
    if not log_target:
        _check_range("kl_div", p, "pass log_target=True for log-probabilities")
    count = x.size if reduction == "mean" or not x.ndim else x.shape[0]
    over = denominator("kl_div", reduction, count, also=("batchmean",))
    if log_target:
        return reduce_losses(exp(p) * (p - x), over)
    return reduce_losses(negative_entropy(p) - p * x, over)


@op
def negative_entropy(p: Array) -> Array:
    """p log p, and 0 at p = 0."""
    xp = array_module(p)
    return p * xp.log(p + (p == 0))


negative_entropy.defvjp(p=lambda g, p: g * (log(p) + 1))
