"""Gauges: monitors of gradients, units, first-layer weights, step length and rates.

Each acts every ``every`` steps and costs nothing when it is not given to `fit`.
"""

from __future__ import annotations

from collections import deque
from itertools import groupby
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import to_host
from ..errors import ShapeError
from ..modes import attach, detach
from .monitors import MANY, Monitor, Sampling, Waiting
from .rows import Copies, lengths, places, stacked

if TYPE_CHECKING:
    from .fit import Run
    from .history import History

__all__ = [
    "FirstLayer",
    "GradientNorms",
    "Gradients",
    "Rates",
    "StepLength",
    "Units",
    "roughness",
    "step_length",
]

SATURATED = 0.97


class GradientNorms(Waiting):
    """Norm, smallest and largest entry of each parameter's gradient, first layer first.

    Series: "gradient_norm/NAME", "gradient_min/NAME", "gradient_max/NAME", and "gradient_norm" of
    all together.   Gradients that shrink from layer to layer towards the input vanish.
    """

    def __init__(self, every: int = 10):
        super().__init__(every)
        self._named: list[tuple[str, Any]] = []
        self._rows = Copies()

    def start(self, run: Run) -> None:
        """Whose gradients are looked at."""
        self._named = [*run.model.named_parameters()]

    def before_step(self, run: Run) -> None:
        """Copy the gradients that the step is about to use."""
        if run.history.steps % self.every:
            return
        named = [(name, p) for name, p in self._named if p._grad is not None]
        grads = self._rows.copy([p._grad._data for _, p in named])
        self.keep(run, (named, grads), grads.size)

    def measure(self, history: History, samples: list[tuple[float, Any]]) -> None:
        """Of all samples in a row that have the same gradients at once."""
        for named, group in groupby(samples, key=lambda sample: sample[1][0]):
            xs, kept = zip(*((x, grads) for x, (_, grads) in group), strict=True)
            g = stacked(kept)
            total = np.zeros(len(g))
            cuts = places(p.size for _, p in named)
            for (name, _), part in zip(named, cuts, strict=True):
                norm = lengths(g[:, part])
                total += norm**2
                found = {"norm": norm, "min": g[:, part].min(axis=1), "max": g[:, part].max(axis=1)}
                for what, values in found.items():
                    history.extend(f"gradient_{what}/{name}", values.tolist(), x=xs)
            history.extend("gradient_norm", (total**0.5).tolist(), x=xs)
            self._rows.give_back(kept)


class Gradients(Sampling):
    """Histograms of each parameter's gradient, every ``every`` steps.

    ``snapshots`` is a list of {"epoch": x, "layers": {name: (counts, edges)}}, like those of
    `Activations`.
    """

    def __init__(self, every: int = 100, *, bins: int = 50):
        super().__init__(every)
        self.bins = bins
        self.snapshots: list[dict[str, Any]] = []

    def before_step(self, run: Run) -> None:
        """Count the gradients' entries."""
        if run.history.steps % self.every:
            return
        named = run.model.named_parameters()
        grads = {name: to_host(p.grad.data) for name, p in named if p.grad is not None}
        finite = {name: g[np.isfinite(g)] for name, g in grads.items()}
        layers = {name: np.histogram(g, bins=self.bins) for name, g in finite.items()}
        self.snapshots.append({"epoch": run.x, "layers": layers})


class Units(Waiting):
    """Share of dead relu units and of saturated tanh and sigmoid outputs, layer by layer.

    Dead: 0 for every example of the batch.   Saturated: |tanh| above 0.97, sigmoid the same after
    scaling to -1 .. 1.   Series: "dead/NAME", "saturated/NAME", "spread/NAME" (the standard
    deviation of the outputs), where NAME is the k-th activation of the forward pass.
    Source: CS231n notes, "Activation / gradient distributions per layer".
    """

    def __init__(self, every: int = 10):
        super().__init__(every)
        self._watch = False
        self._outputs = _Outputs()

    def start(self, run: Run) -> None:
        """Listen to the first step."""
        self.after_step(run)

    def before_step(self, run: Run) -> None:
        """Keep what the forward pass made, and stop listening."""
        if not self._watch:
            return
        self._silence()
        seen, self._outputs.seen = self._outputs.seen, []
        size = sum(y.size for _, y in seen)
        waits = size <= MANY  # else it is measured at once, and needs no copy
        self.keep(run, [(op, y.copy("K")) for op, y in seen] if waits else seen, size)

    def after_step(self, run: Run) -> None:
        """Listen to the next step if it is due."""
        if run.history.steps % self.every == 0:
            attach(self._outputs)
            self._watch = True

    def measure(self, history: History, samples: list[tuple[float, Any]]) -> None:
        """Of all samples in a row that have the same shapes at once."""
        for layout, group in groupby(samples, key=_layout):
            xs, outputs = zip(*group, strict=True)
            for k, (op, *_) in enumerate(layout):
                ys, name = [seen[k][1] for seen in outputs], f"{op} {k + 1}"
                spread = stacked([y.ravel("K") for y in ys]).std(axis=1)
                history.extend(f"spread/{name}", spread.tolist(), x=xs)
                what = "dead" if op == "relu" else "saturated"
                shares = _dead(stacked(ys)) if op == "relu" else _saturated(stacked(ys), op)
                history.extend(f"{what}/{name}", shares.tolist(), x=xs)

    def end(self, run: Run) -> None:
        """Stop listening."""
        super().end(run)
        self._silence()

    def _silence(self) -> None:
        if self._watch:
            detach(self._outputs)
            self._watch = False


class _Outputs:
    """An observer that keeps the outputs of relu, tanh and sigmoid."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, np.ndarray]] = []

    def on_op(self, op: Any, args: Any, settings: dict, y: Any) -> None:
        if op.name in ("relu", "tanh", "sigmoid") and y.ndim > 1 and y.requires_grad:
            self.seen.append((op.name, to_host(y.data)))


def _layout(sample: tuple[float, Any]) -> list[tuple[str, tuple, tuple]]:
    return [(op, y.shape, y.strides) for op, y in sample[1]]


def dead_share(y: Any) -> float:
    """Share of units never above 0; units are channels of images (axis 1), else the last axis.

    >>> dead_share(np.array([[0.0, 1.0], [0.0, 0.0]]))
    0.5
    """
    return float(_dead(y[None])[0])


def _dead(ys: np.ndarray) -> np.ndarray:
    """The share in each of several outputs."""
    axis = 2 if ys.ndim == 5 else ys.ndim - 1
    active = (ys > 0).any(axis=tuple(a for a in range(1, ys.ndim) if a != axis))
    return 1 - active.mean(axis=1)


def saturated_share(y: Any, op: str = "tanh") -> float:
    """Share of outputs at the flat ends: |y| > 0.97 for tanh, |2 y - 1| > 0.97 for sigmoid.

    >>> saturated_share(np.array([0.1, 0.99])), saturated_share(np.array([0.5, 0.99]), "sigmoid")
    (0.5, 0.5)
    """
    return float(_saturated(y[None], op)[0])


def _saturated(ys: np.ndarray, op: str) -> np.ndarray:
    """The share in each of several outputs."""
    centred = 2 * ys - 1 if op == "sigmoid" else ys
    return (np.abs(centred) > SATURATED).reshape(len(ys), -1).mean(axis=1)


class Rates(Waiting):
    """Learning rate, momentum and effective rate lr / (1 - momentum) of the first group.

    Series: "rate/lr", "rate/momentum", "rate/effective".
    """

    def after_step(self, run: Run) -> None:
        """Read the optimizer's settings."""
        if run.history.steps % self.every:
            return
        group, rho = run.optimizer.groups[0], float(getattr(run.optimizer, "rho", 0.0))
        lr = group["lr"]
        self.keep(run, (lr, group.get("momentum", 0.0), lr / (1 - rho)), 3)

    def measure(self, history: History, samples: list[tuple[float, Any]]) -> None:
        """There is nothing to compute."""
        xs, rates = zip(*samples, strict=True)
        for k, name in enumerate(("lr", "momentum", "effective")):
            history.extend(f"rate/{name}", [each[k] for each in rates], x=xs)


class FirstLayer(Monitor):
    """Roughness of the first weight matrix as images, after every epoch.

    shape: (H, W) of an input image.   Series: "roughness"; ``images`` is the last array (units, H,
    W).   Random weights have a roughness near 1.1; smooth features far less.  Features that stay
    rough mean that training has not converged, that the learning rate is wrong, or that there is
    too little weight decay (CS231n notes, "First-layer visualizations").
    """

    def __init__(self, shape: tuple[int, int]):
        self.shape = shape
        self.images: np.ndarray | None = None

    def start(self, run: Run) -> None:
        """The weights at initialisation."""
        self.epoch_end(run)

    def epoch_end(self, run: Run) -> None:
        """The weights now."""
        weights = [p for p in run.model.parameters() if p.ndim in (2, 4)]
        self.images = _images(to_host(weights[0].data) if weights else np.zeros(0), self.shape)
        run.record("roughness", roughness(self.images))


def _images(w: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(units, H, W) from a matrix (H W, units), or from filters (units, channels, H, W)."""
    if w.ndim == 4:
        return w.reshape(-1, *w.shape[2:]).copy()
    if w.ndim != 2 or len(w) != shape[0] * shape[1]:
        raise ShapeError(
            f"FirstLayer needs a first weight of shape ({shape[0] * shape[1]}, units) for images "
            f"of {shape[0]} x {shape[1]}, or filters; got {w.shape}."
        )
    return w.T.reshape(-1, *shape).copy()


def roughness(images: np.ndarray) -> float:
    """Mean |difference of neighbouring pixels| over the deviation of the pixels, mean of images.

    images: (N, H, W).   White noise gives 2 / sqrt(pi) = 1.13, a smooth ramp nearly 0.

    >>> x = np.linspace(0, 1, 50)
    >>> roughness((x + x[:, None])[None]) < 0.1
    True
    """
    across, down = (np.abs(np.diff(images, axis=a)).mean(axis=(1, 2)) for a in (1, 2))
    deviation = images.std(axis=(1, 2))
    shown = deviation > 0
    return float(((across + down) / 2)[shown].mean() / deviation[shown].mean()) if any(shown) else 0


class StepLength(Sampling):
    """How far each step goes along its direction: -1 hardly, 0 to the minimum, 1 mirrored beyond.

    alpha = slope after the step / |slope before it|, both along the step; on a quadratic with
    curvature h that is lr h - 1 exactly.   Series: "step_length".
    Source: Schneider, Dangel & Hennig 2021, "Cockpit", arXiv:2102.06604, section 2.1.

    Needs two backward passes a sample: that of the step and the next one, so it looks at every
    ``every``-th step and the one after it.  With mini-batches it is noisy: read its median.
    """

    def __init__(self, every: int = 10):
        super().__init__(every)
        self._before: list[tuple[Any, Any, Any]] = []
        self._changes: list[Any] = []
        self.recent: deque[float] = deque(maxlen=50)
        self._parameters: list[Any] = []

    def start(self, run: Run) -> None:
        """Whose steps are measured."""
        self._parameters = [*run.model.parameters()]

    def before_step(self, run: Run) -> None:
        """The second look: the slope at the new point along the step that led there."""
        if self._changes:
            self._measure(run)
        if run.history.steps % self.every == 0:
            self._before = [
                (p, p._data.copy(), p._grad._data.copy())
                for p in self._parameters
                if p._grad is not None
            ]

    def after_step(self, run: Run) -> None:
        """The step itself."""
        if self._before:
            self._changes = [p._data - old for p, old, _ in self._before]

    def _measure(self, run: Run) -> None:
        before = after = 0.0
        for (p, _, g), d in zip(self._before, self._changes, strict=True):
            before += float(np.vdot(g, d))
            after += float(np.vdot(p._grad._data, d)) if p._grad is not None else nan
        alpha = step_length(before, after)
        self.recent.append(alpha)
        run.record("step_length", alpha)
        self._before, self._changes = [], []


def step_length(before: float, after: float) -> float:
    """alpha = after / |before|: the slopes along a step at its two ends; before is negative.

    On a parabola the slope grows linearly along the step: where it is 0 lies the minimum.  After a
    very short step it is unchanged (alpha = -1), at the minimum 0 (alpha = 0), and as steep the
    other way at the mirrored point (alpha = 1).

    >>> step_length(-2.0, -2.0), step_length(-2.0, 0.0), step_length(-2.0, 2.0)
    (-1.0, 0.0, 1.0)
    """
    return after / abs(before) if before else nan
