# ruff: noqa
# labels: conv_naive=right, conv_relu=right, spatial_batchnorm=wrong backward
import numpy as np

def conv_forward_naive(x, w, b, conv_param):
    """Sum of shifted copies: one matrix product for every kernel position."""
    st, pad = conv_param['stride'], conv_param['pad']
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    oh, ow = 1 + (H + 2 * pad - HH) // st, 1 + (W + 2 * pad - WW) // st
    xp = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    xp[:, :, pad:pad + H, pad:pad + W] = x
    out = np.zeros((N, F, oh, ow))
    for i in range(HH):
        for j in range(WW):
            part = xp[:, :, i:i + st * (oh - 1) + 1:st, j:j + st * (ow - 1) + 1:st]
            out += np.tensordot(part, w[:, :, i, j], axes=([1], [1])).transpose(0, 3, 1, 2)
    out += b.reshape(1, F, 1, 1)
    return out, {'xp': xp, 'w': w, 'st': st, 'pad': pad, 'hw': (H, W)}

def conv_backward_naive(dout, cache):
    xp, w, st, pad, (H, W) = (cache[k] for k in ('xp', 'w', 'st', 'pad', 'hw'))
    F, C, HH, WW = w.shape
    N, _, oh, ow = dout.shape
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(HH):
        for j in range(WW):
            rows = slice(i, i + st * (oh - 1) + 1, st)
            cols = slice(j, j + st * (ow - 1) + 1, st)
            dw[:, :, i, j] = np.tensordot(dout, xp[:, :, rows, cols], axes=([0, 2, 3], [0, 2, 3]))
            dxp[:, :, rows, cols] += np.tensordot(dout, w[:, :, i, j], axes=([1], [0])).transpose(0, 3, 1, 2)
    return dxp[:, :, pad:H + pad, pad:W + pad], dw, dout.sum(axis=(0, 2, 3))

def conv_relu_forward(x, w, b, conv_param):
    a, cc = conv_forward_naive(x, w, b, conv_param)
    return np.maximum(0, a), {'conv': cc, 'a': a}

def conv_relu_backward(dout, cache):
    return conv_backward_naive(dout * (cache['a'] > 0), cache['conv'])

def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    eps, mom = bn_param.get('eps', 1e-5), bn_param.get('momentum', 0.9)
    C = x.shape[1]
    rm = bn_param.get('running_mean', np.zeros(C))
    rv = bn_param.get('running_var', np.zeros(C))
    r = lambda v: v.reshape(1, C, 1, 1)
    if bn_param['mode'] == 'train':
        mu, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
        bn_param['running_mean'] = mom * rm + (1 - mom) * mu
        bn_param['running_var'] = mom * rv + (1 - mom) * var
    else:
        mu, var = rm, rv
    inv = 1 / np.sqrt(var + eps)
    xh = (x - r(mu)) * r(inv)
    return r(gamma) * xh + r(beta), {'xh': xh, 'inv': inv, 'gamma': gamma}

def spatial_batchnorm_backward(dout, cache):
    xh, inv, gamma = cache['xh'], cache['inv'], cache['gamma']
    N, C, H, W = dout.shape
    n = N                       # number of values in the mean
    r = lambda v: v.reshape(1, C, 1, 1)
    dbeta = dout.sum(axis=(0, 2, 3))
    dgamma = (dout * xh).sum(axis=(0, 2, 3))
    dx = r(gamma * inv) * (dout - r(dbeta) / n - xh * r(dgamma) / n)
    return dx, dgamma, dbeta
