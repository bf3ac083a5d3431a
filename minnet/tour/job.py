"""The main job: gradient check, sanity checks, training, one look at the test set."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, sanity, schedules, train
from ..errors import TrainingError, ValueRangeError
from ..functional import cross_entropy
from ..nn import BatchNorm1d, BatchNorm2d, Conv2d, Linear, Module, ReLU
from ..optim import Nesterov
from .recipes import RECIPES, Recipe

__all__ = ["Results", "Settings", "run"]

QUICK_EPOCHS = 5
VALIDATION = 0.1  # share of the training part that is kept for the curves
LOOK = 500  # examples that the sanity checks see
SHOWN = (Conv2d, Linear, BatchNorm1d, BatchNorm2d, ReLU)  # layers with an activation histogram
SHOWN_EXAMPLES = 100  # images that pass through them


@dataclass(frozen=True)
class Settings:
    """What the user chose.   epochs: None for the recipe's own.   root: folder of MNIST's files."""

    data: str = "digits"
    root: Path | None = None
    epochs: int | None = None
    seed: int = 0
    quick: bool = False
    progress: bool = False

    def __post_init__(self) -> None:
        if self.data not in RECIPES:
            raise ValueRangeError(f"tour knows {', '.join(RECIPES)}, got data={self.data!r}.")
        if self.epochs is not None and self.epochs < 1:
            raise ValueRangeError(f"tour needs epochs of at least 1, got {self.epochs}.")
        if self.seed < 0:
            raise ValueRangeError(f"tour needs a seed of at least 0, got {self.seed}.")

    @property
    def recipe(self) -> Recipe:
        """The recipe of the data set."""
        return RECIPES[self.data]

    @property
    def length(self) -> int:
        """Epochs to train."""
        return self.epochs or (QUICK_EPOCHS if self.quick else self.recipe.epochs)


@dataclass
class Results:
    """What the tour found.   test: {"loss", "accuracy"}.   scores: of the test images (N, 10).

    activations: histograms before and after each epoch.   gradients: gradcheck's Report.
    """

    settings: Settings
    model: Module
    sizes: dict[str, int]  # images in the training, validation and test part
    test_set: data.Dataset = field(repr=False)
    gradients: Any = None
    sanity: Any = None
    history: Any = field(default=None, repr=False)
    activations: list = field(default_factory=list, repr=False)
    scores: Any = field(default=None, repr=False)
    test: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def gradcheck_worst(self) -> float:
        """The largest relative error among the parameters."""
        return max(p.max_rel for p in self.gradients.params.values())

    @property
    def confusion(self) -> np.ndarray:
        """Counts[i, j] of test images of class i that were called j."""
        return train.confusion_matrix(self.scores, self.test_set.y)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers and text, for tour.json."""
        gradients = self.gradients.params.values()
        return {
            "data": self.settings.data,
            "seed": self.settings.seed,
            "epochs": self.settings.length,
            "sizes": self.sizes,
            "model": repr(self.model),
            "test_accuracy": self.test["accuracy"],
            "test_loss": self.test["loss"],
            "gradcheck_worst": self.gradcheck_worst,
            "gradcheck": {p.name: {"status": p.status, "max_rel": p.max_rel} for p in gradients},
            "sanity": self.sanity.to_dict(),
            "seconds": self.seconds,
            "confusion": self.confusion.tolist(),
            "history": self.history.to_dict(),
            "recipe": {k: v for k, v in asdict(self.settings.recipe).items() if not callable(v)},
        }


def run(settings: Settings, *, tell: Callable[[str], Any] = lambda text: None) -> Results:
    """Check, train, and evaluate once on the test set.

    The checks must pass before training begins.  10 % of the training part are kept for the
    validation curves; nothing is chosen by them, and the network is not trained on them.
    tell: is given what was found, as soon as it is known; `print`, for example.
    Raises DataError without the data, TrainingError if a check fails or the loss becomes NaN.
    """
    began = time.perf_counter()
    recipe, rng = settings.recipe, np.random.default_rng(settings.seed)
    whole, test_set = recipe.load(settings.root)
    train_set, val_set = whole.split(1 - VALIDATION, stratify=True, rng=rng)
    model = recipe.model(rng)
    sizes = {"training": len(train_set), "validation": len(val_set), "test": len(test_set)}
    results = Results(settings, model, sizes, test_set)
    _check(results, train_set[:LOOK], tell)
    _train(results, train_set, val_set, rng)
    results.scores = train.predict(model, test_set.x)
    results.test = {
        "loss": float(cross_entropy(results.scores, test_set.y)),
        "accuracy": train.accuracy(results.scores, test_set.y),
    }
    results.seconds = time.perf_counter() - began
    tell(f"test accuracy {results.test['accuracy']:.2%} after {results.seconds:.0f} s")
    return results


def _check(results: Results, sample: data.Dataset, tell: Callable[[str], Any]) -> None:
    """Gradients and sanity, with the plain loss: label smoothing is a regulariser."""
    model = results.model
    results.gradients = sanity.check_gradients(
        model, cross_entropy, _without_ties(sample), examples=8, samples_per_param=10
    )
    if not results.gradients.ok:
        raise TrainingError(f"the gradient check failed: {results.gradients.summary()}")
    tell(results.gradients.summary())
    results.sanity = sanity.check(model, cross_entropy, sample)
    results.sanity.raise_for_failure()
    tell(str(results.sanity))


def _without_ties(sample: data.Dataset) -> data.Dataset:
    """The images with a little noise: blank corners make ties in max-pooling, which are kinks."""
    noise = np.random.default_rng(0).uniform(0, 0.1, sample.x.shape)
    return data.Dataset((sample.x + noise).astype(sample.x.dtype), sample.y, sample.classes)


def _train(
    results: Results, train_set: data.Dataset, val_set: data.Dataset, rng: np.random.Generator
) -> None:
    recipe, epochs, model = results.settings.recipe, results.settings.length, results.model
    loader = data.Loader(
        train_set, batch_size=recipe.batch_size, transform=recipe.transform, rng=rng
    )
    optimizer = Nesterov(
        model.named_parameters(), lr=recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay
    )
    activations = train.Activations(
        train_set.x[:SHOWN_EXAMPLES],
        targets=train_set.y[:SHOWN_EXAMPLES],
        layers=lambda name, module: isinstance(module, SHOWN),
    )
    results.history = train.fit(
        model,
        partial(cross_entropy, label_smoothing=recipe.label_smoothing),
        optimizer,
        loader,
        epochs=epochs,
        val_data=val_set,
        schedule={"lr": schedules.one_cycle(epochs * len(loader), high=recipe.lr)},
        monitors=[train.UpdateRatios(every=max(1, epochs * len(loader) // 200)), activations],
        progress=results.settings.progress,
    )
    results.activations = activations.snapshots
