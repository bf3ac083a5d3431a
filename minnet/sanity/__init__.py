"""Sanity checks: is the model able to learn, before it is given much to learn."""

from .baseline import check_inputs_matter, check_prior, prior_bias, set_prior, welch
from .before import (
    chance_loss,
    check_chance,
    check_informative,
    check_overfits,
    check_regularisation,
    l2_penalty,
)
from .clues import early_clues, flat_part, noisy_features
from .doctor import Diagnosis, Doctor
from .dtypes import check_dtypes
from .finding import Finding
from .gradients import check_gradients
from .leaks import check_batch_leak
from .movement import check_movement
from .record import Record
from .recorder import Recorder
from .report import Check, Report
from .static import check_structure
from .suite import check, check_data, check_features

__all__ = [
    "Check",
    "Diagnosis",
    "Doctor",
    "Finding",
    "Record",
    "Recorder",
    "Report",
    "chance_loss",
    "check",
    "check_batch_leak",
    "check_chance",
    "check_data",
    "check_dtypes",
    "check_features",
    "check_gradients",
    "check_informative",
    "check_inputs_matter",
    "check_movement",
    "check_overfits",
    "check_prior",
    "check_regularisation",
    "check_structure",
    "early_clues",
    "flat_part",
    "l2_penalty",
    "noisy_features",
    "prior_bias",
    "set_prior",
    "welch",
]
