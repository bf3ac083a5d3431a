"""Training programs: BROKEN, each with the name of its fault, and HEALTHY.

Each is a function of a random generator that trains something in less than two seconds.
"""

from __future__ import annotations

from .catalogue import BROKEN, HEALTHY, Program

# importing these fills the catalogue
from . import broken_data, broken_model, broken_step, broken_subtle  # noqa: F401  isort: skip
from . import healthy, healthy_tasks  # noqa: F401  isort: skip

__all__ = ["BROKEN", "HEALTHY", "Program"]
