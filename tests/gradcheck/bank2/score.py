"""Score of the checker on the second bank, over points and over bugs.

python -m tests.gradcheck.bank2.score [seeds]
"""

import sys
import warnings
from collections import defaultdict
from dataclasses import replace

import numpy as np

from tests.gradcheck.bank.score import Trial, effects, table, trials

from .bugs import BUGS, Bug

__all__ = ["Trial", "effects", "main", "results", "summary", "table"]

BY_ID = {b.id: b for b in BUGS}


def results(bugs: list[Bug] | None = None, **grid) -> list[Trial]:
    """The checker's verdicts on this bank's bugs; a wrong backward may overflow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = list(trials(BUGS if bugs is None else bugs, **grid))
    return [t if acts(t) else replace(t, flagged=None, named=False) for t in rows]


def acts(t: Trial) -> bool:
    """Whether the bug does anything at the inputs of this point."""
    bug = BY_ID[t.id]
    return bool(bug.acts(bug.op.inputs(np.random.default_rng([t.seed, 7]), t.square)))


def by_bug(rows: list[Trial]) -> dict[str, list[Trial]]:
    """The points where a bug has an effect, by bug."""
    real = defaultdict(list)
    for t in rows:
        if t.flagged is not None:
            real[t.id].append(t)
    return real


def summary(rows: list[Trial]) -> list[str]:
    """Shares over bugs and families, and the bugs that are missed somewhere, with their labels."""
    bugs, real = BY_ID, by_bug(rows)
    share = {k: sum(t.named for t in ts) / len(ts) for k, ts in real.items()}
    families = defaultdict(list)
    for k, s in share.items():
        families["state" if bugs[k].contract else bugs[k].op.family].append(s)
    unflagged = [k for k, ts in real.items() if not all(t.flagged for t in ts)]
    return [
        f"over bugs: mean share named {mean(share.values()):.1%}, "
        f"at half of its points or more {mean(s >= 0.5 for s in share.values()):.1%}, "
        f"at every point {mean(s == 1 for s in share.values()):.1%}",
        "by family: " + ", ".join(f"{f} {mean(s):.0%} of {len(s)}" for f, s in families.items()),
        f"not flagged somewhere: {', '.join(unflagged) or 'none'}",
        "cause not among the first two at every point:",
        *(line(bugs[k], s, real[k]) for k, s in share.items() if s < 1),
    ]


def line(bug: Bug, share: float, rows: list[Trial]) -> str:
    """A miss: the mistake, its labels, and what was said instead."""
    said = defaultdict(int)
    for t in rows:
        if not t.named:
            said[", ".join(t.codes[:2]) or "-"] += 1
    instead = "; ".join(f"{c} x{n}" for c, n in sorted(said.items(), key=lambda cn: -cn[1]))
    return (
        f"  {bug.id:4}{share:5.0%} {bug.op.name}: {bug.what}"
        f" [{' '.join(sorted(bug.causes))}] said: {instead}"
    )


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def main(seeds: int = 20) -> None:
    rows = results(seeds=range(seeds))
    print("\n".join([*table(rows)[0], *summary(rows)]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
