"""Wrong answers to lesson 7, as they are handed in."""

import math

import numpy as np

from . import wrong

# -- 7.1 One step ----------------------------------------------------------------------------------


@wrong("7.1", "uphill")
def climbs(x, g, lr):
    return x + lr * g


@wrong("7.1", "rate left out")
def takes_the_whole_gradient(x, g, lr):
    return x - g


@wrong("7.1", "rate divides")
def divides_by_the_rate(x, g, lr):
    return x - g / lr


@wrong("7.1", "only the change")
def returns_the_change(x, g, lr):
    return -lr * g


@wrong("7.1", "normalised")
def steps_of_one_length(x, g, lr):
    return x - lr * g / np.sqrt(np.sum(np.square(g)))


@wrong("7.1", "sign alone")
def steps_by_sign(x, g, lr):
    return x - lr * np.sign(g)


@wrong("7.1", "changed its input")
def steps_in_place(x, g, lr):
    x -= lr * g
    return x


@wrong("7.1", "nothing")
def keeps_it_to_itself(x, g, lr):
    x = x - lr * g


# -- 7.2 Momentum ----------------------------------------------------------------------------------


@wrong("7.2", "uphill")
def ball_climbs(x, v, g, lr, mu):
    v = mu * v + lr * g
    return x + v, v


@wrong("7.2", "old velocity")
def moves_before_it_is_pushed(x, v, g, lr, mu):
    x = x + v
    v = mu * v - lr * g
    return x, v


@wrong("7.2", "velocity subtracted")
def minus_twice(x, v, g, lr, mu):
    v = mu * v - lr * g
    return x - v, v


@wrong("7.2", "PyTorch's form")
def as_in_another_program(x, v, g, lr, mu):
    v = mu * v + g
    return x - lr * v, v


@wrong("7.2", "average")
def exponential_average(x, v, g, lr, mu):
    v = mu * v + (1 - mu) * g
    return x - lr * v, v


@wrong("7.2", "average, as a step")
def average_of_steps(x, v, g, lr, mu):
    v = mu * v - (1 - mu) * lr * g
    return x + v, v


@wrong("7.2", "no friction")
def rolls_for_ever(x, v, g, lr, mu):
    v = v - lr * g
    return x + v, v


@wrong("7.2", "gradient slowed")
def brackets_too_wide(x, v, g, lr, mu):
    v = mu * (v - lr * g)
    return x + v, v


@wrong("7.2", "velocity not kept")
def returns_the_old_velocity(x, v, g, lr, mu):
    return x + mu * v - lr * g, v


@wrong("7.2", "order")
def velocity_first(x, v, g, lr, mu):
    v = mu * v - lr * g
    return v, x + v


@wrong("7.2", "changed its input")
def ball_in_place(x, v, g, lr, mu):
    v *= mu
    v -= lr * g
    return x + v, v


@wrong("7.2", "parts")
def position_alone(x, v, g, lr, mu):
    return x + mu * v - lr * g


@wrong("7.2", "velocity reversed")
def velocity_uphill(x, v, g, lr, mu):
    v = mu * v + lr * g
    return x - v, v


# -- 7.3 Regimes -----------------------------------------------------------------------------------


def regimes(edge, near):
    """A wrong answer with its own two borders."""

    def regime(lr, momentum, h):
        if lr * h > edge(momentum):
            return "diverges"
        return "creeps" if near(lr * h, momentum) else "oscillates"

    return regime


below_critical = lambda step, mu: step < (1 - math.sqrt(mu)) ** 2
right_edge = lambda mu: 2 + 2 * mu

wrong("7.3", "descent's edge")(regimes(lambda mu: 2, below_critical))
wrong("7.3", "half the edge")(regimes(lambda mu: 1 + mu, below_critical))
wrong("7.3", "flips taken for creeping")(
    regimes(right_edge, lambda step, mu: mu < (1 - math.sqrt(step)) ** 2)
)
wrong("7.3", "flips taken for creeping")(
    regimes(right_edge, lambda step, mu: (1 + mu - step) ** 2 - 4 * mu > 0)
)
wrong("7.3", "the wrong way round")(
    regimes(right_edge, lambda step, mu: not below_critical(step, mu))
)
wrong("7.3", "not squared")(regimes(right_edge, lambda step, mu: mu < 1 - math.sqrt(step)))
wrong("7.3", "no roots")(regimes(right_edge, lambda step, mu: not mu > 1 - step))
wrong("7.3", "descent's regimes")(regimes(lambda mu: 2, lambda step, mu: step < 1))
wrong("7.3", "divergence left out")(regimes(lambda mu: math.inf, below_critical))
wrong("7.3", "words")(lambda lr, momentum, h: "stable" if lr * h < 2 + 2 * momentum else "unstable")
wrong("7.3", "words")(lambda lr, momentum, h: lr * h < 2 + 2 * momentum)
wrong("7.3", "value")(lambda lr, momentum, h: "oscillates")


@wrong("7.3", "curvature left out")
def forgets_the_curvature(lr, momentum, h):
    if lr > 2 + 2 * momentum:
        return "diverges"
    return "creeps" if lr < (1 - math.sqrt(momentum)) ** 2 else "oscillates"


@wrong("7.3", "nothing")
def prints_its_answer(lr, momentum, h):
    if lr * h > 2 + 2 * momentum:
        return "diverges"
    if below_critical(lr * h, momentum):
        return "creeps"


# -- 7.4 Best settings -----------------------------------------------------------------------------


def ratio(m, L):
    return (math.sqrt(L) - math.sqrt(m)) / (math.sqrt(L) + math.sqrt(m))


best_lr = lambda m, L: 4 / (math.sqrt(L) + math.sqrt(m)) ** 2

wrong("7.4", "plain descent")(lambda m, L: (2 / (m + L), 0.0))
wrong("7.4", "rate not squared")(lambda m, L: (best_lr(m, L), ratio(m, L)))
wrong("7.4", "step not squared")(lambda m, L: (math.sqrt(best_lr(m, L)), ratio(m, L) ** 2))
wrong("7.4", "roots left out")(lambda m, L: (2 / (L + m), ((L - m) / (L + m)) ** 2))
wrong("7.4", "Nesterov's")(lambda m, L: (1 / L, ratio(m, L)))
wrong("7.4", "order")(lambda m, L: (ratio(m, L) ** 2, best_lr(m, L)))
wrong("7.4", "one end")(lambda m, L: (1 / L, (1 - math.sqrt(m / L)) ** 2))
wrong("7.4", "a fixed momentum")(lambda m, L: (best_lr(m, L), 0.9))
wrong("7.4", "slower")(lambda m, L: (0.999 * best_lr(m, L), 0.99))
wrong("7.4", "diverges")(lambda m, L: (2.5 / math.sqrt(L), 0.5))
wrong("7.4", "type")(lambda m, L: best_lr(m, L))
wrong("7.4", "not finite")(lambda m, L: (best_lr(m, L), math.nan))
wrong("7.4", "nothing")(lambda m, L: None)


@wrong("7.4", "value")
def fails_in_a_round_bowl(m, L):
    """Right but for m = L, where it gives a momentum that is not needed."""
    return (best_lr(m, L), ratio(m, L) ** 2) if m < L else (1 / L, 0.5)


# -- 7.5 Three forms -------------------------------------------------------------------------------


def convert(form, lr, momentum, v):
    return (lr if form == "torch" else lr * (1 - momentum)), momentum, -lr * v


def rescale(v, old_lr, new_lr):
    return new_lr / old_lr * v


def other_ema(ema):
    """A conversion that is right for torch."""
    return lambda form, *settings: (convert if form == "torch" else ema)(form, *settings)


for mistake, answer in {
    "velocity as it was": lambda form, lr, mu, v: (*convert(form, lr, mu, v)[:2], v),
    "velocity of the wrong sign": lambda form, lr, mu, v: (*convert(form, lr, mu, v)[:2], lr * v),
    "velocity not scaled": lambda form, lr, mu, v: (*convert(form, lr, mu, v)[:2], -v),
    "average not undone": other_ema(lambda form, lr, mu, v: (lr, mu, -lr * v)),
    "average undone twice": other_ema(
        lambda form, lr, mu, v: (lr * (1 - mu), mu, -lr * (1 - mu) * v)
    ),
    "average divided": other_ema(lambda form, lr, mu, v: (lr / (1 - mu), mu, -lr * v)),
    "torch as ema": lambda form, lr, mu, v: (lr * (1 - mu), mu, -lr * v),
    "parts": lambda form, lr, mu, v: convert(form, lr, mu, v)[:2],
}.items():
    wrong("7.5", mistake, spread=True)((answer, rescale))

wrong("7.5", "not rescaled", spread=True)((convert, lambda v, old_lr, new_lr: v))
wrong("7.5", "upside down", spread=True)((convert, lambda v, old_lr, new_lr: v * old_lr / new_lr))
wrong("7.5", "unscaled sum", spread=True)((convert, lambda v, old_lr, new_lr: v * new_lr))
wrong("7.5", "value", spread=True)((convert, lambda v, old_lr, new_lr: v * (new_lr - old_lr)))


# -- 7.6 Nesterov ----------------------------------------------------------------------------------


def ahead(theta, v, gradient, lr, mu):
    v = mu * v - lr * gradient(theta + mu * v)
    return theta + v, v


def transformed(x, v, g, lr, mu):
    v_new = mu * v - lr * g
    return x - mu * v + (1 + mu) * v_new, v_new


to_x = lambda theta, v, mu: theta + mu * v
to_theta = lambda x, v, mu: x - mu * v


def momentum_at_theta(theta, v, gradient, lr, mu):
    v = mu * v - lr * gradient(theta)
    return theta + v, v


def looks_by_all_of_v(theta, v, gradient, lr, mu):
    v = mu * v - lr * gradient(theta + v)
    return theta + v, v


def looks_behind(theta, v, gradient, lr, mu):
    v = mu * v - lr * gradient(theta - mu * v)
    return theta + v, v


def stays_ahead(theta, v, gradient, lr, mu):
    theta = theta + mu * v
    v = mu * v - lr * gradient(theta)
    return theta + v, v


def returns_the_point_ahead(theta, v, gradient, lr, mu):
    v = mu * v - lr * gradient(theta + mu * v)
    return theta + v + mu * v, v


def climbs_ahead(theta, v, gradient, lr, mu):
    v = mu * v + lr * gradient(theta + mu * v)
    return theta + v, v


def gradient_not_called(theta, v, gradient, lr, mu):
    v = mu * v - lr * gradient
    return theta + v, v


for mistake, answer in {
    "gradient where it stands": momentum_at_theta,
    "looks too far": looks_by_all_of_v,
    "looks back": looks_behind,
    "stays ahead": stays_ahead,
    "x for theta": returns_the_point_ahead,
    "uphill": climbs_ahead,
    "order": lambda *a: ahead(*a)[::-1],
    "raised": gradient_not_called,
}.items():
    wrong("7.6", mistake, spread=True)((answer, transformed, to_x, to_theta))


def overwrites_v(x, v, g, lr, mu):
    v = mu * v - lr * g
    return x - mu * v + (1 + mu) * v, v


def forgets_to_go_back(x, v, g, lr, mu):
    v = mu * v - lr * g
    return x + (1 + mu) * v, v


def goes_forward_twice(x, v, g, lr, mu):
    v_prev, v = v, mu * v - lr * g
    return x + mu * v_prev + (1 + mu) * v, v


def climbs_transformed(x, v, g, lr, mu):
    v_prev, v = v, mu * v + lr * g
    return x - mu * v_prev + (1 + mu) * v, v


for mistake, answer in {
    "velocity overwritten": overwrites_v,
    "first term missing": forgets_to_go_back,
    "first term added": goes_forward_twice,
    "uphill": climbs_transformed,
    "order": lambda *a: transformed(*a)[::-1],
}.items():
    wrong("7.6", mistake, spread=True)((ahead, answer, to_x, to_theta))

wrong("7.6", "map reversed", spread=True)((ahead, transformed, to_theta, to_x))
wrong("7.6", "map too far", spread=True)((ahead, transformed, lambda x, v, mu: x + v, to_theta))
wrong("7.6", "map too far", spread=True)((ahead, transformed, to_x, lambda x, v, mu: x - v))
