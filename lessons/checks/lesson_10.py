"""Lesson 10: Adagrad, RMSprop and Adam by hand; epsilon; the saddle; how far Adam can step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .compare import call, expect, same
from .exercise import Wrong, exercise

__all__ = ["adagrad", "adam", "epsilon", "long_step", "longest_step", "rmsprop", "saddle"]

Array = np.ndarray
State = tuple[Array, ...]

UPHILL = (
    "Your step goes uphill.",
    "The gradient points to where the loss grows.",
    "Look at the sign in front of lr.",
)
OLD_CACHE = (
    "Your step divides by the cache as it was before this gradient.",
    "Which comes first in the formula: the new cache, or the step?",
    "Update the cache in the first line of the function and use the new one in the second.",
)
EPS_INSIDE = (
    "Your eps has another place than the formula's.",
    "sqrt(c + eps) and sqrt(c) + eps differ: at c = 0 the first is sqrt(eps).",
    "Take the root first, then add eps to it.",
)

# -- 10.1 ----------------------------------------------------------------------------------------


def _adagrad(x: Array, g: Array, cache: Array, lr: float, eps: float, power: float) -> State:
    cache = cache + g**2
    return x - lr * g / (cache**power + eps), cache


@exercise(
    "10.1",
    "Adagrad",
    points=2,
    hints={
        "uphill": UPHILL,
        "old cache": OLD_CACHE,
        "epsilon inside": EPS_INSIDE,
        "cache not summed": (
            "Your cache forgets what came before.",
            "Adagrad's cache is a sum over all steps.",
            "The new cache needs the old one on its right-hand side.",
        ),
        "not squared": (
            "Your cache adds up something that can shrink again.",
            "Gradients of both signs must make it grow.",
            "Square the gradient before you add it.",
        ),
        "power ignored": (
            "With power=0.5 all is well; with power=1 your step is still the one with the root.",
            "The exponent of the cache is an argument of the function.",
            "Replace the root by `cache ** ...`.",
        ),
    },
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


@exercise(
    "10.2",
    "RMSprop",
    points=2,
    hints={
        "uphill": UPHILL,
        "old cache": OLD_CACHE,
        "epsilon inside": EPS_INSIDE,
        "weights swapped": (
            "Your average listens to the newest gradient almost alone.",
            "decay is what the cache keeps of itself: 0.99 means a long memory.",
            "The factors decay and (1 - decay) have changed places.",
        ),
        "a sum": (
            "This is still Adagrad.",
            "An average must not grow without end under a constant gradient.",
            "The two factors in front of the old cache and of the new square add up to 1.",
        ),
        "no second factor": (
            "Under a constant gradient g your cache goes to g**2 / (1 - decay), and not to g**2.",
            "The weights of an average add up to 1.",
            "The new square has a factor as well.",
        ),
        "no root": (
            "Your step has the wrong unit: multiply the loss by 10 and see how the step changes.",
            "A gradient over a squared gradient shrinks when the gradient grows.",
            "There is a root in the denominator.",
        ),
    },
)
def rmsprop(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """x - lr g / (sqrt(cache) + eps) with decay cache + (1 - decay) g^2; the published vectors."""
    inputs = [
        (rng.normal(size=n), rng.normal(size=n), rng.random(n), 0.1, d, 0.01)
        for n, d in ((1, 0.9), (4, 0.99), (3, 0.7))
    ]

    def with_cache(new: Any) -> Any:
        def step(x: Array, g: Array, c: Array, lr: float, d: float, eps: float) -> State:
            return x - lr * g / (np.sqrt(new(c, g, d)) + eps), new(c, g, d)

        return step

    def average(c: Array, g: Array, d: float) -> Array:
        return d * c + (1 - d) * g**2

    same(
        answer,
        _rmsprop,
        inputs,
        known={
            "weights swapped": with_cache(lambda c, g, d: (1 - d) * c + d * g**2),
            "a sum": with_cache(lambda c, g, d: c + g**2),
            "no second factor": with_cache(lambda c, g, d: d * c + g**2),
            "uphill": lambda x, g, c, lr, d, eps: (
                2 * x - _rmsprop(x, g, c, lr, d, eps)[0],
                average(c, g, d),
            ),
            "old cache": lambda x, g, c, lr, d, eps: (
                x - lr * g / (np.sqrt(c) + eps),
                average(c, g, d),
            ),
            "epsilon inside": lambda x, g, c, lr, d, eps: (
                x - lr * g / np.sqrt(average(c, g, d) + eps),
                average(c, g, d),
            ),
            "no root": lambda x, g, c, lr, d, eps: (
                x - lr * g / (average(c, g, d) + eps),
                average(c, g, d),
            ),
        },
    )
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
        }[place]
        return x - lr * (m / c1) / root, m, v, t + 1


@exercise(
    "10.3",
    "Adam",
    points=3,
    hints={
        "counted too late": (
            "Your first corrections are those of the step before.",
            "After the first step t is 1. What is 1 - beta1**t if you use the old t?",
            "Increase t in the first line, before anything is divided by 1 - beta**t.",
        ),
        "t not counted": (
            "Your x, m and v are right, and t comes back as it went in.",
            "The next step needs to know that this one happened.",
            "Return t + 1.",
        ),
        "not corrected": (
            "Your m and v are right; the step is the one of Adam without bias correction.",
            "m and v begin at zero and are too small at first: by 1 - beta1**t and 1 - beta2**t.",
            "Divide m and v by those factors in new variables, and take the step with these.",
        ),
        "corrections stored": (
            "The m that you return is the corrected one.",
            "The correction is for this step only; the next average starts from the plain m and v.",
            "Give the corrected moments other names, and return the plain ones.",
        ),
        "betas swapped": (
            "Your averages have each other's memories.",
            "beta1 belongs to the gradient, beta2 to its square.",
            "Swap beta1 and beta2 everywhere, the corrections too.",
        ),
        "epsilon inside": EPS_INSIDE,
        "epsilon before": (
            "Your eps is added before the correction of v, not after it.",
            "The paper calls that variant epsilon hat; at t = 1 it makes eps 30 times as large.",
            "Correct v first, take its root, then add eps.",
        ),
        "not squared": (
            "Your v averages the gradient itself.",
            "v is the second moment.",
            "Square the gradient where v is updated.",
        ),
        "uphill": UPHILL,
    },
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

    def swapped(x, g, m, v, t, lr, b1, b2, eps):  # type: ignore[no-untyped-def]
        return _adam(x, g, m, v, t, lr, b2, b1, eps)

    def stored(x, g, m, v, t, lr, b1, b2, eps):  # type: ignore[no-untyped-def]
        x, m, v, t = _adam(x, g, m, v, t, lr, b1, b2, eps)
        return x, m / (1 - b1**t), v / (1 - b2**t), t

    def uphill(x, g, m, v, t, *settings):  # type: ignore[no-untyped-def]
        new, *rest = _adam(x, g, m, v, t, *settings)
        return 2 * x - new, *rest

    def uncounted(x, g, m, v, t, *settings):  # type: ignore[no-untyped-def]
        return (*_adam(x, g, m, v, t, *settings)[:3], t)

    def late_uncounted(x, g, m, v, t, *settings):  # type: ignore[no-untyped-def]
        return (*_adam(x, g, m, v, t, *settings, count=0)[:3], t)

    known = {
        "counted too late": lambda *a: _adam(*a, count=0),
        "t not counted": uncounted,
        "not corrected": lambda *a: _adam(*a, corrected=False),
        "corrections stored": stored,
        "betas swapped": swapped,
        "epsilon inside": lambda *a: _adam(*a, place="inside"),
        "epsilon before": lambda *a: _adam(*a, place="before"),
        "not squared": lambda *a: _adam(*a, square=False),
        "uphill": uphill,
    }
    first = [(x, g, 0 * m, 0 * v, 0, *rest) for x, g, m, v, _, *rest in inputs[:1]]
    try:
        same(answer, _adam, inputs, known=known)
    except Wrong as wrong:
        if wrong.mistake == "value":  # two of them at once is a common pair
            same(answer, _adam, inputs, known={"counted too late": late_uncounted})
        raise
    yield "x, m, v and t are right on random vectors"
    same(answer, _adam, first, known=known)
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
    "lr * g / (sqrt(s) + eps)": (lambda g, s, lr, eps: -lr * g / (np.sqrt(s) + eps), False),
    "lr * g / sqrt(s + eps)": (lambda g, s, lr, eps: -lr * g / np.sqrt(s + eps), False),
    "lr * g / sqrt(s + eps**2)": (lambda g, s, lr, eps: -lr * g / np.sqrt(s + eps**2), False),
    "lr * g / sqrt(s) + eps": (lambda g, s, lr, eps: -(lr * g / np.sqrt(s) + eps), True),
    "lr * (g / sqrt(s) + eps)": (lambda g, s, lr, eps: -lr * (g / np.sqrt(s) + eps), True),
}


@exercise(
    "10.4",
    "Epsilon on the loose",
    points=2,
    hints={
        "always true": (
            "Your test accuses every rule, the right ones too.",
            "A test is of use only if something can pass it.",
            "Find an input for which a right rule gives a number that you know exactly.",
        ),
        "always false": (
            "Your test finds nothing.",
            "With eps = 1e-8 and a tolerance, a misplaced eps hides.",
            "eps is an argument of the step: make it large; choose g so that nothing else acts.",
        ),
        "accuses a variant": (
            "Your test accuses a rule with eps under the root: a convention, not the fault.",
            "Do not compare with one formula: look for what only the fault can do.",
            "What must every right rule do when the gradient is zero?",
        ),
        "misses one": (
            "Your test finds one form of the fault and not the other.",
            "In one of them eps is multiplied by lr.",
            "Ask whether the change is zero, not how large it is.",
        ),
    },
)
def epsilon(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """A function that tells rules whose eps moves x from those whose eps only guards a division."""
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
    hints={
        "rounded down": (
            "You stop one step too early.",
            "After your t steps |y| is not above 1 yet.",
            "t is a whole number, and it must not be smaller than the solution of the equation.",
        ),
        "curvature 1": (
            "Your y grows by 1 + lr at each step.",
            "The derivative of -y**2 is not -y.",
            "y becomes y + lr * 2 * y.",
        ),
        "continuous": (
            "You took exp(2 lr t) for (1 + 2 lr)**t.",
            "That is the path of infinitely small steps; these are finite.",
            "Divide by log(1 + 2 lr), not by 2 lr.",
        ),
        "zero": (
            "At y0 = 0 your answer is not infinity.",
            "What is the gradient in y there, and what does every rule make of it?",
            "Treat y0 = 0 first, and return math.inf.",
        ),
        "sign": (
            "A negative y0 leaves the saddle as fast as a positive one.",
            "The saddle is symmetric in y.",
            "Use the absolute value of y0.",
        ),
        "reasons": (
            "The steps are right; the reasons are not all.",
            "For each rule, write down the length of its first step, and of its hundredth.",
            "SGD steps in proportion to y; Adagrad begins with lr, then shrinks; averages forget.",
        ),
    },
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
    expect(0, sum(x is ... for x in reasons.values()), what="The number of open reasons")
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
    hints={
        "no step": (
            "Adam does not move under these gradients.",
            "All of them are zero.",
            "Let the zeros be followed by gradients that are not.",
        ),
        "about lr": (
            "The longest step is lr or little more, as steps usually are.",
            "Steps are long when m is large and v is not: v has the longer memory.",
            "Begin with many zeros, so that the corrections fade; then let the gradients come.",
        ),
        "one spike": (
            "This is the paper's own worst case, one gradient among zeros: 3.16 lr at most.",
            "After the spike m has a tenth of it. What would make m larger, and v hardly?",
            "Let several gradients follow, each larger than the one before.",
        ),
        "not long enough": (
            "The longest step is above lr and below 7 lr.",
            "Gradients that grow by one factor each time keep m ahead of v; which factor is best?",
            "A factor of beta2/beta1 is best; give it fifty steps, after some thousand zeros.",
        ),
    },
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
        raise Wrong("not finite", "A gradient, or its square, is too large to be a number.")
    longest = longest_step(gradients)
    seen = f"The longest step is {longest:.3f} lr."
    if longest <= 7:
        spike = np.count_nonzero(gradients) == 1 and len(gradients) > 1
        kinds = ((longest == 0, "no step"), (spike, "one spike"), (longest < 2, "about lr"))
        raise Wrong(next((kind for true, kind in kinds if true), "not long enough"), seen)
    yield f"the longest step is {longest:.3f} lr, above the 3.16 lr that was given as the bound"
