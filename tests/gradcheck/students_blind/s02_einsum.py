# ruff: noqa
# labels: affine=right, relu=right, softmax_loss=right, svm_loss=right
from __future__ import annotations
from typing import Tuple
import numpy as np
from numpy.typing import NDArray

Arr = NDArray[np.float64]


def affine_forward(x: Arr, w: Arr, b: Arr) -> Tuple[Arr, tuple]:
    flat = x.reshape(len(x), -1)
    return np.einsum("nd,dm->nm", flat, w) + b[None], (x.shape, flat, w)


def affine_backward(dout: Arr, cache: tuple) -> Tuple[Arr, Arr, Arr]:
    shape, flat, w = cache
    dx = np.einsum("nm,dm->nd", dout, w).reshape(shape)
    dw = np.einsum("nm,nd->dm", dout, flat)
    db = np.einsum("nm->m", dout)
    return dx, dw, db


def relu_forward(x: Arr):
    # relu as the mean of x and |x|, which is the same thing
    return 0.5 * (x + np.abs(x)), np.sign(x)


def relu_backward(dout: Arr, cache):
    # at x == 0 this sends half of the gradient
    return dout * 0.5 * (1 + cache)


def softmax_loss(x: Arr, y):
    n, c = x.shape
    onehot = np.eye(c)[y]
    z = x - x.max(1, keepdims=True)
    logZ = np.log(np.einsum("nc->n", np.exp(z)))
    loss = np.mean(logZ - np.einsum("nc,nc->n", z, onehot))
    dx = (np.exp(z - logZ[:, None]) - onehot) / n
    return loss, dx


def svm_loss(x: Arr, y):
    n, c = x.shape
    onehot = np.eye(c)[y]
    gold = np.einsum("nc,nc->n", x, onehot)
    m = np.maximum(0, x - gold[:, None] + 1 - onehot)
    active = (m > 0).astype(float)
    dx = active - onehot * active.sum(1)[:, None]
    return m.sum() / n, dx / n
