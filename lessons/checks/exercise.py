"""The frame around every check.

A check is a generator: it looks at an answer, yields a line for each thing that holds, and raises
`Wrong` at the first that does not.  The frame draws the random inputs, keeps the progress, and
chooses how much to say:

    @exercise("1.1", "The forward difference", points=2, hints={
        "not divided": ("Is this a slope yet?", "A slope is rise over run.", "Divide by h."),
    })
    def forward_difference(answer, rng):
        ...
        yield "a slope at 20 random points"
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zlib import crc32

import numpy as np

from .. import store
from ..outcome import Passed, TryAgain, YourTurn

__all__ = ["SEED", "Exercise", "Wrong", "exercise"]

SEED = "MINNET_LESSONS_SEED"  # environment variable: the same inputs on every run, for grading

Hints = tuple[str, str, str]  # a nudge, a pointer, almost the answer

COMMON: dict[str, Hints] = {
    "nothing": (
        "The result is None.",
        "A function without `return` returns None.",
        "End the function with `return` and what was asked for.",
    ),
    "raised": (
        "Your code stopped with the error above.",
        "Read the last line of the error first: it says what went wrong; the line number, where.",
        "Call your function in a new cell, with the inputs above, and print what it computes.",
    ),
    "shape": (
        "The shape differs from what was asked for.",
        "Write the shape of every array on paper, line by line.",
        "Print `.shape` after each line of your function; the first surprise is the place.",
    ),
    "type": (
        "This is not a number or an array of numbers.",
        "Look at `type(...)` of what you return.",
        "Return the number or array itself, not a list of pieces, a text or a function.",
    ),
    "parts": (
        "The number of results is not the one that was asked for.",
        "What does the docstring say that the function returns, and in which order?",
        "Return all of them, with commas between: `return a, b`.",
    ),
    "not finite": (
        "There is a NaN or an Inf in the result.",
        "What can divide by zero here, or take the log or root of what is not positive?",
        "Treat that input before the division, log or root, and not after it.",
    ),
    "changed its input": (
        "Your function changed an array that it was given.",
        "`x += h` and `x[i] = ...` write into the caller's array.",
        "Work on a copy, `x.copy()`, or restore what you changed before you return.",
    ),
    "unexpected": (
        "The check could not read your answer.",
        "Is it what was asked for: a function, a number, an array, in the order asked for?",
        "Compare the arguments and what is returned with the text of the exercise, one by one.",
    ),
    "value": (
        "The numbers differ.",
        "Take the smallest input you can think of, and compute the result by hand.",
        "Compare your code with the formula above, symbol by symbol: signs, factors, indices.",
    ),
}


class Wrong(Exception):
    """Raised by a check: the `mistake`, what was seen, and the part `earned` (0 to 1)."""

    def __init__(self, mistake: str, seen: str = "", *, earned: float = 0.0) -> None:
        super().__init__(mistake, seen)
        self.mistake, self.seen, self.earned = mistake, seen, earned


Check = Callable[..., Iterator[str]]


class Exercise:
    """A numbered check of an answer; call it with the answer.

    Returns Passed; raises YourTurn while nothing is written, TryAgain with a hint when the answer
    is wrong.  The same mistake again gives the next hint of three.   seed: repeats the random
    inputs of an earlier call.
    """

    def __init__(
        self, number: str, title: str, points: float, hints: Mapping[str, Hints], check: Check
    ) -> None:
        self.number, self.title, self.points = number, title, points
        self.hints: dict[str, Hints] = {**COMMON, **hints}
        self.check = check
        self.__doc__ = check.__doc__

    def __call__(self, *answer: Any, seed: int | None = None) -> Passed:
        seed = _seed(self.number) if seed is None else seed
        held: list[str] = []
        try:
            if any(map(_is_open, answer)):
                raise YourTurn
            for line in self.check(*answer, rng=np.random.default_rng(seed)):
                held.append(line)
        except YourTurn:
            raise YourTurn(
                f"Your turn: exercise {self.number}, {self.title}. Write your answer where the cell"
                " above says YOUR CODE HERE, run that cell, then this one."
            ) from None
        except Wrong as wrong:
            raise self._try_again(wrong, held, seed) from None
        except Exception as error:
            unexpected = Wrong("unexpected", f"{type(error).__name__}: {error}")
            raise self._try_again(unexpected, held, seed) from error
        store.passed(self.number, self.points)
        return Passed(self.number, self.title, self.points, held)

    def _try_again(self, wrong: Wrong, held: list[str], seed: int) -> TryAgain:
        stage = min(store.tried(self.number, wrong.mistake, wrong.earned * self.points), 3)
        lines = [f"{self.number} {self.title}: not yet."]
        lines += [f"  + {line}" for line in held]
        lines += [f"  - {line}" for line in wrong.seen.splitlines()]
        lines += [f"  Hint {stage} of 3: {self.hints[wrong.mistake][stage - 1]}"]
        lines += [f"  (seed={seed} repeats these inputs.)"]
        return TryAgain(
            "\n".join(lines),
            exercise=self.number,
            mistake=wrong.mistake,
            earned=wrong.earned * self.points,
        )


def exercise(
    number: str, title: str, *, points: float = 1, hints: Mapping[str, Hints] | None = None
) -> Callable[[Check], Exercise]:
    """Make a check of a generator (answer..., rng) that yields what holds and raises Wrong.

    number: "lesson.exercise".   hints: for each mistake that the check can name, a nudge, a
    pointer and almost the answer; those of `COMMON` are always there.

    >>> @exercise("0.1", "Two", hints={"three": ("Fewer.", "One fewer.", "It is 1 + 1.")})
    ... def two(answer, rng):
    ...     if answer == 3:
    ...         raise Wrong("three", "You said 3.")
    ...     yield "it is two"
    >>> print(two(2))
    0.1 Two: right (1 point).
      + it is two
    """
    return lambda check: Exercise(number, title, points, hints or {}, check)


def _is_open(part: Any) -> bool:
    """Whether a part of the answer, or an entry of it, is still the ... of the template."""
    return part is ... or (isinstance(part, dict) and any(x is ... for x in part.values()))


def _seed(number: str) -> int:
    """Fresh inputs on every call; when a seed is set, the same for everybody at this exercise."""
    fixed = os.environ.get(SEED)
    return secrets.randbits(32) if fixed is None else crc32(f"{fixed} {number}".encode())
