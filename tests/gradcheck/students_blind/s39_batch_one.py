# ruff: noqa
# labels: affine=fragile, softmax_loss=fragile, svm_loss=right, rnn=fragile, temporal_softmax_loss=wrong forward
import numpy as np

def affine_forward(x, w, b):
    n = x.shape[0]
    X = np.squeeze(x.reshape(n, -1))
    out = np.dot(X, w) + b
    return out, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    X = np.squeeze(x.reshape(x.shape[0], -1))
    return dout.dot(w.T).reshape(x.shape), X.T.dot(dout), dout.sum(axis=0)

def softmax_loss(x, y):
    N = x.shape[0]
    x = x - np.max(x)              # one number for the whole batch
    e = np.exp(x)
    p = e / np.sum(e, axis=1).reshape(N, 1)
    loss = -np.log(p[np.arange(N), y]).sum() / N
    dx = p
    dx[np.arange(N), y] = dx[np.arange(N), y] - 1
    return loss, dx / N

def svm_loss(x, y):
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= num_pos
    dx /= N
    return loss, dx

def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, b.size))
    h[:, 0] = np.tanh(x[:, 0] @ Wx + h0 @ Wh + b)
    h[:, 1] = np.tanh(x[:, 1] @ Wx + h[:, 0] @ Wh + b)
    for t in range(2, T):
        h[:, t] = np.tanh(x[:, t] @ Wx + h[:, t - 1] @ Wh + b)
    return h, (x, h0, Wx, Wh, b, h)

def rnn_backward(dh, cache):
    x, h0, Wx, Wh, b, h = cache
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    carry = np.zeros_like(h0)
    for t in range(x.shape[1] - 1, -1, -1):
        da = (dh[:, t] + carry) * (1 - h[:, t] ** 2)
        before = h0 if t == 0 else h[:, t - 1]
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += before.T @ da
        db += da.sum(0)
        carry = da @ Wh.T
    return dx, carry, dWx, dWh, db

def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    xf, yf, mf = x.reshape(N * T, V), y.reshape(N * T), mask.reshape(N * T)
    p = np.exp(xf - xf.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.sum(mf * np.log(p[np.arange(N * T), yf])) / mf.sum()
    d = p.copy()
    d[np.arange(N * T), yf] -= 1
    d *= mf[:, None] / mf.sum()
    return loss, d.reshape(N, T, V)
