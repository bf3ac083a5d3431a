"""Cases of normalisation; gamma and beta are random, never 1 and 0 (PF-A11)."""

import numpy as np

MEAN, VAR = np.array([0.3, -1.0, 0.0]), np.array([0.5, 2.0, 1.0])
EVAL = {"mean": MEAN, "var": VAR, "training": False}

CASES = {
    "batch_norm": [
        ({}, [(4, 3), (3,), (3,)]),
        ({}, [(2, 3, 4), (3,), (3,)]),
        ({"eps": 0.1}, [(2, 3, 2, 3), (3,), (3,)]),
        ({}, [(1, 2, 3, 2), (2,)]),
        ({}, [(3, 2)]),
        (EVAL, [(2, 3), (3,), (3,)]),
        (EVAL, [(1, 3, 2, 2), (3,), (3,)]),
        (EVAL, [(0, 3), (3,), (3,)]),
        (EVAL, [(2, 3, 4)]),
    ],
    "batch_statistics": [({}, [(4, 3)]), ({}, [(2, 3, 2, 2)])],
    "group_norm": [
        ({"num_groups": 2}, [(2, 4, 3), (4,), (4,)]),
        ({"num_groups": 1, "eps": 0.1}, [(1, 3, 2, 2), (3,), (3,)]),
        ({"num_groups": 2}, [(3, 6)]),
        ({"num_groups": 2}, [(0, 4, 3), (4,), (4,)]),
    ],
    "instance_norm": [
        ({}, [(2, 3, 4), (3,), (3,)]),
        ({"eps": 0.1}, [(1, 2, 3, 2)]),
    ],
    "layer_norm": [
        ({"normalized_shape": 4}, [(3, 4), (4,), (4,)]),
        ({"normalized_shape": (2, 3), "eps": 0.1}, [(4, 2, 3), (2, 3), (2, 3)]),
        ({"normalized_shape": (3,)}, [(2, 2, 3), (3,)]),
        ({"normalized_shape": 3}, [(3,)]),
        ({"normalized_shape": 4}, [(0, 4), (4,), (4,)]),
    ],
    "rms_norm": [
        ({"normalized_shape": 4}, [(3, 4), (4,)]),
        ({"normalized_shape": (2, 3), "eps": 0.1}, [(4, 2, 3), (2, 3)]),
        ({"normalized_shape": 3}, [(2, 2, 3)]),
    ],
}


def _affine(x, gamma, beta, channels=False):
    shape = (-1, *[1] * (x.ndim - 2)) if channels else (-1,)
    fit = lambda p: p.reshape(shape) if channels else p
    x = x if gamma is None else x * fit(gamma)
    return x if beta is None else x + fit(beta)


def _standard(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def batch_norm(x, gamma=None, beta=None, mean=None, var=None, training=True, eps=1e-5):
    if training:
        return _affine(_standard(x, (0, *range(2, x.ndim)), eps), gamma, beta, channels=True)
    shape = (-1, *[1] * (x.ndim - 2))
    x_hat = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return _affine(x_hat, gamma, beta, channels=True)


def group_norm(x, gamma=None, beta=None, num_groups=1, eps=1e-5):
    rows = x.reshape(len(x), num_groups, int(np.prod(x.shape[1:])) // num_groups)
    return _affine(_standard(rows, 2, eps).reshape(x.shape), gamma, beta, channels=True)


def layer_norm(x, gamma=None, beta=None, normalized_shape=(), eps=1e-5):
    n = len(np.atleast_1d(normalized_shape))
    return _affine(_standard(x, tuple(range(-n, 0)), eps), gamma, beta)


def rms_norm(x, gamma=None, normalized_shape=(), eps=2.0**-52):
    axes = tuple(range(-len(np.atleast_1d(normalized_shape)), 0))
    return _affine(x / np.sqrt((x**2).mean(axes, keepdims=True) + eps), gamma, None)


REFERENCES = {
    "batch_norm": batch_norm,
    "batch_statistics": lambda x: x.var((0, *range(2, x.ndim))),
    "group_norm": group_norm,
    "instance_norm": lambda x, gamma=None, beta=None, eps=1e-5: group_norm(
        x, gamma, beta, x.shape[1], eps
    ),
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
}

CALLS = {
    "batch_statistics": lambda f, x: f(x) if f is REFERENCES["batch_statistics"] else f(x)[1],
}
