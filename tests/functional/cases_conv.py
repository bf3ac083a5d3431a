"""Cases of convolutions, and the definitions as naive loops (PF-D10)."""

from itertools import product

import numpy as np


def _pair(n):
    return n if isinstance(n, tuple) else (n, n)


def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """One sum per output pixel."""
    (s, t), (d, e), (p, q) = _pair(stride), _pair(dilation), _pair(padding)
    x = np.pad(x, [(0, 0), (0, 0), (p, p), (q, q)])
    (n, _, height, width), (o, c, k, l) = x.shape, w.shape
    rows, columns = 1 + (height - d * (k - 1) - 1) // s, 1 + (width - e * (l - 1) - 1) // t
    y = np.zeros((n, o, rows, columns))
    for f, i, j in product(range(o), range(rows), range(columns)):
        first = f // (o // groups) * c
        seen = x[:, first : first + c, i * s :, j * t :][:, :, : d * k : d, : e * l : e]
        y[:, f, i, j] = (seen[:, :, :k, :l] * w[f]).sum((1, 2, 3)) + (0 if b is None else b[f])
    return y


def conv1d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    settings = {"stride": (1, stride), "padding": (0, padding), "dilation": (1, dilation)}
    return conv2d(x[:, :, None], w[:, :, None], b, **settings, groups=groups)[:, :, 0]


def conv_transpose2d(
    x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Every input pixel adds its filter to the output."""
    (s, t), (d, e), (p, q) = _pair(stride), _pair(dilation), _pair(padding)
    (u, v), (n, c, height, width), (_, o, k, l) = _pair(output_padding), x.shape, w.shape
    rows = (height - 1) * s + d * (k - 1) + 1 + u
    columns = (width - 1) * t + e * (l - 1) + 1 + v
    y = np.zeros((n, o * groups, rows, columns))
    for f, i, j, a, z in product(range(c), range(height), range(width), range(k), range(l)):
        first = f // (c // groups) * o
        here = y[:, first : first + o, i * s + a * d, j * t + z * e]
        here += x[:, f, i, j, None] * w[f, :, a, z]
    y = y[:, :, p : rows - p, q : columns - q]
    return y if b is None else y + b[:, None, None]


CASES = {
    "conv1d": [
        ({}, [(2, 3, 5), (2, 3, 2), (2,)]),
        ({"stride": 2, "padding": 1, "dilation": 2}, [(1, 2, 6), (3, 2, 3)]),
        ({"groups": 2}, [(2, 4, 4), (2, 2, 3), (2,)]),
        ({}, [(0, 2, 4), (3, 2, 2), (3,)]),
    ],
    "conv2d": [
        ({}, [(2, 2, 4, 3), (3, 2, 2, 3), (3,)]),
        ({"padding": 1}, [(1, 1, 3, 4), (2, 1, 3, 3)]),
        ({"stride": 2, "padding": (1, 0)}, [(2, 2, 5, 4), (2, 2, 3, 2), (2,)]),
        ({"stride": (1, 3), "dilation": (2, 1), "padding": 2}, [(1, 2, 4, 5), (1, 2, 2, 3)]),
        ({"groups": 2, "padding": 1}, [(1, 4, 3, 3), (2, 2, 3, 3), (2,)]),
        ({"groups": 3, "stride": 2}, [(2, 3, 4, 4), (6, 1, 2, 2)]),
        ({}, [(2, 3, 2, 3), (2, 3, 1, 1), (2,)]),
        ({"stride": 2, "groups": 2}, [(1, 2, 3, 3), (4, 1, 1, 1)]),
        ({"padding": 3}, [(1, 1, 2, 2), (1, 1, 2, 2)]),
        ({"padding": 1}, [(1, 9, 2, 3), (1, 9, 2, 2)]),
        ({}, [(0, 2, 3, 3), (2, 2, 2, 2), (2,)]),
    ],
    "conv_transpose2d": [
        ({}, [(2, 2, 2, 3), (2, 3, 2, 3), (3,)]),
        ({"stride": 2, "padding": 1, "output_padding": 1}, [(1, 2, 2, 3), (2, 2, 3, 3), (2,)]),
        ({"stride": (2, 3), "dilation": (1, 2), "padding": (0, 1)}, [(1, 1, 3, 2), (1, 2, 2, 2)]),
        ({"dilation": 2, "padding": 1}, [(1, 1, 2, 2), (1, 1, 2, 2)]),
        ({"groups": 2, "stride": 2}, [(1, 4, 2, 2), (4, 1, 2, 2), (2,)]),
        ({}, [(0, 2, 2, 2), (2, 3, 2, 2), (3,)]),
    ],
}

REFERENCES = {"conv1d": conv1d, "conv2d": conv2d, "conv_transpose2d": conv_transpose2d}
