"""Using a model without training it: prediction and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..backend import array_module, as_array, device_of, is_array, on_its_device, to_device, to_host
from ..data import Dataset
from ..data.dataset import require_pair
from ..errors import DTypeError, MinnetError, ShapeError, ValueRangeError
from ..modes import Mode, mode, no_grad, notify
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
    x, y = rows_of(data, "evaluate")
    _check("evaluate", model, x, batch_size)
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


def rehearse(model: Module, loss_fn: Loss, val_data: Dataset | tuple, count: int) -> None:
    """Try model and loss on the first ``count`` rows, and those with the extreme labels.

    Raises what `evaluate` would at these rows, and says so; afterwards all is as before.
    """
    x, y = rows_of(val_data, "fit", "val_data")
    try:
        with _without_trace(model), on_its_device(x):
            rows = to_device(_telling(y, count), device_of(_array("fit", x)))
            scores = model(x[rows])
            loss_fn(scores, y[rows])
            _array("fit", scores)
    except MinnetError as error:
        told = "fit tried the model and the loss on val_data, before the first step"
        raise type(error)(f"{told}: {error}") from error
    except Exception as error:
        error.add_note("This happened with val_data, which fit tries before the first step.")
        raise


def _telling(y: Any, count: int) -> np.ndarray:
    """The first rows and, of labels, those where one out of range must be: the extreme ones."""
    y, first = _array("fit", y), np.arange(min(count, len(y)))
    if y.dtype.kind not in "iu" or y.size == 0:
        return first
    extremes = [int(y.argmin()), int(y.argmax())]
    return np.append(first, [k * len(y) // y.size for k in extremes])


@contextmanager
def _without_trace(model: Module) -> Iterator[None]:
    """Eval mode that no observer hears of; attributes and random generators are as before."""
    before = [(m, dict(vars(m))) for m in model.modules()]
    values = [value for _, attributes in before for value in attributes.values()]
    drawn = [(g, g.bit_generator.state) for g in values if isinstance(g, np.random.Generator)]
    token = mode.set(Mode(grad=False))
    try:
        model.eval()
        yield
    finally:
        mode.reset(token)
        for generator, state in drawn:
            generator.bit_generator.state = state
        for module, attributes in before:
            vars(module).clear()
            vars(module).update(attributes)


def rows_of(data: Any, who: str, what: str = "data") -> tuple[Any, Any]:
    """x and y of a pair, lists as arrays; raises ShapeError or DTypeError if they do not fit."""
    pair = require_pair(data, who, what=what)
    x, y = (a if isinstance(a, Tensor) else as_array(a) for a in pair)
    if x.ndim == 0 or y.ndim == 0 or len(x) == 0:
        raise ShapeError(
            f"{who} needs {what} of at least one example, with x and y in rows, got x of shape "
            f"{x.shape} and y of shape {y.shape}."
        )
    if len(x) != len(y):
        raise ShapeError(
            f"{who} needs {what} with one target per example, got {len(y)} for {len(x)}."
        )
    if x.dtype.kind not in "biuf" or y.dtype.kind not in "biuf":
        raise DTypeError(f"{who} needs numbers in {what}, got x {x.dtype} and y {y.dtype}.")
    return x, y


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
