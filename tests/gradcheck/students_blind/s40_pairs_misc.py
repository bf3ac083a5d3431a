# ruff: noqa
# labels: batchnorm=wrong forward, spatial_groupnorm=right, word_embedding=right, temporal_affine=wrong backward
import numpy as np

# everything with an exact match between comment and code... mostly

def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param['mode']
    eps = bn_param.get('eps', 1e-5)
    momentum = bn_param.get('momentum', 0.9)
    D = x.shape[1]
    running_mean = bn_param.get('running_mean', np.zeros(D))
    running_var = bn_param.get('running_var', np.zeros(D))
    if mode == 'train':
        mu = x.mean(0); var = x.var(0)
        xhat = (x - mu) / np.sqrt(var + eps)
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * np.sqrt(var + eps)
        cache = xhat, np.sqrt(var + eps), gamma
    else:
        xhat = (x - running_mean) / running_var        # keeps the deviation, not the variance
        cache = xhat, running_var, gamma
    bn_param['running_mean'], bn_param['running_var'] = running_mean, running_var
    return gamma * xhat + beta, cache

def batchnorm_backward(dout, cache):
    xhat, s, gamma = cache
    N = xhat.shape[0]
    dxhat = dout * gamma
    dx = 1 / N / s * (N * dxhat - dxhat.sum(0) - xhat * np.sum(dxhat * xhat, 0))
    return dx, np.sum(dout * xhat, 0), np.sum(dout, 0)

def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    eps = gn_param.get('eps', 1e-5)
    N, C, H, W = x.shape
    size = (N * G, C // G * H * W)
    z = x.reshape(size).T
    mu = z.mean(0)
    s = np.sqrt(z.var(0) + eps)
    zn = (z - mu) / s
    xn = zn.T.reshape(N, C, H, W)
    shape = (1, C, 1, 1)
    out = gamma.reshape(shape) * xn + beta.reshape(shape)
    return out, (xn, zn, s, gamma, size)

def spatial_groupnorm_backward(dout, cache):
    xn, zn, s, gamma, size = cache
    C = dout.shape[1]
    dgamma = (dout * xn).sum((0, 2, 3), keepdims=True).reshape(gamma.shape)
    dbeta = dout.sum((0, 2, 3), keepdims=True).reshape(gamma.shape)
    g = (dout * gamma.reshape(1, C, 1, 1)).reshape(size).T
    M = g.shape[0]
    d = (g - g.sum(0) / M - zn * (g * zn).sum(0) / M) / s
    return d.T.reshape(dout.shape), dgamma, dbeta

def word_embedding_forward(x, W):
    N, T = x.shape
    out = np.zeros((N, T, W.shape[1]))
    for n in range(N):
        for t in range(T):
            out[n, t] = W[x[n, t]]
    return out, (x, W)

def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros(W.shape)
    for n in range(x.shape[0]):
        for t in range(x.shape[1]):
            dW[x[n, t]] += dout[n, t]
    return dW

def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    out = np.stack([x[:, t] @ w + b for t in range(T)], axis=1)
    return out, (x, w, b)

def temporal_affine_backward(dout, cache):
    x, w, b = cache
    N, T, D = x.shape
    dx = np.stack([dout[:, t] @ w.T for t in range(T)], axis=1)
    dw = sum(x[:, t].T @ dout[:, t] for t in range(T))
    db = dout[:, -1].sum(axis=0)        # bias of the last step
    return dx, dw, db
