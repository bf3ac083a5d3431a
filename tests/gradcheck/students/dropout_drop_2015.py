# ruff: noqa
# labels: dropout=right
import numpy as np

def dropout_forward(x, dropout_param):
  """
  Performs the forward pass for (inverted) dropout.

  - dropout_param: A dictionary with the following keys:
    - p: Dropout parameter. We drop each neuron output with probability p.
  """
  p, mode = dropout_param['p'], dropout_param['mode']
  if 'seed' in dropout_param:
    np.random.seed(dropout_param['seed'])
  if mode == 'train':
    mask = (np.random.rand(*x.shape) >= p) / (1 - p)
    out = x * mask
  else:
    mask, out = None, x
  return out, (dropout_param, mask)

def dropout_backward(dout, cache):
  param, mask = cache
  return dout * mask if param['mode'] == 'train' else dout
