"""Lesson 5: first losses, the prior, chance, leaks, ten patients, and dead units."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minnet import functional as F
from minnet import nn, tensor

from ..zoo import hunt
from . import hints_05 as hints
from .compare import agrees, call, expect
from .exercise import Wrong, exercise

__all__ = ["above_chance", "dead_share", "first_losses", "leaks", "patients", "prior"]

# -- 5.1 -------------------------------------------------------------------------------------------

LOSSES = {
    "a": math.log(10),
    "b": 9.0,
    "c": 1.5,
    "d": math.log(2),
    "e": 5.0,
    "f": -0.9 * math.log(0.9) - 0.1 * math.log(0.1),
}
NEAR: dict[str, dict[str, tuple[float, ...]]] = {  # mistake: the numbers it gives
    "another logarithm": {"a": (1.0, math.log2(10)), "d": (1.0, math.log10(2)), "f": (0.468996,)},
    "right class counted": {"b": (10.0,), "c": (2.0,)},
    "margin forgotten": {"c": (3.0, 4.0)},
    "a probability": {"a": (0.1,), "d": (0.5,), "f": (0.1, 0.9)},
    "mean of the square": {"e": (1.0, 2.0, 2.5, 10.0, math.sqrt(5), 4.0)},
    "prior forgotten": {"f": (math.log(2),)},
    "average over classes": {"b": (0.9, 1.0), "c": (0.375, 0.5)},
    "margin taken for kept": {"b": (0.0,), "c": (0.0,)},
    "sign": {"a": (-math.log(10),), "d": (-math.log(2),), "f": (-0.325083,)},
    "not weighted": {"f": (-math.log(0.9), math.log(10), -math.log(0.09) / 2, -math.log(0.09))},
}


@exercise(
    "5.1",
    "Six first losses",
    points=3,
    hints=hints.FIRST_LOSSES,
)
def first_losses(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """Six losses of networks that have not learned anything, to two decimals."""
    if not isinstance(answer, dict) or set(answer) != set(LOSSES):
        raise Wrong("type", f"A dict with the keys {', '.join(LOSSES)} is needed.")
    right = [k for k, x in LOSSES.items() if agrees(answer[k], x, atol=6e-3)]
    wrong = [k for k in LOSSES if k not in right]
    if wrong:
        seen = f"right so far: {', '.join(right) or 'none'}; look at {wrong[0]} again."
        raise Wrong(_why(wrong[0], answer[wrong[0]]), seen, earned=len(right) / 6)
    yield "all six are right"


def _why(key: str, value: Any) -> str:
    """The mistake whose number is the nearest, if it is the same to two decimals."""
    near = [(x, mistake) for mistake, numbers in NEAR.items() for x in numbers.get(key, ())]
    close = [(abs(float(value) - x), mistake) for x, mistake in near if agrees(value, x, atol=6e-3)]
    return min(close)[1] if close else "value"


# -- 5.2 -------------------------------------------------------------------------------------------


@exercise(
    "5.2",
    "Start at the prior",
    points=2,
    hints=hints.PRIOR,
)
def prior(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """A bias whose softmax is the class frequencies; a constant may be added to it."""
    for classes in (2, 5, 10):
        counts = rng.integers(3, 60, classes)
        y = rng.permutation(np.repeat(np.arange(classes), counts))
        _prior_of(_row(call(answer, y, classes)), counts)
    yield "the softmax of your bias is the frequency of each class"
    y = np.array([0] * 9 + [1])
    b = _row(call(answer, y, 2))
    loss = float(F.cross_entropy(np.tile(b, (10, 1)), y))
    expect(round(loss, 4), 0.3251, what="The first loss for labels of 9 : 1", atol=1e-6)
    yield "for labels of 9 : 1 the first loss is 0.3251, their entropy"
    got = _row(call(answer, np.array([0, 0, 2]), 4))
    if got.shape != (4,):
        raise Wrong("classes missing", f"Four classes, and a bias of shape {got.shape}.")
    if not np.isfinite(got).all():
        raise Wrong("infinite", f"For labels 0, 0, 2 of four classes it is {got}.")
    if not got[0] > got[2] > max(got[1], got[3]):
        raise Wrong("value", f"For labels 0, 0, 2 of four classes it is {got}.")
    yield "classes that do not occur have a finite bias, below those that do"


def _row(value: Any) -> np.ndarray:
    """One number per class."""
    if value is None:
        raise Wrong("nothing")
    try:
        row = np.asarray(value, float)
    except (TypeError, ValueError):
        raise Wrong("type") from None
    if row.ndim != 1 or not row.size:
        raise Wrong("shape", f"One number per class is needed, got shape {row.shape}.")
    return row


def _prior_of(got: np.ndarray, counts: np.ndarray) -> None:
    p = counts / counts.sum()
    right = np.log(p)
    if got.shape != p.shape:
        raise Wrong("classes missing", f"{p.size} classes, and a bias of shape {got.shape}.")
    level = lambda b: b - np.log(np.exp(b - b.max()).sum()) - b.max()
    if agrees(level(got), right, rtol=1e-4, atol=1e-4):
        return
    known = {
        "no logarithm": [p],
        "sign": [-right],
        "another logarithm": [np.log2(p), np.log10(p)],
        "every class enlarged": [np.log(counts + 0.5), np.log(counts + 1)],
    }
    for mistake, biases in known.items():
        if any(agrees(got - got[0], b - b[0], rtol=1e-4, atol=1e-4) for b in biases):
            raise Wrong(mistake)
    expect(got, right, what="Your bias", rtol=1e-4)


# -- 5.3 -------------------------------------------------------------------------------------------


@exercise(
    "5.3",
    "Better than chance",
    points=2,
    hints=hints.ABOVE_CHANCE,
)
def above_chance(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """correct / n > p + 3 sqrt(p (1 - p) / n), p = 1 / classes."""

    def sigmas(k: float) -> Callable[[int, int, int], bool]:
        return lambda c, n, C: c / n > 1 / C + k * math.sqrt((C - 1) / C / C / n)

    known: dict[str, Callable[[int, int, int], bool]] = {
        "no noise": lambda c, n, C: c / n > 1 / C,
        "variance": lambda c, n, C: c / n > 1 / C + 3 * (C - 1) / C / C / n,
        "not over n": lambda c, n, C: c / n > 1 / C + 3 * math.sqrt((C - 1) / C / C),
        "count for share": lambda c, n, C: c > 1 / C + 3 * math.sqrt((C - 1) / C / C / n),
        "one sigma": sigmas(1),
        "chance left out": lambda c, n, C: c / n > 3 * math.sqrt((C - 1) / C / C / n),
        "a multiple of chance": lambda c, n, C: c / n > 3 / C,
        "two units": lambda c, n, C: c > n / C + 3 * math.sqrt((C - 1) / C / C / n),
        "scatter of the answers": lambda c, n, C: (
            c / n - 3 * math.sqrt(c / n * (1 - c / n) / n) > 1 / C
        ),
    }
    cases = [
        (int(n / C + k * math.sqrt(n * (C - 1)) / C), n, C)
        for n, C in ((int(rng.integers(100, 400)), 2), (1000, 10), (5000, 10), (60, 3))
        for k in (-1.0, 0.5, 1.5, 2.5, 3.7, 6.0)
    ]
    cases += [(5, 9, 2), (0, 100, 10), (40, 40, 5), (400, 400, 5), (5, 1000, 10)]
    cases += [(31, 60, 3), (129, 1000, 10), (21, 62, 3)]  # just above 3 sigma; just above chance
    said = [bool(call(answer, *case)) for case in cases]
    if said != [sigmas(3)(*case) for case in cases]:
        for mistake, rule in known.items():
            if said == [rule(*case) for case in cases]:
                raise Wrong(mistake)
        bad = next(c for s, c in zip(said, cases, strict=True) if s != sigmas(3)(*c))
        raise Wrong("value", f"{bad[0]} right of {bad[1]} with {bad[2]} classes is judged wrongly.")
    yield f"{len(cases)} results told apart: luck, and more than luck"


# -- 5.4 -------------------------------------------------------------------------------------------


SOFTMAX = "softmax of a mixture"


class _Layer(nn.Module):
    """A network for the leak test: a function of its input."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


def _networks(rng: np.random.Generator) -> dict[str, tuple[nn.Module, bool]]:
    """name: (network for 6 examples of 4 features, whether its examples mix); 4 outputs each."""
    W = tensor(rng.normal(size=(4, 4)))
    last = np.roll(np.arange(6), 1)
    return {
        "a linear layer": (_Layer(lambda x: x @ W), False),
        "tanh and softmax": (_Layer(lambda x: F.softmax(F.tanh(x) @ W)), False),
        "a constant": (_Layer(lambda x: 0 * x + 1), False),
        "reshape for transpose": (_Layer(lambda x: (x @ W).reshape(4, 6).T), True),
        "minus the batch's mean": (_Layer(lambda x: (x - x.mean(0)) @ W), True),
        "the neighbour added": (_Layer(lambda x: x @ W + 0.1 * F.tanh(x[last])), True),
        "a faint leak": (_Layer(lambda x: x @ W + 1e-5 * x[last]), True),
        SOFTMAX: (_Layer(lambda x: F.softmax((x + x[::-1]) @ W)), True),
        "last example in the first": (
            _Layer(lambda x: x + (np.arange(6) == 0)[:, None] * x[-1]),
            True,
        ),
    }


@exercise(
    "5.4",
    "Find the leak",
    points=3,
    hints=hints.LEAKS,
)
def leaks(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """A function (network, x) that tells whether an output depends on another example's input."""
    networks = _networks(rng)
    x = rng.normal(size=(6, 4))
    said = {name: bool(call(answer, network, x)) for name, (network, _) in networks.items()}
    bad = [name for name, (_, mixes) in networks.items() if said[name] != mixes]
    if bad and len(set(said.values())) == 1:
        raise Wrong("always true" if said[bad[0]] else "always false")
    if bad and not networks[bad[0]][1]:
        raise Wrong("always true", f"It accuses {bad[0]}.")
    if bad:
        kinds = {SOFTMAX: "sum of outputs", "a faint leak": "too coarse"}
        missed = kinds.get(bad[0], "one example") if len(bad) == 1 else "one example"
        raise Wrong(missed, f"It misses {', '.join(bad)}.")
    yield f"{len(networks)} networks told apart: three sound, six that mix examples"
    if not _opposite(answer, x, rng):
        raise Wrong("sum of outputs", "It misses a mixture with two outputs that add up to 0.")
    yield "a leak into two outputs that cancel is found as well"


def _opposite(answer: Any, x: np.ndarray, rng: np.random.Generator) -> bool:
    """What the answer says to a mixing network of two outputs, whose sum is exactly 0."""
    v = rng.normal(size=(4, 1))
    W = tensor(np.hstack([v, -v]))
    try:
        return bool(call(answer, _Layer(lambda x: (x + x[::-1]) @ W), x))
    except Wrong as wrong:
        raise Wrong("columns" if wrong.mistake == "raised" else wrong.mistake, wrong.seen) from None


# -- 5.5 -------------------------------------------------------------------------------------------


@exercise(
    "5.5",
    "Ten patients",
    points=5,
    hints=hints.PATIENTS,
)
def patients(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """The cause of each of ten patients; half a point each, none for wrongly accused ones."""
    letters = list(hunt.WARD)
    if not isinstance(answer, dict) or set(answer) != set(letters):
        raise Wrong("type", f"A dict with the keys {', '.join(letters)} is needed.")
    if not all(isinstance(x, str) and x in hunt.CAUSES for x in answer.values()):
        raise Wrong("unknown cause")
    right = [k for k in letters if answer[k] == hunt.right_cause(k)]
    wrong = [k for k in letters if k not in right]
    accused = [k for k in wrong if hunt.right_cause(k) == "healthy"]
    missed = [k for k in wrong if answer[k] == "healthy"]
    if wrong:
        kind = "healthy accused" if accused else "sick overlooked" if missed else "confused"
        earned = max(len(right) - len(accused) - len(missed), 0) / len(letters)
        raise Wrong(kind, f"{len(right)} of {len(letters)} are right.", earned=earned)
    yield "all ten are right: eight sick, two healthy"


# -- 5.6 -------------------------------------------------------------------------------------------

Batches = list[np.ndarray]


def _dead(batches: Batches) -> float:
    return float((np.concatenate(batches) == 0).all(axis=0).mean())


DEAD: list[tuple[str, Callable[[Batches], Any]]] = [  # (mistake, a way to make it)
    ("zeros", lambda b: (np.concatenate(b) == 0).mean()),
    ("zeros", lambda b: np.mean([(x == 0).mean() for x in b])),
    ("examples", lambda b: (np.concatenate(b) == 0).all(axis=1).mean()),
    ("examples", lambda b: np.mean([(x == 0).all(axis=1).mean() for x in b])),
    ("each batch alone", lambda b: np.mean([_dead([x]) for x in b])),
    ("each batch alone", lambda b: max(_dead([x]) for x in b)),
    ("each batch alone", lambda b: min(_dead([x]) for x in b)),
    ("each batch alone", lambda b: np.any([(x == 0).all(axis=0) for x in b], axis=0).mean()),
    ("one batch", lambda b: _dead(b[:1])),
    ("one batch", lambda b: _dead(b[-1:])),
    ("alive", lambda b: 1 - _dead(b)),
    ("a count", lambda b: _dead(b) * b[0].shape[1]),
    ("any for all", lambda b: (np.concatenate(b) == 0).any(axis=0).mean()),
    ("too coarse", lambda b: (np.concatenate(b).mean(axis=0) < 1e-3).mean()),
    ("too coarse", lambda b: (np.concatenate(b) < 1e-4).all(axis=0).mean()),
    ("per cent", lambda b: 100 * _dead(b)),
]


def _layer(rng: np.random.Generator, sizes: tuple[int, ...], alone: tuple[int, ...]) -> Batches:
    """Outputs of a relu layer in batches of these sizes: two dead units, in each batch some that
    are active in it alone, a faint one, and ordinary ones."""
    owner = np.repeat(np.arange(len(sizes)), alone)
    special = len(owner) + 3
    units = special + int(rng.integers(3, 8))
    batches = [np.maximum(rng.normal(size=(n, units)), 0) for n in sizes]
    for k, x in enumerate(batches):
        x[:, :special] = 0
        x[-1, 3:special] = 0.5 * (owner == k)
        x[0, special:] += 0.1
    batches[1][0, 2] = 1e-6
    order = rng.permutation(units)
    return [x[:, order] for x in batches]


@exercise(
    "5.6",
    "Dead units",
    points=2,
    hints=hints.DEAD,
)
def dead_share(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """The share of a relu layer's units that were 0 for every example of every batch."""
    shapes = (((4, 5, 3), (1, 1, 1)), ((6, 1), (1, 1)), ((3, 4, 5, 2), (2, 3, 1, 2)))
    layers = [_layer(rng, *shape) for shape in shapes]
    got = [call(answer, [x.copy() for x in layer]) for layer in layers]
    fits = lambda rule: all(agrees(g, rule(b), rtol=1e-5) for g, b in zip(got, layers, strict=True))
    for mistake, rule in DEAD:
        if fits(rule):
            raise Wrong(mistake, f"For {_described(layers[0])} it is {got[0]}.")
    for g, layer in zip(got, layers, strict=True):
        expect(g, _dead(layer), what=f"The share for {_described(layer)}", rtol=1e-5)
    yield "three layers, in two to four batches: dead units told from faint and seldom active ones"
    never, always = np.zeros((3, 4)), np.ones((3, 4))
    expect(call(answer, [never, never]), 1.0, what="The share of a layer that is all 0", rtol=1e-5)
    expect(call(answer, [always]), 0.0, what="The share of a layer that is all 1", rtol=1e-5)
    yield "a layer that is dead altogether, and one that lives altogether"


def _described(layer: Batches) -> str:
    return f"batches of {', '.join(str(len(x)) for x in layer)} examples, {layer[0].shape[1]} units"
