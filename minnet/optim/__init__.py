"""Optimizers: the body of each is its published update, in the letters of its source.

Where to begin: `Nesterov` with momentum 0.9 and a tuned learning rate, or `Adam` with its defaults.
"""

from .adaptive import Adagrad, Adam, AdamW, RMSprop
from .averaging import EMA, Mean, recompute_statistics
from .base import Optimizer
from .clip import ClipNorm, ClipValue
from .curvature import hessian_bytes, power_iteration, top_eigenvalue
from .layerwise import LAMB, LARS
from .line_search import backtracking, parabola, strong_wolfe
from .second_order import LBFGS, Newton
from .sgd import SGD, Momentum, Nesterov
from .variants import Adadelta, AMSGrad, Lion, NAdam

__all__ = [
    "AMSGrad",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "ClipNorm",
    "ClipValue",
    "EMA",
    "LAMB",
    "LARS",
    "LBFGS",
    "Lion",
    "Mean",
    "Momentum",
    "NAdam",
    "Nesterov",
    "Newton",
    "Optimizer",
    "RMSprop",
    "SGD",
    "backtracking",
    "hessian_bytes",
    "parabola",
    "power_iteration",
    "recompute_statistics",
    "strong_wolfe",
    "top_eigenvalue",
]
