# ruff: noqa
# labels: batchnorm=right, batchnorm_alt=fragile, affine_bn_relu=right, conv_bn_relu=right
import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    m = bn_param.get('momentum', 0.9)
    eps = bn_param.get('eps', 1e-5)
    if bn_param['mode'] == 'test':
        s = np.sqrt(bn_param['running_var'] + eps)
        return (x - bn_param['running_mean']) / s * gamma + beta, None
    n = x.shape[0]
    mean = np.ones(n).dot(x) / n
    c = x - mean
    var = np.einsum('nd,nd->d', c, c) / n
    # the running variance is the unbiased one, as in torch
    bn_param['running_mean'] = m * bn_param.get('running_mean', 0 * mean) + (1 - m) * mean
    bn_param['running_var'] = m * bn_param.get('running_var', 0 * mean) + (1 - m) * var * n / (n - 1)
    inv = 1 / np.sqrt(var + eps)
    return c * inv * gamma + beta, [c, inv, gamma]


def batchnorm_backward(dout, cache):
    c, inv, gamma = cache
    n = len(c)
    P = np.eye(n) - 1 / n
    dxhat = dout * gamma
    dvar = (dxhat * c).sum(0) * -0.5 * inv ** 3
    dc = dxhat * inv + dvar * 2 * c / n
    return P.dot(dc), (dout * c * inv).sum(0), dout.sum(0)


def batchnorm_backward_alt(dout, cache):
    c, inv, gamma = cache
    n = len(c)
    c *= inv
    dgamma, dbeta = (dout * c).sum(0), dout.sum(0)
    return gamma * inv * (dout - dbeta / n - c * dgamma / n), dgamma, dbeta


def affine_bn_relu_forward(x, w, b, gamma, beta, bn_param):
    a = x.dot(w) + b
    z, bn_cache = batchnorm_forward(a, gamma, beta, bn_param)
    return np.maximum(z, 0), (x, w, z, bn_cache)


def affine_bn_relu_backward(dout, cache):
    x, w, z, bn_cache = cache
    da, dgamma, dbeta = batchnorm_backward(dout * (z > 0), bn_cache)
    return da.dot(w.T), x.T.dot(da), da.sum(0), dgamma, dbeta, 


def conv_bn_relu_forward(x, w, b, gamma, beta, conv_param, bn_param):
    p, s = conv_param['pad'], conv_param['stride']
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    win = np.lib.stride_tricks.sliding_window_view(xp, w.shape[2:], (2, 3))[:, :, ::s, ::s]
    a = np.einsum('ncijhv,fchv->nijf', win, w) + b
    z, bn_cache = batchnorm_forward(a.reshape(-1, len(b)), gamma, beta, bn_param)
    z = z.reshape(a.shape).transpose(0, 3, 1, 2)
    return z * (z > 0), (x, w, win, z, bn_cache, p, s)


def conv_bn_relu_backward(dout, cache):
    x, w, win, z, bn_cache, p, s = cache
    d = (dout * (z > 0)).transpose(0, 2, 3, 1)
    da, dgamma, dbeta = batchnorm_backward(d.reshape(-1, d.shape[3]), bn_cache)
    da = da.reshape(d.shape)
    dw = np.einsum('nijf,ncijhv->fchv', da, win)
    dxp = np.zeros((x.shape[0], x.shape[1], x.shape[2] + 2 * p, x.shape[3] + 2 * p))
    for i in range(da.shape[1]):
        for j in range(da.shape[2]):
            dxp[:, :, i*s:i*s+w.shape[2], j*s:j*s+w.shape[3]] += np.einsum('nf,fchv->nchv', da[:, i, j], w)
    dx = dxp[:, :, p:dxp.shape[2]-p, p:dxp.shape[3]-p]
    return dx, dw, da.sum((0, 1, 2)), dgamma, dbeta
