# ruff: noqa
# labels: svm_loss_naive=wrong backward, svm_loss_vectorized=wrong forward, softmax_loss_vectorized=wrong backward, softmax_loss_naive=fragile
import numpy as np


def svm_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros(W.shape)
    N = X.shape[0]
    for i in range(N):
        scores = X[i] @ W
        margins = np.maximum(0, scores - scores[y[i]] + 1)
        margins[y[i]] = 0
        loss += margins.sum()
        pos = margins > 0
        dW[:, pos] += X[i][:, None]
        dW[:, y[i]] -= pos.sum() * X[i]
    return loss / N + reg * np.sum(W * W), dW / N + reg * W


def svm_loss_vectorized(W, X, y, reg):
    N = X.shape[0]
    scores = X @ W
    m = np.maximum(0, scores - scores[range(N), y][:, None] + 1)
    m[range(N), y] = 0
    mask = (m > 0) * 1.
    mask[range(N), y] -= mask.sum(1)
    return m.sum() / N, X.T @ mask / N + 2 * reg * W


def softmax_loss_vectorized(W, X, y, reg):
    N = len(X)
    f = X.dot(W)
    f -= f.max(1)[:, None]
    p = np.exp(f) / np.exp(f).sum(1)[:, None]
    loss = -np.log(p[np.arange(N), y]).sum() / N + 0.5 * reg * np.sum(W ** 2)
    p[np.arange(N), y] -= 1
    dW = X.T.dot(p) / N           # regularization only needed in the loss?
    return loss, dW


def softmax_loss_naive(W, X, y, reg):
    loss, dW = 0.0, np.zeros(W.shape)
    for i in range(len(X)):
        e = np.exp(X[i].dot(W))
        p = e / sum(e)
        loss += -np.log(p[y[i]])
        p[y[i]] -= 1
        dW += np.outer(X[i], p)
    loss, dW = loss / len(X), dW / len(X)
    return loss + reg * (W ** 2).sum(), dW + 2 * reg * W
