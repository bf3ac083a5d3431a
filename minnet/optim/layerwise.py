"""Rules whose learning rate adapts to each layer: its step is a share of its own norm.

w: one parameter, g: its gradient, t = 1, 2, ...: step, lambda: learning rate ``lr``,
alpha: ``weight_decay``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import sqrt

from ..backend import array_module
from .base import Array, Optimizer
from .settings import flag, fraction, fractions, rate

__all__ = ["LAMB", "LARS"]


class _Layerwise(Optimizer):
    """The update of a whole parameter, in which weight decay has its own place: alpha."""

    scope = "parameter"
    adapt = flag(True)

    def _advance(self, w: Array, g: Array, s: Any, t: int) -> Array:
        if self.decoupled:
            return super()._advance(w, g, s, t)
        return w + self.update(w, g, s, t)  # without the L2 term, which the formula has

    @property
    def alpha(self) -> float:
        """Weight decay inside the formula; none when it is decoupled."""
        return 0.0 if self.decoupled else self.weight_decay

    def _ratio(self, a: Any, b: Any) -> Any:
        """a / b, and 1 where one of them is 0: a norm of 0 says nothing about the layer."""
        if not self.adapt:
            return 1.0
        if isinstance(a, float):
            return a / b if a > 0 and b > 0 else 1.0
        return array_module(a).where((a > 0) & (b > 0), a / b, 1)


class LARS(_Layerwise):
    """Momentum with the local rate  eta |w| / (|g| + alpha |w|).

    You, Gitman & Ginsburg 2017, arXiv:1708.03888, Algorithm 1.
    momentum: m there.   trust: eta.   lr, weight_decay: see `Optimizer`.
    adapt=False, in a group of biases and norm gains: the local rate is 1; it also is for w = 0.

    >>> from minnet import tensor
    >>> w = tensor([3.0, 4.0], requires_grad=True)
    >>> w.grad = [0.0, 50.0]
    >>> LARS([w], lr=1.0, trust=0.1).step()              # 0.1 |w| along g
    >>> w.numpy()
    array([3. , 3.5])
    """

    slots = ("v",)
    momentum = fraction(0.9)
    trust = rate(0.001)

    def update(self, w: Array, g: Array, s: Any, t: int) -> Array:
        local = self._ratio(self.trust * norm(w), norm(g) + self.alpha * norm(w))
        s.v = self.momentum * s.v + self.lr * local * (g + self.alpha * w)
        return -s.v

    @property
    def rho(self) -> float:
        return self.momentum


class LAMB(_Layerwise):
    """Adam's step, scaled to the norm of the parameter: |w| / |r + alpha w| of it.

    You et al. 2020, arXiv:1904.00962, Algorithm 2, with phi(z) = z.
    betas, eps: as in `Adam`.   lr, weight_decay: see `Optimizer`.
    adapt=False, in a group of biases and norm gains: the ratio is 1; it also is for w = 0.

    >>> from minnet import tensor
    >>> w = tensor([3.0, 4.0], requires_grad=True)
    >>> w.grad = [0.0, 50.0]
    >>> LAMB([w], lr=0.1).step()                         # 0.1 |w| along Adam's step
    >>> w.numpy().round(5)
    array([3. , 3.5])
    """

    slots = ("m", "v")
    lr = rate(1e-3)
    betas = fractions((0.9, 0.999))
    eps = rate(1e-6)

    def update(self, w: Array, g: Array, s: Any, t: int) -> Array:
        beta1, beta2 = self.betas
        s.m = beta1 * s.m + (1 - beta1) * g
        s.v = beta2 * s.v + (1 - beta2) * g**2
        m_hat = s.m / (1 - beta1**t)
        v_hat = s.v / (1 - beta2**t)
        r = m_hat / (sqrt(v_hat) + self.eps) + self.alpha * w
        return -self.lr * self._ratio(norm(w), norm(r)) * r


def norm(x: Array) -> Any:
    """sqrt(sum of x^2), as a Python float, which never widens a dtype; on a GPU it stays there.

    >>> import numpy as np
    >>> norm(np.array([3.0, 4.0], "float32"))
    5.0
    """
    size = sqrt((x * x).sum())
    return float(size) if array_module(size) is np else size
