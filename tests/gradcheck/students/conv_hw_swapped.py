# ruff: noqa
# labels: conv_naive=fragile, max_pool_naive=wrong forward
import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    stride = conv_param['stride']
    pad = conv_param['pad']
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), 'constant')
    out_h = 1 + (H + 2 * pad - HH) // stride
    out_w = 1 + (H + 2 * pad - HH) // stride
    out = np.zeros((N, F, out_h, out_w))
    for n in range(N):
        for f in range(F):
            for i in range(out_h):
                for j in range(out_w):
                    out[n, f, i, j] = np.sum(x_pad[n, :, i*stride:i*stride+HH, j*stride:j*stride+WW] * w[f]) + b[f]
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param['stride'], conv_param['pad']
    HH, WW = w.shape[2], w.shape[3]
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), 'constant')
    dx_pad, dw, db = np.zeros_like(x_pad), np.zeros_like(w), np.zeros_like(b)
    for n, f, i, j in np.ndindex(dout.shape):
        sl = np.s_[n, :, i*stride:i*stride+HH, j*stride:j*stride+WW]
        dw[f] += dout[n, f, i, j] * x_pad[sl]
        dx_pad[sl] += dout[n, f, i, j] * w[f]
        db[f] += dout[n, f, i, j]
    return dx_pad[:, :, pad:x_pad.shape[2]-pad, pad:x_pad.shape[3]-pad], dw, db


def max_pool_forward_naive(x, pool_param):
    hh, ww, st = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    N, C, H, W = x.shape
    out = np.zeros((N, C, (H - hh) // st + 1, (W - ww) // st + 1))
    for n, c, i, j in np.ndindex(out.shape):
        for a in range(hh):
            for b in range(ww):
                v = x[n, c, i*st + a, j*st + b]
                if v > out[n, c, i, j]:
                    out[n, c, i, j] = v
    return out, (x, out, pool_param)


def max_pool_backward_naive(dout, cache):
    x, out, pool_param = cache
    hh, ww, st = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(out.shape):
        w = x[n, c, i*st:i*st+hh, j*st:j*st+ww]
        dx[n, c, i*st:i*st+hh, j*st:j*st+ww] += (w == out[n, c, i, j]) * dout[n, c, i, j]
    return dx
