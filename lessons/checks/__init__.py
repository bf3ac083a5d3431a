"""The checks behind the exercises: one module a lesson, one function an exercise.

`exercise` frames a check; `call`, `expect` and `same` compare an answer with the right one and
with known wrong ones.
"""

from .compare import agrees, call, expect, same
from .exercise import Exercise, Wrong, exercise

__all__ = ["Exercise", "Wrong", "agrees", "call", "exercise", "expect", "same"]
