"""Faults of the network, its start, and its loss."""

from __future__ import annotations

import numpy as np

from minnet import data, init, nn, optim
from minnet import functional as F

from .catalogue import broken
from .parts import classify, digits, loop, mlp, noisy_sine, standard


def drawn(model, scale, rng):
    """Every weight matrix anew: normal with deviation ``scale``."""
    for p in model.parameters():
        if p.ndim > 1:
            p.data = init.normal(p.shape, std=scale, rng=rng, dtype=p.dtype)
    return model


@broken("softmax_twice")
def softmax_before_cross_entropy(rng):
    model = nn.Sequential(*mlp([64, 32, 10], rng), nn.Softmax())
    classify(model, optim.Nesterov(model.parameters(), lr=0.05), digits(), rng)


@broken("softmax_twice")
def sigmoid_twice(rng):
    model = nn.Sequential(*mlp([2, 16, 1], rng), nn.Sigmoid())
    x, y = standard(data.moons(150, rng=rng))
    batches = data.Loader((x, y[:, None].astype("float32")), batch_size=32, rng=rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    loop(model, F.binary_cross_entropy_with_logits, opt, batches, 10)


@broken("missing_softmax")
def likelihood_of_raw_scores(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.SGD(model.parameters(), lr=0.01)
    loop(model, F.nll, opt, data.Loader(train_set, batch_size=32, rng=rng), 3)


@broken("missing_softmax", "not_finite")
def logarithm_of_raw_scores(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.SGD(model.parameters(), lr=0.01)

    def loss_fn(scores, y):
        return -F.log(scores)[np.arange(len(y)), y].mean()

    with np.errstate(all="ignore"):
        loop(model, loss_fn, opt, data.Loader(train_set, batch_size=32, rng=rng), 1)


@broken("wrong_axis")
def softmax_over_the_batch(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.Adam(model.parameters(), lr=3e-3)

    def loss_fn(scores, y):
        return F.nll(F.log_softmax(scores, axis=0), y)

    loop(model, loss_fn, opt, data.Loader(train_set, batch_size=32, rng=rng), 5)


@broken("wrong_axis")
def reshape_instead_of_transpose(rng):
    mix = nn.Lambda(lambda h: h.reshape(h.shape[1], h.shape[0]).T)
    model = nn.Sequential(
        nn.Linear(64, 32, rng=rng), nn.ReLU(), mix, nn.Linear(32, 10, rng=rng)
    )
    batches = data.Loader(digits()[0], batch_size=32, rng=rng)
    loop(model, F.cross_entropy, optim.Adam(model.parameters(), lr=3e-3), batches, 5)


@broken("broadcasting")
def column_against_row(rng):
    model, (x, y) = mlp([1, 16, 1], rng, nn.Tanh), noisy_sine(256, rng)
    batches = data.Loader((x, y[:, 0]), batch_size=32, rng=rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    loop(model, lambda p, t: ((p - t) ** 2).mean(), opt, batches, 15)


@broken("clipped_scores")
def relu_at_the_end(rng):
    model = nn.Sequential(*mlp([64, 32, 10], rng), nn.ReLU())
    classify(model, optim.Nesterov(model.parameters(), lr=0.02), digits(), rng)


@broken("symmetric_units")
def all_weights_zero(rng):
    model = mlp([64, 32, 10], rng)
    for p in model.parameters():
        p.data = np.zeros_like(p.data)
    classify(model, optim.Nesterov(model.parameters(), lr=0.05), digits(), rng, epochs=5)


@broken("symmetric_units")
def all_weights_equal(rng):
    model = mlp([64, 32, 10], rng, nn.Tanh)
    for p in model.parameters():
        p.data = np.full_like(p.data, 0.05)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), digits(), rng, epochs=5)


@broken("initial_weights_too_large")
def weights_far_too_large(rng):
    model = drawn(mlp([64, 64, 64, 10], rng), 1.0, rng)
    classify(model, optim.SGD(model.parameters(), lr=1e-3), digits(), rng, epochs=5)


@broken("initial_weights_too_large", "saturated")
def saturated_tanh(rng):
    model = drawn(mlp([64, 64, 64, 10], rng, nn.Tanh), 3.0, rng)
    classify(model, optim.Nesterov(model.parameters(), lr=0.01), digits(), rng, epochs=5)


@broken("initial_weights_too_small", "collapsed", "vanishing_gradients")
def weights_far_too_small(rng):
    model = drawn(mlp([64, 64, 64, 64, 10], rng, nn.Tanh), 1e-3, rng)
    classify(model, optim.SGD(model.parameters(), lr=0.1), digits(), rng, epochs=5)


@broken("vanishing_gradients", "collapsed")
def deep_sigmoids(rng):
    model = mlp([64] + [32] * 8 + [10], rng, nn.Sigmoid)
    classify(model, optim.SGD(model.parameters(), lr=0.1), digits(), rng, epochs=5)


@broken("dead_relus")
def all_relus_dead(rng):
    model = mlp([64, 32, 32, 10], rng)
    model[0].bias.data = np.full(32, -20, "float32")
    classify(model, optim.SGD(model.parameters(), lr=0.1), digits(), rng, epochs=5)


@broken("dead_relus")
def second_layer_dead(rng):
    model = mlp([64, 48, 48, 10], rng)
    model[2].bias.data = np.full(48, -10, "float32")
    opt, (train_set, _) = optim.Nesterov(model.parameters(), lr=0.02), digits()
    loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 5)


@broken("underfitting")
def linear_model_for_rings(rng):
    x = rng.normal(size=(400, 2)).astype("float32")
    y = ((x**2).sum(1) > 1.4).astype(int)
    model = nn.Linear(2, 2, rng=rng)
    batches = data.Loader((x, y), batch_size=32, rng=rng)
    loop(model, F.cross_entropy, optim.Adam(model.parameters(), lr=1e-2), batches, 15)


@broken("exploding_gradients", "initial_weights_too_large", "not_finite")
def recurrent_weights_too_large(rng):
    model = Unrolled(rng)
    x = rng.normal(size=(256, 25, 2)).astype("float32")
    y = (x.sum((1, 2)) > 0).astype(int)
    batches = data.Loader((x, y), batch_size=32, rng=rng)
    with np.errstate(all="ignore"):
        loop(model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.01), batches, 3)


class Unrolled(nn.Module):
    """A recurrent network without a squashing function: its state grows threefold each step."""

    def __init__(self, rng):
        self.inputs, self.state = nn.Linear(2, 16, rng=rng), nn.Linear(16, 16, bias=False, rng=rng)
        self.state.weight.data = init.normal((16, 16), std=0.75, rng=rng, dtype="float32")
        self.last = nn.Linear(16, 2, rng=rng)

    def forward(self, x):
        h = self.inputs(x[:, 0])
        for k in range(1, x.shape[1]):
            h = self.state(h) + self.inputs(x[:, k])
        return self.last(h)


@broken("not_finite")
def root_of_zero(rng):
    model = mlp([64, 32, 10], rng)
    whole = nn.Sequential(*model, nn.Lambda(lambda s: F.sqrt(F.relu(s))))
    opt, (train_set, _) = optim.SGD(whole.parameters(), lr=0.01), digits()
    with np.errstate(all="ignore"):
        loop(whole, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 1)
