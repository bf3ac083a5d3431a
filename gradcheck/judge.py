"""The verdict on numbers: a pass needs agreement with a reference known to within tol, a fail
needs a difference beyond ten times the reference's own uncertainty; else nothing is claimed."""

from dataclasses import replace

import numpy as np

from . import kinks as kink
from .entries import Entries
from .errors import InputError
from .numeric import STENCILS, complex_step, forward_difference, one_sided, ridders, stencil
from .tolerance import conclusive, matches, relative_error

__all__ = ["judge"]

RESTARTS = (None, 1e-3, 2e-5)  # where Ridders' table starts, in line scales
BATCH = 64  # disagreeing lines looked into at a time


class Verdicts:
    """Arrays over lines: n, u, h, status and flags, refined step by step for those still open."""

    def __init__(self, probe, lines, a, *, tol, scale, norm):
        self.probe, self.lines, self.a, self.tol, self.norm = probe, lines, a, tol, norm
        self.floor = np.broadcast_to(np.asarray(scale, dtype=float), a.shape)
        self.n, self.u, self.h = (np.full(a.shape, v) for v in (np.nan, np.inf, np.nan))
        self.status = np.full(a.shape, "open", dtype="U12")
        self.flags = [()] * len(a)

    def scale(self, which=slice(None)):
        """max(|a|, |n|)."""
        return np.fmax(abs(self.a[which]), abs(self.n[which]))

    def open(self):
        """Lines without a verdict."""
        return np.flatnonzero(self.status == "open")

    def take(self, which, slopes):
        """Adopt a reference where it is better known than the one before."""
        u = np.where(np.isfinite(slopes.value[:, 0]), slopes.u[:, 0], np.inf)
        better = u < self.u[which]
        new = which[better]
        self.n[new], self.u[new] = slopes.value[better, 0], u[better]
        self.h[new] = slopes.h[better]

    def agree(self, which):
        """Does a match n, by the rule of the verdict?"""
        return matches(
            self.a[which],
            self.n[which],
            self.u[which],
            tol=self.tol,
            scale=self.scale(which),
            norm=self.norm,
        )

    def known(self, which):
        """Is n known to within tol of the entry, or of a typical entry of its parameter?"""
        unit = np.fmax(self.scale(which), self.floor[which])
        exact = (self.n[which] == 0) & (self.a[which] == 0)  # nothing moved, nothing claimed
        return conclusive(self.u[which], tol=self.tol, scale=unit) | exact

    def settle(self, which, status, *flags):
        """Give lines a status and flags."""
        self.status[which] = status
        for k in which if flags else ():
            self.flags[k] += flags

    def accept(self):
        """Pass the open lines that agree with a known reference."""
        which = self.open()
        self.settle(which[self.agree(which) & self.known(which)], "pass")

    def entries(self, index):
        """Entry records, in the order of the lines; index: a multi-index for each."""
        entry = self.lines.dtype.kind != "f"
        x = self.probe.x.reshape(-1)[self.lines] if entry else np.full(len(self.a), np.nan)
        error, unit = relative_error(self.a, self.n), np.fmax(self.scale(), self.floor)
        numbers = (x, self.a, self.n, self.u, error, self.h)
        return Entries(index, *numbers, self.flags, self.status, unit)


def judge(probe, lines, a, *, tol, scale, norm, index, method="auto", step=None, kinks="resolve"):
    """Entries for lines through a probe's point, with analytic slopes a: (lines,).

    scale: what counts as a typical slope of this parameter; norm: of its whole gradient.
    """
    v = Verdicts(probe, lines, a, tol=tol, scale=scale, norm=norm)
    every = np.arange(len(a))
    v.take(every, first_look(probe, lines, method, step))
    crossed_at(v, every)
    v.accept()
    if len(v.open()):
        if method != "complex":
            insist(v, kinks, step)
        v.settle(v.open(), "fail" if method == "complex" else "inconclusive", "weak")
    if kinks != "resolve":
        overrule(v, kinks)
    return v.entries(index)


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


def crossed_at(v, which):
    """Note the lines on which the user's branch pattern changed (and forget what was noted)."""
    for k, crossed in v.probe.crossed.items():
        if crossed and "kink" not in v.flags[which[k]]:
            v.flags[which[k]] += ("kink",)
    v.probe.crossed.clear()


def insist(v, kinks, step):
    """Better references, and a look for kinks, for the lines that are still open."""
    waiting = v.open()
    for start in range(0, len(waiting), BATCH):
        which = waiting[start : start + BATCH]
        extrapolate(v, which, step)
        name_kinks(v, which)
        look_for_kinks(v, which)
        v.probe.crossed.clear()
        if np.sum(v.status[which] == "fail") > BATCH // 2:
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
        which = which[(v.status[which] == "open") & ~v.known(which)]
    edge(v, which[~np.isfinite(v.n[which])])


def name_kinks(v, which):
    """Say "kink" where one is why a smaller step was needed."""
    which = np.array([k for k in which if "retried" in v.flags[k]], dtype=int)
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
    which = which[v.status[which] == "open"]
    if not len(which):
        return
    ladder = kink.climb(v.probe, v.lines[which])
    a, scale = v.a[which], np.fmax(v.scale(which), v.floor[which])
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
    crossed = np.array([k for k, flags in enumerate(v.flags) if "kink" in flags], dtype=int)
    v.settle(crossed, "fail" if kinks == "error" else "inconclusive")
