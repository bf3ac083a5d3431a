"""What theory says in closed form, to stand next to what `trace` measures.

lr: lambda, momentum: rho, h: a curvature (eigenvalue of the Hessian), m <= L: the smallest and the
largest of them, kappa = L/m, alpha: weight decay, sigma: standard deviation of the gradient noise.
"""

from __future__ import annotations

from math import ceil, log, sqrt
from typing import Any, NamedTuple

import numpy as np

from ..errors import ValueRangeError

__all__ = [
    "Best",
    "Equilibrium",
    "adagrad_regret_bound",
    "adagrad_travel",
    "adam_step_bound",
    "best_descent",
    "best_momentum",
    "best_nesterov",
    "best_nesterov_convex",
    "critical_momentum",
    "decay_equilibrium",
    "ema_variance_ratio",
    "escape_steps",
    "iteration_matrix",
    "iterations",
    "spectral_radius",
    "stability_edge",
    "stationary_variance",
    "velocity",
]


class Best(NamedTuple):
    """The best settings on a quadratic, and the factor by which each step shrinks the error."""

    lr: float
    momentum: float
    rate: float


def best_descent(m: float, L: float) -> Best:
    """Gradient descent: lambda = 2/(m + L), rate (kappa - 1)/(kappa + 1).

    Polyak 1987, Introduction to Optimization, section 1.4.

    >>> best_descent(1, 10).rate
    0.8181818181818182
    """
    kappa = _condition(m, L)
    return Best(2 / (m + L), 0.0, (kappa - 1) / (kappa + 1))


def best_momentum(m: float, L: float) -> Best:
    """Polyak's momentum: lambda = (2/(sqrt L + sqrt m))^2, rho = rate^2.

    rate = (sqrt kappa - 1)/(sqrt kappa + 1).   Polyak 1964.

    >>> best_momentum(1, 100).rate
    0.8181818181818182
    """
    root = sqrt(_condition(m, L))
    rate = (root - 1) / (root + 1)
    return Best((2 / (sqrt(L) + sqrt(m))) ** 2, rate**2, rate)


def best_nesterov_convex(m: float, L: float) -> Best:
    """Nesterov's choice for all convex functions: lambda = 1/L, rate 1 - 1/sqrt kappa.

    rho = (sqrt kappa - 1)/(sqrt kappa + 1).   Nesterov 2004; on a quadratic the rate is exact.

    >>> best_nesterov_convex(1, 100).rate
    0.9
    """
    root = sqrt(_condition(m, L))
    return Best(1 / L, (root - 1) / (root + 1), 1 - 1 / root)


def best_nesterov(m: float, L: float) -> Best:
    """Nesterov's momentum, best on quadratics: lambda = 4/(3 L + m), rate 1 - 2/sqrt(3 kappa + 1).

    rho = (sqrt(3 kappa + 1) - 2)/(sqrt(3 kappa + 1) + 2).
    Lessard, Recht & Packard 2016, arXiv:1408.3595, proposition 1.

    >>> round(best_nesterov(1, 100).rate, 7)
    0.8847219
    """
    root = sqrt(3 * _condition(m, L) + 1)
    return Best(4 / (3 * L + m), (root - 2) / (root + 2), 1 - 2 / root)


def iterations(rate: float, tolerance: float) -> int:
    """Steps until an error that shrinks by ``rate`` has shrunk to ``tolerance`` of itself.

    >>> iterations(best_descent(1, 10).rate, 1e-6)
    69
    """
    if not (0 < rate < 1 and 0 < tolerance < 1):
        raise ValueRangeError(
            f"iterations needs rate and tolerance in (0, 1), got {rate} and {tolerance}."
        )
    return ceil(log(tolerance) / log(rate))


def iteration_matrix(lr: float, momentum: float, h: float, *, nesterov: bool = False) -> np.ndarray:
    """M with (x_(t+1), x_t) = M (x_t, x_(t-1)) on the quadratic h x^2 / 2.

    Momentum: x_(t+1) = (1 + rho - lambda h) x_t - rho x_(t-1).
    Nesterov, at its look-ahead points: (1 - lambda h) ((1 + rho) x_t - rho x_(t-1)).

    >>> iteration_matrix(0.1, 0.5, 1.0)
    array([[ 1.4, -0.5],
           [ 1. ,  0. ]])
    """
    rho, step = momentum, lr * h
    if nesterov:
        return np.array([[(1 - step) * (1 + rho), -(1 - step) * rho], [1.0, 0.0]])
    return np.array([[1 + rho - step, -rho], [1.0, 0.0]])


def spectral_radius(lr: float, momentum: float, h: Any, *, nesterov: bool = False) -> float:
    """The factor by which each step shrinks the error in the end; h: one or more curvatures.

    >>> round(spectral_radius(0.1, 0.81, [1.0, 10.0]), 6)
    0.9
    """
    matrices = [iteration_matrix(lr, momentum, x, nesterov=nesterov) for x in np.atleast_1d(h)]
    return max(float(abs(np.linalg.eigvals(M)).max()) for M in matrices)


def stability_edge(h: float, momentum: float = 0.0, *, nesterov: bool = False) -> float:
    """The learning rate from which on a quadratic of curvature h diverges.

    Descent 2/h, momentum (2 + 2 rho)/h, Nesterov (2 + 2 rho)/((1 + 2 rho) h).

    >>> stability_edge(4.0), stability_edge(4.0, 0.5), stability_edge(4.0, 0.5, nesterov=True)
    (0.5, 0.75, 0.375)
    """
    rho = momentum
    return (2 + 2 * rho) / h / ((1 + 2 * rho) if nesterov else 1)


def critical_momentum(lr: float, h: float) -> float:
    """rho = (1 - sqrt(lambda h))^2: below it no oscillation, above it there is; at it the fastest.

    For lambda h < 1.  Above 1 the roots below it are negative: x changes its sign at every step.

    >>> round(critical_momentum(0.01, 1.0), 12)
    0.81
    """
    return (1 - sqrt(lr * h)) ** 2


def velocity(lr: float, momentum: float, g: float, t: Any) -> Any:
    """-lambda g (1 - rho^t)/(1 - rho): the velocity after t steps of constant gradient g, from 0.

    >>> velocity(0.1, 0.5, 1.0, np.array([1, 2, 1000]))
    array([-0.1 , -0.15, -0.2 ])
    """
    return -lr * g * (1 - momentum**t) / (1 - momentum)


def escape_steps(lr: float, y0: float, h: float = 2.0) -> int:
    """Steps of gradient descent from |y| = y0 until |y| > 1, where the curvature is -h.

    >>> escape_steps(0.01, 1e-6), escape_steps(0.01, 1e-12)
    (698, 1396)
    """
    return ceil(log(1 / y0) / log(1 + lr * h))


def stationary_variance(lr: float, h: float, sigma: float = 1.0, momentum: float = 0.0) -> float:
    """Variance of x that SGD with momentum settles at on h x^2 / 2, gradients having noise sigma.

    lambda sigma^2 (1 + rho) / (h (1 - rho) (2 (1 + rho) - lambda h)), about lambda sigma^2 /
    (2 h (1 - rho)) for small rates: it depends on lambda/(1 - rho), and sigma^2 on 1/N.
    Mandt, Hoffman & Blei 2017, arXiv:1704.04289, give its limit; this is exact in discrete time.

    >>> round(stationary_variance(0.1, 1.0), 7)
    0.0526316
    """
    rho = momentum
    return lr * sigma**2 * (1 + rho) / (h * (1 - rho) * (2 * (1 + rho) - lr * h))


class Equilibrium(NamedTuple):
    """Where weight decay and noise balance: the norm of w, and its rotation in radians per step."""

    norm: float
    angle: float


def decay_equilibrium(
    lr: float, alpha: float, sigma: float = 1.0, momentum: float = 0.0
) -> Equilibrium:
    """|w|^4 = lambda sigma^2/(2 alpha (1 - rho)),  angle = sqrt(2 lambda alpha/(1 + rho)).

    For scale-invariant weights, as before a batch norm: gradients of size sigma/|w|, at right
    angles to w.   Wan et al. 2021, arXiv:2006.08419.

    >>> norm, angle = decay_equilibrium(0.1, 0.01)
    >>> round(norm**4, 6), round(angle, 5)
    (5.0, 0.04472)
    """
    norm = (lr * sigma**2 / (2 * alpha * (1 - momentum))) ** 0.25
    return Equilibrium(norm, sqrt(2 * lr * alpha / (1 + momentum)))


def adagrad_travel(steps: int) -> float:
    """sum of 1/sqrt k: how far Adagrad gets under a constant gradient, in units of lambda.

    >>> round(adagrad_travel(100), 4)
    18.5896
    """
    return float((1 / np.sqrt(np.arange(1, steps + 1))).sum())


def adam_step_bound(beta1: float = 0.9, beta2: float = 0.999) -> float:
    """The largest step Adam can make, in units of lambda, for beta1^2 < beta2.

    (1 - beta1)/sqrt((1 - beta2)(1 - beta1^2/beta2)), by Cauchy and Schwarz.  Gradients that grow
    by beta2/beta1 per step approach it; the bound in the paper, 3.16, is passed.

    >>> round(adam_step_bound(), 2)
    7.27
    """
    return (1 - beta1) / sqrt((1 - beta2) * (1 - beta1**2 / beta2))


def adagrad_regret_bound(gradients: np.ndarray, diameter: float) -> float:
    """sqrt 2 D sum_i |g_(1:T, i)|: Adagrad's regret with lambda = D/sqrt 2 is no larger.

    gradients: (T, n), those it was given.   diameter: D, the largest |x_i - x*_i|.
    Duchi, Hazan & Singer 2011, JMLR 12:2121, theorem 5.

    >>> round(adagrad_regret_bound(np.array([[3.0], [4.0]]), 1.0), 6)
    7.071068
    """
    return float(sqrt(2) * diameter * np.linalg.norm(gradients, axis=0).sum())


def ema_variance_ratio(decay: float) -> float:
    """(1 - d)/(1 + d): variance of an exponential average of independent values, over theirs.

    >>> round(ema_variance_ratio(0.9), 6)
    0.052632
    """
    return (1 - decay) / (1 + decay)


def _condition(m: float, L: float) -> float:
    if not 0 < m <= L:
        raise ValueRangeError(f"A quadratic needs curvatures 0 < m <= L, got {m} and {L}.")
    return L / m
