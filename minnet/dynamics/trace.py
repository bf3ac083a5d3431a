"""The path of an optimizer over a landscape, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import as_generator, to_host
from ..derivatives import grad
from ..errors import ValueRangeError
from ..optim.second_order import SecondOrder
from ..tensor import Tensor, tensor
from .landscapes import Landscape

__all__ = ["Comparison", "Trajectory", "compare", "trace"]

Rule = Callable[[list[Tensor]], Any]
Schedules = Mapping[str, Callable[[int], float]]


@dataclass(frozen=True)
class Trajectory:
    """Where an optimizer was, at t = 0 ... steps.   n: number of variables.

    positions: (steps + 1, n).   velocities: (steps + 1, n), the change that led to each position.
    losses: (steps + 1,), without noise.   gradients: (steps, n), those the rule was given.
    effective_steps: (steps, n), the change over -gradient: the learning rate each variable had.
    A path that left the numbers ends in NaN.
    """

    landscape: Landscape
    positions: np.ndarray
    gradients: np.ndarray
    losses: np.ndarray

    @property
    def velocities(self) -> np.ndarray:
        """x_t - x_(t-1), and 0 at t = 0."""
        with np.errstate(all="ignore"):
            return np.diff(self.positions, axis=0, prepend=self.positions[:1])

    @property
    def effective_steps(self) -> np.ndarray:
        """(x_t - x_(t+1)) / g_t; NaN where g_t is 0."""
        g = self.gradients
        with np.errstate(all="ignore"):  # paths that leave the numbers
            change = -np.diff(self.positions, axis=0)
            return np.divide(change, g, out=np.full_like(g, np.nan), where=g != 0)

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.gradients)

    def first(self, condition: Callable[[np.ndarray], Any]) -> int | None:
        """The first t whose position fulfils the condition; None if none does.

        >>> from minnet import optim
        >>> from minnet.dynamics import saddle
        >>> path = trace(lambda p: optim.SGD(p, lr=0.01), saddle(), steps=1000)
        >>> path.first(lambda x: abs(x[1]) > 1)
        698
        """
        return next((t for t, x in enumerate(self.positions) if condition(x)), None)

    def rate(self, over: int = 50) -> float:
        """Measured contraction per step, of the distance to the nearest minimum, at the end.

        over: how many of the last steps are looked at; 1 is no progress, more is divergence.
        """
        if not (1 <= over <= len(self) and self.landscape.minima):
            raise ValueRangeError(
                f"Trajectory.rate needs a landscape with a minimum and 1 <= over <= {len(self)}, "
                f"got over={over} on {self.landscape.name}."
            )
        ends = self.positions[[-1 - over, -1]][:, None] - np.array(self.landscape.minima)
        before, after = np.linalg.norm(ends, axis=-1).min(axis=1)
        return float((after / before) ** (1 / over))

    def to_dict(self) -> dict[str, Any]:
        """Plain lists: name, positions, velocities, losses, gradients, effective_steps."""
        arrays = ("positions", "velocities", "losses", "gradients", "effective_steps")
        return {"landscape": self.landscape.name} | {k: getattr(self, k).tolist() for k in arrays}

    def plot(self, **settings: Any) -> Any:
        """Draw the path over the contours of the landscape; see `minnet.plot.contour`."""
        from .. import plot

        return plot.contour(self, **settings)


def trace(
    rule: Rule,
    landscape: Landscape,
    x0: Any = None,
    *,
    steps: int = 100,
    schedule: Schedules | None = None,
    rng: np.random.Generator | int | None = None,
) -> Trajectory:
    """Let an optimizer walk, in float64.

    rule: makes it, ``lambda p: optim.Adam(p, lr=0.1)``; Newton and LBFGS too.
    x0: where to begin; default the landscape's start.   schedule: settings of t, as in `fit`.
    rng: draws the noise of a noisy landscape, one draw for each step, as a mini-batch would.

    >>> from minnet import optim
    >>> from minnet.dynamics import quadratic
    >>> path = trace(lambda p: optim.SGD(p, lr=0.1), quadratic([1.0, 10.0]), (1.0, 1.0), steps=2)
    >>> path.positions
    array([[1.  , 1.  ],
           [0.9 , 0.  ],
           [0.81, 0.  ]])
    """
    start = np.array(landscape.start if x0 is None else x0, "float64")
    if steps < 0 or start.ndim != 1:
        raise ValueRangeError(f"trace needs steps >= 0 and a row x0, got {steps} and {start}.")
    x = tensor(start, requires_grad=True)
    optimizer = rule([x])
    noise = landscape.noise * as_generator(rng).standard_normal((steps, len(start)))
    positions, gradients = np.full((steps + 1, len(start)), np.nan), np.full_like(noise, np.nan)
    positions[0] = start
    with np.errstate(all="ignore"):
        for t in range(steps):
            for name, f in (schedule or {}).items():
                setattr(optimizer, name, f(t))
            gradients[t] = _step(optimizer, _loss(landscape, x, noise[t]), x)
            positions[t + 1] = to_host(x.data)
            if not np.isfinite(positions[t + 1]).all():
                break
        losses = landscape.grid(positions.T)
    return Trajectory(landscape, positions, gradients, losses)


def _loss(landscape: Landscape, x: Tensor, noise: np.ndarray) -> Callable[[], Tensor]:
    """The loss of one step: the noise is that of its gradient."""
    if not noise.any():
        return lambda: landscape.loss(x)
    return lambda: landscape.loss(x) + (x * noise).sum()


def _step(optimizer: Any, loss: Callable[[], Tensor], x: Tensor) -> np.ndarray:
    """One step of any optimizer; returns the gradient it was given."""
    if isinstance(optimizer, SecondOrder):
        g = to_host(grad(loss(), x).data)
        optimizer.step(loss)
        return g
    optimizer.zero_grad()
    with optimizer.lookahead() if optimizer.looks_ahead else nullcontext():
        loss().backward()
    optimizer.step()
    return to_host(x.grad.data)  # type: ignore[union-attr]


class Comparison(dict[str, Trajectory]):
    """Paths of several rules by name; prints as a table."""

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, by name."""
        return {name: path.to_dict() for name, path in self.items()}

    def plot(self, **settings: Any) -> Any:
        """Draw the paths over the contours of the landscape; see `minnet.plot.contour`."""
        from .. import plot

        return plot.contour(self, **settings)

    def rows(self) -> list[dict[str, Any]]:
        """For each rule: the last and the lowest loss, and how far it travelled."""
        return [
            {
                "rule": name,
                "last loss": float(path.losses[-1]),
                "lowest loss": float(np.nanmin(path.losses)),
                "travelled": float(np.linalg.norm(path.velocities, axis=1).sum()),
            }
            for name, path in self.items()
        ]

    def __str__(self) -> str:
        width = max((len(name) for name in self), default=0)
        lines = [f"{'':{width}}    last loss  lowest loss    travelled"]
        for row in self.rows():
            name, *numbers = row.values()
            lines.append(f"{name:{width}}" + "".join(f"{x:13.4g}" for x in numbers))
        return "\n".join(lines)


def compare(
    rules: Mapping[str, Rule], landscape: Landscape, x0: Any = None, **settings: Any
) -> Comparison:
    """Trace several rules from the same start; settings as for `trace`.

    rng: a number, so that all of them meet the same noise.

    >>> from minnet import optim
    >>> from minnet.dynamics import long_valley
    >>> print(compare({"SGD": lambda p: optim.SGD(p, lr=0.05),
    ...                "momentum": lambda p: optim.Momentum(p, lr=0.05)}, long_valley()))
                last loss  lowest loss    travelled
    SGD            0.4524       0.4524       0.9828
    momentum       0.1934       0.1934        9.244
    """
    return Comparison({name: trace(r, landscape, x0, **settings) for name, r in rules.items()})
