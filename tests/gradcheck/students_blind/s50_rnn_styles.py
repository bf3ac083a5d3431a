# ruff: noqa
# labels: rnn_step=right, rnn=right, lstm_step=right, temporal_affine=right, word_embedding=wrong backward, temporal_softmax_loss=right
import numpy as np

def rnn_step_forward(x, prev_h, Wx, Wh, b):
    W = np.vstack([Wx, Wh])
    z = np.hstack([x, prev_h])
    h = np.tanh(z @ W + b)
    return h, (z, W, h, x.shape[1])

def rnn_step_backward(dnext_h, cache):
    z, W, h, D = cache
    da = (1 - h * h) * dnext_h
    dz = da @ W.T
    dW = z.T @ da
    return dz[:, :D], dz[:, D:], dW[:D], dW[D:], da.sum(axis=0)

def rnn_forward(x, h0, Wx, Wh, b):
    xs = x.transpose(1, 0, 2)
    hs = [h0]
    caches = []
    for xt in xs:
        h, c = rnn_step_forward(xt, hs[-1], Wx, Wh, b)
        hs.append(h)
        caches.append(c)
    return np.stack(hs[1:], 1), caches

def rnn_backward(dh, cache):
    totals = None
    carry = 0
    dxs = []
    for t in range(dh.shape[1])[::-1]:
        dx, carry, *rest = rnn_step_backward(dh[:, t, :] + carry, cache[t])
        dxs.append(dx)
        totals = rest if totals is None else [a + b for a, b in zip(totals, rest)]
    return np.stack(dxs[::-1], 1), carry, *totals

def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    N, H = prev_h.shape
    a = (x.dot(Wx) + prev_h.dot(Wh) + b).reshape(N, 4, H)
    s = 1 / (1 + np.exp(-a[:, :3]))
    g = np.tanh(a[:, 3])
    next_c = s[:, 1] * prev_c + s[:, 0] * g
    next_h = s[:, 2] * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, s, g, next_c)

def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, s, g, c = cache
    N, H = prev_h.shape
    t = np.tanh(c)
    dc = dnext_c + dnext_h * s[:, 2] * (1 - t ** 2)
    d = np.stack([dc * g, dc * prev_c, dnext_h * t], 1) * s * (1 - s)
    da = np.concatenate([d, (dc * s[:, 0] * (1 - g ** 2))[:, None]], 1).reshape(N, 4 * H)
    return da.dot(Wx.T), da.dot(Wh.T), dc * s[:, 1], x.T.dot(da), prev_h.T.dot(da), da.sum(0)

def temporal_affine_forward(x, w, b):
    return x.dot(w) + b, (x, w, b)

def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T)
    dw = np.einsum('ntd,ntm->dm', x, dout)
    db = dout.sum((0, 1))
    return dx, dw, db

def word_embedding_forward(x, W):
    return np.take(W, x, axis=0), (x, W)

def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    np.add.at(dW, x, dout)
    dW[0] = 0          # the null word never learns
    return dW

def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    lp = x - np.logaddexp.reduce(x, axis=2)[..., None]
    i, j = np.indices((N, T))
    loss = -(lp[i, j, y] * mask).sum() / N
    dx = np.exp(lp)
    dx[i, j, y] -= 1
    if verbose: print(dx.shape)
    return loss, dx * mask[..., None] / N
