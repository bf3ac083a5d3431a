# ruff: noqa
# labels: affine=not implemented, relu=not implemented, batchnorm=not implemented, dropout=not implemented, svm_loss_naive=not implemented, softmax_loss_vectorized=not implemented, adam=not implemented, conv_naive=not implemented, rnn=not implemented
import numpy as np


def affine_forward(x, w, b):
    """Computes the forward pass for an affine layer."""
    out = None
    ###########################################################################
    # TODO: Implement the affine forward pass.                                #
    ###########################################################################
    pass
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = None, None, None
    # TODO
    pass
    return dx, dw, db


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward(dout, cache):
    dx, x = None, cache
    # TODO: Implement the ReLU backward pass.
    pass
    return dx


def batchnorm_forward(x, gamma, beta, bn_param):
    raise NotImplementedError


def batchnorm_backward(dout, cache):
    raise NotImplementedError


def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    out = None
    if mode == "train":
        pass
    elif mode == "test":
        pass
    cache = (dropout_param, mask)
    out = out.astype(x.dtype, copy=False)
    return out, cache


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    dx = None
    return dx


def svm_loss_naive(W, X, y, reg):
    dW = np.zeros(W.shape)
    loss = 0.0
    for i in range(X.shape[0]):
        scores = X[i].dot(W)
        for j in range(W.shape[1]):
            if j != y[i]:
                loss += max(0, scores[j] - scores[y[i]] + 1)
    loss /= X.shape[0]
    loss += reg * np.sum(W * W)
    # TODO: Compute the gradient of the loss function and store it dW.
    return loss, dW


def softmax_loss_vectorized(W, X, y, reg):
    # Initialize the loss and gradient to zero.
    loss = 0.0
    dW = np.zeros_like(W)
    pass
    return loss, dW


def adam(w, dw, config=None):
    if config is None:
        config = {}
    config.setdefault("learning_rate", 1e-3)
    config.setdefault("t", 0)
    next_w = None
    return next_w, config


def conv_forward_naive(x, w, b, conv_param):
    ...


def conv_backward_naive(dout, cache):
    ...


def rnn_forward(x, h0, Wx, Wh, b):
    h, cache = None, None
    return h, cache


def rnn_backward(dh, cache):
    dx, dh0, dWx, dWh, db = None, None, None, None, None
    return dx, dh0, dWx, dWh, db
