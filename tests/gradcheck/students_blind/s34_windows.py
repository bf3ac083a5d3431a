# -*- coding: utf-8 -*-
# Mis capas — año 2016, tamaño del lote N
import numpy as np

def affine_forward(x, w, b):
	"""capa afín"""
	filas = x.shape[0]
	plano = np.reshape(x, (filas, np.product(x.shape[1:])))
	return plano.dot(w) + b, (x, w, b)

def affine_backward(dout, cache):
	x, w, b = cache
	filas = x.shape[0]
	dx = dout.dot(w.T).reshape(x.shape)
	dw = x.reshape(filas, -1).T.dot(dout)
	db = dout.sum(axis=0)
	return dx, dw, db

def relu_forward(x):
	return x * (x > 0).astype(np.float), x

def relu_backward(dout, cache):
	# la derivada es 1 si x > 0 ✓
	return dout * (cache > 0).astype(np.float)

def softmax_loss(x, y):
	probs = np.exp(x - np.max(x, axis=1, keepdims=True))
	probs /= np.sum(probs, axis=1, keepdims=True)
	N = x.shape[0]
	loss = -np.sum(np.log(probs[np.arange(N), y])) / N
	dx = probs.copy()
	dx[np.arange(N), y] -= 1
	return loss, dx

# ruff: noqa
# labels: affine=right, relu=right, softmax_loss=wrong backward
