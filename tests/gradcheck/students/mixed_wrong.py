# ruff: noqa
# labels: affine=wrong backward, relu=wrong forward, batchnorm=wrong forward, dropout=wrong backward, svm_loss=wrong forward, rnn_step=wrong backward, lstm=fragile, temporal_affine=wrong backward, sgd_momentum=wrong forward, adam=wrong forward, conv=fragile
import numpy as np

def affine_forward(x, w, b):
    return x.reshape(x.shape[0], -1).dot(w) + b, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    return dout.dot(w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T.dot(dout), dout.sum(axis=0, keepdims=True)

def relu_forward(x):
    out = x
    out[out < 0] = 0.01 * out[out < 0]
    return out, x > 0

def relu_backward(dout, cache):
    return dout * cache

def batchnorm_forward(x, gamma, beta, bn_param):
    eps, m = bn_param.get('eps', 1e-5), bn_param.get('momentum', 0.9)
    if bn_param['mode'] == 'train':
        mu, v = x.mean(0), x.var(0)
        bn_param['running_mean'] = m * mu + (1 - m) * bn_param.get('running_mean', 0)
        bn_param['running_var'] = m * v + (1 - m) * bn_param.get('running_var', 0)
    else:
        mu, v = bn_param['running_mean'], bn_param['running_var']
    z = (x - mu) / np.sqrt(v + eps)
    return z * gamma + beta, (z, gamma, np.sqrt(v + eps))

def batchnorm_backward(dout, cache):
    z, gamma, s = cache
    g = dout * gamma
    return (g - g.mean(0) - z * (g * z).mean(0)) / s, (dout * z).sum(0), dout.sum(0)

def dropout_forward(x, dropout_param):
    p, mode = dropout_param['p'], dropout_param['mode']
    if 'seed' in dropout_param: np.random.seed(dropout_param['seed'])
    mask = None
    if mode == 'train':
        mask = (np.random.rand(*x.shape) < p) / p
        return x * mask, (p, mode)
    return x, (p, mode)

def dropout_backward(dout, cache):
    p, mode = cache
    return dout * (np.random.rand(*dout.shape) < p) / p if mode == 'train' else dout

def svm_loss(x, y):
    N = len(y)
    m = np.maximum(0, x - x[np.arange(N), y][:, None] + 1)
    loss = m.sum() / N
    d = (m > 0) * 1.0
    d[np.arange(N), y] -= d.sum(1)
    return loss, d / N

def rnn_step_forward(x, prev_h, Wx, Wh, b):
    h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return h, (x, prev_h, Wx, Wh, h)

def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, h = cache
    d = dnext_h * (1 - np.tanh(h) ** 2)
    return d @ Wx.T, d @ Wh.T, x.T @ d, prev_h.T @ d, d.sum(0)

def sig(a): return 1 / (1 + np.exp(-a))

def lstm_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    H = h0.shape[1]
    h, c, cache = h0, np.zeros_like(h0), []
    out = np.zeros((N, T, H))
    for t in range(T):
        a = x[:, t] @ Wx + h @ Wh + b
        i, f, o, g = sig(a[:, :H]), sig(a[:, H:2*H]), sig(a[:, 2*H:3*H]), np.tanh(a[:, 3*H:])
        nc = f * c + i * g
        nh = o * np.tanh(nc)
        cache.append((x[:, t], h, c, i, f, o, g, nc))
        h, c = nh, nc
        out[:, t] = h
    cache.append((Wx, Wh))
    return out, cache

def lstm_backward(dh, cache):
    Wx, Wh = cache.pop()
    N, T, H = dh.shape
    dx = np.zeros((N, T, Wx.shape[0])); dWx = np.zeros_like(Wx); dWh = np.zeros_like(Wh); db = np.zeros(4 * H)
    dp = np.zeros((N, H)); dc = np.zeros((N, H))
    for t in reversed(range(T)):
        x, h, c, i, f, o, g, nc = cache[t]
        d = dh[:, t] + dp
        dc = dc + d * o * (1 - np.tanh(nc) ** 2)
        da = np.hstack([dc * g * i * (1 - i), dc * c * f * (1 - f), d * np.tanh(nc) * o * (1 - o), dc * i * (1 - g * g)])
        dc = dc * f
        dx[:, t] = da @ Wx.T; dp = da @ Wh.T
        dWx += x.T @ da; dWh += h.T @ da; db += da.sum(0)
    return dx, dp, dWx, dWh, db

def temporal_affine_forward(x, w, b):
    return x @ w + b, (x, w)

def temporal_affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, np.einsum('ntd,ntm->dm', x, dout), dout.sum(axis=1).mean(axis=0)

def sgd_momentum(w, dw, config=None):
    config = {} if config is None else config
    lr, mu = config.setdefault('learning_rate', 1e-2), config.setdefault('momentum', .9)
    v = config.get('velocity', np.zeros_like(w))
    v = mu * v + lr * dw
    next_w = w - v
    return next_w, config

def adam(w, dw, config=None):
    config = {} if config is None else config
    for k, v in [('learning_rate', 1e-3), ('beta1', .9), ('beta2', .999), ('epsilon', 1e-8), ('t', 0)]:
        config.setdefault(k, v)
    config['t'] += 1
    m = config['beta1'] * config.get('m', 0) + (1 - config['beta1']) * dw
    v = config['beta2'] * config.get('v', 0) + (1 - config['beta2']) * dw ** 2
    m = m / (1 - config['beta1'] ** config['t'])
    v = v / (1 - config['beta2'] ** config['t'])
    config['m'], config['v'] = m, v
    return w - config['learning_rate'] * m / (np.sqrt(v) + config['epsilon']), config

def conv_forward(x, w, b, conv_param):
    s, p = conv_param['stride'], conv_param['pad']
    xp = np.pad(x, ((0,0),(0,0),(p,p),(p,p)))
    F, C, HH, WW = w.shape
    oh, ow = (x.shape[2] + 2*p - HH)//s + 1, (x.shape[3] + 2*p - WW)//s + 1
    out = np.zeros((len(x), F, oh, ow))
    for i in range(oh):
        for j in range(ow):
            out[:, :, i, j] = np.einsum('nchw,fchw->nf', xp[:, :, i*s:i*s+HH, j*s:j*s+HH][..., :WW], w) + b
    return out, (x, xp, w, s, p)

def conv_backward(dout, cache):
    x, xp, w, s, p = cache
    F, C, HH, WW = w.shape
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[2]):
            d = dout[:, :, i, j]
            dw += np.einsum('nf,nchw->fchw', d, xp[:, :, i*s:i*s+HH, j*s:j*s+WW])
            dxp[:, :, i*s:i*s+HH, j*s:j*s+WW] += np.einsum('nf,fchw->nchw', d, w)
    return dxp[:, :, p:dxp.shape[2]-p, p:dxp.shape[3]-p], dw, dout.sum((0, 2, 3))
