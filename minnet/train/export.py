"""A history for other tools: JSON, TensorBoard event files, Weights & Biases."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Any

from ..data.files import replacing
from ..errors import DataError
from .history import History

__all__ = ["to_json", "to_tensorboard", "to_wandb"]


def to_json(history: History, path: str | Path) -> None:
    """Write {"series": {"epoch": [...], "value": [...]}}; NaN and Inf become null.

    >>> import tempfile
    >>> h = History()
    >>> h.record("loss", 2.5, x=0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_json(h, Path(folder, "run.json"))
    ...     Path(folder, "run.json").read_text()
    '{"loss": {"epoch": [0.5], "value": [2.5]}}'
    """
    plain = lambda values: [v if isfinite(v) else None for v in values]
    series = {n: {k: plain(v) for k, v in s.items()} for n, s in history.to_dict().items()}
    with replacing(path) as file:
        file.write(json.dumps(series, allow_nan=False).encode())


def to_tensorboard(history: History, folder: str | Path) -> None:
    """Write every series as scalars of a TensorBoard event file in the folder.

    The step of a value is its place in its series.   Raises DataError without the package
    tensorboard.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise DataError("to_tensorboard needs: pip install tensorboard") from error
    writer = EventFileWriter(str(folder))
    try:
        for name in history.names():
            for step, value in enumerate(history[name].tolist()):
                scalar = Summary(value=[Summary.Value(tag=name, simple_value=value)])
                writer.add_event(Event(step=step, summary=scalar))
    finally:
        writer.close()


def to_wandb(history: History, folder: str | Path, *, project: str = "minnet") -> Any:
    """Write every series as an offline run of Weights & Biases; `wandb sync` sends it later.

    Each value is logged with its epoch.   Nothing is sent.   Raises DataError without the package
    wandb.   Returns the finished run.
    """
    try:
        import wandb
    except ImportError as error:
        raise DataError("to_wandb needs: pip install wandb") from error
    Path(folder).mkdir(parents=True, exist_ok=True)
    run = wandb.init(project=project, dir=str(folder), mode="offline")
    for name in history.names():
        for x, value in zip(history.x(name).tolist(), history[name].tolist(), strict=True):
            run.log({name: value, "epoch": x})
    run.finish()
    return run
