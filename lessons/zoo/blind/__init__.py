"""The second zoo of training programs, written without knowledge of the detectors' thresholds.

BROKEN have one planted fault each, HEALTHY none.  Each is a function of a random generator that
trains something in less than three seconds.
"""

from __future__ import annotations

from ..training.catalogue import Program
from .catalogue import BROKEN, HEALTHY

# importing these fills the catalogue
from . import broken, broken_sequences  # noqa: F401  isort: skip
from . import healthy, healthy_sequences  # noqa: F401  isort: skip

__all__ = ["BROKEN", "HEALTHY", "Program"]
