# ruff: noqa
# labels: batchnorm=wrong backward, batchnorm_alt=wrong backward
import numpy as np

def batchnorm_forward(x, gamma, beta, bn_param):
  mode, eps, momentum = bn_param['mode'], bn_param.get('eps', 1e-5), bn_param.get('momentum', 0.9)
  N, D = x.shape
  rm = bn_param.get('running_mean', np.zeros(D))
  rv = bn_param.get('running_var', np.zeros(D))
  cache = {}
  if mode == 'train':
    m = x.mean(0); v = x.var(0)
    xn = (x - m) / np.sqrt(v + eps)
    cache = {'xn': xn, 'v': v, 'eps': eps, 'gamma': gamma, 'x': x, 'm': m}
    rm = momentum * rm + (1.0 - momentum) * m
    rv = momentum * rv + (1.0 - momentum) * v
  else:
    xn = (x - rm) / np.sqrt(rv + eps)
  bn_param.update(running_mean=rm, running_var=rv)
  return gamma * xn + beta, cache

def batchnorm_backward(dout, cache):
  # chain rule through xn only
  dgamma = (dout * cache['xn']).sum(0)
  dbeta = dout.sum(0)
  dx = dout * cache['gamma'] / np.sqrt(cache['v'] + cache['eps'])
  return dx, dgamma, dbeta

def batchnorm_backward_alt(dout, cache):
  N = dout.shape[0]
  s = 1 / np.sqrt(cache['v'] + cache['eps'])
  dxn = dout * cache['gamma']
  dv = np.sum(dxn * (cache['x'] - cache['m']) * -0.5 * s ** 3, 0)
  dx = dxn * s + dv * 2 * (cache['x'] - cache['m']) / N     # dmean -> forgot it
  return dx, np.sum(dout * cache['xn'], 0), np.sum(dout, 0)
