# ruff: noqa
# labels: batchnorm=fragile, layernorm=fragile
import numpy as np

EPS = 1e-5


def _normalize(x, axis):
    mu = np.mean(x, axis=axis, keepdims=True)
    sigma = np.sqrt(np.var(x, axis=axis, keepdims=True) + EPS)
    return (x - mu) / sigma, sigma


def _back(g, xhat, sigma, axis):
    g1 = np.mean(g, axis=axis, keepdims=True)
    g2 = np.mean(g * xhat, axis=axis, keepdims=True)
    return (g - g1 - xhat * g2) / sigma


def batchnorm_forward(x, gamma, beta, bn_param):
    momentum = bn_param.get('momentum', 0.9)
    if bn_param['mode'] == 'train':
        xhat, sigma = _normalize(x, 0)
        for key, val in (('running_mean', x.mean(0)), ('running_var', x.var(0))):
            bn_param[key] = momentum * bn_param.get(key, 0.0) + (1 - momentum) * val
    else:
        sigma = np.sqrt(bn_param['running_var'] + EPS)
        xhat = (x - bn_param['running_mean']) / sigma
    return gamma * xhat + beta, (xhat, sigma, gamma)


def batchnorm_backward(dout, cache):
    xhat, sigma, gamma = cache
    return _back(dout * gamma, xhat, sigma, 0), (dout * xhat).sum(0), dout.sum(0)


def layernorm_forward(x, gamma, beta, ln_param):
    xhat, sigma = _normalize(x, 1)
    return gamma * xhat + beta, (xhat, sigma, gamma)


def layernorm_backward(dout, cache):
    xhat, sigma, gamma = cache
    return _back(dout * gamma, xhat, sigma, 1), (dout * xhat).sum(0), dout.sum(0)
