# ruff: noqa
# labels: affine=wrong backward, relu=right, batchnorm=not implemented, layernorm=raises
import numpy as np


def affine_forward(x, w, b):
    return x.reshape(len(x), -1).dot(w) + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    db = dout.sum(0)
    dx = dout.dot(w.T).reshape(x.shape)
    return dx, None, db


def relu_forward(x):
    cache = np.array(x)
    return cache.clip(min=0), cache


def relu_backward(dout, cache):
    dx = dout.copy()
    dx[cache < 0] = 0
    return dx


def batchnorm_forward(x, gamma, beta, bn_param):
    eps, momentum = bn_param.get('eps', 1e-5), bn_param.get('momentum', 0.9)
    if bn_param['mode'] == 'train':
        mu, var = x.mean(0), x.var(0)
        bn_param['running_mean'] = momentum * bn_param.get('running_mean', 0.) + (1 - momentum) * mu
        bn_param['running_var'] = momentum * bn_param.get('running_var', 0.) + (1 - momentum) * var
    else:
        mu, var = bn_param['running_mean'], bn_param['running_var']
    xhat = (x - mu) / np.sqrt(var + eps)
    return xhat * gamma + beta, (xhat, gamma, var, eps)


def batchnorm_backward(dout, cache):
    dx, dgamma, dbeta = None, None, None
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get('eps', 1e-5)
    mu = x.mean(axis=1)
    xhat = (x - mu) / np.sqrt(x.var(axis=1) + eps)
    return xhat * gamma + beta, (xhat, gamma)


def layernorm_backward(dout, cache):
    xhat, gamma = cache
    return dout * gamma, (dout * xhat).sum(0), dout.sum(0)
