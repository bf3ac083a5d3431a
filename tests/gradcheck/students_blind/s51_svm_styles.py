# ruff: noqa
# labels: svm_loss=right, softmax_loss=right, svm_loss_naive=wrong forward, softmax_loss_vectorized=fragile, svm_loss_vectorized=wrong forward
import numpy as np

def svm_loss(x, y, delta=1.0):
    n = len(y)
    s_y = np.choose(y, x.T)
    h = np.fmax(x - s_y[:, None] + delta, 0)
    h[range(n), y] = 0
    g = np.sign(h)
    g[range(n), y] = -g.sum(1)
    return h.sum() / n, g / n

def softmax_loss(x, y):
    n, c = x.shape
    p = np.exp(x - np.logaddexp.reduce(x, axis=1, keepdims=True))
    loss = -np.log(p[np.arange(n), y] + 1e-12).mean()
    return loss, (p - (np.arange(c) == y[:, None])) / n

def svm_loss_naive(W, X, y, reg):
    """ L2 SVM: squared hinge """
    dW = np.zeros_like(W); loss = 0.
    for x, c in zip(X, y):
        s = x @ W
        for j in range(len(s)):
            m = s[j] - s[c] + 1
            if j != c and m > 0:
                loss += m ** 2
                dW[:, j] += 2 * m * x
                dW[:, c] -= 2 * m * x
    return loss / len(X) + reg * (W * W).sum(), dW / len(X) + 2 * reg * W

def softmax_loss_vectorized(W, X, y, reg):
    s = X @ W
    s -= np.max(s)
    p = np.exp(s)
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).sum() / len(y) + 0.5 * reg * np.sum(W * W)
    p[np.arange(len(y)), y] -= 1
    return loss, X.T @ p / len(y) + reg * W

def svm_loss_vectorized(W, X, y, reg):
    N = X.shape[0]
    s = X @ W
    m = np.maximum(0, s - s[np.arange(N), y][:, None] + 1)
    m[np.arange(N), y] = 0
    loss = m.mean() + reg * np.sum(W ** 2)
    b = (m > 0).astype(int)
    b[np.arange(N), y] = -b.sum(1)
    return loss, X.T @ b / b.size + 2 * reg * W
