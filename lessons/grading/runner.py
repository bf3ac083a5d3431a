"""Run a submission in a process of its own; a cell that kills it is left out the next time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcheck.files.runner import environment, exit_words

from ..checks.exercise import SEED
from ..store import PROGRESS
from .submissions import Step

__all__ = ["Limits", "execute"]

PACKAGE = "minnet_lessons"  # the name that notebooks import, whatever this folder is called
LEAVE_OUT = 5  # cells that may be left out because they end the process

Outcome = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """seconds: of a submission, a sixth of a cell.   memory: megabytes.   seed: any word."""

    seconds: float = 120.0
    memory: int = 2048
    seed: str = "0"


def execute(lesson: int, steps: Sequence[Step], limits: Limits) -> dict[int, Outcome]:
    """{step: {"said": text, "points": earned}} of all steps that came to an end or were ended."""
    job = {
        "lesson": lesson, "steps": [step.to_dict() for step in steps], "memory": limits.memory,
        "seconds": limits.seconds / 6,
    }  # fmt: skip
    deadline, skip = time.monotonic() + limits.seconds, dict[int, Outcome]()
    for _ in range(LEAVE_OUT + 1):
        left = deadline - time.monotonic()
        events, ended = _run({**job, "skip": list(skip)}, max(left, 0.1), limits)
        cells = [event for event in events if "cell" in event]
        if {"done": True} in events or not cells:
            break
        skip[cells[-1]["cell"]] = {"said": cells[-1].get("said", ended), "points": 0.0}
        if time.monotonic() > deadline:
            break
    said = {event["cell"]: event for event in events if "said" in event}
    lost = (
        {}
        if {"done": True} in events
        else dict.fromkeys(range(len(steps)), {"said": ended, "points": 0.0})
    )
    return {**lost, **said, **skip}


def _run(job: dict[str, Any], seconds: float, limits: Limits) -> tuple[list[Outcome], str]:
    """(events, how it ended) of one process, in an empty folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = {"HOME": folder, "USERPROFILE": folder, PROGRESS: str(Path(folder, "progress.json"))}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{PACKAGE}.grading.child"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=folder, start_new_session=True,
            env={**environment(), **home, SEED: limits.seed, "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        try:
            out, errors = process.communicate(json.dumps(job).encode(), timeout=seconds)
            code = exit_words(process.returncode)
            ended = f"the process {code}: by an exit, a crash or its time limit"
        except subprocess.TimeoutExpired:
            _end(process)
            out, errors = process.communicate()
            ended = f"no end within the {limits.seconds:g} s of a submission"
        finally:
            _end(process)
    events = [json.loads(line) for line in out.decode().splitlines() if line.endswith("}")]
    if not events and errors.strip():
        ended += f" ({errors.decode(errors='replace').strip().splitlines()[-1]})"
    return events, ended


def _end(process: subprocess.Popen) -> None:
    """End a process and whatever it started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
