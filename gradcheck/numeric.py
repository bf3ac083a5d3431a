"""Numeric slopes of sum(d * y) along lines through a point, with an uncertainty for each.

Probe (in lines.py) does the evaluating; here are the formulas.
"""

from dataclasses import dataclass

import numpy as np

from .errors import InputError
from .lines import EPS, Probe

__all__ = [
    "METHODS",
    "Probe",
    "Slopes",
    "complex_step",
    "forward_difference",
    "one_sided",
    "richardson",
    "ridders",
    "stencil",
]

STENCILS = {  # multiples k, weights of D(kh), default h
    "central": ((1,), (1,), 1e-5),
    "central4": ((1, 2), (4 / 3, -1 / 3), 1e-3),
    "central6": ((1, 2, 3), (3 / 2, -3 / 5, 1 / 10), 5e-3),
}
METHODS = ("auto", "forward", *STENCILS, "ridders", "complex")


@dataclass
class Slopes:
    """value, u (uncertainty), noise (its rounding part): (lines, upstreams); h: (lines,)."""

    value: np.ndarray
    u: np.ndarray
    noise: np.ndarray
    h: np.ndarray


def stencil(probe, lines, method="central", step=None) -> Slopes:
    """Centred differences with 2, 4 or 6 points: sum_k w_k (f(x + kh) - f(x - kh)) / (2kh).

    step: h as an absolute number; default: the stencil's own times the line's length scale.
    Two points cannot tell their own truncation, so u of "central" is rounding alone.
    """
    multiples, weights, default = STENCILS[method]
    h = steps(probe, lines, step, default)
    rows = [probe.slope(lines, k * h) for k in multiples]
    value = sum(w * D for w, (D, _) in zip(weights, rows, strict=True))
    noise = sum(abs(w) * N for w, (_, N) in zip(weights, rows, strict=True))
    u = noise + (truncation(value, rows[0][0]) if len(rows) > 1 else 0)
    return Slopes(value, u, noise, h)


def truncation(value, two_point):
    """The error left by a stencil that moved the two-point value by tau: tau (4 tau / |f'|)."""
    tau = abs(value - two_point)
    with np.errstate(all="ignore"):
        return np.where(tau > 0, tau * np.minimum(1, 4 * tau / abs(value)), 0.0)


def ridders(probe, lines, step=None, rows=6) -> Slopes:
    """Richardson's table of centred differences at h, h/2, h/4, ...; the best element is taken.

    u = 2 * (change from its neighbours in the table) + 2 eps |f| / h.
    Source: Ridders 1982, Adv. Eng. Software 4(2), 75-76.
    """
    h = steps(probe, lines, step, 0.05)
    D, N = zip(*(probe.slope(lines, h / 2**k) for k in range(rows)), strict=True)
    return table(probe, np.stack(D), np.stack(N), h, 4)


def one_sided(probe, lines, side=1, step=None, rows=8) -> Slopes:
    """The same table of one-sided differences (f(x + h) - f(x)) / h, for a domain's edge."""
    y = probe.problem.evaluate(probe.values).reshape(1, -1)
    h = side * steps(probe, lines, step, 0.05)
    D, N = zip(*(probe.slope(lines, h / 2**k, y) for k in range(rows)), strict=True)
    return table(probe, np.stack(D), abs(np.stack(N)), h, 2)


def forward_difference(probe, lines, step=None) -> Slopes:
    """(f(x + h) - f(x)) / h, for teaching: one evaluation a line and one for f(x)."""
    y = probe.problem.evaluate(probe.values).reshape(1, -1)
    h = steps(probe, lines, step, 1.5e-8)
    value, noise = probe.slope(lines, h, y)
    return Slopes(value, abs(noise), abs(noise), h)


def complex_step(probe, lines, step=None) -> Slopes:
    """Im f(x + ih) / h: no cancellation, for forwards that work on complex numbers.

    Source: Martins, Sturdza & Alonso 2003, ACM TOMS 29(3), 245-262.
    """
    h = steps(probe, lines, step, 1e-20)
    x = probe.x
    probe.x = probe.values[probe.name] = x.astype(complex)
    try:
        value = probe.project(probe.at(lines, 1j * h)[0].imag) / h[:, None]
    finally:
        probe.x = probe.values[probe.name] = x
    noise = 64 * EPS * abs(value)
    return Slopes(value, noise, noise, h)


def table(probe, D, N, h, base) -> Slopes:
    """Slopes from rows of differences: (rows, lines, m)."""
    value, u, row = richardson(D, N / 2, base)
    noise = np.take_along_axis(N, row[None], axis=0)[0]
    best = row.min(axis=1)
    return Slopes(value, u, noise, abs(np.tile(h, len(best) // len(h))) / 2.0**best)


def richardson(D, noise, base=4):
    """Extrapolate differences D[k] at h / 2**k to h = 0: (value, uncertainty, row it came from).

    T[k, j] = T[k, j-1] + (T[k, j-1] - T[k-1, j-1]) / (base**j - 1);  base 4: errors in
    h^2, h^4, ... (centred), base 2: in h, h^2, ... (one-sided).
    Elementwise over all other axes; NaN rows (outside the domain) are passed over.

    >>> h = 0.1 / 2.0 ** np.arange(5)
    >>> value, u, row = richardson(np.sin(h) / h, 1e-16 / h)      # d/dx sin at 0
    >>> bool(abs(value - 1) < u < 1e-11)
    True
    """
    best, u = np.full(D.shape[1:], np.nan), np.full(D.shape[1:], np.inf)
    row = np.zeros(D.shape[1:], dtype=int)
    T = [D]  # T[j]: column j, rows j, j+1, ...
    with np.errstate(all="ignore"):
        for j in range(1, len(D)):
            right, left = T[-1][1:], T[-1][:-1]
            T.append(right + (right - left) / (base**j - 1))
            change = np.maximum(abs(T[-1] - right), abs(T[-1] - left))
            error = 2 * change + noise[j:]
            for k in range(len(error)):
                better = error[k] < u
                best, u = np.where(better, T[-1][k], best), np.where(better, error[k], u)
                row = np.where(better, k + j, row)
    return best, u, row


def steps(probe, lines, step, default) -> np.ndarray:
    """h for every line: absolute if given, else `default` in units of the line's own scale."""
    if step is not None:
        if not np.all(np.isfinite(step) & (np.asarray(step) > 0)):
            raise InputError(f"gradcheck needs a positive, finite step, got {step!r}.")
        return np.broadcast_to(np.asarray(step, dtype=float), len(lines))
    coarse = float(np.finfo(probe.x.dtype).eps) / EPS if probe.x.dtype.kind == "f" else 1.0
    return min(default * coarse ** (1 / 3), 0.05) * probe.scale(lines)
