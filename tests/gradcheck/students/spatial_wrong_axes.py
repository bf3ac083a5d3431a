# ruff: noqa
# labels: spatial_batchnorm=wrong forward, spatial_groupnorm=wrong backward
import numpy as np


def _bn(x, gamma, beta, p):
    eps, m = p.get('eps', 1e-5), p.get('momentum', .9)
    if p['mode'] == 'train':
        mu, var = x.mean(0), x.var(0)
        p['running_mean'] = m * p.get('running_mean', 0) + (1 - m) * mu
        p['running_var'] = m * p.get('running_var', 0) + (1 - m) * var
    else:
        mu, var = p['running_mean'], p['running_var']
    xh = (x - mu) / np.sqrt(var + eps)
    return gamma * xh + beta, (xh, gamma, np.sqrt(var + eps))


def _bn_back(d, cache):
    xh, gamma, s = cache
    g = d * gamma
    return (g - g.mean(0) - xh * (g * xh).mean(0)) / s, (d * xh).sum(0), d.sum(0)


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    out, cache = _bn(x.reshape(N * H * W, C), gamma, beta, bn_param)
    return out.reshape(N, C, H, W), cache


def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    dx, dg, db = _bn_back(dout.reshape(N * H * W, C), cache)
    return dx.reshape(N, C, H, W), dg, db


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    eps = gn_param.get('eps', 1e-5)
    N, C, H, W = x.shape
    x_ = x.reshape(N * G, -1).T
    mu, var = x_.mean(0), x_.var(0)
    xh = ((x_ - mu) / np.sqrt(var + eps)).T.reshape(N, C, H, W)
    return gamma * xh + beta, (xh, var, gamma, eps, G)


def spatial_groupnorm_backward(dout, cache):
    xh, var, gamma, eps, G = cache
    N, C, H, W = dout.shape
    dgamma = (dout * xh).sum(axis=(0, 2, 3), keepdims=True)
    dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
    g = (dout * gamma).reshape(N * G, -1).T
    z = xh.reshape(N * G, -1).T
    n = N                                     # number of elements
    dx = (n * g - g.sum(0) - z * (g * z).sum(0)) / (n * np.sqrt(var + eps))
    return dx.T.reshape(N, C, H, W), dgamma, dbeta
