"""PF-E9: gradients accumulate, so k micro-batches make one large batch."""

import numpy as np
import pytest

from minnet import functional as F
from minnet import nn


@pytest.mark.parametrize("k", [1, 2, 4])
def test_micro_batches_add_up_to_one_large_batch(k, rng):
    """PF-E9: k losses divided by k, each with its own backward, equal the loss of all at once."""
    model = nn.Sequential(nn.Linear(6, 5, rng=rng), nn.Tanh(), nn.Linear(5, 3, rng=rng))
    model.astype("float64")
    x, y = rng.standard_normal((8, 6)), rng.integers(0, 3, 8)
    F.cross_entropy(model(x), y).backward()
    whole = [p.grad.numpy().copy() for p in model.parameters()]
    model.zero_grad()
    for rows in np.split(np.arange(8), k):
        (F.cross_entropy(model(x[rows]), y[rows]) / k).backward()
    for p, g in zip(model.parameters(), whole, strict=True):
        assert np.abs(p.grad.numpy() - g).max() <= 1e-12
    (F.cross_entropy(model(x), y) / k).backward()  # one too many is not equal
    assert any(np.abs(p.grad.numpy() - g).max() > 1e-3
               for p, g in zip(model.parameters(), whole, strict=True))
