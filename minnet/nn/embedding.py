"""Embedding and positional encodings: from whole numbers, and from places, to vectors."""

from __future__ import annotations

from typing import Any

from ..backend import Array, as_generator, default_dtype
from ..errors import ValueRangeError
from ..functional import embedding
from ..functional.embedding import require_ids
from ..init import Rng, normal
from ..tensor import Parameter
from .checks import require_count
from .module import Module

__all__ = ["Embedding"]


class Embedding(Module):
    """y = W[ids], a table of vectors looked up by whole numbers.

    ids: integers 0 .. num_embeddings-1 of any shape -> (*ids.shape, embedding_dim).
    weight W: (num_embeddings, embedding_dim), standard normal numbers, PyTorch's default.
    padding_idx: a row that starts at 0 and gets no gradient.
    Raises DTypeError for ids that are no integers, IndexRangeError for those outside the table.

    >>> import numpy as np
    >>> layer = Embedding(10, 3, padding_idx=0, rng=0)
    >>> layer(np.array([[0, 1, 1]])).shape, layer.weight.numpy()[0].tolist()
    ((1, 3, 3), [0.0, 0.0, 0.0])
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        padding_idx: int | None = None,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        self.num_embeddings = require_count(self, "num_embeddings", num_embeddings)
        self.embedding_dim = require_count(self, "embedding_dim", embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueRangeError(
                f"{self.title()} needs padding_idx below {num_embeddings}, got {padding_idx}."
            )
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        W = normal((num_embeddings, embedding_dim), rng=as_generator(rng), dtype=dtype)
        if padding_idx is not None:
            W[padding_idx] = 0
        self.weight = Parameter(W)

    def forward(self, ids: Any) -> Array:
        """W[ids]."""
        ids = require_ids(self.title(), ids, self.num_embeddings, self.weight)
        return embedding(ids, self.weight, padding_idx=self.padding_idx)

    def describe(self) -> str:
        """The sizes."""
        return f"{self.num_embeddings}, {self.embedding_dim}"
