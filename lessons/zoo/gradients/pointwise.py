"""Layers in which every output has its own input."""

from __future__ import annotations

import numpy as np

__all__: list[str] = []

_last: dict = {}


def clip_forward(x):
    return np.clip(x, -1, 1), x


def clip_backward(g, cache):
    x = cache
    dx = g * np.ones_like(x)
    return (dx,)


def mean_squares_forward(x, t):
    d = x - t
    return np.mean(d**2), d


def mean_squares_backward(g, cache):
    d = cache
    dx = g * d / (0.5 * d.size)
    return dx, -dx


def relu_forward(x):
    y = np.maximum(x, 0)
    return y, y > 0


def relu_backward(g, cache):
    off = ~cache
    g[off] = 0
    return (g,)


def sigmoid_forward(x):
    y = 1 / (1 + np.exp(-x))
    return y, x


def sigmoid_backward(g, cache):
    x = cache
    return (g * x * (1 - x),)


def softplus_forward(x):
    return np.log1p(np.exp(x)), x


def softplus_backward(g, cache):
    x = cache
    dx = 1 / (1 + np.exp(-x))
    return (dx,)


def swish_forward(x):
    s = 1 / (1 + np.exp(-x))
    _last["x"], _last["s"] = x, s
    return x * s, None


def swish_backward(g, cache):
    x, s = _last["x"], _last["s"]
    return (g * (s + x * s * (1 - s)),)
