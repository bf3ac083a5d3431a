# ruff: noqa
# labels: conv_naive=wrong forward, max_pool_naive=fragile
import numpy as np

def conv_forward_naive(x, w, b, conv_param):
    S = conv_param['stride']
    P = conv_param['pad']
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    # true convolution: the kernel is flipped first
    wf = w[:, :, ::-1, ::-1]
    xp = np.pad(x, ((0,0),(0,0),(P,P),(P,P)), 'constant')
    H2 = int((H + 2*P - HH) / S + 1)
    W2 = int((W + 2*P - WW) / S + 1)
    out = np.zeros((N, F, H2, W2))
    for f in range(F):
        for i in range(H2):
            for j in range(W2):
                out[:, f, i, j] = np.sum(xp[:, :, i*S:i*S+HH, j*S:j*S+WW] * wf[f], axis=(1,2,3)) + b[f]
    return out, (x, w, b, conv_param)

def conv_backward_naive(dout, cache):
    x, w, b, conv_param = cache
    S = conv_param['stride']
    P = conv_param['pad']
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    wf = w[:, :, ::-1, ::-1]
    xp = np.pad(x, ((0,0),(0,0),(P,P),(P,P)), 'constant')
    dxp = np.zeros_like(xp)
    dwf = np.zeros_like(w)
    db = np.zeros_like(b)
    for f in range(F):
        db[f] = dout[:, f].sum()
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                g = dout[:, f, i, j][:, None, None, None]
                dwf[f] += np.sum(g * xp[:, :, i*S:i*S+HH, j*S:j*S+WW], axis=0)
                dxp[:, :, i*S:i*S+HH, j*S:j*S+WW] += g * wf[f]
    return dxp[:, :, P:P+H, P:P+W], dwf[:, :, ::-1, ::-1], db

def max_pool_forward_naive(x, pool_param):
    HP, WP, S = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    N, C, H, W = x.shape
    H2, W2 = (H-HP)//S + 1, (W-WP)//S + 1
    out = np.zeros((N, C, H2, W2))
    for i in range(H2):
        for j in range(W2):
            out[:, :, i, j] = np.amax(x[:, :, i*S:i*S+HP, j*S:j*S+WP], axis=(-1,-2))
    return out, (x, pool_param)

def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    HP, WP, S = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
    N, C, H2, W2 = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(H2):
                for j in range(W2):
                    ind = np.argmax(x[n, c, i*S:i*S+HP, j*S:j*S+WP])
                    a, b = np.unravel_index(ind, (HP, WP))
                    dx[n, c, i*S+a, j*S+b] = dout[n, c, i, j]    # winner takes it
    return dx
