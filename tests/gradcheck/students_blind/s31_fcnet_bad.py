# ruff: noqa
# labels: affine=right, relu=right, softmax_loss=right, TwoLayerNet=wrong backward, FullyConnectedNet=right
import numpy as np


def affine_forward(x, w, b):
    return x.reshape(x.shape[0], -1).dot(w) + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    return dout.dot(w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T.dot(dout), np.sum(dout, 0)


def relu_forward(x):
    return np.where(x > 0, x, 0), x


def relu_backward(dout, cache):
    return np.where(cache > 0, dout, 0)


def softmax_loss(x, y):
    s = x - np.max(x, axis=1, keepdims=True)
    Z = np.sum(np.exp(s), axis=1, keepdims=True)
    lp = s - np.log(Z)
    p = np.exp(lp)
    N = x.shape[0]
    loss = -np.sum(lp[np.arange(N), y]) / N
    dx = p.copy()
    dx[np.arange(N), y] -= 1
    return loss, dx / N


class TwoLayerNet(object):
    def __init__(self, input_dim=3*32*32, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.params = {}
        self.reg = reg
        self.params['W1'] = weight_scale * np.random.randn(input_dim, hidden_dim)
        self.params['b1'] = np.zeros(hidden_dim)
        self.params['W2'] = weight_scale * np.random.randn(hidden_dim, num_classes)
        self.params['b2'] = np.zeros(num_classes)

    def loss(self, X, y=None):
        W1, b1, W2, b2 = (self.params[k] for k in ('W1', 'b1', 'W2', 'b2'))
        a1, c1 = affine_forward(X, W1, b1)
        r1, cr = relu_forward(a1)
        scores, c2 = affine_forward(r1, W2, b2)
        if y is None:
            return scores
        loss, d = softmax_loss(scores, y)
        loss += 0.5 * self.reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
        grads = {}
        dr, grads['W2'], grads['b2'] = affine_backward(d, c2)
        dx, grads['W1'], grads['b1'] = affine_backward(relu_backward(dr, cr), c1)
        grads['W2'] += self.reg * W2
        # W1 does not need it
        return loss, grads


class FullyConnectedNet(object):
    def __init__(self, hidden_dims, input_dim=3*32*32, num_classes=10, dropout=0, use_batchnorm=False, reg=0.0,
                 weight_scale=1e-2, dtype=np.float32, seed=None):
        self.reg = reg
        self.num_layers = 1 + len(hidden_dims)
        self.dtype = dtype
        self.params = {}
        dims = [input_dim] + list(hidden_dims) + [num_classes]
        for i in range(self.num_layers):
            self.params['W%d' % (i + 1)] = weight_scale * np.random.randn(dims[i], dims[i + 1])
            self.params['b%d' % (i + 1)] = np.zeros(dims[i + 1])
        for k, v in self.params.items():
            self.params[k] = v.astype(dtype)

    def loss(self, X, y=None):
        X = X.astype(self.dtype)
        caches = []
        a = X
        for i in range(1, self.num_layers):
            a, fc = affine_forward(a, self.params['W%d' % i], self.params['b%d' % i])
            a, rc = relu_forward(a)
            caches.append((fc, rc))
        L = str(self.num_layers)
        scores, last = affine_forward(a, self.params['W' + L], self.params['b' + L])
        if y is None:
            return scores
        loss, d = softmax_loss(scores, y)
        for i in range(1, self.num_layers + 1):
            loss += 0.5 * self.reg * np.sum(self.params['W%d' % i] ** 2)
        grads = {}
        d, grads['W' + L], grads['b' + L] = affine_backward(d, last)
        for i in range(self.num_layers - 1, 0, -1):
            fc, rc = caches[i - 1]
            d = relu_backward(d, rc)
            d, grads['W%d' % i], grads['b%d' % i] = affine_backward(d, fc)
        for i in range(1, self.num_layers + 1):
            grads['W%d' % i] += self.reg * self.params['W%d' % i]
        return loss, grads
