"""Checking a model's gradients by differences, parameter by parameter."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

import gradcheck

from ..backend import as_generator, to_device, to_host
from ..data.dataset import require_pair
from ..derivatives import grad
from ..errors import ShapeError, ValueRangeError
from ..nn import Module
from ..tensor import Tensor, tensor
from ..train.evaluation import Loss

__all__ = ["check_gradients"]


def check_gradients(
    model: Module,
    loss_fn: Loss,
    data: Any,
    *,
    examples: int = 3,
    training: bool = True,
    rng: np.random.Generator | int | None = 0,
    **options: Any,
) -> gradcheck.Report:
    """Compare dL/dp of every trained parameter p, and dL/dx, with centred differences.

    L = loss_fn(model(x), y) on a few examples: with few, fewer kinks lie near.  The work is done on
    a float64 copy; the model itself, its statistics and generators are not touched.  In training
    mode batch norm uses the batch's statistics and dropout draws one fixed mask.
    options: those of `gradcheck.check` (tol=1e-7, samples_per_param=20, ...).
    Returns gradcheck's Report: ``report.params[name]`` has the worst entries, with both numbers.

    >>> from minnet import data, functional as F, nn
    >>> model = nn.Sequential(nn.Linear(2, 5, rng=0), nn.Tanh(), nn.Linear(5, 3, rng=1))
    >>> report = check_gradients(model, F.cross_entropy, data.blobs(30, classes=3, rng=0))
    >>> report.status, list(report.params)
    ('pass', ['0.weight', '0.bias', '2.weight', '2.bias', 'input'])
    """
    x, y = _few(data, examples, as_generator(rng))
    twin = copy.deepcopy(model).astype("float64").train(training)
    function = _LossOfParameters(twin, loss_fn, x, y)
    seed = rng if isinstance(rng, int) else 0
    return gradcheck.check(
        function.loss, function.start(), function.gradients, name=_title(model), rng=seed, **options
    )


class _LossOfParameters:
    """L as a function of {name: array}, with the same random numbers at every call."""

    def __init__(self, model: Module, loss_fn: Loss, x: np.ndarray, y: np.ndarray):
        self.model, self.loss_fn, self.y = model, loss_fn, y
        trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        self.leaves: dict[str, Tensor] = dict(trained)
        self.x: Any = x
        if x.dtype.kind == "f":
            self.x = self.leaves["input"] = tensor(x, dtype="float64", requires_grad=True)
        owned = (getattr(module, "rng", None) for module in model.modules())
        generators = {id(g): g for g in owned if isinstance(g, np.random.Generator)}
        self.states = [(g, g.bit_generator.state) for g in generators.values()]

    def start(self) -> dict[str, np.ndarray]:
        return {name: to_host(leaf.data).copy() for name, leaf in self.leaves.items()}

    def loss(self, values: dict[str, np.ndarray]) -> float:
        return self._loss(values).item()

    def gradients(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        leaves = list(self.leaves.values())
        # zeros for an unused parameter are a claim too, which the differences test
        found = grad(self._loss(values), leaves, allow_unused=True)
        return {name: to_host(g.data) for name, g in zip(self.leaves, found, strict=True)}

    def _loss(self, values: dict[str, np.ndarray]) -> Tensor:
        for name, leaf in self.leaves.items():
            leaf.data = to_device(values[name].copy(), leaf.device)
        for generator, state in self.states:
            generator.bit_generator.state = state
        return self.loss_fn(self.model(self.x), self.y)


def _few(data: Any, examples: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x, y = require_pair(data, "check_gradients")
    if examples < 1:
        raise ValueRangeError(f"check_gradients needs examples of at least 1, got {examples}.")
    if len(x) == 0 or len(x) != len(y):
        raise ShapeError(
            f"check_gradients needs one target per example, at least one; got x of shape {x.shape} "
            f"and y of shape {y.shape}."
        )
    rows = np.sort(rng.permutation(len(x))[:examples])
    return x[rows], y[rows]


def _title(model: Module) -> str:
    total = sum(p.size for p in model.parameters())
    return f"{type(model).__name__} of {total:,} parameters"
