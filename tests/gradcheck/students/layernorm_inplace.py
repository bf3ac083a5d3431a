# ruff: noqa
# labels: layernorm=fragile
import numpy as np


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get('eps', 1e-5)
    x -= x.mean(axis=1, keepdims=True)          # saves memory!
    std = np.sqrt((x ** 2).mean(axis=1, keepdims=True) + eps)
    xhat = x / std
    return gamma * xhat + beta, (xhat, gamma, std)


def layernorm_backward(dout, cache):
    xhat, gamma, std = cache
    D = xhat.shape[1]
    g = dout * gamma
    dx = (g - g.sum(1, keepdims=True) / D - xhat * (g * xhat).sum(1, keepdims=True) / D) / std
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)
