"""Wrong answers to lesson 2, as they are made."""

import numpy as np
from minnet_lessons.checks.lesson_02 import _error as error
from minnet_lessons.checks.lesson_02 import _numeric as numeric
from minnet_lessons.checks.lesson_02 import _worst as worst

import gradcheck

from . import wrong


def winners(X, W):
    return X @ W > 0


def moved(W, i, step):
    V = W.copy()
    V[i] += step
    return V


def for_each(W, test):
    result = np.zeros(W.shape, dtype=bool)
    for i in np.ndindex(W.shape):
        result[i] = test(i)
    return result


@wrong("2.1", "only +h")
def looks_right(X, W, h):
    return for_each(W, lambda i: np.any(winners(X, moved(W, i, h)) != winners(X, W)))


@wrong("2.1", "only -h")
def looks_left(X, W, h):
    return for_each(W, lambda i: np.any(winners(X, moved(W, i, -h)) != winners(X, W)))


@wrong("2.1", "winners of W")
def signs_of_the_weights(X, W, h):
    return ((W + h > 0) != (W > 0)) | ((W - h > 0) != (W > 0))


@wrong("2.1", "all moved together")
def moves_all(X, W, h):
    both = [np.any(winners(X, W + step) != winners(X, W)) for step in (h, -h)]
    return for_each(W, lambda i: any(both))


@wrong("2.1", "not moved back")
def forgets_to_move_back(X, W, h):
    start, W = winners(X, W), W.copy()

    def test(i):
        W[i] += h
        right = np.any(winners(X, W) != start)
        W[i] -= 2 * h
        return right or np.any(winners(X, W) != start)

    return for_each(W, test)


@wrong("2.1", "all examples")
def asks_for_all(X, W, h):
    V = lambda i, j, step: winners(X, moved(W, (i, j), step))[:, j] != winners(X, W)[:, j]
    return for_each(W, lambda i: np.all(V(*i, h)) or np.all(V(*i, -h)))


@wrong("2.1", "inverted")
def the_safe_ones(X, W, h):
    same = lambda i, step: np.array_equal(winners(X, moved(W, i, step)), winners(X, W))
    return for_each(W, lambda i: same(i, h) and same(i, -h))


@wrong("2.1", "nothing crossed")
def compares_an_array_with_itself(X, W, h):
    W = W.copy()

    def test(i):
        V = W
        V[i] += h
        return np.any(winners(X, V) != winners(X, W))

    return for_each(W, test)


@wrong("2.1", "changed its input")
def moves_the_callers_weights(X, W, h):
    def test(i):
        before = winners(X, W)
        W[i] += h
        return np.any(winners(X, W) != before)

    return for_each(W, test)


@wrong("2.1", "shape")
def one_answer_for_all(X, W, h):
    return np.any(for_each(W, lambda i: np.any(winners(X, moved(W, i, h)) != winners(X, W))))


STEPS = (1e-5, 1e-6, 1e-7, 1e-8)


def judge(f, slope, x, h):
    n = (f(x + h) - f(x - h)) / (2 * h)
    return "right" if gradcheck.relative_error(slope(x), n) < 1e-4 else "wrong"


@wrong("2.2", "kinks ignored")
def the_broken_one(f, slope, winner, x):
    return judge(f, slope, x, 1e-5)


@wrong("2.2", "kinks excused")
def right_when_in_doubt(f, slope, winner, x):
    for h in STEPS:
        if winner(x - h) == winner(x) == winner(x + h):
            return judge(f, slope, x, h)
    return "right"


@wrong("2.2", "kinks excused")
def skips_every_crossing(f, slope, winner, x):
    h = 1e-5
    crossing = not winner(x - h) == winner(x) == winner(x + h)
    return "right" if crossing else judge(f, slope, x, h)


@wrong("2.2", "kinks accused")
def wrong_when_in_doubt(f, slope, winner, x):
    for h in STEPS:
        if winner(x - h) == winner(x) == winner(x + h):
            return judge(f, slope, x, h)
    return "wrong"


@wrong("2.2", "gives up at once")
def returns_inside_the_loop(f, slope, winner, x):
    for h in STEPS:
        if winner(x - h) == winner(x) == winner(x + h):
            return judge(f, slope, x, h)
        return "undecided"


@wrong("2.2", "smallest step only")
def tiny_step(f, slope, winner, x):
    return judge(f, slope, x, 1e-8)


@wrong("2.2", "smallest step only")
def begins_with_the_smallest(f, slope, winner, x):
    for h in reversed(STEPS):
        if winner(x - h) == winner(x) == winner(x + h):
            return judge(f, slope, x, h)
    return "undecided"


@wrong("2.2", "no word")
def true_or_false(f, slope, winner, x):
    for h in STEPS:
        if winner(x - h) == winner(x) == winner(x + h):
            return judge(f, slope, x, h) == "right"
    return None


@wrong("2.2", "left neighbour only")
def left(f, slope, winner, x):
    for h in STEPS:
        if winner(x - h) == winner(x):
            return judge(f, slope, x, h)
    return "undecided"


@wrong("2.2", "right neighbour only")
def right(f, slope, winner, x):
    for h in STEPS:
        if winner(x) == winner(x + h):
            return judge(f, slope, x, h)
    return "undecided"


@wrong("2.2", "verdict")
def any_step_that_agrees(f, slope, winner, x):
    return "right" if any(judge(f, slope, x, h) == "right" for h in STEPS) else "wrong"


@wrong("2.2", "verdict")
def absolute_tolerance(f, slope, winner, x):
    for h in STEPS:
        if winner(x - h) == winner(x) == winner(x + h):
            n = (f(x + h) - f(x - h)) / (2 * h)
            return "right" if abs(slope(x) - n) < 1e-4 else "wrong"
    return "undecided"


@wrong("2.2", "nothing")
def forgets_the_last_case(f, slope, winner, x):
    for h in STEPS:
        if winner(x - h) == winner(x) == winner(x + h):
            return judge(f, slope, x, h)


fresh = np.random.default_rng


@wrong("2.3", "one generator")
def one_generator(loss, gradient, x, seed):
    rng = fresh(seed)
    return error(gradient(x, rng), numeric(lambda x: loss(x, rng), x))


@wrong("2.3", "one generator")
def one_generator_for_each_side(loss, gradient, x, seed):
    rng = fresh(seed)
    return error(gradient(x, fresh(seed)), numeric(lambda x: loss(x, rng), x))


@wrong("2.3", "one generator")
def reseeds_for_each_entry(loss, gradient, x, seed):
    n = np.zeros(x.shape)
    for i in range(x.size):
        rng, e = fresh(seed), np.zeros(x.shape)
        e[i] = 1e-5
        n[i] = (loss(x + e, rng) - loss(x - e, rng)) / 2e-5
    return error(gradient(x, fresh(seed)), n)


@wrong("2.3", "gradient not seeded")
def forgets_the_gradient(loss, gradient, x, seed):
    return error(gradient(x, fresh()), numeric(lambda x: loss(x, fresh(seed)), x))


@wrong("2.3", "seed ignored")
def always_seed_zero(loss, gradient, x, seed):
    return error(gradient(x, fresh(0)), numeric(lambda x: loss(x, fresh(0)), x))


@wrong("2.3", "raised")
def gives_the_seed_itself(loss, gradient, x, seed):
    return error(gradient(x, seed), numeric(lambda x: loss(x, seed), x))


@wrong("2.3", "raised")
def gives_no_generator(loss, gradient, x, seed):
    np.random.seed(seed)
    return error(gradient(x), numeric(lambda x: loss(x), x))


@wrong("2.3", "always small")
def compares_the_measurement_with_itself(loss, gradient, x, seed):
    gradient(x, fresh(seed))
    n = numeric(lambda x: loss(x, fresh(seed)), x)
    return error(n, n)


@wrong("2.3", "always small")
def never_calls(loss, gradient, x, seed):
    return 0.0


@wrong("2.3", "not a number of the error")
def returns_the_slopes(loss, gradient, x, seed):
    gradient(x, fresh(seed))
    return numeric(lambda x: loss(x, fresh(seed)), x)


def error_of(f, w):
    return error(f(w)[1], numeric(lambda w: f(w)[0], w))


def ratio(data, reg, w):
    return np.linalg.norm(reg(w)[1]) / np.linalg.norm(data(w)[1])


@wrong("2.4", "still the sum")
def sum_twice(data, reg, w):
    total = lambda w: (data(w)[0] + reg(w)[0], data(w)[1] + reg(w)[1])
    return error_of(total, w), error_of(total, w), ratio(data, reg, w)


@wrong("2.4", "swapped")
def reg_first(data, reg, w):
    return error_of(reg, w), error_of(data, w), ratio(data, reg, w)


@wrong("2.4", "ratio upside down")
def data_over_reg(data, reg, w):
    return error_of(data, w), error_of(reg, w), 1 / ratio(data, reg, w)


@wrong("2.4", "ratio of losses")
def ratio_of_the_losses(data, reg, w):
    return error_of(data, w), error_of(reg, w), reg(w)[0] / data(w)[0]


@wrong("2.4", "ratio of sums")
def ratio_of_the_sums(data, reg, w):
    return error_of(data, w), error_of(reg, w), reg(w)[1].sum() / data(w)[1].sum()


@wrong("2.4", "by subtraction")
def subtracts(data, reg, w):
    total = numeric(lambda w: data(w)[0] + reg(w)[0], w)
    of_reg = numeric(lambda w: reg(w)[0], w)
    return error(data(w)[1], total - of_reg), error(reg(w)[1], of_reg), ratio(data, reg, w)


@wrong("2.4", "not the loss alone")
def measures_the_pair(data, reg, w):
    of_data, of_reg = numeric(data, w), numeric(reg, w)
    return error(data(w)[1], of_data), error(reg(w)[1], of_reg), ratio(data, reg, w)


@wrong("2.4", "parts")
def two_numbers(data, reg, w):
    return error_of(data, w), error_of(reg, w)


@wrong("2.4", "value")
def total_and_reg(data, reg, w):
    total = lambda w: (data(w)[0] + reg(w)[0], data(w)[1] + reg(w)[1])
    return error_of(total, w), error_of(reg, w), ratio(data, reg, w)


def trained(loss, params, steps, lr):
    for _ in range(steps):
        g = loss(params)[1]
        params = {name: p - lr * g[name] for name, p in params.items()}
    return params


@wrong("2.5", "never trained")
def trains_and_forgets(loss, params, steps, lr):
    trained(loss, params, steps, lr)
    return worst(loss, params), worst(loss, params)


@wrong("2.5", "uphill")
def climbs(loss, params, steps, lr):
    return worst(loss, params), worst(loss, trained(loss, params, steps, -lr))


@wrong("2.5", "one step")
def one_step(loss, params, steps, lr):
    g = loss(params)[1]
    late = {name: p - lr * g[name] for name, p in params.items()}
    return worst(loss, params), worst(loss, late)


@wrong("2.5", "old gradient")
def gradient_before_the_loop(loss, params, steps, lr):
    g = loss(params)[1]
    late = {name: p - steps * lr * g[name] for name, p in params.items()}
    return worst(loss, params), worst(loss, late)


@wrong("2.5", "one after another")
def asks_again_for_each_parameter(loss, params, steps, lr):
    late = dict(params)
    for _ in range(steps):
        for name in late:
            late[name] = late[name] - lr * loss(late)[1][name]
    return worst(loss, params), worst(loss, late)


@wrong("2.5", "one step too many")
def off_by_one(loss, params, steps, lr):
    return worst(loss, params), worst(loss, trained(loss, params, steps + 1, lr))


@wrong("2.5", "without lr")
def long_steps(loss, params, steps, lr):
    return worst(loss, params), worst(loss, trained(loss, params, steps, 1.0))


@wrong("2.5", "trained in place")
def writes_into_the_arrays(loss, params, steps, lr):
    early = worst(loss, params)
    for _ in range(steps):
        g = loss(params)[1]
        for name, p in params.items():
            p -= lr * g[name]
    return early, worst(loss, params)


@wrong("2.5", "trained in place")
def writes_into_the_dict(loss, params, steps, lr):
    early = worst(loss, params)
    for _ in range(steps):
        g = loss(params)[1]
        for name in list(params):
            params[name] = params[name] - lr * g[name]
    return early, worst(loss, params)


@wrong("2.5", "order")
def late_first(loss, params, steps, lr):
    return worst(loss, trained(loss, params, steps, lr)), worst(loss, params)


@wrong("2.5", "nothing")
def no_return(loss, params, steps, lr):
    worst(loss, trained(loss, params, steps, lr))


def slope(forward, params, name, i, g, h=1e-5):
    def f(step):
        return np.sum(g * forward({**params, name: moved(params[name], i, step)})[0])

    return (f(h) - f(-h)) / (2 * h)


def sampled(forward, params, gradients, chosen, g):
    """{name: error over the chosen entries}"""
    errors = {}
    for name, indices in chosen.items():
        a = np.array([gradients[name][i] for i in indices])
        errors[name] = error(a, np.array([slope(forward, params, name, i, g) for i in indices]))
    return errors


def drawn(params, k, rng, replace=False):
    counts = {n: k if replace else min(k, p.size) for n, p in params.items()}
    draw = lambda n, p: rng.choice(p.size, counts[n], replace=replace)
    return {n: [np.unravel_index(j, p.shape) for j in draw(n, p)] for n, p in params.items()}


def with_upstream(make):
    def check(forward, backward, params, k, rng):
        output, cache = forward(params)
        g = make(output, rng)
        return sampled(forward, params, backward(g, cache), drawn(params, k, rng), g)

    return check


wrong("2.6", "ones")(with_upstream(lambda output, rng: np.ones_like(output)))
wrong("2.6", "one sign")(with_upstream(lambda output, rng: rng.random(output.shape)))
wrong("2.6", "upstream not random")(
    with_upstream(lambda output, rng: np.random.default_rng(0).normal(size=output.shape))
)


@wrong("2.6", "missing parameters")
def first_parameter_only(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    first = dict([next(iter(drawn(params, k, rng).items()))])
    return sampled(forward, params, backward(g, cache), first, g)


@wrong("2.6", "missing parameters")
def from_one_heap(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    heap = [(name, i) for name, p in params.items() for i in np.ndindex(p.shape)]
    chosen = {}
    for j in rng.choice(len(heap), 1, replace=False):
        chosen.setdefault(heap[j][0], []).append(heap[j][1])
    return sampled(forward, params, backward(g, cache), chosen, g)


@wrong("2.6", "too few")
def with_repetition(forward, backward, params, k, rng):
    output, cache = forward(params)
    g, few = rng.normal(size=output.shape), np.random.default_rng(3)
    chosen = drawn(params, k, few, replace=True)
    return sampled(forward, params, backward(g, cache), chosen, g)


@wrong("2.6", "too many")
def all_entries(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    chosen = {name: list(np.ndindex(p.shape)) for name, p in params.items()}
    return sampled(forward, params, backward(g, cache), chosen, g)


@wrong("2.6", "first entries")
def the_first_k(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    chosen = {name: list(np.ndindex(p.shape))[:k] for name, p in params.items()}
    return sampled(forward, params, backward(g, cache), chosen, g)


@wrong("2.6", "not from rng")
def a_generator_of_its_own(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    chosen = drawn(params, k, np.random.default_rng())
    return sampled(forward, params, backward(g, cache), chosen, g)


@wrong("2.6", "two upstreams")
def draws_twice(forward, backward, params, k, rng):
    output, cache = forward(params)
    gradients = backward(rng.normal(size=output.shape), cache)
    g = rng.normal(size=output.shape)
    return sampled(forward, params, gradients, drawn(params, k, rng), g)


@wrong("2.6", "changed its parameters")
def leaves_entries_moved(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    result = sampled(forward, params, backward(g, cache), drawn(params, k, rng), g)
    params["b"] += 1e-5
    return result


@wrong("2.6", "misses a fault")
def compares_slopes_with_slopes(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    backward(g, cache)
    chosen = drawn(params, k, rng)
    measured = {name: np.zeros(p.shape) for name, p in params.items()}
    for name, indices in chosen.items():
        for i in indices:
            measured[name][i] = slope(forward, params, name, i, g)
    return sampled(forward, params, measured, chosen, g)


@wrong("2.6", "errors")
def returns_the_error_squared_plus_one(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    found = sampled(forward, params, backward(g, cache), drawn(params, k, rng), g)
    return {name: 1 - e for name, e in found.items()}


@wrong("2.6", "raised")
def more_than_there_are(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    draw = {n: rng.choice(p.size, 2 * k + 1, replace=False) for n, p in params.items()}
    chosen = {n: [np.unravel_index(j, params[n].shape) for j in js] for n, js in draw.items()}
    return sampled(forward, params, backward(g, cache), chosen, g)


@wrong("2.6", "type")
def a_list(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    return list(sampled(forward, params, backward(g, cache), drawn(params, k, rng), g).values())


@wrong("2.6", "nothing")
def prints(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    sampled(forward, params, backward(g, cache), drawn(params, k, rng), g)
