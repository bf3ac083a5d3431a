# ruff: noqa
# labels: affine=wrong backward
from numpy import *


def affine_forward(x, w, b):
    num_train = x.shape[0]
    x_flat = reshape(x, (num_train, -1))
    out = dot(x_flat, w) + b
    cache = (x_flat, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dot(dout, w.T)
    dw = dot(x.T, dout)
    db = dout.sum(axis=0)
    return dx, dw, db
