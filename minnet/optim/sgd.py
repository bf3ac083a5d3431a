"""Gradient descent with and without velocity.

theta: parameter, g: its gradient, v: velocity, lambda: learning rate ``lr``, mu: ``momentum``.
"""

from __future__ import annotations

from typing import Any

from ..errors import StateError
from .base import Array, Optimizer
from .settings import choice, fraction

__all__ = ["Momentum", "Nesterov", "SGD"]


class SGD(Optimizer):
    """theta <- theta - lambda g.   Robbins & Monro 1951; CS231n notes, "Vanilla update".

    Settings: see `Optimizer`.

    >>> from minnet import tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> x.grad = [2.0]
    >>> SGD([x], lr=0.1).step()
    >>> x.numpy()
    array([0.8])
    """

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        return -self.lr * g


class Momentum(Optimizer):
    """The velocity v keeps the share mu of itself at each step.   Polyak 1964.

    form="cs231n":  v <- mu v - lambda g;     theta <- theta + v          (CS231n, Sutskever 2013)
    form="torch":   v <- mu v + g;            theta <- theta - lambda v   (PyTorch, Distill)
    form="ema":     v <- mu v + (1 - mu) g;   theta <- theta - lambda v   (an average, as in Adam)

    With constant lambda "cs231n" and "torch" move alike (v_cs231n = -lambda v_torch), and "ema"
    moves like "torch" with lambda (1 - mu).  When lambda changes they differ: the cs231n velocity
    remembers steps, made with the old lambda; the torch velocity remembers gradients.
    momentum: mu in [0, 1).   Other settings: see `Optimizer`.

    >>> from minnet import tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> opt = Momentum([x], lr=0.1, momentum=0.5)
    >>> for _ in range(2):
    ...     x.grad = [1.0]
    ...     opt.step()                                   # v = -0.1, then -0.15
    >>> x.numpy()
    array([0.75])
    """

    slots = ("v",)
    momentum = fraction(0.9)
    form = choice("cs231n", "torch", "ema")

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        mu = self.momentum
        match self.form:
            case "cs231n":
                s.v = mu * s.v - self.lr * g
                return s.v
            case "torch":
                s.v = mu * s.v + g
                return -self.lr * s.v
            case _:
                s.v = mu * s.v + (1 - mu) * g
                return -self.lr * s.v

    def ahead(self, theta: Array, s: Any) -> Array:
        step = s.v if self.form == "cs231n" else -self.lr * s.v
        return theta + self.momentum * step

    @property
    def rho(self) -> float:
        return 0.0 if self.form == "ema" else self.momentum


class Nesterov(Optimizer):
    """Momentum whose gradient is taken where the velocity is about to lead.   Nesterov 1983.

    form="lookahead":  v <- mu v - lambda g(theta + mu v);  theta <- theta + v   (Sutskever 2013)
    form="cs231n":     v' = v;  v <- mu v - lambda g;       theta <- theta - mu v' + (1 + mu) v
    form="torch":      v <- mu v + g;                       theta <- theta - lambda (g + mu v)

    "lookahead" needs its gradients evaluated inside ``with opt.lookahead():``.  The parameters of
    "cs231n" are x = theta + mu v of "lookahead", with the same v, so they need no such block.
    "torch" moves like "cs231n" while lambda is constant (v_cs231n = -lambda v_torch).
    momentum: mu in [0, 1); mu = 0 is SGD.   Other settings: see `Optimizer`.

    >>> from minnet import tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> opt = Nesterov([x], lr=0.1, momentum=0.5)
    >>> x.grad = [1.0]
    >>> opt.step()                                       # 1 + (1 + mu) v = 1 - 1.5 * 0.1
    >>> x.numpy()
    array([0.85])
    """

    slots = ("v",)
    momentum = fraction(0.9)
    form = choice("cs231n", "torch", "lookahead")

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        mu = self.momentum
        match self.form:
            case "cs231n":
                v_prev = s.v
                s.v = mu * s.v - self.lr * g
                return -mu * v_prev + (1 + mu) * s.v
            case "torch":
                s.v = mu * s.v + g
                return -self.lr * (g + mu * s.v)
            case _:
                s.v = mu * s.v - self.lr * g
                return s.v

    def ahead(self, theta: Array, s: Any) -> Array:
        if not self.looks_ahead:
            raise StateError(
                f'Nesterov(form="{self.form}") stands at the look-ahead point already: compute '
                'gradients without lookahead(), or use form="lookahead".'
            )
        return theta + self.momentum * s.v

    @property
    def looks_ahead(self) -> bool:
        return any(group["form"] == "lookahead" for group in self._at)

    @property
    def rho(self) -> float:
        return self.momentum
