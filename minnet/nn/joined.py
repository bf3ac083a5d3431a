"""A layer and the activation behind it as one step, where a kernel for both exists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from ..backend import fused, gpus
from ..functional.targets import raw
from ..modes import mode
from .activation import ReLU, Sigmoid, Tanh
from .conv import Conv2d
from .linear import Linear
from .module import Module

__all__: list[str] = []

ACTIVATIONS: dict[type, str] = {ReLU: "relu", Sigmoid: "sigmoid", Tanh: "tanh"}


def joined(layers: Iterable[Module], x: Any) -> Iterable[Callable[[Any], Any]]:
    """The layers, or steps that do the same in fewer passes over a GPU's memory.

    Observers are told of each layer's own output, so that with them nothing is joined.
    """
    if not gpus.fused or mode.get().observers or not fused("bias_activation", raw(x)):
        return layers
    return _steps(list(layers))


def _steps(layers: list[Module]) -> Iterator[Callable[[Any], Any]]:
    after: list[Module | None] = [*layers[1:], None]
    done = False
    for layer, follower in zip(layers, after, strict=True):
        name = ACTIVATIONS.get(type(follower))
        if done:
            done = False
        elif name and type(layer) in (Linear, Conv2d) and getattr(layer, "bias", None) is not None:
            yield partial(layer, activation=name)
            done = True
        else:
            yield layer
