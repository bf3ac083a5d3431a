"""Lesson 2: winners of a relu, and five checks of gradients that were fooled."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import gradcheck

from .compare import agrees, call, same
from .exercise import Wrong, exercise

__all__ = ["burn_in", "crossed", "dropout", "kinks", "sampling", "terms"]

Array = np.ndarray
Function = Callable[..., Any]


def _numeric(f: Function, x: Any, h: float = 1e-5) -> Any:
    return gradcheck.numerical_grad(f, x, method="central", step=h).value


def _error(a: Any, n: Any) -> float:
    largest = max(np.max(np.abs(a)), np.max(np.abs(n)))
    return float(np.max(np.abs(a - n)) / (largest if largest > 0 else 1))


# -- 2.1 -------------------------------------------------------------------------------------------


def _crossed(X: Array, W: Array, h: float, sides: tuple[int, ...] = (1, -1)) -> Array:
    """Moving W_ij by s h moves column j of X W by s h X_i."""
    Z = (X @ W)[:, None, :]
    moved = [Z + s * h * X[:, :, None] for s in sides]
    return np.any([np.any((M > 0) != (Z > 0), axis=0) for M in moved], axis=0)


def _never_moved_back(X: Array, W: Array, h: float) -> Array:
    """Each entry is moved, and stays moved while the next is tried."""
    first, W, result = X @ W > 0, W.copy(), np.zeros(W.shape, bool)
    for i in np.ndindex(W.shape):
        for step in (h, -2 * h):
            W[i] += step
            result[i] |= np.any((X @ W > 0) != first)
    return result


ONE_SIDE = (
    "You miss some kinks: those on one side.",
    "A centred difference steps to x + h and to x - h.",
    "Compare the winners after moving by +h, and again after moving by -h.",
)


@exercise(
    "2.1",
    "Track the winners",
    points=3,
    hints={
        "only +h": ONE_SIDE,
        "only -h": ONE_SIDE,
        "winners of W": (
            "You look at the signs of the weights.",
            "relu is applied to X W, so that is where the winners are.",
            "Compute the winners from the product of X and the moved weights.",
        ),
        "all moved together": (
            "You moved all weights at once.",
            "The question is asked of each weight alone.",
            "For each entry i, move W[i] in a fresh copy of W.",
        ),
        "not moved back": (
            "Some weights are still moved when the next is tried.",
            "After the first entry, W is not the W you were given.",
            "Take a fresh copy of W for every entry and every side.",
        ),
        "all examples": (
            "You ask for all entries to change their winner.",
            "One crossing is enough to spoil a slope.",
            "Use `any`, not `all`.",
        ),
        "inverted": (
            "True and False are exchanged.",
            "True stands for a crossing.",
            "A winner that differs from the unmoved one is a crossing: use !=.",
        ),
        "changed its input": (
            "Your function changed W or X: not all is as it was, to the last bit.",
            "W[i] + h - 2 * h + h is rounded three times, and need not be W[i].",
            "Move an entry of W.copy(), a fresh one each time.",
        ),
        "nothing crossed": (
            "You find no crossing anywhere.",
            "Do you compare two different arrays, or the same one twice?",
            "`V = W` does not copy: both names then mean one array. Use W.copy().",
        ),
    },
)
def crossed(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """For each weight: does a move by h to either side change a winner of relu(X W)?"""
    first = lambda X, W: X @ W > 0
    known = {
        "nothing crossed": lambda X, W, h: np.zeros(W.shape, bool),
        "only +h": lambda X, W, h: _crossed(X, W, h, (1,)),
        "only -h": lambda X, W, h: _crossed(X, W, h, (-1,)),
        "inverted": lambda X, W, h: ~_crossed(X, W, h),
        "winners of W": lambda X, W, h: ((W + h > 0) != (W > 0)) | ((W - h > 0) != (W > 0)),
        "all moved together": lambda X, W, h: np.full(
            W.shape, np.any([first(X, W + s * h) != first(X, W) for s in (1, -1)])
        ),
        "not moved back": _never_moved_back,
        "all examples": _all_examples,
    }
    shapes = [(1, 5, 4, 0.5), (3, 4, 3, 0.3), (4, 2, 6, 0.2), (2, 6, 5, 0.3)]
    shapes += [(1, 8, 9, 0.5), (2, 6, 9, 2.0), (3, 5, 8, 0.4), (5, 7, 6, 0.2)]
    inputs = [(rng.normal(size=(n, d)), rng.normal(size=(d, m)), h) for n, d, m, h in shapes]
    same(answer, _crossed, inputs, known=known, what="Your array")
    yield "eight layers of different shapes, one example and several"
    X, W = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    if np.any(call(answer, X, W, 1e-12)) and not np.any(_crossed(X, W, 1e-12)):
        raise Wrong("value", "With h = 1e-12 you still report crossings.")
    yield "a tiny step crosses nothing, and W is left as it was"


def _all_examples(X: Array, W: Array, h: float) -> Array:
    Z = (X @ W)[:, None, :]
    sides = [np.all(((Z + s * h * X[:, :, None]) > 0) != (Z > 0), axis=0) for s in (1, -1)]
    return sides[0] | sides[1]


# -- 2.2 -------------------------------------------------------------------------------------------

STEPS = (1e-5, 1e-6, 1e-7, 1e-8)
KINKED: dict[str, tuple[Function, Function, Function, float]] = {  # f, slope, winner, its kink
    "relu": (lambda x: max(x, 0.0), lambda x: float(x > 0), lambda x: x > 0, 0.0),
    "flat relu": (lambda x: 1e-3 * max(x, 0.0), lambda x: 1e-3 * (x > 0), lambda x: x > 0, 0.0),
    "|x|": (abs, lambda x: 1.0 if x > 0 else -1.0, lambda x: x > 0, 0.0),
    "hinge": (lambda x: max(0.0, 1 - x), lambda x: -float(x < 1), lambda x: 1 - x > 0, 1.0),
    "clip": (
        lambda x: min(max(x, -1.0), 1.0) + x * x,
        lambda x: float(-1 < x < 1) + 2 * x,
        lambda x: int(x > -1) + int(x > 1),
        -1.0,
    ),
}
HIGH = (lambda x: 1e6 + abs(x), KINKED["|x|"][1], KINKED["|x|"][2])  # small steps are too noisy


def _kink_check(
    f: Function,
    slope: Function,
    winner: Function,
    x: float,
    steps: tuple[float, ...] = STEPS,
    sides: tuple[int, ...] = (-1, 1),
    otherwise: str = "undecided",
) -> str:
    for h in steps:
        if all(winner(x + s * h) == winner(x) for s in sides):
            n = (f(x + h) - f(x - h)) / (2 * h)
            return "right" if gradcheck.relative_error(slope(x), n) < 1e-4 else "wrong"
    return otherwise


ONE_NEIGHBOUR = (
    "Some crossings escape you.",
    "The kink may lie to the left of x, or to the right.",
    "Compare three winners: those at x - h, x and x + h.",
)


@exercise(
    "2.2",
    "The check that trips over kinks",
    points=2,
    hints={
        "kinks ignored": (
            "A right derivative beside a kink is still called wrong.",
            "winner(x) says on which side of the kink a point lies.",
            "Judge only if winner is the same at x - h, x and x + h.",
        ),
        "kinks excused": (
            "You call everything right that lies near a kink, wrong derivatives too.",
            "A crossing says nothing about the slope, neither good nor bad.",
            "Try the next smaller step, and call it undecided when no step is left.",
        ),
        "kinks accused": (
            "You call everything wrong that lies on a kink.",
            "If no step fits, nothing was measured.",
            'Then the answer is "undecided".',
        ),
        "gives up at once": (
            "You say undecided where a smaller step would have fitted.",
            "At x = -1e-6, the step 1e-5 crosses the kink, and 1e-7 does not.",
            "Loop over the four steps, and give up only after the last.",
        ),
        "smallest step only": (
            "You always take the smallest step.",
            "It carries the most rounding, and on the kink it still crosses.",
            "Begin with 1e-5, and look at the winners before you judge.",
        ),
        "left neighbour only": ONE_NEIGHBOUR,
        "right neighbour only": ONE_NEIGHBOUR,
        "no word": (
            'A verdict is one of three words: "right", "wrong", "undecided".',
            "A comparison such as error < 1e-4 gives True or False.",
            "Turn it into a word with `if`, and return the word.",
        ),
        "verdict": (
            "This is not the verdict that was asked for.",
            "Go through the four steps by hand at this x: which is the first without a crossing?",
            "Judge by that step alone, with the tolerance 1e-4, and return one of the three words.",
        ),
    },
)
def kinks(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """Verdicts at points beside, on and far from kinks, for right and wrong derivatives."""
    inputs = []
    for f, slope, winner, kink in KINKED.values():
        near = [kink + side * d for side in (1, -1) for d in (4e-6, 3e-7, 2.5e-8)]
        for x in [*near, kink, kink + 0.3, kink - float(rng.uniform(0.2, 0.7))]:
            wrong = lambda x, slope=slope: 1.1 * slope(x) + 0.3
            unmasked = lambda x: 1.0
            near_miss = lambda x, slope=slope: 1.0005 * slope(x)
            inputs += [(f, claim, winner, x) for claim in (slope, wrong, near_miss, unmasked)]
    inputs += [(*HIGH, x) for x in (0.0, 0.4, -0.7)]
    variant = lambda **how: lambda *a: _kink_check(*a, **how)
    always = lambda *points: True
    known = {
        "kinks ignored": lambda f, s, w, x: _kink_check(f, s, always, x),
        "kinks excused": variant(steps=STEPS[:1], otherwise="right"),
        "kinks excused ": variant(otherwise="right"),
        "kinks accused": variant(otherwise="wrong"),
        "gives up at once": variant(steps=STEPS[:1]),
        "smallest step only": lambda f, s, w, x: _kink_check(f, s, always, x, steps=STEPS[-1:]),
        "smallest step only ": variant(steps=STEPS[-1:]),
        "smallest step only  ": variant(steps=STEPS[::-1]),
        "left neighbour only": variant(sides=(-1,)),
        "right neighbour only": variant(sides=(1,)),
    }
    try:
        same(answer, _kink_check, inputs, known=known, what="Your verdict")
    except Wrong as wrong:
        if wrong.mistake in ("nothing", "raised") or not callable(answer):
            raise
        mistake = "verdict" if wrong.mistake in ("value", "type") else wrong.mistake.strip()
        mistake = "no word" if isinstance(call(answer, *inputs[0]), bool | np.bool) else mistake
        raise Wrong(mistake, _where(answer, inputs)) from None
    yield f"{len(inputs)} verdicts, beside, on and far from kinks of {', '.join(KINKED)}"


def _where(answer: Any, inputs: list[tuple[Any, ...]]) -> str:
    """The first verdict that differs, in words."""
    names = {f: name for name, (f, *_) in KINKED.items()} | {HIGH[0]: "1e6 + |x|"}
    for f, slope, winner, x in inputs:
        got, want = call(answer, f, slope, winner, x), _kink_check(f, slope, winner, x)
        if got != want:
            right = "right" if slope in [s for _, s, *_ in KINKED.values()] else "wrong"
            return f"For {names[f]} at x = {x!r} with a {right} derivative you say {got!r}."
    return ""


# -- 2.3 -------------------------------------------------------------------------------------------


class Witness:
    """A random function that remembers the states of the generators it was given."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.states: list[int] = []

    def __call__(self, x: Any, rng: Any) -> Any:
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"the second argument must be a generator, got {type(rng).__name__}")
        self.states.append(rng.bit_generator.state["state"]["state"])
        return self.f(x, rng)


def _keep(x: Array, rng: np.random.Generator) -> Array:
    return (rng.random(x.shape) < 0.6) / 0.6


def _random_loss(x: Array, rng: np.random.Generator) -> float:
    return float(np.sum(np.sin(2 * x) * _keep(x, rng)))


def _random_slope(x: Array, rng: np.random.Generator) -> Array:
    return 2 * np.cos(2 * x) * _keep(x, rng)


@exercise(
    "2.3",
    "The check of something random",
    points=2,
    hints={
        "one generator": (
            "The evaluations of loss still see different random numbers.",
            "A generator moves on with every number it draws; its seed counts only at its birth.",
            "Make a new generator, with the same seed, for every single call of loss.",
        ),
        "gradient not seeded": (
            "loss sees the same numbers each time; gradient sees others.",
            "The analytic side draws a random half, too.",
            "Give gradient a new generator with the same seed.",
        ),
        "seed ignored": (
            "All evaluations see the same numbers, but not those of the seed that was asked for.",
            "seed is an argument.",
            "Use the name seed where you make the generators.",
        ),
        "always small": (
            "You report a small error for a wrong gradient.",
            "What do you compare with what?",
            "Return the error between the gradient's result and the measured slopes.",
        ),
        "not a number of the error": (
            "The seeds are right; the number that you return is not.",
            "The naive check returned the right kind of number.",
            "Keep its last line, and change only where the generators come from.",
        ),
    },
)
def dropout(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """Fresh generators from one seed for every evaluation, the analytic one included."""
    x = rng.uniform(-0.6, 0.6, 8)
    for seed in (3, int(rng.integers(10_000))):
        loss, gradient = Witness(_random_loss), Witness(_random_slope)
        found = call(answer, loss, gradient, x, seed)
        _same_numbers(loss, gradient, seed)
        if not agrees(found, 0.0, atol=1e-6):
            kind = "nothing" if found is None else "not a number of the error"
            raise Wrong(kind, f"For a right gradient you return {found}.")
    yield "every evaluation sees the same random numbers, and a right gradient has error 0"
    for k in (0.9, 1.3):
        wrong = lambda x, rng, k=k: k * _random_slope(x, rng)
        found = call(answer, Witness(_random_loss), Witness(wrong), x, 5)
        want = abs(1 - k) / max(1, k)
        if not agrees(found, want, rtol=1e-3):
            small = agrees(found, 0.0, atol=1e-3)
            mistake = "always small" if small else "not a number of the error"
            raise Wrong(mistake, f"For a gradient multiplied by {k} you return {found}.")
    yield "wrong gradients are found, each with its error"


def _same_numbers(loss: Witness, gradient: Witness, seed: int) -> None:
    """Whether all calls began at one state, that of the seed."""
    if not loss.states or not gradient.states:
        missing = "loss" if gradient.states else "gradient"
        raise Wrong("always small", f"{missing} was never called.")
    if len(set(loss.states)) > 1:
        raise Wrong("one generator", f"{len(set(loss.states))} different random states in loss.")
    if set(gradient.states) != set(loss.states):
        raise Wrong("gradient not seeded")
    if loss.states[0] != np.random.default_rng(seed).bit_generator.state["state"]["state"]:
        raise Wrong("seed ignored", f"seed = {seed} was asked for.")


# -- 2.4 -------------------------------------------------------------------------------------------


def _split(data: Function, reg: Function, w: Array) -> tuple[float, float, float]:
    apart = [_error(f(w)[1], _numeric(lambda w, f=f: f(w)[0], w)) for f in (data, reg)]
    return apart[0], apart[1], float(np.linalg.norm(reg(w)[1]) / np.linalg.norm(data(w)[1]))


def _together(data: Function, reg: Function, w: Array) -> float:
    return _error(data(w)[1] + reg(w)[1], _numeric(lambda w: data(w)[0] + reg(w)[0], w))


def _ridge_problem(
    rng: np.random.Generator, alpha: float, k: float, m: float
) -> tuple[Function, Function, Array]:
    """Data and regularisation terms whose gradients are k and m times too large."""
    X = rng.normal(size=(6, 4))
    data = lambda w: (np.mean(np.sin(X @ w)), k * np.cos(X @ w) @ X / 6)
    reg = lambda w: (alpha / 2 * w @ w, m * alpha * w)
    data.__name__, reg.__name__ = "data", "reg"
    return data, reg, rng.normal(size=4)


@exercise(
    "2.4",
    "The check that listens to the sum",
    points=2,
    hints={
        "still the sum": (
            "Both errors are still those of the sum.",
            "In a sum, the louder term decides.",
            "Measure the loss of one term, and compare it with the gradient of that term alone.",
        ),
        "swapped": (
            "The two errors have changed places.",
            "The order is: data, reg, ratio.",
            "Exchange the first two of what you return.",
        ),
        "ratio upside down": (
            "The errors are right; the ratio is upside down.",
            "It is large when regularisation is loud.",
            "The length of reg's gradient goes into the numerator.",
        ),
        "ratio of losses": (
            "The errors are right; the ratio is that of the losses.",
            "A loss may be large and flat. What competes in the check are the gradients.",
            "Use the second element of what data(w) and reg(w) return.",
        ),
        "ratio of sums": (
            "The errors are right; the ratio is not one of lengths.",
            "Slopes of both signs cancel in a sum.",
            "Use np.linalg.norm of each gradient.",
        ),
        "not the loss alone": (
            "You measure slopes of what is not one number.",
            "data(w) is a pair: the loss and its gradient. Which of the two are the slopes of?",
            "Give `numeric` a function that returns the first element of the pair only.",
        ),
        "by subtraction": (
            "You get the data term as the sum minus reg.",
            "Subtracting a large number from a large number keeps few digits (lesson 1).",
            "Call data by itself, and never the sum.",
        ),
    },
)
def terms(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """The errors of the two terms apart, and the ratio of the norms of their gradients."""
    cases = [(1e4, 1.1, 1.0), (1e-9, 1.0, 1.2), (1e8, 1.0, 1.0), (0.1, 0.8, 1.5)]
    inputs = [_ridge_problem(rng, *case) for case in cases]
    norm = np.linalg.norm

    def changed(ratio: Function) -> Function:
        return lambda data, reg, w: (*_split(data, reg, w)[:2], ratio(data(w), reg(w)))

    def swapped(data: Function, reg: Function, w: Array) -> tuple[float, ...]:
        first, second, ratio = _split(data, reg, w)
        return second, first, ratio

    def of_pairs(data: Function, reg: Function, w: Array) -> tuple[float, ...]:
        errors = [_error(f(w)[1], _numeric(f, w)) for f in (data, reg)]
        return *errors, _split(data, reg, w)[2]

    def sums(data: Function, reg: Function, w: Array) -> tuple[float, ...]:
        return (_together(data, reg, w),) * 2 + (_split(data, reg, w)[2],)

    known = {
        "still the sum": sums,
        "not the loss alone": of_pairs,
        "swapped": swapped,
        "ratio upside down": changed(lambda d, r: norm(d[1]) / norm(r[1])),
        "ratio of losses": changed(lambda d, r: r[0] / d[0]),
        "ratio of losses ": changed(lambda d, r: abs(r[0] / d[0])),
        "ratio of sums": changed(lambda d, r: np.sum(r[1]) / np.sum(d[1])),
        "ratio of sums ": changed(lambda d, r: np.sum(abs(r[1])) / np.sum(abs(d[1]))),
    }
    try:
        same(answer, _split, inputs, known=known, rtol=1e-3, atol=1e-6)
    except Wrong as wrong:
        mistake = wrong.mistake.strip()
        mistake = "by subtraction" if mistake == "value" and _noisy(answer, rng) else mistake
        raise Wrong(mistake, wrong.seen) from None
    yield "a data gradient 10 % off is found beside a regularisation of strength 10,000"
    yield "a regularisation gradient 20 % off is found at a strength of 1e-9"
    yield "right gradients pass, and the ratio of their lengths is right"


def _noisy(answer: Any, rng: np.random.Generator) -> bool:
    """Right while both terms are of a size, and wrong where one is loud?"""
    quiet, loud = _ridge_problem(rng, 1.0, 1.0, 1.0), _ridge_problem(rng, 1e8, 1.0, 1.0)
    close = lambda case: agrees(call(answer, *case), _split(*case), rtol=1e-3, atol=1e-6)
    return close(quiet) and not close(loud)


# -- 2.5 -------------------------------------------------------------------------------------------

Params = Mapping[str, Array]


def _worst(loss: Function, params: Params) -> float:
    def one(name: str) -> float:
        f = lambda p: loss({**params, name: p})[0]
        return _error(loss(params)[1][name], _numeric(f, params[name]))

    return max(one(name) for name in params)


def _trained(loss: Function, params: Params, steps: int, lr: float, frozen: bool = False) -> Params:
    first = loss(params)[1]
    for _ in range(steps):
        g = first if frozen else loss(params)[1]
        params = {name: p - lr * g[name] for name, p in params.items()}
    return params


def _one_after_another(loss: Function, params: Params, steps: int, lr: float) -> Params:
    for _ in range(steps):
        for name in params:
            params = {**params, name: params[name] - lr * loss(params)[1][name]}
    return params


def _early_and_late(loss: Function, params: Params, steps: int, lr: float) -> tuple[float, float]:
    return _worst(loss, params), _worst(loss, _trained(loss, params, steps, lr))


def _two_layers(rng: np.random.Generator, right: bool) -> tuple[Function, dict[str, Array]]:
    """A loss whose gradient of W, if not right, lacks the slope of tanh; zero at the start."""
    X, t = rng.normal(size=(6, 3)), rng.normal(size=6)

    def loss(p: Params) -> tuple[float, dict[str, Array]]:
        h = np.tanh(X @ p["W"])
        r = h @ p["v"] - t
        dh = np.outer(r, p["v"]) / len(t) * ((1 - h**2) if right else 1)
        return float(0.5 * np.mean(r**2)), {"W": X.T @ dh, "v": h.T @ r / len(t)}

    return loss, {"W": rng.normal(size=(3, 4)), "v": np.zeros(4)}


@exercise(
    "2.5",
    "The check that comes too early",
    points=3,
    hints={
        "never trained": (
            "Both errors are those at the start.",
            "The second one belongs to the parameters after training.",
            "Give `worst` the trained parameters, not params again.",
        ),
        "uphill": (
            "Your training goes uphill.",
            "The gradient points to where the loss grows.",
            "Subtract lr times the gradient.",
        ),
        "one step": (
            "You took one step.",
            "steps is an argument.",
            "Repeat the step `steps` times.",
        ),
        "old gradient": (
            "Every step uses the gradient of the start.",
            "The gradient changes when the parameters do.",
            "Call loss again inside the loop, with the parameters of that moment.",
        ),
        "one after another": (
            "The parameters move one after another, each by a gradient of its own moment.",
            "When the second parameter moves, the first has moved already.",
            "Call loss once at the beginning of each step, and use its gradients for all.",
        ),
        "one step too many": (
            "You took one step more, or one less, than asked for.",
            "range(steps) makes steps rounds.",
            "Count your rounds with steps = 1.",
        ),
        "without lr": (
            "Your steps have another length than asked for.",
            "A step is lr times the gradient.",
            "Multiply by lr.",
        ),
        "trained in place": (
            "The caller's parameters were trained, too.",
            "`p -= ...` writes into the caller's array, `params[name] = ...` into the dict.",
            "Build a new dict with new arrays in every step.",
        ),
        "order": (
            "The two errors have changed places.",
            "First the one at the start.",
            "Exchange what you return.",
        ),
    },
)
def burn_in(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """The worst errors at params and after `steps` steps of descent on a copy."""
    inputs = [
        (*_two_layers(rng, right=False), 6, 0.3),
        (*_two_layers(rng, right=False), 3, 0.5),
        (*_two_layers(rng, right=True), 4, 0.2),
    ]

    def late(change: Function) -> Function:
        return lambda f, p, k, lr: (_worst(f, p), _worst(f, change(f, p, k, lr)))

    known = {
        "never trained": late(lambda f, p, k, lr: p),
        "uphill": late(lambda f, p, k, lr: _trained(f, p, k, -lr)),
        "one step": late(lambda f, p, k, lr: _trained(f, p, 1, lr)),
        "old gradient": late(lambda f, p, k, lr: _trained(f, p, k, lr, frozen=True)),
        "one after another": late(_one_after_another),
        "one step too many": late(lambda f, p, k, lr: _trained(f, p, k + 1, lr)),
        "one step too many ": late(lambda f, p, k, lr: _trained(f, p, k - 1, lr)),
        "without lr": late(lambda f, p, k, lr: _trained(f, p, k, 1.0)),
        "order": lambda *a: _early_and_late(*a)[::-1],
    }
    for loss, params, steps, lr in inputs:
        lent = copy.deepcopy(params)
        call(answer, loss, lent, steps, lr)
        if set(lent) != set(params) or any(not np.array_equal(lent[k], params[k]) for k in params):
            raise Wrong("trained in place")
    try:
        same(answer, _early_and_late, inputs, known=known, rtol=1e-4, atol=1e-6)
    except Wrong as wrong:
        raise Wrong(wrong.mistake.strip(), _seen_at(answer, inputs)) from None
    yield "a mistake that is zero at the start is found after a few steps"
    yield "a right gradient passes both times; the caller's parameters are as they were"


def _seen_at(answer: Any, inputs: list[tuple[Any, ...]]) -> str:
    """What was returned for the first problem, and what was expected."""
    got, want = call(answer, *copy.deepcopy(inputs[0])), _early_and_late(*inputs[0])
    numbers = agrees(got, want, atol=1e300)  # of whatever size
    shown = f"({got[0]:.3g}, {got[1]:.3g})" if numbers else repr(got)
    return f"You return {shown}; ({want[0]:.3g}, {want[1]:.3g}) was expected."


# -- 2.6 -------------------------------------------------------------------------------------------


class Layer:
    """softmax(x W) + b, which remembers which entries were moved and which upstreams it met."""

    def __init__(self, rng: np.random.Generator, faulty: str = "") -> None:
        self.x, self.faulty = rng.normal(size=(5, 3)), faulty
        self.params = {
            "W": rng.normal(size=(3, 4)),
            "s": rng.uniform(1, 2, (6, 4)),
            "b": rng.normal(size=4),
        }
        self.moved: dict[str, set[tuple[int, ...]]] = {name: set() for name in self.params}
        self.upstreams: list[Array] = []

    def forward(self, params: Params) -> tuple[Array, Any]:
        """The output, and what backward needs; notes where params differ from the original."""
        for name, p in params.items():
            self.moved[name].update(map(tuple, np.argwhere(p != self.params[name]).tolist()))
        e = np.exp(self.x @ params["W"])
        y = e / e.sum(axis=1, keepdims=True)
        return np.concatenate([y, np.sin(params["s"]), params["b"][None] ** 2]), (y, dict(params))

    def backward(self, g: Array, cache: Any) -> dict[str, Array]:
        """Right but for the parameter that is named faulty."""
        y, params = cache
        self.upstreams.append(np.array(g))
        d, ds, db = np.split(np.asarray(g), [5, 11])
        gradients = {
            "W": self.x.T @ (y * (d - np.sum(d * y, axis=1, keepdims=True))),
            "s": ds * np.cos(params["s"]),
            "b": 2 * params["b"] * db[0],
        }
        return {k: 0 * v if k == self.faulty else v for k, v in gradients.items()}


NOT_RANDOM = (
    "The upstream is not drawn from rng.",
    "Two runs with different generators should use different upstreams.",
    "Draw an array of the shape of the output with `rng.normal`.",
)


@exercise(
    "2.6",
    "The check that looks in one place",
    points=3,
    hints={
        "ones": (
            "A backward that returns zeros still passes: your upstream is the same everywhere.",
            "The sum of a softmax is constant.",
            "Draw the upstream with `rng.normal`, in the shape of the output.",
        ),
        "upstream not random": NOT_RANDOM,
        "one sign": (
            "Your upstream has one sign only.",
            "Sums over positive numbers hide what differences would show.",
            "A normal distribution has both signs.",
        ),
        "two upstreams": (
            "backward and the measured slope use different upstreams.",
            "They must differentiate the same sum.",
            "Draw g once, and hand it to both.",
        ),
        "missing parameters": (
            "Not every parameter is in your dict.",
            "Each parameter gets its own entries.",
            "Loop over params.items(), and fill the dict in the loop.",
        ),
        "too few": (
            "Some parameter has fewer entries checked than asked for.",
            "Drawing with repetition, or from all parameters in one heap, loses some.",
            "For each parameter: min(k, p.size) different entries.",
        ),
        "too many": (
            "More entries are measured than asked for.",
            "Each measurement costs two evaluations of the whole network.",
            "Measure only the entries that were drawn.",
        ),
        "first entries": (
            "Every run looks at the same entries.",
            "A mistake elsewhere is never found, however often you run the check.",
            "Draw the entries with `rng.choice`.",
        ),
        "not from rng": (
            "Two runs with the same generator look at different entries.",
            "Whoever gives you rng wants to be able to repeat the run.",
            "Draw with rng, and with no generator of your own.",
        ),
        "changed its parameters": (
            "The caller's parameters have other values afterwards.",
            "Work on copies, or let `slope` do the moving: it copies.",
            "Do not assign to params, nor to its arrays.",
        ),
        "errors": (
            "The entries and the upstream are well chosen; the errors are not what they should be.",
            "Compare the gradient at the drawn entries with the slopes at the same entries.",
            "Collect both in arrays, in the same order, and give them to `error`.",
        ),
        "misses a fault": (
            "A wrong gradient of one parameter is not found.",
            "Is each error computed from that parameter's own entries?",
            "Look up the gradient by the name of the parameter.",
        ),
    },
)
def sampling(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """k random entries of every parameter, under a random upstream."""
    layers = [Layer(rng) for _ in range(3)]
    results = [_sample(answer, layer, 4, seed) for seed, layer in enumerate(layers)]
    for layer, found in zip(layers, results, strict=True):
        _entries(layer, found, 4)
    yield "every parameter has its share of different entries"
    if all(layer.moved == layers[0].moved for layer in layers):
        raise Wrong("first entries")
    again = Layer(rng)
    again.params = layers[0].params
    _sample(answer, again, 4, 0)
    if again.moved != layers[0].moved:
        raise Wrong("not from rng")
    yield "other entries with every generator, the same with the same"
    _upstreams(layers)
    yield "a random upstream of both signs"
    for found in results:
        if not all(agrees(e, 0.0, atol=1e-5) for e in found.values()):
            raise Wrong(_why(answer), f"For right gradients the errors are {_list(found)}.")
    for faulty in layers[0].params:
        found = _sample(answer, Layer(rng, faulty), 30, 7)
        for name, e in found.items():
            if not agrees(e, float(name == faulty), atol=1e-5):
                mistake = "misses a fault" if name == faulty else "errors"
                raise Wrong(mistake, f"{faulty} has a gradient of zeros; you find {_list(found)}.")
    yield "a gradient of zeros is found in each parameter, and nowhere else"


def _sample(answer: Any, layer: Layer, k: int, seed: int) -> dict[str, Any]:
    """The answer's errors on a layer that watches."""
    lent = {name: p.copy() for name, p in layer.params.items()}
    generator = np.random.default_rng(seed)
    found = call(answer, layer.forward, layer.backward, lent, k, generator)
    if found is None:
        raise Wrong("nothing")
    if any(not np.array_equal(lent.get(k, ()), p) for k, p in layer.params.items()):
        raise Wrong("changed its parameters")
    if not isinstance(found, dict):
        raise Wrong("type", f"A dict is needed, and this is a {type(found).__name__}.")
    if set(found) != set(layer.params):
        raise Wrong("missing parameters", f"The keys are {', '.join(map(str, found))}.")
    return found


def _entries(layer: Layer, found: dict[str, Any], k: int) -> None:
    for name, p in layer.params.items():
        count, wanted = len(layer.moved[name]), min(k, p.size)
        if count != wanted:
            seen = f"{name}, of {p.size} entries: {count} were measured; {wanted} were asked for."
            raise Wrong("too few" if count < wanted else "too many", seen)


def _upstreams(layers: list[Layer]) -> None:
    if not all(layer.upstreams for layer in layers):
        raise Wrong("errors", "backward was never called.")
    first = [layer.upstreams[0] for layer in layers]
    if all(np.ptp(g) == 0 for g in first):
        raise Wrong("ones")
    if np.array_equal(first[0], first[1]):
        raise Wrong("upstream not random")
    if all(np.all(g >= 0) for g in first):
        raise Wrong("one sign")


def _why(answer: Any) -> str:
    """Errors of right gradients: because two upstreams were drawn?"""
    layer = Layer(np.random.default_rng(0))
    draws: list[Array] = []

    class Counting(np.random.Generator):
        def normal(self, *args: Any, **kwargs: Any) -> Any:
            draws.append(result := super().normal(*args, **kwargs))
            return result

    generator = Counting(np.random.PCG64(0))
    call(answer, layer.forward, layer.backward, dict(layer.params), 2, generator)
    return "two upstreams" if sum(np.shape(g) == (12, 4) for g in draws) > 1 else "errors"


def _list(found: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {float(np.max(e)):.2g}" for name, e in found.items())
