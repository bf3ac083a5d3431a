"""What a model gains from looking at its inputs, and how its bias should start.

Source: Karpathy 2019, "A recipe for training neural networks".
"""

from __future__ import annotations

import copy
from math import sqrt
from typing import Any

import numpy as np

from ..backend import array_module, as_generator, to_host
from ..data.dataset import check_labels
from ..errors import ShapeError
from ..modes import no_grad
from ..nn import Dropout, Module
from ..optim import Adam
from ..tensor import Parameter
from ..train import evaluating
from ..train.evaluation import Loss
from .report import Check

__all__ = [
    "check_inputs_matter",
    "check_prior",
    "prior_bias",
    "set_prior",
    "student_quantile",
    "welch",
]


def welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Welch's t of mean(a) - mean(b), and its degrees of freedom (Welch 1947, Biometrika 34).

    >>> t, nu = welch(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0]))
    >>> round(t, 4), round(nu, 4)
    (-1.2247, 4.0)
    """
    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    difference = float(a.mean() - b.mean())
    if va + vb == 0:
        return float(np.sign(difference)) * np.inf if difference else 0.0, 1.0
    nu = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    return difference / sqrt(va + vb), float(nu)


def student_quantile(nu: float, *, z: float = 2.3263478740408408) -> float:
    """The quantile of Student's t whose normal counterpart is z (0.99 by default).

    Cornish-Fisher expansion, Abramowitz & Stegun 1964, formula 26.7.5, first three terms; the error
    is below 1 % from nu = 6 on.

    >>> round(student_quantile(10), 2), round(student_quantile(1e9), 4)
    (2.76, 2.3263)
    """
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + g1 / nu + g2 / nu**2 + g3 / nu**3


def check_inputs_matter(
    model: Module, loss_fn: Loss, data: Any, *, steps: int = 100, examples: int = 200, rng: Any = 0
) -> Check:
    """Trained on inputs of zeros, a copy ends significantly worse than one trained on the inputs.

    Both take the same Adam steps on the same examples; their losses per example are compared by
    Welch's t at the 1 % level, one-sided.  Equal losses mean that the model ignores its inputs.
    """
    x, y = data
    rows = as_generator(rng).permutation(len(x))[:examples]
    x, y = x[rows], y[rows]
    if len(x) < 6 or x.dtype.kind != "f":
        return Check("inputs matter", "skipped", "at least 6 examples of floats", f"{len(x)}")
    real = _trained_losses(model, loss_fn, x, y, steps)
    blind = _trained_losses(model, loss_fn, array_module(x).zeros_like(x), y, steps)
    t, nu = welch(blind, real)
    needed = student_quantile(nu)
    return Check(
        "inputs matter",
        "pass" if t > needed else "fail",
        f"zeros as inputs do worse: Welch's t above {needed:.2f} (1 % level)",
        f"t = {t:.2f}; loss {real.mean():.4g} with the inputs, {blind.mean():.4g} with zeros",
        "A model that does as well without its inputs has only learned how frequent targets are.",
        "Check that x reaches the model, that its features are not constant, and that each x "
        "belongs to its y.",
        {"t": t, "needed": needed, "real": float(real.mean()), "blind": float(blind.mean())},
    )


def _trained_losses(model: Module, loss_fn: Loss, x: Any, y: Any, steps: int) -> np.ndarray:
    """The loss of each example after training a copy on all of them."""
    twin = copy.deepcopy(model).train()
    for module in twin.modules():
        if isinstance(module, Dropout):
            module.eval()
    opt = Adam(twin.parameters(), lr=1e-2)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            opt.zero_grad()
            loss_fn(twin(x), y).backward()
            opt.step()
    with no_grad():
        scores = twin(x)
        return np.array([float(loss_fn(scores[i : i + 1], y[i : i + 1])) for i in range(len(x))])


def prior_bias(y: Any, classes: int) -> np.ndarray:
    """log of the class frequencies: the bias with which constant scores have the least loss.

    y: integer labels.   A class that never occurs counts as half an example.
    Raises ValueRangeError for labels out of range, ShapeError without any.

    >>> y = np.array([0] * 9 + [1])
    >>> prior_bias(y, 2).round(4).tolist()
    [-0.1054, -2.3026]
    """
    y = np.asarray(y)
    if not y.size:
        raise ShapeError("prior_bias needs at least one label, got none.")
    check_labels(y, classes, "prior_bias")
    counts = np.bincount(y.ravel(), minlength=classes).astype(float)
    return np.log(np.maximum(counts, 0.5) / y.size)


def check_prior(model: Module, loss_fn: Loss, data: Any, *, tol: float = 0.1) -> Check:
    """For unbalanced labels, the first loss is near the labels' entropy: the bias knows the prior.

    The verdict is "warn" if it is more than the share ``tol`` above; balanced labels always pass.
    """
    x, y = data
    if y.dtype.kind not in "iu":
        return Check("bias knows the prior", "skipped", "class labels", f"targets of {y.dtype}")
    p = np.unique(to_host(y), return_counts=True)[1] / y.size
    entropy = float(-(p * np.log(p)).sum())
    with evaluating(model):
        measured = float(loss_fn(model(x), y))
    near = not measured > (1 + tol) * max(entropy, 1e-12)
    balanced = entropy >= 0.95 * np.log(len(p))
    return Check(
        "bias knows the prior",
        "pass" if near or balanced else "warn",
        f"first loss near {entropy:.4f}, the labels' entropy; balanced labels pass",
        f"{measured:.4f} (the most frequent label has {p.max():.0%})",
        "Otherwise the first steps only teach how frequent the classes are (the prior).",
        "Set the last layer's bias to sanity.prior_bias(y, classes).",
        {"entropy": entropy, "measured": measured},
    )


def set_prior(bias: Parameter, y: Any) -> None:
    """Start a last layer's bias at the prior of the labels y.

    >>> from minnet import nn
    >>> layer = nn.Linear(3, 2, rng=0)
    >>> set_prior(layer.bias, np.array([0] * 9 + [1]))
    >>> layer.bias.numpy().round(2)
    array([-0.11, -2.3 ], dtype=float32)
    """
    bias.data = prior_bias(y, bias.size).astype(bias.dtype)
