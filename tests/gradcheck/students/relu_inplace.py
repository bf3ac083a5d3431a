# ruff: noqa
# labels: affine=right, relu=fragile, affine_relu=fragile
import numpy as np


def affine_forward(x, w, b):
    out = x.reshape((x.shape[0], w.shape[0])) @ w + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    dx = np.dot(dout, w.T).reshape(x.shape)
    dw = np.dot(x.reshape(x.shape[0], -1).T, dout)
    db = np.sum(dout, axis=0)
    return [dx, dw, db]


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward(dout, cache):
    x = cache
    dout[x <= 0] = 0      # zero the dead ones
    dx = dout
    return dx


def affine_relu_forward(x, w, b):
    h, c1 = affine_forward(x, w, b)
    out, c2 = relu_forward(h)
    return out, (c1, c2)


def affine_relu_backward(dout, cache):
    c1, c2 = cache
    return affine_backward(relu_backward(dout, c2), c1)
