"""Every operation's cases in one table: CASES = {name: [(settings, inputs), ...]} (see oracle.py).

A family's file may also have REFERENCES, {name: the same in NumPy or naive loops} (numpy's function
of that name otherwise), and CALLS, {name: how to call it} for signatures of another form.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np

import minnet.functional as F

FAMILIES = [
    import_module(f"{__package__}.{module.name}")
    for module in iter_modules([str(Path(__file__).parent)])
    if module.name.startswith("cases_")
]

CASES: dict[str, list] = {}
REFERENCES: dict[str, Callable] = {}
CALLS: dict[str, Callable] = {}
for _family in FAMILIES:
    CASES |= _family.CASES
    REFERENCES |= getattr(_family, "REFERENCES", {})
    CALLS |= getattr(_family, "CALLS", {})

ALL = [(name, *case) for name, cases in CASES.items() for case in cases]
IDS = [f"{name}-{k}" for name, cases in CASES.items() for k in range(len(cases))]


def _called(f: Callable, name: str, settings: dict) -> Callable[..., Any]:
    if name in CALLS:
        return lambda *inputs: CALLS[name](f, *inputs, **settings)
    return lambda *inputs: f(*inputs, **settings)


def operation(name: str, settings: dict) -> Callable[..., Any]:
    """The operation with its settings: a function of the inputs alone."""
    return _called(getattr(F, name), name, settings)


def reference(name: str, settings: dict) -> Callable[..., Any]:
    """What it should be equal to."""
    return _called(REFERENCES.get(name) or getattr(np, name), name, settings)
