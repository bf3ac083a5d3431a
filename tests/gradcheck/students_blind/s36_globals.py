# ruff: noqa
# labels: affine=fragile, relu=right, sigmoid=right, leaky_relu=inconclusive, tanh=right
import numpy as np

_saved = {}
DEBUG = True

def affine_forward(x, w, b):
    _saved['affine'] = (x, w, b)
    out = x.reshape(x.shape[0], -1).dot(w) + b
    if DEBUG:
        print('affine', x.shape, '->', out.shape)
    return out, None

def affine_backward(dout, cache):
    x, w, b = _saved['affine']
    return dout.dot(w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T.dot(dout), dout.sum(axis=0)

def relu_forward(x):
    out = np.maximum(x, 0)
    if DEBUG:
        print('relu: %d of %d are dead' % ((out == 0).sum(), out.size))
    return out, (x > 0)

def relu_backward(dout, cache):
    dx = np.array(dout)
    dx[~cache] = 0
    return dx

stack = []

def sigmoid_forward(x):
    s = 1 / (1 + np.exp(-x))
    return s, s

def sigmoid_backward(dout, cache):
    return dout * cache * (1 - cache)

def leaky_relu_forward(x, alpha=0.01):
    return np.where(x > 0, x, alpha * x), (x, alpha)

def leaky_relu_backward(dout, cache):
    x, alpha = cache
    return np.where(x > 0, dout, alpha * dout)

def tanh_forward(x):
    t = np.tanh(x)
    return t, t

def tanh_backward(dout, cache):
    return dout * (1 - cache) * (1 + cache)
