"""What to believe beside and on a kink, from one-sided slopes at shrinking steps.

On a smooth piece the jump |D+ - D-| shrinks with h.  A kink between x and x + h is left behind by
a small enough h; a point ON a kink keeps its jump, and any slope between D- and D+ is a subgradient
(Clarke's interval, for one coordinate).
"""

from dataclasses import dataclass

import numpy as np

__all__ = [
    "Ladder",
    "climb",
    "corroborated",
    "count_kinks",
    "crossing",
    "on_kink",
    "resolved",
    "subgradient",
]

LADDER = 10.0 ** -np.arange(2, 9)  # h in units of the line's own scale


@dataclass
class Ladder:
    """One-sided slopes (rungs, lines): right, left, their noise, and the steps h."""

    right: np.ndarray
    left: np.ndarray
    noise: np.ndarray
    h: np.ndarray

    @property
    def central(self):
        """D = (D+ + D-) / 2."""
        return (self.right + self.left) / 2

    @property
    def jump(self):
        """|D+ - D-|."""
        return abs(self.right - self.left)

    def usable(self, scale):
        """Rungs whose noise cannot hide a wrong gradient: 10 noise <= 1e-4 scale."""
        return 10 * self.noise <= 1e-4 * scale


def climb(probe, lines) -> Ladder:
    """Evaluate the ladder for the first upstream of a probe: 14 evaluations a line."""
    y = probe.problem.evaluate(probe.values).reshape(1, -1)
    h = LADDER[:, None] * probe.scale(lines)
    right, noise = zip(*(probe.slope(lines, t, y) for t in h), strict=True)
    left, _ = zip(*(probe.slope(lines, -t, y) for t in h), strict=True)
    first = lambda rows: np.stack(rows)[..., 0]
    return Ladder(first(right), first(left), first(noise), h)


def on_kink(ladder):
    """(lines,) True where the jump does not shrink down to the last step above the noise."""
    jump, loud = ladder.jump, ladder.jump > 20 * ladder.noise
    stays = (jump[1:] > 0.5 * jump[:-1]) & loud[1:] & loud[:-1]
    return stays[-1] | stays[-2] & ~loud[-1]


def corroborated(ladder, n, u):
    """Do the small steps give n too?  A table extrapolated across a kink can look converged."""
    miss = abs(ladder.central - n)[3:5]  # 1e-5, 1e-6: truncation is below rounding
    return np.all(miss <= 10 * (ladder.noise[3:5] + u), axis=0)


def crossing(ladder):
    """(lines,) True where a kink lies within reach: the centred slope moves along with the jump."""
    jump, moved = ladder.jump[:-1], abs(np.diff(ladder.central, axis=0))
    loud = (jump > 20 * ladder.noise[:-1]) & (moved > 20 * ladder.noise[1:])
    return np.any(loud & (moved > 0.05 * jump), axis=0)


def subgradient(ladder, a, *, tol, scale):
    """Per line "inside", "hull" or "outside": where a lies relative to [D-, D+].

    "hull": outside the interval but inside that of {D-, D+, D- + D+, 0}, which an entry that meets
    several kinks at once may reach with right subgradients: cannot be judged.
    """
    right, left = ladder.right[-2], ladder.left[-2]  # the last rung only confirms
    slack = 10 * ladder.noise[-2] + tol * scale + 2 * abs(ladder.central[-2] - ladder.central[-1])
    inside = within(a, (right, left), slack)
    hull = within(a, (right, left, right + left, 0 * right), slack)
    return np.where(inside, "inside", np.where(hull, "hull", "outside"))


def within(a, ends, slack):
    """min(ends) - slack <= a <= max(ends) + slack."""
    return (a >= np.min(ends, axis=0) - slack) & (a <= np.max(ends, axis=0) + slack)


def resolved(ladder, a, *, tol, scale):
    """(agrees, refuted, rung) per line, for points beside a kink.

    agrees: a matches the centred slope at some usable h.   refuted: it misses at a usable h by more
    than the jump left there.   rung: the one that says so (the largest such h).
    """
    miss = abs(a - ladder.central)
    usable = ladder.usable(scale)
    agree = usable & (miss <= 10 * ladder.noise + tol * scale)
    refute = usable & (miss > 10 * ladder.noise + ladder.jump + tol * scale)
    rung = np.where(agree.any(0), agree.argmax(0), refute.argmax(0))
    return agree.any(0), refute.any(0), rung


def count_kinks(branches) -> int:
    """How many numbers decide a branch: the size of all boolean or integer arrays of a pattern.

    >>> count_kinks([np.zeros((50_000, 9), dtype=bool)])          # a linear SVM: N (C - 1) hinges
    450000
    """
    arrays = branches.values() if isinstance(branches, dict) else branches
    return sum(
        int(np.size(b)) for b in (arrays if not isinstance(arrays, np.ndarray) else [arrays])
    )
