# ruff: noqa
# labels: conv_naive=right, max_pool_naive=right
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def _windows(xp, HH, WW, stride):
    return sliding_window_view(xp, (HH, WW), axis=(2, 3))[:, :, ::stride, ::stride]


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    win = _windows(xp, w.shape[2], w.shape[3], stride)
    out = np.einsum("nchwij,fcij->nfhw", win, w, optimize=True) + b[None, :, None, None]
    return out, (xp, w, stride, pad)


def conv_backward_naive(dout, cache):
    xp, w, stride, pad = cache
    F, C, HH, WW = w.shape
    win = _windows(xp, HH, WW, stride)
    dw = np.einsum("nchwij,nfhw->fcij", win, dout, optimize=True)
    dxp = np.zeros_like(xp)
    Ho, Wo = dout.shape[2:]
    for i in range(HH):
        for j in range(WW):
            dxp[:, :, i:i + stride * Ho:stride, j:j + stride * Wo:stride] += np.einsum(
                "nfhw,fc->nchw", dout, w[:, :, i, j])
    H, W = xp.shape[2] - 2 * pad, xp.shape[3] - 2 * pad
    return dxp[:, :, pad:pad + H, pad:pad + W], dw, dout.sum((0, 2, 3))


def max_pool_forward_naive(x, pool_param):
    ph, pw, s = (pool_param[k] for k in ("pool_height", "pool_width", "stride"))
    win = _windows(x, ph, pw, s)
    out = win.max(axis=(4, 5))
    return out, (x, out, ph, pw, s)


def max_pool_backward_naive(dout, cache):
    """Ties: the gradient is shared equally among the winners."""
    x, out, ph, pw, s = cache
    dx = np.zeros(x.shape)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            part = x[:, :, i * s:i * s + ph, j * s:j * s + pw]
            won = part == out[:, :, i, j][:, :, None, None]
            share = won / won.sum(axis=(2, 3), keepdims=True)
            dx[:, :, i * s:i * s + ph, j * s:j * s + pw] += share * dout[:, :, i, j][:, :, None, None]
    return dx
