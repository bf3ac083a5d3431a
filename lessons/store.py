"""What has been solved so far, in one small file on the reader's own disk.

The file is progress.json in ~/.minnet, or the file that MINNET_PROGRESS names.  It never leaves
the machine.
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

Entry = dict[str, Any]


def read() -> dict[str, Entry]:
    """{exercise: {"points": earned so far, "tries": {mistake: how often}}}; {} if unreadable."""
    with suppress(OSError, ValueError):
        kept = json.loads(_path().read_text(encoding="utf-8"))
        if isinstance(kept, dict):
            return {number: entry for number, entry in kept.items() if _is_entry(entry)}
    return {}


def passed(exercise: str, points: float) -> None:
    """Keep that an exercise was solved."""
    kept = read()
    _entry(kept, exercise)["points"] = points
    _write(kept)


def tried(exercise: str, mistake: str, points: float = 0.0) -> int:
    """Keep that a mistake was made; return how often it was made so far, this time included."""
    kept = read()
    entry = _entry(kept, exercise)
    entry["points"] = max(entry["points"], points)
    entry["tries"][mistake] = entry["tries"].get(mistake, 0) + 1
    _write(kept)
    return int(entry["tries"][mistake])


def _entry(kept: dict[str, Entry], exercise: str) -> Entry:
    return kept.setdefault(exercise, {"points": 0.0, "tries": {}})


def _is_entry(entry: Any) -> bool:
    """Whether it has the form that `read` promises; a file may have been edited by hand."""
    if not isinstance(entry, dict) or not isinstance(entry.get("tries"), dict):
        return False
    return all(isinstance(n, int | float) for n in (entry.get("points"), *entry["tries"].values()))


def _path() -> Path:
    return Path(os.environ.get(PROGRESS) or Path.home() / ".minnet" / "progress.json")


def _write(kept: dict[str, Entry]) -> None:
    """Replace the file whole; if the disk cannot be written, only the memory is lost."""
    with suppress(OSError), replacing(_path()) as file:
        file.write(json.dumps(kept, indent=1).encode())
