# ruff: noqa
# labels: conv_naive=wrong forward, conv_relu=wrong forward
import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    # real convolution flips the kernel!!
    stride, pad = conv_param['stride'], conv_param['pad']
    wf = w[:, :, ::-1, ::-1]
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    N, _, H, W = xp.shape
    F, _, a, c = w.shape
    out = np.zeros((N, F, (H - a) // stride + 1, (W - c) // stride + 1))
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            p = xp[:, :, i*stride:i*stride+a, j*stride:j*stride+c]
            out[:, :, i, j] = np.einsum('ncab,fcab->nf', p, wf) + b
    return out, (x, w, b, xp, conv_param)


def conv_backward_naive(dout, cache):
    x, w, b, xp, conv_param = cache
    stride, pad = conv_param['stride'], conv_param['pad']
    wf = w[:, :, ::-1, ::-1]
    a, c = w.shape[2:]
    dxp, dwf = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            s = np.s_[:, :, i*stride:i*stride+a, j*stride:j*stride+c]
            dxp[s] += np.einsum('nf,fcab->ncab', dout[:, :, i, j], wf)
            dwf += np.einsum('nf,ncab->fcab', dout[:, :, i, j], xp[s])
    H, W = x.shape[2:]
    return dxp[:, :, pad:pad+H, pad:pad+W], dwf[:, :, ::-1, ::-1], dout.sum(axis=(0, 2, 3))


def conv_relu_forward(x, w, b, conv_param):
    a, cache = conv_forward_naive(x, w, b, conv_param)
    return np.maximum(a, 0), (a, cache)


def conv_relu_backward(dout, cache):
    a, conv_cache = cache
    return conv_backward_naive(dout * (a > 0), conv_cache)
