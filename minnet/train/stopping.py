"""Ending a run when a measured series has stopped improving."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import StateError
from ..nn import Module
from .plateau import Watching

if TYPE_CHECKING:
    from .fit import Run

__all__ = ["EarlyStopping"]


def _arrays(kept: Any) -> dict[str, np.ndarray]:
    """Copies of arrays of numbers by name; raises TypeError for anything else."""
    found = {str(name): np.array(a) for name, a in dict(kept).items()}
    if any(a.dtype.kind not in "biuf" for a in found.values()):
        raise TypeError("parameters are arrays of numbers")
    return found


class EarlyStopping(Watching):
    """End `fit` when ``series`` has not improved for ``patience`` epochs; go back to the best.

    With E(t) the value after epoch t, the best so far is  E_opt(t) = min E(t'), t' <= t, reached
    after epoch t_opt;  the run ends at the first t with  t - t_opt = patience.  With patience 2:

        epoch   value   bad in a row
            1     1.0              0
            2     0.8              0     t_opt
            3     0.9              1
            4     NaN              2     ends, with the parameters of epoch 2

    series: a name in the history.   patience: epochs, 1 or more (`Plateau` forgives as many, and
    acts on the next).   threshold: how much of the best a value must gain to be better.
    higher: larger values are better.   NaN and infinite values are bad.
    restore: however `fit` ends, also by an error, the model is given the parameters and buffers of
    the best epoch; the optimizer keeps its state.   With a new history it forgets what an earlier
    run kept.   To resume, put it into the checkpoint, ``save(path, stopping=stopping, ...)``; else
    it counts from the epochs that it sees.
    The best of many values flatters: measure the model on data that had no part in stopping.
    Source: Prechelt 1998, "Early Stopping - But When?", LNCS 1524 (E_opt; other criteria).
    Raises ValueRangeError for a patience or threshold out of range, StateError if the series is
    missing or what it keeps belongs to another model.

    >>> from minnet import data, functional as F, nn, optim, train
    >>> train_set, val_set = data.blobs(20, classes=3, rng=0).split(0.8, rng=0)
    >>> model = nn.Linear(2, 3, rng=0)
    >>> stopping = EarlyStopping(patience=2)
    >>> history = train.fit(model, F.cross_entropy, optim.SGD(model.parameters(), lr=20.0),
    ...                     data.Loader(train_set, rng=0), epochs=100, val_data=val_set,
    ...                     monitors=[stopping], progress=False)
    >>> history.epochs < 100, stopping.best == min(history["val_loss"].tolist())
    (True, True)
    >>> train.evaluate(model, F.cross_entropy, val_set)["loss"] == stopping.best
    True
    """

    least_patience = 1
    entries = {**Watching.entries, "kept": _arrays}
    kept: dict[str, np.ndarray]  # parameters and buffers of the best epoch

    def __init__(
        self,
        series: str = "val_loss",
        *,
        patience: int = 5,
        threshold: float = 0.0,
        higher: bool = False,
        restore: bool = True,
    ):
        super().__init__(series, patience, threshold, higher)
        self.restore, self.kept = restore, {}

    def start(self, run: Run) -> None:
        """Begin anew with a new history; after an earlier stop, count anew."""
        if run.t == 0:
            self.best, self.bad, self.kept = nan, 0, {}
        self.bad = self.bad if self.bad < self.patience else 0
        if self.kept and _shapes(self.kept) != _shapes(run.model.state_dict()):
            raise StateError(
                "EarlyStopping keeps the parameters of another model: make one for each model."
            )

    def epoch_end(self, run: Run) -> None:
        """Judge the latest value of the series, and end the run if it is time."""
        if self.see(self.latest(run), run.model):
            run.stop(self._reason(run.history.epochs - self.bad))

    def see(self, value: float, model: Module) -> bool:
        """Judge one value; True when it is time to stop.  For loops written by hand."""
        if self.judge(value) and self.restore:
            self.kept = model.state_dict()
        return self.bad >= self.patience

    def put_back(self, model: Module) -> None:
        """Give the model the parameters and buffers of the best epoch, if there is one."""
        if self.kept:
            model.load_state_dict(self.kept)

    def end(self, run: Run) -> None:
        """Put the best parameters back."""
        self.put_back(run.model)

    def _reason(self, epoch: int) -> str:
        parts = [f"{self.series} has not improved for {self.bad} epoch{'s' * (self.bad > 1)}"]
        if self.best == self.best:
            parts.append(f"the best was {self.best:.4g}, after epoch {epoch}")
        if self.kept:
            parts.append("its parameters are put back")
        return "; ".join(parts)


def _shapes(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {name: a.shape for name, a in arrays.items()}
