"""Which section of the course explains a finding or a check; the one table of it."""

from __future__ import annotations

__all__ = ["LESSONS", "lesson_of"]

# number: (title, {section: what it explains: kinds of findings and names of checks})
LESSONS: dict[int, tuple[str, dict[int, tuple[str, ...]]]] = {
    5: ("Before you train", {
        1: ("loss at chance",),
        2: ("bias knows the prior",),
        3: ("regularisation raises the loss",),
        4: ("overfits a tiny set",),
        5: ("inputs matter", "features are informative"),
        6: ("examples do not mix",),
        7: ("every parameter moves", "data are finite"),
        9: (
            "missing_zero_grad", "missing_step", "not_in_optimizer", "unreached", "frozen",
            "uphill", "negated_loss", "wrong_reduction",
            "softmax_twice", "missing_softmax", "wrong_axis", "broadcasting", "clipped_scores",
            "symmetric_units", "initial_weights_too_large", "initial_weights_too_small",
            "collapsed", "vanishing_gradients", "exploding_gradients", "saturated", "dead_relus",
            "late_start",
            "evaluation_in_training_mode", "training_in_eval_mode", "statistics_never_updated",
            "constant_inputs", "unnormalised_inputs", "unnormalised_targets", "unshuffled",
            "degenerate_labels", "broken_labels", "leak", "evaluation_inputs_differ",
            "needless_float64",
            "plateau", "overfitting", "underfitting", "spikes", "not_finite",
            "weight_decay_overwhelms", "noisy_features",
            "no softmax before the loss",
            "no activation before the loss", "no two activations in a row",
            "no two linear layers in a row", "no bias before batch norm",
            "no dropout before batch norm", "dropout leaves enough", "weights start at random",
            "no needless float64",
        ),
    }),
    7: ("Rolling downhill: SGD, momentum, Nesterov", {
        1: ("learning_rate_too_low", "learning_rate_too_high"),
        3: ("momentum_too_high",),
        4: ("diverged", "oscillating"),
    }),
}  # fmt: skip

_PLACES = {
    name: f"lesson {number}: {title}, section {section}"
    for number, (title, sections) in LESSONS.items()
    for section, names in sections.items()
    for name in names
}


def lesson_of(name: str) -> str:
    """Lesson and section in one short line; "" for a name that is in no lesson.

    >>> lesson_of("softmax_twice"), lesson_of("something else")
    ('lesson 5: Before you train, section 9', '')
    """
    return _PLACES.get(name, "")
