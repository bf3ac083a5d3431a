"""Which lesson of the course explains a finding or a check; the one table of it."""

from __future__ import annotations

__all__ = ["LESSONS", "lesson_of"]

# number: (title, what it explains: kinds of findings and names of checks)
LESSONS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("Numbers that differentiate", ("gradients",)),
    2: ("Kinks, seeds and other traps", ("not_finite", "data are finite")),
    3: (
        "Backprop by hand",
        (
            "missing_zero_grad", "unreached", "uphill", "vanishing_gradients",
            "exploding_gradients", "saturated", "every parameter moves",
        ),
    ),
    5: (
        "Before you train",
        (
            "softmax_twice", "missing_softmax", "wrong_axis", "broadcasting", "negated_loss",
            "clipped_scores", "wrong_reduction", "evaluation_in_training_mode",
            "training_in_eval_mode", "statistics_never_updated", "constant_inputs",
            "unnormalised_inputs", "unnormalised_targets", "unshuffled", "degenerate_labels",
            "broken_labels", "leak", "evaluation_inputs_differ", "symmetric_units",
            "initial_weights_too_large", "initial_weights_too_small", "collapsed",
            "not_in_optimizer", "frozen", "plateau", "overfitting", "underfitting",
            "weight_decay_overwhelms", "noisy_features", "dead_relus",
            "loss at chance", "regularisation raises the loss", "overfits a tiny set",
            "features are informative", "inputs matter", "examples do not mix",
            "bias knows the prior", "no softmax before the loss",
            "no activation before the loss", "no two activations in a row",
            "no two linear layers in a row", "no bias before batch norm",
            "no dropout before batch norm", "dropout leaves enough", "weights start at random",
        ),
    ),
    7: (
        "Rolling downhill: SGD, momentum, Nesterov",
        (
            "learning_rate_too_low", "learning_rate_too_high", "momentum_too_high",
            "missing_step", "diverged", "oscillating", "spikes",
        ),
    ),
    10: ("Per-parameter rates and the saddle", ("late_start",)),
}  # fmt: skip

_NUMBERS = {name: number for number, (_, names) in LESSONS.items() for name in names}


def lesson_of(name: str) -> str:
    """The lesson in one short line; "" for a name that is in no lesson.

    >>> lesson_of("softmax_twice"), lesson_of("something else")
    ('lesson 5: Before you train', '')
    """
    number = _NUMBERS.get(name)
    return f"lesson {number}: {LESSONS[number][0]}" if number is not None else ""
