"""Measurements that wait until somebody reads them, so that training does not wait for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .calls import Rows
from .measure import about_batch, about_units, about_weights
from .record import Record, Sample

__all__ = ["DENSE", "Waiting", "next_due"]

DENSE = 5  # the first steps are all sampled, and measured at once: much goes wrong there
MANY = 4_000_000  # numbers that may wait to be measured
KEEP = 512  # examples that are kept
GOLDEN = 0.618  # moves the samples about, so that they do not meet the same batch in every epoch


def next_due(t: int, every: int) -> int:
    """The first step from t on that is sampled: one in each ``every`` steps, and the first five.

    >>> [t for t in range(30) if next_due(t, 10) == t]
    [0, 1, 2, 3, 4, 16, 22]
    """
    k = t // every
    here, after = (n * every + int(every * (n * GOLDEN % 1)) for n in (k, k + 1))
    return t if t < DENSE else here if here >= t else after


class Waiting:
    """Jobs on copies of what a sampled step left, done in their order.

    names, tables: of the parameters, by id; the recorder fills them.   rows: fingerprints of the
    batches.   examples: some (x, y) of them.
    """

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.tables: set[int] = set()
        self.rows = Rows()
        self.examples: list[tuple[np.ndarray, np.ndarray]] = []
        self._jobs: list[tuple[Callable[..., None], tuple]] = []
        self._size = 0  # numbers that were copied

    def later(self, size: int, job: Callable[..., None], *args: Any) -> None:
        """Keep a job on so many numbers until it is asked for, or until too many wait."""
        self._jobs.append((job, args))
        self._size += size
        if self._size > MANY:
            self.measure()

    def measure(self) -> None:
        """Do the jobs that wait."""
        jobs, self._jobs, self._size = self._jobs, [], 0
        for job, args in jobs:
            job(*args)

    def batch(self, sample: Sample, x: Any, reading: Any) -> None:
        """What went in, its fingerprints, and the batch itself while there are few."""
        sample.batch = about_batch(x, reading, moments=sample.t < DENSE)
        if x is None:
            return
        self.rows.add(x)
        target, kept = reading.target, sum(len(a) for a, _ in self.examples)
        if target is not None and len(target) == len(x) and kept < KEEP:
            self.examples.append((x, target.copy()))

    def units(self, sample: Sample, hidden: list[tuple[str, Any]]) -> None:
        """The outputs of the activations."""
        start = sample.t < DENSE
        sample.units = [about_units(k, n, y, start=start) for k, (n, y) in enumerate(hidden)]

    def weights(self, record: Record, place: int, parts: dict[int, Any]) -> None:
        """The weights of one sample, and the norm of all gradients together."""
        sample = record.samples[place]
        noted = {w.name: w for w in sample.weights}
        for key, part in parts.items():
            name, start, table = self.names[key], sample.t < DENSE, key in self.tables
            if part is not None:
                noted[name] = about_weights(name, *part, start=start, table=table)
        sample.weights = [*noted.values()]
        record.gradient[place] = sum(w.gradient**2 for w in sample.weights) ** 0.5
