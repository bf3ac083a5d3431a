"""After one step every trained parameter has moved, no frozen one has, and all is finite.

Source: the checks of torchtest (Pengfei Li, Suriyadeepan Ramamoorthy), restated.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..backend import to_host
from ..nn import Module
from ..optim import SGD
from ..train.evaluation import Loss
from .finding import some
from .report import Check

__all__ = ["check_movement"]


def check_movement(model: Module, loss_fn: Loss, data: Any, *, examples: int = 32) -> Check:
    """One step of SGD on a copy: trained parameters get a gradient and move, frozen ones do not.

    Outputs, loss, gradients and parameters must be finite.  A gradient that is all zero counts as
    none: a relu that is dead from the start shows here.

    >>> from minnet import functional as F, nn
    >>> model = nn.Sequential(nn.Linear(2, 4, rng=0), nn.Lambda(lambda h: h.detach()))
    >>> check = check_movement(nn.Sequential(*model, nn.Linear(4, 2, rng=1)), F.cross_entropy,
    ...                        (np.ones((3, 2), "float32"), np.array([0, 1, 0])))
    >>> check.verdict, check.data["still"]
    ('fail', ['0.weight', '0.bias'])
    """
    x, y = data
    x, y = x[:examples], y[:examples]
    twin = copy.deepcopy(model).train()
    start = {name: to_host(p.data).copy() for name, p in twin.named_parameters()}
    frozen = {name for name, p in twin.named_parameters() if not p.requires_grad}
    with np.errstate(all="ignore"):
        loss = loss_fn(twin(x), y)
        if len(frozen) < len(start):
            loss.backward()
            SGD(twin.parameters(), lr=0.1).step()
    end = {name: to_host(p.data) for name, p in twin.named_parameters()}
    still = [n for n in start if n not in frozen and bool((start[n] == end[n]).all())]
    moved = [n for n in frozen if bool((start[n] != end[n]).any())]
    bad = [n for n, w in end.items() if not np.isfinite(w).all()]
    bad += [] if np.isfinite(loss.item()) else ["loss"]
    return _check(still, moved, bad, frozen, len(start))


def _check(still: list, moved: list, bad: list, frozen: set, count: int) -> Check:
    seen = (still, "never moved"), (moved, "moved although frozen"), (bad, "NaN or Inf")
    faults = [f"{some(names)} {what}" for names, what in seen if names]
    return Check(
        "every parameter moves",
        "fail" if faults else "pass",
        f"{count - len(frozen)} trained parameters move, {len(frozen)} frozen ones do not, all "
        "finite",
        "; ".join(faults) or "as expected",
        "A parameter without a gradient stays at its random start; one NaN spreads to all others.",
        "Follow the forward pass from it to the loss: look for detach, an unused result, a relu "
        "that is always 0, weights of 0 after it, a division by 0.",
        {"still": still, "moved": moved, "not_finite": bad},
    )
