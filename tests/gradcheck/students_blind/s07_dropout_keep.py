# ruff: noqa
# labels: dropout=right
import numpy as np

def dropout_forward(x, dropout_param):
    """p: the probability of KEEPING a neuron (the handout of 2018). Inverted dropout."""
    p, mode = dropout_param['p'], dropout_param['mode']
    if 'seed' in dropout_param:
        np.random.seed(dropout_param['seed'])
    mask, out = None, None
    if mode == 'train':
        mask = (np.random.rand(*x.shape) < p) / p
        out = x * mask
    elif mode == 'test':
        out = x
    cache = (dropout_param, mask)
    return out.astype(x.dtype, copy=False), cache

def dropout_backward(dout, cache):
    dropout_param, mask = cache
    if dropout_param['mode'] == 'train':
        return dout * mask
    return dout
