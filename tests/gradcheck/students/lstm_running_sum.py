# ruff: noqa
# labels: lstm_step=right, lstm=fragile
import numpy as np

sigmoid = lambda z: 1. / (1. + np.exp(-z))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    _, H = prev_h.shape
    A = x.dot(Wx) + prev_h.dot(Wh) + b.reshape(1, -1)
    gates = sigmoid(A[:, :3 * H])
    i, f, o = np.split(gates, 3, axis=1)
    g = np.tanh(A[:, 3 * H:])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = {'x': x, 'h': prev_h, 'c': prev_c, 'Wx': Wx, 'Wh': Wh, 'i': i, 'f': f, 'o': o, 'g': g, 'nc': next_c}
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    i, f, o, g = cache['i'], cache['f'], cache['o'], cache['g']
    tc = np.tanh(cache['nc'])
    do = dnext_h * tc
    dc = dnext_c + dnext_h * o * (1 - tc ** 2)
    dA = np.concatenate([dc * g * i * (1 - i), dc * cache['c'] * f * (1 - f), do * o * (1 - o), dc * i * (1 - g ** 2)], axis=1)
    return (dA.dot(cache['Wx'].T), dA.dot(cache['Wh'].T), dc * f,
            cache['x'].T.dot(dA), cache['h'].T.dot(dA), dA.sum(axis=0))


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h, c, cache = np.zeros((N, T, H)), np.zeros((N, H)), []
    ht = h0
    for t in range(T):
        ht, c, cc = lstm_step_forward(x[:, t, :], ht, c, Wx, Wh, b)
        h[:, t, :] = ht
        cache.append(cc)
    return h, cache


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0]['x'].shape[1]
    dx = np.zeros((N, T, D))
    dWx, dWh, db = np.zeros((D, 4 * H)), np.zeros((H, 4 * H)), np.zeros(4 * H)
    dc = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        dx[:, t, :], dhp, dc, wx, wh, bb = lstm_step_backward(dh[:, t, :], dc, cache[t])
        dWx += wx; dWh += wh; db += bb
        if t > 0:
            dh[:, t - 1, :] += dhp
    return dx, dhp, dWx, dWh, db
