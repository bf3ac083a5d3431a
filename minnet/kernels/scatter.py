"""Adding rows to a table: the gradient of an embedding."""

from __future__ import annotations

from ..backend import Array
from .source import Elementwise

__all__ = ["SCATTER_ROWS", "scatter_rows"]

# One thread for each number of values; rows with the same id take turns.  The order in which they
# do differs from run to run, and with it the rounding of their sum.
SCATTER_ROWS = Elementwise(
    "scatter_rows", "T value, raw int64 ids, int64 V, int64 d", "raw T total",
    "const long long id = ids[i / d] % V;"
    " atomicAdd(&total[(id < 0 ? id + V : id) * d + i % d], value);",
)  # fmt: skip


def scatter_rows(total: Array, ids: Array, values: Array) -> None:
    """total[ids] += values, where an id that occurs twice receives both rows (in place).

    total: (V, d).   ids: integers of any shape, -V .. V-1; others wrap around, as in CuPy.
    values: (*ids.shape, d).
    """
    if values.size:
        whole = ids.astype("int64", copy=False)
        SCATTER_ROWS(values, whole.reshape(-1), *total.shape, total)
