# ruff: noqa
# labels: affine=fragile, relu=right, tanh=fragile, softmax_loss=right
import numpy as np


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w)
    out += b
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    w[...] = x.reshape(x.shape[0], -1).T.dot(dout)     # reuse the memory
    return dx, w, dout.sum(0)


def relu_forward(x):
    out = np.abs(x) * 0.5 + x * 0.5
    return out, (out > 0)


def relu_backward(dout, cache):
    dx = np.zeros(dout.shape)
    dx[cache] = dout[cache]
    return dx


def tanh_forward(x):
    y = np.tanh(x)
    return y, y


def tanh_backward(dout, cache):
    cache **= 2
    cache *= -1
    cache += 1
    return dout * cache


def softmax_loss(x, y):
    """log-sum-exp version"""
    N, C = x.shape
    top = np.amax(x, axis=1).reshape(N, 1)
    lse = top + np.log(np.exp(x - top).sum(axis=1).reshape(N, 1))
    onehot = np.eye(C)[y]
    loss = float(np.mean(lse[:, 0] - np.sum(onehot * x, axis=1)))
    return loss, (np.exp(x - lse) - onehot) / N
