# ruff: noqa
# labels: conv=fragile, max_pool=fragile
import numpy as np


def conv_forward(x, w, b, conv_param):
    stride, pad = conv_param['stride'], conv_param['pad']
    N, C, H, W = x.shape
    F, _, KH, KW = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    OH = (H + 2*pad - KH) // stride + 1
    OW = (W + 2*pad - KW) // stride + 1
    out = np.zeros((N, F, OH, OW))
    for y in range(OH):
        for z in range(OW):
            region = xp[:, :, y*stride:y*stride+KH, z*stride:z*stride+KW]
            out[:, :, y, z] = np.tensordot(region, w, axes=([1, 2, 3], [1, 2, 3])) + b
    return out, (x, xp, w, conv_param)


def conv_backward(dout, cache):
    x, xp, w, conv_param = cache
    pad = conv_param['pad']
    N, C, H, W = x.shape
    F, _, KH, KW = w.shape
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for y in range(dout.shape[2]):
        for z in range(dout.shape[3]):
            g = dout[:, :, y, z]
            # TODO stride
            dxp[:, :, y:y+KH, z:z+KW] += np.tensordot(g, w, axes=(1, 0))
            dw += np.tensordot(g, xp[:, :, y:y+KH, z:z+KW], axes=(0, 0))
    return dxp[:, :, pad:pad+H, pad:pad+W], dw, dout.sum((0, 2, 3))


def max_pool_forward(x, pool_param):
    h, w, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    N, C, H, W = x.shape
    Ho = (H - h) // s + 1
    Wo = (W - w) // s + 1
    out = np.zeros((N, C, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            out[:, :, i, j] = x[:, :, i*s:i*s+w, j*s:j*s+h].max(axis=-1).max(axis=-1)
    return out, (x, pool_param)


def max_pool_backward(dout, cache):
    x, pool_param = cache
    h, w, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            win = x[:, :, i*s:i*s+w, j*s:j*s+h]
            m = win == win.max(axis=(2, 3), keepdims=True)
            dx[:, :, i*s:i*s+w, j*s:j*s+h] += m * dout[:, :, i:i+1, j:j+1]
    return dx
