"""Right answers to lesson 10, written in other ways than the solution."""

import math

import numpy as np


def adagrad_by_loops(x, g, cache, lr, eps, power=0.5):
    new_x, new_cache = [], []
    for xi, gi, ci in zip(x, g, cache, strict=True):
        new_cache.append(ci + gi * gi)
        new_x.append(xi - lr * gi / (math.pow(ci + gi * gi, power) + eps))
    return np.array(new_x), np.array(new_cache)


def adagrad_on_copies(x, g, cache, lr, eps, power=0.5):
    x, cache = x.copy(), cache.copy()
    cache += np.square(g)
    x -= lr / (np.power(cache, power) + eps) * g
    return [x, cache]


def rmsprop_as_a_pull(x, g, cache, lr, decay, eps):
    cache = cache + (1 - decay) * (g * g - cache)
    return x - lr * (g / (cache**0.5 + eps)), cache


def adam_reordered(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t += 1
    m, v = m + (1 - beta1) * (g - m), v + (1 - beta2) * (np.square(g) - v)
    scale = np.sqrt(1 - beta2**t)
    return x - lr * scale / (1 - beta1**t) * m / (np.sqrt(v) + eps * scale), m, v, t


def steps_by_logarithms(lr, y0):
    return np.inf if y0 == 0 else int(np.ceil(np.log(1 / np.abs(y0)) / np.log1p(2 * lr)))


def steps_by_walking(lr, y0):
    y, t = abs(y0), 0
    while 0 < y <= 1:
        y, t = y + lr * 2 * y, t + 1
    return t if y else float("inf")


REASONS = {"SGD": "c", "Adagrad": "a", "RMSprop": " B", "y0 = 0": "D"}
GROWING = np.append(np.zeros(20_000), 1e-9 * 1.11 ** np.arange(80))

RIGHT = {
    "10.1": [(adagrad_by_loops,), (adagrad_on_copies,)],
    "10.2": [(rmsprop_as_a_pull,)],
    "10.3": [(adam_reordered,)],
    "10.4": [
        (lambda step: abs(step(0.0, 2.0, 0.1, 0.5)) > 1e-12,),
        (lambda step: np.any(step(np.zeros(3), np.ones(3), 1.0, 1.0) != 0),),
        (lambda step: step(0.0, 0.0, 0.1, 0.5) != 0,),  # 0 / 0 there is a fault as well
    ],
    "10.5": [(steps_by_logarithms, REASONS), (steps_by_walking, REASONS)],
    "10.6": [(GROWING,), (GROWING.tolist(),), (-GROWING,)],
}
