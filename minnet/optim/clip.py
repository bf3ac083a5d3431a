"""Gradient clipping: wrappers that hand an optimizer other gradients than the parameters have.

``.grad`` itself stays as backward left it.  Wrappers nest; the outer one acts first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
from numpy import maximum, minimum, sqrt

from ..backend import array_module
from ..errors import DTypeError, ValueRangeError
from .base import Array, Optimizer, unchanged
from .wrapper import Wrapper

__all__ = ["ClipNorm", "ClipValue"]


Transform = Callable[[Array], Array]


class _Clip(Wrapper, ABC):
    """An optimizer seen through a wrapper: what is not defined here is the optimizer's own."""

    def __init__(self, optimizer: Any, limit: float):
        who = type(self).__name__
        if not isinstance(optimizer, (Optimizer, _Clip)):
            raise DTypeError(f"{who} wraps an optimizer, got {type(optimizer).__name__}.")
        if not 0 < limit < inf:
            raise ValueRangeError(f"{who} needs a finite limit above 0, got {limit!r}.")
        vars(self).update(optimizer=optimizer, limit=float(limit), norm=nan)

    @abstractmethod
    def _clip(self, transform: Transform) -> Transform:
        """Return what is done to each transform(g) of this step."""

    def step(self) -> None:
        """Step the optimizer with clipped gradients."""
        self._step(unchanged)

    def _step(self, transform: Transform) -> None:
        clip = self._clip(transform)
        self.optimizer._step(lambda g: clip(transform(g)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.limit:g}) of {self.optimizer!r}"


class ClipNorm(_Clip):
    """Scale all gradients of a step together so that their norm is at most the limit.

    g <- g limit / max(norm, limit),  norm = sqrt(sum of all g^2).   Pascanu, Mikolov & Bengio 2013,
    arXiv:1211.5063, Algorithm 1.   After a step ``norm`` is the norm before clipping.
    Raises ValueRangeError unless 0 < limit < inf.

    >>> from minnet import tensor
    >>> from minnet.optim import SGD
    >>> x = tensor([0.0, 0.0], requires_grad=True)
    >>> opt = ClipNorm(SGD([x], lr=1.0), 1.0)
    >>> x.grad = [3.0, -4.0]
    >>> opt.step()
    >>> x.numpy(), float(opt.norm)
    (array([-0.6,  0.8]), 5.0)
    """

    def _clip(self, transform: Transform) -> Transform:
        grads = [transform(p.grad._data) for _, p in self._named() if p.grad is not None]
        squares = [array_module(g).vdot(g, g).astype("float64") for g in grads]
        self.norm = sqrt(sum(squares, 0.0))
        scale = self.limit / maximum(self.norm, self.limit)
        if array_module(scale) is np:
            scale = float(scale)  # weak; on a GPU it stays an array, as reading it would stop it
        return lambda g: g * scale


class ClipValue(_Clip):
    """Clip each number of each gradient to [-limit, limit].

    Raises ValueRangeError unless 0 < limit < inf.

    >>> from minnet import tensor
    >>> from minnet.optim import SGD
    >>> x = tensor([0.0, 0.0], requires_grad=True)
    >>> x.grad = [3.0, -0.5]
    >>> ClipValue(SGD([x], lr=1.0), 1.0).step()
    >>> x.numpy()
    array([-1. ,  0.5])
    """

    def _clip(self, transform: Transform) -> Transform:
        return lambda g: minimum(maximum(g, -self.limit), self.limit)
