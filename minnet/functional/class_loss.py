"""Losses for classes: cross-entropy, negative log-likelihood, hinge.

Their mean is over examples (see `loss` for the table of all losses).
"""

from __future__ import annotations

from typing import Any

from ..backend import Array, array_module
from ..errors import ValueRangeError
from ..tensor import Tensor, op
from .activation import log_softmax, softmax
from .index import index
from .products import sum_of_columns
from .targets import (
    class_weights,
    denominator,
    is_probabilities,
    labels,
    predictions,
    probabilities,
    raw,
    reduce_losses,
    rows,
)

__all__ = ["cross_entropy", "multiclass_hinge", "nll"]


def _shared(g: Array, over: Any) -> Array:
    """dL/d(each loss), from the gradient g of what `reduce_losses` returned."""
    return g if over is None else g / over


def _range(t: Array) -> Array:
    return array_module(t).arange(len(t))


def _one_hot(t: Array, classes: int, dtype: Any) -> Array:
    q = array_module(t).zeros((len(t), classes), dtype)
    q[_range(t), t] = 1
    return q


# -------------------------------------------------------------------------------------------------
# Cross-entropy: softmax and logarithm in one, because log(softmax(x)) overflows and underflows


def cross_entropy(
    logits: Array,
    target: Any,
    *,
    weight: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    """L_n = -w_t log softmax(x_n)[t] for label t, or -sum_c w_c q_c log softmax(x_n)[c].

    logits: (N, C) or (N, C, d1, ...), unnormalised.   target: integer labels (N, d1, ...), or
    probabilities q of the logits' shape.   weight: (C,), of the classes.   label_smoothing: eps;
    the target becomes (1 - eps) target + eps / C (Szegedy et al. 2016, arXiv:1512.00567).
    ignore_index: examples with this label count nothing.
    At zero logits the loss is log C.
    Raises ShapeError, DTypeError or ValueRangeError for targets that do not fit, and when there
    is nothing to average.

    >>> import numpy as np
    >>> round(float(cross_entropy(np.zeros((1, 10)), np.array([3]))), 6)
    2.302585
    """
    name, eps = "cross_entropy", label_smoothing
    if not 0 <= eps <= 1:
        raise ValueRangeError(f"{name} needs label_smoothing between 0 and 1, got {eps}.")
    x = predictions(name, logits, classes=True)
    weight = class_weights(name, x, weight)
    if is_probabilities(x, target):
        q = probabilities(name, x, target)
        over = denominator(name, reduction, len(q))
        losses = _of_distribution(rows(x), _smooth(q, eps, weight), over)
    else:
        t, keep = labels(name, x, target, ignore_index)
        w = _weight_of_labels(x, t, keep, weight)
        over = denominator(name, reduction, len(t) if w is None else w.sum())
        if eps:
            q = _smooth(_one_hot(t, x.shape[1], x.dtype), eps, weight)
            losses = _of_distribution(rows(x), q if keep is None else q * keep[:, None], over)
        else:
            losses = label_cross_entropy(rows(x), t=t, w=w, over=over, p=_empty_like(rows(x)))
    return losses.reshape(x.shape[0], *x.shape[2:]) if over is None else losses


def _smooth(q: Array, eps: float, weight: Array | None) -> Array:
    """w_c ((1 - eps) q_c + eps / C)."""
    q = (1 - eps) * q + eps / q.shape[1] if eps else q
    return q if weight is None else q * weight


def _weight_of_labels(x: Array, t: Array, keep: Array | None, weight: Array | None) -> Any:
    """The weight of each example: its class's, 0 if ignored; None where all are 1."""
    if weight is None:
        return None if keep is None else keep.astype(x.dtype)
    return weight[t] if keep is None else weight[t] * keep


def _empty_like(x: Array) -> Array:
    return array_module(raw(x)).empty(x.shape, x.dtype)


def _log_softmax(x: Array, p: Array) -> tuple[Array, Array]:
    """z and s with log softmax(x) = z - s, row by row; p receives softmax(x).

    The row's own maximum is subtracted first, so that exp neither overflows nor makes a row of 0.
    """
    xp = array_module(x)
    z = x - x.max(axis=1, keepdims=True)
    xp.exp(z, out=p)
    total = sum_of_columns(p)[:, None]
    p /= total
    return z, xp.log(total)


@op
def label_cross_entropy(x: Array, *, t: Array, w: Array | None, over: Any, p: Array) -> Array:
    """-w_n log softmax(x_n)[t_n], summed and divided by `over` (None: each one).

    p: work array of x's shape, in which the forward pass leaves softmax(x) for the backward pass.
    """
    z, s = _log_softmax(x, p)
    losses = s[:, 0] - z[_range(t), t]
    return reduce_losses(losses if w is None else w * losses, over)


def _d_label_cross_entropy(g: Array, x: Array, t: Array, w: Any, over: Any, p: Array) -> Array:
    """g_n w_n (softmax(x_n) - one_hot(t_n)); from the saved softmax unless differentiated again."""
    g = _shared(g, over) if w is None else _shared(g, over) * w
    if isinstance(g, Tensor):
        return index(g, key=(..., None)) * (softmax(x, axis=1) - _one_hot(t, x.shape[1], x.dtype))
    d = p * (g[:, None] if g.ndim else g)
    d[_range(t), t] -= g
    return d


label_cross_entropy.defvjp(x=_d_label_cross_entropy)
label_cross_entropy.scratch = ("p",)


def _of_distribution(x: Array, q: Array, over: Any) -> Array:
    return soft_cross_entropy(x, q, over=over, p=_empty_like(x))


@op
def soft_cross_entropy(x: Array, q: Array, *, over: Any, p: Array) -> Array:
    """-sum_c q_c log softmax(x)[c], summed and divided by `over` (None: each one).

    q: (N, C), of any sum.   p: work array that receives softmax(x), as in `label_cross_entropy`.
    """
    z, s = _log_softmax(x, p)
    return reduce_losses((q * (s - z)).sum(axis=1), over)


soft_cross_entropy.defvjp(
    x=lambda g, x, q, over, p: (
        _shared(g, over)[..., None]
        * ((softmax(x, axis=1) if isinstance(g, Tensor) else p) * q.sum(axis=1, keepdims=True) - q)
    ),
    q=lambda g, x, over: -_shared(g, over)[..., None] * log_softmax(x, axis=1),
)


def nll(
    log_p: Array,
    target: Any,
    *,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    """Negative log-likelihood: L_n = -w_t log_p[n, t] for label t.

    log_p: (N, C) or (N, C, d1, ...), log-probabilities, such as log_softmax(logits, axis=1), with
    which this is `cross_entropy`.   The rest as there.

    >>> import numpy as np
    >>> round(float(nll(np.log([[0.25, 0.75]]), [0])), 6)
    1.386294
    """
    x = predictions("nll", log_p, classes=True)
    t, keep = labels("nll", x, target, ignore_index)
    w = _weight_of_labels(x, t, keep, class_weights("nll", x, weight))
    over = denominator("nll", reduction, len(t) if w is None else w.sum())
    losses = -rows(x)[_range(t), t]
    losses = reduce_losses(losses if w is None else w * losses, over)
    return losses.reshape(x.shape[0], *x.shape[2:]) if over is None else losses


# -------------------------------------------------------------------------------------------------
# Hinge


def multiclass_hinge(
    scores: Array, target: Any, *, margin: float = 1.0, reduction: str = "mean"
) -> Array:
    """L_n = sum over j != t of max(0, s_j - s_t + margin).

    scores: (N, C).   target: integer labels (N,).   margin: above 0.
    At equal scores the loss is margin (C - 1).   At the kink the gradient is 0.
    Weston & Watkins 1999, "Support vector machines for multi-class pattern recognition".

    >>> import numpy as np
    >>> float(multiclass_hinge(np.zeros((2, 10)), [3, 4]))
    9.0
    """
    x = predictions("multiclass_hinge", scores, classes=True)
    if not margin > 0:
        raise ValueRangeError(f"multiclass_hinge needs a margin above 0, got {margin}.")
    t, _ = labels("multiclass_hinge", x, target)
    over = denominator("multiclass_hinge", reduction, len(t))
    losses = weston_watkins(rows(x), t=t, margin=margin, over=over)
    return losses.reshape(x.shape[0], *x.shape[2:]) if over is None else losses


def _excess(x: Array, t: Array, margin: float) -> Array:
    """s_j - s_t + margin for each class j, and 0 for the label itself."""
    i = _range(t)
    excess = x - (x[i, t] - margin)[:, None]
    excess[i, t] = 0
    return excess


@op
def weston_watkins(x: Array, *, t: Array, margin: float, over: Any) -> Array:
    """sum_j max(0, s_j - s_t + margin) per row, summed and divided by `over` (None: each one)."""
    return reduce_losses(array_module(x).maximum(_excess(x, t, margin), 0).sum(axis=1), over)


def _d_weston_watkins(g: Array, x: Array, t: Array, margin: float, over: Any) -> Array:
    """g_n times 1 for each class inside the margin, and minus their number for the label."""
    inside = (_excess(raw(x), t, margin) > 0).astype(x.dtype)
    inside[_range(t), t] = -inside.sum(axis=1)
    return _shared(g, over)[..., None] * inside


weston_watkins.defvjp(x=_d_weston_watkins)
weston_watkins.winners = lambda x, *, t, margin, over: _excess(x, t, margin) > 0
