"""Learning rates that adapt to each parameter by the size of its gradients.

theta: parameter, g: its gradient, t = 1, 2, ...: step, lambda: learning rate ``lr``.
"""

from __future__ import annotations

from typing import Any

from numpy import sqrt

from .base import Array, Optimizer
from .settings import flag, fraction, fractions, rate

__all__ = ["Adagrad", "Adam", "AdamW", "RMSprop"]


class Adagrad(Optimizer):
    """Divide by the root of the sum of all squared gradients.   Duchi et al. 2011, JMLR 12:2121.

    eps: added outside the root.   Other settings: see `Optimizer`.

    >>> from minnet import tensor
    >>> x = tensor([1.0, 1.0], requires_grad=True)
    >>> x.grad = [2.0, -300.0]
    >>> Adagrad([x], lr=0.5).step()                      # the first step is lambda sign(g)
    >>> x.numpy().round(6)
    array([0.5, 1.5])
    """

    slots = ("cache",)
    eps = rate(1e-10)

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        s.cache = s.cache + g**2
        return -self.lr * g / (sqrt(s.cache) + self.eps)


class RMSprop(Optimizer):
    """Divide by the root of a moving average of squared gradients.   Hinton 2012, lecture 6e.

    decay: the average keeps this share of itself at each step; not a weight decay.
    eps: added outside the root.   Other settings: see `Optimizer`.

    >>> from minnet import tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> x.grad = [2.0]
    >>> RMSprop([x], lr=0.01, decay=0.99).step()         # lambda / sqrt(1 - decay)
    >>> x.numpy().round(6)
    array([0.9])
    """

    slots = ("cache",)
    decay = fraction(0.99)
    eps = rate(1e-8)

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        s.cache = self.decay * s.cache + (1 - self.decay) * g**2
        return -self.lr * g / (sqrt(s.cache) + self.eps)


class Adam(Optimizer):
    """Averages of gradients and of their squares.   Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1.

    betas: what the averages m and v keep of themselves at each step.
    eps: added outside the root, after the bias correction (TensorFlow 1 adds it before it, which
    the paper calls epsilon hat).   bias_correction=False: divide m by sqrt(v) as they are.
    Other settings: see `Optimizer`.

    >>> from minnet import tensor
    >>> x = tensor([1.0, 1.0], requires_grad=True)
    >>> x.grad = [2.0, -300.0]
    >>> Adam([x], lr=0.1).step()                         # the first step is lambda sign(g)
    >>> x.numpy().round(6)
    array([0.9, 1.1])
    """

    slots = ("m", "v")
    lr = rate(1e-3)
    betas = fractions((0.9, 0.999))
    eps = rate(1e-8)
    bias_correction = flag(True)

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        beta1, beta2 = self.betas
        s.m = beta1 * s.m + (1 - beta1) * g
        s.v = beta2 * s.v + (1 - beta2) * g**2
        m_hat, v_hat = s.m, s.v
        if self.bias_correction:
            m_hat = s.m / (1 - beta1**t)
            v_hat = s.v / (1 - beta2**t)
        return -self.lr * m_hat / (sqrt(v_hat) + self.eps)


class AdamW(Adam):
    """Adam with decoupled weight decay.   Loshchilov & Hutter 2019, arXiv:1711.05101.

    Settings: those of `Adam`; weight_decay=0.01 and decoupled=True unless said otherwise.

    >>> from minnet import tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> x.grad = [0.0]
    >>> AdamW([x], lr=0.1, weight_decay=0.5).step()      # theta (1 - lambda alpha)
    >>> x.numpy()
    array([0.95])
    """

    weight_decay = rate(0.01)
    decoupled = flag(True)
