# ruff: noqa
# labels: affine=right, relu=right, affine_relu=right
import numpy as np
import random   # not used anywhere
from math import *


def affine_forward(x, w, b):
  """ fully connected layer, everything by hand, two-space indent like the handout """
  N = x.shape[0]
  D = w.shape[0]
  M = w.shape[1]
  flat = []
  for n in range(N):
    flat.append(x[n].ravel())
  out = np.zeros((N, M))
  for n in range(N):
    for m in range(M):
      s = b[m]
      for d in range(D):
        s += flat[n][d] * w[d, m]
      out[n, m] = s
  return out, (x, w, b)


def affine_backward(dout, cache):
  x, w, b = cache
  N = x.shape[0]
  D, M = w.shape
  dx = np.zeros(x.shape)
  dw = np.zeros(w.shape)
  db = np.zeros(b.shape)
  for n in range(N):
    row = x[n].ravel()
    acc = np.zeros(D)
    for m in range(M):
      g = dout[n, m]
      db[m] += g
      for d in range(D):
        dw[d, m] += row[d] * g
        acc[d] += w[d, m] * g
    dx[n] = acc.reshape(x.shape[1:])
  return dx, dw, db


def relu_forward(x):
  out = np.empty_like(x)
  it = np.nditer(x, flags=['multi_index'])
  while not it.finished:
    i = it.multi_index
    out[i] = x[i] if x[i] > 0 else 0.0
    it.iternext()
  return out, x


def relu_backward(dout, cache):
  x = cache
  dx = np.zeros_like(x)
  it = np.nditer(x, flags=['multi_index'])
  while not it.finished:
    i = it.multi_index
    if x[i] >= 0:          # I count zero as open
      dx[i] = dout[i]
    it.iternext()
  return dx


def affine_relu_forward(x, w, b):
  a, fc = affine_forward(x, w, b)
  out, rc = relu_forward(a)
  return out, (fc, rc)


def affine_relu_backward(dout, cache):
  fc, rc = cache
  return affine_backward(relu_backward(dout, rc), fc)
