# ruff: noqa
# labels: softmax_loss=fragile, svm_loss=fragile
import numpy as np


def softmax_loss(x, y):
    e = np.exp(x)
    p = e / e.sum(axis=1, keepdims=True)
    n = len(y)
    loss = -np.log(p[range(n), y]).mean()
    p[range(n), y] -= 1
    return loss, p / n


def svm_loss(x, y):
    n = len(y)
    correct = np.squeeze(x[np.arange(n), y][:, None])       # (n,)
    m = np.maximum(0, x.T - correct + 1).T
    x[np.arange(n), y] = 0                                  # do not count the right class
    m[np.arange(n), y] = 0
    d = (m > 0).astype(float)
    d[np.arange(n), y] = -d.sum(1)
    return m.sum() / n, d / n
