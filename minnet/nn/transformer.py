"""The transformer's block: attention, then a small network for each step, both around a skip."""

from __future__ import annotations

from typing import Any

from ..backend import Array, as_generator, default_dtype
from ..errors import ValueRangeError
from ..init import Rng
from .activation import GELU, ReLU
from .attention import MultiheadAttention
from .checks import require_count
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .norm import LayerNorm

__all__ = ["TransformerEncoderLayer"]


class TransformerEncoderLayer(Module):
    """x = norm(x + attention(x));  x = norm(x + MLP(x)), or x + attention(norm(x)) with norm_first.

    MLP: linear2(activation(linear1(x))), dim_feedforward wide.   activation: "relu" or "gelu".
    x: (T, N, d_model), or (N, T, d_model) with batch_first.   mask, is_causal: as in
    `MultiheadAttention`; causal, it is the block of a language model such as GPT.
    dropout: of the attention weights, inside the MLP, and before each sum.
    Names and defaults are PyTorch's.   Raises what its parts raise.
    Vaswani et al. 2017, arXiv:1706.03762; norm_first: Xiong et al. 2020, arXiv:2002.04745.

    >>> import numpy as np
    >>> block = TransformerEncoderLayer(8, 2, dim_feedforward=16, rng=0)
    >>> block(np.ones((5, 3, 8), "float32"), is_causal=True).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        *,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        rng = as_generator(rng)
        if activation not in ("relu", "gelu"):
            raise ValueRangeError(
                f"TransformerEncoderLayer needs activation 'relu' or 'gelu', got {activation!r}."
            )
        wide = require_count(self, "dim_feedforward", dim_feedforward)
        more = {"rng": rng, "dtype": dtype}
        self.norm_first = norm_first
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout=dropout, batch_first=batch_first, **more
        )
        self.linear1 = Linear(d_model, wide, **more)
        self.activation = ReLU() if activation == "relu" else GELU()
        self.dropout = Dropout(dropout, rng=rng)
        self.linear2 = Linear(wide, d_model, **more)
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, dtype=dtype)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, dtype=dtype)
        self.dropout1 = Dropout(dropout, rng=rng)
        self.dropout2 = Dropout(dropout, rng=rng)

    def forward(self, x: Array, *, mask: Any = None, is_causal: bool = False) -> Array:
        """The block, of x's shape."""
        attend = lambda x: self.dropout1(self.self_attn(x, mask=mask, is_causal=is_causal))
        if self.norm_first:
            x = x + attend(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + attend(x))
        return self.norm2(x + self.mlp(x))

    def mlp(self, x: Array) -> Array:
        """linear2(dropout(activation(linear1(x)))), and dropout."""
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))
