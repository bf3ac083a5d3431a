# ruff: noqa
# labels: rnn_step=right, rnn=wrong backward, word_embedding=wrong backward
import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    d = (1 - next_h * next_h) * dnext_h
    dx = d @ Wx.T
    dprev_h = d @ Wh.T
    dWx = x.T @ d
    dWh = prev_h.T @ d
    db = np.sum(d, axis=0)
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    T = x.shape[1]
    h, cache = [h0], []
    for t in range(T):
        nh, c = rnn_step_forward(x[:, t], h[-1], Wx, Wh, b)
        h.append(nh)
        cache.append(c)
    return np.stack(h[1:], axis=1), cache


def rnn_backward(dh, cache):
    T = dh.shape[1]
    grads = [rnn_step_backward(dh[:, t], cache[t]) for t in range(T)]
    dx = np.stack([g[0] for g in grads], axis=1)
    dWx, dWh, db = (sum(g[k] for g in grads) for k in (2, 3, 4))
    return dx, grads[0][1], dWx, dWh, db


def word_embedding_forward(x, W):
    out = W[x]
    return out, (x, W.shape)


def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape)
    dW[x] += dout
    return dW
