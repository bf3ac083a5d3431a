"""What was compared, one record a number, kept as columns: a full check has thousands."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .tolerance import relative_error

__all__ = ["Entries", "Entry", "STATUSES", "badness"]

TINY = np.finfo(float).tiny
STATUSES = ("pass", "warn", "inconclusive", "fail")  # from best to worst
NUMBERS = ("value", "analytic", "numeric", "uncertainty", "rel_error", "step")
ARRAYS = ("value", "analytic", "numeric", "uncertainty", "step", "grade", "scale")


@dataclass(frozen=True)
class Entry:
    """One number compared: an element of a parameter, or a slope along a random direction.

    index: multi-index, or ("direction", k).   value: where the parameter stood.   step: the h used.
    uncertainty: of `numeric`, in the gradient's unit.   flags: "kink", "on-kink", "edge", "weak",
    "retried" ("step 1e-06" names the step that settled a retried entry).
    """

    index: tuple
    value: float
    analytic: float
    numeric: float
    uncertainty: float
    rel_error: float
    step: float
    flags: tuple[str, ...] = ()
    status: str = "pass"
    scale: float = 0.0  # what `tol` is relative to


@dataclass(frozen=True, eq=False)
class Entries(Sequence):
    """A sequence of Entry records; its columns are arrays, and a record is made when asked for.

    indices: one sequence an axis, as np.unravel_index gives them.   flags: {number of a record: its
    flags}, for those that have any.   grade: positions in STATUSES.
    """

    indices: Sequence
    value: np.ndarray
    analytic: np.ndarray
    numeric: np.ndarray
    uncertainty: np.ndarray
    step: np.ndarray
    flags: dict[int, tuple[str, ...]]
    grade: np.ndarray
    scale: np.ndarray

    def __len__(self):
        return len(self.analytic)

    def __getitem__(self, k):
        if isinstance(k, slice):
            return tuple(self[i] for i in range(*k.indices(len(self))))
        numbers = (float(getattr(self, name)[k]) for name in NUMBERS)
        k = range(len(self))[k]
        index = (axis[k] for axis in self.indices)
        index = tuple(i if isinstance(i, str) else int(i) for i in index)
        flags, status = self.flags.get(k, ()), STATUSES[self.grade[k]]
        return Entry(index, *numbers, flags, status, float(self.scale[k]))

    def take(self, order) -> "Entries":
        """The records in another order."""
        sort = lambda column: (
            column[order] if isinstance(column, np.ndarray) else [column[k] for k in order]
        )
        columns: dict[str, Any] = {k: sort(getattr(self, k)) for k in ARRAYS}
        indices = [sort(axis) for axis in self.indices]
        flags = {new: self.flags[old] for new, old in enumerate(order) if old in self.flags}
        return Entries(indices, flags=flags, **columns)

    @cached_property
    def rel_error(self) -> np.ndarray:
        """|a - n| / max(|a|, |n|)."""
        return relative_error(self.analytic, self.numeric)

    def miss(self) -> np.ndarray:
        """|a - n|; 0 for a subgradient, since a centred difference across its kink is not what it
        should equal."""
        miss = abs(self.analytic - self.numeric)
        return np.where(self.subgradient(), 0.0, miss) if self.flags else miss

    def error(self) -> np.ndarray:
        """The miss relative to each record's scale, which is zero only where both slopes are."""
        return self.miss() / np.maximum(self.scale, TINY)

    def subgradient(self) -> np.ndarray:
        """True for the records on a kink whose analytic slope lies between the one-sided ones."""
        return self.flagged("on-kink") & self.judged("pass")

    def shown(self) -> np.ndarray:
        """What a reader sees: the own relative error of what failed; else relative to a typical
        entry, so that a zero known to within rounding does not count as 100 % wrong."""
        error, failed = self.error(), self.judged("fail")
        return np.where(failed, self.rel_error, error) if failed.any() else error

    def size(self) -> np.ndarray:
        """max(|a|, |n|)."""
        return np.maximum(abs(self.analytic), abs(self.numeric))

    def judged(self, status) -> np.ndarray:
        """True for the records with that status."""
        return self.grade == STATUSES.index(status)

    def flagged(self, flag) -> np.ndarray:
        """True for the records with that flag."""
        found = np.zeros(len(self), dtype=bool)
        found[[k for k, flags in self.flags.items() if flag in flags]] = True
        return found

    def worst_first(self) -> "Entries":
        """Sorted by status, then by error; NaN is worst."""
        error = np.where(np.isnan(error := self.error()), np.inf, error)
        return self.take(np.lexsort((self.subgradient(), -error, -self.grade)))


def badness(entry: Entry) -> tuple:
    """Sorting key for records of several parameters, as `worst_first` sorts those of one."""
    error = abs(entry.analytic - entry.numeric) / entry.scale if entry.scale else entry.rel_error
    error = 0.0 if entry.status == "pass" and "on-kink" in entry.flags else error
    return STATUSES.index(entry.status), error if error == error else np.inf
