"""What the tour trains on each data set.

How the settings were chosen: on the training parts alone; the test parts were not looked at.
Digits: mean accuracy of a five-fold cross-validation over the 3,823 training images (random folds,
because the file does not say who wrote what) of networks with one setting changed at a time: width,
depth, dropout, learning rate, epochs, label smoothing and the ranges of the augmentation.
MNIST: accuracy on 10,000 of the 60,000 training images, of three pairs of width and epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import data
from ..nn import BatchNorm1d, Dropout, Linear, Module, ReLU, Sequential

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """A data set, a network for it, and how it is trained.

    load: root -> (train, test).   image: (H, W) of an example.   model: rng -> Module.
    transform: augmentation of the training batches.   lr: highest learning rate of the cycle.
    """

    title: str
    load: Callable[[Path | None], tuple[data.Dataset, data.Dataset]]
    image: tuple[int, int]
    model: Callable[[np.random.Generator], Module]
    epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    label_smoothing: float = 0.0
    transform: Any = None


def mlp(inputs: int, width: int, *, dropout: float, rng: np.random.Generator) -> Module:
    """Two hidden layers with batch norm, relu and dropout, and ten scores.

    The linear layers before a batch norm have no bias: the norm would subtract it again.
    """
    return Sequential(
        linear1=Linear(inputs, width, bias=False, rng=rng),
        norm1=BatchNorm1d(width),
        relu1=ReLU(),
        drop1=Dropout(dropout, rng=rng),
        linear2=Linear(width, width, bias=False, rng=rng),
        norm2=BatchNorm1d(width),
        relu2=ReLU(),
        drop2=Dropout(dropout, rng=rng),
        linear3=Linear(width, 10, rng=rng),
    )


def _digits(root: Path | None) -> tuple[data.Dataset, data.Dataset]:
    return data.digits()  # bundled: root has nothing to say


RECIPES = {
    "digits": Recipe(
        title="handwritten digits, 8 x 8 pixels",
        load=_digits,
        image=(8, 8),
        model=lambda rng: mlp(64, 256, dropout=0.1, rng=rng),
        epochs=100,
        batch_size=64,
        lr=0.1,
        weight_decay=5e-4,
        label_smoothing=0.1,
        transform=data.RandomAffine(rotate=10, stretch=0.1, slant=0.1, shift=0.7, shape=(8, 8)),
    ),
    "mnist": Recipe(
        title="MNIST, handwritten digits of 28 x 28 pixels",
        load=data.mnist,
        image=(28, 28),
        model=lambda rng: mlp(784, 256, dropout=0.2, rng=rng),
        epochs=15,
        batch_size=128,
        lr=0.1,
        weight_decay=1e-4,
    ),
}
