"""The tour: check, train and explain a network on handwritten digits, on one page.

``minnet tour`` on the command line, or:

>>> from minnet.tour import Settings, run
>>> results = run(Settings(data="digits", quick=True))  # doctest: +SKIP
>>> results.test["accuracy"]  # doctest: +SKIP
0.97
"""

from .job import Results, Settings, run
from .page import write
from .recipes import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe", "Results", "Settings", "run", "write"]
