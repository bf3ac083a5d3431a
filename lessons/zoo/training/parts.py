"""What the programs share: small data, small networks, and the loop written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minnet import data, nn, train
from minnet import functional as F

__all__ = ["classify", "digits", "loop", "mlp", "noisy_sine", "noisy_text", "standard",
           "text_and_next"]  # fmt: skip


def digits(n: int = 640, *, images: bool = False) -> tuple[data.Dataset, data.Dataset]:
    """The first n training digits and 300 test digits by other writers."""
    train_set, test_set = data.digits(images=images)
    return train_set[:n], test_set[:300]


def standard(dataset: data.Dataset) -> data.Dataset:
    """Each feature with mean 0 and deviation 1."""
    x = dataset.x
    return data.Dataset((x - x.mean(0)) / (x.std(0) + 1e-6), dataset.y, dataset.classes)


def mlp(sizes: list[int], rng: Any, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers with activations between them."""
    layers: list[nn.Module] = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(n, m, rng=rng), activation()]
    return nn.Sequential(*layers[:-1])


def noisy_sine(n: int, rng: np.random.Generator) -> data.Dataset:
    """y = sin(3 x) + noise, x uniform in [-1, 1]."""
    x = rng.uniform(-1, 1, (n, 1)).astype("float32")
    return data.Dataset(x, (np.sin(3 * x) + 0.1 * rng.normal(size=x.shape)).astype("float32"))


def noisy_text(n: int, length: int, rng: np.random.Generator) -> data.Dataset:
    """Windows of a periodic sequence of 8 tokens in which a tenth of the tokens is random."""
    tokens = np.arange(n + length) % 8
    tokens = np.where(rng.random(n + length) < 0.1, rng.integers(8, size=n + length), tokens)
    rows = np.arange(n)[:, None] + np.arange(length)
    return data.Dataset(tokens[rows], tokens[np.arange(n) + length], 8)


def text_and_next(n: int, length: int, rng: Any) -> tuple[np.ndarray, np.ndarray]:
    """n windows of 12 tokens in turn, a tenth of them random, and the same shifted by one."""
    tokens = np.arange(3 * n + length + 1) % 12
    tokens = np.where(rng.random(len(tokens)) < 0.1, rng.integers(12, size=len(tokens)), tokens)
    rows = 3 * np.arange(n)[:, None] + np.arange(length)
    return tokens[rows], tokens[rows + 1]


def loop(model: Any, loss_fn: Any, opt: Any, batches: Any, epochs: int) -> None:
    """Training as written by hand."""
    for _ in range(epochs):
        for x, y in batches:
            loss = loss_fn(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()


def classify(model: Any, opt: Any, sets: Any, rng: Any, *, epochs: int = 8, **settings: Any) -> Any:
    """Train with `fit` on sets = (training, validation)."""
    loader = data.Loader(sets[0], batch_size=settings.pop("batch_size", 32), rng=rng)
    loss_fn = settings.pop("loss_fn", F.cross_entropy)
    return train.fit(
        model, loss_fn, opt, loader, val_data=sets[1], epochs=epochs, progress=False, **settings
    )
