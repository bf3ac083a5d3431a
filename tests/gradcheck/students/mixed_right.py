# ruff: noqa
# labels: affine=right, relu=right, softmax_loss=right, svm_loss=right, layernorm=right, batchnorm=right, dropout=right, max_pool=right, word_embedding=right, leaky_relu=inconclusive
import numpy as np
from collections import namedtuple
C = namedtuple('C', 'x w b')

def affine_forward(x, w, b):
    out = np.matmul(np.reshape(x, (np.shape(x)[0], -1)), w)
    out = out + np.expand_dims(b, 0)
    return (out, C(x, w, b))

def affine_backward(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = np.reshape(np.matmul(dout, np.transpose(w)), x.shape)
    dw = np.matmul(np.transpose(x.reshape(N, -1)), dout)
    db = np.matmul(np.transpose(dout), np.ones(N))
    return dx, dw, db

def relu_forward(x):
    return (x + np.abs(x)) / 2, x

def relu_backward(dout, cache):
    return dout * np.heaviside(cache, 0)

def softmax_loss(x, y):
    p = np.exp(x - x.max(axis=1)[:, None])
    p /= p.sum(axis=1)[:, None]
    N = len(x)
    loss = -np.mean(np.log(p[np.arange(N), y] + 1e-8))
    p[np.arange(N), y] -= 1
    return loss, p / N

def svm_loss(x, y):
    N, K = x.shape
    loss, dx = 0, np.zeros((N, K))
    for n, (row, k) in enumerate(zip(x, y)):
        m = row - row[k] + 1
        m[k] = 0
        viol = [j for j in range(K) if m[j] > 0]
        loss += sum(m[j] for j in viol)
        for j in viol:
            dx[n, j] += 1.0 / N
        dx[n, k] -= len(viol) / N
    return loss / N, dx

def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]; eps = bn_param.get("eps", 1e-5); momentum = bn_param.get("momentum", 0.9)
    layernorm = bn_param.get("layernorm", 0)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))
    out, cache = None, None
    if mode == "train":
        mu = x.mean(axis=0); var = x.var(axis=0); std = np.sqrt(var + eps)
        x_hat = (x - mu) / std
        shape = bn_param.get('shape', (N, D)); axis = bn_param.get('axis', 0)
        cache = x, mu, var, std, gamma, x_hat, shape, axis
        if layernorm == 0:
            running_mean = momentum * running_mean + (1 - momentum) * mu
            running_var = momentum * running_var + (1 - momentum) * var
        out = gamma * x_hat + beta
    elif mode == "test":
        out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache

def batchnorm_backward(dout, cache):
    x, mu, var, std, gamma, x_hat, shape, axis = cache
    dbeta = dout.reshape(shape, order='F').sum(axis)
    dgamma = (dout * x_hat).reshape(shape, order='F').sum(axis)
    dx_hat = dout * gamma
    dstd = -np.sum(dx_hat * (x - mu), axis=0) / (std ** 2)
    dvar = 0.5 * dstd / std
    dx1 = dx_hat / std + 2 * (x - mu) * dvar / len(dout)
    dmu = -np.sum(dx1, axis=0)
    return dx1 + dmu / len(dout), dgamma, dbeta

def layernorm_forward(x, gamma, beta, ln_param):
    bn_param = {"mode": "train", "axis": 1, **ln_param}
    [gamma, beta] = np.atleast_2d(gamma, beta)
    out, cache = batchnorm_forward(x.T, gamma.T, beta.T, {**bn_param, 'layernorm': 1, 'shape': x.T.shape})
    return out.T, cache

def layernorm_backward(dout, cache):
    dx, dgamma, dbeta = batchnorm_backward(dout.T, cache)
    return dx.T, dgamma, dbeta

def dropout_forward(x, dropout_param):
    r"""
    Forward pass for inverted dropout.

    Note that this is different from the vanilla version of dropout.
    Here, p is the probability of keeping a neuron output, as opposed to
    the probability of dropping a neuron output.

    - dropout_param: A dictionary with the following keys:
      - p: Dropout parameter. We keep each neuron output with probability p.
    """
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None; out = None
    if mode == "train":
        mask = (np.random.rand(*x.shape) < p) / p
        out = x * mask
    elif mode == "test":
        out = x
    cache = (dropout_param, mask)
    out = out.astype(x.dtype, copy=False)
    return out, cache

def dropout_backward(dout, cache):
    dropout_param, mask = cache
    mode = dropout_param["mode"]
    dx = None
    if mode == "train":
        dx = dout * mask
    elif mode == "test":
        dx = dout
    return dx

def max_pool_forward(x, pool_param):
    S1 = pool_param['stride']
    PH, PW = pool_param['pool_height'], pool_param['pool_width']
    N, C_, H, W = x.shape
    out = np.array([[np.max(x[:, :, i:i+PH, j:j+PW], axis=(-1, -2)) for j in range(0, W-PW+1, S1)] for i in range(0, H-PH+1, S1)])
    return out.transpose(2, 3, 0, 1), (x, pool_param)

def max_pool_backward(dout, cache):
    x, p = cache
    s, h, w = p['stride'], p['pool_height'], p['pool_width']
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            win = x[:, :, i*s:i*s+h, j*s:j*s+w].reshape(x.shape[0], x.shape[1], -1)
            k = win.argmax(-1)
            n, c = np.indices(k.shape)
            np.add.at(dx, (n, c, i*s + k // w, j*s + k % w), dout[:, :, i, j])
    return dx

def word_embedding_forward(x, W):
    V = W.shape[0]
    onehot = (x[..., None] == np.arange(V)).astype(W.dtype)
    return onehot @ W, (x, onehot)

def word_embedding_backward(dout, cache):
    x, onehot = cache
    return np.einsum('ntv,ntd->vd', onehot, dout)

def leaky_relu_forward(x, alpha=0.01):
    return np.where(x > 0, x, alpha * x), (x, alpha)

def leaky_relu_backward(dout, cache):
    x, alpha = cache
    return dout * np.where(x > 0, 1, alpha)
