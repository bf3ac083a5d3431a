"""A formula, written down once and then carried out block by block without temporaries.

NumPy computes ``beta * m + (1 - beta) * g`` with a fresh array for every operator.  Here the body
of an optimizer runs on letters (see `letters`), which compute nothing but note each ufunc that is
applied to them.  The resulting straight-line program then runs over cache-sized blocks, with every
result in a row that is free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from types import SimpleNamespace
from typing import Any

import numpy as np

from .letters import Letter, Number, Tape, is_letter, tame

__all__ = ["Letter", "Program"]

_OUT_BY_NAME: dict[Any, Any] = {  # NumPy has deprecated a third positional argument of these two
    np.maximum: lambda x, y, out: np.maximum(x, y, out=out),
    np.minimum: lambda x, y, out: np.minimum(x, y, out=out),
}


class Program:
    """The lines of ``theta = advance(theta, g, s, *numbers)``, with a register for each value.

    slots: the names that s has.   Registers: theta, g, one per slot, ``scratch`` further rows,
    and at the end the constants.  After a run, theta and the slots hold their new values.
    dtype: if given, constants become arrays of it, which NumPy reads faster than Python's numbers
    (and alike: these are weak, so they take the dtype of the row they meet).
    steady: the numbers are letters too, so that the program serves other ones (see `at`); then
    TypeError from a formula that asks for their values.
    """

    def __init__(
        self,
        advance: Callable[..., Any],
        slots: Sequence[str],
        *numbers: Any,
        dtype: Any = None,
        steady: bool = False,
    ):
        self.dtype, self.tape = dtype, Tape()
        self.lines = self.tape.lines
        self.given = [self.tape.count(n) for n in numbers] if steady else []
        theta, g, *values = self.inputs = [Letter(self.tape) for _ in range(2 + len(slots))]
        s = SimpleNamespace(**dict(zip(slots, values, strict=True)))
        next_theta = advance(theta, g, s, *(self.given or numbers))
        results = [next_theta, g, *(getattr(s, name) for name in slots)]
        self.register = {x: i for i, x in enumerate(self.inputs)}
        self.goals = self._goals(results)
        self.last = {x: i for i, (_, xs, _) in enumerate(self.lines) for x in xs if is_letter(x)}
        self.holder = dict(enumerate(self.inputs))
        self.scratch = 0
        self.free: list[int] = []
        self.constants: list[Any] = []
        self.moving: list[tuple[Any, Number]] = []  # constants that are other ones at each step
        self.derived = [n for n in self.tape.numbers if n.f]
        self.code = [self._line(i) for i in range(len(self.lines))] + self._moves()
        self.carry_out: Callable[[list[Any]], None] = self._interpret
        self.served = False

    def at(self, *numbers: Any) -> bool:
        """Set the numbers of a steady program; False if its algebra does not hold for them."""
        if not self.served:  # compiling takes as long as some steps: only what serves again pays
            self.served, self.carry_out = True, self._compiled()
        for n, value in zip(self.given, numbers, strict=True):
            n.value = value
        for n in self.derived:
            n.refresh()
        for constant, n in self.moving:
            constant[...] = n.value
        return all([tame(n.value) for n in self.tape.factors])  # noqa: C419 (hot)

    def registers(self, theta: Any, slots: Sequence[Any], scratch: Sequence[Any]) -> list[Any]:
        """What `run` works on, given rows of equal length."""
        return [theta, None, *slots, *scratch, *self.constants]

    def run(self, g: Any, registers: list[Any]) -> None:
        """Carry out the program in place, with gradient g."""
        registers[1] = g
        self.carry_out(registers)
        registers[1] = None

    def _interpret(self, registers: list[Any]) -> None:
        for f, pick in self.code:
            f(*pick(registers))

    def _compiled(self) -> Callable[[list[Any]], None]:
        """`_interpret` written out, which leaves little but NumPy's own time."""
        names = [f"r{k}" for k in range(len(self.inputs) + self.scratch + len(self.constants))]
        lines = [f"    f{i}({', '.join(pick(names))})" for i, (_, pick) in enumerate(self.code)]
        text = [f"def carry_out(registers):\n    {', '.join(names)} = registers", *lines]
        functions: dict[str, Any] = {f"f{i}": f for i, (f, _) in enumerate(self.code)}
        exec("\n".join(text), functions)
        return functions["carry_out"]

    def _goals(self, results: list[Any]) -> dict[Letter, int]:
        """Which letter must end up in which row; what is not a line of its own becomes one.

        An unchanged row keeps its letter, so that nothing else is written there: above all g,
        which belongs to the caller.
        """
        goals: dict[Letter, int] = {}
        for row, y in enumerate(results):
            y = y.whole() if is_letter(y) else y
            unchanged = y is self.inputs[row]
            if not unchanged and (not is_letter(y) or y in self.register or y in goals):
                y = self.inputs[0].note(np.positive, y)
            goals[y] = row
        return goals

    def _line(self, i: int) -> tuple[np.ufunc, itemgetter]:
        f, xs, y = self.lines[i]
        where = [self.register[x] if is_letter(x) else self._constant(x) for x in xs]
        dying = {self.register[x] for x in xs if is_letter(x) and self._done(x, i)}
        out = self._choose(y, i, dying)
        self.free += [r for r in dying if r >= len(self.inputs) and r != out]
        self.register[y], self.holder[out] = out, y
        return _OUT_BY_NAME.get(f, f), itemgetter(*where, out)

    def _choose(self, y: Letter, i: int, dying: set[int]) -> int:
        """The row of y: its goal, the place of an operand that ends here, or scratch."""
        row = self.goals.get(y)
        if row is not None and self._done(self.holder[row], i):
            return row
        if row is None and dying:
            return min(dying)
        if not self.free:
            self.free.append(len(self.inputs) + self.scratch)
            self.scratch += 1
        return self.free.pop()

    def _done(self, x: Letter, i: int) -> bool:
        return self.last.get(x, -1) <= i and x not in self.goals

    def _constant(self, x: Any) -> int:
        value = x.value if type(x) is Number else x
        constant = value if self.dtype is None else np.asarray(value, self.dtype)
        if type(x) is Number:
            self.moving.append((constant, x))
        self.constants.insert(0, constant)
        return -len(self.constants)  # from the end, because scratch is still growing

    def _moves(self) -> list[tuple[np.ufunc, itemgetter]]:
        """Copies for goals whose row was still in use; they lie in scratch, so order is free."""
        pairs = [(self.register[y], row) for y, row in self.goals.items()]
        return [(np.positive, itemgetter(r, row)) for r, row in pairs if r != row]
