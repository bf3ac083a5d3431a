"""The explorer as one HTML page that asks for nothing outside itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from inspect import getdoc
from pathlib import Path
from typing import Any

from ..data.files import replacing
from ..dynamics import RULES, Landscape, Playable
from ..dynamics import landscapes as ground

__all__ = ["LANDSCAPES", "Offered", "render", "write"]


@dataclass(frozen=True)
class Offered:
    """A landscape of the page.

    make: of the steepness that the conditioning slider sets.   lr: learning rates to begin with,
    of rules that multiply gradients and of those that choose a distance.
    steepness: where the slider begins; None where it has no effect.
    """

    make: Callable[[float], Landscape]
    lr: tuple[float, float]
    steepness: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """What the page needs to know."""
        landscape = self.make(self.steepness or 0.0)
        return {
            "title": landscape.name.split(",")[0],
            "start": landscape.start,
            "bounds": landscape.bounds,
            "minima": landscape.minima,
            "steepness": self.steepness,
            "lr": {"gradient": self.lr[0], "distance": self.lr[1]},
        }


LANDSCAPES: dict[str, Offered] = {
    "quadratic": Offered(lambda k: ground.quadratic((1.0, k)), (0.04, 0.1), 20.0),
    "rosenbrock": Offered(lambda k: ground.rosenbrock(b=k), (4e-4, 0.05), 100.0),
    "beale": Offered(lambda k: ground.beale(), (0.005, 0.05)),
    "himmelblau": Offered(lambda k: ground.himmelblau(), (0.005, 0.1)),
    "long_valley": Offered(lambda k: ground.long_valley(), (0.05, 0.1)),
    "saddle": Offered(lambda k: ground.saddle(), (0.01, 0.01)),
    "monkey_saddle": Offered(lambda k: ground.monkey_saddle(), (0.01, 0.01)),
    "double_well": Offered(lambda k: ground.double_well(), (0.05, 0.05)),
}


def render() -> str:
    """The page as text.

    >>> page = render()
    >>> "https://" in page, "const rules" in page
    (False, True)
    """
    read = lambda name: resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    data = {
        "landscapes": {name: offered.to_dict() for name, offered in LANDSCAPES.items()},
        "rules": {name: _row(rule) for name, rule in RULES.items()},
    }
    parts = {
        "STYLE": read("page.css"),
        "DATA": json.dumps(data, allow_nan=False),
        "FORMULAS": read("formulas.js"),
        "DRAWING": read("drawing.js"),
        "CONTROLS": read("controls.js"),
    }
    page = read("page.html")
    for mark, text in parts.items():
        page = page.replace("{{" + mark + "}}", text)
    return page


def write(path: str | Path) -> Path:
    """Write the page, whole or not at all; return its path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder, "page.html")).stat().st_size < 100_000
    True
    """
    path = Path(path)
    with replacing(path) as file:
        file.write(render().encode())
    return path


def _row(rule: Playable) -> dict[str, Any]:
    """A rule for the page: what its sliders set, its other settings, the first line about it."""
    about = (getdoc(rule.optimizer) or "").splitlines()[0]
    return {"knob": rule.knob, "unit": rule.unit, "settings": rule.settings(), "about": about}
