"""Random numbers, and dropout by them: each thread hashes the number of its element."""

from __future__ import annotations

from math import prod
from typing import Any

from ..backend import Array
from .source import Elementwise

__all__ = ["DROPOUT", "NOISE", "counted_uniform", "dropout"]

_HASH = """
    unsigned long long z = (unsigned long long)(k + 1) * 0x9E3779B97F4A7C15ull + seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z = z ^ (z >> 31);
"""
_UNIFORM = "(float)(z >> 40) * 5.9604644775390625e-8f"

NOISE = Elementwise(
    "noise",
    "uint64 seed",
    "float32 u",
    f"const long long k = i; {_HASH} u = {_UNIFORM};",
)

# each: how many elements share a mask entry; a division of long integers costs as much as the hash
DROPOUT = Elementwise(
    "dropout",
    "T x, uint64 seed, float32 p, T q, int64 each",
    "T y",
    f"const long long k = each == 1 ? i : i / each; {_HASH}"
    f" y = x * ({_UNIFORM} >= p ? T(1) / q : T(0));",
)


def counted_uniform(xp: Any, seed: Any, n: int) -> Array:
    """What `minnet.backend.counted_uniform` computes, in one pass."""
    u = xp.empty(n, "float32")
    if n:
        NOISE.on(xp)(seed, u)
    return u


def dropout(x: Array, *, seed: Any, p: float, axes: int) -> Array:
    """What `minnet.functional.dropout` computes, forward and, with dL/dy as x, backward."""
    if not x.size:
        return NotImplemented
    return DROPOUT(x, seed, float(p), float((1 - p) or 1), prod(x.shape[axes:]))
