# ruff: noqa
# labels: affine=right, relu=right, affine_relu=right
import numpy as np

# I wrote everything with loops first, will vectorize later


def affine_forward(x, w, b):
    N = x.shape[0]
    D, M = w.shape
    x_row = x.reshape(N, D)
    out = np.zeros((N, M))
    for i in range(N):
        for j in range(M):
            s = 0.0
            for k in range(D):
                s += x_row[i, k] * w[k, j]
            out[i, j] = s + b[j]
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    xr = x.reshape(N, -1)
    dx = np.zeros_like(xr)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for i in range(N):
        dw += np.outer(xr[i], dout[i])
        db += dout[i]
        dx[i] = w.dot(dout[i])
    return dx.reshape(x.shape), dw, db


def relu_forward(x):
    out = x.copy()
    for idx in np.ndindex(*x.shape):
        if out[idx] < 0:
            out[idx] = 0
    return out, x


def relu_backward(dout, cache):
    dx, x = None, cache
    dx = np.where(x > 0, dout, 0)
    return dx


def affine_relu_forward(x, w, b):
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    return out, (fc_cache, relu_cache)


def affine_relu_backward(dout, cache):
    fc_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    return affine_backward(da, fc_cache)
