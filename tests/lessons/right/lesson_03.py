"""Right answers to the exercises of lesson 3, in other styles than the notebook's own."""

from __future__ import annotations

import numpy as np
from minnet_lessons.zoo.gradients.key import KEY


def multiply_as_list(g, cache):
    return [np.multiply(cache[1], g), np.multiply(cache[0], g)]


def multiply_in_loops(g, cache):
    x, y = cache
    dx, dy = np.empty_like(x), np.empty_like(y)
    for i in np.ndindex(g.shape):
        dx[i], dy[i] = g[i] * y[i], g[i] * x[i]
    return dx, dy


def multiply_stacked(g, cache):
    return g * np.stack(cache[::-1])


def affine_in_loops(g, cache):
    x, W = cache
    dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros(W.shape[1])
    for n in range(len(x)):
        for d in range(W.shape[0]):
            for m in range(W.shape[1]):
                dx[n, d] += W[d, m] * g[n, m]
                dW[d, m] += x[n, d] * g[n, m]
    for row in g:
        db = db + row
    return dx, dW, db


def affine_with_einsum(g, cache):
    x, W = cache
    d = np.einsum("nm,dm->nd", g, W), np.einsum("nd,nm->dm", x, g), np.einsum("nm->m", g)
    return list(d)


def affine_with_ones(g, cache):
    x, W = cache
    return np.dot(W, g.T).T, np.dot(g.T, x).T, np.ones(len(g)) @ g


def unbroadcast_one_at_a_time(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis in range(len(shape)):
        if shape[axis] == 1:
            g = np.sum(g, axis=axis, keepdims=True)
    return g


def unbroadcast_by_reshape(g, shape):
    padded = (1,) * (g.ndim - len(shape)) + tuple(shape)
    axes = tuple(i for i in range(g.ndim) if padded[i] != g.shape[i])
    extra = tuple(range(g.ndim - len(shape)))
    return g.sum(axis=axes + tuple(a for a in extra if a not in axes)).reshape(shape)


def unbroadcast_by_counting(g, shape):
    out = np.zeros(shape)
    places = np.broadcast_to(np.arange(out.size).reshape(shape), g.shape)
    np.add.at(out.reshape(-1), places, g)
    return out


def cross_entropy_by_rows(scores, labels):
    N, C = scores.shape
    loss, d = 0.0, np.zeros((N, C))
    for i in range(N):
        top = max(scores[i])
        total = sum(np.exp(s - top) for s in scores[i])
        loss += np.log(total) + top - scores[i, labels[i]]
        for j in range(C):
            d[i, j] = np.exp(scores[i, j] - top) / total - (j == labels[i])
    return float(loss / N), d / N


def cross_entropy_with_one_hot(scores, labels):
    t = np.eye(scores.shape[1])[labels]
    z = scores - np.max(scores, axis=1)[:, None]
    e = np.exp(z)
    loss = np.mean(np.log(e.sum(1)) - np.sum(t * z, axis=1))
    return [np.array(loss), (e / e.sum(1)[:, None] - t) / t.shape[0]]


def cross_entropy_with_logaddexp(scores, labels):
    log_sum = np.logaddexp.reduce(scores, axis=1)
    rows = range(len(scores))
    d = np.exp(scores - log_sum[:, None])
    d[rows, labels] -= 1.0
    d /= d.shape[0]
    return (log_sum - scores[rows, labels]).mean(), d


def batch_norm_with_sums(g, cache):
    x_hat, gamma, s = cache
    N = g.shape[0]
    dgamma, dbeta = np.sum(g * x_hat, axis=0), np.sum(g, axis=0)
    return gamma / (N * s) * (N * g - dbeta - x_hat * dgamma), dgamma, dbeta


def batch_norm_in_steps(g, cache):
    x_hat, gamma, s = cache
    N, centred = len(g), x_hat * s
    dx_hat = g * gamma
    dvar = np.sum(dx_hat * centred, axis=0) * -0.5 * s**-3
    dmean = -np.sum(dx_hat, axis=0) / s
    return dx_hat / s + dvar * 2 * centred / N + dmean / N, (g * x_hat).sum(0), g.sum(0)


def batch_norm_column_by_column(g, cache):
    x_hat, gamma, s = cache
    dx = np.empty_like(g)
    N = len(g)
    for k in range(g.shape[1]):
        basis = np.stack([np.ones(N), x_hat[:, k]])
        dx[:, k] = gamma[k] / s[k] * (g[:, k] - basis.T @ (basis @ g[:, k]) / N)
    return [dx, np.einsum("nd,nd->d", g, x_hat), np.add.reduce(g)]


RIGHT = {
    "3.1": [(multiply_as_list,), (multiply_in_loops,), (multiply_stacked,)],
    "3.2": [(affine_in_loops,), (affine_with_einsum,), (affine_with_ones,)],
    "3.3": [
        (unbroadcast_one_at_a_time,),
        (unbroadcast_by_reshape,),
        (unbroadcast_by_counting,),
    ],
    "3.4": [
        (cross_entropy_by_rows,),
        (cross_entropy_with_one_hot,),
        (cross_entropy_with_logaddexp,),
    ],
    "3.5": [(batch_norm_with_sums,), (batch_norm_in_steps,), (batch_norm_column_by_column,)],
    "3.6": [(dict(KEY),), (dict(sorted(KEY.items(), reverse=True)),)],
}
