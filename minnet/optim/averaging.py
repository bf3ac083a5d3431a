"""Averages of parameters along a training: often better than where the training ends.

    ema = EMA(model.parameters(), decay=0.999)
    ...                                                  # after every optimizer step:
    ema.update()
    with ema.applied():                                  # evaluate the averaged model
        evaluate(model, loss_fn, val_set)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..backend import to_device
from ..errors import GraphError, ShapeError, StateError
from ..modes import no_grad
from ..nn import Module
from ..tensor import Tensor
from .settings import fraction, make_groups
from .states import is_count, numbers, require_same_keys

__all__ = ["Average", "EMA", "Mean", "recompute_statistics"]

Array = Any


class Average(ABC):
    """Base of the averages; a subclass states its `mix`.   params: as for an optimizer.

    The averages are a second copy, in the dtype of each parameter; t counts the updates.
    """

    settings: dict[str, Any] = {}

    def __init__(self, params: Any):
        groups = make_groups(type(self), params, {})
        self.names = [name for group in groups for name in group.names]
        self.params: list[Tensor] = [p for group in groups for p in group["params"]]
        self.t = 0
        self.averages: list[Array] = [p._data.copy() for p in self.params]

    @abstractmethod
    def mix(self, a: Array, theta: Array, t: int) -> Array:
        """Return the next average.   a: the last one.   theta: the parameter.   t = 1, 2, ..."""

    def update(self) -> None:
        """Take in the parameters as they are now; call it after each optimizer step."""
        t = self.t + 1
        pairs = zip(self.averages, self.params, strict=True)
        self.averages = [self.mix(a, p._data, t).astype(p.dtype) for a, p in pairs]
        self.t = t

    def values(self) -> list[Array]:
        """The averaged parameters, in order; before any update, the parameters at the start."""
        return self.averages

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside this block the parameters have their averaged values; afterwards their own."""
        own = [p._data.copy() for p in self.params]
        try:
            self.copy_to()
            yield
        finally:
            for p, theta in zip(self.params, own, strict=True):
                p.data = theta

    def copy_to(self) -> None:
        """Give the parameters their averaged values for good."""
        for p, a in zip(self.params, self.values(), strict=True):
            p.data = a.copy()

    def state_dict(self) -> dict[str, Any]:
        """Return the number of updates and the averages by name."""
        pairs = zip(self.names, self.averages, strict=True)
        return {"t": self.t} | {f"average.{name}": a.copy() for name, a in pairs}

    def load_state_dict(self, record: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; raises StateError if it does not fit."""
        who = type(self).__name__
        require_same_keys(who, record, self.state_dict())
        found: list[Any] = [numbers(record[f"average.{name}"]) for name in self.names]
        needed, got = [[getattr(a, "shape", None) for a in x] for x in (self.params, found)]
        if needed != got or not is_count(record["t"]):
            raise StateError(
                f"{who} needs averages shaped like the parameters, {needed}, and a count t, got "
                f"{got} and t = {record['t']}."
            )
        pairs = zip(self.params, found, strict=True)
        self.averages = [to_device(a.astype(p.dtype), p.device) for p, a in pairs]
        self.t = int(record["t"])


class EMA(Average):
    """Exponential moving average  a <- d a + (1 - d) theta, of about the last 1/(1 - d) updates.

    decay: d.   a begins with the parameters at the start; with bias_correction=True with 0, and
    ``values`` are a / (1 - d^t), so that the start is forgotten (as in Adam, arXiv:1412.6980,
    section 3).   Polyak & Juditsky 1992; CS231n notes, "Model ensembles".

    >>> from minnet import tensor
    >>> x = tensor([0.0], requires_grad=True, dtype="float64")
    >>> plain, corrected = EMA([x], decay=0.9), EMA([x], decay=0.9, bias_correction=True)
    >>> x.data = [5.0]
    >>> for ema in (plain, corrected):
    ...     ema.update()
    ...     print(ema.values()[0].round(6))
    [0.5]
    [5.]
    """

    def __init__(self, params: Any, *, decay: float = 0.999, bias_correction: bool = False):
        super().__init__(params)
        setting = fraction(0.0)
        setting.name = "decay"
        self.decay, self.bias_correction = setting.checked("EMA", decay), bias_correction

    def mix(self, a: Array, theta: Array, t: int) -> Array:
        """d a + (1 - d) theta"""
        if self.bias_correction and t == 1:
            a = 0 * a
        return self.decay * a + (1 - self.decay) * theta

    def values(self) -> list[Array]:
        """The averaged parameters, in order."""
        if not (self.bias_correction and self.t):
            return self.averages
        return [a / (1 - self.decay**self.t) for a in self.averages]


class Mean(Average):
    """Plain mean of all updates,  a <- a + (theta - a) / t: stochastic weight averaging.

    Update it once per epoch (or cycle) of the last part of a training at a constant or cyclical
    rate, then `recompute_statistics`.   Izmailov et al. 2018, arXiv:1803.05407.

    >>> from minnet import tensor
    >>> x = tensor([0.0], requires_grad=True)
    >>> mean = Mean([x])
    >>> for value in (1.0, 2.0, 6.0):
    ...     x.data = [value]
    ...     mean.update()
    >>> mean.values()
    [array([3.])]
    """

    def mix(self, a: Array, theta: Array, t: int) -> Array:
        """a + (theta - a) / t"""
        return a + (theta - a) / t


def recompute_statistics(model: Module, batches: Iterable[Any]) -> None:
    """Set batch norm's running statistics to their mean over batches, for the weights of now.

    Averaged weights need it: their activations are not the average of the activations.
    batches: inputs x, or (x, y) pairs as a loader gives them; of equal size, for an exact mean.
    Runs the model in training mode without recording; its modes are restored.
    Raises ShapeError without a batch, GraphError for a model without such statistics; after an
    error the statistics are as before.   Izmailov et al. 2018, arXiv:1803.05407, section 3.2.

    >>> import numpy as np
    >>> from minnet import nn
    >>> norm = nn.BatchNorm1d(1)
    >>> recompute_statistics(norm, [np.array([[1.0], [3.0]]), np.array([[5.0], [7.0]])])
    >>> norm.running_mean, norm.running_var, norm.momentum
    (array([4.], dtype=float32), array([2.], dtype=float32), 0.1)
    """
    modules: list[Any] = list(model.modules())
    norms = [m for m in modules if getattr(m, "running_mean", None) is not None]
    if not norms:
        raise GraphError("recompute_statistics needs a batch norm with running statistics.")
    before = [(m, m.momentum, m.running_mean, m.running_var) for m in norms]
    modes = [(m, m.training) for m in modules]
    try:
        _accumulate(model, norms, batches)
    except BaseException:
        for m, _, mean, var in before:
            m.running_mean, m.running_var = mean, var
        raise
    finally:
        for m, momentum, *_ in before:
            m.momentum = momentum
        for m, training in modes:
            m.training = training


def _accumulate(model: Module, norms: list[Any], batches: Iterable[Any]) -> None:
    """running <- running + (batch - running) / k, which a momentum of 1/k does."""
    k = 0
    with no_grad():
        model.train()
        for k, batch in enumerate(batches, start=1):
            for m in norms:
                m.momentum = 1 / k
            model(batch[0] if isinstance(batch, tuple) else batch)
    if not k:
        raise ShapeError("recompute_statistics needs at least one batch, got none.")
