"""Lesson 1: slopes from values, the best step, relative error, and wrong against rounded."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..outcome import YourTurn
from ..zoo.slopes import SUSPECTS, WRONG
from .compare import agrees, call, same
from .exercise import Wrong, exercise

__all__ = ["best_step", "differences", "gradient", "relative_error", "suspects", "too_small"]

Function = Callable[..., Any]

# name: (function, derivative); on (-1.5, 1.5) none of the derivatives is small
FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "exp": (np.exp, np.exp),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "x**3 + 2 x": (lambda x: x**3 + 2 * x, lambda x: 3 * x**2 + 2),
}


class Counted:
    """A function that counts its calls."""

    def __init__(self, f: Function) -> None:
        self.f, self.calls = f, 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return self.f(x)


def _named(name: str, f: Function) -> Function:
    """The function, with the name that a message shows."""
    f.__name__ = name
    return f


# -- 1.1 -------------------------------------------------------------------------------------------


def _forward(f: Any, x: Any, h: Any) -> Any:
    return (f(x + h) - f(x)) / h


def _centred(f: Any, x: Any, h: Any) -> Any:
    return (f(x + h) - f(x - h)) / (2 * h)


NOT_DIVIDED = (
    "Is this a slope yet?",
    "A slope is a rise over a run; you return the rise.",
    "Divide by how far the two points lie apart.",
)


@exercise(
    "1.1",
    "Two slopes",
    points=2,
    hints={
        "forward: not divided": NOT_DIVIDED,
        "centred: not divided": NOT_DIVIDED,
        "forward: sign": (
            "The forward slope has the wrong sign.",
            "The function rises where its slope is positive. Which value comes first?",
            "Rise is: value at the end of the step, minus value at its beginning.",
        ),
        "centred: sign": (
            "The centred slope has the wrong sign.",
            "Which of the two neighbours lies to the right?",
            "The value at the right neighbour comes first, the one at the left is subtracted.",
        ),
        "forward: backward": (
            "This is a slope to the left of x.",
            "Forward means that x is the left end.",
            "Use the value at x + h, not the one at x - h.",
        ),
        "forward: centred": (
            "Your forward slope uses both neighbours.",
            "One of its two points is x itself.",
            "Subtract the value at x.",
        ),
        "centred: run": (
            "The centred slope is twice too large.",
            "How far are x - h and x + h apart?",
            "The run is two steps, not one.",
        ),
        "centred: precedence": (
            "Look at the order in which Python multiplies and divides.",
            "a / 2 * h is (a / 2) * h.",
            "Put brackets around the whole run.",
        ),
        "centred: forward": (
            "Your centred slope does not look to the left of x.",
            "It needs a neighbour on either side.",
            "Where the forward formula has the value at x, this one has the value at x - h.",
        ),
        "centred: half a step": (
            "Your neighbours lie half a step away.",
            "That is a good formula, with another h than the one asked for.",
            "Go a whole h to either side.",
        ),
        "calls": (
            "The slopes are right, but f is called more often than needed.",
            "Each formula contains two values of f.",
            "Call f once for each value in the formula, and nowhere else.",
        ),
    },
)
def differences(forward: Any, centred: Any, rng: np.random.Generator) -> Iterator[str]:
    """(f(x + h) - f(x)) / h and (f(x + h) - f(x - h)) / 2h, with two evaluations each."""
    inputs = [
        (f, float(x), float(h))
        for f, _ in FUNCTIONS.values()
        for x, h in zip(rng.uniform(0.3, 1.5, 3), (0.5, 0.1, 1e-3), strict=True)
    ]
    rise = lambda f, x, h: f(x + h) - f(x)
    both = lambda f, x, h: f(x + h) - f(x - h)
    known = {
        "forward: not divided": rise,
        "forward: sign": lambda f, x, h: -_forward(f, x, h),
        "forward: backward": lambda f, x, h: _forward(f, x, -h),
        "forward: centred": _centred,
    }
    same(forward, _forward, inputs, known=known, what="Your forward slope")
    yield "the forward slope, at 9 random points of three functions"
    known = {
        "centred: not divided": both,
        "centred: sign": lambda f, x, h: -_centred(f, x, h),
        "centred: run": lambda f, x, h: both(f, x, h) / h,
        "centred: precedence": lambda f, x, h: both(f, x, h) / 2 * h,
        "centred: forward": _forward,
        "centred: half a step": lambda f, x, h: _centred(f, x, h / 2),
    }
    same(centred, _centred, inputs, known=known, what="Your centred slope")
    yield "the centred slope, at the same points"
    for answer, name in ((forward, "forward"), (centred, "centred")):
        f = Counted(np.square)
        call(answer, f, 1.0, 0.1)
        if f.calls != 2:
            raise Wrong("calls", f"The {name} slope calls f {f.calls} times.")
    yield "two evaluations of f for each slope"


# -- 1.2 -------------------------------------------------------------------------------------------

RULES: dict[str, tuple[Function, float]] = {
    "forward": (_forward, 1 / 2),  # the best step is about eps ** power
    "centred": (_centred, 1 / 3),
}
CASES = [(rule, kind) for rule in RULES for kind in ("float32", "float64")]


def _typical_error(rule: str, kind: str, h: float) -> float:
    """The median relative error of a formula, over the functions at 20 points each."""
    number = np.dtype(kind).type
    errors = []
    with np.errstate(all="ignore"):
        for f, df in FUNCTIONS.values():
            for x in np.random.default_rng(0).uniform(-1.5, 1.5, 20).astype(kind):
                slope, true = RULES[rule][0](f, x, number(h)), df(float(x))
                errors.append(abs(float(slope) - true) / abs(true))
    return float(np.median(np.nan_to_num(errors, nan=np.inf)))


def _steps(answer: Any) -> dict[tuple[str, str], float]:
    """The four steps as numbers."""
    if not isinstance(answer, dict) or set(answer) != set(CASES):
        raise Wrong("type", f"best_h is a dict with the keys {', '.join(map(str, CASES))}.")
    if any(h is ... for h in answer.values()):
        raise YourTurn
    try:
        steps = {case: float(answer[case]) for case in CASES}
    except (TypeError, ValueError):
        raise Wrong("type", "A step is a number.") from None
    if not all(0 < h < 1 for h in steps.values()):
        raise Wrong("not a step", "Each h must lie between 0 and 1.")
    return steps


@exercise(
    "1.2",
    "The best step",
    points=2,
    hints={
        "not a step": (
            "A step is a small positive number.",
            "1e-5 is ten to the power of minus five; 10e-5 is ten times as much; 1e5 is large.",
            "The step is eps to a power between 0 and 1, so it lies between eps and 1.",
        ),
        "as small as possible": (
            "You let h be as small as the numbers allow.",
            "With h near eps, x + h hardly differs from x: look at the left arm of the V.",
            "Set truncation equal to rounding and solve for h.",
        ),
        "one for all": (
            "One step for every formula and every precision?",
            "Neither the truncation nor eps is the same in all four cases.",
            "Solve twice, with truncation h and with truncation h**2; then put in both eps.",
        ),
        "formulas swapped": (
            "You gave each formula the step of the other.",
            "The centred formula has less truncation, so it can afford the longer step.",
            "Forward: h equals eps / h. Centred: h**2 equals eps / h. Which roots follow?",
        ),
        "precisions swapped": (
            "You gave each precision the step of the other.",
            "The noisier the values of f, the longer the step must be.",
            "The larger eps, the larger h.",
        ),
        "square root for both": (
            "The forward steps are right; those of the centred formula are not.",
            "Its truncation goes with the square of h.",
            "Multiply h**2 = eps / h by h: what power of h equals eps?",
        ),
        "error, not step": (
            "These are the least errors, not the steps where they are found.",
            "The best step is where the V has its bottom, read off the horizontal axis.",
            "Solve for h and stop there, without putting it back into the error.",
        ),
        "value": (
            "Not all four steps are near the bottom of their V.",
            "Find h where truncation (h or its square) equals rounding, eps / h.",
            "Forward: h * h = eps. Centred: h * h * h = eps. Put in both values of eps.",
        ),
    },
)
def best_step(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """A step within a factor of ten of eps^(1/2) (forward) or eps^(1/3) (centred)."""
    steps = _steps(answer)
    eps = {kind: float(np.finfo(kind).eps) for kind in ("float32", "float64")}
    best = {(rule, kind): eps[kind] ** RULES[rule][1] for rule, kind in CASES}
    least = {(rule, kind): eps[kind] ** (1 - RULES[rule][1]) for rule, kind in CASES}
    other = {"forward": "centred", "centred": "forward"}
    turned = {"float32": "float64", "float64": "float32"}
    near = lambda target: all(0.1 <= steps[c] / target[c] <= 10 for c in CASES)
    if not near(best):
        known = {
            "as small as possible": all(h <= 1e-11 for h in steps.values())
            or near({(r, k): eps[k] for r, k in CASES}),
            "one for all": len(set(steps.values())) == 1,
            "formulas swapped": near({(r, k): best[other[r], k] for r, k in CASES}),
            "precisions swapped": near({(r, k): best[r, turned[k]] for r, k in CASES}),
            "square root for both": near({(r, k): best["forward", k] for r, k in CASES}),
            "error, not step": near({c: least[c] if c[0] == "centred" else best[c] for c in CASES}),
        }
        right = sum(0.1 <= steps[c] / best[c] <= 10 for c in CASES)
        mistake = next((name for name, true in known.items() if true), "value")
        raise Wrong(mistake, f"{right} of 4 steps are right.", earned=right / 8)
    for rule, kind in CASES:
        h = steps[rule, kind]
        error = _typical_error(rule, kind, h)
        yield f"{rule}, {kind}: h = {h:.0e} gives a typical relative error of {error:.0e}"


# -- 1.3 -------------------------------------------------------------------------------------------


def _relative(a: Any, n: Any) -> Any:
    size = np.maximum(np.abs(a), np.abs(n))
    return np.abs(np.subtract(a, n)) / np.where(size == 0, 1, size)


ONE_SIDE = (
    "Your error changes when a and n change places.",
    "You divide by one of them; what if that one is zero?",
    "Divide by whichever is larger in size.",
)


@exercise(
    "1.3",
    "The relative error",
    points=2,
    hints={
        "absolute": (
            "That is the difference itself.",
            "1e-4 is small beside 1, and everything beside 1e-5.",
            "Divide by the larger of the two sizes.",
        ),
        "largest, not larger size": (
            "Something is wrong where a slope is negative.",
            "The larger of -3 and -2 is -2, and the larger in size is -3.",
            "Take absolute values before you take the maximum.",
        ),
        "signed": (
            "An error is never negative.",
            "a - n has a sign.",
            "Take the absolute value of the difference.",
        ),
        "divides by a": ONE_SIDE,
        "divides by n": ONE_SIDE,
        "sum": (
            "You divide by the sum of the sizes.",
            "That is a usual choice too, and up to twice smaller; here it is the larger one.",
            "Replace the sum by `np.maximum`.",
        ),
        "floor": (
            "Tiny slopes that differ by a factor get an error near 0.",
            "A floor such as 1e-8 in the denominator is a hidden absolute tolerance.",
            "Treat the case of two zeros by itself, and leave all other denominators as they are.",
        ),
        "zeros": (
            "Two zeros do not give 0.",
            "0/0 is not a number.",
            "Where the larger size is 0, divide by 1 instead: the difference is 0 anyway.",
        ),
        "one number": (
            "For arrays, one error for each entry was asked for.",
            "You return one number for the whole array.",
            "Leave out the `max`, `sum`, `mean` or `norm` at the end.",
        ),
        "warns": (
            "All values are right, but NumPy warned on the way.",
            "`np.where(bad, 0, x / y)` computes x / y everywhere, also where y is 0.",
            "Make the denominator safe first, with `np.where`, and divide afterwards.",
        ),
    },
)
def relative_error(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """|a - n| / max(|a|, |n|), 0 for two zeros, entry by entry and without a warning."""
    size = lambda a, n: max(abs(a), abs(n))
    pairs = [tuple(map(float, pair)) for pair in rng.normal(size=(5, 2))]
    pairs += [(2.0, -3.0), (-3.0, -2.0), (-3.0, 2.0)]
    known = {
        "absolute": lambda a, n: abs(a - n),
        "largest, not larger size": lambda a, n: abs(a - n) / max(a, n),
        "signed": lambda a, n: (a - n) / size(a, n),
        "divides by a": lambda a, n: abs(a - n) / abs(a),
        "divides by n": lambda a, n: abs(a - n) / abs(n),
        "sum": lambda a, n: abs(a - n) / (abs(a) + abs(n)),
    }
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn"):
        warnings.simplefilter("always")
        same(answer, _relative, pairs, known=known)
        yield "eight pairs of numbers, of either sign"
        tiny = [(1e-12, 3e-12), *((a * 1e-30, n * 1e-30) for a, n in pairs)]
        _no_floor(answer, tiny)
        yield "tiny slopes are compared as strictly as large ones"
        yield from _zeros(answer, rng)
    if caught:
        raise Wrong("warns", f"{caught[0].category.__name__}: {caught[0].message}")
    yield "no warning"


def _no_floor(answer: Any, tiny: list[tuple[float, float]]) -> None:
    """A floor in the denominator makes the errors of tiny slopes smaller than they are."""
    for a, n in tiny:
        got, want = call(answer, a, n), _relative(a, n)
        if not agrees(got, want):
            low = agrees(got, got) and np.size(got) == 1 and float(np.min(got)) < want
            raise Wrong("floor" if low else "value", f"For ({a:.3g}, {n:.3g}) you return {got}.")


def _zeros(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """One zero, two zeros; numbers and arrays."""
    for a, n in ((0.0, 1.5), (-1.5, 0.0), (0.0, 0.0)):
        if not agrees(got := call(answer, a, n), _relative(a, n)):
            raise Wrong("zeros", f"Your result for ({a}, {n}) is {got}.")
    a, n = rng.normal(size=(2, 3, 4))
    a[0, :2], n[0, 1:3] = 0, 0
    got = call(answer, a, n)
    if np.ndim(got) == 0 and got is not None:
        raise Wrong("one number", f"For two arrays of shape (3, 4) you return {got}.")
    same(answer, _relative, [(a, n), (a[0], n[0]), (np.zeros(2), np.zeros(2))])
    yield "arrays, entry by entry; two zeros have error 0"


# -- 1.4 -------------------------------------------------------------------------------------------


def _gradient(f: Any, x: Any, h: float = 1e-5) -> Any:
    result = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        right, left = x.copy(), x.copy()
        right[i] += h
        left[i] -= h
        result[i] = (f(right) - f(left)) / (2 * h)
    return result


def _by_entry(f: Any, x: Any, h: float, slope: Callable[[Any, Any, Any], float]) -> Any:
    """A gradient from the values of f at x + h e_i, x and x - h e_i."""
    result = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        e = np.zeros(x.shape)
        e[i] = h
        result[i] = slope(f(x + e), f(x), f(x - e))
    return result


def _drifting(f: Any, x: Any, h: float) -> Any:
    """Right, but the entries already visited stay moved."""
    result, x = np.zeros(x.shape), x.copy()
    for i in np.ndindex(x.shape):
        x[i] += h
        right = f(x)
        x[i] -= 2 * h
        result[i] = (right - f(x)) / (2 * h)
    return result


@exercise(
    "1.4",
    "The gradient of a function of an array",
    points=3,
    hints={
        "forward": (
            "These are forward differences.",
            "The centred formula looks at both sides of x[i].",
            "Evaluate f at x - h e_i too, and use it where you used f(x).",
        ),
        "all at once": (
            "You moved all entries together.",
            "That gives one slope, along the diagonal, and not one for each entry.",
            "For each i, start from an unmoved copy of x and move x[i] alone.",
        ),
        "not moved back": (
            "The first entry is right, the later ones are not quite.",
            "Where is x[0] when you measure the slope along x[1]?",
            "Begin each entry with a fresh copy of x, or put the old value back.",
        ),
        "not divided": NOT_DIVIDED,
        "run": (
            "All slopes are twice too large.",
            "How far are x - h e_i and x + h e_i apart?",
            "The run is two steps, not one.",
        ),
        "sign": (
            "All slopes have the wrong sign.",
            "Which of the two values comes first?",
            "Right neighbour minus left neighbour.",
        ),
        "h ignored": (
            "With the default h all is well; with another h you give the same result.",
            "h is an argument.",
            "Use the name h inside the function, not a number.",
        ),
        "changed its input": (
            "Your function changed x: it is not as it was, to the last bit.",
            "x[i] + h - 2 * h + h is rounded three times, and need not be x[i].",
            "Keep the old value of x[i] and put it back at the end, or move a copy of x.",
        ),
        "calls": (
            "The slopes are right, but f is called more often than needed.",
            "The centred formula needs two values for each entry, and never f(x).",
            "Leave out every call of f but the two in the formula.",
        ),
    },
)
def gradient(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """Centred slopes along every entry, x untouched, two evaluations an entry."""
    both = lambda unit: lambda right, middle, left: (right - left) / unit
    known = {
        "forward": lambda f, x, h: _by_entry(f, x, h, lambda r, m, le: (r - m) / h),
        "all at once": lambda f, x, h: np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h)),
        "not moved back": _drifting,
        "not divided": lambda f, x, h: _by_entry(f, x, h, both(1.0)),
        "run": lambda f, x, h: _by_entry(f, x, h, both(h)),
        "sign": lambda f, x, h: _by_entry(f, x, h, both(-2 * h)),
        "h ignored": lambda f, x, h: _gradient(f, x),
    }
    inputs = []
    for shape in ((3,), (2, 3), (1, 1), (2, 1, 2)):
        k = rng.uniform(0.5, 1.5, shape)
        f = _named("f", lambda x, k=k: float(np.sum(np.exp(k * x)) + np.sum(k * x) ** 3))
        inputs.append((f, rng.normal(size=shape), 0.1))
    same(answer, _gradient, inputs, known=known, what="Your gradient")
    yield "gradients in one, two and three dimensions"
    x = rng.normal(size=(2, 3))
    same(answer, _gradient, [(lambda x: float(np.sum(np.sin(x))), x)], rtol=1e-6)
    yield "the default step; x is left as it was, bit for bit"
    counted = Counted(lambda x: float(np.sum(x * x)))
    call(answer, counted, x, 1e-5)
    if counted.calls != 2 * x.size:
        raise Wrong("calls", f"For {x.size} entries you call f {counted.calls} times.")
    yield f"{counted.calls} evaluations of f for {x.size} entries"


# -- 1.5 -------------------------------------------------------------------------------------------


def _rung(f: Any, x: Any, h: Any) -> Any:
    return abs(np.spacing(f(x))) / (2 * h)


@exercise(
    "1.5",
    "The rungs of the ladder",
    points=3,
    hints={
        "spacing at x": (
            "You took the spacing of the numbers near x.",
            "It is the values of f that are subtracted.",
            "Give the value of f to `np.spacing`.",
        ),
        "spacing at 1": (
            "You took the spacing of numbers near 1.",
            "f(x) need not be near 1: large numbers lie further apart.",
            "Use `np.spacing` of the value of f, instead of one eps for all.",
        ),
        "run": (
            "Twice too large.",
            "What does the centred formula divide by?",
            "The rung is one spacing over the run of two steps.",
        ),
        "not divided": (
            "This is the rung of the values of f, not of the slopes.",
            "What happens to a difference of values in the centred formula?",
            "Divide by what the formula divides by.",
        ),
        "sign": (
            "A distance is not negative.",
            "`np.spacing` of a negative number is negative.",
            "Take the absolute value.",
        ),
        "truncation": (
            "Truncation is the right arm of the V, where h is large.",
            "The truncation of the centred formula is about h**2: at h = 1e-12, that is 1e-24.",
            "Look at what is subtracted: which of its digits still differ?",
        ),
        "same number": (
            "Near x = 1 that happens only below 1e-16.",
            "You counted the numbers between sin(1) and sin(1 + 1e-12) above.",
            "The difference is not zero, but it consists of a few last digits only.",
        ),
        "division": (
            "A division is exact to the last digit, however small the divisor.",
            "The damage is done before the division; which operation comes first?",
            "Subtract two numbers that agree in twelve digits: how many are left?",
        ),
        "letter": (
            "One of the letters A, B, C, D is asked for.",
            "Write it in quotes.",
            'For example "A", but that is not the right one.',
        ),
    },
)
def too_small(rung: Any, why: Any, rng: np.random.Generator) -> Iterator[str]:
    """The spacing of f(x) over 2h, and cancellation as the reason."""
    shift = lambda c: _named(f"{c:g} + sin" if c else "sin", lambda x: c + np.sin(x))
    places = ((0.0, 0.7), (-50.0, 3.0), (1e6, 25.0), (-3e3, 1.3))
    inputs = [
        (shift(c), float(x + rng.uniform(-0.2, 0.2)), h) for c, x in places for h in (1e-12, 1e-3)
    ]
    known = {
        "spacing at x": lambda f, x, h: np.spacing(x) / (2 * h),
        "spacing at 1": lambda f, x, h: np.finfo(float).eps / (2 * h),
        "run": lambda f, x, h: 2 * _rung(f, x, h),
        "not divided": lambda f, x, h: abs(np.spacing(f(x))),
        "sign": lambda f, x, h: np.spacing(f(x)) / (2 * h),
    }
    # neighbours are compared in units far below the usual absolute tolerance
    same(rung, _rung, inputs, known=known, what="Your rung", atol=0.0)
    yield f"the rung for sin at 1 with h = 1e-12 is {_rung(np.sin, 1.0, 1e-12):.2e}"
    yield "and at random points of functions that are small, large and negative"
    letter = why.strip().upper() if isinstance(why, str) else why
    if letter != "C":
        mistakes = {"A": "truncation", "B": "same number", "D": "division"}
        mistake = mistakes.get(letter, "letter") if isinstance(letter, str) else "letter"
        raise Wrong(mistake, f"Your reason is {why!r}.", earned=2 / 3)
    yield "the reason: what is left of two nearly equal numbers is mostly rounding"


# -- 1.6 -------------------------------------------------------------------------------------------


@exercise(
    "1.6",
    "Six suspects",
    points=3,
    hints={
        "one step only": (
            "You judged by the error at h = 1e-5 alone.",
            "A strongly curved function, or a large offset, spoils a right formula there.",
            "Ask of each curve whether it keeps falling towards some h, or lies on a floor.",
        ),
        "all the same": (
            "Not all six are alike.",
            "Some curves are a V, some have a floor.",
            "Look for the curves that are flat over several decades of h.",
        ),
        "misses a plateau": (
            "A claim you call right is wrong.",
            "A floor can be low: an error of 5e-7 that is the same at every h is still a mistake.",
            "Look for decades of h over which the error does not change at all.",
        ),
        "accuses a V": (
            "A claim you call wrong is right.",
            "Its error is large at some steps, and becomes much smaller at others.",
            "If some h brings the error down along an arm, the rest is truncation or rounding.",
        ),
        "mixed up": (
            "Some of the right ones are called wrong, and some of the wrong ones right.",
            "Wrong: flat over decades of h. Right: always falling or rising with h.",
            "Print `sweep.h` and `sweep.error` for one suspect after the other.",
        ),
        "word": (
            'Each verdict is "right" or "wrong".',
            "Write the words in quotes.",
            "The keys are the names of the suspects, the values one of the two words.",
        ),
    },
)
def suspects(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """Three claims are right, three are wrong."""
    if not isinstance(answer, dict) or set(answer) != set(SUSPECTS):
        raise Wrong("type", f"verdict is a dict with the keys {', '.join(SUSPECTS)}.")
    if any(word is ... for word in answer.values()):
        raise YourTurn
    words = {name: str(word).strip().lower() for name, word in answer.items()}
    if not set(words.values()) <= {"right", "wrong"}:
        raise Wrong("word", f"Your verdicts are {', '.join(sorted(set(words.values())))}.")
    accused = {name for name, word in words.items() if word == "wrong"}
    missed, accused_falsely = WRONG - accused, accused - WRONG
    good = len(SUSPECTS) - len(missed) - len(accused_falsely)
    if good < len(SUSPECTS):
        known = {
            "all the same": len(accused) in (0, len(SUSPECTS)),
            "one step only": accused in (WRONG | {"A", "C"}, set("ABCF"), set("BF") | {"C"}),
            "misses a plateau": not accused_falsely,
            "accuses a V": not missed,
        }
        mistake = next((name for name, true in known.items() if true), "mixed up")
        earned = max(0, good - 3) / 3 * 2 / 3  # three of six is what a coin gives
        raise Wrong(mistake, f"{good} of 6 verdicts are right.", earned=earned)
    yield "three V, three plateaus: all six verdicts are right"
