"""Training: the loop, its history, monitors, metrics and checkpoints."""

from .checkpoint import Checkpoint, load, save
from .evaluation import evaluate, evaluating, predict
from .fit import Run, fit
from .history import History
from .metrics import accuracy, confusion_matrix, top_k_accuracy
from .monitors import Activations, Monitor, UpdateRatios
from .plateau import Plateau

__all__ = [
    "Activations",
    "Checkpoint",
    "History",
    "Monitor",
    "Plateau",
    "Run",
    "UpdateRatios",
    "accuracy",
    "confusion_matrix",
    "evaluate",
    "evaluating",
    "fit",
    "load",
    "predict",
    "save",
    "top_k_accuracy",
]
