"""What a forward should return: the published formulas of the layers that courses hand out.

Each takes the arguments of its `NAME_forward` (or its loss) and returns the output alone. Written
from the mathematics, to be read beside someone's file; shapes: N examples, D and M features,
C channels, F filters, H x W pixels, T time steps, V words.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["FORMULAS"]


# dense and elementwise


def affine(x, w, b):
    """y = x w + b, every example of x flattened.   x: (N, ...), w: (D, M), b: (M,)"""
    return x.reshape(len(x), -1) @ w + b


def relu(x):
    """y = max(x, 0)"""
    return np.maximum(x, 0)


def sigmoid(x):
    """y = 1 / (1 + exp(-x)), written with tanh so that nothing overflows"""
    return (1 + np.tanh(x / 2)) / 2


def affine_relu(x, w, b):
    """y = relu(x w + b)"""
    return relu(affine(x, w, b))


# normalisation


def standardize(x, axis, eps):
    """(x - mean) / sqrt(var + eps) along the given axes, with the biased variance"""
    mean, var = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


def batchnorm(x, gamma, beta, bn_param):
    """y = gamma x_hat + beta; x_hat from the batch in train mode, from running averages in test"""
    eps = bn_param.get("eps", 1e-5)
    if bn_param["mode"] == "train":
        return gamma * standardize(x, 0, eps) + beta
    x_hat = (x - bn_param["running_mean"]) / np.sqrt(bn_param["running_var"] + eps)
    return gamma * x_hat + beta


def running_averages(x, gamma, beta, bn_param):
    """Both averages after a training call: r = momentum r + (1 - momentum) batch statistic.

    The statistic of the variance may be the biased or the unbiased one.
    """
    if bn_param["mode"] != "train":
        return {}
    x = x if x.ndim == 2 else x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])
    momentum, zeros = bn_param.get("momentum", 0.9), np.zeros(x.shape[1])
    mean, var = bn_param.get("running_mean", zeros), bn_param.get("running_var", zeros)
    return {
        "running_mean": [momentum * mean + (1 - momentum) * x.mean(0)],
        "running_var": [momentum * var + (1 - momentum) * x.var(0, ddof=d) for d in (0, 1)],
    }


def layernorm(x, gamma, beta, ln_param):
    """y = gamma x_hat + beta with the statistics of each example"""
    return gamma * standardize(x, 1, ln_param.get("eps", 1e-5)) + beta


def spatial_batchnorm(x, gamma, beta, bn_param):
    """batchnorm of each channel over examples and pixels.   x: (N, C, H, W)"""
    y = batchnorm(np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]), gamma, beta, bn_param)
    return np.moveaxis(y.reshape(len(x), *x.shape[2:], -1), -1, 1)


def spatial_groupnorm(x, gamma, beta, G, gn_param):
    """y = gamma x_hat + beta with the statistics of each example's G groups of channels"""
    groups = x.reshape(len(x), G, -1)
    x_hat = standardize(groups, 2, gn_param.get("eps", 1e-5)).reshape(x.shape)
    return gamma.reshape(1, -1, 1, 1) * x_hat + beta.reshape(1, -1, 1, 1)


# convolution and pooling


def windows(x, height, width, stride):
    """Every window of the last two axes: (N, C, H', W', height, width)"""
    return sliding_window_view(x, (height, width), (2, 3))[:, :, ::stride, ::stride]


def conv(x, w, b, conv_param):
    """y[n,f,i,j] = sum_cpq x[n, c, i s + p, j s + q] w[f,c,p,q] + b[f], x zero-padded by pad

    x: (N, C, H, W), w: (F, C, HH, WW), or with the channels last, (N, H, W, C) and (HH, WW, C, F).
    """
    if x.shape[1] != w.shape[1]:
        y = conv(np.moveaxis(x, -1, 1), w.transpose(3, 2, 0, 1), b, conv_param)
        return np.moveaxis(y, 1, -1)
    pad, stride = conv_param["pad"], conv_param["stride"]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    views = windows(padded, *w.shape[2:], stride)
    return np.einsum("ncijpq,fcpq->nfij", views, w) + b[:, None, None]


def max_pool(x, pool_param):
    """y[n,c,i,j] = max of the window at (i s, j s)"""
    return pool_windows(x, pool_param).max((-2, -1))


def avg_pool(x, pool_param):
    """y[n,c,i,j] = mean of the window at (i s, j s)"""
    return pool_windows(x, pool_param).mean((-2, -1))


def pool_windows(x, pool_param):
    """The windows that a pool_param asks for"""
    p = pool_param
    return windows(x, p["pool_height"], p["pool_width"], p["stride"])


def conv_relu(x, w, b, conv_param):
    """relu after conv"""
    return relu(conv(x, w, b, conv_param))


def conv_relu_pool(x, w, b, conv_param, pool_param):
    """max_pool after relu after conv"""
    return max_pool(conv_relu(x, w, b, conv_param), pool_param)


def conv_bn_relu(x, w, b, gamma, beta, conv_param, bn_param):
    """relu after spatial_batchnorm after conv"""
    return relu(spatial_batchnorm(conv(x, w, b, conv_param), gamma, beta, bn_param))


def affine_bn_relu(x, w, b, gamma, beta, bn_param):
    """relu after batchnorm after affine"""
    return relu(batchnorm(affine(x, w, b), gamma, beta, bn_param))


# losses


def svm_loss(x, y):
    """mean_n sum_(j != y_n) max(0, x_nj - x_ny + 1)"""
    correct = x[np.arange(len(y)), y][:, None]
    margins = np.maximum(0, x - correct + 1)
    return (margins.sum() - len(y)) / len(y)


def softmax_loss(x, y):
    """mean_n (log sum_j exp x_nj - x_ny)"""
    return cross_entropies(x, y).mean()


def cross_entropies(x, y):
    """log sum_j exp x_nj - x_ny of each row, its maximum taken out first"""
    top = x.max(1)
    log_sum = top + np.log(np.exp(x - top[:, None]).sum(1))
    return log_sum - x[np.arange(len(y)), y]


REGULARIZERS = {"regulariser reg sum W^2": 1, "regulariser reg/2 sum W^2": 0.5}


def regularized(loss):
    """The loss of a linear classifier; X: (N, D), W: (D, C), or both transposed.

    Both published sizes of the L2 term are accepted.
    """

    def linear(W, X, y, reg):
        scores = X @ W if len(X) == len(y) else (W @ X).T
        data, squares = loss(scores, y), (W**2).sum()
        return {name: data + size * reg * squares for name, size in REGULARIZERS.items()}

    return linear


def temporal_softmax_loss(x, y, mask):
    """sum over the steps that the mask keeps, divided by N.   x: (N, T, V); y, mask: (N, T)"""
    losses = cross_entropies(x.reshape(-1, x.shape[2]), y.ravel())
    return (losses * mask.ravel()).sum() / len(x)


# sequences


def rnn_step(x, prev_h, Wx, Wh, b):
    """h = tanh(x Wx + h_prev Wh + b)"""
    return np.tanh(x @ Wx + prev_h @ Wh + b)


def rnn(x, h0, Wx, Wh, b):
    """rnn_step over x[:, 0], x[:, 1], ...   x: (N, T, D) -> (N, T, H)"""
    h, hs = h0, []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, Wx, Wh, b)
        hs.append(h)
    return np.stack(hs, 1)


def lstm_step(x, prev_h, prev_c, Wx, Wh, b):
    """c = f c_prev + i g, h = o tanh(c); the gates i, f, o, g are the quarters of one affine map"""
    a_i, a_f, a_o, a_g = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    i, f, o, g = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o), np.tanh(a_g)
    c = f * prev_c + i * g
    return o * np.tanh(c), c


def lstm(x, h0, Wx, Wh, b):
    """lstm_step over x[:, 0], x[:, 1], ..., starting from c = 0.   x: (N, T, D) -> (N, T, H)"""
    h, c, hs = h0, np.zeros_like(h0), []
    for t in range(x.shape[1]):
        h, c = lstm_step(x[:, t], h, c, Wx, Wh, b)
        hs.append(h)
    return np.stack(hs, 1)


def word_embedding(x, W):
    """y[n,t] = W[x[n,t]]"""
    return W[x]


def temporal_affine(x, w, b):
    """y[n,t] = x[n,t] w + b"""
    return x @ w + b


FORMULAS = {
    "affine": affine,
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "affinerelu": affine_relu,
    "batchnorm": batchnorm,
    "layernorm": layernorm,
    "spatialbatchnorm": spatial_batchnorm,
    "spatialgroupnorm": spatial_groupnorm,
    "conv": conv,
    "maxpool": max_pool,
    "avgpool": avg_pool,
    "convrelu": conv_relu,
    "convrelupool": conv_relu_pool,
    "convbnrelu": conv_bn_relu,
    "affinebnrelu": affine_bn_relu,
    "svmloss": svm_loss,
    "softmaxloss": softmax_loss,
    "linearsvmloss": regularized(svm_loss),
    "linearsoftmaxloss": regularized(softmax_loss),
    "temporalsoftmaxloss": temporal_softmax_loss,
    "rnnstep": rnn_step,
    "rnn": rnn,
    "lstmstep": lstm_step,
    "lstm": lstm,
    "wordembedding": word_embedding,
    "temporalaffine": temporal_affine,
}
