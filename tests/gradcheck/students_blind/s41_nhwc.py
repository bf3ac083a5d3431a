# ruff: noqa
# labels: conv_naive=right, affine=right
import numpy as np

def conv_forward_naive(x, w, b, conv_param):
    """
    x: (N, H, W, C)  images, channels LAST
    w: (HH, WW, C, F)
    b: (F,)
    """
    s, p = conv_param['stride'], conv_param['pad']
    N, H, W, C = x.shape
    HH, WW, _, F = w.shape
    xp = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    oh, ow = (H + 2 * p - HH) // s + 1, (W + 2 * p - WW) // s + 1
    out = np.zeros((N, oh, ow, F))
    for i in range(oh):
        for j in range(ow):
            out[:, i, j] = np.tensordot(xp[:, i * s:i * s + HH, j * s:j * s + WW], w, axes=3) + b
    return out, (xp, w, s, p, x.shape)

def conv_backward_naive(dout, cache):
    xp, w, s, p, (N, H, W, C) = cache
    HH, WW, _, F = w.shape
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[1]):
        for j in range(dout.shape[2]):
            win = np.s_[:, i * s:i * s + HH, j * s:j * s + WW]
            dw += np.tensordot(xp[win], dout[:, i, j], axes=([0], [0]))
            dxp[win] += np.tensordot(dout[:, i, j], w, axes=([1], [3]))
    return dxp[:, p:p + H, p:p + W], dw, dout.sum((0, 1, 2))

def affine_forward(X, W, bias):
    """ X is (N, d1, ..., dk) like in the handout; parameters with my own names """
    Z = X.reshape(X.shape[0], -1) @ W + bias
    cache = {'X': X, 'W': W}
    return Z, cache

def affine_backward(dZ, cache):
    X, W = cache['X'], cache['W']
    m = X.shape[0]
    dX = dZ @ W.T
    return dX.reshape(X.shape), X.reshape(m, -1).T @ dZ, dZ.sum(0)
