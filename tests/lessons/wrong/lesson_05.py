"""Wrong answers to lesson 5, as they are handed in."""

import math

import numpy as np

import minnet as mn

from . import wrong

# -- 5.1 First losses ------------------------------------------------------------------------------

LOSSES = {"a": math.log(10), "b": 9, "c": 1.5, "d": math.log(2), "e": 5, "f": 0.3251}

wrong("5.1", "another logarithm")(LOSSES | {"a": 1.0, "d": 0.30103})
wrong("5.1", "another logarithm")(LOSSES | {"f": 0.469})
wrong("5.1", "right class counted")(LOSSES | {"b": 10, "c": 2})
wrong("5.1", "margin forgotten")(LOSSES | {"c": 3})
wrong("5.1", "a probability")(LOSSES | {"a": 0.1, "d": 0.5})
wrong("5.1", "mean of the square")(LOSSES | {"e": 1})
wrong("5.1", "prior forgotten")(LOSSES | {"f": math.log(2)})
wrong("5.1", "average over classes")(LOSSES | {"b": 0.9})
wrong("5.1", "margin taken for kept")(LOSSES | {"b": 0, "c": 0})
wrong("5.1", "sign")(LOSSES | {"f": 0.9 * math.log(0.9) + 0.1 * math.log(0.1)})
wrong("5.1", "not weighted")(LOSSES | {"f": -math.log(0.9)})
wrong("5.1", "value")(LOSSES | {"e": 7})
wrong("5.1", "type")([2.3, 9, 1.5, 0.69, 5, 0.33])

# -- 5.2 The prior ---------------------------------------------------------------------------------


@wrong("5.2", "no logarithm")
def gives_frequencies(y, classes):
    return np.bincount(y, minlength=classes) / len(y)


@wrong("5.2", "sign")
def gives_surprise(y, classes):
    return -np.log(np.maximum(np.bincount(y, minlength=classes), 0.5) / len(y))


@wrong("5.2", "another logarithm")
def takes_log2(y, classes):
    return np.log2(np.maximum(np.bincount(y, minlength=classes), 0.5) / len(y))


@wrong("5.2", "classes missing")
def counts_what_occurs(y, classes):
    return np.log(np.unique(y, return_counts=True)[1] / len(y))


@wrong("5.2", "infinite")
def trusts_every_class_to_occur(y, classes):
    with np.errstate(divide="ignore"):
        return np.log(np.bincount(y, minlength=classes) / len(y))


@wrong("5.2", "every class enlarged")
def counts_each_class_half_an_example_more(y, classes):
    return np.log((np.bincount(y, minlength=classes) + 0.5) / len(y))


@wrong("5.2", "value")
def gives_logits_of_two(y, classes):
    p = np.maximum(np.bincount(y, minlength=classes), 0.5) / len(y)
    return np.log(p / (1 - p))


@wrong("5.2", "nothing")
def prints_it(y, classes):
    np.log(np.maximum(np.bincount(y, minlength=classes), 0.5) / len(y))


# -- 5.3 Better than chance ------------------------------------------------------------------------


@wrong("5.3", "no noise")
def compares_with_chance(correct, n, classes):
    return correct / n > 1 / classes


@wrong("5.3", "variance")
def forgets_the_root(correct, n, classes):
    p = 1 / classes
    return correct / n > p + 3 * p * (1 - p) / n


@wrong("5.3", "not over n")
def takes_one_example(correct, n, classes):
    p = 1 / classes
    return correct / n > p + 3 * (p * (1 - p)) ** 0.5


@wrong("5.3", "count for share")
def compares_a_count(correct, n, classes):
    p = 1 / classes
    return correct > p + 3 * math.sqrt(p * (1 - p) / n)


@wrong("5.3", "one sigma")
def takes_one_sigma(correct, n, classes):
    p = 1 / classes
    return correct / n > p + math.sqrt(p * (1 - p) / n)


@wrong("5.3", "chance left out")
def compares_with_the_scatter(correct, n, classes):
    p = 1 / classes
    return correct / n > 3 * math.sqrt(p * (1 - p) / n)


@wrong("5.3", "a multiple of chance")
def asks_for_three_times_chance(correct, n, classes):
    return correct / n > 3 / classes


@wrong("5.3", "two units")
def scatters_a_count_like_a_share(correct, n, classes):
    p = 1 / classes
    return correct > n * p + 3 * math.sqrt(p * (1 - p) / n)


@wrong("5.3", "scatter of the answers")
def takes_the_scatter_of_the_network(correct, n, classes):
    share = correct / n
    return share - 3 * math.sqrt(share * (1 - share) / n) > 1 / classes


@wrong("5.3", "value")
def says_yes(correct, n, classes):
    return True


# -- 5.4 The leak ----------------------------------------------------------------------------------


def gradient(model, x, i, weights):
    x = mn.tensor(x, requires_grad=True)
    return mn.grad((model(x)[i] * weights).sum(), [x], allow_unused=True)[0].numpy()


wrong("5.4", "always false")(lambda model, x: False)
wrong("5.4", "always true")(lambda model, x: True)


@wrong("5.4", "sum of outputs")
def takes_the_plain_sum(model, x):
    rows = [np.delete(gradient(model, x, i, 1.0), i, axis=0) for i in range(len(x))]
    return bool((np.abs(rows) > 1e-12).any())


@wrong("5.4", "sum of outputs")
def takes_rounding_for_a_leak(model, x):
    return any(np.delete(gradient(model, x, i, 1.0), i, axis=0).any() for i in range(len(x)))


@wrong("5.4", "too coarse")
def allows_a_thousandth(model, x):
    weights = np.random.default_rng(0).normal(size=model(mn.tensor(x)).shape[1])
    rows = [np.delete(gradient(model, x, i, weights), i, axis=0) for i in range(len(x))]
    return bool((np.abs(rows) > 1e-3).any())


@wrong("5.4", "columns")
def counts_on_four_outputs(model, x):
    weights = np.arange(1, 5)
    return any(np.delete(gradient(model, x, i, weights), i, axis=0).any() for i in range(len(x)))


@wrong("5.4", "one example")
def looks_at_the_last(model, x):
    i = len(x) - 1
    return np.delete(gradient(model, x, i, np.arange(1, 5)), i, axis=0).any()


@wrong("5.4", "always true")
def counts_its_own(model, x):
    return any(gradient(model, x, i, np.arange(1, 5)).any() for i in range(len(x)))


@wrong("5.4", "raised")
def passes_an_array(model, x):
    return mn.grad(model(x).sum(), [x])[0].any()


# -- 5.5 The patients ------------------------------------------------------------------------------

ANSWER = {
    "A": "inputs", "B": "loss", "C": "healthy", "D": "gradients", "E": "rate",
    "F": "optimizer", "G": "labels", "H": "healthy", "I": "dead", "J": "mode",
}  # fmt: skip

wrong("5.5", "healthy accused")(ANSWER | {"C": "rate"})
wrong("5.5", "healthy accused")(dict.fromkeys(ANSWER, "rate"))
wrong("5.5", "sick overlooked")(dict.fromkeys(ANSWER, "healthy"))
wrong("5.5", "sick overlooked")(ANSWER | {"J": "healthy"})
wrong("5.5", "confused")(ANSWER | {"A": "rate", "I": "rate"})
wrong("5.5", "unknown cause")(ANSWER | {"I": "dead_relus"})
wrong("5.5", "type")(list(ANSWER.values()))


# -- 5.6 Dead units --------------------------------------------------------------------------------


@wrong("5.6", "zeros")
def counts_zeros(batches):
    return sum((x == 0).sum() for x in batches) / sum(x.size for x in batches)


@wrong("5.6", "zeros")
def averages_the_zeros_of_batches(batches):
    return np.mean([np.mean(x <= 0) for x in batches])


@wrong("5.6", "examples")
def looks_along_the_rows(batches):
    rows = np.vstack(batches)
    return np.mean([not row.any() for row in rows])


@wrong("5.6", "examples")
def looks_along_the_rows_of_each_batch(batches):
    return np.mean([(x == 0).all(1).mean() for x in batches])


@wrong("5.6", "each batch alone")
def averages_over_batches(batches):
    return sum((x.max(axis=0) == 0).mean() for x in batches) / len(batches)


@wrong("5.6", "each batch alone")
def buries_who_is_silent_in_one_batch(batches):
    dead = np.zeros(batches[0].shape[1], bool)
    for x in batches:
        dead |= x.sum(axis=0) == 0
    return dead.mean()


@wrong("5.6", "each batch alone")
def keeps_the_worst_batch(batches):
    return max((x.sum(axis=0) == 0).mean() for x in batches)


@wrong("5.6", "one batch")
def returns_inside_the_loop(batches):
    for x in batches:
        dead = (x == 0).all(axis=0)
        return dead.mean()


@wrong("5.6", "one batch")
def overwrites_in_the_loop(batches):
    for x in batches:
        dead = (x == 0).all(axis=0)
    return dead.mean()


@wrong("5.6", "alive")
def gives_the_living(batches):
    return np.concatenate(batches).any(axis=0).mean()


@wrong("5.6", "a count")
def gives_their_number(batches):
    return (~np.concatenate(batches).any(axis=0)).sum()


@wrong("5.6", "any for all")
def buries_who_was_ever_silent(batches):
    return (np.concatenate(batches) == 0).any(axis=0).mean()


@wrong("5.6", "too coarse")
def rounds_the_mean(batches):
    return (np.concatenate(batches).mean(axis=0).round(3) == 0).mean()


@wrong("5.6", "too coarse")
def allows_a_little(batches):
    return (np.concatenate(batches) < 1e-5).all(axis=0).mean()


@wrong("5.6", "per cent")
def gives_per_cent(batches):
    return 100 * (np.concatenate(batches).max(axis=0) == 0).mean()


@wrong("5.6", "raised")
def stacks_unequal_batches(batches):
    return (np.stack(batches) == 0).all(axis=(0, 1)).mean()


@wrong("5.6", "shape")
def names_the_dead(batches):
    return (np.concatenate(batches) == 0).all(axis=0)


wrong("5.6", "nothing")(lambda batches: None)
wrong("5.6", "type")(0.375)
