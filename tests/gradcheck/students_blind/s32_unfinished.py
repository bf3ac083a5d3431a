# ruff: noqa
# labels: affine=not implemented, relu=not implemented, softmax_loss=not implemented, svm_loss=not implemented, batchnorm=raises, rnn_step=raises
import numpy as np

def affine_forward(x, w, b):
    out = None
    ###########################################################################
    # Implement the affine forward pass. Store the result in out.             #
    ###########################################################################
    out = x.reshape(x.shape[0], -1).dot(w) + b
    ###########################################################################
    #                             END OF YOUR CODE                            #
    ###########################################################################
    cache = (x, w, b)
    return out, cache

def affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = None, None, None
    ###########################################################################
    # Implement the affine backward pass.                                     #
    ###########################################################################
    pass
    ###########################################################################
    return dx, dw, db

def relu_forward(x):
    pass

def relu_backward(dout, cache):
    pass

def softmax_loss(x, y):
    raise NotImplementedError()

def svm_loss(x, y):
    loss = 0.0
    dx = np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if j != y[i]:
                m = x[i, j] - x[i, y[i]] + 1
                if m > 0:
                    loss += m
    loss /= x.shape[0]
    # the gradient is for tomorrow
    return loss, dx

def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param['mode']
    eps = bn_param.get('eps', 1e-5)
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    xhat = (x - mean) / np.sqrt(vra + eps)
    return gamma * xhat + beta, (xhat, gamma, var, eps)

def batchnorm_backward(dout, cache):
    xhat, gamma, var, eps = cache
    return dout * gamma, (dout * xhat).sum(0), dout.sum(0)

def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)

def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h ** 2)
    dx = da.dot(Wx)                    # shapes do not fit
    return dx, da.dot(Wh.T), x.T.dot(da), prev_h.T.dot(da), da.sum(0)
