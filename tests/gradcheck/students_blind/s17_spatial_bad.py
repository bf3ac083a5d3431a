# ruff: noqa
# labels: batchnorm=wrong backward, spatial_batchnorm=wrong forward, spatial_groupnorm=wrong backward
import numpy as np

def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param['mode']
    eps = bn_param.get('eps', 1e-5)
    momentum = bn_param.get('momentum', 0.9)
    N, D = x.shape
    running_mean = bn_param.get('running_mean', np.zeros(D))
    running_var = bn_param.get('running_var', np.zeros(D))
    cache = {}
    if mode == 'train':
        mu = x.mean(0)
        var = x.var(0)
        xhat = (x - mu) / np.sqrt(var + eps)
        out = gamma * xhat + beta
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
        cache = dict(xhat=xhat, istd=1 / np.sqrt(var + eps), gamma=gamma)
    elif mode == 'test':
        out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
    bn_param['running_mean'] = running_mean
    bn_param['running_var'] = running_var
    return out, cache

def batchnorm_backward(dout, cache):
    xhat, istd, gamma = cache['xhat'], cache['istd'], cache['gamma']
    dgamma = np.sum(dout * xhat, 0)
    dbeta = np.sum(dout, 0)
    dx = gamma * istd * dout       # treat mean and var as constants
    return dx, dgamma, dbeta

def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    # (N*H*W, C) as the hint says
    x2 = x.reshape(N * H * W, C)
    out, cache = batchnorm_forward(x2, gamma, beta, bn_param)
    return out.reshape(N, C, H, W), cache

def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    d2 = dout.reshape(N * H * W, C)
    xhat, istd, gamma = cache['xhat'], cache['istd'], cache['gamma']
    dgamma = np.sum(d2 * xhat, 0)
    dbeta = np.sum(d2, 0)
    g = d2 * gamma
    dx = istd * (g - g.mean(0) - xhat * (g * xhat).mean(0))
    return dx.reshape(N, C, H, W), dgamma, dbeta

def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    eps = gn_param.get('eps', 1e-5)
    N, C, H, W = x.shape
    xg = x.reshape(N * G, -1)
    mu = xg.mean(1, keepdims=True)
    var = xg.var(1, keepdims=True)
    xh = (xg - mu) / np.sqrt(var + eps)
    xh = xh.reshape(N, C, H, W)
    out = gamma * xh + beta
    return out, (xh, var, eps, gamma, G)

def spatial_groupnorm_backward(dout, cache):
    xh, var, eps, gamma, G = cache
    N, C, H, W = dout.shape
    dgamma = np.sum(dout * xh, axis=(0, 2, 3), keepdims=True)
    dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
    g = dout.reshape(N * G, -1)           # gamma forgotten here
    z = xh.reshape(N * G, -1)
    dx = (g - g.mean(1, keepdims=True) - z * (g * z).mean(1, keepdims=True)) / np.sqrt(var + eps)
    return dx.reshape(N, C, H, W), dgamma, dbeta
