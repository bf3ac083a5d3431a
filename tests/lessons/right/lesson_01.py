"""Right answers to lesson 1, written in other ways than the solution."""

import math

import numpy as np


def forward_in_lines(f, x, h):
    here, there = f(x), f(x + h)
    rise, run = there - here, h
    return rise / run


def centred_as_a_mean(func, at, step):
    return np.float64(0.5 / step * (func(at + step) - func(at - step)))


def relative_by_loops(a, n):
    if np.ndim(a) == 0:
        size = max(abs(a), abs(n))
        return 0.0 if size == 0 else abs(a - n) / size
    return np.array([relative_by_loops(p, q) for p, q in zip(a, n, strict=True)])


def relative_with_where(a, n):
    a, n = np.asarray(a, float), np.asarray(n, float)
    size = np.fmax(abs(a), abs(n))
    return np.divide(abs(a - n), size, out=np.zeros(np.broadcast(a, n).shape), where=size > 0)


def relative_of_the_ratio(a, n):
    size = np.maximum(np.abs(a), np.abs(n))
    safe = size + (size == 0)
    return abs(a / safe - n / safe)


def gradient_restoring(f, x, h=1e-5):
    result = np.empty_like(x)
    flat, out = x.reshape(-1), result.reshape(-1)
    for i in range(x.size):
        old = flat[i]
        flat[i] = old + h
        right = f(x)
        flat[i] = old - h
        left = f(x)
        flat[i] = old
        out[i] = (right - left) / (2 * h)
    return result


def gradient_from_unit_vectors(f, x, h=1e-5):
    unit = np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([(f(x + h * e) - f(x - h * e)) / h / 2 for e in unit]).reshape(x.shape)


def gradient_by_nditer(f, x, h=1e-5):
    slopes = []
    for i, _ in np.ndenumerate(x):
        moved = []
        for sign in (1, -1):
            y = np.array(x)
            y[i] = x[i] + sign * h
            moved.append(f(y))
        slopes.append((moved[0] - moved[1]) / (2 * h))
    return np.reshape(slopes, x.shape)


def rung_by_neighbour(f, x, h):
    y = f(x)
    return abs(np.nextafter(abs(y), np.inf) - abs(y)) / (h + h)


def rung_by_ulp(f, x, h):
    return math.ulp(f(x)) / 2 / h


def steps(*powers):
    cases = [(rule, kind) for rule in ("forward", "centred") for kind in ("float32", "float64")]
    return dict(zip(cases, powers, strict=True))


VERDICT = {"A": "right", "B": "wrong", "C": "right", "D": "wrong", "E": "right", "F": "wrong"}

RIGHT = {
    "1.1": [(forward_in_lines, centred_as_a_mean)],
    "1.2": [
        (steps(1e-4, 1e-8, 1e-2, 1e-5),),
        (steps(1e-3, 1e-8, 1e-3, 1e-6),),
        (steps(np.float32(3e-4), np.float64(1.5e-8), 5e-3, 6e-6),),
    ],
    "1.3": [(relative_by_loops,), (relative_with_where,), (relative_of_the_ratio,)],
    "1.4": [(gradient_restoring,), (gradient_from_unit_vectors,), (gradient_by_nditer,)],
    "1.5": [(rung_by_neighbour, "c"), (rung_by_ulp, " C ")],
    "1.6": [(VERDICT,), ({k: v.upper() for k, v in VERDICT.items()},)],
}
