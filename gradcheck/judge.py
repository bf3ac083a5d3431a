"""The verdict on numbers: a pass needs agreement with a reference known to within tol, a fail
needs a difference beyond ten times the reference's own uncertainty; else nothing is claimed."""

from dataclasses import replace

import numpy as np

from . import kinks as kink
from .entries import STATUSES, Entries
from .errors import InputError
from .numeric import STENCILS, complex_step, forward_difference, one_sided, ridders, stencil
from .tolerance import conclusive, matches

__all__ = ["judge", "look"]

RESTARTS = (None, 1e-3, 2e-5)  # where Ridders' table starts, in line scales
BATCH = 64  # disagreeing lines looked into at a time
OPEN = -1  # the grade of a line without a verdict; else its position in STATUSES


class Verdicts:
    """Arrays over lines: n, u, h, grade and flags, refined step by step for those still open."""

    def __init__(self, probe, lines, a, indices, first, *, tol, scale, norm):
        self.probe, self.lines, self.a, self.indices = probe, lines, a, indices
        self.tol, self.floor, self.norm = tol, scale, norm
        self.n, self.u, self.h = first.value[:, 0].copy(), first.u[:, 0].copy(), first.h.copy()
        lost = ~np.isfinite(self.n) | ~(self.u < np.inf)
        self.n[lost], self.u[lost], self.h[lost] = np.nan, np.inf, np.nan
        self.grade = np.full(a.shape, OPEN, dtype=np.int8)
        self.flags = dict.fromkeys(probe.crossed, ("kink",))
        probe.crossed.clear()

    def scale(self, which=slice(None)):
        """max(|a|, |n|)."""
        return np.fmax(abs(self.a[which]), abs(self.n[which]))

    def open(self):
        """Lines without a verdict."""
        return np.flatnonzero(self.grade == OPEN)

    def take(self, which, slopes):
        """Adopt a reference where it is better known than the one before."""
        u = np.where(np.isfinite(slopes.value[:, 0]), slopes.u[:, 0], np.inf)
        better = u < self.u[which]
        new = which[better]
        self.n[new], self.u[new] = slopes.value[better, 0], u[better]
        self.h[new] = slopes.h[better]

    def agree(self, which=slice(None)):
        """Does a match n, by the rule of the verdict?"""
        return matches(
            self.a[which],
            self.n[which],
            self.u[which],
            tol=self.tol,
            scale=self.scale(which),
            norm=self.norm,
        )

    def known(self, which=slice(None)):
        """Is n known to within tol of the entry, or of a typical entry of its parameter?"""
        unit = np.fmax(self.scale(which), self.floor)
        exact = (self.n[which] == 0) & (self.a[which] == 0)  # nothing moved, nothing claimed
        return conclusive(self.u[which], tol=self.tol, scale=unit) | exact

    def settle(self, which, status, *flags):
        """Give lines a status and flags."""
        self.grade[which] = STATUSES.index(status)
        for k in which.tolist() if flags else ():
            self.flags[k] = self.flags.get(k, ()) + flags

    def entries(self):
        """Entry records, in the order of the lines."""
        entry = self.lines.dtype.kind != "f"
        x = self.probe.x.reshape(-1)[self.lines] if entry else np.full(len(self.a), np.nan)
        numbers = (x, self.a, self.n, self.u, self.h)
        unit = np.fmax(self.scale(), self.floor)
        return Entries(self.indices, *numbers, self.flags, self.grade, unit)


def look(probe, lines, a, indices, options, *, scale, norm) -> Verdicts:
    """Lines through a probe's point with their first reference, and no verdict yet.

    a: (lines,) analytic slopes.   scale: what counts as a typical slope of this parameter.
    norm: of its whole gradient.   indices: as in Entries.
    """
    first = first_look(probe, lines, options.method, options.step)
    return Verdicts(probe, lines, a, indices, first, tol=options.tol, scale=scale, norm=norm)


def judge(v, options) -> Entries:
    """A verdict for every line; those that the first reference does not settle get a better one."""
    good = v.agree() & v.known()
    v.settle(good, "pass")
    if not good.all():
        if options.method != "complex":
            insist(v, options.step)
        v.settle(v.open(), "fail" if options.method == "complex" else "inconclusive", "weak")
    if options.kinks != "resolve":
        overrule(v, options.kinks)
    return v.entries()


def first_look(probe, lines, method, step):
    """The cheap reference that most entries agree with; independent examples move together."""
    together = probe.together(lines) if method in ("auto", *STENCILS) else None
    if together:
        s = first_look(together, np.arange(together.rest), method, step)
        return replace(s, h=np.tile(s.h, together.lead))
    if method == "forward":
        return forward_difference(probe, lines, step)
    if method == "complex":
        return complex_step(probe, lines, step)
    if method == "ridders":
        return ridders(probe, lines, step)
    return stencil(probe, lines, "central4" if method == "auto" else method, step)


def insist(v, step):
    """Better references, and a look for kinks, for the lines that are still open."""
    waiting = v.open()
    for start in range(0, len(waiting), BATCH):
        which = waiting[start : start + BATCH]
        extrapolate(v, which, step)
        name_kinks(v, which)
        look_for_kinks(v, which)
        v.probe.crossed.clear()
        if np.sum(v.grade[which] == STATUSES.index("fail")) > BATCH // 2:
            rest = waiting[start + BATCH :]
            v.settle(rest[~v.agree(rest)], "fail", "not retried")
            return


def extrapolate(v, which, step):
    """Ridders' table, from smaller and smaller starting steps while it does not converge."""
    for start in RESTARTS:
        if not len(which):
            return
        lines = v.lines[which]
        unit = v.probe.scale(lines)
        v.take(which, ridders(v.probe, lines, None if start is None else start * unit))
        settled = which[v.agree(which) & v.known(which)]
        v.settle(settled, "pass", *(() if start is None else ("retried",)))
        which = which[(v.grade[which] == OPEN) & ~v.known(which)]
    edge(v, which[~np.isfinite(v.n[which])])


def name_kinks(v, which):
    """Say "kink" where one is why a smaller step was needed."""
    which = np.array([k for k in which if "retried" in v.flags.get(k, ())], dtype=int)
    if len(which):
        ladder = kink.climb(v.probe, v.lines[which])
        v.settle(which[kink.crossing(ladder) | kink.on_kink(ladder)], "pass", "kink")


def edge(v, which):
    """A function undefined on one side: one-sided slopes."""
    for side in (1, -1):
        for start in RESTARTS:
            if not len(which):
                return
            h = None if start is None else start * v.probe.scale(v.lines[which])
            v.take(which, one_sided(v.probe, v.lines[which], side, h))
            settled = v.agree(which) & v.known(which)
            v.settle(which[settled], "pass", "edge")
            which = which[~settled]


def look_for_kinks(v, which):
    """Settle the open lines of `which` by the ladder of one-sided slopes, else by the reference."""
    which = which[v.grade[which] == OPEN]
    if not len(which):
        return
    ladder = kink.climb(v.probe, v.lines[which])
    a, scale = v.a[which], np.fmax(v.scale(which), v.floor)
    on = kink.on_kink(ladder)
    place = kink.subgradient(ladder, a, tol=v.tol, scale=scale)
    agrees, refuted, rung = kink.resolved(ladder, a, tol=v.tol, scale=scale)
    known = v.known(which) & kink.corroborated(ladder, v.n[which], v.u[which])
    same = v.agree(which) | ~np.isfinite(v.n[which])
    crossed = kink.crossing(ladder) | (v.known(which) & ~known)
    is_direction = v.lines.dtype.kind == "f"
    for k, line in enumerate([np.array([i]) for i in which]):
        if on[k]:
            status = {
                "inside": "pass",
                "hull": "inconclusive",
                "outside": "inconclusive" if is_direction else "fail",
            }[place[k]]
            v.settle(line, status, "kink", "on-kink", *(["outside"] if status == "fail" else []))
        elif known[k]:
            v.settle(line, "pass" if same[k] else "fail")
        elif agrees[k]:
            if crossed[k]:
                adopt(v, line, ladder, k, rung[k])
                v.settle(line, "pass", "kink", "retried")
        elif refuted[k] or not same[k]:
            if refuted[k]:
                adopt(v, line, ladder, k, rung[k])
            v.settle(line, "fail")


def adopt(v, line, ladder, k, rung):
    """Report the ladder's own slope for a line that was settled by it."""
    v.n[line], v.u[line], v.h[line] = (x[rung, k] for x in (ladder.central, ladder.noise, ladder.h))


def overrule(v, kinks):
    """kinks="error": every crossing fails; "ignore": crossings are counted, not judged."""
    if kinks not in ("error", "ignore"):
        raise InputError(f"gradcheck needs kinks='resolve', 'error' or 'ignore', got {kinks!r}.")
    crossed = np.array([k for k, flags in v.flags.items() if "kink" in flags], dtype=int)
    v.settle(crossed, "fail" if kinks == "error" else "inconclusive")
