# ruff: noqa
# labels: dropout=right
import numpy as np

def dropout_forward(x, dropout_param):
    """
    Inputs:
    - x: any shape
    - dropout_param: p: probability that a unit is dropped (set to zero); mode; seed
    """
    p = dropout_param['p']
    mode = dropout_param['mode']
    if 'seed' in dropout_param:
        np.random.seed(dropout_param['seed'])
    if mode == 'test':
        return x, (mode, None)
    keep = 1.0 - p
    mask = np.random.binomial(1, keep, size=x.shape) / keep
    return x * mask, (mode, mask)

def dropout_backward(dout, cache):
    mode, mask = cache
    return dout if mode == 'test' else dout * mask
