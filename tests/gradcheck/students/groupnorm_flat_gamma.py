# ruff: noqa
# labels: spatial_groupnorm=right
import numpy as np


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    """gamma: Scale parameter, of shape (C,)"""
    eps = gn_param.get('eps', 1e-5)
    N, C, H, W = x.shape
    groups = np.split(x, G, axis=1)
    normed, stds = [], []
    for g in groups:
        s = np.sqrt(g.var(axis=(1, 2, 3), keepdims=True) + eps)
        normed.append((g - g.mean(axis=(1, 2, 3), keepdims=True)) / s)
        stds.append(s)
    xhat = np.concatenate(normed, axis=1)
    out = xhat * gamma.reshape(C, 1, 1) + beta.reshape(C, 1, 1)
    return out, (xhat, normed, stds, gamma)


def spatial_groupnorm_backward(dout, cache):
    xhat, normed, stds, gamma = cache
    dgamma = np.einsum('nchw,nchw->c', dout, xhat)
    dbeta = np.einsum('nchw->c', dout)
    dxhat = np.split(dout * gamma.reshape(-1, 1, 1), len(stds), axis=1)
    ax = dict(axis=(1, 2, 3), keepdims=True)
    dx = [(d - d.mean(**ax) - z * (d * z).mean(**ax)) / s for d, z, s in zip(dxhat, normed, stds)]
    return np.concatenate(dx, axis=1), dgamma, dbeta
