"""What the programs of the third zoo share: their small problems and small models."""

from __future__ import annotations

from typing import Any

import numpy as np

from minnet import data, nn

__all__ = ["Reader", "cnn", "halves", "houses", "pressures", "ratings", "reviews", "rings"]


def halves(dataset: data.Dataset, n: int) -> tuple[data.Dataset, data.Dataset]:
    """The first n examples and the others."""
    return dataset[:n], dataset[n:]


def reviews(n: int, rng: np.random.Generator) -> data.Dataset:
    """Fourteen words, 1 to 39: does the praise (1 to 10) outweigh the blame (11 to 20)?"""
    words = rng.integers(1, 40, (n, 14))
    praise = (words <= 10).sum(1) - ((words > 10) & (words <= 20)).sum(1)
    return data.Dataset(words, (praise + 0.5 * rng.normal(size=n) > 0).astype(int), 2)


def houses(n: int, rng: np.random.Generator) -> data.Dataset:
    """Prices in thousands, about 300 +- 80, by six standardised properties."""
    x = rng.normal(size=(n, 6)).astype("float32")
    worth = x[:, :1] + 0.5 * x[:, 1:2] * x[:, 2:3] - 0.7 * x[:, 3:4] + 0.1 * rng.normal(size=(n, 1))
    return data.Dataset(x, (300 + 60 * worth).astype("float32"))


def pressures(n: int, rng: np.random.Generator) -> data.Dataset:
    """Sixteen pressures in pascal, an hour apart: will it be higher three hours later?"""
    t = np.arange(16) + rng.uniform(0, 24, (n, 1))
    later = np.sin(2 * np.pi * (t[:, -1:] + 3) / 24) - np.sin(2 * np.pi * t[:, -1:] / 24)
    x = 101_325 + 400 * (np.sin(2 * np.pi * t / 24) + 0.2 * rng.normal(size=t.shape))
    return data.Dataset(x[:, :, None].astype("float32"), (later[:, 0] > 0).astype(int), 2)


def ratings(n: int, rng: np.random.Generator) -> data.Dataset:
    """Pairs (user, film) of 40 users and 30 films, and a centred rating of rank two."""
    u, v = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
    cells = rng.permutation(1200)[:n]
    x = np.stack([cells // 30, cells % 30], 1)
    y = (u[x[:, 0]] * v[x[:, 1]]).sum(1, keepdims=True) + 0.3 * rng.normal(size=(n, 1))
    return data.Dataset(x, y.astype("float32"))


def rings(n: int, rng: np.random.Generator) -> data.Dataset:
    """Two features: inside the ring, on it, or outside?"""
    x = rng.normal(size=(n, 2)).astype("float32")
    return data.Dataset(x, np.digitize((x**2).sum(1), [0.8, 2.2]), 3)


def cnn(rng: Any, outputs: int = 10) -> nn.Sequential:
    """Two convolutions with pooling for images (1, 8, 8), and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, outputs, rng=rng),
    )  # fmt: skip


class Reader(nn.Module):
    """Embeddings, a recurrent layer, and scores from its last output."""

    def __init__(self, rng: Any, *, layer: Any = nn.GRU, width: int = 16, outputs: int = 2):
        self.embed = nn.Embedding(40, 8, rng=rng)
        self.recurrent = layer(8, width, batch_first=True, rng=rng)
        self.head = nn.Linear(width, outputs, rng=rng)

    def forward(self, tokens: Any) -> Any:
        return self.head(self.recurrent(self.embed(tokens))[0][:, -1])
