"""Pictures of reports and sweeps; the only file that imports matplotlib."""

import matplotlib.pyplot as plt
import numpy as np

from .errors import InputError

__all__ = ["report", "sweep", "sweeps"]


def report(report, kind="error", ax=None):
    """Draw a Report: "error" heat map, "scatter", or "sweep" (see Sweep.plot)."""
    draw = {"error": errors, "scatter": scatter, "sweep": kept_sweep}.get(kind)
    if draw is None:
        raise InputError(f"plot needs kind='error', 'scatter' or 'sweep', got {kind!r}.")
    return draw(report, ax or plt.subplots()[1])


def errors(report, ax):
    """log10 of the error of every checked entry of the worst parameter; grey: not checked."""
    name = worst_name(report)
    grid = report.params[name].errors
    grid = np.atleast_1d(grid if grid is not None else np.full(1, np.nan))
    picture = ax.imshow(
        np.log10(grid.reshape(grid.shape[0], -1) + 1e-16), vmin=-16, vmax=0, aspect="auto"
    )
    across = "axis 1" if grid.ndim == 2 else "other axes"
    ax.set(title=f"{report.name}: {name}", xlabel=across, ylabel="axis 0")
    ax.set_facecolor("lightgrey")
    ax.figure.colorbar(picture, ax=ax, label="log10 relative error")
    return ax


def scatter(report, ax):
    """Analytic against numeric: a correct gradient lies on the diagonal."""
    for p in report.params.values():
        ax.plot(
            [e.numeric for e in p.entries], [e.analytic for e in p.entries], "o", ms=4, label=p.name
        )
    ax.axline((0, 0), slope=1, color="grey", lw=1)
    ax.set(title=report.name, xlabel="numeric", ylabel="analytic")
    ax.legend()
    return ax


def kept_sweep(report, ax):
    """The sweep of the worst parameter's worst entry, measured during the check."""
    name = worst_name(report)
    if name not in report.sweeps:
        raise InputError(
            "no sweep was kept: it is measured for failing parameters only; "
            "use gradcheck.h_sweep(f, x, analytic, index)."
        )
    return sweep(report.sweeps[name], ax=ax)


def worst_name(report):
    """The parameter that holds the worst entry."""
    if not report.params:
        raise InputError(f"{report.name}: no parameter was measured, so there is nothing to plot.")
    worst = report.worst(1)
    return worst[0][0] if worst else next(iter(report.params))


def sweep(s, ax=None):
    """Error against step on logarithmic axes."""
    return sweeps([s], ax)


def sweeps(many, ax=None):
    """Several sweeps, for instance forward and centred differences, on the same axes."""
    ax = ax or plt.subplots()[1]
    for s in many:
        ax.loglog(s.h, np.maximum(s.error, 1e-17), "o-", ms=3, label=s.method)
    flat = all(s.plateau is not None for s in many)
    title = "flat: a wrong gradient, not rounding" if flat else "error against step"
    lowest = min(float(np.nanmin(np.maximum(s.error, 1e-17), initial=1e-8)) for s in many)
    ax.set(xlabel="step h", ylabel="relative error", title=title, ylim=(lowest / 3, 10))
    ax.legend()
    return ax
