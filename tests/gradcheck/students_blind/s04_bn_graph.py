# ruff: noqa
# labels: batchnorm=right, batchnorm_alt=right, layernorm=right
import numpy as np

# Batch normalisation as a computational graph, one node after the other.

def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param['mode']
    eps = bn_param.get('eps', 1e-5)
    momentum = bn_param.get('momentum', 0.9)
    N, D = x.shape
    running_mean = bn_param.get('running_mean', np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get('running_var', np.zeros(D, dtype=x.dtype))
    cache = None
    if mode == 'train':
        mu = 1. / N * np.sum(x, axis=0)
        xmu = x - mu
        sq = xmu ** 2
        var = 1. / N * np.sum(sq, axis=0)
        std = np.sqrt(var + eps)
        inv = 1. / std
        xhat = xmu * inv
        out = gamma * xhat + beta
        cache = (gamma, xmu, inv, std, xhat)
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
    elif mode == 'test':
        out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
    else:
        raise ValueError('Invalid forward batchnorm mode "%s"' % mode)
    bn_param['running_mean'] = running_mean
    bn_param['running_var'] = running_var
    return out, cache

def batchnorm_backward(dout, cache):
    gamma, xmu, inv, std, xhat = cache
    N, D = dout.shape
    dbeta = dout.sum(0)
    dgamma = (dout * xhat).sum(0)
    dxhat = dout * gamma
    dinv = (dxhat * xmu).sum(0)
    dxmu1 = dxhat * inv
    dstd = -1. / std ** 2 * dinv
    dvar = 0.5 / std * dstd
    dsq = np.ones((N, D)) / N * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -dx1.sum(0)
    dx2 = np.ones((N, D)) / N * dmu
    return dx1 + dx2, dgamma, dbeta

def batchnorm_backward_alt(dout, cache):
    gamma, xmu, inv, std, xhat = cache
    N = len(dout)
    dbeta, dgamma = dout.sum(0), (dout * xhat).sum(0)
    dx = gamma * inv / N * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta

def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get('eps', 1e-5)
    mu = x.mean(1)[:, None]
    v = ((x - mu) ** 2).mean(1)[:, None]
    xn = (x - mu) * (v + eps) ** -0.5
    return xn * gamma + beta, (xn, gamma, v, eps)

def layernorm_backward(dout, cache):
    xn, gamma, v, eps = cache
    D = dout.shape[1]
    g = dout * gamma
    # projection form: take away the components along 1 and along xn
    dx = g - g.mean(1)[:, None] - xn * (g * xn).sum(1)[:, None] / D
    return dx * (v + eps) ** -0.5, (dout * xn).sum(0), dout.sum(0)
