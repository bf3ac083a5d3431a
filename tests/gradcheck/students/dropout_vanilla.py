# ruff: noqa
# labels: dropout=right
import numpy as np


def dropout_forward(x, dropout_param):
    """Dropout as in the paper of 2014: nothing is scaled in training, all of it at test time."""
    p, mode = dropout_param['p'], dropout_param['mode']
    rng = np.random.RandomState(dropout_param.get('seed'))
    factor = (rng.rand(*x.shape) < p).astype(x.dtype) if mode == 'train' else p
    return x * factor, factor


def dropout_backward(dout, cache):
    return dout * cache
