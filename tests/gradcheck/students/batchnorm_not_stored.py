# ruff: noqa
# labels: batchnorm=wrong forward
import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    running_mean = bn_param.get("running_mean", np.zeros(x.shape[1]))
    running_var = bn_param.get("running_var", np.zeros(x.shape[1]))
    if mode == "train":
        sample_mean = np.mean(x, 0)
        sample_var = np.var(x, 0)
        x_norm = (x - sample_mean) / np.sqrt(sample_var + eps)
        running_mean = momentum * running_mean + (1 - momentum) * sample_mean
        running_var = momentum * running_var + (1 - momentum) * sample_var
        cache = (x_norm, gamma, sample_var, eps)
    else:
        x_norm = (x - running_mean) / np.sqrt(running_var + eps)
        cache = None
    out = gamma * x_norm + beta
    return out, cache


def batchnorm_backward(dout, cache):
    x_norm, gamma, var, eps = cache
    N = len(dout)
    dgamma = np.sum(dout * x_norm, 0)
    dbeta = np.sum(dout, 0)
    dx = gamma / np.sqrt(var + eps) / N * (N * dout - dbeta - x_norm * dgamma)
    return dx, dgamma, dbeta
