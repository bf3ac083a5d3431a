"""The tour's pictures: each with what a screen reader says about it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape

import numpy as np

from .. import plot
from ..functional import softmax
from .job import Results

__all__ = ["Shown", "draw", "mistakes"]

MOST_MISTAKES = 24


@dataclass(frozen=True)
class Shown:
    """A picture and the sentence that stands for it."""

    picture: plot.Picture
    alt: str

    def html(self) -> str:
        """An <img> that holds the picture itself, as SVG."""
        code = b64encode(self.picture.svg().encode()).decode()
        width = round(96 * self.picture.get_size_inches()[0])
        return (
            f'<img src="data:image/svg+xml;base64,{code}" width="{width}" alt="{escape(self.alt)}">'
        )


def draw(results: Results) -> dict[str, list[Shown]]:
    """The pictures of each section of the page."""
    h, snapshots = results.history, results.activations
    curves = {
        "loss": f"Loss, falling from {h['loss'][0]:.2f} to {h.last('loss'):.2f}",
        "accuracy": f"Accuracy, rising to {h.last('val_accuracy'):.1%} in validation",
        "lr": f"Learning rate, rising to {h['lr'].max():.3g} and falling to zero",
    }
    return {
        "dashboard": [Shown(_dashboard(results), "Six panels: loss, accuracy, steps, layers")],
        "learning": [Shown(plot.history(h, [name]), alt) for name, alt in curves.items()],
        "updates": [Shown(plot.update_ratios(h), "Size of a step over size of the weights")],
        "activations": [
            Shown(plot.activations(snapshots, [layer]), f"Histogram of the outputs of {layer}")
            for layer in snapshots[-1]["layers"]
        ],
        "weights": [Shown(_first_layer(results), "Filters of the first layer as small images")],
        "confusion": [Shown(plot.confusion(results.confusion), "Confusion matrix of the test set")],
        "mistakes": _mistakes(results),
    }


def _dashboard(results: Results) -> plot.Picture:
    first = results.model.parameters()[0].numpy()
    height, width = results.settings.recipe.image[-2:]
    images = first.T.reshape(-1, height, width) if first.ndim == 2 else first[:, 0]
    return plot.dashboard(results.history, snapshots=results.activations, images=images)


def _first_layer(results: Results) -> plot.Picture:
    return plot.weights(results.model.parameters()[0].numpy())[0]


def _mistakes(results: Results) -> list[Shown]:
    rows = mistakes(results)[:MOST_MISTAKES]
    if not len(rows):
        return []
    images = results.test_set.x[rows].reshape(-1, *results.settings.recipe.image)
    labels, called = results.test_set.y[rows], results.scores[rows].argmax(axis=1)
    captions = [f"{y}, not {wrong}" for y, wrong in zip(labels, called, strict=True)]
    return [Shown(plot.examples(images, captions), f"{len(rows)} misclassified test images")]


def mistakes(results: Results) -> np.ndarray:
    """Rows of the test set that were called wrong, the most confident first."""
    probability = softmax(results.scores, axis=1)
    wrong = np.flatnonzero(results.scores.argmax(axis=1) != results.test_set.y)
    return wrong[np.argsort(-probability[wrong].max(axis=1), kind="stable")]
