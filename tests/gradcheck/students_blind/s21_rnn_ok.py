# ruff: noqa
# labels: rnn_step=right, rnn=right, word_embedding=right, temporal_affine=right, temporal_softmax_loss=right
import numpy as np

def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, dict(x=x, h0=prev_h, Wx=Wx, Wh=Wh, h1=next_h)

def rnn_step_backward(dnext_h, cache):
    da = dnext_h * (1 - cache['h1'] ** 2)
    return (da @ cache['Wx'].T, da @ cache['Wh'].T, cache['x'].T @ da, cache['h0'].T @ da, da.sum(axis=0))

def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    prev, caches = h0, []
    for t in range(T):
        prev, c = rnn_step_forward(x[:, t], prev, Wx, Wh, b)
        h[:, t] = prev
        caches.append(c)
    return h, caches

def rnn_backward(dh, cache):
    N, T, H = dh.shape
    dx, dWx, dWh, db = [], 0, 0, 0
    carry = np.zeros((N, H))
    for t in reversed(range(T)):
        dxt, carry, a, b_, c_ = rnn_step_backward(dh[:, t] + carry, cache[t])
        dx.insert(0, dxt)
        dWx, dWh, db = dWx + a, dWh + b_, db + c_
    return np.stack(dx, axis=1), carry, dWx, dWh, db

def word_embedding_forward(x, W):
    return W[x], (x, W.shape)

def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape)
    # sum per word with one-hot rows
    onehot = (x.reshape(-1, 1) == np.arange(shape[0])).astype(dout.dtype)
    dW += onehot.T @ dout.reshape(-1, shape[1])
    return dW

def temporal_affine_forward(x, w, b):
    return np.tensordot(x, w, axes=1) + b, (x, w)

def temporal_affine_backward(dout, cache):
    x, w = cache
    dx = np.tensordot(dout, w, axes=([2], [1]))
    dw = np.tensordot(x, dout, axes=([0, 1], [0, 1]))
    db = np.sum(dout, axis=(0, 1))
    return dx, dw, db

def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    total, dx = 0.0, np.zeros_like(x)
    for n in range(N):
        for t in range(T):
            if not mask[n, t]:
                continue
            z = x[n, t] - x[n, t].max()
            p = np.exp(z) / np.exp(z).sum()
            total += np.log(np.exp(z).sum()) - z[y[n, t]]
            dx[n, t] = p
            dx[n, t, y[n, t]] -= 1
    return total / N, dx / N
