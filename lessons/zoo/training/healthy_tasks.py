"""Healthy programs of the kinds that look ill at first sight."""

from __future__ import annotations

import numpy as np

from minnet import data, nn, no_grad, optim, schedules
from minnet import functional as F

from .catalogue import healthy
from .parts import classify, digits, loop, mlp, noisy_text, standard, text_and_next


@healthy
def exclusive_or(rng):
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([0, 1, 1, 0])
    model = mlp([2, 8, 2], rng, nn.Tanh)
    loop(model, F.cross_entropy, optim.Adam(model.parameters(), lr=5e-2), [(x, y)], 200)


@healthy
def one_example_at_a_time(rng):
    model, (train_set, _) = mlp([64, 16, 10], rng), digits(400)
    opt = optim.SGD(model.parameters(), lr=0.02)
    loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=1, rng=rng), 2)


@healthy
def contrastive(rng):
    """Two noisy views of a digit must find each other among 64."""
    x, model = data.digits()[0][:512].x, mlp([64, 48, 16], rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    unit = lambda z: z / F.sqrt((z * z).sum(axis=1, keepdims=True) + 1e-6)
    for batch, _ in list(data.Loader((x, np.zeros(len(x), int)), batch_size=64, rng=rng)) * 5:
        views = (batch + rng.normal(0, 0.1, batch.shape).astype("float32") for _ in range(2))
        a, b = (unit(model(view)) for view in views)
        loss = F.cross_entropy(a @ b.T / 0.2, np.arange(len(batch)))
        opt.zero_grad()
        loss.backward()
        opt.step()


@healthy
def transformer_with_strong_decay(rng):
    x, y = text_and_next(200, 10, rng)
    model = nn.GPT(12, context=10, width=16, heads=2, depth=2, rng=rng)
    opt = optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    loss_fn = lambda scores, y: F.cross_entropy(scores.reshape(-1, 12), y.reshape(-1))
    loop(model, loss_fn, opt, data.Loader((x, y), batch_size=32, rng=rng), 4)


@healthy
def new_head_on_a_frozen_body(rng):
    sets = digits()
    model = mlp([64, 48, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), sets, rng, epochs=6)
    body, head = model[0].requires_grad_(False), nn.Linear(48, 2, rng=rng)
    parity = [data.Dataset(d.x, d.y % 2, 2) for d in sets]
    opt = optim.Adam(head.parameters(), lr=1e-2)
    classify(nn.Sequential(body, nn.ReLU(), head), opt, parity, rng, epochs=6)


class OneHot(nn.Module):
    """A frozen table that is no random one."""

    def __init__(self, rng):
        self.table, self.rest = nn.Embedding(8, 8, rng=rng), mlp([32, 32, 8], rng)
        self.table.weight.data = np.eye(8, dtype="float32")
        self.table.requires_grad_(False)

    def forward(self, tokens):
        e = self.table(tokens)
        return self.rest(e.reshape(len(tokens), -1))


@healthy
def frozen_table(rng):
    model = OneHot(rng)
    opt = optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    classify(model, opt, (noisy_text(500, 4, rng), noisy_text(150, 4, rng)), rng)


@healthy
def rows_that_are_equal_by_chance(rng):
    tokens = rng.integers(30, size=(600, 3))
    x, y = np.eye(30, dtype="float32")[tokens].reshape(600, -1), tokens[:, 0] % 3
    sets = data.Dataset(x[:450], y[:450], 3), data.Dataset(x[450:], y[450:], 3)
    model = mlp([90, 32, 3], rng)
    classify(model, optim.Adam(model.parameters(), lr=5e-3), sets, rng, epochs=12)


@healthy
def series_in_its_own_order(rng):
    s = np.sin(np.arange(600) * 0.03) + 0.05 * rng.normal(size=600)
    x = np.stack([s[i : i + 8] for i in range(590)]).astype("float32")
    model = mlp([8, 16, 1], rng, nn.Tanh)
    batches = data.Loader((x, s[8:598, None].astype("float32")), batch_size=16, shuffle=False)
    loop(model, F.mse, optim.Adam(model.parameters(), lr=1e-2), batches, 10)


class TwoHeads(nn.Module):
    """Which digit, and is it odd?"""

    def __init__(self, rng):
        self.body = nn.Linear(64, 32, rng=rng)
        self.digit, self.odd = nn.Linear(32, 10, rng=rng), nn.Linear(32, 2, rng=rng)

    def forward(self, x):
        h = F.relu(self.body(x))
        return self.digit(h), self.odd(h)


@healthy
def two_heads(rng):
    model = TwoHeads(rng)
    both = lambda out, y: F.cross_entropy(out[0], y) + F.cross_entropy(out[1], y % 2) / 2
    batches = data.Loader(digits()[0], batch_size=32, rng=rng)
    loop(model, both, optim.Adam(model.parameters(), lr=5e-3), batches, 6)


@healthy
def search_of_the_learning_rate(rng):
    for lr in (1e-3, 1e-2, 1e-1):
        model = mlp([64, 32, 10], rng)
        classify(model, optim.Momentum(model.parameters(), lr=lr), digits(), rng, epochs=4)


@healthy
def cross_validation(rng):
    whole = digits(300)[0]
    for k in range(3):
        fold = np.arange(len(whole)) % 3 == k
        model = mlp([64, 32, 10], rng)
        classify(model, optim.Adam(model.parameters(), lr=5e-3), (whole[~fold], whole[fold]), rng)


@healthy
def training_accuracy_is_printed(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(6):
        loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 1)
        with no_grad():
            (model(train_set.x).numpy().argmax(1) == train_set.y).mean()


@healthy
def fifty_classes(rng):
    x = rng.normal(size=(1200, 20)).astype("float32")
    y = (x @ rng.normal(size=(20, 50))).argmax(1)
    sets = data.Dataset(x[:900], y[:900], 50), data.Dataset(x[900:], y[900:], 50)
    model = mlp([20, 64, 50], rng)
    classify(model, optim.Adam(model.parameters(), lr=5e-3), sets, rng, epochs=12)


@healthy
def generator_and_discriminator(rng):
    g, d = mlp([2, 16, 1], rng), mlp([1, 16, 1], rng)
    opt_g, opt_d = (optim.Adam(m.parameters(), lr=2e-3) for m in (g, d))
    loss_fn = F.binary_cross_entropy_with_logits
    yes, no = np.ones((32, 1), "float32"), np.zeros((32, 1), "float32")
    for _ in range(100):
        real = rng.normal(2, 0.5, (32, 1)).astype("float32")
        z = rng.normal(size=(32, 2)).astype("float32")
        opt_d.zero_grad()
        (loss_fn(d(real), yes) + loss_fn(d(g(z).detach()), no)).backward()
        opt_d.step()
        opt_g.zero_grad()
        loss_fn(d(g(z)), yes).backward()
        opt_g.step()


@healthy
def mixed_examples(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    opt = optim.Adam(model.parameters(), lr=5e-3)
    for x, y in list(data.Loader(train_set, batch_size=32, rng=rng)) * 6:
        share, other = np.float32(rng.beta(0.4, 0.4)), rng.permutation(len(x))
        scores = model(share * x + (1 - share) * x[other])
        loss = share * F.cross_entropy(scores, y)
        loss = loss + (1 - share) * F.cross_entropy(scores, y[other])
        opt.zero_grad()
        loss.backward()
        opt.step()


@healthy
def one_in_a_hundred(rng):
    x = rng.normal(size=(2000, 5)).astype("float32")
    y = (x[:, 0] + x[:, 1] > 3.3).astype(int)
    sets = data.Dataset(x[:1500], y[:1500], 2), data.Dataset(x[1500:], y[1500:], 2)
    model = mlp([5, 16, 2], rng)
    classify(model, optim.Adam(model.parameters(), lr=5e-3), sets, rng)


@healthy
def tightly_clipped(rng):
    model = mlp([64, 48, 10], rng)
    opt = optim.ClipNorm(optim.Momentum(model.parameters(), lr=0.5), 0.1)
    classify(model, opt, digits(), rng, epochs=10)


@healthy
def restarts_of_the_schedule(rng):
    model = mlp([64, 48, 10], rng)
    rate = schedules.warm_restarts(0.2, steps=40)
    opt = optim.Nesterov(model.parameters(), lr=0.1)
    classify(model, opt, digits(), rng, schedule={"lr": rate})


@healthy
def tiny_targets(rng):
    x = rng.normal(size=(400, 5)).astype("float32")
    y = 1e-2 * x @ rng.normal(size=(5, 3)) + 1e-3 * rng.normal(size=(400, 3))
    model = mlp([5, 32, 3], rng)
    batches = data.Loader((x, y.astype("float32")), batch_size=32, rng=rng)
    loop(model, F.mse, optim.Adam(model.parameters(), lr=3e-3), batches, 20)


@healthy
def sigmoid_and_logarithm_by_hand(rng):
    x, y = standard(data.moons(150, rng=rng))
    model = nn.Sequential(*mlp([2, 16, 1], rng, nn.Tanh), nn.Sigmoid())

    def loss_fn(p, t):
        p = 1e-6 + p * (1 - 2e-6)
        return -(t * F.log(p) + (1 - t) * F.log(1 - p)).mean()

    batches = data.Loader((x, y[:, None].astype("float32")), batch_size=32, rng=rng)
    loop(model, loss_fn, optim.Adam(model.parameters(), lr=2e-2), batches, 15)
