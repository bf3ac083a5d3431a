"""Float64 in a float32 network: one wide array, and NumPy computes all that follows in float64."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..nn import Module
from ..train import evaluating
from .calls import Call
from .record import Record
from .report import Check

__all__ = ["TRY", "WHY", "check_dtypes", "note_dtypes", "wasted"]

WHY = (
    "NumPy computes in the wider of two dtypes. From the first float64 on every layer takes twice "
    "the memory, and up to twice the time, for digits that float32 parameters do not have."
)
TRY = (
    'Give the model x.astype("float32"); if x is that already, look inside for a number such as '
    'np.sqrt(2), which is float64 (math.sqrt(2) is not). Or, on purpose, model.astype("float64").'
)


def wasted(parameters: Iterable[Any], y: Any) -> bool:
    """Whether the output y is float64 and no parameter is.

    Half precision beside single is mixed on purpose, and integers are looked up in a table.

    >>> from minnet import nn, tensor
    >>> layer = nn.Linear(2, 1, rng=0)
    >>> [wasted(layer.parameters(), layer(tensor([[1, 2]], dtype=d))) for d in ("f4", "f8")]
    [False, True]
    """
    dtypes = {_dtype(p) for p in parameters}
    return bool(dtypes) and "float64" not in dtypes and _dtype(y) == "float64"


def note_dtypes(record: Record, call: Call) -> None:
    """The fact "dtypes", of the first call that learns: what they are if float64 is wasted."""
    if call.module is not None and "dtypes" not in record.facts:
        parameters = [*call.module.parameters()]
        told = _sentence(call.args, parameters, call.y) if wasted(parameters, call.y) else ""
        record.facts["dtypes"] = told


def check_dtypes(model: Module, data: Any) -> Check:
    """The model computes in the dtype of its parameters; the verdict of needless float64 is "warn".

    >>> import numpy as np
    >>> from minnet import nn
    >>> x, y = np.ones((3, 2)), np.array([0, 1, 0])                     # NumPy's default: float64
    >>> check = check_dtypes(nn.Linear(2, 2, rng=0), (x, y))
    >>> check.verdict, check.measured
    ('warn', 'inputs are float64, parameters float32, outputs float64')
    >>> check_dtypes(nn.Linear(2, 2, rng=0), (x.astype("float32"), y)).verdict
    'pass'
    """
    x, _ = data
    x = x[:2]
    with evaluating(model):
        y = model(x)
    parameters = [*model.parameters()]
    return Check(
        "no needless float64",
        "warn" if wasted(parameters, y) else "pass",
        "outputs are float64 only if parameters are",
        _sentence([x], parameters, y),
        WHY,
        TRY,
        {"inputs": _dtype(x), "outputs": _dtype(y)},
    )


def _sentence(inputs: Iterable[Any], parameters: Iterable[Any], y: Any) -> str:
    names = lambda arrays: " and ".join(sorted({_dtype(a) for a in arrays})) or "none"
    return f"inputs are {names(inputs)}, parameters {names(parameters)}, outputs {_dtype(y)}"


def _dtype(a: Any) -> str:
    """The dtype's name; of what is no array that of its type, such as "list"."""
    return str(getattr(a, "dtype", type(a).__name__))
