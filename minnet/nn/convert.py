"""Weights from PyTorch and back: the same names, and a transposed matrix where y = x W.

| layer                          | PyTorch                  | minnet                   |
|--------------------------------|--------------------------|--------------------------|
| Linear                         | weight (out, in)         | weight (in, out)         |
| RNN, LSTM, GRU and their cells | weight_ih (gates H, in)  | weight_ih (in, gates H)  |
|                                | weight_hh (gates H, H)   | weight_hh (H, gates H)   |
|                                | gates i f g o, or r z n  | the same                 |
|                                | bias_ih and bias_hh      | the same, both kept      |
| MultiheadAttention             | in_proj_weight (3E, E)   | in_proj_weight (E, 3E)   |
| convolutions, norms, Embedding | all                      | the same                 |
| batch norms                    | num_batches_tracked      | absent: it is dropped    |

A model's attributes must have the names they have in PyTorch; `nn.Sequential` numbers its layers
as PyTorch does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DTypeError
from .attention import MultiheadAttention
from .linear import Linear
from .module import Module
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell

__all__ = ["load_torch_state_dict", "torch_state_dict"]

TRANSPOSED: dict[type, tuple[str, ...]] = {  # layer: how the names of its matrices begin
    Linear: ("weight",),
    MultiheadAttention: ("in_proj_weight",),
    **dict.fromkeys((RNN, LSTM, GRU, RNNCell, LSTMCell, GRUCell), ("weight_",)),
}


def load_torch_state_dict(model: Module, state: Mapping[str, Any]) -> None:
    """Copy the weights of the same PyTorch model into this one; see the table above.

    state: names to arrays or PyTorch tensors on the CPU, in PyTorch's layout.
    Raises StateError for names, ShapeError for shapes that do not fit; then nothing has changed.

    >>> layer = Linear(2, 1, rng=0)
    >>> load_torch_state_dict(layer, {"weight": np.array([[1.0, 2.0]]), "bias": np.array([3.0])})
    >>> layer.weight.numpy().tolist()
    [[1.0], [2.0]]
    """
    if not isinstance(state, Mapping):
        raise DTypeError(
            f"load_torch_state_dict needs a mapping of names to arrays, got "
            f"{type(state).__name__}: pass torch_model.state_dict()."
        )
    matrices = _matrices(model)
    kept = {k: np.asarray(v) for k, v in state.items() if not k.endswith("num_batches_tracked")}
    model.load_state_dict({k: v.T if k in matrices else v for k, v in kept.items()})


def torch_state_dict(model: Module) -> dict[str, np.ndarray]:
    """The model's weights in PyTorch's layout: {name: array}, for `torch.from_numpy`.

    >>> torch_state_dict(Linear(2, 1, rng=0))["weight"].shape
    (1, 2)
    """
    matrices = _matrices(model)
    state = model.state_dict()
    return {k: np.ascontiguousarray(v.T) if k in matrices else v for k, v in state.items()}


def _matrices(model: Module) -> set[str]:
    """The names of the parameters that PyTorch keeps transposed."""
    found = set()
    for path, module in model.named_modules():
        begins = next((b for kind, b in TRANSPOSED.items() if isinstance(module, kind)), ())
        for name in module.__dict__:
            if name.startswith(begins):
                found.add(f"{path}.{name}" if path else name)
    return found
