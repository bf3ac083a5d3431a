# ruff: noqa
# labels: relu=right, softmax_loss_naive=right, dropout=right, max_pool_naive=right
import numpy as np


def relu_forward(x):
    mask = (x > 0).astype(np.bool)
    return x * mask, mask


def relu_backward(dout, cache):
    return dout * cache.astype(np.float)


def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros(W.shape, dtype=np.float_)
    N, D = X.shape
    C = W.shape[1]
    for i in xrange(N):
        f = X[i].dot(W)
        f -= f.max()
        p = np.exp(f) / np.exp(f).sum()
        loss += -np.log(p[y[i]])
        for j in xrange(C):
            dW[:, j] += X[i] * (p[j] - int(j == y[i]))
    return loss / N + 0.5 * reg * (W * W).sum(), dW / N + reg * W


def dropout_forward(x, dropout_param):
    p, mode = dropout_param['p'], dropout_param['mode']
    np.random.seed(dropout_param.get('seed', 0))
    if mode == 'test':
        return x, (mode, None)
    keep = np.random.binomial(np.int(1), p, size=x.shape) / p
    return x * keep, (mode, keep)


def dropout_backward(dout, cache):
    mode, keep = cache
    return dout if mode == 'test' else dout * keep


def max_pool_forward_naive(x, pool_param):
    hp, wp, s = [np.int(pool_param[k]) for k in ['pool_height', 'pool_width', 'stride']]
    N, C, H, W = x.shape
    out = np.full((N, C, np.int((H - hp) / s) + 1, np.int((W - wp) / s) + 1), -np.Inf)
    for i in xrange(out.shape[2]):
        for j in xrange(out.shape[3]):
            out[..., i, j] = np.amax(x[..., i*s:i*s+hp, j*s:j*s+wp], axis=(-2, -1))
    return out, (x, (hp, wp, s))


def max_pool_backward_naive(dout, cache):
    x, (hp, wp, s) = cache
    dx = np.zeros_like(x)
    N, C, Ho, Wo = dout.shape
    for n in xrange(N):
        for c in xrange(C):
            for i in xrange(Ho):
                for j in xrange(Wo):
                    k = x[n, c, i*s:i*s+hp, j*s:j*s+wp].argmax()
                    dx[n, c, i*s + k // wp, j*s + k % wp] += dout[n, c, i, j]
    return dx
