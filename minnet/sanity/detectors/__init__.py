"""Detectors: pure functions from a `Record` to a `Finding` or None, each with its threshold.

A threshold stands at the top of its file with its reason.  `DETECTORS` lists them by the kind of
fault; `detect` runs all of them and ranks what they find.
"""

from __future__ import annotations

import numpy as np

from ..finding import Detector, Finding, rank
from ..record import Record
from . import curves, inputs, losses, modes, signals, starts, steps

__all__ = ["DETECTORS", "detect"]

DETECTORS: dict[str, Detector] = {}
for _family in (losses, modes, inputs, starts, steps, signals, curves):  # causes before effects
    DETECTORS |= {f.__name__: f for f in _family.DETECTORS}
# Of models that are trained against each other, or in turn, no curve can be read: each step has
# another loss.  These say what they say of any loss.
DIRECT = {"not_finite", "missing_zero_grad", "softmax_twice", "symmetric_units", "broadcasting",
          "needless_float64"}  # fmt: skip


def detect(record: Record) -> list[Finding]:
    """All findings of a run, the most serious first.

    >>> detect(Record(loss=[2.3, 1.2, 0.6, 0.3, 0.2]))
    []
    """
    kinds = DIRECT if record.facts.get("alternating") else DETECTORS.keys()
    with np.errstate(all="ignore"):  # a run that broke down is full of Inf and NaN
        found = [DETECTORS[kind](record) for kind in DETECTORS if kind in kinds]
    return rank([finding for finding in found if finding is not None])
