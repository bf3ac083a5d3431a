# ruff: noqa
# labels: conv_fast=right, conv_relu=right, conv_relu_pool=right, max_pool=right, relu=right
import numpy as np


def get_im2col_indices(x_shape, field_height, field_width, padding=1, stride=1):
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
    return (k, i, j)


def im2col_indices(x, fh, fw, padding, stride):
    p = padding
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode='constant')
    k, i, j = get_im2col_indices(x.shape, fh, fw, p, stride)
    return xp[:, k, i, j].transpose(1, 2, 0).reshape(fh * fw * x.shape[1], -1)


def col2im_indices(cols, x_shape, fh, fw, padding, stride):
    N, C, H, W = x_shape
    xp = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=cols.dtype)
    k, i, j = get_im2col_indices(x_shape, fh, fw, padding, stride)
    cols = cols.reshape(C * fh * fw, -1, N).transpose(2, 0, 1)
    np.add.at(xp, (slice(None), k, i, j), cols)
    if padding == 0:
        return xp
    return xp[:, :, padding:-padding, padding:-padding]


def conv_forward_fast(x, w, b, conv_param):
    stride, pad = conv_param['stride'], conv_param['pad']
    N, C, H, W = x.shape
    F, _, fh, fw = w.shape
    assert (W + 2 * pad - fw) % stride == 0, 'width does not work'
    assert (H + 2 * pad - fh) % stride == 0, 'height does not work'
    oh, ow = (H + 2 * pad - fh) // stride + 1, (W + 2 * pad - fw) // stride + 1
    x_cols = im2col_indices(x, fh, fw, pad, stride)
    res = w.reshape((F, -1)).dot(x_cols) + b.reshape(-1, 1)
    out = res.reshape(F, oh, ow, N).transpose(3, 0, 1, 2)
    return out, (x, w, b, conv_param, x_cols)


def conv_backward_fast(dout, cache):
    x, w, b, conv_param, x_cols = cache
    stride, pad = conv_param['stride'], conv_param['pad']
    F, _, fh, fw = w.shape
    db = np.sum(dout, axis=(0, 2, 3))
    dr = dout.transpose(1, 2, 3, 0).reshape(F, -1)
    dw = dr.dot(x_cols.T).reshape(w.shape)
    dx_cols = w.reshape(F, -1).T.dot(dr)
    return col2im_indices(dx_cols, x.shape, fh, fw, pad, stride), dw, db


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, cache):
    return dout * (cache > 0)


def max_pool_forward(x, pool_param):
    ph, pw, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    N, C, H, W = x.shape
    oh, ow = (H - ph) // s + 1, (W - pw) // s + 1
    cols = im2col_indices(x.reshape(N * C, 1, H, W), ph, pw, 0, s)
    best = cols.argmax(axis=0)
    out = cols[best, np.arange(best.size)].reshape(oh, ow, N, C).transpose(2, 3, 0, 1)
    return out, (x.shape, cols.shape, best, pool_param)


def max_pool_backward(dout, cache):
    (N, C, H, W), shape, best, pool_param = cache
    ph, pw, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    dcols = np.zeros(shape)
    dcols[best, np.arange(best.size)] = dout.transpose(2, 3, 0, 1).flatten()
    return col2im_indices(dcols, (N * C, 1, H, W), ph, pw, 0, s).reshape(N, C, H, W)


def conv_relu_forward(x, w, b, conv_param):
    a, conv_cache = conv_forward_fast(x, w, b, conv_param)
    out, relu_cache = relu_forward(a)
    return out, (conv_cache, relu_cache)


def conv_relu_backward(dout, cache):
    conv_cache, relu_cache = cache
    return conv_backward_fast(relu_backward(dout, relu_cache), conv_cache)


def conv_relu_pool_forward(x, w, b, conv_param, pool_param):
    a, c1 = conv_relu_forward(x, w, b, conv_param)
    out, c2 = max_pool_forward(a, pool_param)
    return out, (c1, c2)


def conv_relu_pool_backward(dout, cache):
    return conv_relu_backward(max_pool_backward(dout, cache[1]), cache[0])
