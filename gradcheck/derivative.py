"""Numeric gradients on their own, and the picture of error against step."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arrays import as_numpy, real_copy
from .errors import InputError
from .numeric import (
    METHODS,
    STENCILS,
    Probe,
    Slopes,
    complex_step,
    forward_difference,
    one_sided,
    ridders,
    stencil,
)
from .problem import Problem
from .tolerance import relative_error

__all__ = [
    "NumericGrad",
    "Sweep",
    "agrees_with_complex",
    "entry_sweep",
    "h_sweep",
    "numerical_grad",
    "sweep_h",
]


@dataclass(frozen=True)
class NumericGrad:
    """value, error (its uncertainty) and step: arrays of x's shape; nfev: calls of f."""

    value: np.ndarray
    error: np.ndarray
    step: np.ndarray
    nfev: int


def numerical_grad(
    f, x, *, method="auto", step=None, upstream=None, vectorized=False
) -> NumericGrad:
    """The gradient of f (of sum(upstream * f) for an array f) at x by differences.

    method: "forward" (n + 1 calls), "central" (2 n), "central4", "central6", "ridders" (12 n),
    "complex" (n), or "auto": Ridders, from smaller steps where it does not converge.
    error covers the true error for "auto" and "ridders"; for "forward" and "central" it is rounding
    alone.  Raises InputError for an unknown method or step, DTypeError for integer x.

    >>> g = numerical_grad(np.sin, np.array(1.0))
    >>> bool(abs(g.value - np.cos(1.0)) <= g.error < 1e-11)
    True
    """
    if method not in METHODS:
        raise InputError(
            f"numerical_grad needs method one of {', '.join(METHODS)}, got {method!r}."
        )
    problem = function_problem(f, x, vectorized)
    D = None if upstream is None else [as_numpy(upstream)]
    probe = Probe(problem, problem.inputs, "x", D)
    lines = np.arange(probe.x.size)
    s = refined(probe, lines, step) if method == "auto" else LOOKS[method](probe, lines, step)
    shaped = lambda v: np.reshape(v, probe.x.shape)
    return NumericGrad(shaped(s.value), shaped(s.u), shaped(s.h), problem.nfev)


LOOKS: dict[str, Callable[..., Slopes]] = {
    **{
        name: lambda probe, lines, step, name=name: stencil(probe, lines, name, step)
        for name in STENCILS
    },
    "forward": forward_difference,
    "ridders": ridders,
    "complex": complex_step,
}


def function_problem(f, x, vectorized=False) -> Problem:
    """A Problem for a function without a backward; x keeps its precision."""
    no_gradient = lambda d, cache: None
    return Problem(
        lambda values: (f(values["x"]), None),
        no_gradient,
        {"x": real_copy(x, "x", "as-is")},
        wrt=("x",),
        name=getattr(f, "__name__", "f"),
        dtype="as-is",
        vectorized=vectorized,
    )


def refined(probe, lines, step):
    """Ridders' table, restarted from smaller steps, then from one side, where it is not good."""
    s = ridders(probe, lines, step)
    unit = probe.scale(lines)
    for start in () if step else (1e-3, 2e-5):
        poor = poorly_known(s)
        if len(poor):
            replace(s, poor, ridders(probe, lines[poor], start * unit[poor]))
    for side in (1, -1):
        poor = np.flatnonzero(~np.isfinite(s.value[:, 0]))
        if len(poor):
            replace(s, poor, one_sided(probe, lines[poor], side))
    return s


def poorly_known(s):
    """Lines whose uncertainty is above 1e-9 of the largest slope."""
    largest = np.nanmax(abs(s.value), initial=0.0)
    return np.flatnonzero(~(s.u[:, 0] <= 1e-9 * largest))


def replace(s, which, new):
    """Take over what is better known."""
    better = np.flatnonzero(new.u[:, 0] < s.u[which, 0])
    for field in ("value", "u", "noise", "h"):
        getattr(s, field)[which[better]] = getattr(new, field)[better]


def agrees_with_complex(problem) -> bool:
    """True if f(x + 0i) is real and complex and real differences agree, one line each."""
    for name in problem.wrt:
        probe = Probe(problem, problem.inputs, name, None)
        y = problem.evaluate(problem.inputs | {name: probe.x.astype(complex)})
        if np.any(y.imag != 0) or not np.iscomplexobj(y):
            return False
        line = np.random.default_rng(0).standard_normal((1, *probe.x.shape))
        real, imaginary = ridders(probe, line), complex_step(probe, line)
        if not abs(real.value - imaginary.value) <= 10 * real.u + 1e-6 * abs(real.value):
            return False
    return True


@dataclass(frozen=True)
class Sweep:
    """Error of a difference formula against its step.   h, numeric, error: arrays, h falling.

    error is relative to `analytic`.  slope: of log error against log h in the truncation range (2
    for centred, 1 for forward differences).  plateau: the level at which the error stays over two
    decades of h, which no correct gradient does; None if it does not.  best: the h of least error.
    """

    h: np.ndarray
    numeric: np.ndarray
    error: np.ndarray
    analytic: float
    method: str

    @property
    def best(self) -> float:
        return float(self.h[np.nanargmin(self.error)])

    @property
    def slope(self) -> float:
        """Median slope where h is at least ten times the best one and the error well above it."""
        steep = (self.h >= 10 * self.best) & (self.error > 30 * np.nanmin(self.error))
        if steep.sum() < 2:
            return 0.0
        return float(np.median(np.diff(np.log(self.error[steep])) / np.diff(np.log(self.h[steep]))))

    @property
    def plateau(self) -> float | None:
        """Around the best h, over one decade each side: slopes in [-0.3, 0.3]."""
        near = (self.h <= 10.01 * self.best) & (self.h >= 0.0999 * self.best)
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.diff(np.log(self.error[near])) / np.diff(np.log(self.h[near]))
        level = float(np.median(self.error[near]))
        flat = len(slopes) >= 2 and np.all(abs(slopes) <= 0.3) and level > 1e-9
        return level if flat else None

    def to_dict(self) -> dict:
        """Plain lists and numbers."""
        return {
            "h": self.h.tolist(),
            "numeric": self.numeric.tolist(),
            "error": self.error.tolist(),
            "analytic": self.analytic,
            "method": self.method,
            "slope": self.slope,
            "plateau": self.plateau,
            "best": self.best,
        }

    def plot(self, ax=None):
        """Log-log chart; returns the axes.  Needs matplotlib."""
        from . import plot

        return plot.sweep(self, ax=ax)


def h_sweep(f, x, analytic, index=(), *, method="central", h=None) -> Sweep:
    """Relative error of `analytic` (df/dx[index]) against differences of f at many steps.

    h: steps, default 1e-1, 10**-1.5, ... 1e-12.
    method: "forward", "central", "central4", "central6".

    >>> sweep = h_sweep(np.sin, np.array(1.0), np.cos(1.0))
    >>> 1e-7 < sweep.best < 1e-4, sweep.plateau is None, round(sweep.slope, 1)
    (True, True, 2.0)
    >>> h_sweep(np.sin, np.array(1.0), 1.01 * np.cos(1.0)).plateau is None
    False
    """
    if method not in ("forward", *STENCILS):
        raise InputError(
            f"h_sweep needs method forward, central, central4 or central6, got {method!r}."
        )
    h = 10.0 ** -np.arange(1, 12.25, 0.5) if h is None else np.asarray(h, dtype=float)
    probe = Probe((problem := function_problem(f, x)), problem.inputs, "x", None)
    line = np.array([np.ravel_multi_index(index, probe.x.shape) if probe.x.ndim else 0])
    numeric = np.array([LOOKS[method](probe, line, step).value[0, 0] for step in h])
    return Sweep(h, numeric, relative_error(float(analytic), numeric), float(analytic), method)


sweep_h = h_sweep


def entry_sweep(problem, d, name, entry) -> Sweep:
    """The sweep of one entry of a checked parameter, one step a decade from 1e-1 to 1e-10."""
    x = problem.inputs[name]
    probe = Probe(problem, problem.inputs, name, [d])
    line = np.array([np.ravel_multi_index(entry.index, x.shape) if x.ndim else 0])
    h = 10.0 ** -np.arange(1, 11) * probe.scale(line)[0]
    numeric = np.array([stencil(probe, line, "central", step).value[0, 0] for step in h])
    error = relative_error(entry.analytic, numeric)
    return Sweep(h, numeric, error, entry.analytic, f"{name}{list(entry.index)}, central")
