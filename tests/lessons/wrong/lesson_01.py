"""Wrong answers to lesson 1, as they are made."""

import numpy as np

from . import wrong


def forward(f, x, h):
    return (f(x + h) - f(x)) / h


def centred(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def forward_of(mistake):
    return lambda answer: wrong("1.1", mistake, spread=True)((answer, centred))


def centred_of(mistake):
    return lambda answer: wrong("1.1", mistake, spread=True)((forward, answer))


forward_of("forward: not divided")(lambda f, x, h: f(x + h) - f(x))
forward_of("forward: sign")(lambda f, x, h: (f(x) - f(x + h)) / h)
forward_of("forward: backward")(lambda f, x, h: (f(x) - f(x - h)) / h)
forward_of("forward: centred")(centred)
forward_of("nothing")(lambda f, x, h: None)
forward_of("raised")(lambda f, x, h: (f[x + h] - f[x]) / h)
forward_of("type")(0.54)
centred_of("centred: not divided")(lambda f, x, h: f(x + h) - f(x - h))
centred_of("centred: sign")(lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h))
centred_of("centred: run")(lambda f, x, h: (f(x + h) - f(x - h)) / h)
centred_of("centred: precedence")(lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h)
centred_of("centred: forward")(forward)
centred_of("centred: half a step")(lambda f, x, h: (f(x + h / 2) - f(x - h / 2)) / h)
centred_of("calls")(lambda f, x, h: (forward(f, x, h) + forward(f, x, -h)) / 2)
centred_of("value")(lambda f, x, h: np.cos(x))


def steps(*powers):
    cases = [(rule, kind) for rule in ("forward", "centred") for kind in ("float32", "float64")]
    return dict(zip(cases, powers, strict=True))


wrong("1.2", "as small as possible")(steps(1e-12, 1e-12, 1e-12, 1e-12))
wrong("1.2", "as small as possible")(steps(1e-7, 1e-16, 1e-7, 1e-16))
wrong("1.2", "one for all")(steps(1e-5, 1e-5, 1e-5, 1e-5))
wrong("1.2", "formulas swapped")(steps(5e-3, 6e-6, 3e-4, 1.5e-8))
wrong("1.2", "precisions swapped")(steps(1e-8, 1e-4, 1e-5, 1e-2))
wrong("1.2", "square root for both")(steps(3.5e-4, 1.5e-8, 3.5e-4, 1.5e-8))
wrong("1.2", "error, not step")(steps(3.5e-4, 1.5e-8, 2.4e-5, 3.7e-11))
wrong("1.2", "not a step")(steps(1e4, 1e8, 1e3, 1e6))
wrong("1.2", "not a step")(steps(-4, -8, -2, -5))
wrong("1.2", "value")(steps(1e-4, 1e-8, 1e-2, 1e-2))
wrong("1.2", "type")([1e-4, 1e-8, 1e-2, 1e-5])
wrong("1.2", "type")(steps("1e-4", "small", None, 1e-5))


@wrong("1.3", "absolute")
def difference(a, n):
    return np.abs(np.subtract(a, n))


@wrong("1.3", "largest, not larger size")
def largest(a, n):
    return np.abs(np.subtract(a, n)) / np.maximum(a, n)


@wrong("1.3", "signed")
def signed(a, n):
    return np.subtract(a, n) / np.maximum(np.abs(a), np.abs(n))


@wrong("1.3", "divides by n")
def against_the_numeric(a, n):
    return np.abs((np.asarray(a) - n) / n)


@wrong("1.3", "divides by a")
def against_the_analytic(a, n):
    return np.abs(np.subtract(a, n)) / np.abs(a)


@wrong("1.3", "sum")
def over_the_sum(a, n):
    return np.abs(np.subtract(a, n)) / (np.abs(a) + np.abs(n))


@wrong("1.3", "floor")
def with_a_floor(a, n):
    return np.abs(np.subtract(a, n)) / np.maximum(1e-8, np.maximum(np.abs(a), np.abs(n)))


@wrong("1.3", "floor")
def with_an_epsilon(a, n):
    return np.abs(np.subtract(a, n)) / (np.maximum(np.abs(a), np.abs(n)) + 1e-15)


@wrong("1.3", "zeros")
def divides_zero_by_zero(a, n):
    return np.abs(np.subtract(a, n)) / np.maximum(np.abs(a), np.abs(n))


@wrong("1.3", "zeros")
def zero_for_any_zero(a, n):
    size = np.where((np.asarray(a) == 0) | (np.asarray(n) == 0), np.inf, np.maximum(abs(a), abs(n)))
    return np.abs(np.subtract(a, n)) / size


@wrong("1.3", "one number")
def the_worst_only(a, n):
    size = np.maximum(np.abs(a), np.abs(n))
    return np.max(np.abs(np.subtract(a, n)) / np.where(size == 0, 1, size))


@wrong("1.3", "warns")
def repaired_afterwards(a, n):
    size = np.maximum(np.abs(a), np.abs(n))
    return np.where(size == 0, 0, np.abs(np.subtract(a, n)) / size)


@wrong("1.3", "raised")
def for_numbers_only(a, n):
    return abs(a - n) / max(abs(a), abs(n)) if a or n else 0.0


def entries(f, x, slope):
    result = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        result[i] = slope(f, x, i)
    return result


def moved(x, i, h):
    x = x.copy()
    x[i] += h
    return x


@wrong("1.4", "forward")
def forward_gradient(f, x, h=1e-5):
    return entries(f, x, lambda f, x, i: (f(moved(x, i, h)) - f(x)) / h)


@wrong("1.4", "all at once")
def along_the_diagonal(f, x, h=1e-5):
    return np.ones(x.shape) * (f(x + h) - f(x - h)) / (2 * h)


@wrong("1.4", "not moved back")
def drifts(f, x, h=1e-5):
    x, result = x.copy(), np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        x[i] += h
        right = f(x)
        x[i] -= 2 * h
        result[i] = (right - f(x)) / (2 * h)
    return result


@wrong("1.4", "changed its input")
def rounds_the_callers_array(f, x, h=1e-5):
    result = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        x[i] += h
        right = f(x)
        x[i] -= 2 * h
        result[i] = (right - f(x)) / (2 * h)
        x[i] += h + 1e-16
    return result


@wrong("1.4", "run")
def twice(f, x, h=1e-5):
    return entries(f, x, lambda f, x, i: (f(moved(x, i, h)) - f(moved(x, i, -h))) / h)


@wrong("1.4", "not divided")
def rises(f, x, h=1e-5):
    return entries(f, x, lambda f, x, i: f(moved(x, i, h)) - f(moved(x, i, -h)))


@wrong("1.4", "sign")
def left_minus_right(f, x, h=1e-5):
    return entries(f, x, lambda f, x, i: (f(moved(x, i, -h)) - f(moved(x, i, h))) / (2 * h))


@wrong("1.4", "h ignored")
def always_the_same_step(f, x, h=1e-5):
    h = 1e-5
    return entries(f, x, lambda f, x, i: (f(moved(x, i, h)) - f(moved(x, i, -h))) / (2 * h))


@wrong("1.4", "calls")
def with_a_useless_call(f, x, h=1e-5):
    f(x)
    return entries(f, x, lambda f, x, i: (f(moved(x, i, h)) - f(moved(x, i, -h))) / (2 * h))


@wrong("1.4", "shape")
def flattened(f, x, h=1e-5):
    slope = lambda f, x, i: (f(moved(x, i, h)) - f(moved(x, i, -h))) / (2 * h)
    return entries(f, x, slope).ravel()


@wrong("1.4", "nothing")
def forgets_to_return(f, x, h=1e-5):
    entries(f, x, lambda f, x, i: (f(moved(x, i, h)) - f(moved(x, i, -h))) / (2 * h))


@wrong("1.4", "raised")
def indexes_rows(f, x, h=1e-5):
    result = np.zeros(x.shape)
    for i in range(x.size):
        result[i] = (f(moved(x, i, h)) - f(moved(x, i, -h))) / (2 * h)
    return result


def rung(f, x, h):
    return abs(np.spacing(f(x))) / (2 * h)


rung_of = lambda mistake: lambda answer: wrong("1.5", mistake, spread=True)((answer, "C"))
rung_of("spacing at x")(lambda f, x, h: np.spacing(x) / (2 * h))
rung_of("spacing at 1")(lambda f, x, h: 2**-52 / (2 * h))
rung_of("run")(lambda f, x, h: abs(np.spacing(f(x))) / h)
rung_of("not divided")(lambda f, x, h: abs(np.spacing(f(x))))
rung_of("sign")(lambda f, x, h: np.spacing(f(x)) / (2 * h))
rung_of("value")(lambda f, x, h: 5.55e-5)
wrong("1.5", "truncation", spread=True)((rung, "A"))
wrong("1.5", "same number", spread=True)((rung, "B"))
wrong("1.5", "division", spread=True)((rung, "d"))
wrong("1.5", "letter", spread=True)((rung, "because of rounding"))
wrong("1.5", "letter", spread=True)((rung, None))


def verdict(wrong_ones, names="ABCDEF"):
    return {name: "wrong" if name in wrong_ones else "right" for name in names}


wrong("1.6", "one step only")(verdict("ABCDF"))
wrong("1.6", "one step only")(verdict("ABCF"))
wrong("1.6", "all the same")(verdict("ABCDEF"))
wrong("1.6", "all the same")(verdict(""))
wrong("1.6", "misses a plateau")(verdict("BF"))
wrong("1.6", "misses a plateau")(verdict("F"))
wrong("1.6", "accuses a V")(verdict("BDEF"))
wrong("1.6", "mixed up")(verdict("ADF"))
wrong("1.6", "word")(dict.fromkeys("ABCDEF", True))
wrong("1.6", "type")(verdict("BDF", "ABCDE"))
wrong("1.6", "type")("B, D and F")
