"""Which lesson of the course explains a finding or a check; the one table of it."""

from __future__ import annotations

__all__ = ["LESSONS", "lesson_of"]

# number: (title, what it explains: kinds of findings and names of checks)
LESSONS: dict[int, tuple[str, tuple[str, ...]]] = {
    5: (
        "Before you train",
        (
            "missing_zero_grad", "missing_step", "not_in_optimizer", "unreached", "frozen",
            "uphill", "negated_loss", "wrong_reduction",
            "softmax_twice", "missing_softmax", "wrong_axis", "broadcasting", "clipped_scores",
            "symmetric_units", "initial_weights_too_large", "initial_weights_too_small",
            "collapsed", "vanishing_gradients", "exploding_gradients", "saturated", "dead_relus",
            "late_start",
            "evaluation_in_training_mode", "training_in_eval_mode", "statistics_never_updated",
            "constant_inputs", "unnormalised_inputs", "unnormalised_targets", "unshuffled",
            "degenerate_labels", "broken_labels", "leak", "evaluation_inputs_differ",
            "plateau", "overfitting", "underfitting", "spikes", "not_finite",
            "weight_decay_overwhelms", "noisy_features",
            "loss at chance", "regularisation raises the loss", "overfits a tiny set",
            "features are informative", "inputs matter", "examples do not mix",
            "bias knows the prior", "every parameter moves", "data are finite",
            "no softmax before the loss",
            "no activation before the loss", "no two activations in a row",
            "no two linear layers in a row", "no bias before batch norm",
            "no dropout before batch norm", "dropout leaves enough", "weights start at random",
        ),
    ),
    7: (
        "Rolling downhill: SGD, momentum, Nesterov",
        (
            "learning_rate_too_low", "learning_rate_too_high", "momentum_too_high", "diverged",
            "oscillating",
        ),
    ),
}  # fmt: skip

_NUMBERS = {name: number for number, (_, names) in LESSONS.items() for name in names}


def lesson_of(name: str) -> str:
    """The lesson in one short line; "" for a name that is in no lesson.

    >>> lesson_of("softmax_twice"), lesson_of("something else")
    ('lesson 5: Before you train', '')
    """
    number = _NUMBERS.get(name)
    return f"lesson {number}: {LESSONS[number][0]}" if number is not None else ""
