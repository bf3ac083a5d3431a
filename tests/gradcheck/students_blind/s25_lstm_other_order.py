# ruff: noqa
# labels: lstm_step=right, lstm=wrong forward
import numpy as np

def sigm(z): return 0.5 * (1.0 + np.tanh(0.5 * z))

def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """
    NOTE gate order in the columns of Wx, Wh, b:  i, f, g, o   (as in torch), not i, f, o, g.
    """
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i, f, g, o = sigm(a[:, :H]), sigm(a[:, H:2*H]), np.tanh(a[:, 2*H:3*H]), sigm(a[:, 3*H:])
    c = f * prev_c + i * g
    h = o * np.tanh(c)
    return h, c, (x, prev_h, prev_c, Wx, Wh, i, f, g, o, c)

def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, g, o, c = cache
    H = prev_h.shape[1]
    th = np.tanh(c)
    dc = dnext_c + dnext_h * o * (1 - th**2)
    da = np.empty((x.shape[0], 4 * H))
    da[:, :H] = dc * g * (i - i**2)
    da[:, H:2*H] = dc * prev_c * (f - f**2)
    da[:, 2*H:3*H] = dc * i * (1 - g**2)
    da[:, 3*H:] = dnext_h * th * (o - o**2)
    return da.dot(Wx.T), da.dot(Wh.T), dc * f, x.T.dot(da), prev_h.T.dot(da), da.sum(0)

def lstm_forward(x, h0, Wx, Wh, b):
    """ forgets to carry the cell state: c is zero at every step """
    N, T, _ = x.shape
    h, caches = np.zeros((N, T, h0.shape[1])), []
    c = np.zeros_like(h0)
    for t in range(T):
        h0, _, k = lstm_step_forward(x[:, t], h0, c, Wx, Wh, b)
        h[:, t] = h0
        caches.append(k)
    return h, caches

def lstm_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx = np.zeros((N, T, D)); dWx = 0; dWh = 0; db = 0
    back = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        dx[:, t], back, _, u, v, w = lstm_step_backward(dh[:, t] + back, np.zeros((N, H)), cache[t])
        dWx = dWx + u; dWh = dWh + v; db = db + w
    return dx, back, dWx, dWh, db
