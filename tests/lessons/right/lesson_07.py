"""Right answers to lesson 7, written in other ways than the solution."""

import math

import numpy as np


def step_by_loops(x, g, lr):
    if np.ndim(x) == 0:
        return x - lr * g
    return np.array([step_by_loops(xi, gi, lr) for xi, gi in zip(x, g, strict=True)])


def step_on_a_copy(x, g, lr):
    x = np.array(x, dtype=float)
    x -= np.multiply(lr, g)
    return x


def step_as_a_list(x, g, lr):
    return (np.asarray(x) - lr * np.asarray(g)).tolist()


def momentum_by_the_move(x, v, g, lr, mu):
    move = mu * v - lr * g
    return [x + move, move]


def momentum_on_copies(x, v, g, lr, mu):
    x, v = np.array(x), np.array(v)
    v = v * mu
    v -= lr * g
    x = x + v
    return x, v


def momentum_from_the_sum_of_gradients(x, v, g, lr, mu):
    total = mu * (v / -lr) + g
    return x - lr * total, -lr * total


def regime_by_roots(lr, momentum, h):
    roots = np.roots([1, -(1 + momentum - lr * h), momentum])
    if max(abs(roots)) > 1:
        return "diverges"
    return "oscillates" if np.iscomplex(roots).any() or (roots < 0).any() else "creeps"


def regime_by_discriminant(lr, momentum, h):
    b = 1 + momentum - lr * h
    if b < -(1 + momentum):
        return np.str_("diverges")
    return np.str_("creeps" if b > 0 and b * b > 4 * momentum else "oscillates")


def regime_in_capitals(lr, momentum, h):
    words = ["Creeps", "Oscillates", "Diverges"]
    borders = (1 - math.sqrt(momentum)) ** 2, 2 * (1 + momentum)
    return words[sum(lr * h > border for border in borders)]


def best_by_the_condition_number(m, L):
    root = np.sqrt(L / m)
    return np.float64(4 / m / (1 + root) ** 2), ((root - 1) / (root + 1)) ** 2


def best_by_a_linear_system(m, L):
    s, r = np.linalg.solve([[math.sqrt(m), 1.0], [math.sqrt(L), -1.0]], [1.0, 1.0])
    return np.array([s**2, r**2])


def best_by_the_rate(m, L):
    s = 2 / (m**0.5 + L**0.5)
    return [s * s, (1 - s * m**0.5) ** 2]


def convert_by_case(form, lr, momentum, v):
    share = {"torch": 1.0, "ema": 1.0 - momentum}[form]
    return [lr * share, momentum, -(lr * np.asarray(v))]


def convert_through_torch(form, lr, momentum, v):
    if form == "ema":
        return convert_through_torch("torch", lr * (1 - momentum), momentum, v / (1 - momentum))
    return np.float64(lr), np.float64(momentum), v * -lr


def rescale_through_the_sum(v, old_lr, new_lr):
    gradients = v / -old_lr
    return -new_lr * gradients


def ahead_in_three_lines(theta, v, gradient, lr, mu):
    kept = mu * v
    g = gradient(theta + kept)
    return theta + kept - lr * g, kept - lr * g


def ahead_as_a_list(theta, v, gradient, lr, mu):
    v = np.add(mu * v, -lr * gradient(np.add(theta, mu * v)))
    return [theta + v, v]


def transformed_as_in_torch(x, v, g, lr, mu):
    v = mu * v - lr * g
    return x + mu * v - lr * g, v


def transformed_through_theta(x, v, g, lr, mu):
    theta = x - mu * v
    v = mu * v - lr * g
    theta = theta + v
    return theta + mu * v, v


to_x = lambda theta, v, mu: np.add(theta, np.multiply(v, mu))
to_theta = lambda x, v, mu: np.subtract(x, mu * v)

RIGHT = {
    "7.1": [(step_by_loops,), (step_on_a_copy,), (step_as_a_list,)],
    "7.2": [(momentum_by_the_move,), (momentum_on_copies,), (momentum_from_the_sum_of_gradients,)],
    "7.3": [(regime_by_roots,), (regime_by_discriminant,), (regime_in_capitals,)],
    "7.4": [(best_by_the_condition_number,), (best_by_a_linear_system,), (best_by_the_rate,)],
    "7.5": [
        (convert_by_case, rescale_through_the_sum),
        (convert_through_torch, lambda v, old, new: v * (new / old)),
        (convert_by_case, lambda v, old, new: v + v * (new - old) / old),
    ],
    "7.6": [
        (ahead_in_three_lines, transformed_as_in_torch, to_x, to_theta),
        (ahead_as_a_list, transformed_through_theta, to_x, to_theta),
        (ahead_in_three_lines, transformed_through_theta, to_x, lambda x, v, mu: -mu * v + x),
    ],
}
