"""Paths that are seen while they are walked: as a page without requests, or as a GIF."""

from __future__ import annotations

import base64
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ..data.files import replacing
from ..dynamics import Trajectory
from ..errors import ValueRangeError
from .base import Picture
from .paths import Paths, contour, named, style

__all__ = ["Animation", "animate"]

DPI = 100


@dataclass(frozen=True)
class Animation:
    """Paths over their contours, frame by frame; shows itself in a notebook.

    paths: trajectories by name.   times: the steps that are shown, one each frame.
    seconds: how long it plays.   background: the picture, with the paths drawn to their ends.
    """

    paths: Mapping[str, Trajectory]
    times: np.ndarray
    seconds: float
    background: Picture

    def positions(self, frame: int) -> dict[str, np.ndarray]:
        """What a frame shows of each path: its positions up to the frame's time."""
        return {name: path.positions[: self.times[frame] + 1] for name, path in self.paths.items()}

    def html(self) -> str:
        """A piece of a page: a picture with buttons, that asks for nothing outside itself."""
        template = resources.files(__package__).joinpath("player.html").read_text(encoding="utf-8")
        data = json.dumps(self._data(), allow_nan=False)
        name = blake2b(data.encode(), digest_size=6).hexdigest()
        picture = base64.b64encode(self._png()).decode()
        for mark, text in (("NAME", name), ("DATA", data), ("PICTURE", picture)):
            template = template.replace("{{" + mark + "}}", text)
        return template

    def page(self) -> str:
        """The same as a whole page."""
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        title = "<title>Paths of optimizers</title>"
        top = f'<!DOCTYPE html>\n<html lang="en"><head>{head}{title}</head>'
        return f"{top}\n<body>\n{self.html()}\n</body></html>\n"

    def gif(self) -> bytes:
        """The same as an animated GIF."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "paths.gif")
            # A GIF counts hundredths of a second; the writer rounds them down.
            hundredths = max(2, round(100 * self.seconds / len(self.times))) + 0.01
            writer = PillowWriter(fps=100 / hundredths)  # type: ignore[arg-type]
            picture = self._moving()
            with writer.saving(picture, file, DPI):
                for _ in self._frames(picture):
                    writer.grab_frame()
            return file.read_bytes()

    def save(self, path: str | Path) -> None:
        """Write a .html page or a .gif, whole or not at all; ValueRangeError for other endings."""
        kinds = {".html": lambda: self.page().encode(), ".gif": self.gif}
        kind = Path(path).suffix.lower()
        if kind not in kinds:
            raise ValueRangeError(f"Animation.save writes .html and .gif, got {str(path)!r}.")
        contents = kinds[kind]()
        with replacing(path) as file:
            file.write(contents)

    def _repr_html_(self) -> str:
        return self.html()

    # ---------------------------------------------------------------------------------------------

    def _moving(self) -> Picture:
        """A picture whose lines are still to be drawn, laid out once for all frames."""
        ax = self.background.axes[0]
        return laid_out(contour(self.paths, bounds=(ax.get_xlim(), ax.get_ylim())))

    def _frames(self, picture: Picture) -> Iterator[int]:
        """Set the lines of the picture to each frame in turn."""
        lines = walkers(picture, self.paths)
        for frame in range(len(self.times)):
            for name, seen in self.positions(frame).items():
                line, end = lines[name]
                line.set_data(*seen.T)
                end.set_data(*seen[-1:].T)
            yield frame

    def _png(self) -> bytes:
        buffer = io.BytesIO()
        self.background.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()

    def _data(self) -> dict[str, Any]:
        """What the player needs: where the axes are in the picture, as shares of it, and paths."""
        ax = self.background.axes[0]
        box = ax.get_position()
        return {
            "box": [box.x0, 1 - box.y1, box.width, box.height],
            "x": list(ax.get_xlim()),
            "y": list(ax.get_ylim()),
            "times": self.times.tolist(),
            "seconds": self.seconds,
            "paths": [
                {"name": name, "colour": style(k)["color"], "points": _plain(path.positions)}
                for k, (name, path) in enumerate(self.paths.items())
            ],
        }


def animate(
    paths: Paths, *, frames: int = 100, seconds: float = 6.0, bounds: Any = None
) -> Animation:
    """An `Animation` of paths over the contours of their landscape; arguments as for `contour`.

    frames: at most so many, spread evenly over the steps.   Raises ValueRangeError for none.

    >>> from minnet.dynamics import RULES, compare, saddle
    >>> rules = {name: RULES[name](0.01, 0.9) for name in ("SGD", "Momentum", "Adam")}
    >>> film = animate(compare(rules, saddle(), steps=140), frames=20)
    >>> len(film.times), len(film.positions(-1)["SGD"])
    (20, 141)
    """
    paths = named(paths)
    if not (frames >= 1 and seconds > 0):
        raise ValueRangeError(
            f"animate needs at least one frame and seconds above 0, got {frames} and {seconds}."
        )
    steps = max(len(path) for path in paths.values())
    times = np.unique(np.linspace(0, steps, frames).round().astype(int))
    return Animation(paths, times, seconds, laid_out(contour(paths, bounds=bounds)))


def laid_out(picture: Picture) -> Picture:
    """The picture, its axes put into their final places."""
    FigureCanvasAgg(picture).draw()
    picture.set_layout_engine("none")
    return picture


def walkers(picture: Picture, names: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The line and the end mark of each path in a picture that `contour` made."""
    lines = picture.axes[0].lines
    first = len(lines) - 3 * len(names)  # before them are the minima
    return {name: (lines[first + 3 * k], lines[first + 3 * k + 2]) for k, name in enumerate(names)}


def _plain(positions: np.ndarray) -> list[list[float] | None]:
    """Rows of numbers for JSON; None where the path had left the numbers."""
    return [row.tolist() if np.isfinite(row).all() else None for row in positions]
