# ruff: noqa
# labels: sigmoid=fragile, tanh=right, sigmoid_v2=wrong backward
import numpy as np


def sigmoid_forward(x):
    out = np.exp(x) / (1 + np.exp(x))
    return out, out


def sigmoid_backward(dout, cache):
    return dout * cache * (1 - cache)


def tanh_forward(x):
    out = np.tanh(x)
    return out, out


def tanh_backward(dout, cache):
    return dout * (1 - cache ** 2)


def sigmoid_forward_v2(x):
    return 1 / (1 + np.exp(-x)), x


def sigmoid_backward_v2(dout, cache):
    return dout * cache * (1 - cache)
