# ruff: noqa
# labels: Dense=right, DenseBad=wrong backward, LeakyReLU=right, Softmax=wrong backward, SoftmaxCrossEntropy=right, Dropout=inconclusive, BatchNorm1d=right
import numpy as np


class Layer:
    """base class"""

    def forward(self, x):
        raise NotImplementedError

    def backward(self, dout):
        raise NotImplementedError

    def params(self):
        return []


class Dense(Layer):
    def __init__(self, n_in, n_out, scale=0.01):
        self.params = {'W': scale * np.random.randn(n_in, n_out), 'b': np.zeros(n_out)}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x.dot(self.params['W']) + self.params['b']

    def backward(self, dout):
        self.grads['W'] = self.x.T.dot(dout)
        self.grads['b'] = dout.sum(axis=0)
        return dout.dot(self.params['W'].T)


class DenseBad(Layer):
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros((1, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        n = self.x.shape[0]
        self.dW = self.x.T @ dout / n
        self.db = dout.sum(axis=0, keepdims=True) / n
        return dout @ self.W.T


class LeakyReLU(Layer):
    def __init__(self, alpha=0.1):
        self.alpha = alpha

    def forward(self, x):
        self.slope = np.where(x > 0, 1.0, self.alpha)
        return x * self.slope

    def backward(self, dout):
        return dout * self.slope


class Softmax(Layer):
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, dout):
        return self.p * (1 - self.p) * dout       # diagonal only


class SoftmaxCrossEntropy:
    def forward(self, scores, labels):
        z = scores - scores.max(axis=1, keepdims=True)
        self.p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        self.y = labels
        return -np.log(self.p[np.arange(len(labels)), labels]).mean()

    def backward(self, dout=1.0):
        d = self.p.copy()
        d[np.arange(len(self.y)), self.y] -= 1
        return dout * d / len(self.y)


class Dropout(Layer):
    def __init__(self, p):
        self.p = p

    def forward(self, x, train=True):
        if not train:
            return x
        self.mask = (np.random.rand(*x.shape) < self.p) / self.p
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class BatchNorm1d(Layer):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.gamma = np.ones(num_features)
        self.beta = np.zeros(num_features)
        self.running_mean = np.zeros(num_features)
        self.running_var = np.ones(num_features)
        self.eps, self.momentum, self.training = eps, momentum, True

    def forward(self, x):
        if self.training:
            mu, var = x.mean(0), x.var(0)
            self.running_mean += self.momentum * (mu - self.running_mean)
            self.running_var += self.momentum * (var - self.running_var)
        else:
            mu, var = self.running_mean, self.running_var
        self.inv = 1 / np.sqrt(var + self.eps)
        self.xhat = (x - mu) * self.inv
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        N = len(dout)
        self.grad_gamma = (dout * self.xhat).sum(0)
        self.grad_beta = dout.sum(0)
        return self.gamma * self.inv / N * (N * dout - self.grad_beta - self.xhat * self.grad_gamma)
