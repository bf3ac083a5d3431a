"""Lowering a setting of the optimizer when a measured series stops improving."""

from __future__ import annotations

from math import inf, nan
from operator import index
from typing import TYPE_CHECKING, Any

from ..errors import StateError, ValueRangeError
from .monitors import Monitor

if TYPE_CHECKING:
    from .fit import Run

__all__ = ["Plateau"]


class Plateau(Monitor):
    """Multiply a setting by ``factor`` when ``series`` has not improved for too long.

    A value is good if it beats the best so far by more than ``threshold`` of it, and bad
    otherwise; NaN is bad.  ``patience`` bad epochs in a row are forgiven, the next one acts.  With
    factor 0.5 and patience 2:

        epoch   value   bad in a row   learning rate afterwards
            1     1.0              0   0.1
            2     0.8              0   0.1
            3     0.9              1   0.1
            4     NaN              2   0.1
            5     0.8              3   0.05     the third bad one acts; counting begins anew
            6     0.8              1   0.05

    series: a name in the history.   setting: "lr" or another of the optimizer's settings, in all
    groups; it must not have a schedule too.   cooldown: epochs after acting that are not counted.
    low: the setting falls no further.   higher: larger values of the series are better.
    Depends on what was measured, so it is no schedule: its state goes into a checkpoint.
    Source: CS231n notes, "Step decay"; the rule is that of PyTorch's ReduceLROnPlateau.
    Raises ValueRangeError for settings out of range, StateError if the series is missing.

    >>> from minnet import optim, tensor
    >>> opt = optim.SGD([tensor([1.0], requires_grad=True)], lr=0.1)
    >>> plateau = Plateau(patience=2)
    >>> for value in (1.0, 0.8, 0.9, float("nan"), 0.8, 0.8):
    ...     plateau.see(value, opt)
    ...     print(plateau.bad, opt.lr)
    0 0.1
    0 0.1
    1 0.1
    2 0.1
    0 0.05
    1 0.05
    """

    def __init__(
        self,
        series: str = "val_loss",
        *,
        setting: str = "lr",
        factor: float = 0.5,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        low: float = 0.0,
        higher: bool = False,
    ):
        if not (0 <= factor < 1 and patience >= 0 and 0 <= threshold < inf):
            raise ValueRangeError(
                "Plateau needs factor in [0, 1), patience and threshold of at least 0, got "
                f"{factor}, {patience} and {threshold}."
            )
        if not (cooldown >= 0 and 0 <= low < inf):
            raise ValueRangeError(
                f"Plateau needs cooldown and low of at least 0, got {cooldown} and {low}."
            )
        self.series, self.setting, self.factor = series, setting, factor
        self.patience, self.threshold = patience, threshold
        self.cooldown, self.low, self.higher = cooldown, low, higher
        self.best, self.bad, self.cooling = nan, 0, 0

    def epoch_end(self, run: Run) -> None:
        """Judge the latest value of the series."""
        if self.series not in run.history:
            raise StateError(
                f"Plateau watches {self.series!r}; the history has {run.history.names()}. Name one "
                "of these, or give fit val_data."
            )
        self.see(run.history.last(self.series), run.optimizer)

    def see(self, value: float, optimizer: Any) -> None:
        """Judge one value, and lower the setting if it is time; for loops written by hand."""
        good = self._good(value)
        self.best = value if good else self.best
        self.bad = 0 if good or self.cooling else self.bad + 1
        self.cooling = max(0, self.cooling - 1)
        if self.bad > self.patience:
            self.bad, self.cooling = 0, self.cooldown
            for group in optimizer.groups:
                now = group[self.setting]
                group[self.setting] = min(now, max(self.low, self.factor * now))

    def _good(self, value: float) -> bool:
        """Better than the best by more than the threshold; the first number is."""
        if self.best != self.best:
            return value == value
        gain = value - self.best if self.higher else self.best - value
        return gain > self.threshold * abs(self.best)

    def state_dict(self) -> dict[str, float]:
        """The best value, the bad epochs in a row and the epochs of cooldown left."""
        return {"best": self.best, "bad": self.bad, "cooling": self.cooling}

    def load_state_dict(self, record: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; raises StateError if it does not fit."""
        try:
            best, bad, cooling = [record[name] for name in self.state_dict()]
            best, bad, cooling = float(best), index(bad), index(cooling)
        except (LookupError, TypeError, ValueError) as error:
            raise StateError(
                f"Plateau needs the entries {list(self.state_dict())}, all numbers, got {record!r}."
            ) from error
        self.best, self.bad, self.cooling = best, bad, cooling
