"""Mini-batches: the loader owns the order of an epoch, the position in it and the randomness."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from ..backend import Device, as_generator, device_of, gpu, on_its_device, to_device
from ..errors import DTypeError, ShapeError, StateError, ValueRangeError
from .dataset import Dataset, check_finite, check_labels, require_pair

__all__ = ["Loader"]

Transform = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class Loader:
    """Iterate over mini-batches (x, y) of raw arrays; one ``for`` loop is one epoch.

    Each epoch is a permutation: every example is delivered exactly once (with drop_last, the
    len(data) mod batch_size examples at its end are left out). Iterating again is the next epoch;
    leaving a loop early and iterating again also starts a new one. Only after ``load_state_dict``
    does iteration go on in the middle of an epoch, bit for bit.

    data: a Dataset or a pair (x, y) of arrays with one row per example.
    batch_size: examples per batch; the last batch may be shorter unless drop_last.
    shuffle: draw a new order for each epoch. Without it batches are read-only views of the data.
    classes: number of labels; y is then checked to hold integers 0 .. classes-1. Default: the
        Dataset's own number.
    transform: called as transform(x, rng) on each batch, for augmentation; must return as many
        rows and leave x itself alone.
    rng: Generator, seed, or None for fresh entropy.
    Raises ShapeError for an empty set or unequal lengths, ValueRangeError for batch_size < 1, NaN,
    or labels out of range, DTypeError for what are not numbers.

    >>> loader = Loader((np.arange(5.0), np.arange(5)), batch_size=2, shuffle=False)
    >>> [x.tolist() for x, y in loader], len(loader)
    ([[0.0, 1.0], [2.0, 3.0], [4.0]], 3)
    """

    def __init__(
        self,
        data: Dataset | tuple[np.ndarray, np.ndarray],
        *,
        batch_size: int = 64,
        shuffle: bool = True,
        drop_last: bool = False,
        classes: int | None = None,
        transform: Transform | None = None,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self.dataset = data if isinstance(data, Dataset) else Dataset(*require_pair(data, "Loader"))
        self.batch_size = _whole_number(batch_size)
        self.shuffle, self.drop_last = bool(shuffle), bool(drop_last)
        self.transform = transform
        self.rng = as_generator(rng)
        self._validate(self.dataset.classes if classes is None else classes)
        self.epoch = 0                      # epochs finished
        self.position = 0                   # batches delivered in the current epoch
        self._order = _NO_ORDER             # the current epoch's permutation
        self._resumed = False
        self.device: Device | None = None   # where batches are delivered; None: where the data are

    def _validate(self, classes: int | None) -> None:
        x, y = self.dataset
        if len(self) == 0:
            raise ShapeError(
                f"Loader needs at least one {'full batch' if len(x) else 'example'}, got x of "
                f"shape {x.shape}, batch_size={self.batch_size}, drop_last={self.drop_last}."
            )
        with on_its_device(x):
            check_finite(x, "x", "Loader")
            check_finite(y, "y", "Loader")
        if classes is not None:
            check_labels(y, classes, "Loader")

    def to(self, device: str | Device) -> Self:
        """Deliver batches on a device from now on; they are moved one by one, after `transform`.

        Data that fit on the device are better moved once, ``Loader(dataset.to(device))``; then
        `transform` works there.   Raises DeviceError for a device that cannot be used.
        """
        device = Device.parse(device)
        if device.kind != "cpu":
            gpu(device.index)
        self.device = device
        return self

    def __len__(self) -> int:
        """Batches per epoch: M // b with drop_last, else M / b rounded up."""
        M, b = len(self.dataset), self.batch_size
        return M // b if self.drop_last else -(-M // b)

    def __repr__(self) -> str:
        return (
            f"Loader({len(self.dataset)} examples, batch_size={self.batch_size}, "
            f"shuffle={self.shuffle}, drop_last={self.drop_last}: {len(self)} batches)"
        )

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if not self._resumed:
            self.position = 0
            self._order = self.rng.permutation(len(self.dataset)) if self.shuffle else _NO_ORDER
        self._resumed = False
        order = to_device(self._order, device_of(self.dataset.x))
        for k in range(self.position, len(self)):
            batch = self._batch(order, k)
            self.position = k + 1           # before the yield: a checkpoint in the loop counts it
            yield batch
        self.epoch, self.position, self._order = self.epoch + 1, 0, _NO_ORDER

    def _batch(self, order: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(k * self.batch_size, (k + 1) * self.batch_size)
        take = (lambda a: a.take(order[rows], axis=0)) if self.shuffle else _read_only(rows)
        with on_its_device(self.dataset.x):
            x, y = map(take, self.dataset)
            x = x if self.transform is None else self._transformed(x)
        return (x, y) if self.device is None else self._moved(x, y)

    def _moved(self, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
        return to_device(x, self.device), to_device(y, self.device)  # type: ignore[arg-type]

    def _transformed(self, x: np.ndarray) -> np.ndarray:
        rows, x = len(x), self.transform(x, self.rng)  # type: ignore[misc]
        if np.ndim(x) == 0 or len(x) != rows:
            raise ShapeError(
                f"Loader's transform must return {rows} rows, one per example of the batch, "
                f"got shape {np.shape(x)}."
            )
        return x

    def state_dict(self) -> dict[str, Any]:
        """Return position, order and rng as plain numbers, dicts and one array: enough to resume.

        >>> loader = Loader((np.arange(6.0), np.arange(6)), batch_size=2, rng=0)
        >>> first = next(iter(loader))
        >>> twin = Loader((np.arange(6.0), np.arange(6)), batch_size=2, rng=1)
        >>> twin.load_state_dict(loader.state_dict())
        >>> len(list(twin)), len(list(twin))          # the rest of this epoch, then a whole one
        (2, 3)
        """
        return {
            **self._settings(),
            "epoch": self.epoch,
            "position": self.position,
            "order": self._order.copy(),
            "rng": self.rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where state_dict() was taken; raise StateError and change nothing if it
        belongs to other data or settings."""
        try:
            order = self._check_state(state)
        except StateError:
            raise
        except Exception as error:          # a list for a number, None for a dict, ...
            raise StateError(f"Loader cannot read this state: {error}.") from error
        self.rng.bit_generator.state = state["rng"]
        self.epoch, self.position, self._order = state["epoch"], state["position"], order
        self._resumed = self.position > 0

    def _settings(self) -> dict[str, Any]:
        return {
            "examples": len(self.dataset),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
        }

    def _check_state(self, state: dict[str, Any]) -> np.ndarray:
        keys = self.state_dict().keys()
        if state.keys() != keys:
            raise StateError(f"Loader needs a state with keys {list(keys)}, got {list(state)}.")
        for name, value in self._settings().items():
            if state[name] != value:
                raise StateError(
                    f"Loader has {name}={value}, the state was saved with {name}={state[name]}: "
                    "build the loader as it was."
                )
        if not 0 <= operator.index(state["position"]) <= len(self) or state["epoch"] < 0:
            raise StateError(
                f"Loader needs a position of 0 .. {len(self)} batches and an epoch of at least 0, "
                f"got position {state['position']} and epoch {state['epoch']}."
            )
        self._check_rng(state["rng"])
        return self._check_order(np.asarray(state["order"], dtype=np.int64), state["position"])

    def _check_order(self, order: np.ndarray, position: int) -> np.ndarray:
        expected = len(self.dataset) if self.shuffle and position else 0
        if position == 0:
            return _NO_ORDER                # between epochs: the next order will be drawn
        if not np.array_equal(np.sort(order), np.arange(expected)):
            raise StateError(
                f"Loader needs an order that permutes {expected} rows, got another: "
                "the state is damaged."
            )
        return order.copy()

    def _check_rng(self, rng_state: dict[str, Any]) -> None:
        try:
            type(self.rng.bit_generator)().state = rng_state
        except (ValueError, TypeError, KeyError) as error:
            kind = type(self.rng.bit_generator).__name__
            raise StateError(f"Loader needs the state of a {kind} generator: {error}.") from error


_NO_ORDER = np.empty(0, dtype=np.int64)


def _read_only(rows: slice) -> Callable[[np.ndarray], np.ndarray]:
    """Views that cannot be written through: an in-place edit of a batch must not reach the data."""

    def take(a: np.ndarray) -> np.ndarray:
        view = a[rows]
        if isinstance(view, np.ndarray):
            view.flags.writeable = False
        return view

    return take


def _whole_number(batch_size: int) -> int:
    try:
        b = operator.index(batch_size)
    except TypeError:
        raise DTypeError(
            f"Loader needs an integer batch_size, got {batch_size!r} ({type(batch_size).__name__})."
        ) from None
    if b < 1:
        raise ValueRangeError(f"Loader needs batch_size of at least 1, got {b}.")
    return b
