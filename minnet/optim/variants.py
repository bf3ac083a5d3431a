"""Further adaptive rules: Adadelta, AMSGrad, Lion and NAdam.

theta: parameter, g: its gradient, t = 1, 2, ...: step, lambda: learning rate ``lr``.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy import maximum, sign, sqrt

from .adaptive import Adam
from .base import Array, Optimizer
from .settings import flag, fraction, fractions, rate

__all__ = ["AMSGrad", "Adadelta", "Lion", "NAdam"]


class Adadelta(Optimizer):
    """Steps in the unit of theta: the size of past steps over that of past gradients.

    Zeiler 2012, arXiv:1212.5701, Algorithm 1.   decay: rho there, what both averages keep of
    themselves.   eps: starts the first step.   lr: 1 in the paper.
    Other settings: see `Optimizer`.

    >>> from minnet import tensor
    >>> x = tensor([0.0], requires_grad=True, dtype="float64")
    >>> x.grad = [7.0]
    >>> Adadelta([x], decay=0.9, eps=1e-6).step()        # about sqrt(eps / (1 - decay))
    >>> x.numpy().round(6)
    array([-0.003162])
    """

    slots = ("g2", "d2")
    lr = rate(1.0)
    decay = fraction(0.9)
    eps = rate(1e-6)

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        rho, eps = self.decay, self.eps
        s.g2 = rho * s.g2 + (1 - rho) * g**2
        d = -sqrt(s.d2 + eps) / sqrt(s.g2 + eps) * g
        s.d2 = rho * s.d2 + (1 - rho) * d**2
        return self.lr * d


class AMSGrad(Adam):
    """Adam that divides by the largest v so far, so that no rate ever grows again.

    Reddi, Kale & Kumar 2018, arXiv:1904.09237, Algorithm 2.   Settings: those of `Adam`; the
    paper has no bias correction, PyTorch (and the default here) corrects after the maximum.

    >>> from minnet import tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> x.grad = [2.0]
    >>> AMSGrad([x], lr=0.1).step()
    >>> x.numpy().round(6)
    array([0.9])
    """

    slots = ("m", "v", "v_max")  # type: ignore[assignment]

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        beta1, beta2 = self.betas
        s.m = beta1 * s.m + (1 - beta1) * g
        s.v = beta2 * s.v + (1 - beta2) * g**2
        s.v_max = maximum(s.v_max, s.v)
        m_hat, v_hat = s.m, s.v_max
        if self.bias_correction:
            m_hat = s.m / (1 - beta1**t)
            v_hat = s.v_max / (1 - beta2**t)
        return -self.lr * m_hat / (sqrt(v_hat) + self.eps)


class Lion(Optimizer):
    """The sign of an average of gradients: every number moves by lambda.

    Chen et al. 2023, arXiv:2302.06675, Algorithm 2.   betas: what the average keeps of itself in
    the step, and in the memory.   weight_decay is decoupled, as in the paper.
    Other settings: see `Optimizer`.

    >>> from minnet import tensor
    >>> x = tensor([1.0, 1.0], requires_grad=True)
    >>> x.grad = [2.0, -300.0]
    >>> Lion([x], lr=0.1).step()
    >>> x.numpy().round(6)
    array([0.9, 1.1])
    """

    slots = ("m",)
    lr = rate(1e-4)
    decoupled = flag(True)
    betas = fractions((0.9, 0.99))

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        beta1, beta2 = self.betas
        c = beta1 * s.m + (1 - beta1) * g
        s.m = beta2 * s.m + (1 - beta2) * g
        return -self.lr * sign(c)


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, mu_t, which grows towards beta1.   Dozat 2016, ICLR workshop.

    mu_t = beta1 (1 - 0.96^(psi t) / 2).   betas, eps: as in `Adam`.   psi: ``warmup``, 0.004.
    Other settings: see `Optimizer`.

    >>> from minnet import tensor
    >>> x = tensor([1.0, 1.0], requires_grad=True)
    >>> x.grad = [2.0, -300.0]
    >>> NAdam([x], lr=0.1).step()
    >>> x.numpy().round(6)
    array([0.894355, 1.105645])
    """

    slots = ("m", "v")
    lr = rate(2e-3)
    betas = fractions((0.9, 0.999))
    eps = rate(1e-8)
    warmup = rate(0.004)

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        beta1, beta2 = self.betas
        s.m = beta1 * s.m + (1 - beta1) * g
        s.v = beta2 * s.v + (1 - beta2) * g**2
        ahead = self._mu(t + 1) * s.m / (1 - self._product(t + 1))
        m_hat = ahead + (1 - self._mu(t)) * g / (1 - self._product(t))
        v_hat = s.v / (1 - beta2**t)
        return -self.lr * m_hat / (sqrt(v_hat) + self.eps)

    def _mu(self, t: Any) -> Any:
        return self.betas[0] * (1 - 0.96 ** (self.warmup * t) / 2)

    def _product(self, t: int) -> float:
        """mu_1 ... mu_t.   After 40/(1 - beta1) factors below beta1, 1 - product rounds to 1."""
        enough = ceil(40 / (1 - self.betas[0]))
        return float(np.prod(self._mu(np.arange(1, min(t, enough) + 1))))
