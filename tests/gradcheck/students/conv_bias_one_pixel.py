# ruff: noqa
# labels: conv=wrong backward, avg_pool=wrong backward
import numpy as np
from numpy.lib.stride_tricks import as_strided


def _windows(x, kh, kw, s):
    N, C, H, W = x.shape
    shape = (N, C, (H - kh) // s + 1, (W - kw) // s + 1, kh, kw)
    a, b, c, d = x.strides
    return as_strided(x, shape, (a, b, c * s, d * s, c, d))


def conv_forward(x, w, b, conv_param):
    p, s = conv_param['pad'], conv_param['stride']
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    win = _windows(xp, w.shape[2], w.shape[3], s)
    out = np.tensordot(win, w, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) + b[None, :, None, None]
    return out, (x, w, xp, win, p, s)


def conv_backward(dout, cache):
    x, w, xp, win, p, s = cache
    kh, kw = w.shape[2:]
    dw = np.einsum('nfij,ncijab->fcab', dout, win)
    db = dout[:, :, 0, 0].sum(0)
    dxp = np.zeros_like(xp)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dxp[:, :, i*s:i*s+kh, j*s:j*s+kw] += np.einsum('nf,fcab->ncab', dout[:, :, i, j], w)
    return dxp[:, :, p:p+x.shape[2], p:p+x.shape[3]], dw, db


def avg_pool_forward(x, pool_param):
    kh, kw, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    return _windows(x, kh, kw, s).mean(axis=(4, 5)), (x.shape, kh, kw, s)


def avg_pool_backward(dout, cache):
    shape, kh, kw, s = cache
    dx = np.zeros(shape)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, i*s:i*s+kh, j*s:j*s+kw] += dout[:, :, i, j][:, :, None, None]
    return dx
