# ruff: noqa
# labels: rnn=fragile, temporal_affine=fragile, temporal_softmax_loss=wrong forward
import numpy as np


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((T, N, h0.shape[1]))
    prev = h0
    for t in range(T):
        xt = x[:, t:t+1, :].squeeze()
        h[t] = np.tanh(xt.dot(Wx) + prev.dot(Wh) + b)
        prev = h[t]
    return h.transpose(1, 0, 2), (x, h0, Wx, Wh, h)


def rnn_backward(dh, cache):
    x, h0, Wx, Wh, h = cache
    N, T, H = dh.shape
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(H)
    dprev = np.zeros((N, H))
    for t in range(T)[::-1]:
        da = (dh[:, t] + dprev) * (1 - h[t] ** 2)
        xt = x[:, t:t+1, :].squeeze()
        dWx += xt.T.dot(da)
        dWh += (h[t - 1] if t > 0 else h0).T.dot(da)
        db += da.sum(0)
        dx[:, t] = da.dot(Wx.T)
        dprev = da.dot(Wh.T)
    return dx, dprev, dWx, dWh, db


def temporal_affine_forward(x, w, b):
    return np.dot(x, w) + b, (x, w, b)


def temporal_affine_backward(dout, cache):
    x, w, b = cache
    g = dout.squeeze()
    dx = np.dot(dout, w.T)
    dw = np.tensordot(x.squeeze(), g, axes=([0, 1], [0, 1]))
    db = g.sum(axis=0).sum(axis=0)
    return dx, dw, db


def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    xf, yf, mf = x.reshape(-1, V), y.ravel(), mask.ravel()
    p = np.exp(xf - xf.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    total = mf.sum()
    loss = -(mf * np.log(p[np.arange(N * T), yf])).sum() / total
    p[np.arange(N * T), yf] -= 1
    return loss, (p * mf[:, None] / total).reshape(N, T, V)
