"""The process that executes one submission: `python -m minnet_lessons.grading.child`, the job on
its stdin.

It writes one JSON object a line to what was its stdout: {"cell": n} before a cell, then {"cell":
n, "said": ..., "points": ...}, and {"done": true} at the end.  It may crash or hang at any moment:
`runner` reads what there is.
"""

from __future__ import annotations

import faulthandler
import json
import linecache
import os
import random
import signal
import socket
import sys
import types
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from gradcheck.files.loading import describe, silence

from ..catalogue import exercises
from ..outcome import TryAgain, YourTurn

__all__ = ["main"]

try:
    import resource
except ImportError:  # a system without such limits
    resource = None  # type: ignore[assignment]

GRACE = 2.0  # seconds between the polite end of a cell and the end of the process
MEMORY = "it needs too much memory"
MEGABYTE = 1 << 20
LARGEST_FILE = 64 * MEGABYTE

Tell = Callable[..., None]


class Overtime(BaseException):
    """A cell took too long; no Exception, so that a student's `except Exception` lets it pass."""


def main() -> None:
    """Execute the steps of a job in one namespace; tell what each check says."""
    job = json.load(sys.stdin)
    sys.stdin = open(os.devnull)  # noqa: SIM115  (open until the process ends)
    tell = _teller()
    silence()
    warnings.simplefilter("ignore")
    known = exercises(job["lesson"])
    checks = dict(vars(import_module(f"..checks.lesson_{job['lesson']:02}", __package__)))
    points = {number: exercise.points for number, exercise in known.items()}
    _limit_memory(job["memory"])
    _go_offline()
    _make_repeatable()
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    module.__dict__["display"] = lambda *shown, **options: None
    for i, step in enumerate(job["steps"]):
        if i not in job["skip"]:
            tell(cell=i)
            if step["check"]:
                module.__dict__["check"] = types.SimpleNamespace(**checks)
            full = points[step["check"]] if step["check"] else 0.0
            said = _execute(step["code"], f"cell {i + 1}", module.__dict__, job["seconds"], full)
            tell(cell=i, **said)
            if (
                said["said"] == MEMORY
            ):  # what fills it may still be held: begin anew without this cell
                os._exit(1)
    tell(done=True)
    os._exit(0)  # threads that a student started do not matter any more


def _teller() -> Tell:
    """tell(**event): write an event at once, where nothing that is printed can come between."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    if hasattr(os, "register_at_fork"):  # the reader waits until everybody has closed the pipe
        os.register_at_fork(after_in_child=pipe.close)

    def tell(**event: Any) -> None:
        pipe.write(json.dumps(event) + "\n")
        pipe.flush()

    return tell


def _execute(
    code: str, name: str, names: dict[str, Any], seconds: float, full: float
) -> dict[str, Any]:
    """Run one cell: what it said, and the points.   full: the points for no complaint."""
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    try:
        _watch(seconds)
        exec(compile(code, name, "exec"), names)
        return {"said": "", "points": full}
    except MemoryError:
        return {"said": MEMORY, "points": 0.0}
    except Overtime:
        return {"said": f"it ran for more than {seconds:g} s", "points": 0.0}
    except TryAgain as error:
        said = "; ".join(line.strip() for line in str(error).splitlines()[1:-1])
        return {"said": said, "points": min(error.earned, full)}
    except YourTurn:
        return {"said": "nothing written yet", "points": 0.0}
    except BaseException as error:
        return {"said": describe(error, name, place=False), "points": 0.0}
    finally:
        _watch(0)


def _watch(seconds: float) -> None:
    """Raise Overtime after so many seconds; if that is not heard, end the process.   0: stop."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _overtime)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    if seconds:
        faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=2)
    else:
        faulthandler.cancel_dump_traceback_later()


def _overtime(number: int, frame: Any) -> None:
    raise Overtime


def _limit_memory(megabytes: int) -> None:
    """No more memory than this, and no large files; where the system has such limits."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * MEGABYTE,) * 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _go_offline() -> None:
    """Let every connection fail at once, so that no result depends on a network."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in (
            "socket.connect",
            "socket.getaddrinfo",
            "socket.gethostbyname",
            "socket.sendto",
        ):
            raise socket.gaierror(f"no network while grading ({event})")

    sys.addaudithook(refuse)


def _make_repeatable() -> None:
    """The same random numbers on every run, also where a generator was asked for without a seed."""
    fresh, entropy = np.random.default_rng, np.random.SeedSequence(0)
    np.random.default_rng = lambda seed=None: fresh(entropy.spawn(1)[0] if seed is None else seed)
    np.random.seed(0)
    random.seed(0)


if __name__ == "__main__":
    main()
