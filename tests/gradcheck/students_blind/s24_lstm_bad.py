# ruff: noqa
# labels: lstm_step=fragile, lstm=wrong backward
import numpy as np

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i = sigmoid(a[:, 0*H:1*H])
    f = sigmoid(a[:, 1*H:2*H])
    o = sigmoid(a[:, 2*H:3*H])
    g = np.tanh(a[:, 3*H:4*H])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = (x, prev_h, prev_c, Wx, Wh, b, i, f, o, g, next_c)
    return next_h, next_c, cache

def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, b, i, f, o, g, next_c = cache
    t = np.tanh(next_c)
    do = dnext_h * t
    dnext_c += dnext_h * o * (1 - t * t)
    di, df, dg = dnext_c * g, dnext_c * prev_c, dnext_c * i
    dprev_c = dnext_c * f
    da = np.concatenate((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g * g)), axis=1)
    return da.dot(Wx.T), da.dot(Wh.T), dprev_c, x.T.dot(da), prev_h.T.dot(da), da.sum(axis=0)

def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h = np.zeros((N, T, H))
    c = np.zeros((N, H))
    caches = []
    for t in range(T):
        h0, c, cache = lstm_step_forward(x[:, t, :], h0, c, Wx, Wh, b)
        h[:, t, :] = h0
        caches.append(cache)
    return h, caches

def lstm_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx = np.zeros((N, T, D))
    dWx = np.zeros((D, 4 * H))
    dWh = np.zeros((H, 4 * H))
    db = np.zeros(4 * H)
    dhp = np.zeros((N, H))
    for t in reversed(range(T)):
        # the cell gradient starts from zero in each step
        dx[:, t], dhp, dcp, wx, wh, bb = lstm_step_backward(dh[:, t] + dhp, np.zeros((N, H)), cache[t])
        dWx += wx; dWh += wh; db += bb
    return dx, dhp, dWx, dWh, db
