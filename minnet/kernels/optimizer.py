"""An optimizer's update as one kernel, written from the lines that its formula was recorded as.

`minnet.optim.program` notes each NumPy function that the body of an optimizer applies; here each
of these lines becomes a line of CUDA, so that a step reads and writes every row once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ..backend import Array, is_array
from .source import Elementwise

__all__ = ["fuse", "text_of"]

_C: dict[str, str] = {  # NumPy's functions, of T
    "absolute": "fabs({0})",
    "add": "{0} + {1}",
    "divide": "{0} / {1}",
    "exp": "exp({0})",
    "log": "log({0})",
    "maximum": "({0} > {1} || {0} != {0}) ? {0} : {1}",
    "minimum": "({0} < {1} || {0} != {0}) ? {0} : {1}",
    "multiply": "{0} * {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "power": "pow({0}, {1})",
    "reciprocal": "T(1) / {0}",
    "sign": "T({0} > T(0)) - T({0} < T(0))",
    "sqrt": "sqrt({0})",
    "square": "{0} * {0}",
    "subtract": "{0} - {1}",
    "tanh": "tanh({0})",
}


def fuse(program: Any, slots: int) -> Callable[[Array, Array, Any], None] | None:
    """run(theta, g, slots), in place, for a recorded program; None if a line has no CUDA form.

    slots: how many rows of state there are.
    """
    text, constants = text_of(program, slots)
    if text is None:
        return None
    devices = tuple("0" if is_array(c) else "-" for c in constants)
    kernel = _kernel(text, slots, devices)

    def run(theta: Array, g: Array, rows: Any) -> None:
        kernel(theta, g, *rows, *constants, theta, *rows)

    return run


def text_of(program: Any, slots: int) -> tuple[str | None, list[Any]]:
    """The body of the kernel, and the constants that it calls c0, c1, ..."""
    names = dict(zip(program.inputs, ["theta", "g", *_rows(slots)], strict=True))
    lines: list[str] = []
    constants: list[Any] = []
    for k, (f, inputs, y) in enumerate(program.lines):
        if f.__name__ not in _C:
            return None, []
        words = []
        for x in inputs:
            if type(x) is type(y):
                words.append(names[x])
            else:
                words.append(f"T(c{len(constants)})")
                constants.append(x)
        names[y] = f"r{k}"
        lines.append(f"const T r{k} = {_C[f.__name__].format(*words)};")
    for y, row in program.goals.items():
        if row != 1 and y is not program.inputs[row]:
            lines.append(f"{['theta', '', *_rows(slots)][row]}_new = {names[y]};")
    return "\n".join(lines), constants


def _rows(slots: int) -> list[str]:
    return [f"s{k}" for k in range(slots)]


@cache
def _kernel(text: str, slots: int, constants: tuple[str, ...]) -> Elementwise:
    kinds = ["T" if c == "-" else f"K{k}" for k, c in enumerate(constants)]
    numbers = [f"{kind} c{k}" for k, kind in enumerate(kinds)]
    rows = ["theta", *_rows(slots)]
    inputs = ["T theta", "T g", *[f"T {row}" for row in rows[1:]], *numbers]
    outputs = [f"T {row}_new" for row in rows]
    return Elementwise("update", ", ".join(inputs), ", ".join(outputs), text)
