"""Optimizers: the body of each is its published update, in the letters of its source.

Where to begin: `Nesterov` with momentum 0.9 and a tuned learning rate, or `Adam` with its defaults.
"""

from .adaptive import Adagrad, Adam, AdamW, RMSprop
from .base import Optimizer
from .clip import ClipNorm, ClipValue
from .sgd import SGD, Momentum, Nesterov

__all__ = [
    "Adagrad",
    "Adam",
    "AdamW",
    "ClipNorm",
    "ClipValue",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "SGD",
]
