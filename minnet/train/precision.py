"""Mixed precision: products in 16 bits, all else in float32, and a loss scaled for float16."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from math import inf
from typing import Any

from ..backend import Array, array_module
from ..errors import GraphError, StateError, ValueRangeError
from ..functional import multiply
from ..functional.products import factors, require_half
from ..optim.states import is_count, numbers
from ..optim.wrapper import Wrapper
from ..tensor import Tensor, tensor

__all__ = ["MixedPrecision"]


class MixedPrecision(Wrapper):
    """An optimizer of float32 weights, whose model multiplies matrices in float16 or bfloat16.

        mixed = MixedPrecision(optim.Adam(model.parameters()), dtype="bfloat16")
        with mixed.products():
            loss = loss_fn(model(x), y)
        mixed.backward(loss)                  # in 16 bits too
        mixed.step()                          # in float32

    or, all of it, ``fit(model, loss_fn, mixed, loader, epochs=10)``: settings of the optimizer,
    such as lr, are read and set through this object.   Weights, gradients, activations and batches
    stay float32; the factors of a product of matrices are rounded, and its sums are made in float32
    (linear layers and convolutions; the stacks of matrices of attention, and the steps of recurrent
    layers, stay as they are).   On a GPU bfloat16 needs the package ml_dtypes.

    scale: numbers below 6e-8 are 0 in float16, so `backward` multiplies the loss by the scale and
    divides the gradients by it; 4096 at first.  If one is infinite or NaN, `step` is left out and
    the scale halved; after ``patience`` good steps in a row it is doubled.  Looking for them stops
    a GPU once a step.   bfloat16 has the range of float32: its scale is 1, and nothing is looked
    for.
    Raises DTypeError for another dtype, ValueRangeError for a scale below 1.
    Micikevicius et al. 2018, arXiv:1710.03740;  Kalamkar et al. 2019, arXiv:1905.12322 (bfloat16).

    >>> import numpy as np
    >>> from minnet import functional as F, nn, optim
    >>> model = nn.Linear(2, 2, rng=0)
    >>> mixed = MixedPrecision(optim.SGD(model.parameters(), lr=0.1), dtype="float16")
    >>> with mixed.products():
    ...     loss = F.cross_entropy(model(np.ones((1, 2), "float32")), np.array([0]))
    >>> mixed.backward(loss)
    >>> mixed.step(), str(model.weight.grad.dtype)
    (True, 'float32')
    """

    scale: float
    good: int  # steps in a row that were not left out

    def __init__(
        self,
        optimizer: Any,
        *,
        dtype: str = "bfloat16",
        scale: float | None = None,
        patience: int = 200,
    ):
        dtype = require_half(dtype, "MixedPrecision")
        if scale is None:
            scale = 2.0**12 if dtype == "float16" else 1.0
        if not 1 <= scale < inf or patience < 1:
            raise ValueRangeError(
                f"MixedPrecision needs scale and patience of at least 1, got {scale}, {patience}."
            )
        vars(self).update(optimizer=optimizer, dtype=dtype, patience=patience)
        vars(self).update(scale=float(scale), good=0, scales=dtype == "float16")

    def products(self) -> AbstractContextManager[None]:
        """A block in which products of float32 matrices have factors of 16 bits."""
        return factors(self.dtype)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of the loss, without the scale, to the parameters' ``.grad``."""
        with self.products():
            if self.scale == 1:
                return loss.backward()
            before = [(p, p.grad) for p in self._params()]
            self.optimizer.zero_grad()
            multiply(loss, self.scale).backward()
        for p, old in before:
            if p.grad is not None:
                g = p.grad.data / self.scale
                p.grad = tensor(g if old is None else old.data + g, copy=False)
            else:
                p.grad = old

    def step(self) -> bool:
        """Update with the parameters' gradients; False if the step was left out.

        Raises GraphError when there are none.
        """
        grads = [p.grad.data for p in self._params() if p.grad is not None]
        if not grads:
            raise GraphError("MixedPrecision.step needs gradients: call .backward(loss) first.")
        if self.scales:
            finite = _all_finite(grads)
            self._adapt(finite)
            if not finite:
                return False
        self.optimizer.step()
        return True

    def _params(self) -> list[Tensor]:
        return [p for group in self.optimizer.groups for p in group["params"]]

    def _adapt(self, finite: bool) -> None:
        self.good = self.good + 1 if finite else 0
        if not finite:
            self.scale = max(1.0, self.scale / 2)
        elif self.good == self.patience:
            self.scale, self.good = min(2.0**24, self.scale * 2), 0

    def __repr__(self) -> str:
        return f"MixedPrecision({self.dtype}) of {self.optimizer!r}"

    def state_dict(self) -> dict[str, Any]:
        """The scale, the good steps in a row, and the optimizer's state."""
        return {"scale": self.scale, "good": self.good, "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; raises StateError, and changes nothing, if it does not fit."""
        own = ["scale", "good", "optimizer"]
        if not isinstance(state, Mapping) or set(state) != set(own):
            raise StateError(f"MixedPrecision needs entries {own}, got {[*state]}.")
        scale, good = numbers(state["scale"]), state["good"]
        if scale is None or scale.shape or not 0 < scale < inf or not is_count(good):
            raise StateError(
                f"MixedPrecision needs a scale above 0 and a count of good steps, got "
                f"{state['scale']} and {good}."
            )
        self.optimizer.load_state_dict(state["optimizer"])
        self.scale, self.good = float(scale), int(good)


def _all_finite(grads: list[Array]) -> bool:
    """Whether every number of every array is; one look at the device."""
    xp = array_module(*grads)
    return bool(xp.stack([xp.isfinite(g).all() for g in grads]).all())
