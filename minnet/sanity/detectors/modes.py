"""Faults of training and eval mode."""

from __future__ import annotations

from ..finding import Finding
from ..record import Record

__all__ = ["DETECTORS"]


def evaluation_in_training_mode(record: Record) -> Finding | None:
    """The model was in training mode while it was evaluated."""
    passes = [e for e in record.evaluations if e.training]
    if not passes:
        return None
    meant = all(e.loss != e.loss and (e.again or e.whole == e.n) for e in passes)
    return Finding(  # the same examples again and again: an average over dropout
        "evaluation_in_training_mode", "note" if meant else "error", "fact",
        f"{len(passes)} of {len(record.evaluations)} evaluations ran in training mode, with "
        "dropout or batch norm in the model.",
        "In training mode dropout deletes random units, and batch norm uses and stores the mean "
        "of the batch: the score is noisy, and evaluating changes the model.",
        "Call model.eval() before and model.train() after, or use train.evaluate.",
    )  # fmt: skip


def training_in_eval_mode(record: Record) -> Finding | None:
    """The model was in eval mode while it learned."""
    count = record.facts.get("trained_in_eval", 0)
    if count < 0.5 * record.looked or not count:
        return None
    return Finding(
        "training_in_eval_mode", "error", "fact",
        f"{count} of {record.looked} steps looked at ran in eval mode, with dropout or "
        "batch norm in the model.",
        "In eval mode dropout does nothing, and batch norm uses the mean and variance it has "
        "stored instead of those of the batch, so neither does its work.",
        "Call model.train() before training, and after each evaluation.",
    )  # fmt: skip


def statistics_never_updated(record: Record) -> Finding | None:
    """The running statistics of a batch norm are those it was built with."""
    count, copied = record.facts.get("still_norms", 0), record.facts.get("unmeasured", 0)
    if copied:
        return _unmeasured(copied)
    if not count or record.steps < 2 or record.facts.get("trained_in_eval"):
        return None
    return Finding(
        "statistics_never_updated", "error", "fact",
        f"{count} batch norm(s) have the running mean they had before {record.steps} steps.",
        "In eval mode batch norm uses its running mean and variance, averages over the training "
        "batches. If they never moved, evaluation sees another network than training did.",
        "Check that the layer's momentum is above 0 and that it is in training mode.",
    )  # fmt: skip


def _unmeasured(count: int) -> Finding:
    return Finding(
        "statistics_never_updated", "error", "fact",
        f"a model was used in eval mode whose {count} batch norm(s) have running means of exactly "
        "0, as they were built.",
        "In eval mode batch norm uses its running mean and variance. A copy that got only a "
        "trained model's weights, and not these, is another network.",
        "Use copy.load_state_dict(model.state_dict()), or call optim.recompute_statistics.",
    )  # fmt: skip


DETECTORS = (evaluation_in_training_mode, training_in_eval_mode, statistics_never_updated)
