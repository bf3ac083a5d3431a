"""Rules that the list of a model's layers must obey, whatever its numbers are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backend import to_host
from ..nn import (
    BatchNorm1d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    Dropout,
    Linear,
    LogSoftmax,
    Module,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    activation,
)
from .finding import some
from .report import Check

__all__ = ["RULES", "check_structure"]

Rule = Callable[[Module, Any], list[str]]
ACTIVATIONS = tuple(
    getattr(activation, name) for name in activation.__all__ if "Softmax" not in name
)
NORMS = (BatchNorm1d, BatchNorm2d)
LINEAR = (Linear, Conv1d, Conv2d)
TAKES_LOGITS = ("cross_entropy", "multiclass_hinge", "binary_cross_entropy_with_logits")


def _chains(model: Module) -> list[list[tuple[str, Module]]]:
    """The layers of every `Sequential` in order, those of one inside another spliced in."""

    def layers(path: str, module: Module) -> list[tuple[str, Module]]:
        if not isinstance(module, Sequential):
            return [(path, module)]
        inner = [layers(f"{path}.{n}" if path else n, m) for n, m in module.named_children()]
        return [pair for chain in inner for pair in chain]

    found = [(n, m) for n, m in model.named_modules() if isinstance(m, Sequential)]
    return [layers(name, module) for name, module in found] or [[("", model)]]


def _pairs(model: Module) -> list[tuple[str, Module, Module]]:
    """Neighbouring layers: (name of the second, first, second), each pair once."""
    seen: dict[tuple[int, int], tuple[str, Module, Module]] = {}
    for chain in _chains(model):
        for (_, a), (name, b) in zip(chain, chain[1:], strict=False):
            seen.setdefault((id(a), id(b)), (name, a, b))
    return list(seen.values())


def _softmax_at_the_end(model: Module, loss_fn: Any) -> list[str]:
    name, last = _chains(model)[0][-1]
    takes_logits = getattr(loss_fn, "__name__", "") in TAKES_LOGITS
    bad = (Softmax, LogSoftmax, Sigmoid)
    return [f"{name}: {last.title()}"] if takes_logits and isinstance(last, bad) else []


def _activation_at_the_end(model: Module, loss_fn: Any) -> list[str]:
    name, last = _chains(model)[0][-1]
    takes_logits = getattr(loss_fn, "__name__", "") in TAKES_LOGITS
    return [f"{name}: {last.title()}"] if takes_logits and isinstance(last, (ReLU, Tanh)) else []


def _two_activations(model: Module, loss_fn: Any) -> list[str]:
    both = lambda a, b: isinstance(a, ACTIVATIONS) and isinstance(b, ACTIVATIONS)
    return [f"{n}: {b.title()} after {a.title()}" for n, a, b in _pairs(model) if both(a, b)]


def _two_linear(model: Module, loss_fn: Any) -> list[str]:
    both = lambda a, b: isinstance(a, Linear) and isinstance(b, Linear)
    return [f"{n}: {b.title()} after {a.title()}" for n, a, b in _pairs(model) if both(a, b)]


def _bias_before_norm(model: Module, loss_fn: Any) -> list[str]:
    bad = lambda a, b: isinstance(b, NORMS) and getattr(a, "bias", None) is not None
    return [f"{n}: {b.title()} after {a.title()} with a bias" for n, a, b in _pairs(model)
            if isinstance(a, LINEAR) and bad(a, b)]  # fmt: skip


def _dropout_before_norm(model: Module, loss_fn: Any) -> list[str]:
    bad = lambda a, b: isinstance(a, Dropout) and isinstance(b, NORMS)
    return [f"{n}: {b.title()} after {a.title()}" for n, a, b in _pairs(model) if bad(a, b)]


def _strong_dropout(model: Module, loss_fn: Any) -> list[str]:
    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, Dropout)]
    return [f"{n}: {m.title()}" for n, m in layers if m.p > 0.8]


def _constant_start(model: Module, loss_fn: Any) -> list[str]:
    """Weight matrices of one number: any but 0, or 0 in more than the last of a plain chain."""
    weights = [(n, to_host(m.weight.data)) for n, m in model.named_modules()
               if isinstance(m, LINEAR) and m.weight.size > 1]  # fmt: skip
    same = [(n, float(w.flat[0])) for n, w in weights if bool((w == w.flat[0]).all())]
    zero_last = len(same) == 1 and same[0][1] == 0 and weights[-1][0] == same[0][0]
    return [] if zero_last else [f"{n}.weight: {value:g} throughout" for n, value in same]


RULES: dict[str, tuple[Rule, str, str, str]] = {  # name: (rule, verdict, why, what to try)
    "no softmax before the loss": (
        _softmax_at_the_end, "fail",
        "The loss applies softmax or sigmoid itself; twice, gradients shrink and learning stalls.",
        "Remove it from the model; give the loss the raw scores.",
    ),
    "no activation before the loss": (
        _activation_at_the_end, "fail",
        "Scores must be free to take any value; at the 0 of a relu a class gets no gradient.",
        "Remove the activation after the last linear layer.",
    ),
    "no two activations in a row": (
        _two_activations, "warn",
        "The second one adds little and shrinks the gradient again.",
        "Remove one, or put a linear layer between them.",
    ),
    "no two linear layers in a row": (
        _two_linear, "warn",
        "Without an activation between them they can do no more than one linear layer.",
        "Put an activation between them.",
    ),
    "no bias before batch norm": (
        _bias_before_norm, "warn",
        "Batch norm subtracts the mean, and with it the bias, which thus has no effect.",
        "Pass bias=False to the layer before.",
    ),
    "no dropout before batch norm": (
        _dropout_before_norm, "warn",
        "Dropout changes the variance in training only, so the variance that batch norm stores "
        "is wrong in eval mode (Li et al. 2018, arXiv:1801.05134).",
        "Put dropout after the last batch norm.",
    ),
    "dropout leaves enough": (
        _strong_dropout, "warn",
        "With more than 80 % of the units deleted hardly anything can be learned.",
        "Use p of at most 0.5.",
    ),
    "weights start at random": (
        _constant_start, "fail",
        "Equal units get equal gradients and stay equal: a layer of them is worth one unit.",
        "Use init.kaiming_normal or init.xavier_normal; only the last layer may start at 0.",
    ),
}  # fmt: skip


def check_structure(model: Module, loss_fn: Any = None) -> list[Check]:
    """One check per rule of `RULES`; only layers of `Sequential` have a known order.

    >>> from minnet import functional as F, nn
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Tanh(), nn.Softmax())
    >>> [c.name for c in check_structure(model, F.cross_entropy) if c.verdict != "pass"]
    ['no softmax before the loss', 'no two activations in a row']
    """
    checks = []
    for name, (rule, verdict, why, try_) in RULES.items():
        found = rule(model, loss_fn)
        result = verdict if found else "pass"
        measured = some(found, between="; ") if found else "none does"
        texts = "no layer breaks it", measured, why, try_
        checks.append(Check(name, result, *texts, {"found": found}))
    return checks
