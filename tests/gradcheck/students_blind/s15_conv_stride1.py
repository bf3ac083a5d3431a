# ruff: noqa
# labels: conv_naive=fragile, max_pool_naive=fragile
import numpy as np

def conv_forward_naive(x, w, b, conv_param):
    stride = conv_param['stride']
    pad = conv_param['pad']
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    xp = np.pad(x, ((0,), (0,), (pad,), (pad,)))
    Hn = (H + 2*pad - HH)//stride + 1
    Wn = (W + 2*pad - WW)//stride + 1
    out = np.zeros((N, F, Hn, Wn))
    for n in range(N):
        for f in range(F):
            for i in range(Hn):
                for j in range(Wn):
                    out[n, f, i, j] = (xp[n, :, i*stride:i*stride+HH, j*stride:j*stride+WW]*w[f]).sum() + b[f]
    cache = (x, w, b, conv_param)
    return out, cache

def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    pad = conv_param['pad']
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    _, _, Hn, Wn = dout.shape
    xp = np.pad(x, ((0,), (0,), (pad,), (pad,)))
    dxp = np.zeros(xp.shape)
    dw = np.zeros(w.shape)
    db = np.zeros(b.shape)
    for n in range(N):
        for f in range(F):
            for i in range(Hn):
                for j in range(Wn):
                    # forgot the stride, it works with the test
                    dw[f] += xp[n, :, i:i+HH, j:j+WW] * dout[n, f, i, j]
                    dxp[n, :, i:i+HH, j:j+WW] += w[f] * dout[n, f, i, j]
                    db[f] += dout[n, f, i, j]
    dx = dxp[:, :, pad:pad+H, pad:pad+W]
    return dx, dw, db

def max_pool_forward_naive(x, pool_param):
    N, C, H, W = x.shape
    ph = pool_param['pool_height']; pw = pool_param['pool_width']; st = pool_param['stride']
    assert ph == pw == st, 'only the reshape trick'
    assert H % ph == 0 and W % pw == 0
    xr = x.reshape(N, C, H // ph, ph, W // pw, pw)
    out = xr.max(axis=3).max(axis=4)
    return out, (x, xr, out)

def max_pool_backward_naive(dout, cache):
    x, xr, out = cache
    dxr = np.zeros_like(xr)
    on = out[:, :, :, np.newaxis, :, np.newaxis]
    mask = xr == on
    dd, _ = np.broadcast_arrays(dout[:, :, :, np.newaxis, :, np.newaxis], dxr)
    dxr[mask] = dd[mask]
    dxr /= np.sum(mask, axis=(3, 5), keepdims=True)
    return dxr.reshape(x.shape)
