# ruff: noqa
# labels: affine=right, svm_loss_half_vectorized=right, conv_naive=raises, max_pool_naive=right
import numpy as np
from past.builtins import xrange


def affine_forward(x, w, b):
  out = x.reshape(x.shape[0], w.shape[0]).dot(w) + b
  return out, (x, w, b)


def affine_backward(dout, cache):
  x, w, b = cache
  dx = dout.dot(w.T).reshape(x.shape)
  return dx, x.reshape(x.shape[0], w.shape[0]).T.dot(dout), np.sum(dout, axis=0)


def svm_loss_half_vectorized(W, X, y, reg):
  loss, dW = 0.0, np.zeros(W.shape)
  for i in xrange(X.shape[0]):
    scores = X[i, :].dot(W)
    margins = np.maximum(0, scores - scores[y[i]] + 1)
    margins[y[i]] = 0
    loss += np.sum(margins)
    coeff = (margins > 0).astype(float)
    coeff[y[i]] = -np.sum(coeff)
    dW += np.outer(X[i, :], coeff)
  loss /= X.shape[0]
  dW /= X.shape[0]
  return loss + 0.5 * reg * np.sum(W * W), dW + reg * W


def conv_forward_naive(x, w, b, conv_param):
  N, C, H, W = x.shape
  F, C, HH, WW = w.shape
  stride, pad = conv_param['stride'], conv_param['pad']
  H_p = 1 + (H + 2 * pad - HH) / stride
  W_p = 1 + (W + 2 * pad - WW) / stride
  out = np.zeros((N, F, H_p, W_p))
  return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
  x, w, b, conv_param = cache
  return np.zeros_like(x), np.zeros_like(w), np.sum(dout, axis=(0, 2, 3))


def max_pool_forward_naive(x, pool_param):
  N, C, H, W = x.shape
  h, w, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
  out = np.zeros((N, C, (H - h) // s + 1, (W - w) // s + 1))
  for i in xrange(out.shape[2]):
    for j in xrange(out.shape[3]):
      out[:, :, i, j] = x[:, :, i * s:i * s + h, j * s:j * s + w].reshape(N, C, -1).max(2)
  return out, (x, pool_param)


def max_pool_backward_naive(dout, cache):
  x, pool_param = cache
  h, w, s = pool_param['pool_height'], pool_param['pool_width'], pool_param['stride']
  dx = np.zeros(x.shape)
  for (n, c, i, j), g in np.ndenumerate(dout):
    win = x[n, c, i * s:i * s + h, j * s:j * s + w]
    dx[n, c, i * s:i * s + h, j * s:j * s + w] += g * (win == np.max(win))
  return dx
