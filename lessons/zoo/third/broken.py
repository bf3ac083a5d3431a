"""Broken programs: one fault each, as it happens in a course or in a first project."""

from __future__ import annotations

import numpy as np

from minnet import data, nn, no_grad, optim, train
from minnet import functional as F

from ..training.parts import classify, digits, loop, mlp
from .catalogue import broken
from .parts import Reader, cnn, halves, houses, pressures, reviews, rings


@broken("softmax_twice")
def convolutions_that_end_in_a_softmax(rng):
    model = nn.Sequential(*cnn(rng), nn.Softmax())
    opt = optim.Momentum(model.parameters(), lr=0.05)
    classify(model, opt, digits(images=True), rng, epochs=15)


@broken("missing_softmax", "negated_loss", "diverged")
def nll_of_a_reader_without_log_softmax(rng):
    model, sets = Reader(rng), halves(reviews(600, rng), 450)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    classify(model, opt, sets, rng, epochs=10, loss_fn=F.nll)


class TimeFirst(Reader):
    """The recurrent layer takes (time, example, feature)."""

    def forward(self, tokens):
        N, T = tokens.shape
        e = self.embed(tokens).reshape(T, N, 8)
        return self.head(self.recurrent(e)[0][-1])


@broken("wrong_axis", "broken_labels")
def words_reshaped_to_time_first(rng):
    model, sets = TimeFirst(rng), halves(reviews(600, rng), 450)
    model.recurrent = nn.GRU(8, 16, rng=rng)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), sets, rng)


@broken("broadcasting")
def own_binary_entropy_of_a_column_and_a_row(rng):
    train_set, _ = data.moons(250, rng=rng).split(0.8, rng=rng)
    model = nn.Sequential(*mlp([2, 24, 1], rng), nn.Sigmoid())
    loss_fn = lambda p, y: -(y * F.log(p) + (1 - y) * F.log(1 - p)).mean()
    opt = optim.Adam(model.parameters(), lr=2e-2)
    loop(model, loss_fn, opt, data.Loader(train_set, batch_size=40, rng=rng), 25)


@broken("uphill", "diverged", "not_finite")
def update_by_hand_with_a_plus(rng):
    model, (train_set, _) = mlp([64, 24, 10], rng), digits()
    for _ in range(6):
        for x, y in data.Loader(train_set, batch_size=32, rng=rng):
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            for p in model.parameters():
                p.data = p.data + 0.2 * p.grad.numpy()
                p.grad = None


@broken("evaluation_in_training_mode")
def tested_four_at_a_time_without_eval(rng):
    train_set, test_set = digits(images=True)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, rng=rng), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(),
        nn.Linear(288, 32, rng=rng), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10, rng=rng),
    )  # fmt: skip
    opt = optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(4):
        loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 1)
        with no_grad():
            parts = [test_set[i : i + 4] for i in range(0, 300, 4)]
            right = np.mean([train.accuracy(model(p.x), p.y) for p in parts])
    return right


def deep_batch_norm(rng, depth=8):
    layers = [nn.Linear(64, 48, rng=rng), nn.BatchNorm1d(48), nn.ReLU()]
    for _ in range(depth):
        layers += [nn.Linear(48, 48, bias=False, rng=rng), nn.BatchNorm1d(48), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(48, 10, rng=rng))


@broken("training_in_eval_mode", "statistics_never_updated")
def eval_for_the_first_loss_and_never_back(rng):
    model, (train_set, test_set) = deep_batch_norm(rng), digits()
    model.eval()
    F.cross_entropy(model(test_set.x), test_set.y)
    opt = optim.Momentum(model.parameters(), lr=0.02)
    loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 6)


class Barometer(nn.Module):
    """An LSTM over measurements."""

    def __init__(self, rng):
        self.lstm = nn.LSTM(1, 16, batch_first=True, rng=rng)
        self.head = nn.Linear(16, 2, rng=rng)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


@broken("unnormalised_inputs", "saturated", "plateau")
def pressures_in_pascal(rng):
    sets, model = halves(pressures(500, rng), 400), Barometer(rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    classify(model, opt, sets, rng, epochs=8)


class BagOfWords(nn.Module):
    """The mean embedding of the words, and a small network."""

    def __init__(self, rng, outputs=1):
        self.embed = nn.Embedding(40, 12, rng=rng)
        self.rest = mlp([12, 24, outputs], rng)

    def forward(self, tokens):
        return self.rest(self.embed(tokens).mean(axis=1))


@broken("unnormalised_targets", "learning_rate_too_low", "underfitting")
def year_of_a_text(rng):
    x, _ = reviews(500, rng)
    year = 1990 + 2.5 * (x < 11).sum(1, keepdims=True) + rng.normal(size=(500, 1))
    sets = halves(data.Dataset(x, year.astype("float32")), 400)
    model = BagOfWords(rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    classify(model, opt, sets, rng, epochs=20, loss_fn=F.mse)


@broken("unshuffled")
def images_read_folder_by_folder(rng):
    train_set, test_set = digits(images=True)
    train_set = train_set[np.argsort(train_set.y, kind="stable")]
    loader = data.Loader(train_set, batch_size=32, shuffle=False)
    model = cnn(rng)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    train.fit(model, F.cross_entropy, opt, loader, val_data=test_set, epochs=10, progress=False)


@broken("degenerate_labels")
def first_reviews_of_a_sorted_file(rng):
    whole = reviews(1000, rng)
    whole = whole[np.argsort(whole.y, kind="stable")]
    sets, model = (whole[:400], whole[rng.permutation(1000)[:200]]), Reader(rng)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), sets, rng, epochs=10)


@broken("broken_labels", "plateau", "underfitting")
def images_and_labels_drawn_separately(rng):
    (x, y), model = digits(images=True)[0], cnn(rng)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(240):
        images, labels = x[rng.integers(640, size=32)], y[rng.integers(640, size=32)]
        loss = F.cross_entropy(model(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()


@broken("leak")
def rows_of_both_parts_drawn_separately(rng):
    whole, model = reviews(500, rng), BagOfWords(rng, 2)
    sets = [whole[rng.permutation(500)[:n]] for n in (400, 150)]
    classify(model, optim.Adam(model.parameters(), lr=1e-2), sets, rng, epochs=25)


@broken("evaluation_inputs_differ")
def test_images_divided_twice(rng):
    train_set, test_set = digits(images=True)
    model = cnn(rng)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    classify(model, opt, (train_set, test_set.map(lambda x: x / 16)), rng, epochs=10)


@broken("learning_rate_too_high", "dead_relus", "plateau")
def adam_with_the_rate_of_sgd(rng):
    model = cnn(rng)
    opt = optim.Adam(model.parameters(), lr=0.3)
    classify(model, opt, digits(images=True), rng, epochs=10)


@broken("missing_zero_grad")
def convolutions_without_zero_grad(rng):
    model, (train_set, _) = cnn(rng), digits(images=True)
    opt = optim.Momentum(model.parameters(), lr=0.05)
    for _ in range(12):
        for x, y in data.Loader(train_set, batch_size=32, rng=rng):
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            opt.step()


@broken("not_in_optimizer")
def thawed_and_the_old_optimizer_kept(rng):
    train_set, test_set = digits()
    parity = data.Dataset(train_set.x, train_set.y % 2, 2)
    body = nn.Sequential(nn.Linear(64, 12, rng=rng), nn.ReLU())
    pretrained = nn.Sequential(*body, nn.Linear(12, 2, rng=rng))
    loader = data.Loader(parity, batch_size=32, rng=rng)
    loop(pretrained, F.cross_entropy, optim.Adam(pretrained.parameters(), lr=5e-3), loader, 5)
    model = nn.Sequential(*body, nn.Linear(12, 10, rng=rng))
    body.requires_grad_(False)
    opt = optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    classify(model, opt, (train_set, test_set), rng, epochs=4)
    body.requires_grad_(True)
    classify(model, opt, (train_set, test_set), rng, epochs=8)


class TableOfArrays(nn.Module):
    """Words looked up in an array, not in a tensor."""

    def __init__(self, rng):
        self.embed = nn.Embedding(40, 3, rng=rng)
        self.gru = nn.GRU(3, 8, batch_first=True, rng=rng)
        self.head = nn.Linear(8, 2, rng=rng)

    def forward(self, tokens):
        e = self.embed.weight.data[tokens]
        return self.head(self.gru(e)[0].mean(axis=1))


@broken("unreached")
def words_looked_up_in_an_array(rng):
    model, sets = TableOfArrays(rng), halves(reviews(700, rng), 500)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), sets, rng)


@broken("frozen")
def frozen_body_whose_weights_were_never_loaded(rng):
    sets = digits(images=True)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 12, rng=rng), nn.ReLU(), nn.Linear(12, 10, rng=rng),
    )  # fmt: skip
    for layer in model[:-1]:
        layer.requires_grad_(False)
    opt = optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    classify(model, opt, sets, rng)


@broken("weight_decay_overwhelms", "underfitting", "plateau")
def decay_of_adamw_given_to_adam(rng):
    model, sets = Reader(rng), halves(reviews(600, rng), 450)
    opt = optim.Adam(model.parameters(), lr=1e-2, weight_decay=0.1)
    classify(model, opt, sets, rng)


@broken("learning_rate_too_low", "plateau")
def sgd_with_the_rate_of_adam(rng):
    model, sets = Reader(rng, layer=nn.LSTM), halves(reviews(600, rng), 450)
    classify(model, optim.SGD(model.parameters(), lr=1e-3), sets, rng, epochs=12)


@broken("learning_rate_too_high", "diverged", "not_finite")
def steps_too_long_for_linear_regression(rng):
    x, y = houses(200, rng)
    model = nn.Linear(6, 1, rng=rng)
    loop(model, F.mse, optim.SGD(model.parameters(), lr=1.3), [(x, (y - 300) / 80)], 60)


@broken("vanishing_gradients", "collapsed", "initial_weights_too_small")
def twenty_layers_without_shortcuts(rng):
    model = mlp([64] + [32] * 19 + [10], rng)
    classify(model, optim.Momentum(model.parameters(), lr=0.02), digits(), rng, epochs=8)


class Cosine(nn.Module):
    """Directions of words, averaged: word 0 is padding and has the zero vector."""

    def __init__(self, rng):
        self.embed = nn.Embedding(40, 8, padding_idx=0, rng=rng)
        self.head = nn.Linear(8, 2, rng=rng)

    def forward(self, tokens):
        e = self.embed(tokens)
        return self.head((e / F.sqrt((e * e).sum(axis=-1, keepdims=True))).mean(axis=1))


@broken("not_finite")
def direction_of_the_padding(rng):
    x, y = reviews(600, rng)
    x = np.where(np.arange(14) < rng.integers(8, 15, (600, 1)), x, 0)
    model, loader = Cosine(rng), data.Loader((x[:450], y[:450]), batch_size=32, rng=rng)
    loop(model, F.cross_entropy, optim.Adam(model.parameters(), lr=1e-2), loader, 20)


@broken("overfitting")
def wide_network_for_ninety_patients(rng):
    x = rng.normal(size=(390, 60)).astype("float32")
    y = (x[:, :4].sum(1) + rng.normal(size=390) > 0).astype(int)
    sets, model = halves(data.Dataset(x, y, 2), 90), mlp([60, 256, 64, 2], rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    classify(model, opt, sets, rng, epochs=40, batch_size=15)


@broken("underfitting", "plateau")
def layers_without_activations(rng):
    model = nn.Sequential(*(nn.Linear(n, m, rng=rng) for n, m in ((2, 32), (32, 32), (32, 3))))
    sets = halves(rings(600, rng), 450)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), sets, rng, epochs=15)
