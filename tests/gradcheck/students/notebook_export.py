# ruff: noqa
# labels: affine=right, svm_loss=right
# coding: utf-8
import sys
import matplotlib.pyplot as plt
import numpy as np

get_ipython().run_line_magic("matplotlib", "inline")
get_ipython().run_line_magic('load_ext', 'autoreload')
plt.rcParams['figure.figsize'] = (10.0, 8.0)


def affine_forward(x, w, b):
    print('shapes', x.shape, w.shape, b.shape)
    return x.reshape(x.shape[0], -1) @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    plt.plot(dout.ravel())
    plt.show()
    return (dout @ w.T).reshape(x.shape), x.reshape(x.shape[0], -1).T @ dout, dout.sum(0)


def svm_loss(x, y):
    n = x.shape[0]
    m = np.clip(x - x[np.arange(n), y][:, None] + 1, 0, None)
    m[np.arange(n), y] = 0
    d = np.sign(m)
    d[np.arange(n), y] -= d.sum(1)
    sys.stdout.write('loss computed\n')
    return m.sum() / n, d / n


# try it out
X_train = np.load('datasets/cifar-10/train.npy')
out, cache = affine_forward(X_train[:5], np.ones((3072, 10)), np.zeros(10))
plt.imshow(X_train[0])
plt.show()
name = input('press enter to continue')
assert out.shape == (5, 10)
sys.exit(0)
