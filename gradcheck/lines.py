"""Evaluating y on lines through a point, and its differences projected on upstreams.

A line is an entry of the parameter (its flat index) or a direction (an array of its shape).
Differences are taken before reducing: sum((y+ - y-) * d) keeps the digits that
sum(y+ * d) - sum(y- * d) loses.
"""

import math

import numpy as np

from .errors import InputError
from .tolerance import norm

__all__ = ["EPS", "Probe"]

EPS = np.finfo(float).eps
CHUNK = 2**20  # output numbers held at a time


class Probe:
    """Evaluates y on lines through values[name], projected on upstreams D: (m, *y.shape).

    D None: the sum of all outputs.  lanes: leading axes whose slices do not influence each other;
    all are moved at once.
    """

    def __init__(self, problem, values, name, D, *, lanes=0):
        self.problem, self.values, self.name = problem, dict(values), name
        self.x = values[name]
        self.lead = math.prod(self.x.shape[:lanes])
        self.rest = math.prod(self.x.shape[lanes:])
        self.D = None if D is None else np.stack([np.asarray(d, dtype=float).ravel() for d in D])
        self.eps = EPS
        self.first = 0  # number of the first line of the chunk at work
        self.crossed: dict[int, bool] = {}  # line number -> a branch changed there
        self.base_pattern = self.pattern() if problem.branches else None

    def together(self, lines):
        """A probe that moves the same entry of every example at once, where that is allowed:
        the function declares it (`batch_independent`) and all entries are asked for; else None."""
        lanes, y = self.problem.lanes, self.problem.y_shape
        alike = 0 < lanes <= self.x.ndim and self.x.shape[:lanes] == y[:lanes]
        everything = not is_direction(lines) and len(lines) == self.x.size > 0
        if not (alike and everything and self.lead == 1) or self.problem.branches:
            return None
        D = self.D.reshape(-1, *y)
        return Probe(self.problem, self.values, self.name, D, lanes=lanes)

    def pattern(self):
        """The branches taken at the point itself."""
        return self.problem.pattern(self.problem.forward(self.values)[1])

    def scale(self, lines) -> np.ndarray:
        """A length for each line: |x| where x is large, else up to 1 (10 rms for small arrays)."""
        rms = norm(self.x) / max(self.x.size, 1) ** 0.5
        floor = max(rms, min(1.0, 10 * rms)) or 1.0
        if is_direction(lines):
            return np.full(len(lines), floor)
        if self.lead == 1:
            return np.maximum(abs(self.x.reshape(-1)[lines]), floor)
        columns = abs(self.x.reshape(self.lead, self.rest)[:, lines]).max(axis=0)
        return np.maximum(columns, floor)

    def at(self, lines, t) -> np.ndarray:
        """y at x + t * line for every line: (lines, y.size)."""
        if self.problem.vectorized:
            return self.stacked(self.moved(lines, t))
        points = self.points(lines, t)
        if self.base_pattern is None:
            return self.problem.series(self.values, self.name, points)
        rows = [self.watched(self.first + k, x) for k, x in enumerate(points)]
        return np.array(rows).reshape(len(lines), -1)

    def watched(self, k, x):
        """One forward at x, as a flat copy; notes whether branches changed."""
        y, cache = self.problem.forward(self.values | {self.name: x})
        same = all(map(np.array_equal, self.problem.pattern(cache), self.base_pattern))
        self.crossed[k] = self.crossed.get(k, False) or not same
        return y.flatten()

    def both(self, lines, h):
        """y at x + h line and at x - h line; in one call if the function takes stacked points."""
        if not self.problem.vectorized:
            return self.at(lines, h), self.at(lines, -h)
        y = self.at(np.concatenate([lines, lines]), np.concatenate([h, -h]))
        return y[: len(lines)], y[len(lines) :]

    def stacked(self, xs) -> np.ndarray:
        """One forward for many points: every checked array gets a leading axis."""
        repeat = lambda v: np.broadcast_to(v, (len(xs), *v.shape))
        values = {k: repeat(v) if k in self.problem.wrt else v for k, v in self.values.items()}
        y = self.problem.evaluate(values | {self.name: xs})
        if y.shape[:1] != (len(xs),) or (self.D is not None and y[0].size != self.D.shape[1]):
            raise InputError(
                f"{self.problem.name}: with vectorized=True arrays of {len(xs)} stacked "
                f"points must give {len(xs)} stacked outputs, got shape {y.shape}."
            )
        return y.reshape(len(xs), -1)

    def moved(self, lines, t) -> np.ndarray:
        """x + t * line for every line, stacked: (lines, *x.shape)."""
        if is_direction(lines):
            return self.x + t.reshape(-1, *[1] * self.x.ndim) * lines
        xs = np.repeat(self.x[None], len(lines), axis=0)
        k, columns = np.arange(len(lines)), xs.reshape(len(lines), self.lead, self.rest)
        columns[k, :, lines] += t[:, None]
        return xs

    def points(self, lines, t):
        """The same one after the other; entries are moved in one work copy and put back."""
        if is_direction(lines):
            yield from (np.asarray(self.x + h * v) for h, v in zip(t, lines, strict=True))
            return
        work = self.x.copy()
        columns = work.reshape(self.lead, self.rest).T if self.lead > 1 else work.reshape(-1)
        before = columns[lines]
        after = before + (t[:, None] if self.lead > 1 else t)
        rows = list if self.lead > 1 else np.ndarray.tolist  # plain numbers are stored faster
        for j, old, new in zip(lines.tolist(), rows(before), rows(after), strict=True):
            columns[j] = new
            yield work
            columns[j] = old

    def project(self, dy) -> np.ndarray:
        """sum(dy * d) for each upstream: (lanes * lines, m), lanes the slow axis."""
        if self.D is None:
            self.D = np.ones((1, dy.shape[1]))
        if self.lead == 1:
            return dy @ self.D.T
        D = self.D.reshape(len(self.D), self.lead, -1)
        return np.einsum("klr,mlr->lkm", dy.reshape(len(dy), self.lead, -1), D).reshape(-1, len(D))

    def slope(self, lines, h, other=None):
        """(value, noise) of centred differences; of one-sided ones if y at the point is `other`."""
        parts = []
        for k in self.chunks(len(lines)):
            self.first = k.start
            parts.append(self.slope_chunk(lines[k], h[k], other))
        return tuple(self.join(p) for p in zip(*parts, strict=True))

    def join(self, parts):
        """Chunks of (lanes * lines, m) side by side, lanes staying the slow axis."""
        blocks = [p.reshape(self.lead, -1, len(self.D)) for p in parts]
        return np.concatenate(blocks, axis=1).reshape(-1, len(self.D))

    def slope_chunk(self, lines, h, other):
        with np.errstate(all="ignore"):
            plus, minus = self.both(lines, h) if other is None else (self.at(lines, h), other)
            width = self.width(lines, h, other is not None)
            dy = plus - minus
            moved = dy != 0
            moved |= ~moved.any(axis=1, keepdims=True)  # a change below rounding may hide anywhere
            size = (abs(plus) + abs(minus)) / 2 * moved
            noise = 4 * self.precision(plus) * self.magnitude(size)
            return self.project(dy) / width, noise / width

    def magnitude(self, size):
        """sum(|y d|) over the outputs that changed, for each upstream."""
        signed, self.D = self.D, None if self.D is None else abs(self.D)
        try:
            return self.project(size)
        finally:
            self.D = signed

    def width(self, lines, h, one_sided):
        """The exact distance between the two points, as floating point moved them: (lines, 1)."""
        if is_direction(lines) or self.lead > 1:
            width = (1 if one_sided else 2) * h
            return np.tile(width, self.lead if not is_direction(lines) else 1)[:, None]
        x = self.x.reshape(-1)[lines]
        return ((x + h) - (x if one_sided else x - h))[:, None].astype(float)

    def precision(self, y) -> float:
        """eps of the least precise type involved."""
        kinds = [a.dtype for a in (y, self.x) if a.dtype.kind == "f"]
        self.eps = max(EPS, *(float(np.finfo(k).eps) for k in kinds))
        return self.eps

    def chunks(self, n):
        """Slices of the lines that fit in memory."""
        size = max(
            1,
            CHUNK
            // max(
                1 if self.D is None else self.D.shape[1],
                self.x.size if self.problem.vectorized else 1,
            ),
        )
        return [slice(k, k + size) for k in range(0, max(n, 1), size)]


def is_direction(lines) -> bool:
    """Directions are float arrays, entries integer ones."""
    return np.asarray(lines).dtype.kind == "f"
