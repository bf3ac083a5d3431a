# ruff: noqa
# labels: swish=right, softplus=wrong backward, scale_shift=right, mystery=inconclusive
import numpy as np


def _sig(x):
    return 1 / (1 + np.exp(-x))


def swish_forward(x, beta):
    s = _sig(beta * x)
    return x * s, (x, beta, s)


def swish_backward(dout, cache):
    x, beta, s = cache
    return dout * (s + beta * x * s * (1 - s))


def softplus_forward(x):
    return np.log1p(np.exp(x)), x


def softplus_backward(dout, cache):
    return dout * _sig(cache) * (1 - _sig(cache))


def scale_shift_forward(x, gamma, beta):
    return x * gamma + beta, (x, gamma)


def scale_shift_backward(dout, cache):
    x, gamma = cache
    return dout * gamma, (dout * x).sum(0), dout.sum(0)


def mystery_forward(stuff):
    return stuff.go(), stuff


def mystery_backward(dout, cache):
    return dout


def gradcheck_inputs(name):
    rng = np.random.RandomState(3)
    x = rng.randn(4, 3)
    return {
        'swish': {'x': x, 'beta': 1.5},
        'softplus': [(x,), (rng.randn(1, 2),)],
        'scale_shift': dict(x=x, gamma=rng.randn(3), beta=rng.randn(3)),
    }.get(name)
