"""Who made the first NaN or Inf of a forward pass."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..debugging import debug
from ..errors import NonFiniteError
from ..functional.targets import raw
from ..modes import no_grad

__all__ = ["culprit"]


def culprit(
    op: Any, args: Any, calls: list[tuple[Any, tuple]], names: dict[int, str]
) -> dict[str, str]:
    """{"op": operation, "where": "weights" | "input" | "forward"} of the first non-finite value.

    op, args: where it was noticed; None if only the model's output is known.   calls: the model and
    its arguments; a copy of it is run again to find the operation inside it.
    """
    for module, inputs in calls:
        bad = [names.get(id(p), "?") for p in module.parameters() if not _finite(raw(p))]
        if bad:
            return {"op": bad[0], "where": "weights"}
        if any(not _finite(raw(a)) for a in inputs):
            return {"op": "the batch", "where": "input"}
    if op is not None and all(_finite(raw(a)) for a in args):
        return {"op": op.name, "where": "forward"}
    for module, inputs in [call for call in calls if call[1]]:
        try:
            with no_grad(), debug(), np.errstate(all="ignore"):
                copy.deepcopy(module)(*inputs)
        except NonFiniteError as error:
            return {"op": str(error).split("(")[0], "where": "forward"}
    return {"op": op.name if op is not None else "the model", "where": "forward"}


def _finite(a: Any) -> bool:
    a = np.asarray(a) if not hasattr(a, "dtype") else a
    return a.dtype.kind != "f" or bool(np.isfinite(a).all())
