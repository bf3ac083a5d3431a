"""Nothing is wrong here: texts, series, embeddings and transformers."""

from __future__ import annotations

import numpy as np

from minnet import data, nn, optim, schedules, train
from minnet import functional as F

from ..training.parts import classify, loop, mlp, text_and_next
from .catalogue import healthy
from .parts import Reader, SeriesReader, sentences, series


@healthy
def characters_by_a_clipped_lstm(rng):
    x, y = text_and_next(300, 10, rng)
    probe = text_and_next(60, 10, rng)
    model = nn.CharLSTM(12, width=32, dropout=0.1, rng=rng)
    opt = optim.ClipNorm(optim.RMSprop(model.parameters(), lr=5e-3), 1.0)
    per_token = lambda s, y: F.cross_entropy(s.reshape(-1, 12), y.reshape(-1))
    loop(model, per_token, opt, data.Loader((x, y), batch_size=20, rng=rng), 5)
    train.evaluate(model, per_token, probe, metrics={})


@healthy
def transformer_with_warm_up_and_smoothing(rng):
    x, y = text_and_next(300, 8, rng)
    probe = text_and_next(60, 8, rng)
    model = nn.GPT(12, context=8, width=24, heads=3, depth=2, dropout=0.05, rng=rng)
    opt = optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    rate = schedules.warmup_then(schedules.cosine(1e-2, steps=165), steps=15)
    smooth = lambda s, y: F.cross_entropy(s.reshape(-1, 12), y.reshape(-1), label_smoothing=0.1)
    classify(model, opt, ((x, y), probe), rng, loss_fn=smooth, batch_size=20, epochs=12,
             schedule={"lr": rate}, metrics={})  # fmt: skip


@healthy
def moods_by_a_gated_recurrence(rng):
    train_set, test_set = sentences(500, rng), sentences(300, rng)
    model = Reader(nn.GRU, 30, 2, rng)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    classify(model, opt, (train_set, test_set), rng, epochs=5)


class Lengths(nn.Module):
    """Both directions of an LSTM over the words before the padding."""

    def __init__(self, rng):
        self.embed = nn.Embedding(31, 8, padding_idx=0, rng=rng)
        self.recurrence = nn.LSTM(8, 12, batch_first=True, bidirectional=True, rng=rng)
        self.head = nn.Linear(24, 2, rng=rng)

    def forward(self, x):
        lengths = (x > 0).sum(1)
        out = self.recurrence(self.embed(x), lengths=lengths)[0]
        return self.head(out.sum(1) / lengths[:, None].astype("float32"))


@healthy
def sentences_of_many_lengths(rng):
    def cut(d):
        short = np.arange(10) >= rng.integers(5, 11, len(d.x))[:, None]
        return data.Dataset(np.where(short, 0, d.x + 1), d.y, 2)

    train_set, test_set = cut(sentences(500, rng)), cut(sentences(300, rng))
    model = Lengths(rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    classify(model, opt, (train_set, test_set), rng, epochs=4)


class Encoder(nn.Module):
    """A norm-first block of attention between the words, and the mean of its outputs."""

    def __init__(self, rng):
        self.embed = nn.Embedding(30, 16, rng=rng)
        self.block = nn.TransformerEncoderLayer(16, 2, dim_feedforward=32, batch_first=True,
                                                norm_first=True, activation="gelu", rng=rng)
        self.head = nn.Linear(16, 2, rng=rng)  # fmt: skip

    def forward(self, x):
        return self.head(self.block(self.embed(x)).mean(1))


@healthy
def moods_by_attention(rng):
    train_set, test_set = sentences(500, rng), sentences(300, rng)
    model = Encoder(rng)
    classify(model, optim.Lion(model.parameters(), lr=1e-3), (train_set, test_set), rng, epochs=6)


@healthy
def waves_by_an_lstm_in_small_parts(rng):
    """Four parts of a batch, each with a quarter of the loss, before one step."""
    train_set, test_set = series(640, rng).split(0.75, rng=rng)
    model = SeriesReader(nn.LSTM, 1, 3, rng)
    opt = optim.Adam(model.parameters(), lr=1.5e-2)
    for _ in range(10):
        for step, (x, y) in enumerate(data.Loader(train_set, batch_size=8, rng=rng)):
            (F.cross_entropy(model(x), y) / 4).backward()
            if step % 4 == 3:
                opt.step()
                opt.zero_grad()
    train.evaluate(model, F.cross_entropy, test_set)


@healthy
def waves_by_convolutions_in_time(rng):
    train_set, test_set = series(600, rng).split(0.75, rng=rng)
    model = nn.Sequential(
        nn.Lambda(lambda x: x.swapaxes(1, 2)),
        nn.Conv1d(1, 12, 5, padding=2, rng=rng), nn.BatchNorm1d(12), nn.GELU(), nn.MaxPool1d(2),
        nn.Conv1d(12, 12, 3, padding=1, rng=rng), nn.GELU(), nn.Lambda(lambda x: x.mean(2)),
        nn.Linear(12, 3, rng=rng),
    )  # fmt: skip
    classify(model, optim.Adam(model.parameters(), lr=1e-2), (train_set, test_set), rng, epochs=6)


@healthy
def mean_of_a_series_by_relus_in_time(rng):
    """A recurrence of relus that starts by keeping its state: Le et al. 2015, arXiv:1504.00941."""
    x = rng.normal(size=(500, 12, 1)).astype("float32")
    y = (x.mean(1) * 12**0.5).astype("float32")
    train_set, test_set = data.Dataset(x[:400], y[:400]), data.Dataset(x[400:], y[400:])
    keep = lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k)
    model = SeriesReader(keep, 1, 1, rng)
    model.recurrence.weight_hh_l0.data = np.eye(24)
    opt = optim.ClipNorm(optim.Adam(model.parameters(), lr=3e-3), 1.0)
    classify(model, opt, (train_set, test_set), rng, loss_fn=F.huber, epochs=12)


class Ratings(nn.Module):
    """Overall mean + user + film + inner product of three factors each."""

    def __init__(self, mean, rng):
        self.user, self.film = (nn.Embedding(30, 4, rng=rng) for _ in range(2))
        for table in (self.user, self.film):
            table.weight.data = 0.1 * table.weight.data
        self.mean = mean

    def forward(self, pairs):
        u, f = self.user(pairs[:, 0]), self.film(pairs[:, 1])
        return self.mean + u[:, 0] + f[:, 0] + (u[:, 1:] * f[:, 1:]).sum(1)


@healthy
def films_and_users(rng):
    """Stars around 3.5; the model begins with their mean."""
    pairs = rng.integers(30, size=(1500, 2))
    likes, good = 0.5 * rng.normal(size=(2, 30))
    y = 3.5 + likes[pairs[:, 0]] + good[pairs[:, 1]] + 0.3 * rng.normal(size=1500)
    train_set, test_set = data.Dataset(pairs, y.astype("float32")).split(0.8, rng=rng)
    model = Ratings(float(train_set.y.mean()), rng)
    opt = optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-3)
    classify(model, opt, (train_set, test_set), rng, loss_fn=F.mse, epochs=18)


@healthy
def words_that_stand_together(rng):
    """Pairs of words from one topic of five against random pairs, told apart by inner products."""
    topic = np.arange(50) % 5
    words, near, far = (rng.integers(50, size=3000) for _ in range(3))
    near = 5 * (near // 5) + topic[words]
    model = nn.Embedding(50, 6, rng=rng)
    opt = optim.Adam(model.parameters(), lr=2e-2)
    for x, _ in list(data.Loader((np.stack([words, near, far], 1), words), rng=rng)) * 4:
        w, n, f = model(x[:, 0]), model(x[:, 1]), model(x[:, 2])
        loss = -(F.log(F.sigmoid((w * n).sum(1)) + 1e-6)
                 + F.log(1 - F.sigmoid((w * f).sum(1)) + 1e-6)).mean()  # fmt: skip
        opt.zero_grad()
        loss.backward()
        opt.step()


class Variational(nn.Module):
    """Means and log deviations of a code, a draw from it, and the image it stands for."""

    def __init__(self, rng):
        self.encoder, self.decoder = mlp([16, 32, 4], rng), mlp([2, 32, 16], rng)
        self.rng = rng

    def forward(self, x):
        h = self.encoder(x)
        mean, log_std = h[:, :2], h[:, 2:]
        noise = self.rng.normal(size=mean.shape).astype("float32")
        return self.decoder(mean + noise * F.exp(log_std)), mean, log_std


@healthy
def waves_from_a_code_with_noise(rng):
    """A variational autoencoder: reconstruction and a divergence in one loss."""
    train_set = series(450, rng)
    model = Variational(rng)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    for x, _ in list(data.Loader((train_set.x[:, :, 0], train_set.y), rng=rng)) * 40:
        out, mean, log_std = model(x)
        kl = (mean**2 + F.exp(2 * log_std) - 1 - 2 * log_std).sum(1).mean() / 2
        loss = 5 * F.mse(out, x, reduction="sum") / len(x) + kl
        opt.zero_grad()
        loss.backward()
        opt.step()


@healthy
def rate_halved_when_nothing_improves(rng):
    train_set, test_set = series(600, rng).split(0.75, rng=rng)
    model = SeriesReader(nn.GRU, 1, 3, rng)
    opt = optim.Adam(model.parameters(), lr=2e-2)
    halving = train.Plateau(patience=1)
    classify(model, opt, (train_set, test_set), rng, epochs=10, monitors=[halving])
