# ruff: noqa
# labels: TwoLayerNet=wrong forward, ThreeLayerNet=wrong backward, LinearClassifier=inconclusive, Net=inconclusive
import numpy as np

class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        self.params = dict(W1=std * np.random.randn(input_size, hidden_size), b1=np.zeros(hidden_size),
                           W2=std * np.random.randn(hidden_size, output_size), b2=np.zeros(output_size))

    def loss(self, X, y=None, reg=0.0):
        W1, b1, W2, b2 = self.params['W1'], self.params['b1'], self.params['W2'], self.params['b2']
        h = np.maximum(0, X @ W1 + b1)
        scores = h @ W2 + b2
        if y is None:
            return scores
        N = len(X)
        p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        loss = -np.log(p[range(N), y]).mean() + reg * (np.sum(W1**2) + np.sum(W2**2) + np.sum(b1**2) + np.sum(b2**2))
        d = p.copy(); d[range(N), y] -= 1; d /= N
        dh = d @ W2.T
        dh[h <= 0] = 0
        return loss, {'W2': h.T @ d + 2*reg*W2, 'b2': d.sum(0) + 2*reg*b2,
                      'W1': X.T @ dh + 2*reg*W1, 'b1': dh.sum(0) + 2*reg*b1}

class ThreeLayerNet:
    """ no relu gradient in the second layer """
    def __init__(self, input_dim, hidden_dims, num_classes, reg=0.0):
        D = [input_dim] + hidden_dims + [num_classes]
        self.reg = reg
        self.params = {}
        for i in range(3):
            self.params['W' + str(i + 1)] = 0.1 * np.random.randn(D[i], D[i+1])
            self.params['b' + str(i + 1)] = np.zeros(D[i+1])

    def loss(self, X, y=None):
        P = self.params
        h1 = np.maximum(0, X @ P['W1'] + P['b1'])
        h2 = np.maximum(0, h1 @ P['W2'] + P['b2'])
        s = h2 @ P['W3'] + P['b3']
        if y is None: return s
        m = np.maximum(0, s - s[np.arange(len(y)), y][:, None] + 1)
        m[np.arange(len(y)), y] = 0
        loss = m.sum() / len(y) + 0.5 * self.reg * sum((P[k]**2).sum() for k in ('W1', 'W2', 'W3'))
        d = (m > 0).astype(float)
        d[np.arange(len(y)), y] -= d.sum(1)
        d /= len(y)
        g = {'W3': h2.T @ d + self.reg * P['W3'], 'b3': d.sum(0)}
        d = d @ P['W3'].T
        g['W2'] = h1.T @ d + self.reg * P['W2']; g['b2'] = d.sum(0)
        d = (d @ P['W2'].T) * (h1 > 0)
        g['W1'] = X.T @ d + self.reg * P['W1']; g['b1'] = d.sum(0)
        return loss, g

class LinearClassifier(object):
    def __init__(self):
        self.W = None
    def loss(self, X_batch, y_batch, reg):
        pass

class Net:
    def __init__(self, config):
        self.params = {'W': np.random.randn(config['d'], config['c'])}
    def loss(self, X, y):
        return 0.0, {}
