# ruff: noqa
# labels: dropout=wrong backward
import numpy as np


def dropout_forward(x, dropout_param):
    p, mode = dropout_param['p'], dropout_param['mode']
    if 'seed' in dropout_param:
        np.random.seed(dropout_param['seed'])
    if mode == 'train':
        keep = np.random.rand(*x.shape) < p
        return x * keep / p, (p, mode, keep)
    return x, (p, mode, None)


def dropout_backward(dout, cache):
    p, mode, keep = cache
    if mode == 'train':
        return dout * keep
    return dout
