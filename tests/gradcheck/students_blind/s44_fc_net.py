# ruff: noqa
# labels: affine_relu=right, batchnorm=right, dropout=right, FullyConnectedNet=right
import numpy as np

def affine_relu_forward(x, w, b):
    a = x.reshape(x.shape[0], -1).dot(w) + b
    return np.maximum(0, a), (x, w, a)

def affine_relu_backward(dout, cache):
    x, w, a = cache
    da = dout * (a > 0)
    return da.dot(w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T.dot(da), da.sum(0)

def batchnorm_forward(x, gamma, beta, bn_param):
    eps, mom = bn_param.get('eps', 1e-5), bn_param.get('momentum', 0.9)
    rm = bn_param.get('running_mean', np.zeros(x.shape[1]))
    rv = bn_param.get('running_var', np.zeros(x.shape[1]))
    if bn_param['mode'] == 'test':
        return gamma * (x - rm) / np.sqrt(rv + eps) + beta, None
    mu, var = x.mean(0), x.var(0)
    s = np.sqrt(var + eps)
    xh = (x - mu) / s
    bn_param['running_mean'] = mom * rm + (1 - mom) * mu
    bn_param['running_var'] = mom * rv + (1 - mom) * var
    return gamma * xh + beta, (xh, s, gamma)

def batchnorm_backward(dout, cache):
    xh, s, gamma = cache
    g = dout * gamma
    return (g - g.mean(0) - xh * (g * xh).mean(0)) / s, (dout * xh).sum(0), dout.sum(0)

def dropout_forward(x, dropout_param):
    p, mode = dropout_param['p'], dropout_param['mode']
    if 'seed' in dropout_param:
        np.random.seed(dropout_param['seed'])
    if mode == 'test':
        return x, (dropout_param, None)
    mask = (np.random.rand(*x.shape) < p) / p
    return x * mask, (dropout_param, mask)

def dropout_backward(dout, cache):
    return dout if cache[1] is None else dout * cache[1]


class FullyConnectedNet(object):
    def __init__(self, hidden_dims, input_dim=3 * 32 * 32, num_classes=10, dropout_keep_ratio=1, normalization=None,
                 reg=0.0, weight_scale=1e-2, dtype=np.float32, seed=None):
        self.normalization = normalization
        self.use_dropout = dropout_keep_ratio != 1
        self.reg, self.dtype = reg, dtype
        self.num_layers = 1 + len(hidden_dims)
        self.params = {}
        dims = [input_dim, *hidden_dims, num_classes]
        for l in range(1, self.num_layers + 1):
            self.params[f'W{l}'] = np.random.normal(0, weight_scale, (dims[l - 1], dims[l]))
            self.params[f'b{l}'] = np.zeros(dims[l])
            if normalization == 'batchnorm' and l < self.num_layers:
                self.params[f'gamma{l}'] = np.ones(dims[l])
                self.params[f'beta{l}'] = np.zeros(dims[l])
        self.dropout_param = {}
        if self.use_dropout:
            self.dropout_param = {'mode': 'train', 'p': dropout_keep_ratio}
            if seed is not None:
                self.dropout_param['seed'] = seed
        self.bn_params = []
        if normalization == 'batchnorm':
            self.bn_params = [{'mode': 'train'} for _ in range(self.num_layers - 1)]
        for k, v in self.params.items():
            self.params[k] = v.astype(dtype)

    def loss(self, X, y=None):
        X = X.astype(self.dtype)
        mode = 'test' if y is None else 'train'
        if self.use_dropout:
            self.dropout_param['mode'] = mode
        for p in self.bn_params:
            p['mode'] = mode
        caches = {}
        h = X.reshape(len(X), -1)
        for l in range(1, self.num_layers):
            x0 = h
            a = h @ self.params[f'W{l}'] + self.params[f'b{l}']
            if self.bn_params:
                a, caches['bn', l] = batchnorm_forward(a, self.params[f'gamma{l}'], self.params[f'beta{l}'],
                                                       self.bn_params[l - 1])
            h = np.maximum(a, 0)
            caches['fc', l] = (x0, a > 0)
            if self.use_dropout:
                h, caches['do', l] = dropout_forward(h, self.dropout_param)
        L = self.num_layers
        scores = h @ self.params[f'W{L}'] + self.params[f'b{L}']
        if mode == 'test':
            return scores
        s = scores - scores.max(1, keepdims=True)
        logp = s - np.log(np.exp(s).sum(1, keepdims=True))
        loss = -logp[np.arange(len(y)), y].mean()
        grads = {}
        d = np.exp(logp)
        d[np.arange(len(y)), y] -= 1
        d /= len(y)
        grads[f'W{L}'] = h.T @ d + self.reg * self.params[f'W{L}']
        grads[f'b{L}'] = d.sum(0)
        d = d @ self.params[f'W{L}'].T
        for l in range(L - 1, 0, -1):
            if self.use_dropout:
                d = dropout_backward(d, caches['do', l])
            x0, on = caches['fc', l]
            d = d * on
            if self.bn_params:
                d, grads[f'gamma{l}'], grads[f'beta{l}'] = batchnorm_backward(d, caches['bn', l])
            grads[f'W{l}'] = x0.T @ d + self.reg * self.params[f'W{l}']
            grads[f'b{l}'] = d.sum(0)
            d = d @ self.params[f'W{l}'].T
        for l in range(1, L + 1):
            loss += 0.5 * self.reg * np.sum(self.params[f'W{l}'] ** 2)
        return loss, grads
