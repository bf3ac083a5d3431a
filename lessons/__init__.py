"""The course: notebooks, the checks behind their exercises, and the zoos of planted faults.

A notebook begins with `from minnet_lessons import YourTurn` and `from minnet_lessons.checks import
lesson_NN as check`.
"""

from .outcome import Passed, TryAgain, YourTurn
from .overview import Progress, progress

__all__ = ["Passed", "Progress", "TryAgain", "YourTurn", "progress"]
