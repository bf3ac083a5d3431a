"""Adadelta, AMSGrad, Lion, NAdam, LARS and LAMB against plain floats and their properties.

Against torch, where it has them: test_published.py.
"""

import math

import numpy as np
import pytest

import minnet as mn
from minnet import optim

from .test_published import leaf, walk

G = [0.3, -1.2, 0.7, 0.0, 2.5]


def adadelta(lr=0.5, rho=0.9, eps=1e-6):
    x, e_g, e_d = 1.0, 0.0, 0.0
    for g in G:
        e_g = rho * e_g + (1 - rho) * g * g
        d = math.sqrt(e_d + eps) / math.sqrt(e_g + eps) * g
        e_d = rho * e_d + (1 - rho) * d * d
        x -= lr * d
        yield x


def amsgrad(lr=0.1, b1=0.9, b2=0.5, eps=1e-8):
    x, m, v, top = 1.0, 0.0, 0.0, 0.0
    for t, g in enumerate(G, start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        top = max(top, v)
        x -= lr * (m / (1 - b1**t)) / (math.sqrt(top / (1 - b2**t)) + eps)
        yield x


def lion(lr=0.1, b1=0.9, b2=0.99, alpha=0.2):
    x, m = 1.0, 0.0
    for g in G:
        c = b1 * m + (1 - b1) * g
        m = b2 * m + (1 - b2) * g
        x = x - lr * ((c > 0) - (c < 0) + alpha * x)
        yield x


def nadam(lr=0.1, b1=0.9, b2=0.999, eps=1e-8, psi=0.004):
    x, m, v, product = 1.0, 0.0, 0.0, 1.0
    mu = lambda t: b1 * (1 - 0.5 * 0.96 ** (t * psi))
    for t, g in enumerate(G, start=1):
        product *= mu(t)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        m_hat = mu(t + 1) * m / (1 - product * mu(t + 1)) + (1 - mu(t)) * g / (1 - product)
        x -= lr * m_hat / (math.sqrt(v / (1 - b2**t)) + eps)
        yield x


def lars(lr=0.1, mu=0.9, eta=0.2, alpha=0.3):
    x, v = 1.0, 0.0
    for g in G:
        local = eta * abs(x) / (abs(g) + alpha * abs(x))
        v = mu * v + lr * local * (g + alpha * x)
        x -= v
        yield x


def lamb(lr=0.1, b1=0.9, b2=0.999, eps=1e-6, alpha=0.3):
    x, m, v = 1.0, 0.0, 0.0
    for t, g in enumerate(G, start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        r = (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + eps) + alpha * x
        x -= lr * abs(x) / abs(r) * r
        yield x


TABLE = {
    "adadelta": (adadelta, lambda p: optim.Adadelta(p, lr=0.5)),
    "amsgrad": (amsgrad, lambda p: optim.AMSGrad(p, lr=0.1, betas=(0.9, 0.5))),
    "lion": (lion, lambda p: optim.Lion(p, lr=0.1, weight_decay=0.2)),
    "nadam": (nadam, lambda p: optim.NAdam(p, lr=0.1)),
    "lars": (lars, lambda p: optim.LARS(p, lr=0.1, trust=0.2, weight_decay=0.3)),
    "lamb": (lamb, lambda p: optim.LAMB(p, lr=0.1, weight_decay=0.3)),
}


@pytest.mark.parametrize("name", TABLE)
def test_five_steps_in_plain_floats(name):
    """PF-E5: names do not lie."""
    plain, make = TABLE[name]
    x = leaf([1.0])
    path = walk(make([x]), x, lambda x, t: [G[t]], len(G))[1:, 0]
    np.testing.assert_allclose(path, list(plain()), rtol=1e-13)


def test_amsgrad_never_raises_a_rate():
    """After one large gradient Adam's rate recovers, AMSGrad's does not."""

    def last_step(kind):
        x = leaf([0.0])
        gradient = lambda x, t: [100.0 if t == 0 else 1.0]
        path = walk(kind([x], 0.1, betas=(0.0, 0.9), bias_correction=False), x, gradient, 200)
        return path[-2, 0] - path[-1, 0]

    assert last_step(optim.Adam) == pytest.approx(0.1, rel=1e-3)
    assert last_step(optim.AMSGrad) == pytest.approx(0.1 / math.sqrt(1000), rel=1e-9)


def test_amsgrad_is_adam_while_gradients_grow():
    grow = lambda x, t: [1.01**t, -(1.02**t)]
    x, y = leaf([0.0, 0.0]), leaf([0.0, 0.0])
    np.testing.assert_array_equal(
        walk(optim.Adam([x], 0.1), x, grow, 50), walk(optim.AMSGrad([y], 0.1), y, grow, 50)
    )


def test_lion_moves_every_number_alike(rng):
    g = rng.standard_normal((20, 7))
    x = leaf(np.zeros(7))
    steps = np.diff(walk(optim.Lion([x], 0.01), x, lambda x, t: g[t], 20), axis=0)
    np.testing.assert_allclose(abs(steps), 0.01, rtol=1e-12)


def test_adadelta_does_not_see_the_unit_of_the_loss():
    """f -> 1e6 f leaves the path as it is, but for eps."""
    h = np.array([1.0, 30.0])
    x, y = leaf([1.0, 1.0]), leaf([1.0, 1.0])
    one = walk(optim.Adadelta([x], eps=1e-10), x, lambda x, t: h * x, 200)
    two = walk(optim.Adadelta([y], eps=1e-10), y, lambda y, t: 1e6 * h * y, 200)
    assert abs(one[-1] - 1).max() > 1e-3
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-8)


def test_nadam_product_stops_mattering():
    """Leaving out late factors of the product of mu changes no bit of 1 - product."""
    x = leaf([0.0])
    optimizer = optim.NAdam([x])
    for t in (1, 100, 399, 400, 401, 5000):
        mu = 0.9 * (1 - 0.5 * 0.96 ** (0.004 * np.arange(1, t + 1)))
        assert 1 - optimizer._product(t) == 1 - np.prod(mu)


@pytest.mark.parametrize("kind", [optim.LARS, optim.LAMB])
def test_layerwise_steps_follow_the_norm(kind, rng):
    """The relative step of a layer does not depend on the scale of its weights or gradients."""
    w, g = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))

    def relative(w, g, **settings):
        p = leaf(w)
        optimizer = kind([{"params": [p], **settings}], 0.1)
        p.grad = g
        optimizer.step()
        return (p.numpy() - w) / np.linalg.norm(w)

    expected = relative(w, g)
    for a, b in ((1e3, 1.0), (1e-3, 1.0), (1.0, 1e4)):
        np.testing.assert_allclose(relative(a * w, b * g), expected, rtol=1e-5)
    size = 0.1 * (0.001 if kind is optim.LARS else 1)
    assert np.linalg.norm(expected) == pytest.approx(size, rel=1e-9)
    plain = relative(w, g, adapt=False) * np.linalg.norm(w)
    step = -0.1 * (g if kind is optim.LARS else np.sign(g))
    np.testing.assert_allclose(plain, step, rtol=1e-4)


@pytest.mark.parametrize("kind", [optim.LARS, optim.LAMB])
def test_layers_at_zero_move_and_rest(kind):
    """w = 0 has no norm to follow: the ratio is 1; w = 0 and g = 0 rests."""
    p, q = leaf(np.zeros(3)), leaf(np.zeros(2))
    optimizer = kind([p, q], 0.1)
    p.grad, q.grad = np.ones(3), np.zeros(2)
    optimizer.step()
    np.testing.assert_allclose(p.numpy(), -0.1, rtol=1e-5)
    assert not q.numpy().any()


def test_layers_are_not_mixed(rng):
    """Each parameter has its own ratio, also when all lie side by side in one row."""
    shapes = [(3, 4), (5,), (2, 2)]
    ws = [10.0**k * rng.standard_normal(s) for k, s in enumerate(shapes)]
    gs = [rng.standard_normal(s) for s in shapes]

    def step(ws, gs):
        ps = [leaf(w) for w in ws]
        optimizer = optim.LAMB(ps, 0.1, weight_decay=0.1)
        for p, g in zip(ps, gs, strict=True):
            p.grad = g
        optimizer.step()
        return [p.numpy() for p in ps]

    together = step(ws, gs)
    for i in range(3):
        np.testing.assert_array_equal(together[i], step([ws[i]], [gs[i]])[0])


def test_decoupled_decay_leaves_the_formula(rng):
    """decoupled=True shrinks first; the formula then has alpha = 0."""
    w, g = rng.standard_normal(5), rng.standard_normal(5)
    p, q = leaf(w), leaf(w * (1 - 0.1 * 0.5))
    a = optim.LAMB([p], 0.1, weight_decay=0.5, decoupled=True)
    b = optim.LAMB([q], 0.1)
    for x, optimizer in ((p, a), (q, b)):
        x.grad = g
        optimizer.step()
    np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-14)


def test_new_rules_train_a_network(rng):
    """Each lowers the loss of a small network tenfold."""
    x = rng.standard_normal((60, 3))
    y = np.sin(x.sum(axis=1, keepdims=True))
    rates = {"adadelta": 1, "amsgrad": 0.02, "lion": 5e-3, "nadam": 0.02, "lars": 1, "lamb": 0.01}
    for name, lr in rates.items():
        model = mn.nn.Sequential(
            mn.nn.Linear(3, 16, rng=0, dtype="float64"), mn.nn.Tanh(),
            mn.nn.Linear(16, 1, rng=1, dtype="float64"),
        )  # fmt: skip
        optimizer = type(TABLE[name][1]([leaf([1.0])]))(model.parameters(), lr)
        if name == "lars":
            optimizer.trust = 0.02
        losses = []
        for _ in range(300):
            loss = mn.functional.mse(model(x), y)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert losses[-1] < 0.1 * losses[0], name
