"""What has been solved so far, in one small file on the reader's own disk.

The file is progress.json in ~/.minnet, or the file that MINNET_PROGRESS names.  It never leaves the machine.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from minnet.data.files import replacing

__all__ = ["PROGRESS", "passed", "read", "tried"]

PROGRESS = "MINNET_PROGRESS"  # environment variable: another file


def read() -> dict[str, Any]:
    """{exercise: {"points": earned so far, "tries": {mistake: how often}}}; empty when nothing is stored."""
    with suppress(OSError, ValueError):
        return dict(json.loads(_path().read_text(encoding="utf-8")))
    return {}


def passed(exercise: str, points: float) -> None:
    """Keep that an exercise was solved."""
    store = read()
    _entry(store, exercise)["points"] = points
    _write(store)


def tried(exercise: str, mistake: str, points: float = 0.0) -> int:
    """Keep that a mistake was made; return how often it was made so far, this time included."""
    store = read()
    entry = _entry(store, exercise)
    entry["points"] = max(entry["points"], points)
    entry["tries"][mistake] = entry["tries"].get(mistake, 0) + 1
    _write(store)
    return int(entry["tries"][mistake])


def _entry(store: dict[str, Any], exercise: str) -> dict[str, Any]:
    return store.setdefault(exercise, {"points": 0.0, "tries": {}})


def _path() -> Path:
    return Path(os.environ.get(PROGRESS) or Path.home() / ".minnet" / "progress.json")


def _write(store: dict[str, Any]) -> None:
    """Replace the file whole; a disk that cannot be written only loses the memory of tries."""
    with suppress(OSError), replacing(_path()) as file:
        file.write(json.dumps(store, indent=1).encode())
