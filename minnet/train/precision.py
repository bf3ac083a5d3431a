"""Half precision: a float16 model, float32 master weights, and a loss scaled against underflow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import Any

from ..backend import Array, array_module
from ..errors import GraphError, StateError, ValueRangeError
from ..functional import astype
from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor, tensor

__all__ = ["HalfPrecision"]


class HalfPrecision:
    """Train a model in float16; the optimizer updates a float32 copy of its parameters.

        half = HalfPrecision(model, lambda params: Adam(params, lr=1e-3))
        half.backward(loss_fn(model(x), y))               # gradients, through scale * loss
        half.step()                                       # updates, or skips and lowers the scale

    or, all of it, ``fit(model, loss_fn, half, loader, epochs=10)``: settings of the optimizer, such
    as lr, are read and set through this object.   The batches should be float16 too
    (``dataset.map(lambda x: x.astype("float16"))``): products with float32 ones are float32.

    make: from (name, tensor) pairs of master weights to an optimizer.
    scale: float16 gradients below 6e-8 would be 0, so `backward` multiplies the loss by this number
    and divides the gradients by it in float32.  If one is infinite or NaN, `step` is left out and
    the scale halved; after ``patience`` good steps in a row it is doubled.
    Looking for them stops a GPU once a step.
    Raises ValueRangeError for a scale below 1.   Micikevicius et al. 2018, arXiv:1710.03740.

    >>> import numpy as np
    >>> from minnet import functional as F, nn, optim
    >>> model = nn.Linear(2, 2, rng=0)
    >>> half = HalfPrecision(model, lambda params: optim.SGD(params, lr=0.1))
    >>> half.backward(F.cross_entropy(model(np.ones((1, 2), "float16")), np.array([0])))
    >>> half.step(), str(model.weight.dtype)
    (True, 'float16')
    """

    scale: float
    good: int  # steps in a row that were not left out

    def __init__(
        self,
        model: Module,
        make: Callable[[Iterable[tuple[str, Tensor]]], Optimizer],
        *,
        scale: float = 2.0**12,
        patience: int = 200,
    ):
        if not 1 <= scale < inf or patience < 1:
            raise ValueRangeError(
                f"HalfPrecision needs scale and patience of at least 1, got {scale}, {patience}."
            )
        vars(self).update(model=model, scale=float(scale), patience=patience, good=0)
        names = [name for name, _ in model.named_parameters()]
        params = model.parameters()
        arrays = [p.data.astype("float32") for p in params]
        masters = [tensor(w, requires_grad=True, copy=False) for w in arrays]
        optimizer = make(list(zip(names, masters, strict=True)))
        vars(self).update(params=params, masters=masters, optimizer=optimizer)
        model.astype("float16")

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of the loss to the parameters' ``.grad``, which become float32."""
        before = [p.grad for p in self.params]
        self.zero_grad()
        (astype(loss, dtype="float32") * self.scale).backward()
        for p, old in zip(self.params, before, strict=True):
            g = None if p.grad is None else p.grad.data.astype("float32") / self.scale
            if g is None or old is None:
                p.grad = old if g is None else tensor(g, copy=False)
            else:
                p.grad = tensor(old.data + g, copy=False)

    def zero_grad(self) -> None:
        """Forget the gradients of the model's parameters."""
        self.model.zero_grad()

    def step(self) -> bool:
        """Update with the parameters' gradients; False if the step was left out.

        The gradients are forgotten.   Raises GraphError when there are none.
        """
        grads = [None if p.grad is None else p.grad.data for p in self.params]
        if all(g is None for g in grads):
            raise GraphError("HalfPrecision.step needs gradients: call half.backward(loss) first.")
        finite = _all_finite([g for g in grads if g is not None])
        if finite:
            for w, g in zip(self.masters, grads, strict=True):
                w.grad = g
            self.optimizer.step()
            self._copy_masters()
        self._adapt(finite)
        self.zero_grad()
        return finite

    @contextmanager
    def lookahead(self) -> Iterator[None]:
        """The optimizer's `lookahead`, with the model at the same point."""
        try:
            with self.optimizer.lookahead():
                self._copy_masters()
                yield
        finally:
            self._copy_masters()

    def _copy_masters(self) -> None:
        for p, w in zip(self.params, self.masters, strict=True):
            p.data = w.data.astype(p.dtype)

    def _adapt(self, finite: bool) -> None:
        self.good = self.good + 1 if finite else 0
        if not finite:
            self.scale = max(1.0, self.scale / 2)
        elif self.good == self.patience:
            self.scale, self.good = min(2.0**24, self.scale * 2), 0

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer":  # asked for by copy and pickle before there is one
            raise AttributeError(name)
        return getattr(self.optimizer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):
            vars(self)[name] = value
        else:
            setattr(self.optimizer, name, value)

    def state_dict(self) -> dict[str, Any]:
        """The scale, the good steps in a row, the master weights and the optimizer's state."""
        pairs = zip(self.model.named_parameters(), self.masters, strict=True)
        masters = {f"master.{name}": w.data.copy() for (name, _), w in pairs}
        own = {"scale": self.scale, "good": self.good}
        return {**own, **masters, "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; raises StateError, and changes nothing, if it does not fit."""
        own = self.state_dict()
        names = [key for key in own if key.startswith("master.")]
        if set(state) != set(own) or any(state[n].shape != own[n].shape for n in names):
            raise StateError(f"HalfPrecision needs entries {list(own)}, of its parameters' shapes.")
        self.optimizer.load_state_dict(state["optimizer"])
        self.scale, self.good = float(state["scale"]), int(state["good"])
        for w, name in zip(self.masters, names, strict=True):
            w.data = array_module(w.data).asarray(state[name], dtype="float32")
        self._copy_masters()


def _all_finite(grads: list[Array]) -> bool:
    """Whether every number of every array is; one look at the device."""
    xp = array_module(*grads)
    return bool(xp.stack([xp.isfinite(g).all() for g in grads]).all())
