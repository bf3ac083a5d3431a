"""How often the device had to stop for the host, and how often the host sent it arrays."""

import traceback
from contextlib import contextmanager


class Counts:
    """Lists of what happened and where: reads of values (syncs), arrays from the host (copies)."""

    def __init__(self):
        self.syncs, self.copies = [], []

    def note(self, kind, what):
        stack = traceback.extract_stack()
        places = [f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in stack]
        ours = [p for p, f in zip(places, stack, strict=True) if "fake_cupy" not in f.filename]
        getattr(self, kind).append(f"{what} at {' < '.join(reversed(ours[-4:]))}")


COUNTS = Counts()


@contextmanager
def counting():
    """Count anew inside this block; the lists stay readable after it."""
    outer = COUNTS.syncs, COUNTS.copies
    inner = Counts()
    COUNTS.syncs, COUNTS.copies = inner.syncs, inner.copies
    try:
        yield inner
    finally:
        COUNTS.syncs, COUNTS.copies = outer
