"""The ways of optimizers: over contours, on a surface, as curves of loss, velocity and step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..dynamics import Landscape, Trajectory
from ..errors import ShapeError
from .base import COLOURS, GRID, INK, STYLES, Picture, label_axes, make_axes, outlined

__all__ = ["bands", "contour", "effective_steps", "losses", "named", "phase", "style", "surface"]

Paths = Trajectory | Mapping[str, Trajectory]
BANDS = 14


def contour(
    paths: Paths | Landscape, *, bounds: Any = None, size: tuple[float, float] = (5.2, 4.2)
) -> Picture:
    """Paths over the contours of their landscape; darker is lower.   Two variables.

    paths: a Trajectory, several by name, or a landscape alone.   bounds: ((low, high), (low, high))
    of the picture.   A ring is the start, a square the end, a cross a minimum.
    Raises ShapeError for another number of variables, or paths of different landscapes.

    >>> from minnet import optim
    >>> from minnet.dynamics import beale, trace
    >>> path = trace(lambda p: optim.Adam(p, lr=0.1), beale())
    >>> [text.get_text() for text in contour({"Adam": path}).legends[0].get_texts()]
    ['Adam']
    """
    landscape, paths = _of_one_plane("contour", paths)
    picture, (ax,) = make_axes(size=size)
    draw_contours(ax, landscape, bounds)
    for k, (name, path) in enumerate(paths.items()):
        x, y = path.positions.T
        marker = "." if len(path) <= 60 else None  # more would hide the line
        ax.plot(x, y, marker=marker, label=name, path_effects=outlined(), **style(k))
        _ends(ax, path.positions, style(k)["color"])
    _legend(picture, paths)
    return picture


def draw_contours(ax: Any, landscape: Landscape, bounds: Any = None) -> None:
    """The landscape of two variables as shaded bands, with its minima, on these axes."""
    (x0, x1), (y0, y1) = bounds or landscape.bounds
    x, y = np.linspace(x0, x1, 161), np.linspace(y0, y1, 161)
    heights = landscape.grid(np.meshgrid(x, y))
    levels = bands(heights)
    colours = [str(grey) for grey in np.linspace(0.72, 0.97, len(levels) - 1)]
    ax.contourf(x, y, heights, levels=levels, colors=colours)
    ax.contour(x, y, heights, levels=levels, colors="#8a8a8a", linewidths=0.4)
    for minimum in landscape.minima:
        ax.plot(*minimum, "x", color=INK, markersize=8, markeredgewidth=2, zorder=4, label="_")
    label_axes(ax, "x", "y", landscape.name)
    ax.grid(False)
    ax.set(xlim=(x0, x1), ylim=(y0, y1))


def bands(heights: np.ndarray, count: int = BANDS) -> np.ndarray:
    """Levels between the contours: the k-th is not topped by a share (k/count)^2 of the heights.

    So the contours of a bowl are equally far apart, and every landscape has some near its bottom.

    >>> bands(np.arange(101.0), 2)
    array([  0.,  25., 100.])
    """
    finite = heights[np.isfinite(heights)]
    return np.unique(np.quantile(finite, np.linspace(0, 1, count + 1) ** 2))


def surface(
    paths: Paths | Landscape, *, bounds: Any = None, view: tuple[float, float] = (35.0, -60.0)
) -> Picture:
    """Paths on the landscape as a surface in three dimensions; see `contour`.

    view: elevation and azimuth in degrees.   Heights that span decades are drawn as
    log10(1 + f - lowest f), which the axis says.
    """
    landscape, paths = _of_one_plane("surface", paths)
    (x0, x1), (y0, y1) = bounds or landscape.bounds
    X, Y = np.meshgrid(np.linspace(x0, x1, 81), np.linspace(y0, y1, 81))
    heights = landscape.grid([X, Y])
    low = min([heights.min(), *(landscape(minimum) for minimum in landscape.minima)])
    steep = np.ptp(heights) > 100
    z = lambda f: np.log10(1 + np.maximum(f - low, 0)) if steep else f
    picture = Picture(figsize=(5.4, 4.6), layout="constrained")
    ax = picture.add_subplot(projection="3d", computed_zorder=False)
    _draw_surface(ax, X, Y, z(heights))
    for k, (name, path) in enumerate(paths.items()):
        x, y = seen = inside(path.positions, ((x0, x1), (y0, y1))).T
        height = z(np.where(np.isfinite(seen).all(axis=0), path.losses, np.nan))
        ax.plot(x, y, height, label=name, zorder=5, **style(k))
        ax.plot(x[:1], y[:1], height[:1], "o", color=style(k)["color"], zorder=6, label="_")
    ax.set(xlabel="x", ylabel="y", zlabel="log10(1 + f - lowest)" if steep else "f")
    ax.set_title(landscape.name, loc="left", fontsize="medium", color=INK)
    ax.view_init(*view)
    _legend(picture, paths)
    return picture


def _draw_surface(ax: Any, X: np.ndarray, Y: np.ndarray, Z: np.ndarray) -> None:
    """Grey, darker where it is lower, with a net of every fourth line."""
    low, height = Z.min(), np.ptp(Z)
    shades = {"cmap": "Greys_r", "vmin": low - 0.9 * height, "vmax": low + 1.1 * height}
    net = {"rstride": 4, "cstride": 4, "linewidth": 0.2, "edgecolor": "#777777"}
    ax.plot_surface(X, Y, Z, alpha=0.9, **shades, **net)


def losses(paths: Paths) -> Picture:
    """The loss at each step, above that of the minimum, on a logarithmic axis.

    On a landscape without a minimum the axis is linear near 0 and logarithmic on both sides.
    A loss that grows more than a thousandfold leaves the picture.
    """
    picture, (ax,) = make_axes(size=(4.4, 3.2))
    paths = named(paths)
    bottom = all(path.landscape.minima for path in paths.values())
    heights = {name: path.losses - _lowest(path.landscape) for name, path in paths.items()}
    for k, (name, height) in enumerate(heights.items()):
        ax.plot(height, label=name, **style(k))
    if bottom:
        ax.set_ylim(*_readable(np.concatenate(list(heights.values())), heights))
    ax.set_yscale("log" if bottom else "symlog")
    label_axes(ax, "steps", "loss above the minimum" if bottom else "loss")
    _legend(picture, paths)
    return picture


def _readable(heights: np.ndarray, by_path: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """Limits of a logarithmic axis: no path grows a thousandfold in it, none falls below 1e-20."""
    start = max([height[0] for height in by_path.values()] + [1e-300])
    seen = heights[(heights > 1e-20 * start) & (heights < 1e3 * start)]
    low, high = (seen.min(), seen.max()) if len(seen) else (start, start)
    return low / 2, high * 2


def phase(paths: Paths) -> Picture:
    """Velocity against position, one panel per variable: a spiral is an oscillation that dies."""
    paths = named(paths)
    picture, axes = make_axes(_variables("phase", paths), columns=2, size=(3.6, 3.0))
    for i, ax in enumerate(axes):
        for k, (name, path) in enumerate(paths.items()):
            x, v = path.positions[:, i], path.velocities[:, i]
            ax.plot(x, v, label=name, marker=".", markersize=3, **style(k))
            ax.plot(x[:1], v[:1], "o", color=style(k)["color"], markersize=6, label="_")
        ax.axhline(0, color=GRID, linewidth=1, zorder=0)
        _keep_in_view(ax, paths, i)
        label_axes(ax, _variable(i), f"change of {_variable(i)} per step")
    _legend(picture, paths)
    return picture


def effective_steps(paths: Paths) -> Picture:
    """The learning rate that each variable had: its change over minus its gradient, per step.

    A gap is a step against the gradient's advice, as momentum makes them.  The dashed line marks
    2/h, the stability edge of plain descent, h being the curvature along the variable at the first
    minimum.
    """
    paths = named(paths)
    picture, axes = make_axes(_variables("effective_steps", paths), columns=2, size=(3.6, 3.0))
    landscape = next(iter(paths.values())).landscape
    for i, ax in enumerate(axes):
        for k, (name, path) in enumerate(paths.items()):
            steps = path.effective_steps[:, i]
            ax.plot(np.where(steps > 0, steps, np.nan), label=name, **style(k))
        for minimum in landscape.minima[:1]:
            edge = 2 / landscape.hessian(minimum)[i, i]
            ax.axhline(edge, color=INK, linestyle="--", linewidth=0.8, label="_edge")
        ax.set_yscale("log")
        label_axes(ax, "steps", f"effective rate of {_variable(i)}")
    _legend(picture, paths)
    return picture


# -------------------------------------------------------------------------------------------------


def named(paths: Paths) -> Mapping[str, Trajectory]:
    """Several paths by name; one alone has no name, and gets no legend."""
    paths = {"": paths} if isinstance(paths, Trajectory) else paths
    if not paths:
        raise ShapeError("A picture of paths needs at least one trajectory, got none.")
    return paths


def style(k: int) -> dict[str, Any]:
    """How the k-th path is drawn: colours and strokes that stay apart without the other."""
    return {
        "color": COLOURS[k % len(COLOURS)],
        "linestyle": STYLES[(k // len(COLOURS) + k) % len(STYLES)],
        "linewidth": 1.5,
    }


def inside(positions: np.ndarray, bounds: Any) -> np.ndarray:
    """Positions, those out of bounds as NaN, for pictures that do not clip."""
    low, high = np.array(bounds).T
    out = ~((positions >= low) & (positions <= high)).all(axis=1, keepdims=True)
    return np.where(out, np.nan, positions)


def _keep_in_view(ax: Any, paths: Mapping[str, Trajectory], i: int) -> None:
    """Limit a phase plot to where variable i is within its landscape's bounds."""
    x = np.concatenate([path.positions[:, i] for path in paths.values()])
    v = np.concatenate([path.velocities[:, i] for path in paths.values()])
    low, high = next(iter(paths.values())).landscape.bounds[i]
    seen = (x >= low) & (x <= high)
    if seen.any() and not seen.all():
        margin = 0.05 * max(np.ptp(v[seen]), 1e-12)
        ax.set(xlim=(low, high), ylim=(v[seen].min() - margin, v[seen].max() + margin))


def _of_one_plane(who: str, paths: Any) -> tuple[Landscape, Mapping[str, Trajectory]]:
    """The landscape that all paths are on, of two variables."""
    if isinstance(paths, Landscape):
        landscape, paths = paths, {}
    else:
        paths = named(paths)
        landscape, *others = (path.landscape for path in paths.values())
        if any((x.name, x.bounds) != (landscape.name, landscape.bounds) for x in others):
            raise ShapeError(f"{who} needs paths on one landscape, got those on several.")
    if len(landscape.start) != 2:
        raise ShapeError(f"{who} needs two variables, {landscape.name} has {len(landscape.start)}.")
    return landscape, paths


def _variables(who: str, paths: Mapping[str, Trajectory]) -> int:
    (count, *others) = {path.positions.shape[1] for path in paths.values()}
    if others:
        raise ShapeError(f"{who} needs paths of equally many variables, got {[count, *others]}.")
    return count


def _variable(i: int) -> str:
    return "xyz"[i] if i < 3 else f"x{i + 1}"


def _lowest(landscape: Landscape) -> float:
    return min((landscape(minimum) for minimum in landscape.minima), default=0.0)


def _ends(ax: Any, positions: np.ndarray, colour: str) -> None:
    last = positions[np.isfinite(positions).all(axis=1)][-1]
    edge = {"markeredgecolor": "white", "markeredgewidth": 1, "zorder": 5, "label": "_"}
    ax.plot(*positions[0], "o", color=colour, markersize=7, fillstyle="none", zorder=5, label="_")
    ax.plot(*last, "s", color=colour, markersize=7, **edge)


def _legend(picture: Picture, paths: Mapping[str, Trajectory]) -> None:
    names = list(_legend_rows(picture, paths))
    if names:
        handles, labels = zip(*names, strict=True)
        columns = min(len(names), int(picture.get_figwidth() / 1.15))
        picture.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize="small",
        )


def _legend_rows(picture: Picture, paths: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    lines = {line.get_label(): line for line in picture.axes[0].lines}
    yield from ((lines[name], name) for name in paths if name in lines and name)
