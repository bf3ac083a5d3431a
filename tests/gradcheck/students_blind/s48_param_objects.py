# ruff: noqa
# labels: Linear=wrong backward, TwoLayerNet=right
import numpy as np


class Param:
    def __init__(self, data):
        self.data = data
        self.grad = np.zeros_like(data)


class Linear:
    def __init__(self, d_in, d_out):
        self.weight = Param(np.random.randn(d_in, d_out) / np.sqrt(d_in))
        self.bias = Param(np.zeros(d_out))

    def parameters(self):
        return [self.weight, self.bias]

    def forward(self, x):
        self.x = x
        return x @ self.weight.data + self.bias.data

    def backward(self, dout):
        self.weight.grad = self.x.T @ dout
        self.bias.grad = dout.mean(0)
        return dout @ self.weight.data.T


class TwoLayerNet(object):
    """ arrays as attributes """
    def __init__(self, input_dim, hidden_dim, num_classes):
        self.W1, self.b1 = np.random.randn(input_dim, hidden_dim), np.zeros(hidden_dim)
        self.W2, self.b2 = np.random.randn(hidden_dim, num_classes), np.zeros(num_classes)

    def loss(self, X, y, reg=0.0):
        h = np.tanh(X @ self.W1 + self.b1)
        s = h @ self.W2 + self.b2
        s = s - s.max(1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
        n = len(y)
        loss = -np.log(p[np.arange(n), y]).mean() + reg * ((self.W1**2).sum() + (self.W2**2).sum())
        p[np.arange(n), y] -= 1
        p /= n
        grads = {'W2': h.T @ p + 2 * reg * self.W2, 'b2': p.sum(0)}
        dh = p @ self.W2.T * (1 - h**2)
        grads['W1'], grads['b1'] = X.T @ dh + 2 * reg * self.W1, dh.sum(0)
        return loss, grads
