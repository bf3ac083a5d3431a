# ruff: noqa
# labels: batchnorm=wrong backward, layernorm=wrong backward
import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    mode, eps = bn_param['mode'], bn_param.get('eps', 1e-5)
    momentum = bn_param.get('momentum', 0.9)
    D = x.shape[1]
    rm, rv = bn_param.get('running_mean', np.zeros(D)), bn_param.get('running_var', np.zeros(D))
    if mode == 'train':
        mean, var = x.mean(0), x.var(0)
        rm, rv = momentum * rm + (1 - momentum) * mean, momentum * rv + (1 - momentum) * var
    else:
        mean, var = rm, rv
    z = (x - mean) / np.sqrt(var + eps)
    bn_param['running_mean'], bn_param['running_var'] = rm, rv
    return z * gamma + beta, (z, gamma, np.sqrt(var + eps))


def batchnorm_backward(dout, cache):
    z, gamma, std = cache
    N = dout.shape[0]
    dbeta = dout.sum(0)
    dgamma = (z * dout).sum(0)
    dx = gamma / std * (dout - dbeta / N - z * dgamma / N)
    return dx, dbeta, dgamma


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get('eps', 1e-5)
    mu = x.mean(1)[:, None]
    std = np.sqrt(x.var(1) + eps)[:, None]
    z = (x - mu) / std
    return z * gamma + beta, (z, gamma, std)


def layernorm_backward(dout, cache):
    z, gamma, std = cache
    N, D = dout.shape
    dbeta = dout.sum(0)
    dgamma = (z * dout).sum(0)
    dz = dout * gamma
    dx = 1.0 / N / std * (N * dz - dz.sum(1, keepdims=True) - z * (dz * z).sum(1, keepdims=True))
    return dx, dgamma, dbeta
