# ruff: noqa
# labels: affine=wrong backward, relu=fragile, softmax_loss=fragile, svm_loss=wrong backward
import numpy as np

def affine_forward(x, w, b):
    X = x.reshape(x.shape[0], np.prod(x.shape[1:]))
    return X @ w + b, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    X = x.reshape(x.shape[0], -1)
    dx = dout.dot(w.T).reshape(x.shape)
    dw = X.T.dot(dout)
    db = dout.mean(axis=0)    # average over the batch
    return dx, dw, db

def relu_forward(x):
    out = np.maximum(x, 0)
    return out, x

def relu_backward(dout, cache):
    dout[cache <= 0] = 0
    return dout

def softmax_loss(x, y):
    e = np.exp(x)
    p = e / e.sum(axis=1, keepdims=True)
    N = x.shape[0]
    loss = -np.log(p[range(N), y]).sum() / N
    dx = p.copy()
    dx[range(N), y] -= 1
    dx /= N
    return loss, dx

def svm_loss(x, y):
    N = x.shape[0]
    correct = x[np.arange(N), y].reshape(-1, 1)
    margins = np.maximum(0, x - correct + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= np.sum(margins > 0, axis=1)
    return loss, dx
