"""What exercises there are: those that lessons/checks/lesson_NN.py defines."""

from __future__ import annotations

from importlib import import_module

from .checks import Exercise

__all__ = ["exercises"]


def exercises(lesson: int) -> dict[str, Exercise]:
    """{number: exercise} of a lesson, in the order of their numbers; empty if it has no checks.

    >>> list(exercises(0))
    []
    """
    name = f"{__package__}.checks.lesson_{lesson:02}"
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return {}
    found = {e.number: e for e in vars(module).values() if isinstance(e, Exercise)}
    return dict(sorted(found.items(), key=lambda item: [int(n) for n in item[0].split(".")]))
