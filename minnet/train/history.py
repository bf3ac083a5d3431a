"""What happened during training: named series of numbers against epochs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..backend import array_module, is_array, on_its_device, to_host
from ..data.files import replacing
from ..errors import StateError

__all__ = ["History"]


class History:
    """Named series, each a list of (x, value) with x in epochs.

    ``history["loss"]`` is the array of values, ``history.x("loss")`` where they were measured.
    ``steps`` counts optimizer steps, ``epochs`` completed passes over the data.
    A value may be an array of one number on a GPU: it waits there until somebody looks.

    >>> h = History()
    >>> h.record("loss", 2.3, x=0.5)
    >>> h["loss"], h.x("loss")
    (array([2.3]), array([0.5]))
    """

    def __init__(self) -> None:
        self.steps = 0
        self.epochs = 0
        self._series: dict[str, tuple[list[float], list[float]]] = {}
        self._waiting: list[tuple[list, int]] = []  # values that are still on a device

    def record(self, name: str, value: Any, *, x: float) -> None:
        """Append one value, measured after x epochs."""
        xs, values = self._series.setdefault(name, ([], []))
        xs.append(float(x))
        values.append(value)
        if is_array(value) and array_module(value) is not np:
            self._waiting.append((values, len(values) - 1))

    def extend(self, name: str, values: Iterable[float], *, x: Iterable[float]) -> None:
        """Append many numbers at once, each measured after its x epochs."""
        xs, known = self._series.setdefault(name, ([], []))
        xs.extend(x)
        known.extend(values)

    @property
    def waiting(self) -> bool:
        """True while values are on a device, so that looking at them would stop it."""
        return bool(self._waiting)

    def read(self) -> None:
        """Bring the values that wait on a device to the host, all at once."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        with on_its_device(waiting[0][0][waiting[0][1]]):
            numbers = [values[k].astype("float64") for values, k in waiting]
            together = to_host(array_module(*numbers).stack(numbers)).tolist()
        for (values, k), number in zip(waiting, together, strict=True):
            values[k] = number

    def names(self) -> list[str]:
        """The series, in the order in which they began."""
        return list(self._series)

    def x(self, name: str) -> np.ndarray:
        """Where a series was measured, in epochs."""
        return np.array(self._get(name)[0])

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array([float(value) for value in self._get(name)[1]])

    def __contains__(self, name: str) -> bool:
        return name in self._series

    def last(self, name: str) -> float:
        """The latest value of a series."""
        return float(self._get(name)[1][-1])

    def since(self, name: str, count: int) -> list[float]:
        """The values of a series after its first ``count``; none if it has not begun.

        >>> h = History()
        >>> h.extend("loss", [3.0, 2.0, 1.0], x=[1, 2, 3])
        >>> h.since("loss", 1), h.since("accuracy", 0)
        ([2.0, 1.0], [])
        """
        values = self._get(name)[1][count:] if name in self else []
        return [float(value) for value in values]

    def _get(self, name: str) -> tuple[list[float], list[float]]:
        self.read()
        if name not in self._series:
            raise StateError(f"History has no series {name!r}; it has {self.names()}.")
        return self._series[name]

    def to_dict(self) -> dict[str, dict[str, list[float]]]:
        """{name: {"epoch": [...], "value": [...]}} of plain numbers."""
        return {
            name: {"epoch": self.x(name).tolist(), "value": self[name].tolist()}
            for name in self._series
        }

    def to_csv(self, path: str | Path) -> None:
        """Write rows  series,epoch,value  (one file for all series; numbers in full precision)."""
        table = io.StringIO(newline="")
        rows = csv.writer(table)
        rows.writerow(["series", "epoch", "value"])
        for name in self._series:
            xs, values = self.x(name).tolist(), self[name].tolist()
            rows.writerows((name, x, value) for x, value in zip(xs, values, strict=True))
        with replacing(path) as file:
            file.write(table.getvalue().encode())

    def state_dict(self) -> dict[str, Any]:
        """Everything, as numbers and arrays."""
        series = {name: {"x": self.x(name), "y": self[name]} for name in self._series}
        return {"steps": self.steps, "epochs": self.epochs, "series": series}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state_dict` returned."""
        if set(state) != {"steps", "epochs", "series"}:
            raise StateError(f"History needs steps, epochs and series, got {sorted(state)}.")
        series = {n: (list(s["x"]), list(s["y"])) for n, s in state["series"].items()}
        self._waiting = []
        self.steps, self.epochs, self._series = int(state["steps"]), int(state["epochs"]), series

    def plot(self, **settings: Any) -> Any:
        """Draw the series against epochs; see `minnet.plot.history`."""
        from .. import plot

        return plot.history(self, **settings)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {self.last(name):.4g}" for name in self._series)
        return f"History({self.epochs} epochs, {self.steps} steps: {last})"
