"""Dropout: noise in training that keeps units from relying on each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, array_module, as_generator, counting_seed, uniform
from ..errors import ShapeError, ValueRangeError
from ..functional.dropout import _seeded_dropout
from ..functional.targets import raw
from ..init import Rng
from .checks import require_floats
from .module import Module

__all__ = ["Dropout", "Dropout2d"]


class Dropout(Module):
    """y = x mask / (1 - p) in training, a mask entry being 0 with probability p, else 1.

    In eval mode y = x: scaling in training ("inverted" dropout) keeps the mean.
    p: between 0 and 1.   rng: the layer's own source of masks.
    Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".

    >>> layer = Dropout(0.5, rng=0)
    >>> sorted(set(layer(np.ones(100)).tolist()))
    [0.0, 2.0]
    >>> layer.eval()(np.ones(2)).tolist()
    [1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, *, rng: Rng = None):
        if not isinstance(p, (int, float, np.number)) or not 0 <= p <= 1:
            raise ValueRangeError(f"Dropout needs p between 0 and 1, got {p!r}.")
        self.p, self.rng = p, as_generator(rng)

    def forward(self, x: Array, mask: Any = None) -> Array:
        """x mask / (1 - p); a mask that is given (x's shape, 1 = keep) replaces the drawn one."""
        require_floats(self, x)
        if mask is not None and np.shape(mask) != x.shape:
            raise ShapeError(
                f"{self.title()} needs a mask of shape {x.shape}, got {np.shape(mask)}."
            )
        if not self.training or (self.p == 0 and mask is None):
            return x
        if mask is None and array_module(raw(x)) is not np:
            return self._on_gpu(x, x.ndim)
        keep = self.draw(x) if mask is None else raw(mask, x)
        return x * (keep.astype(x.dtype) / ((1 - self.p) or 1))  # p = 1 keeps nothing to scale

    def draw(self, x: Array) -> Array:
        """A fresh mask for x: True with probability 1 - p."""
        return uniform(self.rng, x.shape, np.float32, like=raw(x)) >= self.p

    def _on_gpu(self, x: Array, axes: int) -> Array:
        """What `draw` would keep, in one pass; see `minnet.functional.dropout`."""
        return _seeded_dropout(x, seed=counting_seed(self.rng), p=self.p, axes=axes)

    def describe(self) -> str:
        """The probability of 0."""
        return f"{self.p}"


class Dropout2d(Dropout):
    """y = x mask / (1 - p) in training, where a whole channel of an example has one mask entry.

    x: (N, C, H, W).   Neighbouring pixels say much the same, so that dropping single ones hides
    nothing.   Otherwise as `Dropout`; a mask that is given has the shape (N, C).
    Tompson et al. 2015, arXiv:1411.4280.

    >>> y = Dropout2d(0.5, rng=0)(np.ones((4, 8, 2, 2)))
    >>> sorted(set(y.sum((2, 3)).ravel().tolist()))
    [0.0, 8.0]
    """

    def forward(self, x: Array, mask: Any = None) -> Array:
        """x mask / (1 - p), mask (N, C)."""
        require_floats(self, x)
        if x.ndim != 4:
            raise ShapeError(f"{self.title()} needs x of shape (N, C, H, W), got {x.shape}.")
        if mask is not None and np.shape(mask) != x.shape[:2]:
            raise ShapeError(
                f"{self.title()} needs a mask of shape {x.shape[:2]}, got {np.shape(mask)}."
            )
        if not self.training or (self.p == 0 and mask is None):
            return x
        if self.p == 1:
            return x * 0
        if mask is None and array_module(raw(x)) is not np:
            return self._on_gpu(x, 2)
        keep = self.draw(x) if mask is None else mask
        return x * (keep.astype(x.dtype) / (1 - self.p))[:, :, None, None]

    def draw(self, x: Array) -> Array:
        """A fresh mask (N, C) for x: True with probability 1 - p."""
        like = getattr(x, "_data", x)
        return uniform(self.rng, x.shape[:2], np.float32, like=like) >= self.p
