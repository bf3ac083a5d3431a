# ruff: noqa
# labels: batchnorm=wrong forward, layernorm=wrong forward
import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    eps = bn_param.get('eps', 1e-5)
    momentum = bn_param.get('momentum', 0.9)
    mu, var = x.mean(axis=0), x.var(axis=0)
    if bn_param['mode'] == 'train':
        D = x.shape[1]
        bn_param['running_mean'] = momentum * bn_param.get('running_mean', np.zeros(D)) + (1 - momentum) * mu
        bn_param['running_var'] = momentum * bn_param.get('running_var', np.zeros(D)) + (1 - momentum) * var
    std = np.sqrt(var + eps)
    xhat = (x - mu) / std
    return xhat * gamma + beta, (xhat, gamma, std)


def batchnorm_backward(dout, cache):
    xhat, gamma, std = cache
    dxhat = dout * gamma
    dx = (dxhat - dxhat.mean(axis=0) - xhat * (dxhat * xhat).mean(axis=0)) / std
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)


def layernorm_forward(x, gamma, beta, ln_param):
    # same thing as batchnorm without the running stuff
    out, cache = batchnorm_forward(x, gamma, beta, {'mode': 'test', 'eps': ln_param.get('eps', 1e-5)})
    return out, cache


def layernorm_backward(dout, cache):
    return batchnorm_backward(dout, cache)
