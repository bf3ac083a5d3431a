"""What was compared, one record a number, kept as columns: a full check has thousands."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["Entries", "Entry", "STATUSES", "badness"]

STATUSES = ("pass", "warn", "inconclusive", "fail")  # from best to worst
COLUMNS = ("value", "analytic", "numeric", "uncertainty", "rel_error", "step")


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
    """A sequence of Entry records; its columns are arrays, and a record is made when asked for."""

    indices: Sequence
    value: np.ndarray
    analytic: np.ndarray
    numeric: np.ndarray
    uncertainty: np.ndarray
    rel_error: np.ndarray
    step: np.ndarray
    flags: Sequence
    status: np.ndarray
    scale: np.ndarray

    def __len__(self):
        return len(self.analytic)

    def __getitem__(self, k):
        if isinstance(k, slice):
            return tuple(self[i] for i in range(*k.indices(len(self))))
        numbers = (float(getattr(self, name)[k]) for name in COLUMNS)
        flags, status, scale = self.flags[k], str(self.status[k]), float(self.scale[k])
        index = self.indices[k]
        index = index.tolist() if isinstance(index, np.ndarray) else index
        return Entry(tuple(index), *numbers, flags, status, scale)

    def take(self, order) -> "Entries":
        """The records in another order."""
        sort = lambda column: (
            column[order] if isinstance(column, np.ndarray) else [column[k] for k in order]
        )
        columns: dict[str, Any] = {k: sort(getattr(self, k)) for k in self.__dataclass_fields__}
        return Entries(**columns)

    def error(self) -> np.ndarray:
        """|a - n| relative to each record's scale; its relative error where there is none; 0 for a
        subgradient, since a centred difference across its kink is not what it should equal."""
        miss, unit = abs(self.analytic - self.numeric), self.scale
        error = np.where(unit > 0, miss / np.where(unit > 0, unit, 1), self.rel_error)
        return np.where(self.subgradient(), 0.0, error)

    def subgradient(self) -> np.ndarray:
        """True for the records on a kink whose analytic slope lies between the one-sided ones."""
        on = self.flagged("on-kink")
        return on & (self.status == "pass") if on.any() else on

    def shown(self) -> np.ndarray:
        """What a reader sees: the own relative error of what failed; else relative to a typical
        entry, so that a zero known to within rounding does not count as 100 % wrong."""
        return np.where(self.status == "fail", self.rel_error, self.error())

    def size(self) -> np.ndarray:
        """max(|a|, |n|)."""
        return np.maximum(abs(self.analytic), abs(self.numeric))

    @cached_property
    def flagless(self) -> bool:
        """True if no record has a flag."""
        return not any(self.flags)

    def flagged(self, flag) -> np.ndarray:
        """True for the records with that flag."""
        if self.flagless:
            return np.zeros(len(self), dtype=bool)
        return np.array([flag in flags for flags in self.flags], dtype=bool)

    def worst_first(self) -> "Entries":
        """Sorted by status, then by error; NaN is worst."""
        error = np.where(np.isnan(error := self.error()), np.inf, error)
        graver = [self.status == status for status in STATUSES[1:]]
        return self.take(np.lexsort((self.subgradient(), -error, *np.logical_not(graver))))


def badness(entry: Entry) -> tuple:
    """Sorting key for records of several parameters, as `worst_first` sorts those of one."""
    error = abs(entry.analytic - entry.numeric) / entry.scale if entry.scale else entry.rel_error
    error = 0.0 if entry.status == "pass" and "on-kink" in entry.flags else error
    return STATUSES.index(entry.status), error if error == error else np.inf
