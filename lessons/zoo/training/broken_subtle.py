"""Faults that hide well: signals that explode, steps that are missing, answers out of reach."""

from __future__ import annotations

import numpy as np

from minnet import data, nn, optim
from minnet import functional as F

from .catalogue import broken
from .parts import classify, digits, loop, mlp, noisy_sine


def scaled(model, gain, rng):
    """Every weight matrix anew: normal, a layer multiplies its signal by ``gain``."""
    for p in model.parameters():
        if p.ndim == 2:
            p.data = rng.normal(0, gain / len(p) ** 0.5, p.shape).astype("float32")
    return model


@broken("exploding_gradients", "initial_weights_too_large")
def deep_plain_network(rng):
    model = scaled(mlp([64] + [48] * 10 + [10], rng), 4.0, rng)
    classify(model, optim.SGD(model.parameters(), lr=1e-3), digits(), rng, epochs=4)


@broken("exploding_gradients", "initial_weights_too_large")
def deep_linear_network(rng):
    layers = [nn.Linear(64, 64, rng=rng) for _ in range(14)]
    model = scaled(nn.Sequential(*layers, nn.Linear(64, 10, rng=rng)), 2.2, rng)
    classify(model, optim.SGD(model.parameters(), lr=1e-4), digits(), rng, epochs=4)


class LastState(nn.Module):
    """A tanh recurrence over 40 steps whose weights triple the state."""

    def __init__(self, rng):
        self.recurrence = nn.RNN(1, 32, batch_first=True, rng=rng)
        self.last = nn.Linear(32, 1, rng=rng)
        weight = self.recurrence.weight_hh_l0
        weight.data = rng.normal(0, 3 / 32**0.5, weight.shape).astype("float32")

    def forward(self, x):
        return self.last(self.recurrence(x)[0][:, -1])


@broken("exploding_gradients")
def recurrence_without_clipping(rng):
    x = rng.normal(size=(300, 40, 1)).astype("float32")
    model = LastState(rng)
    batches = data.Loader((x, x.sum(1)), batch_size=32, rng=rng)
    loop(model, F.mse, optim.SGD(model.parameters(), lr=0.05), batches, 8)


@broken("missing_step")
def missing_step(rng):
    model = mlp([64, 32, 10], rng)
    for x, y in list(data.Loader(digits()[0], batch_size=32, rng=rng)) * 3:
        model.zero_grad()
        F.cross_entropy(model(x), y).backward()            # fault: no optimizer steps


@broken("uphill")
def one_gradient_turned_round(rng):
    model = mlp([64, 32, 10], rng)
    opt = optim.SGD(model.parameters(), lr=0.1)
    for x, y in list(data.Loader(digits()[0], batch_size=32, rng=rng)) * 3:
        opt.zero_grad()
        F.cross_entropy(model(x), y).backward()
        model[0].weight.grad.data = -model[0].weight.grad.data
        opt.step()


@broken("softmax_twice")
def sigmoid_before_cross_entropy(rng):
    model = nn.Sequential(*mlp([64, 32, 10], rng), nn.Sigmoid())
    classify(model, optim.Adam(model.parameters(), lr=3e-3), digits(), rng)


@broken("clipped_scores")
def tanh_before_cross_entropy(rng):
    model = nn.Sequential(*mlp([64, 32, 10], rng), nn.Tanh())
    classify(model, optim.Adam(model.parameters(), lr=3e-3), digits(), rng)


@broken("clipped_scores")
def values_below_zero_after_a_relu(rng):
    model = nn.Sequential(*mlp([1, 16, 1], rng), nn.ReLU())
    batches = data.Loader(noisy_sine(256, rng), batch_size=32, rng=rng)
    loop(model, F.mse, optim.Adam(model.parameters(), lr=1e-2), batches, 15)


@broken("missing_softmax")
def probability_without_logarithm(rng):
    model = nn.Sequential(*mlp([64, 32, 10], rng), nn.Softmax())
    opt = optim.Adam(model.parameters(), lr=3e-3)
    classify(model, opt, digits(), rng, epochs=4, loss_fn=F.nll)


@broken("broken_labels")
def classes_numbered_otherwise(rng):
    train_set, test_set = digits()
    renamed = data.Dataset(train_set.x, rng.permutation(10)[train_set.y], 10)
    model = mlp([64, 32, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=5e-3), (renamed, test_set), rng)


@broken("leak")
def duplicates_before_the_split(rng):
    whole = data.digits()[0][:300]
    rows = rng.permutation(np.repeat(np.arange(300), 3))
    sets = whole[rows[:700]], whole[rows[700:]]
    model = mlp([64, 32, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), sets, rng, epochs=5)


@broken("leak")
def validated_on_the_training_set(rng):
    train_set, _ = digits()
    model = mlp([64, 32, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), (train_set, train_set), rng)


@broken("underfitting")
def dropout_of_nearly_everything(rng):
    model = nn.Sequential(
        nn.Linear(64, 16, rng=rng), nn.ReLU(), nn.Dropout(0.98, rng=rng), nn.Linear(16, 10, rng=rng)
    )
    classify(model, optim.Adam(model.parameters(), lr=3e-3), digits(), rng, epochs=6)


@broken("overfitting")
def thirty_noisy_values(rng):
    x = rng.uniform(-1, 1, (230, 6)).astype("float32")
    y = (x[:, :1] + 0.5 * rng.normal(size=(230, 1))).astype("float32")
    sets = data.Dataset(x[:30], y[:30]), data.Dataset(x[30:], y[30:])
    model = mlp([6, 256, 256, 1], rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    classify(model, opt, sets, rng, epochs=120, loss_fn=F.mse)


@broken("weight_decay_overwhelms")
def decoupled_decay_overwhelms(rng):
    model = mlp([64, 32, 10], rng)
    opt = optim.AdamW(model.parameters(), lr=1e-2, weight_decay=50.0)
    classify(model, opt, digits(), rng, epochs=6)


@broken("symmetric_units")
def equal_filters(rng):
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(128, 10, rng=rng),
    )  # fmt: skip
    model[0].weight.data = np.full(model[0].weight.shape, 0.1, "float32")
    opt = optim.Adam(model.parameters(), lr=5e-3)
    classify(model, opt, digits(images=True), rng, epochs=4)


@broken("frozen")
def middle_layer_left_frozen(rng):
    model = mlp([64, 32, 32, 10], rng)
    model[2].requires_grad_(False)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), digits(), rng, epochs=6)
