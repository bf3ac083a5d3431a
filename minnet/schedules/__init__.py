"""Schedules: pure functions of the step t = 0, 1, ... that give a hyper-parameter its value.

One kind of object drives the learning rate, the momentum or the weight decay::

    fit(..., schedule={"lr": warmup_then(cosine(0.1, steps=900), steps=100)})
    opt.lr = f(t)                                       # the same by hand, before step t

>>> f = one_cycle(100, high=0.1)
>>> [round(f(t), 4) for t in (0, 29, 99)]
[0.004, 0.1, 0.0]
"""

from .base import Schedule, schedule
from .compose import chain, in_epochs, scale, warmup_then
from .cycle import cyclical_momentum, exp_range, one_cycle, triangle, triangular, triangular2
from .decay import (
    constant,
    cosine,
    exponential,
    inverse_time,
    linear,
    multi_step,
    polynomial,
    step,
    warm_restarts,
)

__all__ = [
    "Schedule",
    "chain",
    "constant",
    "cosine",
    "cyclical_momentum",
    "exp_range",
    "exponential",
    "in_epochs",
    "inverse_time",
    "linear",
    "multi_step",
    "one_cycle",
    "polynomial",
    "scale",
    "schedule",
    "step",
    "triangle",
    "triangular",
    "triangular2",
    "warm_restarts",
    "warmup_then",
]
