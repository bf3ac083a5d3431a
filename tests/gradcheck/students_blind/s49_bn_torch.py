# ruff: noqa
# labels: batchnorm=right, layernorm=right
import numpy as np

def batchnorm_forward(x, gamma, beta, bn_param):
    """
    momentum: the weight of the new batch in the running averages, as in torch:
    running = (1 - momentum) * running + momentum * batch.   Default 0.1
    """
    mode = bn_param['mode']
    eps = bn_param.get('eps', 1e-5)
    m = bn_param.get('momentum', 0.1)
    rm = bn_param.get('running_mean', np.zeros(x.shape[1]))
    rv = bn_param.get('running_var', np.zeros(x.shape[1]))
    if mode == 'train':
        mu, var = x.mean(axis=0), x.var(axis=0)
        bn_param['running_mean'] = (1 - m) * rm + m * mu
        bn_param['running_var'] = (1 - m) * rv + m * var
    else:
        mu, var = rm, rv
    s = 1 / np.sqrt(var + eps)
    xhat = (x - mu) * s
    return gamma * xhat + beta, (xhat, s, gamma)

def batchnorm_backward(dout, cache):
    xhat, s, gamma = cache
    N = dout.shape[0]
    dxhat = dout * gamma
    J = np.eye(N)[:, :, None] - 1. / N - xhat[:, None] * xhat[None] / N      # N x N x D
    dx = s * np.einsum('ijd,jd->id', J, dxhat)
    return dx, np.einsum('nd,nd->d', dout, xhat), dout.sum(0)

def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get('eps', 1e-5)
    out = np.empty_like(x)
    cache = []
    for n, row in enumerate(x):
        m = sum(row) / len(row)
        v = sum((row - m) ** 2) / len(row)
        r = (row - m) / (v + eps) ** .5
        out[n] = gamma * r + beta
        cache.append((r, (v + eps) ** .5))
    return out, (cache, gamma)

def layernorm_backward(dout, cache):
    rows, gamma = cache
    dx = np.empty_like(dout)
    dgamma = np.zeros_like(gamma)
    for n, (r, s) in enumerate(rows):
        g = dout[n] * gamma
        dx[n] = (g - g.mean() - r * (g @ r) / len(r)) / s
        dgamma += dout[n] * r
    return dx, dgamma, dout.sum(axis=0)
