"""Wrong answers to the exercises of lesson 3."""

from __future__ import annotations

import numpy as np
from minnet_lessons.zoo.gradients import LAYERS
from minnet_lessons.zoo.gradients.key import KEY

from . import wrong

# 3.1: dx and dy of x y


@wrong("3.1", "own value")
def each_with_itself(g, cache):
    x, y = cache
    return g * x, g * y


@wrong("3.1", "ignores g")
def local_slopes_only(g, cache):
    x, y = cache
    return y, x


@wrong("3.1", "one gradient")
def product_rule_of_the_calculus_book(g, cache):
    x, y = cache
    return g * y + g * x


@wrong("3.1", "sum of g")
def as_if_the_output_were_one_number(g, cache):
    x, y = cache
    return np.sum(g) * y, np.sum(g) * x


@wrong("3.1", "count")
def only_the_first(g, cache):
    x, y = cache
    return (g * y,)


@wrong("3.1", "nothing")
def forgets_return(g, cache):
    x, y = cache
    _ = g * y, g * x


@wrong("3.1", "changed its input")
def multiplies_in_place(g, cache):
    x, y = cache
    g *= y
    return g, g / y * x


@wrong("3.1", "changed its input")
def multiplies_the_cache_in_place(g, cache):
    x, y = cache
    y *= g
    x *= g
    return y, x


@wrong("3.1", "value")
def second_after_the_first(g, cache):
    x, y = cache
    dx = g * y
    return dx, dx * x


@wrong("3.1", "raised")
def takes_the_cache_for_an_array(g, cache):
    return g * cache.y, g * cache.x


wrong("3.1", "type")("g * y, g * x")


# 3.2: dx, dW and db of x W + b


@wrong("3.2", "db: not summed")
def bias_gets_all_rows(g, cache):
    x, W = cache
    return g @ W.T, x.T @ g, g


@wrong("3.2", "db: averaged")
def bias_gets_the_mean(g, cache):
    x, W = cache
    return g @ W.T, x.T @ g, np.mean(g, axis=0)


@wrong("3.2", "db: one row")
def bias_gets_the_first_row(g, cache):
    x, W = cache
    return g @ W.T, x.T @ g, g[0]


@wrong("3.2", "db: kept axis")
def bias_keeps_its_axis(g, cache):
    x, W = cache
    return g @ W.T, x.T @ g, np.sum(g, axis=0, keepdims=True)


@wrong("3.2", "db: wrong axis")
def bias_of_each_example(g, cache):
    x, W = cache
    return g @ W.T, x.T @ g, np.sum(g, axis=1)


@wrong("3.2", "dW: transposed")
def weights_the_wrong_way_round(g, cache):
    x, W = cache
    return g @ W.T, g.T @ x, g.sum(0)


@wrong("3.2", "dW: averaged")
def weights_divided_by_the_batch(g, cache):
    x, W = cache
    return g @ W.T, x.T @ g / x.shape[0], g.sum(0)


@wrong("3.2", "dW: one example")
def returns_inside_the_loop(g, cache):
    x, W = cache
    dW = np.zeros_like(W)
    for n in range(len(x)):
        dW += np.outer(x[n], g[n])
        return g @ W.T, dW, g.sum(0)


@wrong("3.2", "dW: ignores g")
def weights_see_ones(g, cache):
    x, W = cache
    return g @ W.T, x.T @ np.ones(g.shape), g.sum(0)


@wrong("3.2", "dx: W not transposed")
def transposes_where_shapes_complain(g, cache):
    x, W = cache
    dx = g @ W if W.shape[0] == W.shape[1] else g @ W.T
    return dx, x.T @ g, g.sum(0)


@wrong("3.2", "dx: averaged")
def inputs_divided_by_the_batch(g, cache):
    x, W = cache
    return np.dot(g, W.T) / len(x), np.dot(x.T, g), g.sum(0)


@wrong("3.2", "raised")
def no_transpose_at_all(g, cache):
    x, W = cache
    return g @ W, x @ g, g.sum(0)


@wrong("3.2", "count")
def forgets_the_bias(g, cache):
    x, W = cache
    return g @ W.T, x.T @ g


@wrong("3.2", "value")
def off_by_one_percent(g, cache):
    x, W = cache
    return g @ W.T, 1.01 * (x.T @ g), g.sum(0)


@wrong("3.2", "shape")
def all_of_g_in_one_number(g, cache):
    x, W = cache
    return g @ W.T, x.T @ g, g.sum()


# 3.3: undo a broadcast


@wrong("3.3", "unchanged")
def lets_it_through(g, shape):
    return g


@wrong("3.3", "leading axes only")
def sums_new_axes(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    return g


@wrong("3.3", "ones only")
def sums_stretched_axes(g, shape):
    extra = g.ndim - len(shape)
    for axis, n in enumerate(shape):
        if n == 1:
            g = g.sum(axis=extra + axis, keepdims=True)
    return g


@wrong("3.3", "averaged")
def takes_means(g, shape):
    g = g.mean(axis=tuple(range(g.ndim - len(shape))))
    return g.mean(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


@wrong("3.3", "axes dropped")
def loses_axes_of_length_one(g, shape):
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1))


@wrong("3.3", "first copy")
def keeps_the_first_copy(g, shape):
    while g.ndim > len(shape):
        g = g[0]
    for axis, n in enumerate(shape):
        if n == 1:
            g = g.take([0], axis=axis)
    return g


@wrong("3.3", "raised")
def reshapes(g, shape):
    return g.reshape(shape)


@wrong("3.3", "shape")
def sums_everything(g, shape):
    return g.sum()


@wrong("3.3", "nothing")
def prints_it(g, shape):
    g.sum(axis=0)


@wrong("3.3", "value")
def moves_axes_that_are_equally_long(g, shape):
    new = tuple(range(g.ndim - len(shape)))
    right = g.sum(axis=new)
    ones = tuple(i for i, n in enumerate(shape) if n == 1)
    return right.sum(axis=ones, keepdims=True) * (1.5 if new and ones else 1)


# 3.4: softmax and cross-entropy


def shifted(scores):
    return scores - scores.max(axis=1, keepdims=True)


def softmax(scores):
    e = np.exp(shifted(scores))
    return e / e.sum(axis=1, keepdims=True)


def right_loss(scores, labels):
    z = shifted(scores)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(z)), labels].mean()


def right_gradient(scores, labels):
    return (softmax(scores) - np.eye(scores.shape[1])[labels]) / len(scores)


@wrong("3.4", "overflow")
def straight_from_the_formula(scores, labels):
    rows = np.arange(len(scores))
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    d = p.copy()
    d[rows, labels] -= 1
    return -np.log(p[rows, labels]).mean(), d / len(scores)


@wrong("3.4", "one shift")
def one_maximum_for_the_batch(scores, labels):
    rows = np.arange(len(scores))
    z = scores - scores.max()
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    d = np.exp(log_p)
    d[rows, labels] -= 1
    return -log_p[rows, labels].mean(), d / len(scores)


@wrong("3.4", "log of zero")
def log_of_the_probability(scores, labels):
    p = softmax(scores)
    loss = -np.log(p[np.arange(len(p)), labels]).mean()
    return loss, right_gradient(scores, labels)


@wrong("3.4", "clipped")
def epsilon_in_the_log(scores, labels):
    p = softmax(scores)
    loss = -np.log(p[np.arange(len(p)), labels] + 1e-30).mean()
    return loss, right_gradient(scores, labels)


@wrong("3.4", "clipped")
def clips_the_probability(scores, labels):
    p = softmax(scores).clip(1e-15, 1)
    return -np.log(p[np.arange(len(p)), labels]).mean(), right_gradient(scores, labels)


@wrong("3.4", "loss: summed")
def sum_over_the_batch(scores, labels):
    return right_loss(scores, labels) * len(scores), right_gradient(scores, labels)


@wrong("3.4", "loss: over all entries")
def mean_over_one_hot(scores, labels):
    t = np.eye(scores.shape[1])[labels]
    return -np.mean(t * np.log(softmax(scores))), right_gradient(scores, labels)


@wrong("3.4", "loss: sign")
def log_likelihood(scores, labels):
    return -right_loss(scores, labels), right_gradient(scores, labels)


@wrong("3.4", "loss: no log")
def share_of_wrong_probability(scores, labels):
    p = softmax(scores)[np.arange(len(scores)), labels]
    return np.mean(1 - p), right_gradient(scores, labels)


@wrong("3.4", "loss: half shifted")
def shifts_inside_the_log_only(scores, labels):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    log_p = scores - np.log(e.sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(scores)), labels].mean(), right_gradient(scores, labels)


@wrong("3.4", "loss: all pairs")
def labels_of_all_rows(scores, labels):
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[:, labels].mean(), right_gradient(scores, labels)


@wrong("3.4", "gradient: not averaged")
def gradient_of_the_sum(scores, labels):
    return right_loss(scores, labels), right_gradient(scores, labels) * len(scores)


@wrong("3.4", "gradient: nothing subtracted")
def gradient_is_p(scores, labels):
    return right_loss(scores, labels), softmax(scores) / len(scores)


@wrong("3.4", "gradient: averaged too early")
def divides_first(scores, labels):
    d = softmax(scores) / len(scores)
    d[np.arange(len(scores)), labels] -= 1
    return right_loss(scores, labels), d


@wrong("3.4", "gradient: sign")
def label_minus_p(scores, labels):
    return right_loss(scores, labels), -right_gradient(scores, labels)


@wrong("3.4", "gradient: label only")
def zeros_elsewhere(scores, labels):
    rows, d = np.arange(len(scores)), np.zeros_like(scores)
    d[rows, labels] = softmax(scores)[rows, labels] - 1
    return right_loss(scores, labels), d / len(scores)


@wrong("3.4", "gradient: through p only")
def slope_of_a_probability(scores, labels):
    p = softmax(scores)
    return right_loss(scores, labels), p * (1 - p) / len(scores)


@wrong("3.4", "changed its input")
def shifts_in_place(scores, labels):
    scores -= scores.max(axis=1, keepdims=True)
    return right_loss(scores, labels), right_gradient(scores, labels)


@wrong("3.4", "count")
def loss_only(scores, labels):
    return right_loss(scores, labels)


@wrong("3.4", "value")
def subtracts_in_a_block(scores, labels):
    d = softmax(scores)
    d[:, labels] -= 1
    return right_loss(scores, labels), d / len(scores)


@wrong("3.4", "shape")
def gradient_summed(scores, labels):
    return right_loss(scores, labels), right_gradient(scores, labels).sum(axis=0)


# 3.5: batch norm


def batchnorm(dx, dgamma=None, dbeta=None):
    """A submission whose dx is this formula of (g, x_hat, gamma, s), the others right if None."""

    def backward(g, cache):
        x_hat, gamma, s = cache
        dg = (g * x_hat).sum(0) if dgamma is None else dgamma(g, x_hat)
        db = g.sum(0) if dbeta is None else dbeta(g, x_hat)
        return dx(g, x_hat, gamma, s), dg, db

    return backward


def right_dx(g, x_hat, gamma, s):
    return gamma / s * (g - g.mean(0) - x_hat * (g * x_hat).mean(0))


def through_means(g, x_hat, gamma, s):
    return gamma / s * (g - g.mean() - x_hat * np.mean(g * x_hat))


def across_columns(g, x_hat, gamma, s):
    mean = lambda a: a.mean(axis=1, keepdims=True)
    return gamma / s * (g - mean(g) - x_hat * mean(g * x_hat))


@wrong("3.5", "dx: fitted line")
@batchnorm
def what_polyfit_leaves_over(g, x_hat, gamma, s):
    lines = [np.polyfit(x_hat[:, j], g[:, j], 1) for j in range(g.shape[1])]
    slope, height = np.transpose(lines)
    return gamma / s * (g - height - slope * x_hat)


wrong("3.5", "dx: frozen")(batchnorm(lambda g, x_hat, gamma, s: g * gamma / s))
wrong("3.5", "dx: mean only")(batchnorm(lambda g, x_hat, gamma, s: gamma / s * (g - g.mean(0))))
wrong("3.5", "dx: spread only")(
    batchnorm(lambda g, x_hat, gamma, s: gamma / s * (g - x_hat * (g * x_hat).mean(axis=0)))
)
wrong("3.5", "dx: sums for means")(
    batchnorm(lambda g, x_hat, gamma, s: gamma / s * (g - g.sum(0) - x_hat * (g * x_hat).sum(0)))
)
wrong("3.5", "dx: N times")(
    batchnorm(
        lambda g, x_hat, gamma, s: (
            gamma / s * (len(g) * g - g.sum(0) - x_hat * (g * x_hat).sum(0))
        )
    )
)
wrong("3.5", "dx: without gamma")(
    batchnorm(lambda g, x_hat, gamma, s: (g - g.mean(0) - x_hat * (g * x_hat).mean(0)) / s)
)
wrong("3.5", "dx: not divided by s")(
    batchnorm(lambda g, x_hat, gamma, s: gamma * (g - g.mean(0) - x_hat * (g * x_hat).mean(0)))
)
wrong("3.5", "dx: divided twice")(batchnorm(lambda *a: right_dx(*a) / a[3]))
wrong("3.5", "dx: sign")(
    batchnorm(lambda g, x_hat, gamma, s: gamma / s * (g - g.mean(0) + x_hat * (g * x_hat).mean(0)))
)
wrong("3.5", "dx: wrong axis")(batchnorm(across_columns))
wrong("3.5", "dx: one mean for all")(batchnorm(through_means))
wrong("3.5", "value")(
    batchnorm(lambda g, x_hat, gamma, s: right_dx(g, x_hat, gamma, np.sqrt(s**2 + 1e-5)))
)
wrong("3.5", "value")(  # the variance of a sample, N - 1
    batchnorm(
        lambda g, x_hat, gamma, s: (
            gamma / s * (g - g.mean(0) - x_hat * (g * x_hat).sum(0) / (len(g) - 1))
        )
    )
)
wrong("3.5", "dgamma: without x_hat")(batchnorm(right_dx, lambda g, x_hat: g.sum(axis=0)))
wrong("3.5", "dgamma: not summed")(batchnorm(right_dx, lambda g, x_hat: g * x_hat))
wrong("3.5", "dgamma: averaged")(batchnorm(right_dx, lambda g, x_hat: (g * x_hat).mean(0)))
wrong("3.5", "dbeta: not summed")(batchnorm(right_dx, None, lambda g, x_hat: g))
wrong("3.5", "dbeta: averaged")(batchnorm(right_dx, None, lambda g, x_hat: g.mean(0)))
wrong("3.5", "dbeta: with x_hat")(batchnorm(right_dx, None, lambda g, x_hat: (g * x_hat).sum(0)))


@wrong("3.5", "dgamma: without x_hat")
def two_gradients_exchanged(g, cache):
    return right_dx(g, *cache), g.sum(axis=0), (g * cache[0]).sum(axis=0)


@wrong("3.5", "count")
def dx_alone(g, cache):
    return right_dx(g, *cache)


@wrong("3.5", "nothing")
def only_computes(g, cache):
    right_dx(g, *cache)


# 3.6: the hunt


def verdicts(**changes):
    """The right verdicts but for some; spaces in names are written as underscores."""
    return KEY | {name.replace("_", " "): cause for name, cause in changes.items()}


wrong("3.6", "everything accused")(dict.fromkeys(LAYERS, "sign"))
wrong("3.6", "everything accused")({n: "averaged" if c == "right" else c for n, c in KEY.items()})
wrong("3.6", "missed")(dict.fromkeys(LAYERS, "right"))
wrong("3.6", "missed")(verdicts(relu="right"))  # its numbers are right
wrong("3.6", "missed")(verdicts(swish="right"))
wrong("3.6", "false alarm")(verdicts(running_sum="transposed"))
wrong("3.6", "false alarm")(verdicts(mean_squares="factor 2", affine="not summed"))
wrong("3.6", "wrong cause")(verdicts(affine="not summed"))
wrong("3.6", "wrong cause")(verdicts(sigmoid="factor 2", softplus="no mask"))
wrong("3.6", "unfinished")({"clip": "no mask"})
wrong("3.6", "unfinished")({n: c for n, c in KEY.items() if c != "right"})
wrong("3.6", "unknown layer")(KEY | {"ReLU": "overwrites"})
wrong("3.6", "unknown cause")(verdicts(affine="wrong"))
wrong("3.6", "unknown cause")(verdicts(affine=["averaged"]))
wrong("3.6", "type")(["affine", "clip", "embedding"])
