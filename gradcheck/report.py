"""What a check returns: plain frozen records, readable as text, HTML, dict and JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from . import text
from .entries import STATUSES, Entries, Entry, badness
from .errors import GradientMismatch

__all__ = ["Entry", "Evidence", "Finding", "ParamResult", "Report", "STATUSES", "worst_status"]

def worst_status(statuses) -> str:
    """The worst of some statuses; "pass" for none.

    >>> worst_status(["pass", "fail", "warn"])
    'fail'
    """
    return max(statuses, key=STATUSES.index, default="pass")


@dataclass(frozen=True)
class Finding:
    """One sentence about what was seen.   severity: "note", "warn", "inconclusive" or "fail".

    `code` is stable ("scale", "not-summed", ...), `evidence` holds the fitted numbers, `hint` says
    what to look at next.  param is "" for what concerns the whole function.
    """

    code: str
    severity: str
    param: str
    message: str
    evidence: dict = field(default_factory=dict)
    hint: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the diagnosis of one failing parameter works on.

    D: m upstreams.   A, M, U: (m, *shape) analytic, numeric, uncertainty of numeric.
    all_params: {name: (A, M, U)} of every parameter, this one included, where measured.
    """

    problem: Any
    name: str
    D: list
    A: np.ndarray
    M: np.ndarray
    U: np.ndarray
    all_params: dict[str, tuple]
    tol: float


@dataclass(frozen=True)
class ParamResult:
    """The verdict on one parameter.   entries: what was compared; directions: slopes that decided.
    kinked: how many of these crossed a kink; unresolved: how many could not be judged; n_checked
    counts elements; norm: of the analytic gradient; errors: |a - n| / scale, NaN: not checked."""

    name: str
    shape: tuple[int, ...]
    status: str
    max_rel: float
    norm_rel: float
    n_checked: int
    n_total: int
    entries: Sequence[Entry] = ()
    kinked: int = 0
    uncertainty: float = 0.0
    band: str = "happy"
    unresolved: int = 0
    directions: Sequence[Entry] = ()
    norm: float = 0.0
    errors: np.ndarray | None = field(default=None, repr=False)

    @cached_property
    def worst(self) -> Sequence[Entry]:
        """The entries, worst first."""
        return self.entries.worst_first() if isinstance(self.entries, Entries) else self.entries


@dataclass(frozen=True)
class Report:
    """Everything a check found; `bool(report)` is True only for "pass" and "warn".

    >>> report = Report("demo", "pass", {}, [])
    >>> bool(report), report.to_dict()["status"]
    (True, 'pass')
    """

    name: str
    status: str
    params: dict[str, ParamResult]
    findings: list[Finding]
    settings: dict = field(default_factory=dict)
    nfev: int = 0
    nbev: int = 0
    seconds: float = 0.0
    seed: Any = 0
    sweeps: dict = field(default_factory=dict, repr=False)  # name -> Sweep of its worst entry

    @property
    def ok(self) -> bool:
        """True for "pass" and "warn"; inconclusive is not ok."""
        return self.status in ("pass", "warn")

    def __bool__(self) -> bool:
        return self.ok

    def raise_for_failure(self, allow_inconclusive: bool = False) -> "Report":
        """Raise GradientMismatch unless ok; returns the report otherwise."""
        if not (self.ok or (allow_inconclusive and self.status == "inconclusive")):
            raise GradientMismatch(self)
        return self

    def worst(self, k: int = 5) -> list[tuple[str, Entry]]:
        """The k worst (parameter name, entry) pairs over all parameters, worst first."""
        pairs = [(p.name, e) for p in self.params.values() for e in p.worst[:k]]
        return sorted(pairs, key=lambda pair: badness(pair[1]), reverse=True)[:k]

    def summary(self) -> str:
        """One line."""
        return text.summary(self)

    def __str__(self) -> str:
        return text.render(self)

    def _repr_html_(self) -> str:
        return text.render_html(self)

    def to_dict(self) -> dict:
        """Plain Python types throughout; NaN and infinity become strings."""
        bare = asdict(replace(self, sweeps={}, params={}))
        light = lambda p: asdict(replace(p, errors=None, entries=(), directions=()))
        records = lambda p: {"directions": p.directions, "worst": p.worst}
        params = {name: light(p) | records(p) for name, p in self.params.items()}
        return plain(bare | {"params": params, "ok": self.ok})

    def to_json(self, **options) -> str:
        """`to_dict` as strict JSON; options go to json.dumps."""
        return json.dumps(self.to_dict(), allow_nan=False, **options)

    def plot(self, kind: str = "error", ax=None):
        """Draw "error" (heat map per entry), "scatter" (analytic against numeric) or "sweep"."""
        from . import plot

        return plot.report(self, kind, ax=ax)


def plain(x):
    """x with NumPy types, tuples and non-finite numbers turned into what strict JSON can hold."""
    if isinstance(x, dict):
        return {str(k): plain(v) for k, v in x.items() if k not in ("entries", "errors", "sweeps")}
    if isinstance(x, Entries):
        return [plain(asdict(entry)) for entry in x]
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, np.ndarray):
        return plain(x.tolist())
    if isinstance(x, np.generic):
        return plain(x.item())
    if isinstance(x, float) and not np.isfinite(x):
        return str(x)
    return x if isinstance(x, (int, float, str, bool, type(None))) else repr(x)
