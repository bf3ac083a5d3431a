"""All checks before learning in one call."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..backend import as_generator, to_host
from ..data import Dataset
from ..nn import Dropout, Module
from ..optim import Adam
from ..train.evaluation import Loss
from .baseline import check_inputs_matter, check_prior
from .before import check_chance, check_informative, check_overfits, check_regularisation
from .dtypes import check_dtypes
from .leaks import check_batch_leak
from .movement import check_movement
from .report import Check, Report
from .static import check_structure

__all__ = ["check", "check_data", "check_features"]

FEW = 40  # examples below which held-out accuracy says nothing


def check(model: Module, loss_fn: Loss, data: Dataset | tuple, **settings: Any) -> Report:
    """All checks before learning, as one report; the model is left as it was.

    data: (x, y), a sample of the training set.   settings: passed to `check_overfits`.
    All losses are those of the data alone, without regularisation.
    ``train.fit(..., require=report)`` refuses to train unless no check failed.

    >>> from minnet import data, functional as F, nn
    >>> model = nn.Sequential(nn.Linear(64, 32, rng=0), nn.ReLU(), nn.Linear(32, 10, rng=1))
    >>> report = check(model, F.cross_entropy, data.digits()[0][:200])
    >>> report.ok, report["loss at chance"].verdict
    (True, 'pass')
    """
    found = check_data(data)
    if not found.ok:
        return Report([found])
    return Report([
        check_chance(model, loss_fn, data),
        check_regularisation(model, loss_fn, data),
        check_overfits(model, loss_fn, data, **settings),
        check_features(model, loss_fn, data),
        check_inputs_matter(model, loss_fn, data),
        check_movement(model, loss_fn, data),
        check_batch_leak(model, data),
        check_prior(model, loss_fn, data),
        found,
        check_dtypes(model, data),
        *check_structure(model, loss_fn),
    ])  # fmt: skip


def check_data(data: Any) -> Check:
    """All inputs and targets are finite."""
    x, y = (np.asarray(to_host(part)) for part in data)
    bad = [n for n, a in (("x", x), ("y", y)) if a.dtype.kind == "f" and not np.isfinite(a).all()]
    return Check(
        "data are finite",
        "fail" if bad else "pass",
        "no NaN, no Inf",
        f"{len(x)} examples" + (f", NaN or Inf in {' and '.join(bad)}" if bad else ""),
        "One NaN spreads to all weights in one step.",
        "Find it with np.argwhere(~np.isfinite(x)).",
        {"not_finite": bad},
    )


def check_features(
    model: Module, loss_fn: Loss, data: Any, *, steps: int = 150, rng: Any = 0
) -> Check:
    """A copy trained on half of the sample is better than chance on the other half.

    What `check_overfits` cannot see: noise is learned by heart too, but does not carry over.  The
    verdict is "fail" (features uninformative) within three standard deviations of chance.
    Skipped without class labels, or with fewer than 40 examples.
    """
    x, y = data
    if y.dtype.kind not in "iu" or y.ndim != 1 or len(x) < FEW:
        name, wanted = "features are informative", f"class labels, at least {FEW} examples"
        return Check(name, "skipped", wanted, f"{len(x)} examples, targets of {y.dtype}")
    rows = as_generator(rng).permutation(len(x))
    half, rest = rows[: len(x) // 2], rows[len(x) // 2 :]
    twin = copy.deepcopy(model).train()
    for module in twin.modules():
        if isinstance(module, Dropout):
            module.eval()
    opt = Adam(twin.parameters(), lr=1e-2)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            opt.zero_grad()
            loss_fn(twin(x[half]), y[half]).backward()
            opt.step()
    return check_informative(twin, (x[rest], y[rest]))
