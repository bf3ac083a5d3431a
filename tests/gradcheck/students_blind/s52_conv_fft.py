# ruff: noqa
# labels: conv_naive=right, max_pool_naive=fragile, spatial_batchnorm=right
import numpy as np

def conv_forward_naive(x, w, b, conv_param):
    """by the Fourier transform, then every stride-th value"""
    s, p = conv_param['stride'], conv_param['pad']
    H, W = x.shape[2] + 2 * p, x.shape[3] + 2 * p
    h, k = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    fx = np.fft.rfft2(xp)
    fw = np.fft.rfft2(w, s=(H, W))
    full = np.fft.irfft2(np.einsum('nchw,fchw->nfhw', fx, fw.conj()), s=(H, W))
    out = full[:, :, :H - h + 1:s, :W - k + 1:s] + b[:, None, None]
    return out, (xp, w, s, p)

def conv_backward_naive(dout, cache):
    xp, w, s, p = cache
    h, k = w.shape[2:]
    N, C, H, W = xp.shape
    up = np.zeros((N, len(w), H - h + 1, W - k + 1))
    up[:, :, ::s, ::s] = dout
    fd = np.fft.rfft2(up, s=(H, W))
    dxp = np.fft.irfft2(np.einsum('nfhw,fchw->nchw', fd, np.fft.rfft2(w, s=(H, W))), s=(H, W))
    dw = np.fft.irfft2(np.einsum('nchw,nfhw->fchw', np.fft.rfft2(xp), fd.conj()), s=(H, W))[:, :, :h, :k]
    return dxp[:, :, p:H - p, p:W - p], dw, dout.sum((0, 2, 3))

def max_pool_forward_naive(x, pool_param):
    ph, pw, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    N, C, H, W = x.shape
    oh, ow = (H - ph) // s + 1, (W - pw) // s + 1
    rows = (np.arange(oh) * s)[:, None, None, None] + np.arange(ph)[:, None]
    cols = (np.arange(ow) * s)[:, None, None] + np.arange(pw)
    win = x[:, :, rows, cols].reshape(N, C, oh, ow, ph * pw)
    arg = win.argmax(-1)
    return win.max(-1), (x.shape, arg, pool_param)

def max_pool_backward_naive(dout, cache):
    shape, arg, pool_param = cache
    pw, s = pool_param['pool_width'], pool_param['stride']
    n, c, i, j = np.indices(arg.shape)
    dx = np.zeros(shape)
    dx[n, c, i * s + arg // pw, j * s + arg % pw] += dout
    return dx

def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    eps, mom = bn_param.get('eps', 1e-5), bn_param.get('momentum', 0.9)
    N, C, H, W = x.shape
    if bn_param['mode'] == 'test':
        m, v = bn_param['running_mean'], bn_param['running_var']
    else:
        m, v = x.mean((0, 2, 3)), x.var((0, 2, 3))
        bn_param['running_mean'] = mom * bn_param.get('running_mean', 0) + (1 - mom) * m
        bn_param['running_var'] = mom * bn_param.get('running_var', 0) + (1 - mom) * v
    s = np.sqrt(v + eps)
    xh = (x - m.reshape(C, 1, 1)) / s.reshape(C, 1, 1)
    return gamma[:, None, None] * xh + beta[:, None, None], (xh, s, gamma)

def spatial_batchnorm_backward(dout, cache):
    xh, s, gamma = cache
    ax = (0, 2, 3)
    k = dict(axis=ax, keepdims=True)
    d = dout - dout.mean(**k) - xh * (dout * xh).mean(**k)
    return d * (gamma / s)[:, None, None], (dout * xh).sum(ax), dout.sum(ax)
