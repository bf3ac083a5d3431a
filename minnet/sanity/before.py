"""Checks before learning: the loss at chance, the regulariser's effect, overfitting a tiny set.

Source: CS231n notes, "Before learning: sanity checks tips/tricks".
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from math import isfinite, sqrt
from typing import Any

import numpy as np

from ..backend import as_generator, device_of, to_device, to_host
from ..data import Dataset
from ..data.dataset import require_pair
from ..errors import ShapeError, ValueRangeError
from ..functional.targets import raw
from ..modes import no_grad
from ..nn import Dropout, Module
from ..optim import Adam, Optimizer
from ..tensor import Tensor, tensor
from ..train import accuracy, evaluating, predict
from ..train.evaluation import Loss
from .finding import some
from .report import Check, Report

__all__ = [
    "chance_loss",
    "check",
    "check_chance",
    "check_informative",
    "check_overfits",
    "check_regularisation",
    "l2_penalty",
]


def chance_loss(loss_fn: Loss, scores: Any, y: Any) -> float:
    """The loss of a model that has learned nothing: all scores 0.

    cross_entropy: ln C.   multiclass_hinge: margin (C - 1).   binary cross-entropy: ln 2.
    mse: mean y^2.

    >>> from minnet.functional import cross_entropy
    >>> round(chance_loss(cross_entropy, np.zeros((5, 10)), np.arange(5)), 6)
    2.302585
    """
    with no_grad():
        zeros = np.zeros_like(_values(scores))
        return float(loss_fn(tensor(to_device(zeros, device_of(raw(scores)))), y))


def check_chance(model: Module, loss_fn: Loss, data: Any, *, tol: float = 0.05) -> Check:
    """The untrained model's data loss is within the share ``tol`` of chance.

    For cross-entropy with independent scores of standard deviation s the loss is about
    ln C + (s^2/2) (1 - 1/C), so the report names s.

    >>> from minnet import data, functional as F, nn
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Lambda(lambda scores: 50 * scores))
    >>> check_chance(model, F.cross_entropy, data.blobs(30, classes=3, rng=0)).verdict
    'fail'
    """
    x, y = _pairs("check_chance", data)
    with evaluating(model):
        scores = model(x)
        measured = float(loss_fn(scores, y))
    expected, s = chance_loss(loss_fn, scores, y), float(_values(scores).std())
    return Check(
        "loss at chance",
        "pass" if abs(measured - expected) <= tol * abs(expected) else "fail",
        f"{expected:.4f} within {tol:.0%}, without regularisation",
        f"{measured:.4f} (scores have standard deviation {s:.2g})",
        "Before learning, a model should be undecided; another loss means large initial scores, "
        "inputs far from size 1, or a loss that was given the wrong thing.",
        "Make the last layer's weights smaller, normalise the inputs, and check that the loss gets "
        "raw scores (logits) and class numbers, in this order.",
        {"expected": expected, "measured": measured, "scores_std": s},
    )


def l2_penalty(model: Module, alpha: float) -> float:
    """(alpha/2) |w|^2 over all parameters: what weight_decay=alpha adds to the loss.

    >>> from minnet import init, nn
    >>> layer = nn.Linear(2, 2, bias=False, rng=0)
    >>> layer.weight.data = init.ones((2, 2))
    >>> l2_penalty(layer, 0.5)
    1.0
    """
    squares = [float((to_host(p.data).astype(float) ** 2).sum()) for p in model.parameters()]
    return alpha / 2 * sum(squares)


def check_regularisation(
    model: Module,
    loss_fn: Loss,
    data: Any,
    *,
    alphas: tuple[float, ...] = (0, 1e-3, 1e-1, 10),
    penalty: Callable[[Module, float], Any] = l2_penalty,
) -> Check:
    """The regularised loss, data loss + penalty, rises strictly with alpha at fixed weights.

    penalty: (model, alpha) -> number; give your own if the loss has another one.
    """
    x, y = _pairs("check_regularisation", data)
    with evaluating(model):
        loss = float(loss_fn(model(x), y))
        losses = [loss + float(penalty(model, alpha)) for alpha in alphas]
    rises = all(a < b for a, b in zip(losses, losses[1:], strict=False))
    return Check(
        "regularisation raises the loss",
        "pass" if rises else "fail",
        f"loss rises with the penalty's factor {list(alphas)}",
        ", ".join(f"{value:.4g}" for value in losses),
        "A penalty that does not raise the loss has the wrong sign, is not connected to the "
        "weights, or the weights are all zero.",
        "Check the penalty's sign, and that the weights are initialised, finite and returned by "
        "model.parameters().",
        {"alphas": list(alphas), "losses": losses},
    )


def check_overfits(
    model: Module,
    loss_fn: Loss,
    data: Any,
    *,
    examples: int = 20,
    steps: int = 300,
    max_loss: float = 1e-2,
    optimizer: Callable[[Any], Optimizer] | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Check:
    """A copy of the model learns ``examples`` examples by heart within ``steps`` full-batch steps.

    Without regularisation and dropout it must reach a loss below ``max_loss`` and, for labels,
    100 % accuracy, and every trained parameter must have moved.  Passing is necessary, not
    sufficient: noise can be learned by heart too (see `check_informative`).
    optimizer: parameters -> Optimizer; default Adam with lr 1e-2.
    """
    x, y = _subset(data, examples, as_generator(rng))
    twin = copy.deepcopy(model).train()
    for module in twin.modules():
        if isinstance(module, Dropout):
            module.eval()
    make = optimizer or (lambda parameters: Adam(parameters, lr=1e-2))
    start = {n: p.data.copy() for n, p in twin.named_parameters() if p.requires_grad}
    curve, score = _memorise(twin, loss_fn, make(twin.parameters()), x, y, steps, max_loss)
    end = dict(twin.named_parameters())
    stuck = [name for name, w in start.items() if (end[name].data == w).all()]
    ok = score == 1 and curve[-1] < max_loss and not stuck
    labels = y.dtype.kind in "iu"
    return Check(
        "overfits a tiny set",
        "pass" if ok else "fail",
        f"{len(y)} examples learned by heart: loss below {max_loss:g}"
        + (", accuracy 100%" if labels else ""),
        f"loss {curve[-1]:.3g}"
        + (f", accuracy {score:.0%}" if labels else "")
        + f" after {len(curve) - 1} steps"
        + (f"; never moved: {some(stuck)}" if stuck else ""),
        "A model that cannot learn twenty examples by heart will not learn from many. Passing is "
        "not enough: noise can be learned by heart too.",
        "Look for layers without gradients, a softmax before the loss, labels out of order, and a "
        "learning rate far too low or high.",
        {"curve": curve, "accuracy": score, "never_moved": stuck},
    )


def _memorise(
    model: Module, loss_fn: Loss, opt: Optimizer, x: Any, y: Any, steps: int, max_loss: float
) -> tuple[list[float], float]:
    """(losses from before the first step to after the last, final accuracy or 1 without labels)."""
    curve: list[float] = []
    with np.errstate(over="ignore", invalid="ignore"):
        while True:
            scores = model(x)
            loss = loss_fn(scores, y)
            curve.append(loss.item())
            score = accuracy(scores, y) if y.dtype.kind in "iu" else 1.0
            learned = score == 1 and curve[-1] < max_loss
            if learned or not isfinite(curve[-1]) or len(curve) > steps:
                return curve, score
            opt.zero_grad()
            loss.backward()
            opt.step()


def check_informative(model: Module, data: Any, *, sigmas: float = 3) -> Check:
    """A trained model's accuracy on held-out data is above chance by more than noise explains.

    Chance is the share p of the most frequent label, its standard deviation over n examples
    sqrt(p (1 - p) / n).  A model that overfits a tiny set and fails here was given features that
    say nothing about the labels.
    """
    x, y = _pairs("check_informative", data)
    y = to_host(y)
    measured = accuracy(predict(model, x), y)
    p = np.unique(y, return_counts=True)[1].max() / len(y)
    needed = p + sigmas * sqrt(p * (1 - p) / len(y))
    return Check(
        "features are informative",
        "pass" if measured > needed else "fail",
        f"accuracy above {needed:.1%} on new examples: chance + {sigmas:g} standard deviations",
        f"{measured:.1%} on {len(y)} examples",
        "The features are uninformative: what was learned does not help on new examples.",
        "Check that each x still belongs to its y, that preprocessing keeps what matters, and that "
        "both parts come from the same source.",
        {"chance": p, "needed": needed, "measured": measured},
    )


def _values(scores: Any) -> np.ndarray:
    return to_host(scores.data if isinstance(scores, Tensor) else scores)


def _pairs(who: str, data: Any) -> tuple[Any, Any]:
    x, y = require_pair(data, who)
    if len(x) == 0 or len(x) != len(y):
        raise ShapeError(
            f"{who} needs one target per example, at least one; got x of shape {x.shape} and y of "
            f"shape {y.shape}."
        )
    return x, y


def _subset(data: Any, examples: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Some examples, drawn without replacement."""
    x, y = _pairs("check_overfits", data)
    if examples < 2:
        raise ValueRangeError(f"check_overfits needs examples of at least 2, got {examples}.")
    rows = rng.permutation(len(x))[:examples]
    return x[rows], y[rows]


def check(model: Module, loss_fn: Loss, data: Dataset | tuple, **settings: Any) -> Report:
    """The three checks before learning, as one report; the model is left as it was.

    data: (x, y), a sample of the training set.   settings: passed to `check_overfits`.

    >>> from minnet import data, functional as F, nn
    >>> model = nn.Sequential(nn.Linear(64, 32, rng=0), nn.ReLU(), nn.Linear(32, 10, rng=1))
    >>> report = check(model, F.cross_entropy, data.digits()[0][:200])
    >>> [c.name for c in report.checks if c.ok]
    ['loss at chance', 'regularisation raises the loss', 'overfits a tiny set']
    """
    return Report(
        [
            check_chance(model, loss_fn, data),
            check_regularisation(model, loss_fn, data),
            check_overfits(model, loss_fn, data, **settings),
        ]
    )
