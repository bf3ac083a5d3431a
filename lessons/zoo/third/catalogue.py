"""The lists of the third zoo, apart from those of the other two."""

from __future__ import annotations

from collections.abc import Callable

from ..training.catalogue import Program

__all__ = ["BROKEN", "HEALTHY", "broken", "healthy"]

BROKEN: list[Program] = []
HEALTHY: list[Program] = []


def broken(*faults: str) -> Callable:
    """Enter a program with a planted fault; faults: the names a right diagnosis may give."""

    def enter(run: Callable) -> Callable:
        BROKEN.append(Program(run.__name__, run, faults))
        return run

    return enter


def healthy(run: Callable) -> Callable:
    """Enter a program without a fault."""
    HEALTHY.append(Program(run.__name__, run))
    return run
