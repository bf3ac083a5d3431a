"""Lesson 10: Adagrad, RMSprop and Adam by hand; epsilon; the saddle; how far Adam can step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import hints_10 as hints
from .compare import call, expect, same
from .exercise import Wrong, exercise

__all__ = ["adagrad", "adam", "epsilon", "long_step", "longest_step", "rmsprop", "saddle"]

Array = np.ndarray
State = tuple[Array, ...]


# -- 10.1 ----------------------------------------------------------------------------------------


def _adagrad(x: Array, g: Array, cache: Array, lr: float, eps: float, power: float) -> State:
    cache = cache + g**2
    return x - lr * g / (cache**power + eps), cache


@exercise(
    "10.1",
    "Adagrad",
    points=2,
    hints=hints.ADAGRAD,
)
def adagrad(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """x - lr g / (cache^power + eps) with cache + g^2."""

    def inputs(power: float) -> list[tuple[Any, ...]]:
        return [
            (rng.normal(size=n), rng.normal(size=n), rng.random(n), 0.1, 0.01, power)
            for n in (1, 3, 5)
        ]

    same(
        answer,
        _adagrad,
        inputs(0.5),
        known={
            "uphill": lambda x, g, c, lr, eps, p: (
                x + lr * g / (np.sqrt(c + g**2) + eps),
                c + g**2,
            ),
            "old cache": lambda x, g, c, lr, eps, p: (x - lr * g / (np.sqrt(c) + eps), c + g**2),
            "epsilon inside": lambda x, g, c, lr, eps, p: (
                x - lr * g / np.sqrt(c + g**2 + eps),
                c + g**2,
            ),
            "cache not summed": lambda x, g, c, lr, eps, p: (x - lr * g / (abs(g) + eps), g**2),
            "not squared": lambda x, g, c, lr, eps, p: (
                x - lr * g / (np.abs(c + g) ** p + eps),
                c + g,
            ),
            "epsilon loose": lambda x, g, c, lr, eps, p: (
                x - lr * g / np.sqrt(c + g**2) + eps,
                c + g**2,
            ),
        },
    )
    yield "x and the cache are right on random vectors"
    same(
        answer,
        _adagrad,
        inputs(1.0),
        known={"power ignored": lambda x, g, c, lr, eps, p: _adagrad(x, g, c, lr, eps, 0.5)},
    )
    yield "power=1 leaves the root away"


# -- 10.2 ----------------------------------------------------------------------------------------


def _rmsprop(x: Array, g: Array, cache: Array, lr: float, decay: float, eps: float) -> State:
    cache = decay * cache + (1 - decay) * g**2
    return x - lr * g / (np.sqrt(cache) + eps), cache


def _average(c: Array, g: Array, d: float) -> Array:
    return d * c + (1 - d) * g**2


def _with_cache(new: Callable[..., Array]) -> Callable[..., State]:
    """RMSprop with another cache."""

    def step(x: Array, g: Array, c: Array, lr: float, d: float, eps: float) -> State:
        return x - lr * g / (np.sqrt(new(c, g, d)) + eps), new(c, g, d)

    return step


def _with_divisor(divisor: Callable[..., Array], sign: int = -1) -> Callable[..., State]:
    """RMSprop with another divisor, of the old cache c and the new one."""

    def step(x: Array, g: Array, c: Array, lr: float, d: float, eps: float) -> State:
        return x + sign * lr * g / divisor(c, _average(c, g, d), eps), _average(c, g, d)

    return step


WRONG_RMSPROP = {
    "weights swapped": _with_cache(lambda c, g, d: (1 - d) * c + d * g**2),
    "a sum": _with_cache(lambda c, g, d: c + g**2),
    "no second factor": _with_cache(lambda c, g, d: d * c + g**2),
    "uphill": _with_divisor(lambda old, new, eps: np.sqrt(new) + eps, sign=1),
    "old cache": _with_divisor(lambda old, new, eps: np.sqrt(old) + eps),
    "epsilon inside": _with_divisor(lambda old, new, eps: np.sqrt(new + eps)),
    "no root": _with_divisor(lambda old, new, eps: new + eps),
    "epsilon loose": lambda x, g, c, lr, d, eps: (
        _rmsprop(x, g, c, lr, d, 0)[0] + eps,
        _average(c, g, d),
    ),
}


@exercise(
    "10.2",
    "RMSprop",
    points=2,
    hints=hints.RMSPROP,
)
def rmsprop(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """x - lr g / (sqrt(cache) + eps) with decay cache + (1 - decay) g^2; the published vectors."""
    inputs = [
        (rng.normal(size=n), rng.normal(size=n), rng.random(n), 0.1, d, 0.01)
        for n, d in ((1, 0.9), (4, 0.99), (3, 0.7))
    ]
    same(answer, _rmsprop, inputs, known=WRONG_RMSPROP)
    yield "x and the cache are right on random vectors"
    w, dw, cache = _published()
    expect(
        call(answer, w, dw, cache, 1e-2, 0.99, 1e-8)[0][0],
        np.array([-0.39223849, -0.34037513, -0.28849239, -0.23659121, -0.18467247]),
        atol=1e-7,
    )
    yield "one step gives the vector that the Stanford course CS231n published"


def _published() -> tuple[Array, Array, Array]:
    """w, dw and the second moment of CS231n's optimizer tests, 4 x 5."""
    n = (4, 5)
    return (
        np.linspace(-0.4, 0.6, 20).reshape(n),
        np.linspace(-0.6, 0.4, 20).reshape(n),
        np.linspace(0.6, 0.9, 20).reshape(n),
    )


# -- 10.3 ----------------------------------------------------------------------------------------

Moments = tuple[Array, Array, Array, int]


def _adam(
    x: Array,
    g: Array,
    m: Array,
    v: Array,
    t: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    *,
    count: int = 1,
    corrected: bool = True,
    place: str = "outside",
    square: bool = True,
) -> Moments:
    """Adam, and the ways to get it wrong."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g**2 if square else g)
    with np.errstate(all="ignore"):
        k = t + count
        c1, c2 = (1 - beta1**k, 1 - beta2**k) if corrected else (1.0, 1.0)
        root = {
            "outside": np.sqrt(np.abs(v) / c2) + eps,
            "inside": np.sqrt(np.abs(v) / c2 + eps),
            "before": (np.sqrt(np.abs(v)) + eps) / np.sqrt(c2),
            "nowhere": np.sqrt(np.abs(v) / c2),
        }[place]
        return x - lr * (m / c1) / root, m, v, t + 1


def _variant(**changes: Any) -> Callable[..., Moments]:
    return lambda *inputs: _adam(*inputs, **changes)


def _swapped(x, g, m, v, t, lr, b1, b2, eps):  # type: ignore[no-untyped-def]
    return _adam(x, g, m, v, t, lr, b2, b1, eps)


def _stored(x, g, m, v, t, lr, b1, b2, eps):  # type: ignore[no-untyped-def]
    x, m, v, t = _adam(x, g, m, v, t, lr, b1, b2, eps)
    return x, m / (1 - b1**t), v / (1 - b2**t), t


def _uphill(x, *rest):  # type: ignore[no-untyped-def]
    new, *state = _adam(x, *rest)
    return 2 * x - new, *state


def _loose(x, g, m, v, t, lr, b1, b2, eps):  # type: ignore[no-untyped-def]
    x, *state = _adam(x, g, m, v, t, lr, b1, b2, eps, place="nowhere")
    return x + eps, *state


def _uncounted(x, g, m, v, t, *settings, **changes):  # type: ignore[no-untyped-def]
    return (*_adam(x, g, m, v, t, *settings, **changes)[:3], t)


WRONG_ADAM = {
    "counted too late": _variant(count=0),
    "t not counted": _uncounted,
    "not corrected": _variant(corrected=False),
    "corrections stored": _stored,
    "betas swapped": _swapped,
    "epsilon inside": _variant(place="inside"),
    "epsilon before": _variant(place="before"),
    "not squared": _variant(square=False),
    "uphill": _uphill,
    "epsilon loose": _loose,
}
LATE_TWICE = {"counted too late": lambda *inputs: _uncounted(*inputs, count=0)}


@exercise(
    "10.3",
    "Adam",
    points=3,
    hints=hints.ADAM,
)
def adam(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """Algorithm 1 of Kingma and Ba; the published vectors, t = 5 on entry."""
    inputs = [
        (
            rng.normal(size=n),
            rng.normal(size=n),
            rng.normal(size=n),
            rng.random(n),
            t,
            0.1,
            0.8,
            0.95,
            0.01,
        )
        for n, t in ((1, 1), (4, 3), (3, 20))
    ]

    first = [(x, g, 0 * m, 0 * v, 0, *rest) for x, g, m, v, _, *rest in inputs[:1]]
    try:
        same(answer, _adam, inputs, known=WRONG_ADAM)
    except Wrong as wrong:
        if wrong.mistake == "value":  # two of them at once is a common pair
            same(answer, _adam, inputs, known=LATE_TWICE)
        raise
    yield "x, m, v and t are right on random vectors"
    same(answer, _adam, first, known=WRONG_ADAM)
    yield "the first step, from m = v = 0 and t = 0, is right"
    w, dw, rising = _published()
    falling = np.linspace(0.7, 0.5, 20).reshape(4, 5)
    expect(
        call(answer, w, dw, rising, falling, 5, 1e-2, 0.9, 0.999, 1e-8)[0][0],
        np.array([-0.40094747, -0.34836187, -0.29577703, -0.24319299, -0.19060977]),
        atol=1e-7,
    )
    yield "one step gives the vector that CS231n published"


# -- 10.4 ----------------------------------------------------------------------------------------

STEPS = {  # name: (change of x for gradient g and cache s, whether eps is in the wrong place)
    "-lr * g / (sqrt(s) + eps)": (lambda g, s, lr, eps: -lr * g / (np.sqrt(s) + eps), False),
    "-lr * g / sqrt(s + eps)": (lambda g, s, lr, eps: -lr * g / np.sqrt(s + eps), False),
    "-lr * g / sqrt(s + eps**2)": (lambda g, s, lr, eps: -lr * g / np.sqrt(s + eps**2), False),
    "-lr * g / sqrt(s) + eps": (lambda g, s, lr, eps: -lr * g / np.sqrt(s) + eps, True),
    "-lr * (g / sqrt(s) + eps)": (lambda g, s, lr, eps: -lr * (g / np.sqrt(s) + eps), True),
}


@exercise(
    "10.4",
    "Epsilon on the loose",
    points=2,
    hints=hints.EPSILON,
)
def epsilon(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """A function that tells rules whose eps moves x from those whose eps only guards a division."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a cache of 0 is a fair question
        said = {name: bool(call(answer, step)) for name, (step, _) in STEPS.items()}
    for name, (_, faulty) in STEPS.items():
        if said[name] == faulty:
            continue
        if len(set(said.values())) == 1:
            raise Wrong("always true" if said[name] else "always false")
        raise Wrong("misses one" if faulty else "accuses a variant", f"It is about {name}.")
    yield f"{len(STEPS)} rules told apart: three right conventions, two misplaced eps"


# -- 10.5 ----------------------------------------------------------------------------------------

REASONS = {"SGD": "C", "Adagrad": "A", "RMSprop": "B", "y0 = 0": "D"}


def _escape(lr: float, y0: float) -> float:
    """The first t at which |(1 + 2 lr)^t y0| > 1."""
    return math.inf if y0 == 0 else math.floor(-math.log(abs(y0)) / math.log1p(2 * lr)) + 1


@exercise(
    "10.5",
    "Off the saddle",
    points=3,
    hints=hints.SADDLE,
)
def saddle(steps: Any, reasons: Any, rng: np.random.Generator) -> Iterator[str]:
    """The closed form of plain descent, and why the others take what they take."""
    log = math.log

    def guarded(formula: Any) -> Any:
        return lambda lr, y0: math.inf if y0 == 0 else formula(lr, abs(y0))

    inputs = [
        (float(10 ** rng.uniform(-3, -1)), float(10 ** rng.uniform(-13, -2))) for _ in range(8)
    ]
    same(
        steps,
        _escape,
        [(0.01, 1e-6), (0.01, 1e-12), *inputs],
        known={
            "rounded down": guarded(lambda lr, y: math.floor(log(1 / y) / log(1 + 2 * lr))),
            "curvature 1": guarded(lambda lr, y: math.ceil(log(1 / y) / log(1 + lr))),
            "continuous": guarded(lambda lr, y: math.ceil(log(1 / y) / (2 * lr))),
            "shrinks": guarded(lambda lr, y: math.ceil(log(1 / y) / log(1 - 2 * lr))),
            "not whole": guarded(lambda lr, y: log(1 / y) / log(1 + 2 * lr)),
        },
    )
    yield "the steps of plain descent are right for ten rates and starts: 698 and 1396 among them"
    if any(_number(steps, 0.01, -y0) != _escape(0.01, y0) for y0 in (1e-6, 1e-3)):
        raise Wrong("sign")
    if _number(steps, 0.01, 0.0) != math.inf:
        raise Wrong("zero")
    yield "negative starts and y0 = 0 are right"
    if not isinstance(reasons, dict) or set(reasons) != set(REASONS):
        raise Wrong("type", f"The reasons are a dict with the keys {', '.join(REASONS)}.")
    wrong = [
        name for name, letter in REASONS.items() if str(reasons[name]).strip().upper() != letter
    ]
    if wrong:
        raise Wrong("reasons", f"{4 - len(wrong)} of 4 reasons are right.", earned=2 / 3)
    yield "all four reasons are right"


def _number(steps: Any, lr: float, y0: float) -> float | None:
    """What the answer gives for a start that may be beyond it."""
    try:
        return float(call(steps, lr, y0))
    except (Wrong, TypeError, ValueError):
        return None


# -- 10.6 ----------------------------------------------------------------------------------------


def longest_step(gradients: Array, beta1: float = 0.9, beta2: float = 0.999) -> float:
    """The longest step that Adam makes under these gradients, in units of lr, with eps = 0."""
    m = v = longest = 0.0
    for t, g in enumerate(gradients, start=1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        if v > 0:
            step = m / (1 - beta1**t) / math.sqrt(v / (1 - beta2**t))
            longest = max(longest, abs(step))
    return longest


@exercise(
    "10.6",
    "Longer than the bound",
    points=3,
    hints=hints.LONG_STEP,
)
def long_step(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """Gradients under which Adam steps farther than 7 lr."""
    try:
        gradients = np.asarray(answer, "float64")
    except (TypeError, ValueError):
        gradients = np.zeros(())
    if gradients.ndim != 1 or not 1 <= gradients.size <= 100_000:
        raise Wrong("type", "A row of at most 100,000 numbers is needed.")
    if not (np.abs(gradients) < 1e150).all():  # false for NaN too
        raise Wrong("too large", "A gradient, or its square, is too large to be a number.")
    longest = longest_step(gradients)
    seen = f"The longest step is {longest:.3f} lr."
    if longest <= 7:
        spike = np.count_nonzero(gradients) == 1 and len(gradients) > 1
        early = longest_step(np.append(np.zeros(9000), gradients)) > 7
        kinds = (
            (longest == 0, "no step"),
            (spike, "one spike"),
            (early, "too early"),
            (longest < 2, "about lr"),
        )
        raise Wrong(next((kind for true, kind in kinds if true), "not long enough"), seen)
    yield f"the longest step is {longest:.3f} lr, above the 3.16 lr that was given as the bound"
