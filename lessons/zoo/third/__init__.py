"""The third zoo of training programs: what people write in a course and in small projects.

It was written without knowledge of the detectors' thresholds.  BROKEN have one planted fault each,
HEALTHY none.  Each is a function of a random generator that trains something in about a second.
"""

from __future__ import annotations

from ..training.catalogue import Program
from .catalogue import BROKEN, HEALTHY

# importing these fills the catalogue
from . import broken, healthy  # noqa: F401  isort: skip

__all__ = ["BROKEN", "HEALTHY", "Program"]
