# ruff: noqa
# labels: conv_naive=fragile, max_pool_naive=fragile
import numpy as np

def get_im2col_indices(x_shape, field_height, field_width, padding, stride):
    N, C, H, W = x_shape
    out_height = (H + 2 * padding - field_height) // stride + 1
    out_width = (W + 2 * padding - field_width) // stride + 1
    i0 = np.tile(np.repeat(np.arange(field_height), field_width), C)
    i1 = stride * np.repeat(np.arange(out_height), out_width)
    j0 = np.tile(np.arange(field_width), field_height * C)
    j1 = stride * np.tile(np.arange(out_width), out_height)
    i = i0.reshape(-1, 1) + i1.reshape(1, -1)
    j = j0.reshape(-1, 1) + j1.reshape(1, -1)
    k = np.repeat(np.arange(C), field_height * field_width).reshape(-1, 1)
    return k, i, j, out_height, out_width

def conv_forward_naive(x, w, b, conv_param):
    p, s = conv_param['pad'], conv_param['stride']
    F, C, HH, WW = w.shape
    N = x.shape[0]
    k, i, j, oh, ow = get_im2col_indices(x.shape, HH, WW, p, s)
    xpad = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode='constant')
    cols = xpad[:, k, i, j]                     # N, C*HH*WW, oh*ow
    out = w.reshape(F, -1) @ cols + b.reshape(-1, 1)
    return out.reshape(N, F, oh, ow), (x, w, b, conv_param, cols)

def conv_backward_naive(dout, cache):
    x, w, b, conv_param, cols = cache
    p, s = conv_param['pad'], conv_param['stride']
    F, C, HH, WW = w.shape
    N, _, H, W = x.shape
    d = dout.reshape(N, F, -1)
    db = d.sum(axis=(0, 2))
    dw = np.tensordot(d, cols, axes=([0, 2], [0, 2])).reshape(w.shape)
    dcols = w.reshape(F, -1).T @ d
    k, i, j, _, _ = get_im2col_indices(x.shape, HH, WW, p, s)
    dxpad = np.zeros((N, C, H + 2 * p, W + 2 * p))
    np.add.at(dxpad, (slice(None), k, i, j), dcols)
    dx = dxpad[:, :, p:-p, p:-p]
    return dx, dw, db

def max_pool_forward_naive(x, pool_param):
    size = pool_param['pool_height']
    stride = pool_param['stride']
    N, C, H, W = x.shape
    oh = (H - size) // stride + 1
    ow = (W - size) // stride + 1
    out = np.zeros((N, C, oh, ow))
    for r in range(oh):
        for c in range(ow):
            out[:, :, r, c] = np.max(x[:, :, r * stride:r * stride + size, c * stride:c * stride + size], axis=(2, 3))
    return out, (x, out, pool_param)

def max_pool_backward_naive(dout, cache):
    x, out, pool_param = cache
    size = pool_param['pool_height']
    stride = pool_param['stride']
    dx = np.zeros_like(x)
    _, _, oh, ow = out.shape
    for r in range(oh):
        for c in range(ow):
            win = x[:, :, r * stride:r * stride + size, c * stride:c * stride + size]
            mask = (win == out[:, :, r, c][..., None, None])
            dx[:, :, r * stride:r * stride + size, c * stride:c * stride + size] += mask * dout[:, :, r, c][..., None, None]
    return dx
