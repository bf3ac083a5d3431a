"""Attention: each query takes the mean of all values, weighted by how well their keys fit it.

Leading axes (batch, heads) are carried along.  There is one convention for masks: True marks what
may be attended to.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from ..backend import Array, array_module, sum_axes
from ..errors import DTypeError, ShapeError
from ..tensor import op
from .linalg import matmul
from .reduce import sum
from .shape import swapaxes
from .targets import raw

__all__ = ["attention_weights", "masked_softmax", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Any = None,
    is_causal: bool = False,
    scale: float | None = None,
    drop: Any = None,
) -> Array:
    """softmax(scale q k^T) v: for each query the mean of the values, weighted by its keys.

    q: (..., L, E) queries.   k: (..., S, E) keys.   v: (..., S, V) values.   Returns (..., L, V).
    mask, is_causal, scale: as in `attention_weights`.   drop: (..., L, S), multiplies the weights:
    a dropout mask, already divided by 1 - p; None for none.
    Raises ShapeError or DTypeError for what does not fit.
    Vaswani et al. 2017, arXiv:1706.03762, section 3.2.1.

    >>> one = np.ones((1, 2, 1))
    >>> scaled_dot_product_attention(one, one, np.array([[[1.0], [3.0]]]), is_causal=True)
    array([[[1.],
            [2.]]])
    """
    if v.ndim < 2 or v.shape[-2:-1] != k.shape[-2:-1]:
        raise ShapeError(
            f"scaled_dot_product_attention needs one value per key, got k {k.shape}, v {v.shape}."
        )
    p = attention_weights(q, k, mask=mask, is_causal=is_causal, scale=scale)
    if drop is not None and np.shape(drop) != p.shape:
        raise ShapeError(
            f"scaled_dot_product_attention needs drop of the weights' shape {p.shape}, got "
            f"{np.shape(drop)}."
        )
    return matmul(p if drop is None else p * raw(drop, p), v)


def attention_weights(
    q: Array, k: Array, *, mask: Any = None, is_causal: bool = False, scale: float | None = None
) -> Array:
    """softmax(scale q k^T) along the keys: (..., L, S), each row of sum 1.

    mask: booleans that broadcast to (..., L, S), True where query l may attend to key s.
    is_causal: query l may attend to keys 0 .. l alone.   scale: 1 / sqrt(E) if None.
    A query that may attend to nothing has weights 0.
    Raises ShapeError for sizes that do not fit, DTypeError for a mask that is not boolean.

    >>> attention_weights(np.zeros((1, 3)), np.zeros((2, 3)), mask=np.array([True, False]))
    array([[1., 0.]])
    """
    if q.ndim < 2 or k.ndim < 2 or q.shape[-1] != k.shape[-1]:
        raise ShapeError(
            f"attention_weights needs q (..., L, E) and k (..., S, E), got {q.shape} and {k.shape}."
        )
    scores = matmul(q * (1 / sqrt(q.shape[-1]) if scale is None else scale), _mT(k))
    allowed = None if mask is None else _require_mask("attention_weights", mask, scores)
    if is_causal:
        past = _triangle(scores)
        allowed = past if allowed is None else allowed & past
    return masked_softmax(scores, mask=allowed)


def _mT(x: Array) -> Array:
    return swapaxes(x, axis1=-1, axis2=-2)


def _triangle(scores: Array) -> Array:
    """(L, S) booleans: True where s <= l."""
    return array_module(raw(scores)).tri(*scores.shape[-2:], dtype=bool)


def _require_mask(owner: str, mask: Any, x: Array) -> Array:
    """The mask as a boolean array that broadcasts to x's shape."""
    mask = raw(mask, x)
    if mask.dtype.kind != "b":
        raise DTypeError(
            f"{owner} needs a boolean mask, True where attention is allowed, got {mask.dtype}: "
            "use mask.astype(bool)."
        )
    sizes = zip(mask.shape[::-1], x.shape[::-1], strict=False)
    if mask.ndim > x.ndim or any(m not in (1, n) for m, n in sizes):
        raise ShapeError(
            f"{owner} needs a mask that broadcasts to {x.shape} (..., queries, keys), got "
            f"{mask.shape}."
        )
    return mask


@op
def masked_softmax(x: Array, *, mask: Array | None = None) -> Array:
    """y_j = e^x_j / sum e^x_k over the allowed k of the last axis, and 0 where mask is False.

    mask: booleans that broadcast to x's shape.   A row without any True is 0.

    >>> masked_softmax(np.array([0.0, 0.0, 9.0]), mask=np.array([True, True, False]))
    array([0.5, 0.5, 0. ])
    """
    xp = array_module(x)
    if mask is None:
        y = x - x.max(axis=-1, keepdims=True)
        xp.exp(y, out=y)
    else:
        top = xp.where(mask, x, -np.inf).max(axis=-1, keepdims=True)
        y = xp.minimum(x, top)  # what is masked may be larger than what is not
        y -= xp.where(top > -np.inf, top, 0)
        xp.exp(y, out=y)
        y *= mask
    total = sum_axes(y, x.ndim - 1, keepdims=True)
    y /= total if mask is None else total + (total == 0)
    return y


masked_softmax.defvjp(x=lambda g, y: y * (g - sum(g * y, axis=-1, keepdims=True)))
