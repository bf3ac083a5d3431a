"""The dynamics laboratory: landscapes, the paths of optimizers over them, and their theory.

>>> from minnet import optim
>>> path = trace(lambda p: optim.Momentum(p, lr=0.01), rosenbrock(), steps=200)
>>> path.positions.shape, path.losses.shape
((201, 2), (201,))
"""

from . import theory
from .landscapes import (
    LANDSCAPES,
    Landscape,
    beale,
    double_well,
    himmelblau,
    long_valley,
    monkey_saddle,
    noisy,
    quadratic,
    rosenbrock,
    saddle,
    two_moons,
)
from .rules import RULES, Playable
from .slices import Slice, interpolate, loss_slice, random_direction
from .trace import Comparison, Trajectory, compare, trace

__all__ = [
    "Comparison",
    "LANDSCAPES",
    "Landscape",
    "Playable",
    "RULES",
    "Slice",
    "Trajectory",
    "beale",
    "compare",
    "double_well",
    "himmelblau",
    "interpolate",
    "long_valley",
    "loss_slice",
    "monkey_saddle",
    "noisy",
    "quadratic",
    "random_direction",
    "rosenbrock",
    "saddle",
    "theory",
    "trace",
    "two_moons",
]
