"""Faults of the optimizer and of the loop around it."""

from __future__ import annotations

import numpy as np

from minnet import data, nn, no_grad, optim
from minnet import functional as F

from .catalogue import broken
from .parts import classify, digits, loop, mlp, noisy_sine


@broken("uphill")
def flipped_gradient(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.SGD(model.parameters(), lr=0.05)
    for x, y in data.Loader(train_set, batch_size=32, rng=rng):
        opt.zero_grad()
        F.cross_entropy(model(x), y).backward()
        for p in model.parameters():
            p.grad.data = -p.grad.data                     # fault
        opt.step()


@broken("negated_loss", "uphill")
def flipped_loss(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.SGD(model.parameters(), lr=0.05)
    batches = data.Loader(train_set, batch_size=32, rng=rng)
    loop(model, lambda s, y: -F.cross_entropy(s, y), opt, batches, 3)


@broken("missing_zero_grad")
def missing_zero_grad(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.SGD(model.parameters(), lr=0.05)
    for _ in range(4):
        for x, y in data.Loader(train_set, batch_size=32, rng=rng):
            F.cross_entropy(model(x), y).backward()        # fault
            opt.step()


@broken("missing_zero_grad")
def missing_zero_grad_regression(rng):
    model, sine = mlp([1, 16, 1], rng, nn.Tanh), noisy_sine(256, rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(10):
        for x, y in data.Loader(sine, batch_size=32, rng=rng):
            F.mse(model(x), y).backward()
            opt.step()


@broken("learning_rate_too_high")
def sgd_rate_far_too_high(rng):
    model = mlp([64, 32, 10], rng)
    classify(model, optim.SGD(model.parameters(), lr=30.0), digits(), rng, epochs=4)


@broken("learning_rate_too_high")
def adam_rate_far_too_high(rng):
    model = mlp([64, 32, 32, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=1.0), digits(), rng, epochs=5)


@broken("learning_rate_too_high")
def regression_rate_too_high(rng):
    model = mlp([1, 32, 1], rng, nn.Tanh)
    batches = data.Loader(noisy_sine(256, rng), batch_size=32, rng=rng)
    loop(model, F.mse, optim.SGD(model.parameters(), lr=2.0), batches, 10)


@broken("learning_rate_too_low")
def sgd_rate_far_too_low(rng):
    model = mlp([64, 32, 10], rng)
    classify(model, optim.SGD(model.parameters(), lr=1e-5), digits(), rng, epochs=5)


@broken("learning_rate_too_low")
def adam_rate_far_too_low(rng):
    model = mlp([64, 32, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=1e-7), digits(), rng, epochs=5)


@broken("learning_rate_too_low")
def schedule_dies_at_once(rng):
    model = mlp([64, 32, 10], rng)
    opt = optim.SGD(model.parameters(), lr=0.1)
    classify(model, opt, digits(), rng, epochs=5, schedule={"lr": lambda t: 0.1 * 0.5**t})


@broken("learning_rate_too_low")
def clipped_to_nothing(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.ClipNorm(optim.SGD(model.parameters(), lr=0.1), 1e-4)
    loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 5)


@broken("momentum_too_high")
def momentum_too_high(rng):
    model = mlp([64, 32, 10], rng)
    opt = optim.Momentum(model.parameters(), lr=0.05, momentum=0.999)
    classify(model, opt, digits(), rng, epochs=6)


@broken("momentum_too_high")
def momentum_too_high_regression(rng):
    model = mlp([1, 16, 1], rng, nn.Tanh)
    opt = optim.Momentum(model.parameters(), lr=0.05, momentum=0.998, form="torch")
    loop(model, F.mse, opt, data.Loader(noisy_sine(256, rng), batch_size=32, rng=rng), 15)


@broken("weight_decay_overwhelms")
def weight_decay_overwhelms(rng):
    model = mlp([64, 32, 10], rng)
    opt = optim.Momentum(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1.0)
    classify(model, opt, digits(), rng, epochs=5)


@broken("weight_decay_overwhelms")
def penalty_in_the_loss_overwhelms(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.SGD(model.parameters(), lr=0.01)

    def loss_fn(scores, y):
        return F.cross_entropy(scores, y) + 5 * sum((p * p).sum() for p in model.parameters())

    loop(model, loss_fn, opt, data.Loader(train_set, batch_size=32, rng=rng), 5)


@broken("not_in_optimizer")
def optimizer_has_the_last_layer_only(rng):
    model = mlp([64, 32, 10], rng)
    classify(model, optim.Adam(model[2].parameters(), lr=1e-2), digits(), rng, epochs=4)


@broken("not_in_optimizer")
def layer_added_after_the_optimizer(rng):
    model = nn.Sequential(nn.Linear(64, 32, rng=rng), nn.ReLU())
    opt = optim.Nesterov(model.parameters(), lr=0.05)
    model.append(nn.Linear(32, 10, rng=rng))                # fault: the optimizer was built before
    train_set, _ = digits()
    loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 4)


@broken("frozen")
def frozen_layer(rng):
    model = mlp([64, 32, 10], rng)
    model[0].requires_grad_(False)
    classify(model, optim.Nesterov(model.parameters(), lr=0.05), digits(), rng, epochs=4)


@broken("unreached")
def detached_branch(rng):
    first, last = nn.Linear(64, 32, rng=rng), nn.Linear(32, 10, rng=rng)
    cut = nn.Lambda(lambda h: h.detach())
    model = nn.Sequential(first, nn.ReLU(), cut, last)
    classify(model, optim.Nesterov(model.parameters(), lr=0.05), digits(), rng, epochs=4)


class TwoPaths(nn.Module):
    """The second path is computed and never used."""

    def __init__(self, rng):
        self.left, self.right = nn.Linear(64, 32, rng=rng), nn.Linear(64, 32, rng=rng)
        self.last = nn.Linear(32, 10, rng=rng)

    def forward(self, x):
        left = F.relu(self.left(x))
        self.right(x)                                       # fault: the result is dropped
        return self.last(left)


@broken("unreached")
def unused_branch(rng):
    model = TwoPaths(rng)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), digits(), rng, epochs=4)


@broken("evaluation_in_training_mode")
def evaluation_with_dropout_on(rng):
    model = nn.Sequential(
        nn.Linear(64, 64, rng=rng), nn.ReLU(), nn.Dropout(0.5, rng=rng), nn.Linear(64, 10, rng=rng)
    )
    opt, (train_set, test_set) = optim.Adam(model.parameters(), lr=3e-3), digits()
    for _ in range(4):
        loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 1)
        with no_grad():
            F.cross_entropy(model(test_set.x), test_set.y)  # fault: no model.eval()


@broken("evaluation_in_training_mode")
def evaluation_with_batch_statistics(rng):
    model = nn.Sequential(
        nn.Linear(64, 32, rng=rng), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10, rng=rng)
    )
    opt, (train_set, test_set) = optim.Nesterov(model.parameters(), lr=0.05), digits()
    for _ in range(4):
        loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 1)
        (model(test_set.x).numpy().argmax(1) == test_set.y).mean()


@broken("training_in_eval_mode", "statistics_never_updated")
def statistics_never_updated(rng):
    model = nn.Sequential(
        nn.Linear(64, 32, rng=rng), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10, rng=rng)
    )
    model.eval()                                            # fault: stays so
    opt, (train_set, _) = optim.Nesterov(model.parameters(), lr=0.05), digits()
    loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 4)


@broken("statistics_never_updated")
def batch_norm_without_momentum(rng):
    model = nn.Sequential(
        nn.Linear(64, 32, rng=rng), nn.BatchNorm1d(32, momentum=0.0), nn.ReLU(),
        nn.Linear(32, 10, rng=rng),
    )  # fmt: skip
    classify(model, optim.Adam(model.parameters(), lr=3e-3), digits(), rng, epochs=4)


@broken("wrong_reduction")
def sum_instead_of_mean(rng):
    model = mlp([64, 32, 10], rng)
    opt = optim.SGD(model.parameters(), lr=0.5)
    classify(
        model, opt, digits(), rng, epochs=4, batch_size=64,
        loss_fn=lambda s, y: F.cross_entropy(s, y, reduction="sum"),
    )  # fmt: skip


@broken("not_finite", "learning_rate_too_high")
def overflow(rng):
    model = mlp([1, 16, 1], rng)
    batches = data.Loader(noisy_sine(256, rng), batch_size=32, rng=rng)
    with np.errstate(all="ignore"):
        loop(model, F.mse, optim.SGD(model.parameters(), lr=100.0), batches, 6)
