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
        self.D = None if D is None else np.array([np.ravel(d) for d in D], dtype=float)
        self.first = 0  # number of the first line of the chunk at work
        self.crossed: set[int] = set()  # numbers of the lines on which a branch changed
        watch = problem.branches and not problem.vectorized
        self.base_pattern = self.pattern() if watch else None

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

    def at(self, lines, *steps) -> np.ndarray:
        """y at x + t * line for each t of `steps`, (lines,) arrays: (steps, lines, y.size)."""
        if self.problem.vectorized:
            xs = self.moved(np.concatenate([lines] * len(steps)), np.concatenate(steps))
            return self.stacked(xs).reshape(len(steps), len(lines), -1)
        kind = np.result_type(self.x, *steps) if is_direction(lines) else self.x.dtype
        x = self.x.astype(kind, order="C")
        values, moves = self.values | {self.name: x}, self.moves(x, lines, steps)
        if self.base_pattern is None:
            y = self.problem.series(values, moves)
        else:
            numbers = (self.first + k % len(lines) for k, _ in enumerate(moves))
            y = np.array([self.watched(k, values) for k in numbers])
        return y.reshape(len(steps), len(lines), -1)

    def watched(self, k, values):
        """One forward; notes whether branches changed."""
        y, cache = self.problem.forward(values)
        if not all(map(np.array_equal, self.problem.pattern(cache), self.base_pattern)):
            self.crossed.add(k)
        return y

    def stacked(self, xs) -> np.ndarray:
        """One forward for many points: every checked array gets a leading axis."""
        repeat = lambda v: np.broadcast_to(v, (len(xs), *v.shape))
        fixed = {k: repeat(self.values[k]) for k in self.problem.wrt if k != self.name}
        y = self.problem.evaluate(self.values | fixed | {self.name: xs})
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

    def moves(self, x, lines, steps):
        """The same one after the other, in place: an entry is moved, and put back."""
        if is_direction(lines):
            pairs = (pair for t in steps for pair in zip(t, lines, strict=True))
            yield from (np.copyto(x, self.x + h * v) for h, v in pairs)
            return
        columns = x.reshape(self.lead, self.rest).T if self.lead > 1 else x.reshape(-1)
        rows = list if self.lead > 1 else np.ndarray.tolist  # plain numbers are stored faster,
        cells = columns.data if self.lead == 1 and x.dtype == float else columns  # into a buffer
        numbers, before = lines.tolist(), columns[lines]
        old = rows(before)
        for t in steps:
            new = rows(before + (t[:, None] if self.lead > 1 else t))
            for j, there, here in zip(numbers, new, old, strict=True):
                cells[j] = there
                yield
                cells[j] = here

    def project(self, dy, size=np.positive) -> np.ndarray:
        """sum(dy * size(d)) for each upstream: (lanes * lines, m), lanes the slow axis."""
        if self.D is None:
            self.D = np.ones((1, dy.shape[1]))
        D = size(self.D)
        if self.lead == 1:
            return dy @ D.T
        D = D.reshape(len(D), self.lead, -1)
        return np.einsum("klr,mlr->lkm", dy.reshape(len(dy), self.lead, -1), D).reshape(-1, len(D))

    def slope(self, lines, h, other=None):
        """(value, noise) of centred differences; of one-sided ones if y at the point is `other`."""
        parts = []
        for k in self.chunks(len(lines)):
            self.first = k.start
            parts.append(self.slope_chunk(lines[k], h[k], other))
        return parts[0] if len(parts) == 1 else tuple(map(self.join, zip(*parts, strict=True)))

    def join(self, parts):
        """Chunks of (lanes * lines, m) side by side, lanes staying the slow axis."""
        blocks = [p.reshape(self.lead, -1, len(self.D)) for p in parts]
        return np.concatenate(blocks, axis=1).reshape(-1, len(self.D))

    def slope_chunk(self, lines, h, other):
        with np.errstate(all="ignore"):
            plus, minus = self.at(lines, h, -h) if other is None else (*self.at(lines, h), other)
            width = self.width(lines, h, other is not None)
            dy = plus - minus
            size = abs(plus) + abs(minus)
            if dy.shape[1] > 1:
                moved = dy != 0
                size *= moved | ~moved.any(axis=1, keepdims=True)  # below rounding: any may have
            noise = 2 * self.precision(plus) * self.project(size, abs)  # 4 eps sum |y d|
            return self.project(dy) / width, noise / width

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
        return max(EPS, *(float(np.finfo(k).eps) for k in kinds))

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
