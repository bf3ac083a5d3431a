# ruff: noqa
# labels: svm_loss=wrong forward, softmax_loss=wrong forward
import numpy as np

def svm_loss(x, y):
    """ squares the hinge so that it is smooth """
    N = x.shape[0]
    m = np.maximum(0, x - x[np.arange(N), y][:, np.newaxis] + 1.0)
    m[np.arange(N), y] = 0
    loss = np.sum(m ** 2) / N
    dx = 2 * m
    dx[np.arange(N), y] -= dx.sum(axis=1)
    return loss, dx / N

def softmax_loss(x, y):
    # base two logarithm? np.log2 gives bits
    N = x.shape[0]
    z = x - x.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = -np.log2(p[np.arange(N), y]).mean()
    d = p.copy()
    d[np.arange(N), y] -= 1
    return loss, d / N / np.log(2)
