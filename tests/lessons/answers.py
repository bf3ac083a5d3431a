"""The answers that checks are held against: wrong ones with their mistake, and right ones."""

import importlib
import pkgutil

import minnet_lessons.source as source
from minnet_lessons.catalogue import exercises

from . import right, wrong

__all__ = ["EXERCISES", "LESSONS", "RIGHT", "WRONG", "solutions"]


def submodules(package):
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


LESSONS = source.lessons()
EXERCISES = {n: e for lesson in LESSONS for n, e in exercises(lesson.number).items()}
submodules(wrong)
WRONG = list(wrong.SUBMISSIONS)
RIGHT = [(n, a) for m in submodules(right) for n, answers in m.RIGHT.items() for a in answers]


def solutions(exercise):
    """The lines of an exercise's solution, without blanks, comments and indentation."""
    for lesson in LESSONS:
        for cell in lesson.cells:
            if cell.exercise == exercise:
                region = cell.text.split(source.BEGIN)[1::1]
                for part in region:
                    lines = part.split(source.END)[0].splitlines()
                    yield from (text for line in lines if (text := line.split("#")[0].strip()))
