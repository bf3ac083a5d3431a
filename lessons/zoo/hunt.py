"""Ten patients for the doctor: eight sick training programs and two healthy ones, by letter.

>>> patient = examine("A")
>>> len(patient.losses) > 10
True
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from minnet.plot.base import COLOURS, label_axes, make_axes
from minnet.sanity import Diagnosis, Doctor

from .training import BROKEN, HEALTHY
from .training.catalogue import Program

__all__ = ["CAUSES", "Patient", "WARD", "examine", "plot_losses", "right_cause"]

CAUSES = {
    "healthy": "Nothing is wrong: it learns as it should.",
    "loss": "The loss is given something else than it expects.",
    "gradients": "Gradients of earlier batches are never cleared, and add up.",
    "labels": "The labels do not belong to the inputs.",
    "optimizer": "The optimizer does not know all of the parameters.",
    "rate": "The learning rate is far too high.",
    "inputs": "The inputs are on a scale the network is not made for.",
    "dead": "A layer of ReLUs outputs zero for every example.",
    "mode": "The network is evaluated with dropout switched on.",
    "sign": "The update goes uphill.",
    "order": "The examples come sorted by their label.",
    "decay": "Weight decay pulls harder than the data.",
}
WARD = {  # letter: (program, its cause)
    "A": ("inputs_unnormalised", "inputs"),
    "B": ("softmax_before_cross_entropy", "loss"),
    "C": ("high_but_stable_rate", "healthy"),
    "D": ("missing_zero_grad", "gradients"),
    "E": ("sgd_rate_far_too_high", "rate"),
    "F": ("optimizer_has_the_last_layer_only", "optimizer"),
    "G": ("labels_shuffled", "labels"),
    "H": ("imbalanced_classes", "healthy"),
    "I": ("all_relus_dead", "dead"),
    "J": ("evaluation_with_dropout_on", "mode"),
}


@dataclass(frozen=True)
class Patient:
    """What can be seen of a training run: its loss at each step, and the doctor's diagnosis."""

    letter: str
    losses: np.ndarray
    diagnosis: Diagnosis


@cache
def examine(letter: str) -> Patient:
    """Run a patient's program under a doctor; always with the same random numbers."""
    program, doctor = _programs()[WARD[letter][0]], Doctor()
    with warnings.catch_warnings(), doctor.watching():
        warnings.simplefilter("ignore", RuntimeWarning)
        with suppress(ArithmeticError, RuntimeError):  # fit stops at a loss that is not finite
            program.run(np.random.default_rng(0))
    diagnosis = doctor.report()
    return Patient(letter, np.array(doctor.recorder.record.loss), diagnosis)


def plot_losses() -> Any:
    """The loss curves of all patients, side by side."""
    picture, axes = make_axes(len(WARD), columns=5, size=(2.1, 1.9))
    for ax, letter in zip(axes, WARD, strict=True):
        losses = examine(letter).losses
        ax.plot(losses, color=COLOURS[0], linewidth=1)
        if losses[np.isfinite(losses)].max() > 100:
            ax.set_yscale("log")
        label_axes(ax, "step", "loss", f"patient {letter}")
    return picture


def right_cause(letter: str) -> str:
    """The key in `CAUSES` of what a patient has."""
    return WARD[letter][1]


def _programs() -> dict[str, Program]:
    return {program.name: program for program in [*BROKEN, *HEALTHY]}
