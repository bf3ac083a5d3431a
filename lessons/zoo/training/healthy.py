"""Healthy programs of many kinds: deep and shallow, all optimizers, images, text, regression."""

from __future__ import annotations

import numpy as np

from minnet import data, init, nn, no_grad, optim, schedules, train
from minnet import functional as F

from .catalogue import healthy
from .parts import classify, digits, loop, mlp, noisy_sine, noisy_text, standard

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.2),
    "momentum": lambda p: optim.Momentum(p, lr=0.05),
    "momentum_torch": lambda p: optim.Momentum(p, lr=0.05, form="torch"),
    "nesterov": lambda p: optim.Nesterov(p, lr=0.05, weight_decay=1e-4),
    "lookahead": lambda p: optim.Nesterov(p, lr=0.05, form="lookahead"),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.02),
    "rmsprop": lambda p: optim.RMSprop(p, lr=2e-3),
    "adam": lambda p: optim.Adam(p, lr=3e-3),
    "adamw": lambda p: optim.AdamW(p, lr=3e-3, weight_decay=1e-2),
    "amsgrad": lambda p: optim.AMSGrad(p, lr=3e-3),
    "nadam": lambda p: optim.NAdam(p, lr=3e-3),
    "lion": lambda p: optim.Lion(p, lr=5e-4),
}


def _with(make):
    def run(rng):
        model = mlp([64, 48, 10], rng)
        classify(model, make(model.parameters()), digits(), rng)

    return run


for _name, _make in OPTIMIZERS.items():
    _run = _with(_make)
    _run.__name__ = f"digits_with_{_name}"
    healthy(_run)


@healthy
def logistic_regression(rng):
    model = nn.Linear(64, 10, rng=rng)
    classify(model, optim.SGD(model.parameters(), lr=0.5), digits(), rng)


@healthy
def logistic_regression_from_zero(rng):
    model = nn.Linear(64, 10, rng=rng)
    model.weight.data = np.zeros((64, 10), "float32")
    model.bias.data = np.zeros(10, "float32")
    classify(model, optim.Momentum(model.parameters(), lr=0.1), digits(), rng)


@healthy
def linear_svm(rng):
    model = nn.Linear(64, 10, rng=rng)
    opt = optim.SGD(model.parameters(), lr=0.02, weight_decay=1e-3)
    classify(model, opt, digits(), rng, loss_fn=F.multiclass_hinge)


@healthy
def deep_relus_with_he(rng):
    model = mlp([64] + [48] * 6 + [10], rng)
    for p in model.parameters():
        if p.ndim == 2:
            p.data = init.kaiming_normal(p.shape, rng=rng, dtype="float32")
    classify(model, optim.Momentum(model.parameters(), lr=0.01), digits(), rng)


@healthy
def deep_tanh_with_xavier(rng):
    model = mlp([64] + [48] * 4 + [10], rng, nn.Tanh)
    for p in model.parameters():
        if p.ndim == 2:
            p.data = init.xavier_normal(p.shape, rng=rng, dtype="float32")
    classify(model, optim.Nesterov(model.parameters(), lr=0.02), digits(), rng)


@healthy
def batch_norm(rng):
    model = nn.Sequential(
        nn.Linear(64, 64, bias=False, rng=rng), nn.BatchNorm1d(64), nn.ReLU(),
        nn.Linear(64, 64, bias=False, rng=rng), nn.BatchNorm1d(64), nn.ReLU(),
        nn.Linear(64, 10, rng=rng),
    )  # fmt: skip
    classify(model, optim.Nesterov(model.parameters(), lr=0.1), digits(), rng)


@healthy
def dropout(rng):
    model = nn.Sequential(
        nn.Linear(64, 128, rng=rng), nn.ReLU(), nn.Dropout(0.5, rng=rng),
        nn.Linear(128, 10, rng=rng),
    )  # fmt: skip
    classify(model, optim.Adam(model.parameters(), lr=3e-3), digits(), rng)


@healthy
def batch_norm_and_dropout_by_hand(rng):
    model = nn.Sequential(
        nn.Linear(64, 64, rng=rng), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3, rng=rng),
        nn.Linear(64, 10, rng=rng),
    )  # fmt: skip
    opt, (train_set, test_set) = optim.Adam(model.parameters(), lr=5e-3), digits()
    for _ in range(5):
        loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 1)
        model.eval()
        with no_grad():
            F.cross_entropy(model(test_set.x), test_set.y)
        model.train()


@healthy
def residual_network_with_zero_start(rng):
    blocks = []
    for _ in range(3):
        last = nn.Linear(48, 48, rng=rng)
        last.weight.data = np.zeros((48, 48), "float32")
        blocks.append(nn.Residual(nn.Sequential(nn.Linear(48, 48, rng=rng), nn.ReLU(), last)))
    model = nn.Sequential(nn.Linear(64, 48, rng=rng), *blocks, nn.Linear(48, 10, rng=rng))
    classify(model, optim.Nesterov(model.parameters(), lr=0.02), digits(), rng)


@healthy
def convolutional_network(rng):
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 10, rng=rng),
    )  # fmt: skip
    classify(model, optim.Adam(model.parameters(), lr=5e-3), digits(images=True), rng, epochs=6)


@healthy
def layer_norm_and_gelu(rng):
    model = nn.Sequential(
        nn.Linear(64, 48, rng=rng), nn.LayerNorm(48), nn.GELU(), nn.Linear(48, 10, rng=rng)
    )
    classify(model, optim.AdamW(model.parameters(), lr=5e-3), digits(), rng)


@healthy
def leaky_relus(rng):
    model = mlp([64, 48, 48, 10], rng, nn.LeakyReLU)
    classify(model, optim.Nesterov(model.parameters(), lr=0.05), digits(), rng)


@healthy
def one_layer_of_sigmoids(rng):
    model = mlp([64, 32, 10], rng, nn.Sigmoid)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), digits(), rng)


@healthy
def one_cycle(rng):
    model = mlp([64, 48, 10], rng)
    rate = schedules.one_cycle(8 * 20, high=0.3)
    opt = optim.Nesterov(model.parameters(), lr=0.1)
    classify(model, opt, digits(), rng, schedule={"lr": rate})


@healthy
def step_decay_by_hand(rng):
    model, (train_set, _) = mlp([64, 48, 10], rng), digits()
    opt = optim.Momentum(model.parameters(), lr=0.1)
    batches = data.Loader(train_set, batch_size=32, rng=rng)
    for rate in (0.1, 0.01, 0.001):
        opt.lr = rate
        loop(model, F.cross_entropy, opt, batches, 3)


@healthy
def high_but_stable_rate(rng):
    model = mlp([64, 48, 10], rng)
    classify(model, optim.SGD(model.parameters(), lr=0.8), digits(), rng)


@healthy
def large_adam_rate(rng):
    model = mlp([64, 48, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=2e-2), digits(), rng)


@healthy
def clipped_gradients(rng):
    model = mlp([64, 48, 10], rng)
    classify(model, optim.ClipNorm(optim.Momentum(model.parameters(), lr=0.1), 1.0), digits(), rng)


@healthy
def small_data(rng):
    sets = data.digits()[0][:150], data.digits()[1][:200]
    model = mlp([64, 32, 10], rng)
    opt = optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    classify(model, opt, sets, rng, epochs=15, batch_size=16)


@healthy
def label_smoothing(rng):
    smooth = lambda s, y: F.cross_entropy(s, y, label_smoothing=0.1)
    model = mlp([64, 48, 10], rng)
    classify(model, optim.Nesterov(model.parameters(), lr=0.1), digits(), rng, loss_fn=smooth)


@healthy
def penalty_in_the_loss(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()

    def loss_fn(scores, y):
        return F.cross_entropy(scores, y) + 1e-4 * sum((p * p).sum() for p in model.parameters())

    batches = data.Loader(train_set, batch_size=32, rng=rng)
    loop(model, loss_fn, optim.SGD(model.parameters(), lr=0.2), batches, 8)


@healthy
def likelihood_by_hand(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()

    def loss_fn(scores, y):
        return -F.log_softmax(scores, axis=1)[np.arange(len(y)), y].mean()

    batches = data.Loader(train_set, batch_size=32, rng=rng)
    loop(model, loss_fn, optim.Adam(model.parameters(), lr=5e-3), batches, 6)


@healthy
def sum_with_a_small_rate(rng):
    model, (train_set, _) = mlp([64, 32, 10], rng), digits()
    total = lambda s, y: F.cross_entropy(s, y, reduction="sum")
    batches = data.Loader(train_set, batch_size=32, rng=rng)
    loop(model, total, optim.SGD(model.parameters(), lr=0.005), batches, 8)


@healthy
def augmented_digits(rng):
    train_set, test_set = digits()
    jitter = lambda x, rng: x + rng.normal(0, 0.1, x.shape).astype(x.dtype)
    batches = data.Loader(train_set, batch_size=32, transform=jitter, rng=rng)
    model = mlp([64, 48, 10], rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    train.fit(model, F.cross_entropy, opt, batches, epochs=8, val_data=test_set, progress=False)


@healthy
def imbalanced_classes(rng):
    x = rng.normal(size=(600, 5)).astype("float32")
    y = (x[:, 0] + x[:, 1] + 0.3 * rng.normal(size=600) > 2.0).astype(int)
    sets = data.Dataset(x[:450], y[:450], 2), data.Dataset(x[450:], y[450:], 2)
    model = mlp([5, 16, 2], rng)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), sets, rng, epochs=12)


@healthy
def moons_with_one_output(rng):
    x, y = standard(data.moons(150, rng=rng))
    batches = data.Loader((x, y[:, None].astype("float32")), batch_size=32, rng=rng)
    model = mlp([2, 32, 1], rng, nn.Tanh)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    loop(model, F.binary_cross_entropy_with_logits, opt, batches, 20)


@healthy
def spiral(rng):
    model = mlp([2, 64, 64, 3], rng)
    sets = data.spiral(120, rng=rng).split(0.8, rng=rng)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), sets, rng, epochs=40)


@healthy
def blobs(rng):
    model = mlp([2, 16, 4], rng)
    sets = data.blobs(100, classes=4, rng=rng).split(0.8, rng=rng)
    classify(model, optim.Nesterov(model.parameters(), lr=0.01), sets, rng, epochs=15)


@healthy
def noisy_labels_of_two_clouds(rng):
    x = rng.normal(size=(500, 2)).astype("float32")
    y = (x[:, 0] + 0.8 * rng.normal(size=500) > 0).astype(int)
    batches = data.Loader((x, y), batch_size=32, rng=rng)
    model = mlp([2, 16, 2], rng)
    loop(model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.2), batches, 10)


@healthy
def line_with_full_batches(rng):
    x, y = data.line(60, rng=rng)
    model = nn.Linear(1, 1, rng=rng)
    loop(model, F.mse, optim.SGD(model.parameters(), lr=0.2), [(x, y)], 150)


@healthy
def sine_by_tanh(rng):
    model = mlp([1, 32, 1], rng, nn.Tanh)
    sets = noisy_sine(300, rng).split(0.8, rng=rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    classify(model, opt, sets, rng, epochs=25, loss_fn=F.mse)


@healthy
def several_targets(rng):
    x = rng.normal(size=(400, 6)).astype("float32")
    y = (x @ rng.normal(size=(6, 3)) + 0.1 * rng.normal(size=(400, 3))).astype("float32")
    sets = data.Dataset(x[:300], y[:300]), data.Dataset(x[300:], y[300:])
    model = mlp([6, 32, 3], rng)
    opt = optim.Nesterov(model.parameters(), lr=0.01)
    classify(model, opt, sets, rng, epochs=20, loss_fn=F.huber)


@healthy
def autoencoder(rng):
    x = data.digits()[0][:640].x
    model = mlp([64, 24, 64], rng)
    batches = data.Loader((x, x), batch_size=32, rng=rng)
    loop(model, F.mse, optim.Adam(model.parameters(), lr=5e-3), batches, 10)


class NextToken(nn.Module):
    """Embeddings of the window, side by side, and a small network."""

    def __init__(self, length, rng):
        self.embed = nn.Embedding(8, 6, rng=rng)
        self.rest = mlp([6 * length, 32, 8], rng, nn.Tanh)

    def forward(self, tokens):
        e = self.embed(tokens)
        return self.rest(e.reshape(e.shape[0], -1))


@healthy
def text_by_windows(rng):
    model = NextToken(4, rng)
    sets = noisy_text(500, 4, rng), noisy_text(150, 4, rng)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), sets, rng, epochs=8)


@healthy
def text_by_recurrence(rng):
    model = Recurrent(rng)
    sets = noisy_text(400, 6, rng), noisy_text(150, 6, rng)
    classify(model, optim.RMSprop(model.parameters(), lr=5e-3), sets, rng, epochs=6)


class Recurrent(nn.Module):
    """An LSTM over embeddings; the last state names the next token."""

    def __init__(self, rng):
        self.embed, self.last = nn.Embedding(8, 8, rng=rng), nn.Linear(24, 8, rng=rng)
        self.lstm = nn.LSTM(8, 24, batch_first=True, rng=rng)

    def forward(self, tokens):
        outputs, _ = self.lstm(self.embed(tokens))
        return self.last(outputs[:, -1])


@healthy
def transfer_of_a_trained_layer(rng):
    train_set, test_set = digits()
    model = mlp([64, 48, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), (train_set, test_set), rng, epochs=5)
    model[0].requires_grad_(False)
    opt = optim.SGD(model[2].parameters(), lr=0.05)
    classify(model, opt, (train_set, test_set), rng, epochs=3)


@healthy
def two_optimizers(rng):
    model, (train_set, _) = mlp([64, 48, 10], rng), digits()
    low = optim.SGD(model[0].parameters(), lr=0.1)
    high = optim.Adam(model[2].parameters(), lr=3e-3)
    for _ in range(6):
        for x, y in data.Loader(train_set, batch_size=32, rng=rng):
            loss = F.cross_entropy(model(x), y)
            low.zero_grad()
            high.zero_grad()
            loss.backward()
            low.step()
            high.step()


@healthy
def accumulated_gradients(rng):
    model, (train_set, _) = mlp([64, 48, 10], rng), digits()
    opt = optim.Momentum(model.parameters(), lr=0.1)
    for _ in range(8):
        for k, (x, y) in enumerate(data.Loader(train_set, batch_size=16, rng=rng)):
            (F.cross_entropy(model(x), y) / 2).backward()
            if k % 2:
                opt.step()
                opt.zero_grad()
