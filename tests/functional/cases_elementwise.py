"""Cases of elementwise operations and activations."""

from math import erf as erf_of_a_number
from math import pi, sqrt

import numpy as np

from .oracle import distinct, positive

UNARY = [({}, [(3, 4)]), ({}, [()]), ({}, [(0, 3)])]
KINKED = [({}, [distinct((3, 4))]), ({}, [distinct(())]), ({}, [(0, 3)])]
ABOVE_ZERO = [({}, [positive((3, 4))]), ({}, [positive(())]), ({}, [(0, 3)])]
BINARY = [
    ({}, [(3, 4), (3, 4)]),
    ({}, [(2, 1, 3), (4, 1)]),
    ({}, [(1, 3), (2, 4, 3)]),
    ({}, [(), (3,)]),
    ({}, [(3,), ()]),
    ({}, [(), ()]),
    ({}, [(2, 3), 2.0]),
    ({}, [-2.0, (2, 3)]),
    ({}, [(0, 3), (1, 3)]),
]
EXTREMES = [
    ({}, [distinct((3, 4)), distinct((3, 4), 0.4)]),
    ({}, [distinct((2, 1, 3)), distinct((4, 1), 0.4)]),
    ({}, [distinct(()), distinct((3,), 0.4)]),
    ({}, [distinct((2, 3)), 0.05]),
    ({}, [0.05, distinct((2, 3))]),
    ({}, [(0, 3), (1, 3)]),
]
CHOICE = np.array([[True, False, True], [False, False, True]])


def _like(recipe):
    """The binary cases with this recipe in place of shapes, and positive numbers."""
    return [(s, [recipe(x) if isinstance(x, tuple) else abs(x) for x in xs]) for s, xs in BINARY]


CASES = {
    "abs": KINKED,
    "add": BINARY,
    "astype": [({"dtype": "float64"}, [(2, 3)])],
    "clip": [
        ({"min": -0.5, "max": 1.1}, [distinct((3, 4))]),
        ({"min": 0.05}, [distinct((3, 4))]),
        ({"max": np.array([0.1, 0.2, 1.0])}, [distinct((2, 3))]),
        ({"min": 0.0, "max": 1.0}, [(0, 3)]),
    ],
    "cos": UNARY,
    "divide": [({}, [(3, 2), positive((3, 2))]), ({}, [1.5, positive((3,))]), *_like(positive)],
    "elu": [*KINKED, ({"alpha": 1.7}, [distinct((5,))])],
    "erf": [*UNARY, ({}, [lambda rng: np.linspace(-6.9, 7.1, 30)])],
    "exp": UNARY,
    "expm1": UNARY,
    "gelu": [*UNARY, ({"approximate": "tanh"}, [(3, 4)])],
    "leaky_relu": [*KINKED, ({"negative_slope": 0.2}, [distinct((5,))])],
    "log": ABOVE_ZERO,
    "log1p": ABOVE_ZERO,
    "log_softmax": [({}, [(3, 4)]), ({"axis": 0}, [(3, 4)]), ({}, [(0, 4)]), ({}, [(2, 3, 2)])],
    "logsumexp": [
        ({}, [(3, 4)]),
        ({"axis": 0}, [(3, 3)]),
        ({"axis": (0, 2), "keepdims": True}, [(2, 3, 4)]),
        ({"axis": -1}, [(0, 3)]),
    ],
    "maximum": EXTREMES,
    "minimum": EXTREMES,
    "multiply": BINARY,
    "negative": UNARY,
    "power": [
        *_like(positive),
        *(({}, [distinct((5,)), p]) for p in (0, 1, 2, 3, 4, 5, -1, 2.0, np.float64(3.0))),
        ({}, [positive((4,)), 0.5]),
        ({}, [distinct((3,)), np.array([0.0, 2.0, -1.0])]),
    ],
    "relu": KINKED,
    "selu": KINKED,
    "sigmoid": UNARY,
    "sign": KINKED,
    "silu": UNARY,
    "sin": UNARY,
    "softmax": [({"axis": a}, [s]) for a, s in [(-1, (3, 4)), (0, (3, 3)), (1, (2, 3, 2))]]
    + [({}, [(0, 4)])],
    "softplus": UNARY,
    "sqrt": ABOVE_ZERO,
    "square": UNARY,
    "subtract": BINARY,
    "tanh": UNARY,
    "where": [
        ({}, [CHOICE, (2, 3), (2, 3)]),
        ({}, [CHOICE, (3,), (2, 1)]),
        ({}, [CHOICE, 1.5, (2, 3)]),
        ({}, [CHOICE, (2, 3), 1.5]),
        ({}, [np.array(True), (), ()]),
        ({}, [CHOICE[:, 0], (3, 1), ()]),
    ],
}


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _erf(x):
    return np.vectorize(erf_of_a_number, otypes=[float])(x)


def _gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + _erf(x / sqrt(2)))


def _softmax(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


def _elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


REFERENCES = {
    "astype": lambda x, dtype: x,
    "clip": lambda x, min=None, max=None: np.clip(x, min, max),
    "elu": _elu,
    "erf": _erf,
    "gelu": _gelu,
    "leaky_relu": lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
    "log_softmax": lambda x, axis=-1: np.log(_softmax(x, axis)),
    "logsumexp": lambda x, axis=None, keepdims=False: np.log(
        np.exp(x).sum(axis, keepdims=keepdims)
    ),
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "selu": lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772),
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "softmax": _softmax,
    "softplus": lambda x: np.log(1 + np.exp(x)),
}
