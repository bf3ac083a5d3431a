"""Slices through the loss of a real network: along one or two directions of its parameters.

All work is done on a copy: the model, its statistics and its generators are not touched.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..backend import as_generator, to_host
from ..errors import ShapeError, StateError
from ..nn import Module
from ..tensor import Tensor
from ..train.evaluation import Loss, evaluate

__all__ = ["Slice", "interpolate", "loss_slice", "random_direction"]

Direction = Mapping[str, Any]
Row = Sequence[float] | np.ndarray
AROUND = tuple(np.linspace(-1, 1, 41))
PAST_BOTH = tuple(np.linspace(-0.25, 1.25, 31))


@dataclass(frozen=True)
class Slice:
    """Losses at theta + a d (+ b e): losses[i] at a = at[0][i], losses[i, j] also at b = at[1][j].

    labels: what each axis is, for pictures.
    """

    at: tuple[np.ndarray, ...]
    losses: np.ndarray
    labels: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists: at, losses, labels."""
        at = [row.tolist() for row in self.at]
        return {"at": at, "losses": self.losses.tolist(), "labels": list(self.labels)}

    def plot(self) -> Any:
        """Draw a curve or contours; see `minnet.plot.loss_slice`."""
        from .. import plot

        return plot.loss_slice(self)


def random_direction(
    model: Module, *, filters: bool = True, rng: np.random.Generator | int | None = None
) -> dict[str, np.ndarray]:
    """A normal random direction, by parameter name, each filter as long as that of the model.

    d_i <- d_i |w_i| / |d_i| for each filter w_i: the weights of one output, w[:, i] of a layer
    y = x w, w[i] of a convolution.  Parameters with one axis (biases, gains) keep their values.
    Without this, weights that a batch norm makes scale-free would look flat when they are large.
    filters=False: the plain normal direction.   Li et al. 2018, arXiv:1712.09913, section 4.

    >>> from minnet import nn
    >>> layer = nn.Linear(3, 2, rng=0)
    >>> d = random_direction(layer, rng=1)
    >>> columns = lambda W: np.linalg.norm(W, axis=0)
    >>> bool(np.allclose(columns(d["weight"]), columns(layer.weight.numpy()))), d["bias"]
    (True, array([0., 0.], dtype=float32))
    """
    rng = as_generator(rng)
    d = {}
    for name, p in model.named_parameters():
        w = to_host(p.data)
        d[name] = rng.standard_normal(w.shape).astype(w.dtype)
        if filters:
            d[name] = _as_long(d[name], w)
    return d


def _as_long(d: np.ndarray, w: np.ndarray) -> np.ndarray:
    """d with each filter scaled to the norm of w's."""
    if w.ndim < 2:
        return np.zeros_like(d)
    rest = 0 if w.ndim == 2 else tuple(range(1, w.ndim))
    length = lambda x: np.sqrt((x * x).sum(axis=rest, keepdims=True))
    return d * (length(w) / length(d))


def loss_slice(
    model: Module,
    loss_fn: Loss,
    data: Any,
    *directions: Direction,
    at: Row = AROUND,
    batch_size: int = 256,
) -> Slice:
    """The mean loss over data = (x, y), in eval mode, along one direction or over two.

    directions: {parameter name: array of its shape}, see `random_direction`; what is not named
    stays.   at: the coordinates along each of them, default 41 in [-1, 1].   A loss that overflows
    is inf or NaN.   Raises StateError for unknown names and ShapeError for other shapes.

    >>> from minnet import data, functional as F, nn
    >>> net = nn.Linear(2, 3, rng=0)
    >>> d, e = random_direction(net, rng=1), random_direction(net, rng=2)
    >>> points = data.blobs(30, classes=3, rng=0)
    >>> loss_slice(net, F.cross_entropy, points, d, e, at=[-1, 0, 1]).losses.shape
    (3, 3)
    """
    if len(directions) not in (1, 2):
        raise ShapeError(f"loss_slice needs one or two directions, got {len(directions)}.")
    walk = _Walk(model, directions)
    return _slice(walk, loss_fn, data, at, ("a", "b")[: len(directions)], batch_size)


def interpolate(
    model: Module,
    loss_fn: Loss,
    data: Any,
    start: Direction,
    end: Direction,
    *,
    at: Row = PAST_BOTH,
    batch_size: int = 256,
) -> Slice:
    """The mean loss at (1 - a) start + a end, two state_dicts of the model; a from -1/4 to 5/4.

    Floating-point buffers, such as running statistics, are interpolated too.
    Goodfellow, Vinyals & Saxe 2015, arXiv:1412.6544.   Arguments and errors as for `loss_slice`.

    >>> from minnet import data, functional as F, nn
    >>> nets = [nn.Linear(2, 3, rng=seed) for seed in (0, 1)]
    >>> points = data.blobs(30, classes=3, rng=0)
    >>> found = interpolate(nets[0], F.cross_entropy, points, *(n.state_dict() for n in nets))
    >>> found.losses.shape
    (31,)
    """
    twin = copy.deepcopy(model)
    twin.load_state_dict(end)  # complains about what does not fit
    ends = twin.state_dict()
    twin.load_state_dict(start)
    change = {name: ends[name] - x for name, x in twin.state_dict().items() if x.dtype.kind == "f"}
    return _slice(_Walk(twin, [change]), loss_fn, data, at, ("share of the way",), batch_size)


class _Walk:
    """A copy of the model that can be put at theta + sum of a_k d_k."""

    def __init__(self, model: Module, directions: Sequence[Direction]):
        self.model = copy.deepcopy(model)
        self.origin = self.model.state_dict()
        self.directions = [dict(self._fitting(d)) for d in directions]

    def _fitting(self, d: Direction) -> Iterator[tuple[str, np.ndarray]]:
        for name, value in d.items():
            value = to_host(value.data if isinstance(value, Tensor) else value)
            if name not in self.origin:
                raise StateError(
                    f"A direction needs names of the model's parameters, got {name!r}; there are: "
                    f"{', '.join(self.origin)}."
                )
            if value.shape != self.origin[name].shape:
                raise ShapeError(
                    f"A direction needs {name} of shape {self.origin[name].shape}, "
                    f"got {value.shape}."
                )
            yield name, value

    def to(self, coordinates: Sequence[float]) -> Module:
        state = dict(self.origin)
        for a, d in zip(coordinates, self.directions, strict=True):
            state |= {name: state[name] + a * value for name, value in d.items()}
        self.model.load_state_dict(state)
        return self.model


def _slice(
    walk: _Walk, loss_fn: Loss, data: Any, at: Any, labels: tuple[str, ...], batch_size: int
) -> Slice:
    row = np.asarray(at, "float64")
    if row.ndim != 1 or not (row.size and np.isfinite(row).all()):
        raise ShapeError(f"A slice needs a row of finite coordinates at=, got {at!r}.")
    with np.errstate(all="ignore"):
        losses = [
            evaluate(walk.to(point), loss_fn, data, metrics={}, batch_size=batch_size)["loss"]
            for point in product(row, repeat=len(labels))
        ]
    return Slice((row,) * len(labels), np.reshape(losses, (len(row),) * len(labels)), labels)
