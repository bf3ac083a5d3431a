# ruff: noqa
# labels: Conv2D=inconclusive, PReLU=right, Scale=right, Softplus=right, GELU=wrong backward, LogSoftmax=right, MSELoss=inconclusive, Sequential=inconclusive
import numpy as np


class Conv2D:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        k = kernel_size
        self.W = np.random.randn(out_channels, in_channels, k, k) * 0.1
        self.b = np.zeros(out_channels)
        self.stride, self.padding = stride, padding

    def forward(self, x):
        p, s = self.padding, self.stride
        self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        F, C, k, _ = self.W.shape
        oh = (self.xp.shape[2] - k) // s + 1
        ow = (self.xp.shape[3] - k) // s + 1
        out = np.zeros((len(x), F, oh, ow))
        for i in range(oh):
            for j in range(ow):
                out[:, :, i, j] = np.einsum('nchw,fchw->nf', self.xp[:, :, i*s:i*s+k, j*s:j*s+k], self.W) + self.b
        return out

    def backward(self, dout):
        return None


class PReLU:
    def __init__(self, slope=0.25):
        self.a = np.array([slope])

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.a * x)

    def backward(self, dout):
        self.da = np.array([(dout * np.minimum(self.x, 0)).sum()])
        return dout * np.where(self.x > 0, 1, self.a)


class Scale:
    """y = s * x"""
    def __init__(self, dim):
        self.params = {'s': np.ones(dim)}
        self.grads = {'s': np.zeros(dim)}

    def forward(self, x):
        self.cache = x
        return x * self.params['s']

    def backward(self, dout):
        self.grads['s'][...] = (dout * self.cache).sum(axis=0)
        return dout * self.params['s']


class Softplus:
    def forward(self, x):
        self.x = x
        return np.log(1 + np.exp(x))

    def backward(self, dout):
        return dout / (1 + np.exp(-self.x))


class GELU:
    """tanh approximation"""
    def forward(self, x):
        self.x = x
        self.t = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
        return 0.5 * x * (1 + self.t)

    def backward(self, dout):
        x, t = self.x, self.t
        dt = (1 - t**2) * np.sqrt(2 / np.pi) * (1 + 0.044715 * x**2)      # 3 forgotten
        return dout * (0.5 * (1 + t) + 0.5 * x * dt)


class LogSoftmax:
    def forward(self, x):
        z = x - x.max(-1, keepdims=True)
        self.logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
        return self.logp

    def backward(self, dout):
        return dout - np.exp(self.logp) * dout.sum(-1, keepdims=True)


class MSELoss:
    def forward(self, pred, target):
        self.d = pred - target
        return (self.d ** 2).mean()

    def backward(self):
        return 2 * self.d / self.d.size


class Sequential:
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for l in self.layers:
            x = l.forward(x)
        return x

    def backward(self, d):
        for l in reversed(self.layers):
            d = l.backward(d)
        return d
