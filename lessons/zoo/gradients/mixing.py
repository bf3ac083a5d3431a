"""Layers in which an output depends on several inputs, or an input feeds several outputs."""

from __future__ import annotations

import numpy as np

__all__: list[str] = []


def affine_forward(x, W, b):
    return x @ W + b, (x, W)


def affine_backward(g, cache):
    x, W = cache
    dx = g @ W.T
    dW = x.T @ g
    db = g.mean(axis=0)
    return dx, dW, db


def embedding_forward(W, ids):
    return W[ids], (W.shape, ids)


def embedding_backward(g, cache):
    shape, ids = cache
    dW = np.zeros(shape)
    dW[ids] += g
    return (dW,)


def layer_norm_forward(x, gamma, beta):
    mean = x.mean(axis=1, keepdims=True)
    std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std)


def layer_norm_backward(g, cache):
    x_hat, gamma, std = cache
    dgamma = (g * x_hat).sum(axis=0)
    dbeta = g.sum(axis=0)
    dx = g * gamma / std
    return dx, dgamma, dbeta


def residual_forward(x, W):
    t = np.tanh(x @ W)
    return x + t, (x, W, t)


def residual_backward(g, cache):
    x, W, t = cache
    dz = g * (1 - t * t)
    return dz @ W.T, x.T @ dz


def row_max_forward(x):
    winner = x.argmax(axis=1)
    return x.max(axis=1), (x.shape, winner)


def row_max_backward(g, cache):
    (rows, columns), winner = cache
    dx = np.zeros((rows, columns))
    for i in range(rows):
        dx[i, winner[i]] = g[i]
    return (dx,)


def running_sum_forward(x):
    return np.cumsum(x), None


def running_sum_backward(g, cache):
    return (g.sum() - np.cumsum(g) + g,)


def scores_forward(Q, K):
    d = Q.shape[1]
    return Q @ K.T / np.sqrt(d), (Q, K)


def scores_backward(g, cache):
    Q, K = cache
    scale = Q.shape[1] ** -0.5
    return g @ K * scale, g @ Q * scale


def softmax_forward(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    y = e / e.sum(axis=1, keepdims=True)
    return y, y


def softmax_backward(g, cache):
    y = cache
    inner = np.einsum("ij,ij->i", g, y)
    return (y * (g - inner[:, None]),)


def unit_rows_forward(x):
    length = np.sqrt((x * x).sum(axis=1, keepdims=True))
    y = x / length
    return y, (y, length)


def unit_rows_backward(g, cache):
    y, length = cache
    along = (g * y).sum(axis=1, keepdims=True) * y
    return ((g - along) / length,)
