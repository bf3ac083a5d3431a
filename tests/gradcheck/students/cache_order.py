# ruff: noqa
# labels: affine=wrong backward, affine_relu=wrong backward, conv=raises
import numpy as np


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = dout.sum(axis=0)
    return dw, dx, db


def affine_relu_forward(x, w, b):
    a, c = affine_forward(x, w, b)
    return np.maximum(a, 0), (c, a)


def affine_relu_backward(dout, cache):
    (x, w, b), a = cache
    d = np.where(a < 0, dout, 0)
    return d.dot(w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T.dot(d), d.sum(axis=0)


def conv_forward(x, w, b, conv_param):
    s, p = conv_param['stride'], conv_param['pad']
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    F, C, a, c = w.shape
    out = np.array([[[[(xp[n, :, i:i+a, j:j+c] * w[f]).sum() + b[f]
                       for j in range(0, xp.shape[3] - c + 1, s)]
                      for i in range(0, xp.shape[2] - a + 1, s)]
                     for f in range(F)] for n in range(len(x))])
    return out, (x, w, b, conv_param)


def conv_backward(dout, cache):
    x, b, w, conv_param = cache
    F, C, a, c = w.shape
    return dout, w, b
