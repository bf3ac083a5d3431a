# ruff: noqa
# labels: affine=right, relu=right, softmax_loss=fragile, batchnorm=fragile
import numpy as np

def affine_forward(x, w, b):
    x32 = x.reshape(x.shape[0], -1).astype(np.float32)
    out = x32.dot(w.astype(np.float32)) + b.astype(np.float32)
    return out, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    dout = dout.astype(np.float32)
    dx = dout.dot(w.T.astype(np.float32)).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.astype(np.float32).dot(dout)
    db = dout.sum(0)
    return dx, dw, db

def relu_forward(x):
    x = np.asarray(x, dtype=np.float32)
    return np.maximum(x, np.float32(0)), x

def relu_backward(dout, cache):
    return np.float32(dout) * (cache > 0)

def softmax_loss(x, y):
    x -= np.max(x, axis=1, keepdims=True)     # stable, in place
    p = np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)
    n = x.shape[0]
    loss = -np.mean(np.log(p[np.arange(n), y]))
    p[np.arange(n), y] -= 1
    return loss, p / n

def batchnorm_forward(x, gamma, beta, bn_param):
    eps = bn_param.get('eps', 1e-5)
    momentum = bn_param.get('momentum', 0.9)
    D = x.shape[1]
    rm = bn_param.setdefault('running_mean', np.zeros(D))
    rv = bn_param.setdefault('running_var', np.zeros(D))
    if bn_param['mode'] == 'test':
        return gamma * (x - rm) / np.sqrt(rv + eps) + beta, None
    mu = x.mean(axis=0)
    x -= mu
    var = np.mean(x * x, axis=0)
    istd = 1 / np.sqrt(var + eps)
    bn_param['running_mean'] = momentum * rm + (1 - momentum) * mu
    bn_param['running_var'] = momentum * rv + (1 - momentum) * var
    return gamma * x * istd + beta, (x, istd, gamma)

def batchnorm_backward(dout, cache):
    xc, istd, gamma = cache
    xhat = xc * istd
    g = dout * gamma
    dx = istd * (g - np.mean(g, 0) - xhat * np.mean(g * xhat, 0))
    return dx, np.sum(dout * xhat, 0), np.sum(dout, 0)
