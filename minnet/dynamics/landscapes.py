"""Functions of a few variables on which the ways of optimizers can be looked at.

Each formula is written with operators alone, so that it serves numbers, grids and Tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from ..backend import to_host
from ..data import moons
from ..derivatives import grad, hessian
from ..errors import ValueRangeError
from ..functional import softplus
from ..tensor import Tensor, tensor

__all__ = [
    "LANDSCAPES",
    "Landscape",
    "beale",
    "double_well",
    "himmelblau",
    "long_valley",
    "monkey_saddle",
    "noisy",
    "quadratic",
    "rosenbrock",
    "saddle",
    "two_moons",
]

Point = tuple[float, ...]


@dataclass(frozen=True)
class Landscape:
    """A function f(x, y, ...) to minimise, with what a picture of it needs.

    start: where paths begin.   minima: the lowest points, if there are any.
    bounds: (low, high) of each variable in a picture.
    noise: standard deviation of each component of the gradients that `trace` gives to a rule.

    >>> f = rosenbrock()
    >>> round(f([-1.2, 1.0]), 6), f.gradient([-1.2, 1.0]).round(1)
    (24.2, array([-215.6,  -88. ]))
    """

    name: str
    f: Callable[..., Any]
    start: Point
    minima: tuple[Point, ...] = ()
    bounds: tuple[tuple[float, float], ...] = ((-2.0, 2.0), (-2.0, 2.0))
    noise: float = 0.0

    def __call__(self, x: Any) -> float:
        """The value at a point, without noise."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.grid(x))

    def loss(self, x: Tensor) -> Tensor:
        """The value at a point, as a Tensor that can be differentiated."""
        return self.f(*(x[i] for i in range(len(x))))  # type: ignore[index]

    def grid(self, x: Any) -> np.ndarray:
        """Values at many points.   x: one array per variable, of equal shape."""
        return np.asarray(self.f(*np.asarray(x, "float64")))

    def gradient(self, x: Any) -> np.ndarray:
        """The gradient at a point, without noise."""
        x = tensor(np.array(x, "float64"), requires_grad=True)
        return to_host(grad(self.loss(x), x).data)

    def hessian(self, x: Any) -> np.ndarray:
        """The matrix of second derivatives at a point."""
        return to_host(hessian(self.loss, np.array(x, "float64")).data)


def quadratic(h: Sequence[float] = (1.0, 100.0), start: Point | None = None) -> Landscape:
    """1/2 sum of h_i x_i^2: a bowl whose curvatures are h, all above 0.

    >>> quadratic([2.0, 4.0])([1.0, 1.0])
    3.0
    """
    if not (len(h) and all(0 < value < inf for value in h)):
        raise ValueRangeError(f"quadratic needs finite curvatures above 0, got {tuple(h)}.")
    return Landscape(
        f"quadratic, curvatures {', '.join(f'{value:g}' for value in h)}",
        lambda *x: sum(value * xi**2 for value, xi in zip(h, x, strict=True)) / 2,
        start=start or (2.0,) * len(h),
        minima=((0.0,) * len(h),),
        bounds=((-2.5, 2.5),) * len(h),
    )


def rosenbrock(a: float = 1.0, b: float = 100.0) -> Landscape:
    """(a - x)^2 + b (y - x^2)^2: a curved valley.   Rosenbrock 1960.

    >>> rosenbrock()([1.0, 1.0])
    0.0
    """
    return Landscape(
        "Rosenbrock's valley",
        lambda x, y: (a - x) ** 2 + b * (y - x**2) ** 2,
        start=(-1.2, 1.0),
        minima=((a, a**2),),
        bounds=((-2.0, 2.0), (-1.0, 3.0)),
    )


def beale() -> Landscape:
    """(1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2.   Beale 1958.

    >>> beale()([3.0, 0.5])
    0.0
    """
    return Landscape(
        "Beale's function",
        lambda x, y: sum((c - x + x * y**k) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625))),
        start=(1.0, 1.5),
        minima=((3.0, 0.5),),
        bounds=((-1.0, 4.5), (-2.0, 2.0)),
    )


def himmelblau() -> Landscape:
    """(x^2 + y - 11)^2 + (x + y^2 - 7)^2: four equal minima.   Himmelblau 1972.

    >>> himmelblau()([3.0, 2.0])
    0.0
    """
    return Landscape(
        "Himmelblau's function",
        lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
        start=(0.0, 0.0),
        minima=(
            (3.0, 2.0),
            (-2.805118086952745, 3.131312518250573),
            (-3.779310253377747, -3.283185991286170),
            (3.584428340330492, -1.848126526964404),
        ),
        bounds=((-5.0, 5.0), (-5.0, 5.0)),
    )


def long_valley() -> Landscape:
    """x^2 / 200 + 10 y^2: a long trough with steep sides, 2000 times as curved.

    >>> long_valley()([10.0, 0.0])
    0.5
    """
    return Landscape(
        "long valley",
        lambda x, y: x**2 / 200 + 10 * y**2,
        start=(-10.0, 0.5),
        minima=((0.0, 0.0),),
        bounds=((-11.0, 3.0), (-1.0, 1.0)),
    )


def saddle() -> Landscape:
    """x^2 - y^2: down without end along y.   After A. Radford's animation of saddle points.

    >>> saddle()([1.0, 2.0])
    -3.0
    """
    return Landscape("saddle", lambda x, y: x**2 - y**2, start=(1.0, 1e-6))


def monkey_saddle() -> Landscape:
    """x^3 - 3 x y^2: three ways down from (0, 0), where the Hessian is 0.

    >>> monkey_saddle()([-1.0, 0.0])
    -1.0
    """
    return Landscape("monkey saddle", lambda x, y: x**3 - 3 * x * y**2, start=(0.9, 1e-3))


def double_well() -> Landscape:
    """(x^2 - 1)^2 + x/4 + y^2: a lower well on the left, a higher one on the right.

    >>> double_well()([-1.0, 0.0]) < double_well()([1.0, 0.0])
    True
    """
    return Landscape(
        "double well",
        lambda x, y: (x**2 - 1) ** 2 + x / 4 + y**2,
        start=(1.5, 1.0),
        minima=((-1.0298959850506607, 0.0),),
    )


def two_moons(n: int = 50, *, rng: np.random.Generator | int | None = 0) -> Landscape:
    """Logistic regression on two moons: its mean loss, plus |w|^2 / 200, as a function of w.

    n: points per moon.   rng: draws them, see `minnet.data.moons`.

    >>> round(two_moons()([0.0, 0.0]), 6)                 # ln 2: no opinion
    0.693147
    """
    data = moons(n, noise=0.15, rng=rng)
    centred = (data.x - data.x.mean(axis=0)).astype("float64")
    u, v = ((2 * data.y - 1)[:, None] * centred).T  # the margin of w is  w1 u + w2 v

    def f(x: Any, y: Any) -> Any:
        margin = x[..., None] * u + y[..., None] * v
        return softplus(-margin).mean(axis=-1) + (x**2 + y**2) / 200

    return Landscape("two moons", f, start=(-2.0, 3.0), bounds=((-3.0, 6.0), (-7.0, 4.0)))


def noisy(landscape: Landscape, sigma: float) -> Landscape:
    """The same landscape with noise of standard deviation sigma on each gradient component.

    >>> noisy(quadratic([1.0]), 0.5).noise
    0.5
    """
    if not 0 <= sigma < inf:
        raise ValueRangeError(f"noisy needs a finite sigma of at least 0, got {sigma}.")
    return replace(landscape, name=f"{landscape.name}, noise {sigma:g}", noise=float(sigma))


LANDSCAPES: dict[str, Callable[[], Landscape]] = {
    "quadratic": quadratic,
    "rosenbrock": rosenbrock,
    "beale": beale,
    "himmelblau": himmelblau,
    "long_valley": long_valley,
    "saddle": saddle,
    "monkey_saddle": monkey_saddle,
    "double_well": double_well,
    "noisy_quadratic": lambda: noisy(quadratic((1.0, 10.0)), 1.0),
    "two_moons": two_moons,
}
