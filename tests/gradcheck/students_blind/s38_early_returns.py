# ruff: noqa
# labels: dropout=right, affine=wrong backward, layernorm=right
import numpy as np
from layer_utils import *          # not in this folder


def dropout_forward(x, dropout_param):
    p, mode = dropout_param['p'], dropout_param['mode']
    seed = dropout_param.get('seed')
    rng = np.random.RandomState(seed)
    if mode != 'train':
        return x, None
    mask = rng.uniform(size=x.shape) < p
    return x * mask / p, (mask, p)


def dropout_backward(dout, cache):
    if cache is None:
        return dout
    mask, p = cache
    return np.where(mask, dout / p, 0)


def affine_forward(x, w, b):
    if x.ndim > 2:
        return affine_forward(x.reshape(len(x), -1), w, b)
    return x.dot(w) + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    return dout.dot(w.T).reshape(x.shape), x.T.dot(dout), dout.sum(0)


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get('eps', 1e-5)
    x = x.T
    mu = x.mean(axis=0)
    std = np.sqrt(x.var(axis=0) + eps)
    z = (x - mu) / std
    return z.T * gamma + beta, (z, std, gamma)


def layernorm_backward(dout, cache):
    z, std, gamma = cache
    D = z.shape[0]
    dgamma = (dout.T * z).sum(axis=1)
    dbeta = dout.sum(axis=0)
    g = (dout * gamma).T
    dz = (1. / D) * (D * g - g.sum(axis=0) - z * (g * z).sum(axis=0)) / std
    return dz.T, dgamma, dbeta
