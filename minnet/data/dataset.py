"""A pair of arrays that belong together: examples x and targets y."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import Device, array_module, as_array, as_generator, to_device, to_host
from ..errors import DTypeError, ShapeError, ValueRangeError

__all__ = ["Dataset", "check_finite", "check_labels", "require_pair"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples x and their targets y, row by row.

    x: (N, ...) array.   y: (N, ...) array.
    classes: number of labels if y holds labels 0 .. classes-1, else None.
    ``len(d)`` is N and ``x, y = d`` unpacks. A slice, mask or index array gives a Dataset (a slice:
    views, no copy), an integer one pair (x[i], y[i]).
    Raises ShapeError if x and y differ in length.

    >>> d = Dataset([[1.0], [2.0], [3.0]], [0, 1, 0], classes=2)
    >>> x, y = d[1:]
    >>> x.tolist(), y.tolist()
    ([[2.0], [3.0]], [1, 0])
    """

    x: np.ndarray
    y: np.ndarray
    classes: int | None = None

    def __post_init__(self) -> None:
        x, y = as_array(self.x), as_array(self.y)
        if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
            raise ShapeError(
                f"Dataset needs x and y with one row per example, got x of shape {x.shape} "
                f"and y of shape {y.shape}. Give both the same first axis."
            )
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    def __len__(self) -> int:
        return len(self.x)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.x, self.y))

    def __getitem__(self, rows: Any) -> Any:
        x, y = self.x[rows], self.y[rows]
        return (x, y) if isinstance(rows, int | np.integer) else Dataset(x, y, self.classes)

    def __repr__(self) -> str:
        labels = "" if self.classes is None else f", {self.classes} classes"
        return (
            f"Dataset({len(self)} examples: x {self.x.dtype} {self.x.shape}, "
            f"y {self.y.dtype} {self.y.shape}{labels})"
        )

    def map(self, f: Callable[[np.ndarray], np.ndarray]) -> Dataset:
        """Return the dataset (f(x), y): a fixed preprocessing of all examples at once.

        >>> Dataset([[1.0], [2.0]], [0, 1]).map(lambda x: 10 * x).x.tolist()
        [[10.0], [20.0]]
        """
        return Dataset(f(self.x), self.y, self.classes)

    def to(self, device: str | Device) -> Dataset:
        """Return the dataset with x and y on a device, to be moved once and used often.

        Labels are checked here, on the host, if the number of classes is known.
        """
        if self.classes is not None:
            check_labels(self.y, self.classes, "Dataset")
        return Dataset(to_device(self.x, device), to_device(self.y, device), self.classes)

    def split(
        self,
        fraction: float,
        *,
        stratify: bool = False,
        rng: np.random.Generator | int | None = None,
    ) -> tuple[Dataset, Dataset]:
        """Draw a random part without replacement: (the given fraction of the rows, the rest).

        fraction: share of the FIRST part, 0 < fraction < 1, rounded to whole examples.
        stratify: keep that share within every label (y must be integers of shape (N,)).
        Both parts keep the order of the data. Raises ValueRangeError if a part would be empty.

        >>> train, val = Dataset(np.zeros((10, 2)), np.arange(10) % 2).split(0.8, rng=0)
        >>> len(train), len(val)
        (8, 2)
        """
        if not 0 < fraction < 1:
            raise ValueRangeError(
                f"Dataset.split needs 0 < fraction < 1, got {fraction}: "
                "it is the share of the first part, 0.8 gives 80 % and 20 %."
            )
        rng = as_generator(rng)
        first = np.zeros(len(self), dtype=bool)
        for rows in _strata(self.y) if stratify else [np.arange(len(self))]:
            first[rng.permutation(rows)[: round(fraction * len(rows))]] = True
        if first.all() or not first.any():
            raise ValueRangeError(
                f"Dataset.split({fraction}) of {len(self)} examples would leave one part empty: "
                "give more examples or a fraction nearer to 0.5."
            )
        return self[first], self[~first]


def _strata(y: np.ndarray) -> list[np.ndarray]:
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise DTypeError(
            f"Dataset.split(stratify=True) needs integer labels y of shape (N,), got {y.dtype} "
            f"{y.shape}: leave stratify out for other targets."
        )
    return [np.flatnonzero(y == label) for label in np.unique(y)]


def check_labels(y: np.ndarray, classes: int, owner: str) -> None:
    """Raise DTypeError unless y holds integers, ValueRangeError unless all are 0 .. classes-1.

    >>> check_labels(np.array([0, 2]), 2, "Loader")
    Traceback (most recent call last):
        ...
    minnet.errors.ValueRangeError: Loader needs labels 0 .. 1 (classes=2), got 2 at row 1.
    """
    if y.dtype.kind not in "iu":
        raise DTypeError(
            f"{owner} needs integer labels for classes={classes}, got {y.dtype}: "
            "convert with y.astype(int), or leave classes out for other targets."
        )
    y = to_host(y)
    wrong = (y < 0) | (y >= classes)
    if wrong.any():
        row = int(wrong.reshape(len(y), -1).any(axis=1).argmax())
        raise ValueRangeError(
            f"{owner} needs labels 0 .. {classes - 1} (classes={classes}), "
            f"got {y[wrong][0]} at row {row}."
        )


def check_finite(a: np.ndarray, name: str, owner: str) -> None:
    """Raise DTypeError unless a holds numbers, ValueRangeError if one of them is NaN or infinite.

    >>> check_finite(np.array([1.0, np.nan]), "x", "Loader")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    minnet.errors.ValueRangeError: Loader needs finite numbers in x, got nan at row 1 ...
    """
    if a.dtype.kind not in "biuf":
        raise DTypeError(f"{owner} needs numbers in {name}, got dtype {a.dtype}.")
    if a.dtype.kind != "f":
        return
    xp = array_module(a)
    # One sum shows any NaN or Inf without a boolean array of a's size.
    with np.errstate(invalid="ignore", over="ignore"):
        if xp.isfinite(a.sum(dtype=np.float64)):
            return
    wrong = ~xp.isfinite(a)
    bad = wrong.reshape(len(a), -1).any(axis=1)
    if bad.any():
        raise ValueRangeError(
            f"{owner} needs finite numbers in {name}, got {to_host(a[wrong])[0]} at row "
            f"{int(bad.argmax())} ({int(bad.sum())} of {len(a)} rows are affected): "
            "drop or repair these rows."
        )


def require_pair(data: Any, owner: str, *, what: str = "data") -> tuple[Any, Any]:
    """(x, y) of a Dataset or a pair; raise DTypeError for anything else.

    >>> x, y = require_pair(([[1.0]], [0]), "evaluate")
    """
    if isinstance(data, Dataset):
        return data.x, data.y
    if not isinstance(data, tuple | list) or len(data) != 2:
        hint = "loader.dataset" if hasattr(data, "dataset") else "(x, y)"
        raise DTypeError(
            f"{owner} needs {what} as a Dataset or a pair (x, y), got {type(data).__name__}: "
            f"pass {hint}."
        )
    return data[0], data[1]
