# ruff: noqa
# labels: ThreeLayerConvNet=wrong forward
import numpy as np

def conv(x, w, b, s, p):
    N, C, H, W = x.shape
    F, _, h, k = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    Ho, Wo = (H + 2 * p - h) // s + 1, (W + 2 * p - k) // s + 1
    out = np.zeros((N, F, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            out[:, :, i, j] = np.tensordot(xp[:, :, i*s:i*s+h, j*s:j*s+k], w, ([1, 2, 3], [1, 2, 3])) + b
    return out, xp

def conv_back(d, xp, w, s, p):
    F, _, h, k = w.shape
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(d.shape[2]):
        for j in range(d.shape[3]):
            dw += np.tensordot(d[:, :, i, j], xp[:, :, i*s:i*s+h, j*s:j*s+k], ([0], [0]))
            dxp[:, :, i*s:i*s+h, j*s:j*s+k] += np.tensordot(d[:, :, i, j], w, ([1], [0]))
    return dxp[:, :, p:dxp.shape[2]-p, p:dxp.shape[3]-p], dw, d.sum((0, 2, 3))

class ThreeLayerConvNet(object):
    """conv - relu - 2x2 max pool - affine - relu - affine - softmax"""
    def __init__(self, input_dim=(3, 32, 32), num_filters=32, filter_size=7, hidden_dim=100, num_classes=10,
                 weight_scale=1e-3, reg=0.0, dtype=np.float32):
        self.params, self.reg, self.dtype = {}, reg, dtype
        C, H, W = input_dim
        r = lambda *s: (weight_scale * np.random.randn(*s)).astype(dtype)
        self.params['W1'], self.params['b1'] = r(num_filters, C, filter_size, filter_size), np.zeros(num_filters, dtype)
        self.params['W2'], self.params['b2'] = r(num_filters * H // 2 * W // 2, hidden_dim), np.zeros(hidden_dim, dtype)
        self.params['W3'], self.params['b3'] = r(hidden_dim, num_classes), np.zeros(num_classes, dtype)

    def loss(self, X, y=None):
        W1, b1, W2, b2, W3, b3 = [self.params[k] for k in ('W1', 'b1', 'W2', 'b2', 'W3', 'b3')]
        p = (W1.shape[2] - 1) // 2
        a1, xp = conv(X, W1, b1, 1, p)
        h1 = np.maximum(a1, 0)
        N, F, H, W = h1.shape
        blocks = h1.reshape(N, F, H // 2, 2, W // 2, 2)
        pooled = blocks.max(axis=(3, 5))
        f = pooled.reshape(N, -1)
        a2 = f @ W2 + b2
        h2 = np.maximum(a2, 0)
        scores = h2 @ W3 + b3
        if y is None:
            return scores
        e = np.exp(scores - scores.max(1, keepdims=True))
        P = e / e.sum(1, keepdims=True)
        # only the two dense layers are regularised, in the loss and in the gradient
        loss = -np.log(P[np.arange(N), y]).mean() + 0.5 * self.reg * ((W2 ** 2).sum() + (W3 ** 2).sum())
        P[np.arange(N), y] -= 1
        d = P / N
        g = {'W3': h2.T @ d + self.reg * W3, 'b3': d.sum(0)}
        d = (d @ W3.T) * (a2 > 0)
        g['W2'], g['b2'] = f.T @ d + self.reg * W2, d.sum(0)
        d = (d @ W2.T).reshape(pooled.shape)
        mask = blocks == pooled[:, :, :, None, :, None]
        d = (mask * d[:, :, :, None, :, None]).reshape(h1.shape) * (a1 > 0)
        _, g['W1'], g['b1'] = conv_back(d, xp, W1, 1, p)
        return loss, g
