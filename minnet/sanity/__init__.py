"""Sanity checks: is the model able to learn, before it is given much to learn."""

from .before import (
    chance_loss,
    check,
    check_chance,
    check_informative,
    check_overfits,
    check_regularisation,
    l2_penalty,
)
from .gradients import check_gradients
from .report import Check, Report

__all__ = [
    "Check",
    "Report",
    "chance_loss",
    "check",
    "check_chance",
    "check_gradients",
    "check_informative",
    "check_overfits",
    "check_regularisation",
    "l2_penalty",
]
