"""Random numbers for dropout: each thread hashes the number of its element."""

from __future__ import annotations

from typing import Any

from ..backend import Array
from .source import Elementwise

__all__ = ["NOISE", "counted_uniform"]

NOISE = Elementwise(
    "noise",
    "uint64 seed",
    "float32 u",
    """
    unsigned long long z = (unsigned long long)(i + 1) * 0x9E3779B97F4A7C15ull + seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z = z ^ (z >> 31);
    u = (float)(z >> 40) * 5.9604644775390625e-8f;
    """,
)


def counted_uniform(xp: Any, seed: Any, n: int) -> Array:
    """What `minnet.backend.counted_uniform` computes, in one pass."""
    u = xp.empty(n, "float32")
    if n:
        NOISE.on(xp)(seed, u)
    return u
