# ruff: noqa
# labels: dropout=wrong forward
import numpy as np


def dropout_forward(x, dropout_param):
    """p: Dropout parameter. We keep each neuron output with probability p."""
    p, mode = dropout_param['p'], dropout_param['mode']
    if 'seed' in dropout_param:
        np.random.seed(dropout_param['seed'])
    mask = np.ones_like(x)
    if mode == 'train':
        mask = (np.random.random(x.shape) > p) / (1 - p)
    return x * mask, mask


def dropout_backward(dout, cache):
    return dout * cache
