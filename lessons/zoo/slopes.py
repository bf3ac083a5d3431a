"""Six claims about a derivative, some of them wrong: {name: (function, claimed derivative, point)}.

What tells them apart is the error against the step: truncation and rounding follow the step, a
mistake does not.  At h = 1e-5 alone, "A" and "C" (right) have larger errors than "D" (wrong).
"""

from __future__ import annotations

import numpy as np

__all__ = ["SUSPECTS", "WRONG"]

SUSPECTS = {
    "A": (lambda x: np.sin(300 * x), lambda x: 300 * np.cos(300 * x), 1.0),  # curved: small steps
    "B": (lambda x: 2.0**x, lambda x: 0.6931 * 2.0**x, 1.0),  # log 2 to four digits
    "C": (lambda x: 1e6 + np.sin(x), np.cos, 1.0),  # a large offset: large steps
    "D": (lambda x: np.sqrt(x * x + 1e-6), np.sign, 1.0),  # the 1e-6 is forgotten
    "E": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, 5.0),  # a tiny slope
    "F": (lambda x: x**1.5, lambda x: 1.5 * x**0.49, 2.0),  # a slip of the exponent
}
WRONG = frozenset("BDF")
