"""The training loop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from math import isfinite
from typing import Any

import numpy as np
from tqdm import tqdm

from ..backend import array_module, on_its_device
from ..data import Dataset, Loader
from ..errors import DTypeError, ShapeError, TrainingError, ValueRangeError
from ..nn import Module
from ..optim import Optimizer
from .evaluation import Loss, Metrics, default_metrics, evaluate, keeping_modes
from .history import History
from .monitors import Monitor

__all__ = ["Run", "fit"]

READ_EVERY = 100  # steps between looks at the losses on a GPU, which each stop the device


class Run:
    """One training run, as the monitors see it.

    model, loss_fn, optimizer, loader, history;   t: optimizer steps done;   x: the same in epochs;
    batch: the current (x, y);   scores: the model's output on it;   loss: its loss, a Tensor.
    """

    def __init__(
        self, model: Module, loss_fn: Loss, optimizer: Optimizer, loader: Loader, history: History
    ):
        self.model, self.loss_fn, self.optimizer = model, loss_fn, optimizer
        self.loader, self.history = loader, history
        self.batch: tuple[Any, Any] = (None, None)
        self.scores: Any = None
        self.loss: Any = None

    @property
    def t(self) -> int:
        """Optimizer steps done."""
        return self.history.steps

    @property
    def x(self) -> float:
        """Optimizer steps done, in epochs: over the batches of one epoch."""
        return self.history.steps / len(self.loader)

    def record(self, name: str, value: Any) -> None:
        """Add a value to the history, at the current x."""
        self.history.record(name, value, x=self.x)


def fit(
    model: Module,
    loss_fn: Loss,
    optimizer: Optimizer,
    loader: Loader,
    *,
    epochs: int,
    val_data: Dataset | tuple | None = None,
    schedule: Mapping[str, Callable[[int], float]] | None = None,
    metrics: Metrics | None = None,
    monitors: Sequence[Monitor] = (),
    history: History | None = None,
    progress: bool = True,
) -> History:
    """Train: for each batch, loss = loss_fn(model(x), y), backward, one optimizer step.

    epochs: total passes over the data; those of a given ``history`` count, so that a resumed run
    ends where an uninterrupted one does.
    val_data: (x, y), evaluated after each epoch in eval mode.
    schedule: {"lr": f, "momentum": g, ...}; before step t (0, 1, ...) the optimizer gets f(t).
    metrics: {name: f(scores, y)}; default accuracy, if the loader's y are labels.
    monitors: told of every step and epoch; see `Monitor`.
    progress: a bar in a terminal, a line per epoch elsewhere; False is silent.
    Returns the history: loss, metrics and scheduled values per step, measured on the batch before
    its step; "val_loss", ... per epoch.
    Raises TrainingError when the loss is NaN or infinite, before that step is taken; the error's
    ``history`` has the run until there.  A GPU is not stopped in each step: there the losses are
    looked at every 100 steps and at the end of each epoch.

    >>> from minnet import data, functional as F, nn, optim
    >>> train_set, val_set = data.blobs(80, classes=3, rng=0).split(0.8, rng=0)
    >>> model = nn.Linear(2, 3, rng=0)
    >>> history = fit(model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.5),
    ...               data.Loader(train_set, rng=0), epochs=5, val_data=val_set, progress=False)
    >>> history["val_accuracy"].shape, history["loss"].shape
    ((5,), (15,))
    """
    schedule, history = schedule or {}, History() if history is None else history
    _check(optimizer, loader, epochs, val_data, schedule)
    run = Run(model, loss_fn, optimizer, loader, history)
    metrics = default_metrics(loader.dataset.y) if metrics is None else metrics
    with ExitStack() as afterwards, np.errstate(over="ignore", invalid="ignore"):
        afterwards.enter_context(keeping_modes(model))
        for monitor in monitors:
            monitor.start(run)
            afterwards.callback(monitor.end, run)
        while history.epochs < epochs:
            model.train()
            for batch in _with_bar(loader, run, epochs, progress):
                run.batch = batch
                with on_its_device(batch[0]):
                    _step(run, schedule, metrics, monitors)
                if run.t % READ_EVERY == 0:
                    _read(run)
            _read(run)
            if val_data is not None:
                for name, value in evaluate(model, loss_fn, val_data, metrics=metrics).items():
                    run.record(f"val_{name}", value)
            history.epochs += 1
            if progress:
                tqdm.write(_line(run, epochs), file=sys.stderr)
            for monitor in monitors:
                monitor.epoch_end(run)
    return history


def _step(run: Run, schedule: Mapping, metrics: Metrics, monitors: Sequence[Monitor]) -> None:
    """One optimizer step; what is recorded was measured on the way, without extra evaluations."""
    optimizer, (x, y) = run.optimizer, run.batch
    for name, f in schedule.items():
        setattr(optimizer, name, f(run.t))
    optimizer.zero_grad()
    with optimizer.lookahead() if optimizer.looks_ahead else nullcontext():
        run.scores = run.model(x)
        run.loss = run.loss_fn(run.scores, y)
        value = run.loss.item() if array_module(run.loss.data) is np else run.loss.data
        if isinstance(value, float) and not isfinite(value):
            raise _not_finite(run, value)
        run.loss.backward()
    for monitor in monitors:
        monitor.before_step(run)
    optimizer.step()
    run.history.steps += 1
    run.record("loss", value)
    for name, metric in metrics.items():
        run.record(name, metric(run.scores, y))
    for name in schedule:
        run.record(name, getattr(optimizer, name))
    for monitor in monitors:
        monitor.after_step(run)


def _read(run: Run) -> None:
    """Look at what waits on a device; raise TrainingError if a loss was not finite."""
    if run.history.waiting:
        run.history.read()
        wrong = np.flatnonzero(~np.isfinite(run.history["loss"]))
        if len(wrong):
            run.history.steps = int(wrong[0])
            raise _not_finite(run, run.history["loss"][wrong[0]])


def _not_finite(run: Run, value: float) -> TrainingError:
    history = run.history
    losses = history["loss"] if "loss" in history else np.empty(0)
    seen = losses[np.isfinite(losses)]
    before = f"it was {seen[-1]:.4g} before" if len(seen) else "at once"
    rates = sorted({group["lr"] for group in run.optimizer.groups})
    error = TrainingError(
        f"fit stopped at step {run.t} (epoch {run.x:.2f}): the loss is {value} ({before}), "
        f"with lr = {', '.join(f'{rate:g}' for rate in rates)}. Look at the learning rate (try a "
        "tenth), at the scale of the data, and run a step inside minnet.debug(), which names the "
        "operation that made the first NaN or Inf."
    )
    error.history = history  # type: ignore[attr-defined]
    return error


def _check(optimizer: Any, loader: Any, epochs: Any, val_data: Any, schedule: Mapping) -> None:
    """Complain before the first step rather than after the first epoch."""
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ValueRangeError(f"fit needs epochs of at least 1, a whole number, got {epochs!r}.")
    if not isinstance(loader, Loader):
        raise DTypeError(
            f"fit needs a data.Loader, got {type(loader).__name__}: write "
            "data.Loader((x, y), batch_size=64, rng=rng)."
        )
    if val_data is not None and len(tuple(val_data)[0]) == 0:
        raise ShapeError("fit needs at least one example in val_data, got none.")
    for name in schedule:
        if name not in optimizer.settings:
            raise ValueRangeError(
                f"fit got a schedule for {name!r}, which is no setting of the optimizer: it has "
                f"{', '.join(optimizer.settings)}."
            )


# -------------------------------------------------------------------------------------------------
# Progress


def _with_bar(loader: Loader, run: Run, epochs: int, progress: bool) -> Iterator[tuple]:
    """The loader's batches, behind a progress bar where somebody watches."""
    if not (progress and sys.stderr.isatty()):
        yield from loader
        return
    title = f"epoch {run.history.epochs + 1}/{epochs}"
    with tqdm(total=len(loader), initial=loader.position, desc=title, leave=False) as bar:
        for batch in loader:
            yield batch
            if not run.history.waiting:
                bar.set_postfix_str(f"loss {run.history.last('loss'):.4f}", refresh=False)
            bar.update()


def _line(run: Run, epochs: int) -> str:
    """The epoch in one line: means over its steps, and the validation at its end."""
    history, parts = run.history, [f"epoch {run.history.epochs}/{epochs}"]
    for name in history.names():
        this_epoch = history[name][history.x(name) > run.x - 1]
        if "/" not in name and len(this_epoch):
            parts.append(f"{name} {this_epoch.mean():.4g}")
    return "  ".join(parts)
