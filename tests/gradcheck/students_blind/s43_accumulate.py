# ruff: noqa
# labels: Linear=right, ELU=right, ReLU=fragile, Sigmoid=wrong forward, Flatten=right, Swish=not implemented
import numpy as np

class Linear:
    """ adds to its gradients like torch does; call zero_grad between the steps """
    def __init__(self, in_features, out_features):
        self.W = np.random.uniform(-.1, .1, (in_features, out_features))
        self.b = np.zeros(out_features)
        self.zero_grad()

    def zero_grad(self):
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)

    def forward(self, x):
        self.x = x
        return np.matmul(x, self.W) + self.b

    def backward(self, dout):
        self.dW += self.x.T @ dout
        self.db += dout.sum(0)
        return dout @ self.W.T

class ELU:
    def __init__(self, alpha=1.0):
        self.alpha = alpha
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * (np.exp(x) - 1))
    def backward(self, dout):
        return dout * np.where(self.x > 0, 1, self.alpha * np.exp(self.x))

class ReLU:
    def forward(self, x):
        x[x < 0] = 0
        self.mask = x > 0
        return x
    def backward(self, dout):
        dout[~self.mask] = 0
        return dout

class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(x))
        return self.y
    def backward(self, dout):
        return -dout * self.y * (1 - self.y)

class Flatten:
    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)
    def backward(self, dout):
        return dout.reshape(self.shape)

class Swish:
    def forward(self, x):
        pass
    def backward(self, dout):
        pass
