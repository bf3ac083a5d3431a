"""Precision and recall of the doctor's detectors over a zoo of programs."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from minnet.sanity import Diagnosis, Doctor
from minnet.sanity.detectors import DETECTORS

from .training.catalogue import Program

__all__ = ["Result", "diagnose", "summary", "table"]


@dataclass(frozen=True)
class Result:
    """What the doctor said about a program."""

    program: Program
    diagnosis: Diagnosis
    seconds: float

    @property
    def kinds(self) -> list[str]:
        """The kinds of its alarms, the most serious first."""
        return [finding.kind for finding in self.diagnosis.alarms]

    def named(self, first: int | None = None) -> bool:
        """Whether a right fault is among the first alarms (default: all)."""
        return bool(set(self.kinds[:first]) & set(self.program.faults))


def diagnose(program: Program, *, seed: int = 0) -> Result:
    """Run a program under a doctor; an exception ends it, as it would end a script."""
    doctor, start = Doctor(), time.perf_counter()
    with warnings.catch_warnings(), doctor.watching():
        warnings.simplefilter("ignore", RuntimeWarning)
        with suppress(ArithmeticError, RuntimeError):  # fit stops at a loss that is not finite
            program.run(np.random.default_rng(seed))
    return Result(program, doctor.report(), time.perf_counter() - start)


def summary(results: Sequence[Result]) -> dict[str, float]:
    """Overall shares: broken programs with an alarm, named first or second; healthy with alarms."""
    broken = [r for r in results if r.program.faults]
    healthy = [r for r in results if not r.program.faults]
    share = lambda hits, of: sum(hits) / max(len(of), 1)
    return {
        "broken": len(broken),
        "healthy": len(healthy),
        "recall": share((bool(r.kinds) for r in broken), broken),
        "named": share((r.named() for r in broken), broken),
        "top two": share((r.named(2) for r in broken), broken),
        "false alarms": share((bool(r.kinds) for r in healthy), healthy),
    }


def table(results: Sequence[Result]) -> list[tuple[str, int, int, int, float, float]]:
    """For each detector: programs with its fault, found, false alarms, precision and recall.

    An alarm is false in a healthy program, and true in a program that has the fault; other
    findings in broken programs are consequences and count neither way.
    """
    rows = []
    for kind in DETECTORS:
        wanted = [r for r in results if r.program.faults[:1] == (kind,)]
        found = sum(kind in r.kinds for r in results if kind in r.program.faults)
        hits = sum(kind in r.kinds for r in wanted)
        false = sum(kind in r.kinds for r in results if not r.program.faults)
        precision = found / (found + false) if found + false else float("nan")
        recall = hits / len(wanted) if wanted else float("nan")
        rows.append((kind, len(wanted), found, false, precision, recall))
    return rows
