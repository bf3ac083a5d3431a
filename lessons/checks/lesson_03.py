"""Lesson 3: backward of a product, an affine map, a broadcast, softmax, batch norm; the hunt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import gradcheck

from ..outcome import YourTurn
from ..zoo.gradients import CAUSES, LAYERS, score
from . import hints_03 as hints
from .compare import agrees, call, same
from .exercise import Wrong, exercise

__all__ = ["affine", "batch_norm", "cross_entropy", "hunt", "multiply", "unbroadcast"]

Array = np.ndarray
Function = Callable[..., Any]
Known = Mapping[str, Function]

# -- what the backward exercises share ------------------------------------------------------------


def _gradients(
    answer: Function,
    forward: Function,
    right: Function,
    points: Sequence[dict[str, Array]],
    known: Mapping[str, Known],
    rng: np.random.Generator,
) -> Iterator[str]:
    """Hold every gradient against the right one and the known wrong ones; then ask gradcheck.

    points: inputs of forward, the first one without special sizes.
    known: {input: {mistake: the gradient of that input which the mistake makes}}.
    """
    cases = []
    for point in points:
        y, cache = forward(**point)
        cases.append((rng.normal(size=np.shape(y)), cache))
    _counted([call(answer, *case) for case in cases], cases, known)
    for i, name in enumerate(known):
        part = lambda g, cache, i=i: answer(g, cache)[i]
        wanted = lambda g, cache, i=i: right(g, cache)[i]
        try:
            same(part, wanted, cases, known=known[name], what=f"d{name}", atol=1e-10)
        except Wrong as wrong:
            found = _finding(forward, answer, points[0], name)
            vague = wrong.mistake in ("value", "shape", "not finite")
            raise Wrong(wrong.mistake, wrong.seen + (found if vague else "")) from None
        yield f"d{name}, for {len(points)} sizes and a random g"
    report = gradcheck.check_vjp(forward, _tupled(answer), points[0])
    if not report:
        raise Wrong("changed its input", _first(report, *known))
    yield "gradcheck finds nothing else: it leaves g and the cache as they are"


def _counted(results: Sequence[Any], cases: Sequence[Any], known: Mapping[str, Known]) -> None:
    """Raise Wrong unless every result holds one gradient for each input."""
    names = ", ".join(f"d{name}" for name in known)
    for result, (g, cache) in zip(results, cases, strict=True):
        if result is None:
            raise Wrong("nothing", f"Needed: {names}.")
        several = isinstance(result, tuple | list) or np.ndim(result) == g.ndim + 1
        if several and len(result) == len(known):
            continue
        fused = any(f(g, cache) is not None and agrees(result, f(g, cache)) for f in FUSED)
        count = len(result) if isinstance(result, tuple | list) else 1
        raise Wrong("one gradient" if fused else "count", f"Needed: {names}. Returned: {count}.")


FUSED: list[Function] = [  # the product rule as in a calculus book, added up
    lambda g, cache: g * (cache[0] + cache[1]) if np.shape(cache[0]) == np.shape(cache[1]) else None
]


def _finding(forward: Function, answer: Function, point: dict[str, Array], name: str) -> str:
    """What gradcheck says about one gradient, as a line of its own; nothing if it cannot say."""
    try:
        return "\n" + _first(gradcheck.check_vjp(forward, _tupled(answer), point), name)
    except gradcheck.GradcheckError:
        return ""


def _first(report: gradcheck.Report, *names: str) -> str:
    """The first thing that gradcheck says against these gradients or the whole."""
    said = [f for f in report.findings if f.severity == "fail" and f.param in (*names, "")]
    return f"gradcheck: {said[0].message}." if said else report.summary()


def _tupled(answer: Function) -> Function:
    return lambda g, cache: tuple(np.asarray(d) for d in answer(g, cache))


def _normal(rng: np.random.Generator, **shapes: tuple[int, ...]) -> dict[str, Array]:
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


# -- 3.1 -------------------------------------------------------------------------------------------


@exercise("3.1", "Backward of a product", points=1, hints=hints.MULTIPLY)
def multiply(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """dL/dx and dL/dy of x y, from g and the cache (x, y)."""
    points = [_normal(rng, x=shape, y=shape) for shape in ((3, 4), (1, 5), (4, 4), (6,))]
    right = lambda g, cache: (g * cache[1], g * cache[0])
    known: dict[str, Known] = {
        "x": {
            "own value": lambda g, cache: g * cache[0],
            "ignores g": lambda g, cache: cache[1],
            "sum of g": lambda g, cache: g.sum() * cache[1],
        },
        "y": {
            "own value": lambda g, cache: g * cache[1],
            "ignores g": lambda g, cache: cache[0],
            "sum of g": lambda g, cache: g.sum() * cache[0],
        },
    }
    yield from _gradients(answer, lambda x, y: (x * y, (x, y)), right, points, known, rng)


# -- 3.2 -------------------------------------------------------------------------------------------


def _affine_backward(g: Array, cache: Any) -> tuple[Array, Array, Array]:
    x, W = cache
    return g @ W.T, x.T @ g, g.sum(axis=0)


def _square(W: Array) -> bool:
    return W.shape[0] == W.shape[1]


@exercise("3.2", "Backward of an affine map", points=3, hints=hints.AFFINE)
def affine(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """dL/dx, dL/dW and dL/db of x W + b, from g and the cache (x, W)."""
    sizes = ((4, 3, 5), (1, 3, 2), (3, 3, 3), (5, 2, 1))
    points = [_normal(rng, x=(N, D), W=(D, M), b=(M,)) for N, D, M in sizes]
    known: dict[str, Known] = {
        "x": {
            "dx: W not transposed": lambda g, c: g @ (c[1] if _square(c[1]) else c[1].T),
            "dx: averaged": lambda g, c: g @ c[1].T / len(g),
        },
        "W": {
            "dW: transposed": lambda g, c: g.T @ c[0],
            "dW: averaged": lambda g, c: c[0].T @ g / len(g),
            "dW: one example": lambda g, c: np.outer(c[0][0], g[0]),
            "dW: ignores g": lambda g, c: c[0].T @ np.ones_like(g),
        },
        "b": {
            "db: not summed": lambda g, c: g,
            "db: averaged": lambda g, c: g.mean(axis=0),
            "db: one row": lambda g, c: g[0],
            "db: kept axis": lambda g, c: g.sum(axis=0, keepdims=True),
            "db: wrong axis": lambda g, c: g.sum(axis=1),
        },
    }
    forward = lambda x, W, b: (x @ W + b, (x, W))
    yield from _gradients(answer, forward, _affine_backward, points, known, rng)


# -- 3.3 -------------------------------------------------------------------------------------------


def _stretched(g: Array, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Axes of g that shape does not have, and axes on which shape has length 1."""
    extra = g.ndim - len(shape)
    return tuple(range(extra)), tuple(extra + i for i, n in enumerate(shape) if n == 1)


def _unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    new, ones = _stretched(g, shape)
    return g.sum(axis=new + ones, keepdims=True).reshape(shape)


@exercise("3.3", "Undo a broadcast", points=2, hints=hints.UNBROADCAST)
def unbroadcast(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """The gradient of an array that was broadcast: g summed to its shape."""
    g_and_input = [
        ((3, 4), (4,)),
        ((3, 4), (1, 4)),
        ((3, 4), (3, 1)),
        ((3, 4), ()),
        ((2, 3, 4), (3, 1)),
        ((2, 3, 4), (1, 3, 1)),
        ((2, 1, 4), (1, 4)),
        ((3, 4), (3, 4)),
        ((5,), (1,)),
    ]
    inputs = [(rng.normal(size=big), small) for big, small in g_and_input]
    first = lambda g, axis: g[tuple(0 if i in axis else slice(None) for i in range(g.ndim))]
    known = {
        "unchanged": lambda g, shape: g,
        "leading axes only": lambda g, shape: g.sum(axis=_stretched(g, shape)[0]),
        "ones only": lambda g, shape: g.sum(axis=_stretched(g, shape)[1], keepdims=True),
        "axes dropped": lambda g, shape: g.sum(axis=sum(_stretched(g, shape), ())),
        "averaged": lambda g, shape: g.mean(axis=sum(_stretched(g, shape), ())).reshape(shape),
        "first copy": lambda g, shape: first(g, sum(_stretched(g, shape), ())).reshape(shape),
    }
    same(answer, _unbroadcast, inputs, known=known)
    yield f"{len(inputs)} pairs of shapes: new axes, stretched axes, both, and neither"


# -- 3.4 -------------------------------------------------------------------------------------------


def _cross_entropy(scores: Array, labels: Array) -> tuple[Any, Array]:
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    rows = np.arange(len(scores))
    return -log_p[rows, labels].mean(), (np.exp(log_p) - _one_hot(scores, labels)) / len(scores)


def _one_hot(scores: Array, labels: Array) -> Array:
    return np.eye(scores.shape[1])[labels]


def _softmax(scores: Array) -> Array:
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def _of_right(scores: Array, labels: Array) -> Array:
    """The probabilities of the right classes."""
    return _softmax(scores)[np.arange(len(scores)), labels]


LOSSES: Known = {
    "loss: summed": lambda s, t: -np.log(_of_right(s, t)).sum(),
    "loss: over all entries": lambda s, t: -np.log(_of_right(s, t)).sum() / s.size,
    "loss: sign": lambda s, t: np.log(_of_right(s, t)).mean(),
    "loss: half shifted": lambda s, t: _cross_entropy(s, t)[0] - s.max(axis=1).mean(),
    "loss: half shifted ": lambda s, t: _cross_entropy(s, t)[0] + s.max(axis=1).mean(),
    "loss: all pairs": lambda s, t: -np.log(_softmax(s)[:, t]).mean(),
    "loss: no log": lambda s, t: 1 - _of_right(s, t).mean(),
}
SLOPES: Known = {
    "gradient: not averaged": lambda s, t: _softmax(s) - _one_hot(s, t),
    "gradient: nothing subtracted": lambda s, t: _softmax(s) / len(s),
    "gradient: averaged too early": lambda s, t: _softmax(s) / len(s) - _one_hot(s, t),
    "gradient: sign": lambda s, t: (_one_hot(s, t) - _softmax(s)) / len(s),
    "gradient: label only": lambda s, t: (_softmax(s) - 1) * _one_hot(s, t) / len(s),
    "gradient: through p only": lambda s, t: _softmax(s) * (1 - _softmax(s)) / len(s),
}


@exercise("3.4", "Softmax and cross-entropy", points=3, hints=hints.CROSS_ENTROPY)
def cross_entropy(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """The mean cross-entropy of scores and labels, and its gradient; for scores of any size."""
    sizes = ((4, 3), (1, 5), (6, 2))
    inputs = [(2 * rng.normal(size=s), rng.integers(s[1], size=s[0])) for s in sizes]
    for result in (_quiet(answer, *case) for case in inputs):
        if result is None:
            raise Wrong("nothing", "The loss and its gradient are needed.")
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise Wrong("count", "The loss and its gradient are needed.")
    half = lambda f, i: lambda *case: f(*case)[i]
    try:
        same(half(answer, 0), half(_cross_entropy, 0), inputs, known=LOSSES, what="The loss")
    except Wrong as wrong:
        raise Wrong(wrong.mistake.strip(), wrong.seen) from None
    yield "the loss, for 3 sizes of random scores"
    try:
        same(half(answer, 1), half(_cross_entropy, 1), inputs, known=SLOPES, what="The gradient")
    except Wrong as wrong:
        found = _loss_finding(answer, *inputs[0]) if wrong.mistake == "value" else ""
        raise Wrong(wrong.mistake, wrong.seen + found) from None
    yield "its gradient"
    yield from _any_size(answer, *inputs[0])


def _any_size(answer: Function, scores: Array, labels: Array) -> Iterator[str]:
    """The same for large scores, for rows that lie far apart, and for rows with a wide gap."""
    far = 2000.0 * np.arange(-1, len(scores) - 1)[:, None]
    gap = scores + 1000 * (1 - _one_hot(scores, labels))
    for what, s, mistake in (
        ("scores around 1000", scores + 1000, "overflow"),
        ("rows 2000 apart", scores + far, "one shift"),
        ("a right class 1000 behind", gap, "log of zero"),
    ):
        got, want = _quiet(answer, s, labels), _cross_entropy(s, labels)
        if not agrees(got, want):
            finite = bool(np.isfinite(np.asarray(got[0], dtype=float)).all())
            mistake = "clipped" if finite and mistake == "log of zero" else mistake
            seen = f"With {what}, the loss is {got[0]:.6g}; {want[0]:.6g} was expected."
            gradient = f"With {what}, the gradient is wrong."
            raise Wrong(mistake, gradient if agrees(got[0], want[0]) else seen)
        yield what


def _quiet(answer: Function, *inputs: Any) -> Any:
    """Call without warnings of overflow: they are what the check is about."""
    with np.errstate(all="ignore"):
        return call(answer, *inputs)


def _loss_finding(answer: Function, scores: Array, labels: Array) -> str:
    try:
        report = gradcheck.check(lambda s: tuple(answer(s, labels)), scores, names=["scores"])
        return "\n" + _first(report, "scores")
    except gradcheck.GradcheckError:
        return ""


# -- 3.5 -------------------------------------------------------------------------------------------


def _batch_norm(x: Array, gamma: Array, beta: Array) -> tuple[Array, Any]:
    s = np.sqrt(x.var(axis=0) + 1e-5)
    x_hat = (x - x.mean(axis=0)) / s
    return gamma * x_hat + beta, (x_hat, gamma, s)


def _dx(g: Array, cache: Any, height: Any = None, slope: Any = None) -> Array:
    """gamma / s (g - height - x_hat slope); the right height and slope where none is given."""
    x_hat, gamma, s = cache
    height = g.mean(axis=0) if height is None else height
    slope = (g * x_hat).mean(axis=0) if slope is None else slope
    return gamma / s * (g - height - x_hat * slope)


def _batch_norm_backward(g: Array, cache: Any) -> tuple[Array, Array, Array]:
    return _dx(g, cache), (g * cache[0]).sum(axis=0), g.sum(axis=0)


def _across(g: Array, cache: Any) -> Array:
    """dx with means along the features."""
    over = lambda a: a.mean(axis=1, keepdims=True)
    return _dx(g, cache, over(g), over(g * cache[0]))


def _fitted(g: Array, cache: Any) -> Array:
    """dx with the slope of a fitted line: divided by the mean square of x_hat, not by 1."""
    return _dx(g, cache, slope=(g * cache[0]).mean(axis=0) / (cache[0] ** 2).mean(axis=0))


DX: Known = {
    "dx: fitted line": _fitted,
    "dx: frozen": lambda g, c: _dx(g, c, 0, 0),
    "dx: mean only": lambda g, c: _dx(g, c, slope=0),
    "dx: spread only": lambda g, c: _dx(g, c, height=0),
    "dx: sums for means": lambda g, c: _dx(g, c, g.sum(axis=0), (g * c[0]).sum(axis=0)),
    "dx: N times": lambda g, c: len(g) * _dx(g, c),
    "dx: without gamma": lambda g, c: _dx(g, c) / c[1],
    "dx: not divided by s": lambda g, c: _dx(g, c) * c[2],
    "dx: divided twice": lambda g, c: _dx(g, c) / c[2],
    "dx: sign": lambda g, c: _dx(g, c, slope=-(g * c[0]).mean(axis=0)),
    "dx: wrong axis": _across,
    "dx: one mean for all": lambda g, c: _dx(g, c, g.mean(), (g * c[0]).mean()),
}


@exercise("3.5", "Batch norm in one line", points=3, hints=hints.BATCH_NORM)
def batch_norm(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """dL/dx, dL/dgamma and dL/dbeta of batch norm, from g and the cache (x_hat, gamma, s)."""
    shapes = ((5, 3), (8, 1), (4, 4), (3, 2))
    points = [_normal(rng, x=(N, D), gamma=(D,), beta=(D,)) for N, D in shapes]
    for point in points:
        point["x"] = 3 * point["x"] + rng.normal(size=point["x"].shape[1])
    known: dict[str, Known] = {
        "x": DX,
        "gamma": {
            "dgamma: without x_hat": lambda g, c: g.sum(axis=0),
            "dgamma: not summed": lambda g, c: g * c[0],
            "dgamma: averaged": lambda g, c: (g * c[0]).mean(axis=0),
        },
        "beta": {
            "dbeta: not summed": lambda g, c: g,
            "dbeta: averaged": lambda g, c: g.mean(axis=0),
            "dbeta: with x_hat": lambda g, c: (g * c[0]).sum(axis=0),
        },
    }
    yield from _gradients(answer, _batch_norm, _batch_norm_backward, points, known, rng)


# -- 3.6 -------------------------------------------------------------------------------------------


@exercise("3.6", "The bug hunt", points=10, hints=hints.HUNT)
def hunt(verdicts: Any, rng: np.random.Generator) -> Iterator[str]:
    """Which layers of the zoo are broken, and why: {layer: cause}."""
    if not isinstance(verdicts, Mapping):
        raise Wrong("type", "A dict is needed: a cause for each layer.")
    given = {name: cause for name, cause in verdicts.items() if cause is not ...}
    if not given:
        raise YourTurn
    _known_words("unknown layer", given.keys(), LAYERS)
    _known_words("unknown cause", given.values(), CAUSES)
    s = score(given)
    seen = (
        f"{s.found} of {s.bugs} bugs found, {s.named} of them with the right cause; "
        f"{s.alarms} of {s.healthy} healthy layers called broken; {s.open} without a verdict."
    )
    for mistake, made in {
        "everything accused": s.alarms == s.healthy,
        "false alarm": s.alarms,
        "unfinished": s.open,
        "missed": s.found < s.bugs,
        "wrong cause": s.named < s.bugs,
    }.items():
        if made:
            raise Wrong(mistake, seen, earned=s.earned)
    yield f"all {s.bugs} bugs found, each with its cause"
    yield f"all {s.healthy} healthy layers left alone"


def _known_words(mistake: str, words: Any, allowed: Mapping[str, Any]) -> None:
    strange = [word for word in words if not isinstance(word, str) or word not in allowed]
    if strange:
        raise Wrong(mistake, f"{strange[0]!r} is unknown. Known are: {', '.join(allowed)}.")
