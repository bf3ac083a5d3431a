"""The rules that can be played with: one row each, with what the momentum slider means to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import optim
from ..optim import Optimizer
from .trace import Rule

__all__ = ["Playable", "RULES"]


@dataclass(frozen=True)
class Playable:
    """An optimizer with two knobs.

    optimizer: its class.   knob: the setting that ``momentum`` sets, "" if there is none; a pair
    (betas) has its first number set.   unit: what its learning rate multiplies: "gradient" (it
    has a stability edge of 2/curvature or so) or "distance" (about the length of a step).

    >>> from minnet.dynamics import quadratic, trace
    >>> trace(RULES["Momentum"](0.1, 0.5), quadratic([1.0]), steps=2).positions.ravel()
    array([2.  , 1.8 , 1.52])
    """

    optimizer: type[Optimizer]
    knob: str = ""
    unit: str = "distance"

    def __call__(self, lr: float, momentum: float) -> Rule:
        """What `trace` needs: a function that makes the optimizer for its parameters."""
        chosen = self.settings() | self._knob(momentum)
        return lambda params: self.optimizer(params, lr, **chosen)

    def settings(self) -> dict[str, Any]:
        """The settings that the knobs leave as they are, by default."""
        left_out = {"lr", "weight_decay", "decoupled"}
        declared = self.optimizer.settings.items()
        return {name: x.default for name, x in declared if name not in left_out}

    def _knob(self, value: float) -> dict[str, Any]:
        if not self.knob:
            return {}
        default = self.settings()[self.knob]
        return {self.knob: (value, *default[1:]) if isinstance(default, tuple) else value}


RULES: dict[str, Playable] = {
    "SGD": Playable(optim.SGD, "", "gradient"),
    "Momentum": Playable(optim.Momentum, "momentum", "gradient"),
    "Nesterov": Playable(optim.Nesterov, "momentum", "gradient"),
    "Adagrad": Playable(optim.Adagrad),
    "RMSprop": Playable(optim.RMSprop, "decay"),
    "Adadelta": Playable(optim.Adadelta, "decay"),
    "Adam": Playable(optim.Adam, "betas"),
    "AMSGrad": Playable(optim.AMSGrad, "betas"),
    "NAdam": Playable(optim.NAdam, "betas"),
    "Lion": Playable(optim.Lion, "betas"),
}
