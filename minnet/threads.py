"""Share a long pass over memory among threads, as BLAS shares its products.

NumPy computes without the interpreter's lock, so two Python threads can compute side by side.
They need the lock between two calls, and handing it over takes some microseconds: this pays for
work of milliseconds on rows that are cut into blocks, and a third thread gains little.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Thread
from typing import Any

__all__ = ["share", "thread_count"]

USEFUL = 2  # threads; more wait for the lock


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


def share(work: Callable[[Any], None], parts: Sequence[Any]) -> None:
    """Call work(part) for each part, every one but the first in a thread of its own.

    Each call sees the caller's context (np.errstate above all).  Raises what a call raised, after
    all of them have ended.

    >>> import numpy as np
    >>> x = np.ones(6)
    >>> def double(part):
    ...     part *= 2
    >>> share(double, [x[:3], x[3:]])
    >>> x
    array([2., 2., 2., 2., 2., 2.])
    """
    failures: list[BaseException] = []

    def attempt(part: Any) -> None:
        try:
            work(part)
        except BaseException as failure:
            failures.append(failure)

    threads = [Thread(target=copy_context().run, args=(attempt, part)) for part in parts[1:]]
    for thread in threads:
        thread.start()
    attempt(parts[0])
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
