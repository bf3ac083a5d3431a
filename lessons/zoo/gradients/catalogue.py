"""The layers of the hunt in one table, each with inputs on which to check it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import mixing, pointwise

__all__ = ["LAYERS", "Layer", "table"]

Inputs = Callable[[np.random.Generator], dict[str, Any]]


@dataclass(frozen=True)
class Layer:
    """A forward(...) -> (y, cache), its backward(g, cache) -> gradients, and what it computes.

    >>> layer = LAYERS["softmax"]
    >>> y, cache = layer.forward(**layer.inputs(0))
    >>> y.sum(axis=1).round(12).tolist()
    [1.0, 1.0, 1.0]
    """

    name: str
    formula: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    draw: Inputs

    def inputs(self, rng: int | np.random.Generator = 0) -> dict[str, Any]:
        """Inputs by name, drawn from rng."""
        return self.draw(np.random.default_rng(rng))

    @property
    def code(self) -> str:
        """The text of forward and backward."""
        return "\n".join(inspect.getsource(f) for f in (self.forward, self.backward))


def table() -> str:
    """The names and formulas of all layers as text."""
    width = max(map(len, LAYERS))
    return "\n".join(f"{layer.name:{width}}   {layer.formula}" for layer in LAYERS.values())


def _arrays(**shapes: tuple[int, ...]) -> Inputs:
    """Normal random arrays of these shapes."""
    return lambda rng: {name: rng.normal(size=shape) for name, shape in shapes.items()}


def _wide(rng: np.random.Generator) -> dict[str, Any]:
    """Entries within [-1, 1] and beyond, none near an edge."""
    size = rng.permutation(np.repeat([0.2, 1.3], [7, 8])).reshape(3, 5)
    return {"x": rng.choice([-1, 1], (3, 5)) * (size + rng.uniform(0, 0.5, (3, 5)))}


def _away_from_zero(rng: np.random.Generator) -> dict[str, Any]:
    return {"x": rng.choice([-1, 1], (3, 5)) * rng.uniform(0.2, 2, (3, 5))}


def _words(rng: np.random.Generator) -> dict[str, Any]:
    return {"W": rng.normal(size=(6, 4)), "ids": rng.permutation([0, 2, 2, 3, 5, 5, 5])}


def _layer(name: str, formula: str, module: Any, draw: Inputs) -> Layer:
    stem = name.replace(" ", "_")
    forward, backward = (getattr(module, f"{stem}_{way}") for way in ("forward", "backward"))
    return Layer(name, formula, forward, backward, draw)


LAYERS = {
    layer.name: layer
    for layer in (
        _layer("affine", "y = x W + b", mixing, _arrays(x=(3, 4), W=(4, 5), b=(5,))),
        _layer("clip", "y = x, but at least -1 and at most 1", pointwise, _wide),
        _layer("embedding", "y_i = row ids_i of W", mixing, _words),
        _layer(
            "layer norm",
            "y = gamma (x - mean) / std + beta, row by row",
            mixing,
            _arrays(x=(3, 5), gamma=(5,), beta=(5,)),
        ),
        _layer("mean squares", "y = mean of (x - t)^2", pointwise, _arrays(x=(3, 4), t=(3, 4))),
        _layer("relu", "y = x where x > 0, else 0", pointwise, _away_from_zero),
        _layer("residual", "y = x + tanh(x W)", mixing, _arrays(x=(3, 4), W=(4, 4))),
        _layer("row max", "y_i = the largest x_ij of row i", mixing, _arrays(x=(4, 5))),
        _layer("running sum", "y_i = x_1 + ... + x_i", mixing, _arrays(x=(6,))),
        _layer("scores", "S = Q K^T / sqrt(d)", mixing, _arrays(Q=(4, 3), K=(4, 3))),
        _layer("sigmoid", "y = 1 / (1 + e^-x)", pointwise, _arrays(x=(3, 5))),
        _layer("softmax", "y_ij = e^x_ij / sum_k e^x_ik", mixing, _arrays(x=(3, 5))),
        _layer("softplus", "y = log(1 + e^x)", pointwise, _arrays(x=(3, 5))),
        _layer("swish", "y = x sigmoid(x)", pointwise, _arrays(x=(3, 5))),
        _layer("unit rows", "y = x / |x|, row by row", mixing, _arrays(x=(4, 3))),
    )
}
