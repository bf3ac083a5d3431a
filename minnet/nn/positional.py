"""Positional encodings: attention does not see the order of its keys unless they carry it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, as_generator, default_dtype
from ..errors import ShapeError
from ..init import Rng, normal
from ..tensor import Parameter
from .checks import require_count, require_floats
from .module import Module

__all__ = ["LearnedPositions", "SinusoidalPositions", "sinusoidal_positions"]


def sinusoidal_positions(length: int, d: int, *, dtype: Any = "float32") -> np.ndarray:
    """P[t, 2k] = sin(t / 10000^(2k/d)), P[t, 2k+1] = cos of the same: (length, d).

    Vaswani et al. 2017, arXiv:1706.03762, section 3.5.

    >>> sinusoidal_positions(2, 2, dtype="float64").round(4)
    array([[0.    , 1.    ],
           [0.8415, 0.5403]])
    """
    if length < 1 or d < 1:
        raise ShapeError(
            f"sinusoidal_positions needs length and d of at least 1, got {length} and {d}."
        )
    t, k = np.arange(length)[:, None], np.arange(d) // 2
    angle = t / 10000 ** (2 * k / d)
    return np.where(np.arange(d) % 2, np.cos(angle), np.sin(angle)).astype(dtype)


class _Positions(Module):
    """y = x + P[:T] for x (N, T, d), or (T, N, d) without batch_first."""

    table: Array

    def _take(self, max_len: int, d_model: int, batch_first: bool) -> tuple[int, int]:
        self.max_len = require_count(self, "max_len", max_len)
        self.d_model = require_count(self, "d_model", d_model)
        self.batch_first = batch_first
        return max_len, d_model

    def _add(self, x: Array, P: Array) -> Array:
        require_floats(self, x)
        axes = "N, T" if self.batch_first else "T, N"
        steps = x.shape[self.batch_first] if x.ndim == 3 else 0
        if x.ndim != 3 or x.shape[2] != self.d_model or steps > self.max_len:
            raise ShapeError(
                f"{self.title()} needs x of shape ({axes}, {self.d_model}) with T up to "
                f"{self.max_len}, got {x.shape}."
            )
        return x + (P[:steps] if self.batch_first else P[:steps, None])

    def describe(self) -> str:
        """The sizes."""
        return f"{self.max_len}, {self.d_model}"


class SinusoidalPositions(_Positions):
    """y = x + P, P[t, 2k] = sin(t / 10000^(2k/d)), P[t, 2k+1] = cos of the same: nothing to learn.

    x: (T, N, d_model), T up to max_len; (N, T, d_model) with batch_first.
    Raises ShapeError for other shapes.   Vaswani et al. 2017, arXiv:1706.03762, section 3.5.

    >>> import numpy as np
    >>> SinusoidalPositions(10, 4)(np.zeros((2, 1, 4), "float32")).round(3).tolist()[0]
    [[0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(
        self, max_len: int, d_model: int, *, batch_first: bool = False, dtype: Any = default_dtype
    ):
        max_len, d_model = self._take(max_len, d_model, batch_first)
        self.register_buffer("table", sinusoidal_positions(max_len, d_model, dtype=dtype))

    def forward(self, x: Array) -> Array:
        """x + P."""
        return self._add(x, self.table)


class LearnedPositions(_Positions):
    """y = x + P with a parameter P, weight (max_len, d_model), one row per place.

    x: as in `SinusoidalPositions`.   weight starts normal with standard deviation 0.02, as in GPT-2
    (Radford et al. 2019).

    >>> import numpy as np
    >>> LearnedPositions(10, 4, rng=0)(np.zeros((2, 1, 4), "float32")).shape
    (2, 1, 4)
    """

    def __init__(
        self,
        max_len: int,
        d_model: int,
        *,
        batch_first: bool = False,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        shape = self._take(max_len, d_model, batch_first)
        self.weight = Parameter(normal(shape, std=0.02, rng=as_generator(rng), dtype=dtype))

    def forward(self, x: Array) -> Array:
        """x + P."""
        return self._add(x, self.weight)
