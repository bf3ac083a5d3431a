# ruff: noqa
# labels: rnn_step=right, rnn=fragile, lstm_step=wrong forward
import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(np.dot(x, Wx) + np.dot(prev_h, Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, b, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, b, next_h = cache
    dz = dnext_h * (1 - np.square(next_h))
    return np.dot(dz, Wx.T), np.dot(dz, Wh.T), np.dot(x.T, dz), np.dot(prev_h.T, dz), np.sum(dz, 0)


def rnn_forward(x, h0, Wx, Wh, b):
    hs, caches, h = [], [], h0
    for t in range(x.shape[1]):
        h, c = rnn_step_forward(x[:, t], h, Wx, Wh, b)
        hs.append(h)
        caches.append(c)
    return np.array(hs).transpose(1, 0, 2), caches


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    dxs = []
    dprev = dWx = dWh = db = 0
    t = T
    while cache:
        t -= 1
        dx, dprev, a, b, c = rnn_step_backward(dh[:, t] + dprev, cache.pop())
        dxs.append(dx)
        dWx, dWh, db = dWx + a, dWh + b, db + c
    return np.array(dxs[::-1]).transpose(1, 0, 2), dprev, dWx, dWh, db


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    # gates in the order i, f, g, o like in pytorch
    i, f, g, o = np.split(x.dot(Wx) + prev_h.dot(Wh) + b, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    c = f * prev_c + i * g
    h = o * np.tanh(c)
    return h, c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, c = cache
    dc = dnext_c + dnext_h * o * (1 - np.tanh(c) ** 2)
    d = np.hstack([dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dc * i * (1 - g ** 2), dnext_h * np.tanh(c) * o * (1 - o)])
    return d.dot(Wx.T), d.dot(Wh.T), dc * f, x.T.dot(d), prev_h.T.dot(d), d.sum(0)
