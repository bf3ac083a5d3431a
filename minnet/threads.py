"""Share a long pass over memory among threads, as BLAS shares its products.

NumPy computes without the interpreter's lock, so two Python threads can compute side by side.
They need the lock between two calls, and handing it over takes some microseconds: this pays for
work of milliseconds on rows that are cut into blocks, and a third thread gains little.  Whoever is
free takes the next block, so that a thread which the system holds up holds up nobody else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Lock, Thread
from typing import Any

__all__ = ["share", "thread_count"]

USEFUL = 2  # threads; more wait for the lock
_NOTHING = object()


def thread_count() -> int:
    """Threads for one piece of work: OMP_NUM_THREADS, or the processors at hand; at most 2.

    >>> 1 <= thread_count() <= 2
    True
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(USEFUL, int(asked) if asked.isdecimal() and int(asked) else _processors())


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(work: Callable[[int, Any], None], items: Sequence[Any], workers: int) -> None:
    """Call work(worker, item) for each item: the worker who is free takes the next.

    Worker 0 is the caller, each other one a thread that sees the caller's context (np.errstate
    above all).  Raises what a call raised, after all workers have ended.

    >>> import numpy as np
    >>> x = np.ones((3, 2))
    >>> def double(worker, row):
    ...     row *= 2
    >>> share(double, x, workers=2)
    >>> x.sum()
    np.float64(12.0)
    """
    if min(workers, len(items)) < 2:
        for item in items:
            work(0, item)
        return
    waiting, lock, failures = iter(items), Lock(), []

    def take() -> Any:
        with lock:
            return next(waiting, _NOTHING)

    def attempt(worker: int) -> None:
        try:
            while (item := take()) is not _NOTHING:
                work(worker, item)
        except BaseException as failure:
            failures.append(failure)

    contexts = [copy_context() for _ in range(1, workers)]
    threads = [Thread(target=c.run, args=(attempt, k)) for k, c in enumerate(contexts, 1)]
    for thread in threads:
        thread.start()
    attempt(0)
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
