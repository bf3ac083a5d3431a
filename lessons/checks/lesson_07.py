"""Lesson 7: descent, momentum and Nesterov by hand; regimes, best settings, conversions."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

import numpy as np

from minnet.dynamics import rosenbrock, theory

from .compare import agrees, call, expect, same
from .exercise import Wrong, exercise

__all__ = ["best_settings", "descent", "momentum", "nesterov", "regime", "three_forms"]

Array = np.ndarray
State = tuple[Array, Array]

UPHILL = (
    "Your step goes uphill.",
    "The gradient points to where the loss grows.",
    "Look at the sign in front of lr.",
)
RETURN_ORDER = (
    "Your results are right, and in the other order.",
    "Read the last sentence of the docstring.",
    "The position comes first, the velocity second.",
)

AVERAGE = (
    "Your velocity takes only the share (1 - mu) of the gradient, so that it is an average.",
    "The ball here is pushed by the whole gradient.",
    "Leave the factor (1 - mu) out.",
)

# -- 7.1 -------------------------------------------------------------------------------------------


@exercise(
    "7.1",
    "One step downhill",
    hints={
        "uphill": UPHILL,
        "rate left out": (
            "Your step has the length of the gradient, whatever lr is.",
            "Which argument have you not used?",
            "The gradient is multiplied by lr before it is subtracted.",
        ),
        "rate divides": (
            "A larger lr makes your step shorter.",
            "lr is how much of the gradient the step takes.",
            "Multiply by lr in place of dividing.",
        ),
        "only the change": (
            "This is the change of x, and not the new x.",
            "Where do you stand after the step, if you stood at x before it?",
            "Subtract lr times the gradient from x.",
        ),
        "normalised": (
            "All your steps have the same length.",
            "The formula does not divide by the length of g: a flat place gets a short step.",
            "Leave the norm out.",
        ),
        "sign alone": (
            "Your step knows only the sign of the gradient.",
            "A steep direction gets a longer step than a flat one.",
            "Use g itself.",
        ),
    },
)
def descent(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """x - lr g for numbers, vectors and matrices."""
    shapes: tuple[tuple[int, ...], ...] = ((1,), (4,), (2, 3))
    inputs = [(*rng.normal(size=(2, *n)), float(rng.uniform(0.1, 0.9))) for n in shapes]
    known = {
        "uphill": lambda x, g, lr: x + lr * g,
        "rate left out": lambda x, g, lr: x - g,
        "rate divides": lambda x, g, lr: x - g / lr,
        "only the change": lambda x, g, lr: -lr * g,
        "normalised": lambda x, g, lr: x - lr * g / np.linalg.norm(g),
        "sign alone": lambda x, g, lr: x - lr * np.sign(g),
    }
    right = lambda x, g, lr: x - lr * g
    same(answer, right, inputs, known=known)
    yield "right for random vectors and matrices, and the inputs are as they were"
    same(answer, right, [(2.0, 4.0, 0.25), (-1.5, 0.0, 0.1)], known=known)
    yield "right for single numbers; where the slope is 0 nothing moves"


# -- 7.2 -------------------------------------------------------------------------------------------


def _momentum(x: Array, v: Array, g: Array, lr: float, mu: float) -> State:
    v = mu * v - lr * g
    return x + v, v


def _summed(x: Array, v: Array, g: Array, lr: float, mu: float) -> State:
    v = mu * v + g
    return x - lr * v, v


@exercise(
    "7.2",
    "Momentum",
    points=2,
    hints={
        "uphill": UPHILL,
        "old velocity": (
            "Your x moves with the velocity from before this gradient.",
            "Which comes first in the formula: the new velocity, or the move?",
            "Update v in the first line, and add the new v to x in the second.",
        ),
        "velocity subtracted": (
            "Your v is right, and x moves against it.",
            "The minus sign is in the formula once: it is already inside v.",
            "Add v to x.",
        ),
        "PyTorch's form": (
            "This is momentum, in another form than the one above: PyTorch's.",
            "There v sums gradients, and lr comes in at the move. Section 6 compares the forms.",
            "Put lr where the gradient enters the velocity, with a minus.",
        ),
        "average": AVERAGE,
        "average, as a step": AVERAGE,
        "no friction": (
            "Your ball never loses speed.",
            "Which argument says how much of the velocity is kept?",
            "Multiply the old velocity by mu.",
        ),
        "gradient slowed": (
            "mu acts on the new push as well as on the old velocity.",
            "Friction acts on the speed that the ball had.",
            "Only v is multiplied by mu, not lr times g.",
        ),
        "velocity not kept": (
            "Your x is right, and v comes back as it went in.",
            "The next step needs the new velocity.",
            "Return the v that you added to x.",
        ),
        "order": RETURN_ORDER,
        "velocity reversed": (
            "Your ball rolls as it should, and your v points against its move.",
            "In the formula the sign is inside the velocity, and x moves by +v.",
            "Subtract the gradient where v is updated, and add v to x.",
        ),
    },
)
def momentum(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """v = mu v - lr g; x + v; the published vectors."""
    inputs = [
        (*rng.normal(size=(3, *n)), float(rng.uniform(0.05, 0.5)), mu)
        for n, mu in (((1,), 0.5), ((4,), 0.9), ((2, 3), 0.99))
    ]
    known = {
        "uphill": lambda x, v, g, lr, mu: (x + mu * v + lr * g, mu * v + lr * g),
        "old velocity": lambda x, v, g, lr, mu: (x + v, mu * v - lr * g),
        "velocity subtracted": lambda x, v, g, lr, mu: (x - mu * v + lr * g, mu * v - lr * g),
        "PyTorch's form": _summed,
        "average": lambda x, v, g, lr, mu: _summed(x, v, (1 - mu) * g, lr, mu),
        "average, as a step": lambda x, v, g, lr, mu: _momentum(x, v, (1 - mu) * g, lr, mu),
        "no friction": lambda x, v, g, lr, mu: _momentum(x, v, g, lr, 1.0),
        "gradient slowed": lambda x, v, g, lr, mu: _momentum(x, v, g, mu * lr, mu),
        "velocity not kept": lambda x, v, g, lr, mu: (_momentum(x, v, g, lr, mu)[0], v),
        "order": lambda x, v, g, lr, mu: _momentum(x, v, g, lr, mu)[::-1],
        "velocity reversed": lambda x, v, g, lr, mu: (x - mu * v - lr * g, mu * v + lr * g),
    }
    same(answer, _momentum, inputs, known=known)
    yield "x and v are right on random vectors and matrices"
    rest = [(1.0, 0.0, 2.0, 0.1, 0.9), (1.0, -0.5, 2.0, 0.1, 0.0)]
    same(answer, _momentum, rest, known=known)
    yield "from rest, and with mu = 0, the step is that of exercise 7.1"
    ends = ((-0.4, 0.6), (0.6, 0.9), (-0.6, 0.4))
    w, v, dw = (np.linspace(*pair, 20).reshape(4, 5) for pair in ends)
    got = tuple(part[0] for part in call(answer, w, v, dw, 1e-3, 0.9))
    next_w = np.array([0.1406, 0.20738947, 0.27417895, 0.34096842, 0.40775789])
    next_v = np.array([0.5406, 0.55475789, 0.56891579, 0.58307368, 0.59723158])
    expect(got, (next_w, next_v), atol=1e-8)
    yield "one step gives the x and the v that the Stanford course CS231n published"


# -- 7.3 -------------------------------------------------------------------------------------------

WORDS = ("creeps", "oscillates", "diverges")


def _regime(lr: float, mu: float, h: float) -> str:
    """From the roots z of z^2 - (1 + mu - lr h) z + mu = 0."""
    if lr * h > 2 + 2 * mu:
        return "diverges"
    return "creeps" if lr * h < (1 - sqrt(mu)) ** 2 else "oscillates"


def _known_regimes(lr: float, mu: float, h: float) -> dict[str, str]:
    """What each mistake answers."""
    step = lr * h
    word = lambda far, near: "diverges" if far else "creeps" if near else "oscillates"
    far = step > 2 + 2 * mu
    return {
        "descent's edge": word(step > 2, step < (1 - sqrt(mu)) ** 2),
        "half the edge": word(step > 1 + mu, step < (1 - sqrt(mu)) ** 2),
        "flips taken for creeping": word(far, mu < (1 - sqrt(step)) ** 2),
        "the wrong way round": word(far, step > (1 - sqrt(mu)) ** 2),
        "not squared": word(far, mu < 1 - sqrt(step)),
        "no roots": word(far, mu < 1 - step),
        "curvature left out": _regime(lr, mu, 1.0),
        "descent's regimes": word(step > 2, step < 1),
        "divergence left out": word(False, step < (1 - sqrt(mu)) ** 2),
    }


@exercise(
    "7.3",
    "Creeps, oscillates, diverges",
    points=2,
    hints={
        "descent's edge": (
            "Your path diverges from lr h = 2 on, with any momentum.",
            "That is the edge of plain descent. Where does the root z = -1 appear in the equation?",
            "Put z = -1 into the equation, and solve for lr h.",
        ),
        "half the edge": (
            "Your edge of divergence is half of what it is.",
            "With mu = 0 it must be descent's, lr h = 2.",
            "Put z = -1 into the equation, and solve for lr h.",
        ),
        "flips taken for creeping": (
            "With little momentum and lr h above 1 you say creeps; the path jumps to and fro.",
            "Real roots are not enough: what does a negative root do to z**t?",
            "Ask in addition that lr h is below 1, so that both roots are positive.",
        ),
        "the wrong way round": (
            "You call creeping what oscillates, and the other way round.",
            "A small step with little momentum creeps.",
            "Two real positive roots mean creeping: the discriminant is positive there.",
        ),
        "not squared": (
            "Your border between creeping and oscillating lies at too much momentum.",
            "The discriminant is (1 + mu - lr h)**2 - 4 mu; where is it zero?",
            "With r for the root of mu it is (1 + r**2 - lr h)**2 = (2 r)**2: take the root.",
        ),
        "no roots": (
            "Your border between creeping and oscillating is a straight line.",
            "The discriminant is (1 + mu - lr h)**2 - 4 mu; where is it zero?",
            "With r for the root of mu it is (1 + r**2 - lr h)**2 = (2 r)**2: take the root.",
        ),
        "value": (
            "One of your borders is not where it should be.",
            "np.roots([1, -(1 + mu - lr * h), mu]) gives both roots; look at them for this case.",
            "Real and positive: creeps. Larger than 1 in size: diverges. All else oscillates.",
        ),
        "curvature left out": (
            "Your answer does not depend on the curvature.",
            "A step on a steep slope is longer: only the product of lr and h counts.",
            "Replace lr by lr * h.",
        ),
        "descent's regimes": (
            "You answer as if there were no momentum.",
            "The momentum mu is an argument.",
            "Look at the roots of the equation for mu above 0.",
        ),
        "divergence left out": (
            "You never say that a path diverges.",
            "A root of size above 1 grows without end.",
            "Put z = -1 into the equation: beyond this lr h the path diverges.",
        ),
        "words": (
            "The answer is one of three words.",
            "Look at the docstring for their spelling.",
            "Return 'creeps', 'oscillates' or 'diverges', as a string.",
        ),
    },
)
def regime(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """Which of three ways a path on a quadratic goes, at points that are not at a border."""
    points = [(0.01, 0.5, 1.0), (0.1, 0.85, 1.0), (0.3, 0.0, 5.0), (0.4, 0.2, 8.0)]
    while len(points) < 300:
        step, mu, h = np.exp(rng.uniform(-7, 1.7)), rng.uniform(0, 0.99), np.exp(rng.uniform(-3, 3))
        borders = (2, 1, 2 + 2 * mu, 1 + mu, (1 - sqrt(mu)) ** 2, (1 + sqrt(mu)) ** 2)
        if min(abs(step / border - 1) for border in borders) > 0.01:
            points.append((float(step / h), float(mu), float(h)))
    said = [_word(call(answer, *point)) for point in points]
    bad = [i for i, point in enumerate(points) if said[i] != _regime(*point)]
    if bad:
        lr, mu, h = points[bad[0]]
        seen = f"lr = {lr:.4g}, momentum = {mu:.3g}, h = {h:.4g}; the path, you say: {said[bad[0]]}"
        for mistake in _known_regimes(1.0, 0.5, 1.0):
            if said == [_known_regimes(*point)[mistake] for point in points]:
                raise Wrong(mistake, seen)
        raise Wrong("value", f"{seen}\nIt {_regime(lr, mu, h)}.")
    yield f"{len(points)} settings are right, those that jump from side to side among them"


def _word(said: Any) -> str:
    """One of the three words; Wrong for anything else."""
    if said is None:
        raise Wrong("nothing")
    word = str(said).strip().lower()
    if word not in WORDS:
        raise Wrong("words", f"Your answer is {str(said)[:60]!r}.")
    return word


# -- 7.4 -------------------------------------------------------------------------------------------

SETTINGS = {
    "plain descent": lambda m, L: tuple(theory.best_descent(m, L)[:2]),
    "rate not squared": lambda m, L: (_best(m, L)[0], sqrt(_best(m, L)[1])),
    "step not squared": lambda m, L: (2 / (sqrt(L) + sqrt(m)), _best(m, L)[1]),
    "roots left out": lambda m, L: (2 / (m + L), ((L - m) / (L + m)) ** 2),
    "Nesterov's": lambda m, L: tuple(theory.best_nesterov_convex(m, L)[:2]),
    "order": lambda m, L: _best(m, L)[::-1],
    "one end": lambda m, L: (1 / L, (1 - sqrt(m / L)) ** 2),
    "a fixed momentum": lambda m, L: (_best(m, L)[0], 0.9),
}


def _best(m: float, L: float) -> tuple[float, float]:
    lr, mu, _ = theory.best_momentum(m, L)
    return lr, mu


@exercise(
    "7.4",
    "The best that momentum can do",
    points=3,
    hints={
        "plain descent": (
            "These are the best settings without momentum.",
            "With momentum both ends of the valley can be critically damped at once.",
            "Set the size of the double root at h = m equal to that at h = L.",
        ),
        "rate not squared": (
            "Your learning rate is right; your momentum is the rate of contraction.",
            "Where the roots are complex, how does their size depend on the momentum?",
            "The size of the roots is the square root of the momentum: square what you have.",
        ),
        "step not squared": (
            "Your momentum is right, and the learning rate has the wrong unit.",
            "If every curvature is 4 times as large, how must lr change? Does yours?",
            "Your equation is for the root of lr: square it.",
        ),
        "roots left out": (
            "You have m and L where their square roots belong.",
            "Critical damping is a statement about the root of lr h.",
            "Work with the roots of lr, m, L and mu from the first line on.",
        ),
        "Nesterov's": (
            "These are settings for Nesterov's momentum, which section 7 is about.",
            "For the ball that does not look ahead a longer step is better than 1/L.",
            "Ask for critical damping at both ends, at h = m and at h = L.",
        ),
        "order": (
            "Your two numbers are right, and in the other order.",
            "Read the last sentence of the docstring.",
            "The learning rate comes first.",
        ),
        "one end": (
            "Your valley is critically damped at its flat end, with the safe learning rate 1/L.",
            "The steep end can stand a longer step; then the flat end needs less momentum.",
            "Let the steep end be critically damped too, with the root of lr L above 1.",
        ),
        "a fixed momentum": (
            "Your momentum is 0.9 in every valley.",
            "A round bowl needs none, a long valley more.",
            "Compute the momentum from m and L, by critical damping at both ends.",
        ),
        "slower": (
            "Your settings converge, and others converge faster.",
            "Critically damped at both ends: one equation for h = m, one for h = L, two unknowns.",
            "With s for the root of lr: 1 - s sqrt(m) = s sqrt(L) - 1 = the root of mu.",
        ),
        "diverges": (
            "Your settings diverge in one of the valleys.",
            "The steep end needs lr L below 2 + 2 mu, and mu below 1.",
            "With s for the root of lr: 1 - s sqrt(m) = s sqrt(L) - 1 = the root of mu.",
        ),
    },
)
def best_settings(answer: Any, rng: np.random.Generator) -> Iterator[str]:
    """lr and momentum whose rate is the best there is, to a thousandth."""
    valleys = [(1.0, 10.0), (1.0, 100.0), (1.0, 1000.0), (0.04, 1.0)]
    for _ in range(4):
        m, kappa = np.exp(rng.uniform(-2, 2)), np.exp(rng.uniform(1, 6))
        valleys.append((float(m), float(m * kappa)))
    got = [_pair(call(answer, *valley)) for valley in valleys]
    for pair, (m, L) in zip(got, valleys, strict=True):
        rate = theory.spectral_radius(*pair, np.geomspace(m, L, 5))
        best = theory.best_momentum(m, L).rate
        if not rate <= best + 0.01 * (1 - best):
            seen = f"For m = {m:.4g}, L = {L:.4g} each step multiplies the error by {rate:.6f}"
            seen += f" in the long run; {best:.6f} is possible."
            raise Wrong(_which_settings(got, valleys, rate), seen)
    yield f"the rate (sqrt(L) - sqrt(m))/(sqrt(L) + sqrt(m)) is reached in {len(valleys)} valleys"
    bowl = _pair(call(answer, 3.0, 3.0))
    expect(bowl, (1 / 3, 0.0), what="In a round bowl your pair", rtol=1e-2, atol=1e-3)
    yield "in a round bowl one step without momentum is enough"


def _pair(settings: Any) -> tuple[float, float]:
    """Two finite numbers; Wrong for anything else."""
    try:
        lr, mu = (float(part) for part in settings)
    except (TypeError, ValueError):
        kind = "nothing" if settings is None else "type"
        raise Wrong(kind, "A pair of numbers, (lr, momentum), is needed.") from None
    if not np.isfinite([lr, mu]).all():
        raise Wrong("not finite", f"Your pair is ({lr}, {mu}).")
    return lr, mu


def _which_settings(got: list[Any], valleys: list[tuple[float, float]], rate: float) -> str:
    """The mistake that explains the settings in all valleys."""
    for mistake, rule in SETTINGS.items():
        if all(agrees(pair, rule(*v), rtol=1e-5) for pair, v in zip(got, valleys, strict=True)):
            return mistake
    return "slower" if rate < 1 else "diverges"


# -- 7.5 -------------------------------------------------------------------------------------------

Form = tuple[float, float, Array]


def _to_cs231n(form: str, lr: float, mu: float, v: Array) -> Form:
    return (lr if form == "torch" else lr * (1 - mu)), mu, -lr * v


@exercise(
    "7.5",
    "Three forms of one ball",
    points=3,
    hints={
        "velocity as it was": (
            "Your learning rate and momentum are right, and the velocity is the other form's.",
            "In one form the position moves by v, in the others by -lr v.",
            "The velocity of the cs231n form is the move itself.",
        ),
        "velocity of the wrong sign": (
            "Your velocity points the other way.",
            "The torch form subtracts lr v from x, the cs231n form adds its v.",
            "Both moves must be equal: solve for the velocity of the cs231n form.",
        ),
        "velocity not scaled": (
            "Your velocity has the right sign, and is a gradient, not a move.",
            "In the cs231n form the learning rate is inside the velocity.",
            "Multiply by lr.",
        ),
        "average not undone": (
            "'torch' is right; 'ema' keeps its learning rate.",
            "A gradient enters the average with the factor (1 - mu).",
            "How far does one gradient move x at once, in the ema form? That is the cs231n lr.",
        ),
        "average undone twice": (
            "'torch' is right; for 'ema' your velocity has a factor too many.",
            "The factor (1 - mu) is inside the average already.",
            "Set equal the moves of both forms, without a new gradient: -lr v and the new v.",
        ),
        "average divided": (
            "'torch' is right; for 'ema' you divide where you should multiply.",
            "An average is smaller than the sum: the cs231n form needs a smaller lr.",
            "How far does one gradient move x at once, in the ema form? That is the cs231n lr.",
        ),
        "torch as ema": (
            "'ema' is right; 'torch' is treated like it.",
            "In the torch form a gradient enters with the factor 1.",
            "Ask for the form before you multiply by (1 - mu).",
        ),
        "not rescaled": (
            "Your velocity stays as it was when the learning rate changed.",
            "So the cs231n form does by itself; the torch form moves by -lr v with the new lr.",
            "The velocity is -lr times a sum of gradients. Which part changes?",
        ),
        "upside down": (
            "You scale the velocity the wrong way.",
            "A smaller learning rate makes the torch form's moves smaller at once.",
            "Which of the two rates belongs above the line?",
        ),
        "unscaled sum": (
            "You multiply by the new rate and leave the old one inside.",
            "The velocity carries the old rate as a factor.",
            "Divide it by the old rate first.",
        ),
    },
)
def three_forms(convert: Any, rescale: Any, rng: np.random.Generator) -> Iterator[str]:
    """Settings and velocity of the cs231n form that moves alike; the velocity at a change of lr."""
    inputs = [
        (form, float(rng.uniform(0.01, 0.5)), mu, rng.normal(size=n))
        for form in ("torch", "ema")
        for mu, n in ((0.5, 1), (0.9, 3))
    ]
    other = lambda at_ema: lambda form, lr, mu, v: (
        _to_cs231n(form, lr, mu, v) if form == "torch" else at_ema(lr, mu, v)
    )
    known = {
        "velocity as it was": lambda *a: (*_to_cs231n(*a)[:2], a[3]),
        "velocity of the wrong sign": lambda *a: (*_to_cs231n(*a)[:2], a[1] * a[3]),
        "velocity not scaled": lambda *a: (*_to_cs231n(*a)[:2], -a[3]),
        "average not undone": other(lambda lr, mu, v: (lr, mu, -lr * v)),
        "average undone twice": other(lambda lr, mu, v: (lr * (1 - mu), mu, -lr * (1 - mu) * v)),
        "average divided": other(lambda lr, mu, v: (lr / (1 - mu), mu, -lr * v)),
        "torch as ema": lambda form, lr, mu, v: _to_cs231n("ema", lr, mu, v),
    }
    same(convert, _to_cs231n, inputs, known=known)
    yield "settings and velocity are right, from both other forms"
    changes = [(rng.normal(size=n), 0.1, new) for n, new in ((1, 0.01), (3, 0.05), (2, 0.4))]
    same(
        rescale,
        lambda v, old, new: v * new / old,
        changes,
        known={
            "not rescaled": lambda v, old, new: v,
            "upside down": lambda v, old, new: v * old / new,
            "unscaled sum": lambda v, old, new: v * new,
        },
    )
    yield "after a change of the learning rate the velocity is the torch form's move"


# -- 7.6 -------------------------------------------------------------------------------------------


def _lookahead(theta: Array, v: Array, gradient: Any, lr: float, mu: float) -> State:
    v = mu * v - lr * gradient(theta + mu * v)
    return theta + v, v


def _transformed(x: Array, v: Array, g: Array, lr: float, mu: float) -> State:
    v_new = mu * v - lr * g
    return x - mu * v + (1 + mu) * v_new, v_new


@exercise(
    "7.6",
    "Nesterov's two forms",
    points=3,
    hints={
        "gradient where it stands": (
            "This is momentum: your gradient is taken at theta.",
            "Nesterov asks for the slope at the place where the velocity is about to lead.",
            "Add the velocity that is kept to theta, and call gradient there.",
        ),
        "looks too far": (
            "You look ahead by the whole velocity.",
            "Only a share of the velocity survives this step.",
            "Add only the share mu of the velocity to theta.",
        ),
        "looks back": (
            "You look back to where the ball came from.",
            "The velocity will be added to theta.",
            "Mind the sign in front of mu * v inside the gradient.",
        ),
        "stays ahead": (
            "Your theta moves on from the look-ahead point, so that mu v is added twice.",
            "The ball looks ahead, and then steps from where it stands.",
            "Do not overwrite theta by the look-ahead point.",
        ),
        "x for theta": (
            "You return the point ahead, where the next gradient is taken, and not theta.",
            "The transformed form follows that point; this one follows theta.",
            "After the step theta has moved by the new v, and by nothing else.",
        ),
        "velocity overwritten": (
            "Your transformed step is plain momentum.",
            "The formula needs both velocities, the one before and the new one.",
            "Keep the old velocity under another name before you update v.",
        ),
        "first term missing": (
            "Your transformed step leaves out the term with the old velocity.",
            "x stands at theta + mu v_prev; the walk goes on from theta.",
            "Take mu times the old velocity back.",
        ),
        "first term added": (
            "Your transformed step adds mu times the old velocity.",
            "x stands at theta + mu v_prev; the walk goes on from theta.",
            "Mind the sign of the first term.",
        ),
        "uphill": UPHILL,
        "order": RETURN_ORDER,
        "map reversed": (
            "Your two maps are each other's.",
            "x is the point ahead of theta.",
            "to_x adds mu v, to_theta takes it away.",
        ),
        "map too far": (
            "Your map uses the whole velocity.",
            "Where does the look-ahead form evaluate its gradient? That point is x.",
            "The distance between x and theta is mu times v.",
        ),
    },
)
def nesterov(
    lookahead: Any, transformed: Any, to_x: Any, to_theta: Any, rng: np.random.Generator
) -> Iterator[str]:
    """Both forms of a step, the maps between them, and 200 steps of both on Rosenbrock's valley."""
    _check_lookahead(lookahead, rng)
    yield "the look-ahead form is right, for straight and for curved slopes"
    _check_transformed(transformed, rng)
    yield "the transformed form is right"
    _check_maps(to_x, to_theta, rng)
    yield "the maps from theta to x and back are right"
    f, mu = rosenbrock(), float(rng.uniform(0.5, 0.9))
    theta, v = np.array(f.start), np.zeros(2)
    x, u = call(to_x, theta, v, mu), v
    for _ in range(200):
        theta, v = call(lookahead, theta, v, f.gradient, 2e-4, mu)
        x, u = call(transformed, x, u, f.gradient(x), 2e-4, mu)
        expect((call(to_theta, x, u, mu), u), (theta, v), what="theta and v", atol=1e-12)
    yield "200 steps on Rosenbrock's valley: one walk in two descriptions, to 1e-12"


def _check_lookahead(answer: Any, rng: np.random.Generator) -> None:
    inputs = [
        (*rng.normal(size=(2, n)), slope, float(rng.uniform(0.05, 0.3)), mu)
        for n, mu, slope in ((1, 0.5, lambda x: 3 * x), (3, 0.9, lambda x: x**3 + 2 * x - 1))
    ]

    def at(share: Any) -> Any:
        return lambda theta, v, f, lr, mu: _momentum(theta, v, f(theta + share(mu) * v), lr, mu)

    def stays(theta: Array, v: Array, f: Any, lr: float, mu: float) -> State:
        step = _lookahead(theta, v, f, lr, mu)[1]
        return theta + mu * v + step, step

    def ahead(theta: Array, v: Array, f: Any, lr: float, mu: float) -> State:
        theta, v = _lookahead(theta, v, f, lr, mu)
        return theta + mu * v, v

    known = {
        "gradient where it stands": at(lambda mu: 0.0),
        "looks too far": at(lambda mu: 1.0),
        "looks back": at(lambda mu: -mu),
        "stays ahead": stays,
        "x for theta": ahead,
        "uphill": lambda theta, v, f, lr, mu: _lookahead(theta, v, f, -lr, mu),
        "order": lambda *a: _lookahead(*a)[::-1],
    }
    same(answer, _lookahead, inputs, known=known, what="Your look-ahead step")


def _check_transformed(answer: Any, rng: np.random.Generator) -> None:
    inputs = [
        (*rng.normal(size=(3, n)), float(rng.uniform(0.05, 0.3)), mu)
        for n, mu in ((1, 0.5), (3, 0.9))
    ]

    def with_first(sign: float) -> Any:
        def step(x: Array, v: Array, g: Array, lr: float, mu: float) -> State:
            v_new = mu * v - lr * g
            return x + sign * mu * v + (1 + mu) * v_new, v_new

        return step

    known = {
        "velocity overwritten": _momentum,
        "first term missing": with_first(0.0),
        "first term added": with_first(1.0),
        "uphill": lambda x, v, g, lr, mu: _transformed(x, v, g, -lr, mu),
        "order": lambda *a: _transformed(*a)[::-1],
    }
    same(answer, _transformed, inputs, known=known, what="Your transformed step")


def _check_maps(to_x: Any, to_theta: Any, rng: np.random.Generator) -> None:
    inputs = [(*rng.normal(size=(2, n)), mu) for n, mu in ((1, 0.5), (3, 0.9))]
    for answer, sign in ((to_x, 1.0), (to_theta, -1.0)):
        same(
            answer,
            lambda here, v, mu, sign=sign: here + sign * mu * v,
            inputs,
            known={
                "map reversed": lambda here, v, mu, sign=sign: here - sign * mu * v,
                "map too far": lambda here, v, mu, sign=sign: here + sign * v,
            },
            what="Your map",
        )
