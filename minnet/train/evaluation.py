"""Using a model without training it: prediction and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..backend import array_module, as_array, is_array, on_its_device, to_host
from ..data import Dataset
from ..data.dataset import require_pair
from ..errors import DTypeError, ShapeError, ValueRangeError
from ..modes import no_grad, notify
from ..nn import Module
from ..tensor import Tensor
from .metrics import accuracy

__all__ = ["evaluate", "evaluating", "predict"]

Loss = Callable[[Any, Any], Tensor]
Metrics = Mapping[str, Callable[[Any, Any], float]]


def default_metrics(y: Any) -> Metrics:
    """Accuracy for integer labels, nothing else."""
    return {"accuracy": accuracy} if y.dtype.kind in "iu" else {}


@contextmanager
def keeping_modes(model: Module) -> Iterator[None]:
    """Afterwards every part of the model is in the mode, training or eval, that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Eval mode without recording; afterwards every part of the model is in the mode it was in.

    >>> from minnet.nn import Dropout
    >>> layer = Dropout(0.5)
    >>> with evaluating(layer):
    ...     layer.training
    False
    >>> layer.training
    True
    """
    with keeping_modes(model), no_grad():
        model.eval()
        yield


def predict(model: Module, x: Any, *, batch_size: int = 256) -> np.ndarray:
    """The model's output for every row of x, in eval mode, without recording; a NumPy array.

    batch_size: rows at a time.   Raises ShapeError for no rows, ValueRangeError for no batch.

    >>> from minnet.nn import Linear
    >>> predict(Linear(3, 2, rng=0), np.ones((5, 3), "float32")).shape
    (5, 2)
    """
    _check("predict", model, x, batch_size)
    with evaluating(model):
        parts = [model(x[i : i + batch_size]) for i in range(0, len(x), batch_size)]
    return np.concatenate([to_host(_array("predict", part)) for part in parts])


def evaluate(
    model: Module,
    loss_fn: Loss,
    data: Dataset | tuple,
    *,
    metrics: Metrics | None = None,
    batch_size: int = 256,
) -> dict[str, float]:
    """{"loss": mean loss over the examples, metric: value over all of them}, in eval mode.

    data: (x, y).   metrics: {name: f(scores, y)}; default accuracy, if y are labels.
    The loss must be a mean over its batch; batches of unequal size are weighted by their size.

    >>> from minnet.functional import cross_entropy
    >>> from minnet.nn import Identity
    >>> scores = evaluate(Identity(), cross_entropy, (np.zeros((4, 10)), np.arange(4)))
    >>> round(scores["loss"], 4), scores["accuracy"]
    (2.3026, 0.25)
    """
    x, y = map(_rows, require_pair(data, "evaluate"))
    _check("evaluate", model, x, batch_size)
    if len(x) != len(y):
        raise ShapeError(f"evaluate needs one target per example, got {len(y)} for {len(x)}.")
    metrics = default_metrics(y) if metrics is None else metrics
    notify("on_evaluate", model)
    total: Any = 0.0  # becomes an array of one number on a GPU, read once
    parts = []
    with evaluating(model), on_its_device(x):
        for i in range(0, len(x), batch_size):
            scores = model(x[i : i + batch_size])
            part = y[i : i + batch_size]
            total = total + _number(loss_fn(scores, part)) * len(part)
            parts.append(_array("evaluate", scores))
        scores = array_module(*parts).concatenate(parts)
        found = {"loss": total / len(x)} | {name: f(scores, y) for name, f in metrics.items()}
    return {name: float(value) for name, value in found.items()}


def _rows(a: Any) -> Any:
    """A Tensor or an array as it is, a list as an array."""
    return a if isinstance(a, Tensor) else as_array(a)


def _number(loss: Any) -> Any:
    """A Python number; on a GPU an array, because reading it would stop the device."""
    loss = loss.data if isinstance(loss, Tensor) else loss
    return float(loss) if array_module(loss) is np else loss.astype("float64")


def _array(who: str, scores: Any) -> Any:
    """What the model returned, as an array."""
    scores = scores.data if isinstance(scores, Tensor) else scores
    if not is_array(scores):
        raise DTypeError(
            f"{who} needs a model that returns one array, got {type(scores).__name__}: wrap it in "
            "a Module whose forward returns the scores alone."
        )
    return scores


def _check(who: str, model: Any, x: Any, batch_size: int) -> None:
    if not isinstance(model, Module):
        raise DTypeError(f"{who} needs a Module, got {type(model).__name__}.")
    if len(x) == 0:
        raise ShapeError(f"{who} needs at least one example, got x of shape {np.shape(x)}.")
    if batch_size < 1:
        raise ValueRangeError(f"{who} needs a batch_size of at least 1, got {batch_size}.")
