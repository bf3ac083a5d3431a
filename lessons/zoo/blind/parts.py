"""What the programs share: small tables, sentences and series, and networks that read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minnet import data, nn

__all__ = ["Reader", "SeriesReader", "attributes", "cnn", "houses", "sentences", "series"]


def houses(n: int, rng: np.random.Generator) -> data.Dataset:
    """Six standard features and a target (n, 1) with mean 0: linear, one bend, some noise."""
    x = rng.normal(size=(n, 6)).astype("float32")
    y = x[:, 0] - 0.7 * x[:, 1] + np.maximum(x[:, 2], 0) - 0.4 + 0.1 * rng.normal(size=n)
    return data.Dataset(x, y[:, None].astype("float32"))


def sentences(n: int, rng: np.random.Generator) -> data.Dataset:
    """Ten words of 30, four of them opinions: 0-4 in happy, 5-9 in angry ones, a tenth mixed."""
    y = rng.integers(2, size=n)
    x = rng.integers(10, 30, (n, 10))
    mood = np.where(rng.random((n, 4)) < 0.1, 1 - y[:, None], y[:, None])
    places = rng.permuted(np.tile(np.arange(10), (n, 1)), axis=1)[:, :4]
    np.put_along_axis(x, places, 5 * mood + rng.integers(5, size=(n, 4)), axis=1)
    return data.Dataset(x, y, 2)


def series(n: int, rng: np.random.Generator) -> data.Dataset:
    """Noisy waves (n, 16, 1) with any phase; the class is one of three frequencies."""
    y = rng.integers(3, size=n)
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    x = np.sin((0.3 + 0.5 * y)[:, None] * np.arange(16) + phase) + 0.1 * rng.normal(size=(n, 16))
    return data.Dataset(x[:, :, None].astype("float32"), y, 3)


def attributes(dataset: data.Dataset) -> data.Dataset:
    """Three yes-or-no questions about a digit: is it odd, above 4, does it have a closed loop?"""
    y = dataset.y
    table = np.stack([y % 2 == 1, y > 4, np.isin(y, [0, 6, 8, 9])], axis=1)
    return data.Dataset(dataset.x, table.astype("float32"))


def cnn(rng: Any, *, norm: bool = False, outputs: int = 10) -> nn.Sequential:
    """Two convolutions on images of 8 x 8, each with batch norm if wanted, and a linear layer."""
    between = (lambda n: [nn.BatchNorm2d(n), nn.ReLU()]) if norm else (lambda n: [nn.ReLU()])
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, rng=rng), *between(8), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, rng=rng), *between(16), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, outputs, rng=rng),
    )  # fmt: skip


class SeriesReader(nn.Module):
    """A recurrence over (N, T, features) and a linear layer on its last output."""

    def __init__(self, layer: Any, features: int, outputs: int, rng: Any):
        self.recurrence = layer(features, 24, batch_first=True, rng=rng)
        self.head = nn.Linear(24, outputs, rng=rng)

    def forward(self, x: Any) -> Any:
        return self.head(self.recurrence(x)[0][:, -1])


class Reader(SeriesReader):
    """The same over the embeddings of tokens (N, T)."""

    def __init__(self, layer: Any, tokens: int, outputs: int, rng: Any):
        super().__init__(layer, 8, outputs, rng)
        self.embed = nn.Embedding(tokens, 8, rng=rng)

    def forward(self, x: Any) -> Any:
        return super().forward(self.embed(x))
