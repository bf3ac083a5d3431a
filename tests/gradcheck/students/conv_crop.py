# ruff: noqa
# labels: conv_naive=fragile, max_pool_naive=fragile
import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    s, p = conv_param['stride'], conv_param['pad']
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), 'constant', constant_values=0)
    Hn = int(1 + (H + 2 * p - HH) / s)
    Wn = int(1 + (W + 2 * p - WW) / s)
    out = np.zeros((N, F, Hn, Wn))
    for i in range(Hn):
        for j in range(Wn):
            patch = xp[:, :, i*s:i*s+HH, j*s:j*s+WW]
            for k in range(F):
                out[:, k, i, j] = np.sum(patch * w[k], axis=(1, 2, 3))
    out += b.reshape(1, -1, 1, 1)
    return out, (x, xp, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, xp, w, b, conv_param = cache
    s, p = conv_param['stride'], conv_param['pad']
    N, F, Hn, Wn = dout.shape
    HH, WW = w.shape[2:]
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    for i in range(Hn):
        for j in range(Wn):
            patch = xp[:, :, i*s:i*s+HH, j*s:j*s+WW]
            for k in range(F):
                dw[k] += np.sum(patch * dout[:, k, i, j][:, None, None, None], axis=0)
            for n in range(N):
                dxp[n, :, i*s:i*s+HH, j*s:j*s+WW] += np.sum(w * dout[n, :, i, j][:, None, None, None], axis=0)
    dx = dxp[:, :, p:-p, p:-p]
    return dx, dw, np.sum(dout, axis=(0, 2, 3))


def max_pool_forward_naive(x, pool_param):
    ph, pw, s = (pool_param[k] for k in ('pool_height', 'pool_width', 'stride'))
    N, C, H, W = x.shape
    Ho, Wo = (H - ph) // s + 1, (W - pw) // s + 1
    out = np.empty((N, C, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            out[:, :, i, j] = x[:, :, i*s:i*s+ph, j*s:j*s+pw].max(axis=(2, 3))
    return out, (x, out, pool_param)


def max_pool_backward_naive(dout, cache):
    x, out, pool_param = cache
    ph, pw, s = (pool_param[k] for k in ('pool_height', 'pool_width', 'stride'))
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            win = x[:, :, i*s:i*s+ph, j*s:j*s+pw]
            mask = (win == out[:, :, i, j][:, :, None, None])
            dx[:, :, i*s:i*s+ph, j*s:j*s+pw] = mask * dout[:, :, i, j][:, :, None, None]
    return dx
