# ruff: noqa
# labels: batchnorm=right, spatial_batchnorm=right, spatial_groupnorm=right
import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    mode, eps, momentum = bn_param['mode'], bn_param.get('eps', 1e-5), bn_param.get('momentum', 0.9)
    D = x.shape[1]
    running_mean = bn_param.get('running_mean', np.zeros(D))
    running_var = bn_param.get('running_var', np.zeros(D))
    cache = None
    if mode == 'train':
        mu, var = x.mean(axis=0), x.var(axis=0) + eps
        std = np.sqrt(var)
        z = (x - mu) / std
        out = gamma * z + beta
        cache = {'x': x, 'mean': mu, 'std': std, 'gamma': gamma, 'z': z, 'var': var}
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * (std ** 2 - eps)
    else:
        out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
    bn_param['running_mean'], bn_param['running_var'] = running_mean, running_var
    return out, cache


def batchnorm_backward(dout, cache):
    z, gamma, std = cache['z'], cache['gamma'], cache['std']
    N = dout.shape[0]
    dfdz = dout * gamma
    dudx = 1 / N
    dvdx = 2 / N * (cache['x'] - cache['mean'])
    dzdx = 1 / std
    dzdu = -1 / std
    dzdv = -0.5 * (cache['var'] ** -1.5) * (cache['x'] - cache['mean'])
    dvdu = -2 / N * np.sum(cache['x'] - cache['mean'], axis=0)
    dx = dfdz * dzdx + np.sum(dfdz * dzdu, axis=0) * dudx + np.sum(dfdz * dzdv, axis=0) * (dvdx + dvdu * dudx)
    return dx, np.sum(dout * z, axis=0), dout.sum(axis=0)


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    flat, cache = batchnorm_forward(x.transpose(0, 2, 3, 1).reshape(-1, C), gamma, beta, bn_param)
    return flat.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache


def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    dx, dgamma, dbeta = batchnorm_backward(dout.transpose(0, 2, 3, 1).reshape(-1, C), cache)
    return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), dgamma, dbeta


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    """gamma, beta: Scale and shift parameter, of shape (1, C, 1, 1)"""
    eps = gn_param.get('eps', 1e-5)
    N, C, H, W = x.shape
    xg = x.reshape(N, G, C // G, H, W)
    mean = xg.mean(axis=(2, 3, 4), keepdims=True)
    var = xg.var(axis=(2, 3, 4), keepdims=True)
    xn = ((xg - mean) / np.sqrt(var + eps)).reshape(x.shape)
    return gamma * xn + beta, (G, xn, var, gamma, eps)


def spatial_groupnorm_backward(dout, cache):
    G, xn, var, gamma, eps = cache
    N, C, H, W = dout.shape
    M = C // G * H * W
    dgamma = np.sum(dout * xn, axis=(0, 2, 3), keepdims=True)
    dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
    d = (dout * gamma).reshape(N, G, -1)
    xh = xn.reshape(N, G, -1)
    dx = (d - d.mean(2, keepdims=True) - xh * (d * xh).mean(2, keepdims=True)) / np.sqrt(var.reshape(N, G, 1) + eps)
    return dx.reshape(N, C, H, W), dgamma, dbeta
