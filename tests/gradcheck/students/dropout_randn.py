# ruff: noqa
# labels: dropout=wrong forward
import numpy as np


def dropout_forward(x, dropout_param):
    p = dropout_param['p']
    if dropout_param.get('seed') is not None:
        np.random.seed(dropout_param['seed'])
    mask = None
    out = x
    if dropout_param['mode'] == 'train':
        mask = (np.random.randn(*x.shape) < p) / p      # gaussian numbers below p
        out = x * mask
    return out, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    if dropout_param['mode'] == 'train':
        return dout * mask
    return dout
