"""Training: the loop, its history, monitors, metrics and checkpoints."""

from .checkpoint import Checkpoint, load, save
from .evaluation import evaluate, evaluating, predict
from .export import to_json, to_tensorboard, to_wandb
from .fit import Run, fit
from .gauges import FirstLayer, GradientNorms, Gradients, Rates, StepLength, Units
from .history import History
from .metrics import accuracy, confusion_matrix, top_k_accuracy
from .monitors import Activations, Monitor, UpdateRatios
from .plateau import Plateau
from .precision import MixedPrecision
from .replay import RecordedStep
from .stopping import EarlyStopping

__all__ = [
    "Activations",
    "Checkpoint",
    "EarlyStopping",
    "FirstLayer",
    "GradientNorms",
    "Gradients",
    "History",
    "MixedPrecision",
    "Monitor",
    "Plateau",
    "Rates",
    "RecordedStep",
    "Run",
    "StepLength",
    "Units",
    "UpdateRatios",
    "accuracy",
    "confusion_matrix",
    "evaluate",
    "evaluating",
    "fit",
    "load",
    "predict",
    "save",
    "to_json",
    "to_tensorboard",
    "to_wandb",
    "top_k_accuracy",
]
