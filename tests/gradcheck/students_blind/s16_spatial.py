# ruff: noqa
# labels: batchnorm=right, spatial_batchnorm=right, spatial_groupnorm=right
import numpy as np

def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps, mom = bn_param.get("eps", 1e-5), bn_param.get("momentum", .9)
    D = x.shape[1]
    rm = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    rv = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))
    if mode == "train":
        m = x.mean(axis=0); v = x.var(axis=0)
        xn = (x - m) / np.sqrt(v + eps)
        cache = (xn, v, eps, gamma)
        rm = mom * rm + (1 - mom) * m
        rv = mom * rv + (1 - mom) * v
    else:
        xn = (x - rm) / np.sqrt(rv + eps)
        cache = None
    bn_param["running_mean"], bn_param["running_var"] = rm, rv
    return gamma * xn + beta, cache

def batchnorm_backward(dout, cache):
    xn, v, eps, gamma = cache
    N = dout.shape[0]
    dg = (dout * xn).sum(axis=0); db = dout.sum(axis=0)
    dxn = dout * gamma
    dx = (N * dxn - dxn.sum(axis=0) - xn * (dxn * xn).sum(axis=0)) / (N * np.sqrt(v + eps))
    return dx, dg, db

def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    flat = x.transpose(0, 2, 3, 1).reshape(-1, C)
    out, cache = batchnorm_forward(flat, gamma, beta, bn_param)
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache

def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    dx, dgamma, dbeta = batchnorm_backward(dout.transpose(0, 2, 3, 1).reshape(-1, C), cache)
    return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), dgamma, dbeta

def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    eps = gn_param.get("eps", 1e-5)
    N, C, H, W = x.shape
    xg = x.reshape(N, G, C // G, H, W)
    m = xg.mean(axis=(2, 3, 4), keepdims=True)
    v = xg.var(axis=(2, 3, 4), keepdims=True)
    xn = ((xg - m) / np.sqrt(v + eps)).reshape(x.shape)
    out = gamma.reshape(1, C, 1, 1) * xn + beta.reshape(1, C, 1, 1)
    return out, (xn, v, eps, gamma, G)

def spatial_groupnorm_backward(dout, cache):
    xn, v, eps, gamma, G = cache
    N, C, H, W = dout.shape
    dgamma = (dout * xn).sum(axis=(0, 2, 3)).reshape(gamma.shape)
    dbeta = dout.sum(axis=(0, 2, 3)).reshape(gamma.shape)
    g = (dout * gamma.reshape(1, C, 1, 1)).reshape(N, G, -1)
    z = xn.reshape(N, G, -1)
    d = g - g.mean(axis=2, keepdims=True) - z * (g * z).mean(axis=2, keepdims=True)
    d = d / np.sqrt(v.reshape(N, G, 1) + eps)
    return d.reshape(dout.shape), dgamma, dbeta
