"""Measurements that wait until somebody reads them, so that training does not wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from ..backend import to_host
from .calls import Rows
from .measure import about_batch, about_units, about_weights
from .moves import Part, arrays
from .record import Record, Sample

__all__ = ["DENSE", "Waiting", "due_steps"]

DENSE = 5  # the first steps are all sampled: much goes wrong there
MANY = 4_000_000  # numbers that may wait to be measured
LARGE = 100_000  # so many are measured at once, because copying them would cost more
KEEP = 512  # examples that are kept
GOLDEN = 0.618  # moves the samples about, so that they do not meet the same batch in every epoch


def due_steps(every: int) -> Iterator[int]:
    """The steps that are sampled: the first five, then one in each ``every`` steps.

    >>> [t for t, _ in zip(due_steps(10), range(9))]
    [0, 1, 2, 3, 4, 16, 22, 38, 44]
    """
    yield from range(DENSE)
    moved = (k * every + int(every * (k * GOLDEN % 1)) for k in count())
    yield from (t for t in moved if t >= DENSE)


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

    def later(self, job: Callable[..., None], arrays: Sequence[Any], *args: Any) -> bool:
        """Do job(copies of the arrays, *args) when it is asked for, or when too many wait.

        Large arrays are not copied: then it is done at once, and True is returned.
        """
        size = sum([a.size for a in arrays])
        if size > LARGE:
            self.measure()
            job(arrays, *args)
            return True
        self._jobs.append((job, ([a.copy() for a in arrays], *args)))
        self._size += size
        if self._size > MANY:
            self.measure()
        return False

    def then(self, job: Callable[..., None], *args: Any) -> None:
        """Do a job after those that wait."""
        self._jobs.append((job, args))

    def measure(self) -> None:
        """Do the jobs that wait."""
        jobs, self._jobs, self._size = self._jobs, [], 0
        for job, args in jobs:
            job(*args)

    def forward(self, arrays: list[Any], sample: Sample, reading: Any, names: list[str]) -> None:
        """Outputs of the activations, by their names, and then the batch, if it is an array.

        Of the batch its fingerprints are kept, and the batch itself while there are few.
        """
        x = to_host(arrays[len(names)]) if len(arrays) > len(names) else None
        units = enumerate(zip(names, arrays, strict=False))
        start = sample.t < DENSE
        sample.batch = about_batch(x, reading, moments=start)
        sample.units = [about_units(k, name, y, start=start) for k, (name, y) in units]
        if x is None:
            return
        self.rows.add(x)
        target, kept = reading.target, sum(len(a) for a, _ in self.examples)
        if target is not None and len(target) == len(x) and kept < KEEP:
            self.examples.append((x.copy(), target.copy()))

    def weights(
        self, after: list[Any], before: Any, parts: list[Part], record: Record, place: int
    ) -> None:
        """The weights of one sample, and the norm of all gradients together.

        after: the parameters after the step, and the gradients it used.   before: the parameters
        and the gradients of backward, in one row.   What a second optimizer has replaces what was
        noted after the first.
        """
        sample, names = record.samples[place], self.names
        noted = {w.name: w for w in sample.weights}
        start, old = sample.t < DENSE, arrays(before, parts)
        for k, (key, _, _, alpha) in enumerate(parts):
            if alpha is None and names[key] in noted:
                continue
            four = [*old[k :: len(parts)], *(to_host(a) for a in after[k :: len(parts)])]
            settings: dict[str, Any] = {"start": start, "table": key in self.tables}
            noted[names[key]] = about_weights(names[key], *four, alpha=alpha or 0.0, **settings)
        sample.weights = [*noted.values()]
        record.gradient[place] = sum(w.gradient**2 for w in sample.weights) ** 0.5
