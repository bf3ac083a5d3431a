"""Does the answer for one example depend on the other examples of its batch?

Source: Karpathy 2019, "A recipe for training neural networks": use backprop to chart dependencies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend import as_generator, to_host
from ..derivatives import grad
from ..functional.targets import raw
from ..nn import BatchNorm1d, BatchNorm2d, Module
from ..tensor import Tensor, tensor
from ..train.evaluation import keeping_modes
from .report import Check

__all__ = ["check_batch_leak", "mixing"]


def check_batch_leak(
    model: Module, data: Any, *, training: bool = False, rng: Any = 0, examples: int = 8
) -> Check:
    """d(r . model(x)_i) / dx_j is exactly 0 for every j != i, with random signs and sizes r.

    In training mode batch norm mixes examples by design: then the verdict is "warn".   For inputs
    without gradients (tokens) the other examples are exchanged instead.

    >>> from minnet import nn
    >>> wrong = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Lambda(lambda x: x.reshape(4, -1).T))
    >>> check_batch_leak(wrong, (np.ones((5, 3), "float32"), np.zeros(5))).verdict
    'fail'
    """
    x, _ = data
    x = x[:examples]
    with keeping_modes(model):
        found = mixing(model.train(training), x, rng=rng)
    norms = training and any(isinstance(m, (BatchNorm1d, BatchNorm2d)) for m in model.modules())
    verdict = "pass" if not found else "warn" if norms else "fail"
    return Check(
        "examples do not mix",
        verdict if len(x) > 1 else "skipped",
        "the output for one example depends on no other example of the batch",
        found or f"no dependence among {len(x)} examples",
        "Batch norm in training mode mixes examples by design."
        if norms
        else "A model that looks at the rest of the batch gives one example alone another answer.",
        "Look for reshape where transpose is meant, and for sums or softmax over axis 0.",
        {"found": found},
    )


def mixing(model: Module, x: Any, *, rng: Any = 0) -> str:
    """Evidence that examples mix, or "".   The model is used in the mode it is in."""
    try:
        if np.asarray(to_host(raw(x))).dtype.kind == "f":
            return _by_gradient(model, to_host(raw(x)), as_generator(rng))
        return _by_exchange(model, to_host(raw(x)))
    except (TypeError, ValueError, RuntimeError, IndexError):
        return ""  # a model that needs the whole batch, or more than x, is not judged


def _by_gradient(model: Module, x: np.ndarray, rng: np.random.Generator) -> str:
    leaf = tensor(x, requires_grad=True)
    y = model(leaf)
    if not isinstance(y, Tensor) or y.ndim < 1 or (len(y) != len(x) and len(y) % len(x) == 0):
        return ""  # several outputs, one number, or the positions of all examples in one column
    if len(y) != len(x):
        return f"{len(x)} examples gave an output of shape {y.shape}"
    i = len(x) // 2
    r = rng.normal(size=y.shape[1:]).astype(y.dtype)
    projection: Any = y
    (g,) = grad((projection[i] * r).sum(), [leaf], allow_unused=True)
    slopes = to_host(raw(g))
    if not np.isfinite(slopes).all():
        return ""
    reached = [j for j in range(len(x)) if j != i and slopes[j].any()]
    return f"output {i} changes with inputs {reached}" if reached else ""


def _by_exchange(model: Module, x: np.ndarray) -> str:
    i = len(x) // 2
    other = x[::-1].copy()
    other[i] = x[i]
    before, after = (to_host(raw(model(batch)))[i] for batch in (x, other))
    same = np.allclose(before, after, rtol=1e-4, atol=1e-6)
    return "" if same else f"output {i} changes when the other examples do"
