"""Cases of pooling and upsampling, and the definitions as naive loops (PF-D10)."""

from itertools import product
from math import ceil

import numpy as np

from .oracle import distinct


def _pair(n):
    return n if isinstance(n, tuple) else (n, n)


def _starts(size, k, s, p, d, ceil_mode):
    """Where windows begin; the last one may hang over, but begins on the image or near padding."""
    n = (size + 2 * p - d * (k - 1) - 1) / s
    starts = [i * s - p for i in range((ceil(n) if ceil_mode else int(n // 1)) + 1)]
    return [start for start in starts if not ceil_mode or start < size]


def _windows(x, kernel_size, stride, padding, dilation, ceil_mode):
    """(i, j, rows, columns) of each window, rows and columns possibly beyond the image."""
    kernel = _pair(kernel_size)
    s, p, d = _pair(stride or kernel), _pair(padding), _pair(dilation)
    axes = [
        [[start + d[a] * m for m in range(kernel[a])] for start in _starts(
            x.shape[2 + a], kernel[a], s[a], p[a], d[a], ceil_mode
        )]
        for a in (0, 1)
    ]
    for (i, rows), (j, columns) in product(enumerate(axes[0]), enumerate(axes[1])):
        yield i, j, rows, columns


def _pooled(x, reduce, *geometry):
    cells = {(i, j): reduce(x, rows, columns) for i, j, rows, columns in _windows(x, *geometry)}
    rows, columns = (max(key[a] for key in cells) + 1 for a in (0, 1))
    return np.stack([np.stack([cells[i, j] for j in range(columns)], -1) for i in range(rows)], -2)


def _on(x, rows, columns):
    """The pixels of a window that lie on the image: (N, C, rows, columns)."""
    rows = [i for i in rows if 0 <= i < x.shape[2]]
    return x[:, :, rows][..., [j for j in columns if 0 <= j < x.shape[3]]]


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    largest = lambda x, rows, columns: _on(x, rows, columns).max((2, 3))
    return _pooled(x, largest, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool2d(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True
):
    p = _pair(padding)

    def average(x, rows, columns):
        seen = _on(x, rows, columns)
        counted = [[i for i in rows if i < x.shape[2] + p[0]], [
            j for j in columns if j < x.shape[3] + p[1]
        ]]
        every = len(counted[0]) * len(counted[1])
        return seen.sum((2, 3)) / (every if count_include_pad else seen[0, 0].size)

    return _pooled(x, average, kernel_size, stride, padding, 1, ceil_mode)


def _line(pool):
    """A pool of images as one of lines."""

    def pooled(x, kernel_size, stride=None, padding=0, dilation=1, **more):
        if dilation != 1:
            more["dilation"] = (1, dilation)
        s = (1, stride or kernel_size)
        return pool(x[:, :, None], (1, kernel_size), s, (0, padding), **more)[:, :, 0]

    return pooled


def adaptive_avg_pool2d(x, output_size):
    rows, columns = (
        x.shape[2 + a] if k is None else k for a, k in enumerate(_pair(output_size))
    )
    h, w = x.shape[2:]
    y = np.empty((*x.shape[:2], rows, columns))
    for i, j in product(range(rows), range(columns)):
        part = x[:, :, i * h // rows : ceil((i + 1) * h / rows)]
        y[:, :, i, j] = part[..., j * w // columns : ceil((j + 1) * w / columns)].mean((2, 3))
    return y


def upsample_nearest(x, scale_factor):
    s, t = _pair(scale_factor)
    return x.repeat(s, 2).repeat(t, 3)


CASES = {
    "adaptive_avg_pool2d": [
        ({"output_size": 1}, [(2, 3, 4, 3)]),
        ({"output_size": (2, 3)}, [(1, 2, 5, 4)]),
        ({"output_size": (None, 5)}, [(2, 1, 3, 2)]),
    ],
    "avg_pool1d": [
        ({"kernel_size": 2}, [(2, 3, 5)]),
        ({"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}, [(1, 2, 6)]),
    ],
    "avg_pool2d": [
        ({"kernel_size": 2}, [(2, 2, 4, 5)]),
        ({"kernel_size": 3, "stride": 1, "padding": 1}, [(1, 2, 3, 4)]),
        ({"kernel_size": (3, 2), "stride": 2, "padding": 1, "ceil_mode": True}, [(1, 1, 4, 4)]),
        (
            {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
            [(1, 2, 4, 5)],
        ),
        ({"kernel_size": 2}, [(0, 2, 4, 4)]),
    ],
    "global_avg_pool2d": [({}, [(2, 3, 2, 4)]), ({}, [(1, 1, 1, 1)])],
    "global_max_pool2d": [({}, [distinct((2, 3, 2, 4))])],
    "max_pool1d": [
        ({"kernel_size": 2}, [distinct((2, 3, 5))]),
        ({"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 2}, [distinct((1, 2, 7))]),
    ],
    "max_pool2d": [
        ({"kernel_size": 2}, [distinct((2, 2, 4, 5))]),
        ({"kernel_size": 3, "stride": 1, "padding": 1}, [distinct((1, 2, 3, 4))]),
        ({"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}, [distinct((1, 2, 5, 3))]),
        ({"kernel_size": 2, "stride": 3, "dilation": 2}, [distinct((2, 1, 7, 6))]),
        ({"kernel_size": 3, "stride": 2, "ceil_mode": True}, [distinct((1, 2, 6, 4))]),
        ({"kernel_size": 2}, [(0, 2, 4, 4)]),
    ],
    "upsample_nearest": [
        ({"scale_factor": 2}, [(2, 3, 2, 1)]),
        ({"scale_factor": (1, 3)}, [(1, 2, 2, 3)]),
    ],
}

REFERENCES = {
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "avg_pool1d": _line(avg_pool2d),
    "avg_pool2d": avg_pool2d,
    "global_avg_pool2d": lambda x: x.mean((2, 3), keepdims=True),
    "global_max_pool2d": lambda x: x.max((2, 3), keepdims=True),
    "max_pool1d": _line(max_pool2d),
    "max_pool2d": max_pool2d,
    "upsample_nearest": upsample_nearest,
}
