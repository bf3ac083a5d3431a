"""The lists that the decorators fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["BROKEN", "HEALTHY", "Program", "broken", "healthy"]


@dataclass(frozen=True)
class Program:
    """A training program.   faults: the names that a right diagnosis may give; () if healthy."""

    name: str
    run: Callable[[np.random.Generator], None]
    faults: tuple[str, ...] = ()


BROKEN: list[Program] = []
HEALTHY: list[Program] = []


def broken(*faults: str) -> Callable:
    """Enter a program with a planted fault."""

    def enter(run: Callable) -> Callable:
        BROKEN.append(Program(run.__name__, run, faults))
        return run

    return enter


def healthy(run: Callable) -> Callable:
    """Enter a program without a fault."""
    HEALTHY.append(Program(run.__name__, run))
    return run
