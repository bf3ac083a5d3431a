"""Pictures; only the files of this package import matplotlib.

Every function returns a `Picture`, a matplotlib Figure that needs no screen and shows itself in a
notebook; ``picture.savefig("x.png")`` writes it.  `animate` returns an `Animation`, `explorer`
something to play with in a notebook.  Colours are Okabe and Ito's, told apart by colour-blind
readers too ("Color Universal Design", 2008).
"""

from .animation import Animation, animate
from .base import COLOURS, Picture
from .dashboard import Dashboard, dashboard
from .network import activations, confusion, examples, tiles, weights
from .notebook import explorer
from .paths import contour, effective_steps, losses, phase, surface
from .slices import loss_slice
from .training import history, schedule, update_ratios

__all__ = [
    "Animation",
    "COLOURS",
    "Dashboard",
    "Picture",
    "activations",
    "animate",
    "confusion",
    "contour",
    "dashboard",
    "effective_steps",
    "examples",
    "explorer",
    "history",
    "loss_slice",
    "losses",
    "phase",
    "schedule",
    "surface",
    "tiles",
    "update_ratios",
    "weights",
]
