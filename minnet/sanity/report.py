"""The result of sanity checks: what was expected, what was measured, why, and what to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from ..errors import TrainingError
from .lessons import lesson_of

__all__ = ["Check", "Report"]

ADVISED = ("warn", "fail")  # the verdicts whose reason and advice are printed


@dataclass(frozen=True)
class Check:
    """One check.   verdict: "pass", "warn", "fail" or "skipped"; the texts are whole sentences."""

    name: str
    verdict: str
    expected: str
    measured: str
    why: str = ""
    try_: str = ""
    data: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def lesson(self) -> str:
        """Where it is explained, as "lesson 5: Before you train, section 9"."""
        return lesson_of(self.name)

    @property
    def ok(self) -> bool:
        """True unless the check failed."""
        return self.verdict != "fail"


@dataclass(frozen=True)
class Report:
    """Several checks.  ``bool(report)`` is True if none failed.

    >>> report = Report([Check("chance", "fail", "2.303", "5.1", why="...", try_="...")])
    >>> bool(report)
    False
    """

    checks: Sequence[Check]

    @property
    def ok(self) -> bool:
        """True if no check failed."""
        return all(check.ok for check in self.checks)

    def __bool__(self) -> bool:
        return self.ok

    def __getitem__(self, name: str) -> Check:
        return {check.name: check for check in self.checks}[name]

    def raise_for_failure(self) -> None:
        """Raise TrainingError naming the checks that failed."""
        failed = [check for check in self.checks if not check.ok]
        if failed:
            first = failed[0]
            raise TrainingError(
                f"sanity checks failed: {', '.join(c.name for c in failed)}. {first.name} expected "
                f"{first.expected}, measured {first.measured}. {first.try_}"
            )

    def to_dict(self) -> list[dict[str, Any]]:
        """The checks as plain dicts."""
        return [asdict(check) | {"lesson": check.lesson} for check in self.checks]

    def __str__(self) -> str:
        rows = [(c.verdict.upper(), c.name, c.expected, c.measured) for c in self.checks]
        head = ("", "check", "expected", "measured")
        widths = [max(len(row[k]) for row in [head, *rows]) for k in range(4)]
        lines = [
            "  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)) for row in [head, *rows]
        ]
        notes = [
            f"  {c.name}: {c.why} {c.try_}" + (f"\n    see {c.lesson}" if c.lesson else "")
            for c in self.checks
            if c.verdict in ADVISED
        ]
        return "\n".join([line.rstrip() for line in lines] + notes)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr class='{c.verdict}'><td>{c.verdict}</td><td>{escape(c.name)}</td>"
            f"<td>{escape(c.expected)}</td><td>{escape(c.measured)}</td>"
            f"<td>{escape(c.why)} {escape(_advice(c))}</td></tr>"
            for c in self.checks
        )
        head = "<tr><th></th><th>check</th><th>expected</th><th>measured</th><th>why</th></tr>"
        return f"<table class='sanity'>{head}{rows}</table>"


def _advice(check: Check) -> str:
    """What to try, and where it is explained; "" if nothing is wrong."""
    return f"{check.try_} See {check.lesson}." if check.verdict in ADVISED else ""
