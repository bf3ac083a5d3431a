"""Which lines of a parameter are measured: signed Gaussian directions and stratified entries."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Plan", "choose"]

COST = 4  # forward calls of a line's first look


@dataclass(frozen=True)
class Plan:
    """directions: (k, *shape) floats.   entries: flat indices, ascending."""

    directions: np.ndarray
    entries: np.ndarray


def choose(a, options, share, rng) -> Plan:
    """Lines for a parameter with analytic gradient a; share: forward calls it may cost, or None.

    Every parameter gets entries, without replacement; the largest, the smallest and a zero entry of
    the analytic gradient are among them.  Directions see all entries at once.
    """
    k = options.directions if options.mode in ("auto", "directions") else 0
    count = {"all": a.size, "directions": 0}.get(options.mode, options.samples_per_param)
    if options.mode == "auto" and a.size <= count:
        k = 0  # all entries say more than directions
    if share is not None:
        k = min(k, max(1, share // (2 * COST)))
        count = min(count, max(1, share // COST - k))
    V = rng.standard_normal((k, *a.shape))
    return Plan(V, pick(a.ravel(), min(count, a.size), rng))


def pick(a, count, rng) -> np.ndarray:
    """`count` flat indices, with the extremes of |a| and one exact zero."""
    if count == 0 or count == a.size:
        return np.arange(count)
    size = abs(a)
    chosen = [size.argmax(), size.argmin(), *np.flatnonzero(a == 0)[:1]][:count]
    random = rng.choice(a.size, size=count, replace=False)
    return np.unique([*chosen, *random[: count - len(set(chosen))]]).astype(int)
