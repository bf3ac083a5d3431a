"""Layers as students write them: a forward, a backward, inputs; ten of the backwards are wrong.

LAYERS   {name: Layer}, in alphabetical order
CAUSES   {cause: what it means}; "right" is one of them
score    how much of the hunt a set of verdicts earned; the answers themselves are in `key`
"""

from __future__ import annotations

from .catalogue import LAYERS, Layer, table
from .key import CAUSES, Score, score

__all__ = ["CAUSES", "LAYERS", "Layer", "Score", "score", "table"]
