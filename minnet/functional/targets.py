"""What a loss accepts as its target: class labels, class probabilities, or values like x.

Each check names the loss that asked.  Labels are checked where they are on the host; on a GPU,
which would stop if one looked, a wrong one makes the loss NaN (`minnet.debug()` looks there too).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, array_module, as_array, device_of
from ..errors import DeviceError, DTypeError, ShapeError, ValueRangeError
from ..modes import mode
from ..tensor import Tensor

__all__: list[str] = []


def raw(x: Any, like: Any = None) -> Array:
    """The array of a Tensor; numbers and lists become arrays of like's module."""
    return x.data if isinstance(x, Tensor) else as_array(x, raw(like) if like is not None else None)


def predictions(loss: str, x: Any, *, classes: bool) -> Array:
    """x as an array or Tensor of floats; with classes, its shape is (N, C, ...)."""
    if x is None:
        raise DTypeError(f"{loss} needs predictions, got None: does forward return its result?")
    x = x if isinstance(x, Tensor) else as_array(x)
    if x.dtype.kind != "f":
        raise DTypeError(
            f"{loss} needs floating-point predictions, got {x.dtype}: pass the model's outputs "
            "first, the targets second."
        )
    if classes and x.ndim < 2:
        raise ShapeError(
            f"{loss} needs scores of shape (N, C) or (N, C, d1, ...), got {x.shape}: "
            "for one example use x[None]."
        )
    return x


def rows(x: Array) -> Array:
    """(N, C, d1, ...) -> (N d1 ..., C): one row of scores per label."""
    if x.ndim == 2:
        return x
    return x.transpose(0, *range(2, x.ndim), 1).reshape(x.size // max(x.shape[1], 1), x.shape[1])


def values_like(loss: str, x: Array, target: Any) -> Array:
    """The target, of x's shape exactly; without gradients of its own it takes x's dtype."""
    if np.shape(target) != x.shape:
        same_size = np.size(target) == x.size
        raise ShapeError(
            f"{loss} needs predictions and target of one shape, got {x.shape} and "
            f"{np.shape(target)}: "
            + (f"use target.reshape{x.shape}." if same_size else "they are not broadcast.")
        )
    if isinstance(target, Tensor) and target.requires_grad:
        return target
    values = raw(target, x)
    if values.dtype.kind not in "biuf":
        raise DTypeError(f"{loss} needs real numbers as its target, got {values.dtype}.")
    return values.astype(x.dtype, copy=False)


def labels(loss: str, x: Array, target: Any, ignore_index: int | None = None) -> tuple:
    """Class labels for scores (N, C, d1, ...) as (t, keep), one entry per row of `rows(x)`.

    keep is None where every label counts, else a mask; ignored labels become class 0.
    """
    t = raw(target, x)
    _check_labels(loss, x, t)
    _require_together(loss, x, t)
    t, classes = t.ravel(), x.shape[1]
    if array_module(t) is not np and not mode.get().observers:
        return _trusted(t, classes, ignore_index, x.dtype)
    ignorable = ignore_index is not None and 0 <= ignore_index < classes
    if not ignorable and within(t, classes):
        return t, None
    keep = array_module(t).ones(t.shape, bool) if ignore_index is None else t != ignore_index
    if not within(t[keep], classes):
        position = int(((t < 0) | (t >= classes))[keep].argmax())
        raise ValueRangeError(
            f"{loss} needs labels 0 .. {classes - 1} for its {classes} classes, got "
            f"{int(t[keep][position])}: number the classes from 0, or give the model more outputs."
        )
    return t * keep, keep


def _trusted(t: Array, classes: int, ignore_index: int | None, dtype: Any) -> tuple[Array, Array]:
    """Labels on a GPU, which would stop if one looked: one out of range makes the loss NaN."""
    xp = array_module(t)
    keep = xp.where((t >= 0) & (t < classes), 1, float("nan")).astype(dtype)
    if ignore_index is not None:
        keep = xp.where(t == ignore_index, 0, keep)
    return xp.where(keep == 1, t, 0), keep


def _require_together(loss: str, x: Array, t: Array) -> None:
    places = device_of(raw(x)), device_of(t)
    if places[0] is not places[1] and places[0] != places[1]:
        raise DeviceError(
            f"{loss} needs scores and labels on one device, got {x.shape} on {places[0]} and "
            f"{t.shape} on {places[1]}: move the batches with loader.to('{places[0]}')."
        )


def within(t: Array, classes: int) -> bool:
    """0 <= t < classes everywhere, in one pass: as an unsigned number a negative one is huge."""
    unsigned = t.view(np.uint64) if t.dtype == np.int64 else t.astype(np.uint64)
    return t.size == 0 or bool(unsigned.max() < classes)


def _check_labels(loss: str, x: Array, t: Array) -> None:
    wanted = (x.shape[0], *x.shape[2:])
    if t.shape != wanted:
        advice = "count your examples and labels."
        if t.shape == x.shape:
            advice = "one-hot rows? Use y.argmax(1), or floats for probabilities."
        elif t.size == int(np.prod(wanted)):
            advice = "use y.ravel()." if len(wanted) == 1 else f"use y.reshape{wanted}."
        elif t.shape == x.shape[:-1]:
            advice = f"the classes are axis 1: use x.reshape(-1, {x.shape[-1]}) and y.ravel()."
        raise ShapeError(
            f"{loss} needs one label per example, shape {wanted} for scores {x.shape}, "
            f"got {t.shape}: {advice}"
        )
    if t.dtype.kind not in "iu":
        cast = "use y.astype(int)." if t.dtype.kind in "bf" else "number the classes from 0."
        raise DTypeError(f"{loss} needs integer labels, got {t.dtype}: {cast}")


def is_probabilities(x: Array, target: Any) -> bool:
    """True for floating-point targets with an axis for the classes."""
    target = target if isinstance(target, Tensor) else as_array(target)
    return target.dtype.kind == "f" and target.shape[1:2] == x.shape[1:2]


def probabilities(loss: str, x: Array, target: Any) -> Array:
    """Rows of class probabilities, one per row of `rows(x)`; negative ones and sums off 1 raise."""
    q = rows(values_like(loss, x, target))
    values = raw(q)
    if array_module(values) is np or mode.get().observers:
        sums = values.sum(axis=1, dtype=np.float64)
        if values.size and not (values.min() >= 0 and abs(sums - 1).max() <= 1e-2):
            raise ValueRangeError(
                f"{loss} needs target probabilities that are at least 0 and sum to 1 over the "
                f"classes, got a minimum of {values.min():.3g} and sums from {sums.min():.3g} to "
                f"{sums.max():.3g}: pass softmax(scores), or integer labels."
            )
    return q


def class_weights(loss: str, x: Array, weight: Any, *, what: str = "weight") -> Array | None:
    """Weights of the classes (C,), at least 0, in x's dtype; None stays None."""
    if weight is None:
        return None
    w = raw(weight, x).astype(x.dtype)
    if w.shape != (x.shape[1],):
        raise ShapeError(
            f"{loss} needs {what} of shape ({x.shape[1]},), one per class, got {w.shape}."
        )
    if not (w >= 0).all():
        raise ValueRangeError(f"{loss} needs {what} of at least 0, got {float(w.min())}.")
    return w


def denominator(loss: str, reduction: str, count: Any, *, also: tuple[str, ...] = ()) -> Any:
    """What the sum of all losses is divided by: count for a mean, 1 for a sum, None for none."""
    if reduction == "none":
        return None
    if reduction == "sum":
        return 1
    if reduction != "mean" and reduction not in also:
        names = ("mean", *also, "sum", "none")
        raise ValueRangeError(f"{loss} needs reduction to be one of {names}, got {reduction!r}.")
    if isinstance(count, int) and count == 0:
        raise ShapeError(f"{loss} cannot average over an empty batch: skip it, or use 'sum'.")
    if array_module(count) is np and not count > 0:
        raise ValueRangeError(
            f"{loss} cannot average: every label is ignored, or has a class weight of 0."
        )
    return count


def reduce_losses(losses: Array, over: Any) -> Array:
    """The losses themselves, or their sum divided by `over`."""
    return losses if over is None else losses.sum() / over
