# ruff: noqa
# labels: batchnorm=right, layernorm=right
import numpy as np

def batchnorm_forward(x, gamma, beta, bn_param):
    """Batch norm. The normaliser is the biased variance; what is remembered for test time is the
    unbiased one (divided by N - 1), as PyTorch and the paper do. momentum weighs the old value."""
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    rm = bn_param.get("running_mean", np.zeros(D))
    rv = bn_param.get("running_var", np.zeros(D))
    if bn_param["mode"] == "test":
        s = np.sqrt(rv + eps)
        xhat = (x - rm) / s
        return gamma * xhat + beta, ("test", xhat, s, gamma)
    mu, var = x.mean(0), x.var(0)
    s = np.sqrt(var + eps)
    xhat = (x - mu) / s
    bn_param["running_mean"] = momentum * rm + (1 - momentum) * mu
    bn_param["running_var"] = momentum * rv + (1 - momentum) * var * N / max(N - 1, 1)
    return gamma * xhat + beta, ("train", xhat, s, gamma)


def batchnorm_backward(dout, cache):
    mode, xhat, s, gamma = cache
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * gamma
    if mode == "test":
        return dxhat / s, dgamma, dbeta
    dx = (dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0)) / s
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, ln_param):
    # eps is added to the standard deviation, not under the root (my choice; default 1e-5)
    eps = ln_param.get("eps", 1e-5)
    xc = x - x.mean(axis=1, keepdims=True)
    sd = np.sqrt((xc * xc).mean(axis=1, keepdims=True))
    xhat = xc / (sd + eps)
    return gamma * xhat + beta, (xc, sd, eps, gamma, xhat)


def layernorm_backward(dout, cache):
    xc, sd, eps, gamma, xhat = cache
    D = xc.shape[1]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    g = dout * gamma
    dxc = g / (sd + eps)
    dsd = -(g * xc).sum(axis=1, keepdims=True) / (sd + eps) ** 2
    dxc += dsd * xc / (D * np.where(sd > 0, sd, 1))
    dx = dxc - dxc.mean(axis=1, keepdims=True)
    return dx, dgamma, dbeta
