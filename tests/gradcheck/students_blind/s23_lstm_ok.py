# ruff: noqa
# labels: lstm_step=right, lstm=right
import numpy as np


def sigmoid(x):
    """numerically stable"""
    pos_mask = (x >= 0)
    z = np.where(pos_mask, np.exp(-np.abs(x)), np.exp(-np.abs(x)))
    return np.where(pos_mask, 1 / (1 + z), z / (1 + z))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    A = x @ Wx + prev_h @ Wh + b
    ai, af, ao, ag = np.split(A, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    next_c = f * prev_c + i * g
    tc = np.tanh(next_c)
    next_h = o * tc
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tc)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tc = cache
    dc = dnext_c + dnext_h * o * (1 - tc ** 2)
    dA = np.hstack([dc * g * i * (1 - i), dc * prev_c * f * (1 - f),
                    dnext_h * tc * o * (1 - o), dc * i * (1 - g ** 2)])
    return dA @ Wx.T, dA @ Wh.T, dc * f, x.T @ dA, prev_h.T @ dA, dA.sum(axis=0)


def lstm_forward(x, h0, Wx, Wh, b):
    h_t, c_t = h0, np.zeros_like(h0)
    hs, cache = [], []
    for x_t in x.transpose(1, 0, 2):
        h_t, c_t, k = lstm_step_forward(x_t, h_t, c_t, Wx, Wh, b)
        hs.append(h_t)
        cache.append(k)
    return np.array(hs).transpose(1, 0, 2), cache


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx, dWh, db = np.zeros((D, 4 * H)), np.zeros((H, 4 * H)), np.zeros(4 * H)
    dprev_h, dprev_c = np.zeros((N, H)), np.zeros((N, H))
    for t in range(T)[::-1]:
        dx[:, t], dprev_h, dprev_c, p, q, r = lstm_step_backward(dh[:, t] + dprev_h, dprev_c, cache[t])
        dWx += p
        dWh += q
        db += r
    return dx, dprev_h, dWx, dWh, db
