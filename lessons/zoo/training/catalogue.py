"""A zoo's two lists of programs, and the decorators that fill them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

__all__ = ["BROKEN", "HEALTHY", "Catalogue", "Program", "broken", "healthy"]


@dataclass(frozen=True)
class Program:
    """A training program.   faults: the names that a right diagnosis may give; () if healthy."""

    name: str
    run: Callable[[np.random.Generator], None]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """The programs of one zoo."""

    sick: list[Program] = field(default_factory=list)
    sound: list[Program] = field(default_factory=list)

    def broken(self, *faults: str) -> Callable:
        """Enter a program with a planted fault; faults: the names a right diagnosis may give."""

        def enter(run: Callable) -> Callable:
            self.sick.append(Program(run.__name__, run, faults))
            return run

        return enter

    def healthy(self, run: Callable) -> Callable:
        """Enter a program without a fault."""
        self.sound.append(Program(run.__name__, run))
        return run


_zoo = Catalogue()
BROKEN, HEALTHY, broken, healthy = _zoo.sick, _zoo.sound, _zoo.broken, _zoo.healthy
