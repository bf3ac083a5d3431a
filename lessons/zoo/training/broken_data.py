"""Faults of the data: labels, inputs, order, and the split."""

from __future__ import annotations

import numpy as np

from minnet import data, nn, no_grad, optim
from minnet import functional as F

from .catalogue import broken
from .parts import classify, digits, loop, mlp, noisy_sine


@broken("broken_labels")
def labels_shuffled(rng):
    train_set, test_set = digits()
    shuffled = data.Dataset(train_set.x, rng.permutation(train_set.y), 10)
    model = mlp([64, 32, 10], rng)
    classify(model, optim.SGD(model.parameters(), lr=0.05), (shuffled, test_set), rng, epochs=5)


@broken("broken_labels")
def labels_shuffled_and_learned_by_heart(rng):
    train_set, test_set = digits(200)
    shuffled = data.Dataset(train_set.x, rng.permutation(train_set.y), 10)
    model = mlp([64, 256, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=5e-3), (shuffled, test_set), rng, epochs=60)


@broken("broken_labels")
def labels_shifted_by_one_row(rng):
    train_set, _ = digits()
    shifted = data.Dataset(train_set.x, np.roll(train_set.y, 1), 10)
    model = mlp([64, 32, 10], rng)
    opt = optim.Nesterov(model.parameters(), lr=0.02)
    loop(model, F.cross_entropy, opt, data.Loader(shifted, batch_size=32, rng=rng), 5)


@broken("broken_labels")
def labels_off_by_one_in_training(rng):
    train_set, test_set = digits()
    renamed = data.Dataset(train_set.x, (train_set.y + 1) % 10, 10)
    model = mlp([64, 32, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=5e-3), (renamed, test_set), rng, epochs=8)


@broken("degenerate_labels")
def first_column_of_one_hot(rng):
    train_set, _ = digits()
    one_hot = np.eye(10, dtype=int)[train_set.y]
    model = mlp([64, 32, 10], rng)
    batches = data.Loader((train_set.x, one_hot[:, 0]), batch_size=32, rng=rng)
    loop(model, F.cross_entropy, optim.Adam(model.parameters(), lr=5e-3), batches, 5)


@broken("degenerate_labels")
def labels_cast_to_zero(rng):
    train_set, test_set = digits()
    wrong = data.Dataset(train_set.x, (train_set.y / 10).astype(int), 10)
    model = mlp([64, 32, 10], rng)
    classify(model, optim.SGD(model.parameters(), lr=0.05), (wrong, test_set), rng, epochs=4)


@broken("constant_inputs")
def inputs_constant(rng):
    train_set, test_set = digits()
    empty = data.Dataset(np.zeros_like(train_set.x), train_set.y, 10)
    model = mlp([64, 32, 10], rng)
    classify(model, optim.Nesterov(model.parameters(), lr=0.05), (empty, test_set), rng, epochs=5)


@broken("constant_inputs")
def integer_division(rng):
    x, y = data.digits()[0][:640]
    counts = (16 * x).astype(int)
    model = mlp([64, 32, 10], rng)
    batches = data.Loader(((counts // 255).astype("float32"), y), batch_size=32, rng=rng)
    loop(model, F.cross_entropy, optim.Adam(model.parameters(), lr=3e-3), batches, 5)


@broken("unnormalised_inputs")
def inputs_unnormalised(rng):
    train_set, test_set = digits()
    large = lambda d: data.Dataset(255 * d.x, d.y, 10)
    model = mlp([64, 32, 10], rng)
    opt = optim.SGD(model.parameters(), lr=0.05)
    classify(model, opt, (large(train_set), large(test_set)), rng, epochs=5)


@broken("unnormalised_inputs")
def one_feature_in_other_units(rng):
    x = rng.normal(size=(400, 4)).astype("float32")
    y = (x.sum(1) > 0).astype(int)
    x[:, 0] *= 2000
    model = mlp([4, 16, 2], rng)
    batches = data.Loader((x, y), batch_size=32, rng=rng)
    loop(model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.01), batches, 10)


@broken("unnormalised_targets", "learning_rate_too_high")
def targets_unnormalised(rng):
    x, y = noisy_sine(256, rng)
    model = mlp([1, 16, 1], rng, nn.Tanh)
    batches = data.Loader((x, 500 + 100 * y), batch_size=32, rng=rng)
    loop(model, F.mse, optim.Adam(model.parameters(), lr=1e-2), batches, 15)


@broken("unshuffled")
def sorted_and_not_shuffled(rng):
    train_set, test_set = digits()
    order = np.argsort(train_set.y, kind="stable")
    model = mlp([64, 32, 10], rng)
    opt = optim.SGD(model.parameters(), lr=0.1)
    batches = data.Loader(train_set[order], batch_size=32, shuffle=False)
    loop(model, F.cross_entropy, opt, batches, 6)


@broken("unshuffled")
def sorted_regression(rng):
    x, y = noisy_sine(256, rng)
    order = np.argsort(y[:, 0])
    model = mlp([1, 16, 1], rng, nn.Tanh)
    batches = data.Loader((x[order], y[order]), batch_size=32, shuffle=False)
    loop(model, F.mse, optim.SGD(model.parameters(), lr=0.1), batches, 10)


@broken("leak")
def test_examples_in_training(rng):
    train_set, test_set = digits()
    both = data.Dataset(
        np.concatenate([train_set.x, test_set.x[:150]]),
        np.concatenate([train_set.y, test_set.y[:150]]), 10,
    )  # fmt: skip
    model = mlp([64, 32, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), (both, test_set), rng, epochs=10)


@broken("leak")
def validated_on_training_examples(rng):
    train_set, _ = digits()
    model = mlp([64, 32, 10], rng)
    opt = optim.Nesterov(model.parameters(), lr=0.05)
    classify(model, opt, (train_set, train_set[100:400]), rng, epochs=8)


@broken("broken_labels", "underfitting")
def augmentation_destroys_the_image(rng):
    train_set, test_set = digits()
    scramble = lambda x, rng: rng.permuted(x, axis=1)
    model = mlp([64, 32, 10], rng)
    batches = data.Loader(train_set, batch_size=32, transform=scramble, rng=rng)
    opt = optim.SGD(model.parameters(), lr=0.05)
    loop(model, F.cross_entropy, opt, batches, 6)
    with no_grad():
        F.cross_entropy(model(test_set.x), test_set.y)


@broken("evaluation_inputs_differ")
def test_set_not_normalised(rng):
    train_set, test_set = digits()
    mean, std = train_set.x.mean(), train_set.x.std()
    train_set = train_set.map(lambda x: (x - mean) / std)
    test_set = test_set.map(lambda x: 16 * x)               # fault: other units
    model = mlp([64, 32, 10], rng)
    sets = (train_set, test_set)
    classify(model, optim.Nesterov(model.parameters(), lr=0.02), sets, rng, epochs=6)


@broken("overfitting")
def far_too_few_examples(rng):
    train_set, test_set = data.digits()[0][:40], data.digits()[1][:300]
    model = mlp([64, 256, 10], rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    noisy = train_set.map(lambda x: x + rng.normal(0, 0.7, x.shape).astype("float32"))
    classify(model, opt, (noisy, test_set), rng, epochs=60)
