"""The page's words: what each picture shows and how to read it, with this run's own numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .figures import MOST_MISTAKES, mistakes
from .job import Results

__all__ = ["PICTURES", "facts", "footer", "gradients", "lead", "network", "sanity"]


def lead(results: Results) -> str:
    """What was done."""
    recipe, sizes = results.settings.recipe, results.sizes
    return (
        f"{sizes['training']:,} images to train on, {sizes['validation']:,} kept from the training "
        f"part for the validation curves, and {sizes['test']:,} test images that were looked at "
        f"once, at the end. {results.settings.length} epochs of Nesterov momentum in batches of "
        f"{recipe.batch_size}, the learning rate rising to {recipe.lr:g} and falling to zero; seed "
        f"{results.settings.seed}."
    )


def facts(results: Results) -> list[tuple[str, str]]:
    """(value, its name) pairs for the top of the page."""
    checks = results.sanity.checks
    return [
        (f"{results.test['accuracy']:.2%}", "of the test images called right"),
        (f"{results.gradcheck_worst:.1e}", "worst relative error of a gradient"),
        (f"{sum(c.ok for c in checks)} of {len(checks)}", "sanity checks passed before training"),
        (f"{results.seconds:.0f} s", "for checks, training and test"),
    ]


def network(results: Results) -> str:
    """The layers and their shapes."""
    total = sum(p.size for p in results.model.parameters())
    return (
        "Read it from top to bottom, as an image passes through it. A convolution slides small "
        "filters over its input and gives one image for each; a max-pool keeps the largest of each "
        "2 x 2 pixels; a linear layer (a -> b) turns a numbers into b. The weights started at "
        f"random; gradients then moved all {total:,} numbers."
    )


def gradients(results: Results) -> str:
    """The table of gradcheck."""
    report = results.gradients
    return (
        "Before anything is trained, each gradient that backpropagation computes is compared with "
        "what the loss really does when one number is moved a little both ways. The two last "
        "columns are the pair that agrees least, and should share their leading digits. Relative "
        "errors below 1e-7 are right; above 1e-2 something is wrong. The check ran in float64 on a "
        f"copy of the network, with {report.nfev:,} evaluations of the loss, and looked at a "
        "sample of the entries of each large parameter, and along random directions through all of "
        "them. Its images had a little noise added: where all pixels are blank, max-pooling "
        "finds many largest ones, and the loss has a kink instead of a gradient."
    )


def sanity(results: Results) -> str:
    """The checks before learning."""
    steps = len(results.sanity["overfits a tiny set"].data["curve"]) - 1
    return (
        "These cost seconds and save days. An undecided network has the loss of guessing; a "
        "penalty on the weights makes the loss larger; and twenty images must be learnable by "
        f"heart, which took {steps} steps here. The other checks look for mistakes that are easily "
        "made in data, layers and their order. Had one failed, training would not have begun."
    )


def dashboard(results: Results) -> str:
    """The six panels."""
    return (
        "The whole training in one picture; the sections below take it apart. A healthy run has a "
        "falling loss, two accuracies that rise together, steps near a thousandth of the weights "
        "(the line at -3), outputs of every layer that are spread out, and gradients at the first "
        "layers that are not far narrower or wider than at the last ones. The picture is "
        "minnet.plot.dashboard; plot.Dashboard draws it after each epoch of your own runs."
    )


def learning(results: Results) -> str:
    """Loss, accuracy, learning rate."""
    h, recipe = results.history, results.settings.recipe
    text = (
        "A good learning rate gives a loss that falls quickly and then levels off; a straight slow "
        "line means the rate is too low, a rise or wild jumps that it is too high. The width of "
        "the pale curve is the noise of small batches. A training curve far above the validation "
        "curve in accuracy means overfitting. Here the last epoch reached "
        f"{h.last('val_accuracy'):.2%} on the validation images."
    )
    if recipe.transform is not None or recipe.label_smoothing:
        text += (
            " Training looks worse than validation because training images are turned, stretched "
            "and shifted at random, and dropout hides units; validation sees neither."
        )
    if recipe.label_smoothing:
        floor = _smoothing_floor(recipe.label_smoothing)
        text += (
            f" The loss cannot fall below {floor:.2f}: the targets are smoothed, "
            f"{1 - recipe.label_smoothing:.0%} for the label and the rest for all digits alike."
        )
    return text


def _smoothing_floor(eps: float, classes: int = 10) -> float:
    """The entropy of a smoothed target, which no prediction can undercut."""
    q = np.full(classes, eps / classes)
    q[0] += 1 - eps
    return float(-(q * np.log(q)).sum())


def updates(results: Results) -> str:
    """Update-to-weight ratios."""
    h = results.history
    ratios = [h[n] for n in h.names() if n.startswith("update_ratio/") and n.endswith("weight")]
    return (
        "How far one step moves a parameter, compared with its size. Around 1e-3 (the line) is "
        "healthy; far below, learning crawls; far above, steps throw away what was learned. Ratios "
        "follow the learning rate up and down. Over this run the median for the weights was "
        f"{np.median(np.concatenate(ratios)):.2g}. A parameter of small numbers, as a bias often "
        "is, has a larger ratio."
    )


def activations(results: Results) -> str:
    """Histograms of layer outputs."""
    return (
        "What each layer gives for the same images, before training (orange line) and after it "
        "(blue). Look for layers whose outputs have collapsed to one value, or pile up at the ends "
        "of their range: they pass no gradient on. A relu's tall first bin is its zeros, and some "
        "of them are wanted. The scale is logarithmic, so rare large outputs are visible."
    )


def weights(results: Results) -> str:
    """First-layer filters."""
    return (
        "Each tile is one filter of the first convolution, slid over the whole image: white where "
        "ink raises its output, black where ink lowers it. A filter that is white along one side "
        "and black along the other finds edges of that direction; a white line finds strokes, a "
        "white spot finds dots. Nine pixels have room for little else; with larger filters, look "
        "out for noise in every tile: training that has not converged, or too little "
        "regularisation."
    )


def confusion(results: Results) -> str:
    """The confusion matrix."""
    counts = results.confusion
    wrong = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    text = (
        "Rows are what an image shows, columns what the network called it; off the diagonal are "
        "mistakes. Symmetric pairs look alike to the network; a full column is a class it calls "
        f"too often. It was wrong on {wrong.sum()} of {counts.sum():,} test images."
    )
    if wrong.any():
        text += f" Its most frequent mistake is to call a {i} a {j}, {wrong[i, j]} times."
    return text


def worst(results: Results) -> str:
    """Misclassified examples."""
    count = len(mistakes(results))
    if not count:
        return "There are none: every test image was called right."
    shown = f"The {MOST_MISTAKES}" if count > MOST_MISTAKES else "All"
    return (
        f"{shown} mistakes about which the network was most certain, each with its label and what "
        "it was called instead. If you hesitate too, the image is hard; if you do not, ask what "
        "the training images lack: a style of writing, a shift, a slant."
    )


def footer(results: Results) -> str:
    """Where the numbers are."""
    return "The numbers behind this page are in tour.json beside it."


PICTURES: dict[str, tuple[str, Callable[[Results], str]]] = {  # section: (title, how to read it)
    "dashboard": ("The run at a glance", dashboard),
    "learning": ("Learning curves", learning),
    "updates": ("Update-to-weight ratios", updates),
    "activations": ("Activations", activations),
    "weights": ("First-layer filters", weights),
    "confusion": ("Confusion matrix", confusion),
    "mistakes": ("Misclassified test images", worst),
}
