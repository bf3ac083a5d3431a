"""What is wrong with which layer, and what a set of verdicts is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .catalogue import LAYERS

__all__ = ["CAUSES", "KEY", "Score", "score"]

RIGHT = "right"

CAUSES = {
    RIGHT: "nothing is wrong with it",
    "averaged": "a mean over the batch stands where a sum belongs",
    "factor 2": "a factor 2 is missing or too many",
    "forward's leftovers": "it uses what the latest forward left behind, and not its own cache",
    "frozen": "a quantity that depends on the input is treated as a constant",
    "ignores g": "the upstream gradient is left out",
    "no mask": "gradient passes at entries that do not influence the output",
    "not summed": "the sum over a broadcast axis is missing",
    "overwrites": "it writes into an array that belongs to its caller",
    "path lost": "the forward adds two terms, and the gradient through one of them is left out",
    "repeated": "where an index occurs several times, only its last contribution is kept",
    "sign": "the sign is wrong",
    "transposed": "a matrix stands where its transpose belongs",
    "wrong argument": "the formula takes y, and is given x (or the reverse)",
}

KEY = dict.fromkeys(LAYERS, RIGHT) | {
    "affine": "averaged",
    "clip": "no mask",
    "embedding": "repeated",
    "layer norm": "frozen",
    "relu": "overwrites",
    "residual": "path lost",
    "scores": "transposed",
    "sigmoid": "wrong argument",
    "softplus": "ignores g",
    "swish": "forward's leftovers",
}

FOUND, NAMED = 0.4, 0.6  # of the worth of one bug: that it is there, and what it is
OPEN = 0.1  # what a healthy layer without a verdict costs, in the same unit


@dataclass(frozen=True)
class Score:
    """What was counted.   bugs, healthy: layers of either kind; found: bugs called broken; named:
    bugs with their cause; alarms, cleared: healthy layers called broken, or right; open: layers
    without a verdict."""

    bugs: int
    healthy: int
    found: int
    named: int
    alarms: int
    cleared: int
    open: int

    @property
    def earned(self) -> float:
        """Share of the points, 0 to 1.

        A false alarm costs so much that it does not pay to call everything broken.

        >>> score(dict.fromkeys(LAYERS, "sign")).earned
        0.0
        """
        alarm = FOUND * self.bugs / self.healthy
        unjudged = self.healthy - self.alarms - self.cleared
        total = FOUND * self.found + NAMED * self.named - alarm * self.alarms - OPEN * unjudged
        return round(max(total, 0.0) / self.bugs, 12)


def score(verdicts: Mapping[str, str]) -> Score:
    """Compare verdicts {layer: cause} with the key."""
    bugs = {name: cause for name, cause in KEY.items() if cause != RIGHT}
    broken = {name for name, cause in verdicts.items() if cause != RIGHT}
    return Score(
        bugs=len(bugs),
        healthy=len(KEY) - len(bugs),
        found=len(broken & bugs.keys()),
        named=sum(verdicts.get(name) == cause for name, cause in bugs.items()),
        alarms=len(broken - bugs.keys()),
        cleared=sum(cause == RIGHT and name not in bugs for name, cause in verdicts.items()),
        open=len(KEY.keys() - verdicts.keys()),
    )
