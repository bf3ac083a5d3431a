"""Watching a measured series, and lowering a setting when it stops improving."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite, nan
from operator import index
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import StateError, ValueRangeError
from .monitors import Monitor

if TYPE_CHECKING:
    from .fit import Run

__all__ = ["Plateau", "Watching"]


class Watching(Monitor):
    """A monitor that judges a series after each epoch: ``best`` so far, and ``bad`` values since.

    A value is good if it beats the best so far by more than ``threshold`` of it, and bad otherwise;
    NaN and infinite values are bad.   higher: larger values are better.
    Raises ValueRangeError for a patience or threshold below the least, StateError if the series is
    missing when it is needed.
    """

    least_patience: ClassVar[int] = 0
    entries: ClassVar[dict[str, Callable[[Any], Any]]] = {"best": float, "bad": index}  # its state

    def __init__(self, series: str, patience: int, threshold: float, higher: bool):
        who, least = type(self).__name__, self.least_patience
        try:
            fits = index(patience) >= least and 0 <= threshold < inf
        except TypeError:
            fits = False
        if not fits:
            raise ValueRangeError(
                f"{who} needs patience, a whole number of at least {least}, and a threshold of at "
                f"least 0, got {patience!r} and {threshold!r}."
            )
        self.series, self.patience = series, patience
        self.threshold, self.higher = threshold, higher
        self.best, self.bad = nan, 0

    def latest(self, run: Run) -> float:
        """The latest value of the series."""
        if self.series not in run.history:
            raise StateError(
                f"{type(self).__name__} watches {self.series!r}; the history has "
                f"{run.history.names()}. Name one of these, or give fit val_data."
            )
        return run.history.last(self.series)

    def judge(self, value: float, *, forgiven: bool = False) -> bool:
        """Whether the value is good; a bad one counts unless it is forgiven."""
        good = self._good(value)
        self.best = float(value) if good else self.best
        self.bad = 0 if good or forgiven else self.bad + 1
        return good

    def _good(self, value: float) -> bool:
        """Better than the best by more than the threshold; the first number is."""
        if not isfinite(value) or self.best != self.best:
            return isfinite(value)
        gain = value - self.best if self.higher else self.best - value
        return gain > self.threshold * abs(self.best)

    def state_dict(self) -> dict[str, Any]:
        """The best value, the bad epochs in a row, and what else a class counts."""
        return {name: getattr(self, name) for name in self.entries}

    def load_state_dict(self, record: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; raises StateError if it does not fit."""
        try:
            found = {name: read(record[name]) for name, read in self.entries.items()}
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise StateError(
                f"{type(self).__name__} needs the entries {list(self.entries)}, all numbers, got "
                f"{shortened(record)}."
            ) from error
        vars(self).update(found)


class Plateau(Watching):
    """Multiply a setting by ``factor`` when ``series`` has not improved for too long.

    A value is good if it beats the best so far by more than ``threshold`` of it, and bad
    otherwise; NaN and infinite values are bad.  ``patience`` bad epochs in a row are forgiven, the
    next one acts.  With factor 0.5 and patience 2:

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

    entries = {**Watching.entries, "cooling": index}

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
        super().__init__(series, patience, threshold, higher)
        if not (0 <= factor < 1 and cooldown >= 0 and 0 <= low < inf):
            raise ValueRangeError(
                "Plateau needs factor in [0, 1), cooldown and low of at least 0, got "
                f"{factor}, {cooldown} and {low}."
            )
        self.setting, self.factor, self.cooldown, self.low = setting, factor, cooldown, low
        self.cooling = 0

    def epoch_end(self, run: Run) -> None:
        """Judge the latest value of the series."""
        self.see(self.latest(run), run.optimizer)

    def see(self, value: float, optimizer: Any) -> None:
        """Judge one value, and lower the setting if it is time; for loops written by hand."""
        self.judge(value, forgiven=self.cooling > 0)
        self.cooling = max(0, self.cooling - 1)
        if self.bad > self.patience:
            self.bad, self.cooling = 0, self.cooldown
            for group in optimizer.groups:
                now = group[self.setting]
                group[self.setting] = min(now, max(self.low, self.factor * now))
