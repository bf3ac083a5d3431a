# ruff: noqa
# labels: svm_loss=wrong backward, softmax_loss=wrong forward
import numpy as np


def svm_loss(x, y):
    N = x.shape[0]
    rows = np.arange(N)
    margins = np.maximum(0, x - x[rows, y].reshape(N, 1) + 1)
    margins[rows, y] = 0
    dx = (margins > 0) * 1.0
    dx[rows, y] = -1
    return margins.sum() / N, dx / N


def softmax_loss(x, y):
    # max over everything is fine, it cancels
    x = x - x.max()
    p = np.exp(x) / np.exp(x).sum(axis=0)
    N = len(y)
    dx = p.copy()
    dx[np.arange(N), y] -= 1
    return -np.log(p[np.arange(N), y]).sum() / N, dx / N
