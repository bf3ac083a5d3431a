"""The lists of the second zoo, apart from those of the others."""

from __future__ import annotations

from ..training.catalogue import Catalogue

__all__ = ["BROKEN", "HEALTHY", "broken", "healthy"]

_zoo = Catalogue()
BROKEN, HEALTHY, broken, healthy = _zoo.sick, _zoo.sound, _zoo.broken, _zoo.healthy
