"""Wrong answers to lesson 10, as they are handed in."""

import math

import numpy as np

from . import wrong

# -- 10.1 Adagrad ----------------------------------------------------------------------------------


@wrong("10.1", "uphill")
def adds_the_step(x, g, cache, lr, eps, power=0.5):
    cache = cache + g * g
    return x + lr * g / (cache**power + eps), cache


@wrong("10.1", "old cache")
def divides_before_it_updates(x, g, cache, lr, eps, power=0.5):
    x = x - lr * g / (cache**power + eps)
    return x, cache + g**2


@wrong("10.1", "epsilon inside")
def guards_inside_the_root(x, g, cache, lr, eps, power=0.5):
    cache = cache + g**2
    return x - lr * g / (cache + eps) ** power, cache


@wrong("10.1", "cache not summed")
def overwrites_the_cache(x, g, cache, lr, eps, power=0.5):
    cache = g**2
    return x - lr * g / (cache**power + eps), cache


@wrong("10.1", "not squared")
def forgets_the_square(x, g, cache, lr, eps, power=0.5):
    cache = cache + g
    return x - lr * g / (np.abs(cache) ** power + eps), cache


@wrong("10.1", "power ignored")
def always_takes_the_root(x, g, cache, lr, eps, power=0.5):
    cache = cache + g**2
    return x - lr * g / (np.sqrt(cache) + eps), cache


@wrong("10.1", "changed its input")
def works_in_place(x, g, cache, lr, eps, power=0.5):
    cache += g**2
    return x - lr * g / (cache**power + eps), cache


@wrong("10.1", "nothing")
def forgets_to_return(x, g, cache, lr, eps, power=0.5):
    cache = cache + g**2
    x = x - lr * g / (cache**power + eps)


@wrong("10.1", "parts")
def returns_x_alone(x, g, cache, lr, eps, power=0.5):
    return x - lr * g / ((cache + g**2) ** power + eps)


@wrong("10.1", "epsilon loose")
def forgets_the_brackets(x, g, cache, lr, eps, power=0.5):
    cache = cache + g**2
    return x - lr * g / cache**power + eps, cache


# -- 10.2 RMSprop ----------------------------------------------------------------------------------


@wrong("10.2", "weights swapped")
def remembers_the_new(x, g, cache, lr, decay, eps):
    cache = (1 - decay) * cache + decay * g**2
    return x - lr * g / (np.sqrt(cache) + eps), cache


@wrong("10.2", "a sum")
def is_adagrad(x, g, cache, lr, decay, eps):
    cache = cache + g**2
    return x - lr * g / (np.sqrt(cache) + eps), cache


@wrong("10.2", "no second factor")
def leaves_out_a_factor(x, g, cache, lr, decay, eps):
    cache = decay * cache + g**2
    return x - lr * g / (np.sqrt(cache) + eps), cache


@wrong("10.2", "no root")
def leaves_out_the_root(x, g, cache, lr, decay, eps):
    cache = decay * cache + (1 - decay) * g**2
    return x - lr * g / (cache + eps), cache


@wrong("10.2", "epsilon inside")
def root_of_all(x, g, cache, lr, decay, eps):
    cache = decay * cache + (1 - decay) * g**2
    return x - lr * g / np.sqrt(cache + eps), cache


@wrong("10.2", "old cache")
def one_step_late(x, g, cache, lr, decay, eps):
    step = lr * g / (np.sqrt(cache) + eps)
    return x - step, decay * cache + (1 - decay) * g**2


@wrong("10.2", "uphill")
def climbs(x, g, cache, lr, decay, eps):
    cache = decay * cache + (1 - decay) * g**2
    return x + lr * g / (np.sqrt(cache) + eps), cache


@wrong("10.2", "epsilon loose")
def adds_epsilon_to_x(x, g, cache, lr, decay, eps):
    cache = decay * cache + (1 - decay) * g**2
    return x - lr * g / np.sqrt(cache) + eps, cache


@wrong("10.2", "parts")
def keeps_the_cache(x, g, cache, lr, decay, eps):
    cache = decay * cache + (1 - decay) * g**2
    return x - lr * g / (np.sqrt(cache) + eps)


# -- 10.3 Adam -------------------------------------------------------------------------------------


def moments(g, m, v, beta1, beta2):
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


@wrong("10.3", "counted too late")
def counts_at_the_end(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = moments(g, m, v, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return x - lr * m_hat / (np.sqrt(v_hat) + eps), m, v, t + 1


@wrong("10.3", "counted too late")
def never_counts(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = moments(g, m, v, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return x - lr * m_hat / (np.sqrt(v_hat) + eps), m, v, t


@wrong("10.3", "t not counted")
def keeps_the_count_to_itself(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = moments(g, m, v, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1 ** (t + 1)), v / (1 - beta2 ** (t + 1))
    return x - lr * m_hat / (np.sqrt(v_hat) + eps), m, v, t


@wrong("10.3", "not corrected")
def leaves_out_the_correction(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = moments(g, m, v, beta1, beta2)
    return x - lr * m / (np.sqrt(v) + eps), m, v, t + 1


@wrong("10.3", "corrections stored")
def stores_the_correction(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t += 1
    m, v = moments(g, m, v, beta1, beta2)
    m, v = m / (1 - beta1**t), v / (1 - beta2**t)
    return x - lr * m / (np.sqrt(v) + eps), m, v, t


@wrong("10.3", "betas swapped")
def swaps_the_betas(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t += 1
    m, v = moments(g, m, v, beta2, beta1)
    m_hat, v_hat = m / (1 - beta2**t), v / (1 - beta1**t)
    return x - lr * m_hat / (np.sqrt(v_hat) + eps), m, v, t


@wrong("10.3", "epsilon inside")
def guards_under_the_root(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t += 1
    m, v = moments(g, m, v, beta1, beta2)
    return x - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps), m, v, t


@wrong("10.3", "epsilon before")
def guards_before_the_correction(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t += 1
    m, v = moments(g, m, v, beta1, beta2)
    rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return x - rate * m / (np.sqrt(v) + eps), m, v, t


@wrong("10.3", "not squared")
def averages_the_gradient_twice(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t += 1
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g
    return x - lr * m / (1 - beta1**t) / (np.sqrt(np.abs(v) / (1 - beta2**t)) + eps), m, v, t


@wrong("10.3", "uphill")
def adds_adams_step(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t += 1
    m, v = moments(g, m, v, beta1, beta2)
    return x + lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v, t


@wrong("10.3", "epsilon loose")
def epsilon_on_the_loose(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t += 1
    m, v = moments(g, m, v, beta1, beta2)
    return x - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t)) + eps, m, v, t


@wrong("10.3", "parts")
def returns_no_state(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    t += 1
    m, v = moments(g, m, v, beta1, beta2)
    return x - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)


# -- 10.4 Epsilon ----------------------------------------------------------------------------------

wrong("10.4", "always true")(lambda step: True)
wrong("10.4", "always false")(lambda step: False)
wrong("10.4", "raised")(lambda step: step(0.0, 1.0) != 0)  # the step takes four arguments


@wrong("10.4", "always false")
def hides_behind_a_tolerance(step):
    return not math.isclose(step(1.0, 1.0, 0.1, 1e-8), -0.1, abs_tol=1e-6)


@wrong("10.4", "accuses a variant")
def compares_with_one_formula(step):
    return not math.isclose(step(1.0, 1.0, 1.0, 0.1), -1 / 1.1)


@wrong("10.4", "misses one")
def looks_for_eps_itself(step):
    return math.isclose(step(0.0, 1.0, 0.5, 0.1), 0.1)


@wrong("10.4", "misses one")
def looks_for_a_step_uphill(step):
    return step(0.0, 1.0, 0.1, 1e-8) > 0


@wrong("10.4", "always true")
def sees_that_epsilon_acts(step):
    return step(1.0, 1.0, 0.1, 0.5) != step(1.0, 1.0, 0.1, 0.0)


# -- 10.5 The saddle -------------------------------------------------------------------------------

REASONS = {"SGD": "C", "Adagrad": "A", "RMSprop": "B", "y0 = 0": "D"}


def sgd_steps(lr, y0):
    if y0 == 0:
        return math.inf
    return math.floor(-math.log(abs(y0)) / math.log(1 + 2 * lr)) + 1


def unless_zero(formula):
    return lambda lr, y0: math.inf if y0 == 0 else formula(lr, abs(y0))


def saddle(mistake, steps, reasons=REASONS):
    wrong("10.5", mistake, spread=True)((steps, reasons))


saddle("rounded down", unless_zero(lambda lr, y: int(-math.log(y) / math.log(1 + 2 * lr))))
saddle("curvature 1", unless_zero(lambda lr, y: math.ceil(-math.log(y) / math.log(1 + lr))))
saddle("continuous", unless_zero(lambda lr, y: math.ceil(-math.log(y) / (2 * lr))))
saddle("shrinks", unless_zero(lambda lr, y: math.ceil(-math.log(y) / math.log(1 - 2 * lr))))
saddle("not whole", unless_zero(lambda lr, y: -math.log(y) / math.log(1 + 2 * lr)))
saddle("sign", lambda lr, y0: sgd_steps(lr, y0) if y0 >= 0 else math.inf)
saddle("zero", lambda lr, y0: sgd_steps(lr, y0) if y0 else 0)
saddle("raised", lambda lr, y0: math.ceil(math.log(y0) / math.log(2 * lr - 1)))
saddle("reasons", sgd_steps, REASONS | {"Adagrad": "B", "RMSprop": "A"})
saddle("type", sgd_steps, ["C", "A", "B", "D"])
saddle("value", lambda lr, y0: 698)

# -- 10.6 Adam's longest step ----------------------------------------------------------------------

wrong("10.6", "no step")(np.zeros(100))
wrong("10.6", "about lr")(np.ones(1000))
wrong("10.6", "one spike")(np.append(np.zeros(9000), 1e6))
wrong("10.6", "too early")((0.999 / 0.9) ** np.arange(60))
wrong("10.6", "too early")(np.append(np.zeros(100), 1.1 ** np.arange(60)))
wrong("10.6", "not long enough")(np.append(np.zeros(9000), np.ones(20)))
wrong("10.6", "not long enough")(np.append(np.zeros(9000), 10.0 ** np.arange(20)))
wrong("10.6", "too large")(np.append(np.zeros(9000), 10.0 ** np.arange(200)))
wrong("10.6", "type")(lambda t: t)
wrong("10.6", "type")(7.27)
