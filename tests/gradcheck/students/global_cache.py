# ruff: noqa
# labels: affine=fragile, relu=fragile
import numpy as np

_saved = {}


def affine_forward(x, w, b):
    _saved['affine'] = (x, w)
    return x.reshape(x.shape[0], -1).dot(w) + b, None


def affine_backward(dout, cache):
    x, w = _saved['affine']
    return dout.dot(w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T.dot(dout), dout.sum(axis=0)


buf = None


def relu_forward(x):
    global buf
    buf = x > 0
    return x * buf, 'see buf'


def relu_backward(dout, cache):
    return dout * buf
