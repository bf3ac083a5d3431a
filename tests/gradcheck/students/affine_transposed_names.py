# ruff: noqa
# labels: affine=right, relu=right, affine_relu=right
import numpy as np


class Cache:
    def __init__(self, **kw):
        self.__dict__.update(kw)


def affineForward(X, W, b):
    Xf = X.reshape(len(X), -1)
    return np.einsum('nd,dm->nm', Xf, W) + b, Cache(X=X, Xf=Xf, W=W)


def affineBackward(dOut, cache):
    dX = np.einsum('nm,dm->nd', dOut, cache.W).reshape(cache.X.shape)
    dW = np.einsum('nd,nm->dm', cache.Xf, dOut)
    return dict(dx=dX, dw=dW, db=dOut.sum(0))


def reluForward(X):
    mask = X > 0
    return X * mask, mask


def reluBackward(dOut, cache):
    return dOut * cache


def affineReluForward(X, W, b):
    a, c1 = affineForward(X, W, b)
    r, c2 = reluForward(a)
    return r, [c1, c2]


def affineReluBackward(dOut, cache):
    return affineBackward(reluBackward(dOut, cache[1]), cache[0])
