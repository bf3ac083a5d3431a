"""Right answers to lesson 2, written in other ways than the solution."""

import numpy as np
from minnet_lessons.checks.lesson_02 import _error, _numeric, _worst

import gradcheck


def crossed_by_columns(X, W, h):
    Z = X @ W
    result = np.empty(W.shape, dtype=bool)
    for i, j in np.ndindex(W.shape):
        before = Z[:, j] > 0
        up, down = Z[:, j] + h * X[:, i] > 0, Z[:, j] - h * X[:, i] > 0
        result[i, j] = (before != up).any() or (before != down).any()
    return result


def crossed_by_distance(X, W, h):
    return np.any(abs(X @ W)[:, None, :] < h * abs(X)[:, :, None], axis=0)


def crossed_in_place(X, W, h):
    out = [[False] * W.shape[1] for _ in range(W.shape[0])]
    W = np.array(W)
    start = np.sign(np.maximum(X @ W, 0))
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            old = W[i, j]
            for new in (old + h, old - h):
                W[i, j] = new
                if not np.array_equal(np.sign(np.maximum(X @ W, 0)), start):
                    out[i][j] = True
            W[i, j] = old
    return out


def kinks_by_powers(f, slope, winner, x):
    k = 5
    while k <= 8:
        h = 10**-k
        if len({winner(x - h), winner(x), winner(x + h)}) == 1:
            break
        k += 1
    else:
        return "undecided"
    n, a = (f(x + h) - f(x - h)) / 2 / h, slope(x)
    size = max(abs(a), abs(n))
    return "right" if size == 0 or abs(a - n) < 1e-4 * size else "wrong"


def kinks_by_neighbours(f, slope, winner, x):
    for h in np.logspace(-5, -8, 4):
        if winner(x - h) != winner(x + h):
            continue
        good = np.isclose(slope(x), (f(x + h) - f(x - h)) / (2 * h), rtol=1e-4, atol=1e-7)
        return "right" if good else "wrong"
    return "undecided"


def dropout_by_hand(loss, gradient, x, seed):
    fresh = lambda: np.random.default_rng(seed)
    n = np.zeros(x.shape)
    for i in range(x.size):
        e = np.zeros(x.shape)
        e[i] = 1e-4
        n[i] = (loss(x + e, fresh()) - loss(x - e, fresh())) / 2e-4
    return _error(gradient(x, fresh()), n)


def dropout_with_ridders(loss, gradient, x, seed):
    seeded = lambda f: lambda x: f(x, np.random.default_rng(seed))
    n = gradcheck.numerical_grad(seeded(loss), x).value
    return np.abs(seeded(gradient)(x) - n).max() / max(abs(n).max(), abs(seeded(gradient)(x)).max())


def split_in_a_loop(data, reg, w):
    errors, lengths = [], []
    for f in (data, reg):
        _, g = f(w)
        errors.append(_error(g, _numeric(lambda w, f=f: f(w)[0], w)))
        lengths.append(np.sqrt(np.sum(g * g)))
    return [*errors, lengths[1] / lengths[0]]


def early_and_late_on_copies(loss, params, steps, lr):
    mine = {name: p.copy() for name, p in params.items()}
    for _ in range(steps):
        _, g = loss(mine)
        for name in mine:
            mine[name] -= lr * g[name]
    return [_worst(loss, params), np.float64(_worst(loss, mine))]


def slope(forward, params, name, i, g, h=1e-5):
    moved = {k: p.copy() for k, p in params.items()}
    moved[name][i] += h
    right = np.sum(g * forward(moved)[0])
    moved[name][i] -= 2 * h
    return (right - np.sum(g * forward(moved)[0])) / (2 * h)


def sampled_by_permutation(forward, backward, params, k, rng):
    out, cache = forward(params)
    g = rng.standard_normal(out.shape)
    grads, errors = backward(g, cache), {}
    for name in sorted(params):
        places = list(np.ndindex(params[name].shape))
        chosen = [places[j] for j in rng.permutation(len(places))[:k]]
        a = [grads[name][i] for i in chosen]
        errors[name] = _error(a, np.array([slope(forward, params, name, i, g) for i in chosen]))
    return errors


def sampled_with_uniform_numbers(forward, backward, params, k, rng):
    g = 2 * rng.random(forward(params)[0].shape) - 1
    grads = backward(g, forward(params)[1])
    result = dict.fromkeys(params, 0.0)
    for name, p in params.items():
        for j in rng.choice(np.arange(p.size), size=min(p.size, k), replace=False):
            i = np.unravel_index(j, p.shape)
            n = slope(forward, params, name, i, g)
            error = abs(grads[name][i] - n) / max(abs(n), abs(grads[name][i]))
            result[name] = max(result[name], error)
    return result


RIGHT = {
    "2.1": [(crossed_by_columns,), (crossed_by_distance,), (crossed_in_place,)],
    "2.2": [(kinks_by_powers,), (kinks_by_neighbours,)],
    "2.3": [(dropout_by_hand,), (dropout_with_ridders,)],
    "2.4": [(split_in_a_loop,)],
    "2.5": [(early_and_late_on_copies,)],
    "2.6": [(sampled_by_permutation,), (sampled_with_uniform_numbers,)],
}
