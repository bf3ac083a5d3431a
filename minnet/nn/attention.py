"""Multi-head attention; its formula lives in `minnet.functional.attention`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import Array, as_generator, default_dtype
from ..errors import DTypeError, ShapeError, ValueRangeError
from ..functional import linear, scaled_dot_product_attention
from ..functional.targets import raw
from ..init import Rng, xavier_uniform, zeros
from ..tensor import Parameter
from .checks import require_count, require_floats
from .dropout import Dropout
from .linear import Linear
from .module import Module

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """softmax(Q K^T / sqrt(d)) V in num_heads parts of d = embed_dim / num_heads columns, joined.

    Q, K, V are the query, key and value times in_proj_weight (embed_dim, 3 embed_dim), in this
    order of columns; the joined heads pass through out_proj, a Linear.
    query: (L, N, embed_dim); key, value: (S, N, embed_dim), by default the query itself, the value
    by default the key; with batch_first (N, L, embed_dim) and (N, S, embed_dim).
    mask: booleans, True where query l may attend to key s: (L, S), (N or 1, L or 1, S) or
    (N or 1, num_heads or 1, L or 1, S).   is_causal: to keys 0 .. l alone.
    dropout: of the weights, in training.
    in_proj_weight starts Xavier-uniform, the biases at 0.   Names and defaults are PyTorch's.
    Raises ShapeError or DTypeError for what does not fit.   Vaswani et al. 2017, arXiv:1706.03762.

    >>> import numpy as np
    >>> layer = MultiheadAttention(8, 2, rng=0)
    >>> layer(np.ones((5, 3, 8), "float32"), is_causal=True).shape
    (5, 3, 8)
    """

    in_proj_weight: Parameter
    in_proj_bias: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = False,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        E = self.embed_dim = require_count(self, "embed_dim", embed_dim)
        self.num_heads, self.batch_first = require_count(self, "num_heads", num_heads), batch_first
        if E % num_heads:
            raise ValueRangeError(f"{self.title()} needs num_heads that divide embed_dim.")
        rng = as_generator(rng)
        self.in_proj_weight = Parameter(xavier_uniform((E, 3 * E), rng=rng, dtype=dtype))
        self.in_proj_bias = Parameter(zeros((3 * E,), dtype=dtype)) if bias else None
        self.out_proj = Linear(E, E, bias=bias, rng=rng, dtype=dtype)
        if self.out_proj.bias is not None:
            self.out_proj.bias.data = zeros((E,), dtype=dtype)
        self.dropout = Dropout(dropout, rng=rng)

    def forward(
        self,
        query: Array,
        key: Array | None = None,
        value: Array | None = None,
        *,
        mask: Any = None,
        is_causal: bool = False,
    ) -> Array:
        """The attended values, of the query's shape."""
        value = key if value is None else value
        self._check(query, key, value)
        if not self.batch_first:
            given = (query, key, value)
            query, key, value = (x if x is None else x.swapaxes(0, 1) for x in given)
        q, k, v = self._project(query, key, value)
        shape = (*q.shape[:3], k.shape[2])
        y = scaled_dot_product_attention(
            q, k, v, mask=self._mask(mask, shape), is_causal=is_causal, drop=self._drop(q, shape)
        )
        y = self.out_proj(y.swapaxes(1, 2).reshape(query.shape))
        return y if self.batch_first else y.swapaxes(0, 1)

    def _project(self, query: Array, key: Any, value: Any) -> list[Array]:
        """Q, K and V: (N, heads, steps, d) each."""
        W: Any = self.in_proj_weight
        b: Any = self.in_proj_bias
        E = self.embed_dim
        if key is None:  # one product for all three
            y = linear(query, W, b)
            parts = y.reshape(*y.shape[:2], 3, self.num_heads, -1).transpose(2, 0, 3, 1, 4)
            return [parts[k] for k in range(3)]
        cuts = [slice(k * E, (k + 1) * E) for k in range(3)]
        parts = [
            linear(x, W[:, cut], None if b is None else b[cut])
            for x, cut in zip((query, key, value), cuts, strict=True)
        ]
        return [p.reshape(*p.shape[:2], self.num_heads, -1).swapaxes(1, 2) for p in parts]

    def _drop(self, q: Array, shape: tuple[int, ...]) -> Any:
        """A dropout mask for the weights, or None."""
        p = self.dropout.p
        if not self.training or p == 0:
            return None
        weights = np.broadcast_to(raw(q)[:1, :1, :1, :1], shape)  # only its shape and dtype count
        return self.dropout.draw(weights).astype(q.dtype) / ((1 - p) or 1)

    def _mask(self, mask: Any, shape: tuple[int, ...]) -> Any:
        """A mask with an axis for the heads: (N or 1, heads or 1, L or 1, S)."""
        if mask is None:
            return None
        mask = raw(mask, self.in_proj_weight)
        if mask.dtype.kind != "b":
            raise DTypeError(
                f"{self.title()} needs a boolean mask, True where attention is allowed, got "
                f"{mask.dtype}."
            )
        N, heads, L, S = shape
        allowed = [((L,), (S,)), ((1, N), (1, L), (S,)), ((1, N), (1, heads), (1, L), (S,))]
        for sizes in allowed:
            if len(sizes) == mask.ndim and all(
                n in ok for n, ok in zip(mask.shape, sizes, strict=True)
            ):
                return mask[:, None] if mask.ndim == 3 else mask
        raise ShapeError(
            f"{self.title()} needs a mask of shape (L, S) = ({L}, {S}), (N, L, S) or "
            f"(N, heads, L, S) with N = {N}, got {mask.shape}."
        )

    def _check(self, query: Array, key: Any, value: Any) -> None:
        """Three axes each, one batch; as many values as keys."""
        E, batch = self.embed_dim, 0 if self.batch_first else 1
        for what, x in ("query", query), ("key", key), ("value", value):
            if x is None:
                continue
            require_floats(self, x)
            same = key is None or (
                x.shape[batch] == query.shape[batch] if x.ndim == query.ndim == 3 else False
            )
            if x.ndim != 3 or x.shape[2] != E or not same:
                axes = "N, T" if self.batch_first else "T, N"
                raise ShapeError(
                    f"{self.title()} needs {what} of shape ({axes}, {E}), with one N for all, got "
                    f"{x.shape}" + (f" beside the query's {query.shape}." if not same else ".")
                )
        if key is not None and value is not None and value.shape != key.shape:
            raise ShapeError(
                f"{self.title()} needs one value per key, got key {key.shape}, value {value.shape}."
            )

    def describe(self) -> str:
        """The sizes, and the settings that are not the default."""
        heads = self.__dict__.get("num_heads")
        parts = [f"{self.__dict__.get('embed_dim')}", f"num_heads={heads}"]
        return ", ".join(parts + ["batch_first=True"] * self.__dict__.get("batch_first", False))
