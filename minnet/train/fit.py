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
from ..errors import DTypeError, GraphError, TrainingError, ValueRangeError
from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor
from .evaluation import Loss, Metrics, default_metrics, evaluate, keeping_modes, rehearse
from .history import History
from .monitors import Monitor
from .precision import MixedPrecision

__all__ = ["Run", "fit"]

READ_EVERY = 100  # steps between looks at the losses on a GPU, which each stop the device


class Run:
    """One training run, as the monitors see it.

    model, loss_fn, optimizer, loader, history;   t: optimizer steps done;   x: the same in epochs;
    batch: the current (x, y);   scores: the model's output on it;   loss: its loss, a Tensor;
    stopped: the reason that a monitor gave to `stop`, else None.
    """

    def __init__(
        self, model: Module, loss_fn: Loss, optimizer: Optimizer, loader: Loader, history: History
    ):
        self.model, self.loss_fn, self.optimizer = model, loss_fn, optimizer
        self.loader, self.history = loader, history
        self.batch: tuple[Any, Any] = (None, None)
        self.scores: Any = None
        self.loss: Any = None
        self.stopped: str | None = None

    @property
    def t(self) -> int:
        """Optimizer steps done."""
        return self.history.steps

    @property
    def x(self) -> float:
        """Optimizer steps done, in epochs: over the batches of one epoch."""
        return self.history.steps / len(self.loader)

    def backward(self) -> None:
        """Add the gradients of the loss; `MixedPrecision` finds them in its own way."""
        if isinstance(self.optimizer, MixedPrecision):
            self.optimizer.backward(self.loss)
        else:
            self.loss.backward()

    def record(self, name: str, value: Any) -> None:
        """Add a value to the history, at the current x."""
        self.history.record(name, value, x=self.x)

    def stop(self, reason: str) -> None:
        """Let `fit` end, without an error, after the step or epoch that it tells of now.

        An epoch that is left before its last step is not validated, nor counted in
        ``history.epochs``.  The first reason is the one that is shown.
        """
        if self.stopped is None:
            self.stopped = reason


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
    require: Any = None,
) -> History:
    """Train: for each batch, loss = loss_fn(model(x), y), backward, one optimizer step.

    epochs: total passes over the data; those of a given ``history`` count, so that a resumed run
    ends where an uninterrupted one does.
    val_data: (x, y), evaluated after each epoch in eval mode.  Before the first step model and loss
    are tried on a batch of it, which leaves no trace, so that errors come at once.
    schedule: {"lr": f, "momentum": g, ...}; before step t (0, 1, ...) the optimizer gets f(t).
    metrics: {name: f(scores, y)}; default accuracy, if the loader's y are labels.
    optimizer: also a `MixedPrecision`; steps that it leaves out count as steps, and validation is
    in float32.
    monitors: told of every step and epoch, and may end the run; see `Monitor`, `EarlyStopping`.
    progress: a bar and a line per epoch in a terminal, at most 20 lines a run elsewhere; False is
    silent.
    require: a `sanity.Report`; nothing is trained if one of its checks failed (TrainingError).
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
    _check_parts(model, loss_fn, optimizer, loader, monitors)
    metrics = default_metrics(loader.dataset.y) if metrics is None else metrics
    _check(optimizer, epochs, schedule, metrics)
    if require is not None:
        require.raise_for_failure()
    run = Run(model, loss_fn, optimizer, loader, history)
    told = _told(history.epochs + 1, epochs) if progress else set()
    with ExitStack() as afterwards, np.errstate(over="ignore", invalid="ignore"):
        afterwards.enter_context(keeping_modes(model))
        if val_data is not None:
            rehearse(model, loss_fn, val_data, loader.batch_size)
        for monitor in monitors:
            monitor.start(run)
            afterwards.callback(monitor.end, run)
        while history.epochs < epochs and run.stopped is None:
            batches = _with_bar(loader, run, epochs, progress)
            if not _to_its_end(run, batches, schedule, metrics, monitors):
                break
            _validate(run, val_data, metrics)
            history.epochs += 1
            if history.epochs in told:
                tqdm.write(_line(run, epochs), file=sys.stderr)
            for monitor in monitors:
                monitor.epoch_end(run)
    if progress and run.stopped is not None:
        tqdm.write(f"stopped after epoch {run.x:.4g}: {run.stopped}", file=sys.stderr)
    return history


def _to_its_end(
    run: Run, batches: Iterator, schedule: Mapping, metrics: Metrics, monitors: Sequence[Monitor]
) -> bool:
    """Train on the batches of an epoch; False if a monitor stopped the run before the last."""
    run.model.train()
    for batch in batches:
        run.batch = batch
        with on_its_device(batch[0]):
            _step(run, schedule, metrics, monitors)
        if run.t % READ_EVERY == 0:
            _read(run)
        if run.stopped is not None and run.loader.position < len(run.loader):
            _read(run)
            return False
    _read(run)
    return True


def _step(run: Run, schedule: Mapping, metrics: Metrics, monitors: Sequence[Monitor]) -> None:
    """One optimizer step; what is recorded was measured on the way, without extra evaluations."""
    optimizer, (x, y) = run.optimizer, run.batch
    for name, f in schedule.items():
        setattr(optimizer, name, f(run.t))
    optimizer.zero_grad()
    with optimizer.lookahead() if optimizer.looks_ahead else nullcontext():
        with optimizer.products() if isinstance(optimizer, MixedPrecision) else nullcontext():
            run.scores = run.model(x)
            run.loss = run.loss_fn(run.scores, y)
        if not isinstance(run.loss, Tensor) or run.loss.size != 1:
            raise _no_scalar(run.loss)
        value = run.loss.item() if array_module(run.loss.data) is np else run.loss.data
        if isinstance(value, float) and not isfinite(value):
            raise _not_finite(run, value)
        run.backward()
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


def _validate(run: Run, val_data: Dataset | tuple | None, metrics: Metrics) -> None:
    """Record "val_loss", ...: what `evaluate` finds."""
    if val_data is not None:
        for name, value in evaluate(run.model, run.loss_fn, val_data, metrics=metrics).items():
            run.record(f"val_{name}", value)


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


def _no_scalar(loss: Any) -> GraphError:
    got = f"one of shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
    return GraphError(
        f"fit needs a loss_fn that returns one number as a Tensor, got {got}: compute it with "
        "minnet.functional, and reduce it with .mean()."
    )


def _check_parts(model: Any, loss_fn: Any, optimizer: Any, loader: Any, monitors: Any) -> None:
    """Complain of a class where an object should be, and of arguments in another order."""
    order = "the order is fit(model, loss_fn, optimizer, loader, epochs=...)."
    is_optimizer = hasattr(optimizer, "step") and not isinstance(optimizer, type)
    for fits, needs, got, advice in (
        (isinstance(model, Module), "a Module", model, order),
        (callable(loss_fn), "a function loss_fn(scores, y)", loss_fn, order),
        (is_optimizer, "an optimizer", optimizer, order),
        (isinstance(loader, Loader), "a data.Loader", loader, "use data.Loader((x, y), rng=rng)."),
    ):
        if not fits:
            name = f"the class {got.__name__}" if isinstance(got, type) else type(got).__name__
            raise DTypeError(f"fit needs {needs}, got {name}: {advice}")
    if isinstance(monitors, Monitor) or any(isinstance(m, type) for m in monitors):
        raise DTypeError("fit needs a list of monitors, each one made: monitors=[UpdateRatios()].")
    own = {id(p) for p in model.parameters()}
    if own and own.isdisjoint(id(p) for group in optimizer.groups for p in group["params"]):
        raise ValueRangeError(
            "fit needs an optimizer of this model's parameters, got one of other tensors: make it "
            "after the model, with model.parameters()."
        )


def _check(optimizer: Any, epochs: Any, schedule: Mapping, metrics: Metrics) -> None:
    """Complain before the first step rather than after the first epoch."""
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ValueRangeError(f"fit needs epochs of at least 1, a whole number, got {epochs!r}.")
    for name, functions in (("schedule", schedule), ("metrics", metrics)):
        if not isinstance(functions, Mapping) or not all(map(callable, functions.values())):
            raise DTypeError(f"fit needs {name} as a dict {{name: function}}, got {functions!r}.")
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


def _told(first: int, last: int) -> set[int]:
    """The epochs that get a line: all in a terminal, elsewhere 20 at most, from first to last."""
    epochs = max(0, last - first + 1)
    count = epochs if sys.stderr.isatty() else min(epochs, 20)
    return set(np.linspace(first, last, count).round().astype(int).tolist())


def _line(run: Run, epochs: int) -> str:
    """The epoch in one line: means over its steps, and the validation at its end."""
    history, parts = run.history, [f"epoch {run.history.epochs}/{epochs}"]
    for name in history.names():
        this_epoch = history[name][history.x(name) > run.x - 1]
        if "/" not in name and len(this_epoch):
            parts.append(f"{name} {this_epoch.mean():.4g}")
    return "  ".join(parts)
