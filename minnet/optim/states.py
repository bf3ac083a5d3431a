"""What a saved state must hold, asked before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backend import to_host
from ..errors import StateError

__all__ = ["is_count", "numbers", "require_same_keys"]

Array = Any
LARGEST_COUNT = 2**53  # steps that a double counts one by one


def numbers(value: Any) -> Array | None:
    """An array of real numbers on the host; None if the value is anything else."""
    try:
        a = to_host(value)
    except (TypeError, ValueError):  # rows of unequal length
        return None
    return a if a.dtype.kind in "iuf" else None


def is_count(t: Any) -> bool:
    """Whether it is one whole number of at least 0, in any type that a file may give it."""
    a = numbers(t)
    return a is not None and a.shape == () and 0 <= a < LARGEST_COUNT and a == int(a)


def require_same_keys(who: str, record: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise StateError naming keys that are missing from record or unknown."""
    if not isinstance(record, Mapping):
        raise StateError(f"{who} needs a state_dict, got {type(record).__name__}.")
    missing = [key for key in expected if key not in record]
    unknown = [key for key in record if key not in expected]
    if missing or unknown:
        raise StateError(
            f"{who}.load_state_dict needs the entries of its own state_dict; missing: "
            f"{', '.join(missing) or 'none'}; unknown: {', '.join(map(str, unknown)) or 'none'}."
        )
