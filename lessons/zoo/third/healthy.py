"""Healthy programs: what people rightly do in a course and in small projects."""

from __future__ import annotations

import numpy as np

from minnet import data, nn, no_grad, optim, schedules, train
from minnet import functional as F

from ..training.parts import classify, digits, loop, mlp, standard
from .catalogue import healthy
from .parts import Reader, cnn, halves, houses, pressures, ratings, reviews, rings


@healthy
def convolutions_with_channel_dropout_and_adamw(rng):
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1, rng=rng), nn.ReLU(), nn.Dropout2d(0.25, rng=rng),
        nn.Flatten(), nn.Linear(384, 10, rng=rng),
    )  # fmt: skip
    opt = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.05)
    classify(model, opt, digits(images=True), rng, epochs=8)


@healthy
def old_network_of_tanh_and_averages(rng):
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, rng=rng), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(96, 32, rng=rng), nn.Tanh(), nn.Linear(32, 10, rng=rng),
    )  # fmt: skip
    opt = optim.SGD(model.parameters(), lr=0.3)
    classify(model, opt, digits(images=True), rng, epochs=12)


@healthy
def batch_norm_and_modes_set_by_hand(rng):
    train_set, test_set = digits(images=True)
    model = nn.cnn((1, 8, 8), widths=(8, 16), hidden=32, rng=rng)
    opt = optim.Momentum(model.parameters(), lr=0.05)
    for _ in range(4):
        model.train()
        loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 1)
        model.eval()
        with no_grad():
            right = train.accuracy(model(test_set.x), test_set.y)
    return right


@healthy
def turned_and_moved_digits(rng):
    train_set, test_set = digits(images=True)
    turn = data.RandomAffine(rotate=8, shift=0.5)
    loader = data.Loader(train_set, batch_size=64, transform=turn, rng=rng)
    model = cnn(rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    train.fit(model, F.cross_entropy, opt, loader, val_data=test_set, epochs=15, progress=False)


@healthy
def sentiment_by_a_clipped_gru(rng):
    model, (train_set, _) = Reader(rng), halves(reviews(900, rng), 700)
    opt = optim.ClipNorm(optim.Adam(model.parameters(), lr=1e-2), 1.0)
    loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=50, rng=rng), 10)


class Tagger(nn.Module):
    """A tag for every word, from both directions."""

    def __init__(self, rng):
        self.embed = nn.Embedding(40, 8, rng=rng)
        self.lstm = nn.LSTM(8, 12, batch_first=True, bidirectional=True, rng=rng)
        self.head = nn.Linear(24, 3, rng=rng)

    def forward(self, tokens):
        return self.head(self.lstm(self.embed(tokens))[0])


@healthy
def tags_from_both_directions(rng):
    words, _ = reviews(300, rng)
    tags = (words > 10).astype(int) + ((np.roll(words, -1, 1) > 20) & (words > 10))
    model, sets = Tagger(rng), halves(data.Dataset(words[:, :12], tags[:, :12]), 220)
    per_word = lambda scores, y: F.cross_entropy(scores.reshape(-1, 3), y.reshape(-1))
    opt = optim.Adam(model.parameters(), lr=1e-2)
    classify(model, opt, sets, rng, epochs=12, loss_fn=per_word, metrics={})


class MeanOfWords(nn.Module):
    """The mean embedding of the words that are no padding."""

    def __init__(self, rng):
        self.embed = nn.Embedding(40, 8, padding_idx=0, rng=rng)
        self.head = nn.Linear(8, 2, rng=rng)

    def forward(self, tokens):
        return self.head(self.embed(tokens).sum(axis=1) / (tokens > 0).sum(1, keepdims=True))


@healthy
def padded_reviews_as_bags_of_words(rng):
    x, y = reviews(900, rng)
    x = np.where(np.arange(14) < rng.integers(8, 15, (900, 1)), x, 0)
    model, sets = MeanOfWords(rng), halves(data.Dataset(x, y, 2), 700)
    classify(model, optim.Adam(model.parameters(), lr=2e-2), sets, rng, epochs=15)


@healthy
def words_as_sparse_counts_with_adagrad(rng):
    x, y = reviews(900, rng)
    counts = np.stack([np.bincount(row, minlength=40) for row in x]).astype("float32")
    sets = halves(data.Dataset(counts, y, 2), 700)
    model = nn.Linear(40, 2, rng=rng)
    classify(model, optim.Adagrad(model.parameters(), lr=0.1), sets, rng, epochs=10)


@healthy
def letters_by_a_small_gpt(rng):
    text = "the cat sat on the mat. a dog ran to the man. " * 25
    ids = np.array([sorted(set(text)).index(c) for c in text])
    ids = np.where(rng.random(len(ids)) < 0.05, rng.integers(17, size=len(ids)), ids)
    rows = np.arange(0, len(ids) - 17, 4)[:, None] + np.arange(16)
    model = nn.GPT(17, context=16, width=24, heads=2, depth=1, rng=rng)
    opt = optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    loader = data.Loader((ids[rows], ids[rows + 1]), batch_size=24, rng=rng)
    rate = schedules.warmup_then(schedules.cosine(1e-2, steps=100, end=1e-3), steps=10)
    per_letter = lambda scores, y: F.cross_entropy(scores.reshape(-1, 17), y.reshape(-1))
    settings = {"schedule": {"lr": rate}, "metrics": {}, "progress": False}
    train.fit(model, per_letter, opt, loader, epochs=9, **settings)


class RowsOfAnImage(nn.Module):
    """A transformer whose words are the rows of an image."""

    def __init__(self, rng):
        self.embed = nn.Linear(8, 24, rng=rng)
        self.places = nn.LearnedPositions(8, 24, batch_first=True, rng=rng)
        self.block = nn.TransformerEncoderLayer(
            24, 2, dim_feedforward=48, batch_first=True, norm_first=True, rng=rng
        )
        self.head = nn.Linear(24, 10, rng=rng)

    def forward(self, images):
        return self.head(self.block(self.places(self.embed(images[:, 0]))).mean(axis=1))


@healthy
def vision_transformer_on_rows(rng):
    model = RowsOfAnImage(rng)
    opt = optim.Adam(model.parameters(), lr=6e-3)
    classify(model, opt, digits(2000, images=True), rng, epochs=8, batch_size=64)


@healthy
def digits_cleaned_of_noise(rng):
    train_set, test_set = digits(900)
    noisy = lambda x, rng: x + rng.normal(0, 0.3, x.shape).astype("float32")
    loader = data.Loader((train_set.x, train_set.x), batch_size=32, transform=noisy, rng=rng)
    model = nn.Sequential(*mlp([64, 48, 64], rng, nn.GELU))
    val_data = data.Dataset(noisy(test_set.x, rng), test_set.x)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    train.fit(model, F.mse, opt, loader, val_data=val_data, epochs=12, progress=False)


@healthy
def variational_autoencoder(rng):
    x, encoder, decoder = digits()[0].x, mlp([64, 48, 8], rng), mlp([4, 48, 64], rng)
    opt = optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=5e-3)
    for batch, _ in list(data.Loader((x, x), batch_size=32, rng=rng)) * 15:
        code = encoder(batch)
        mean, log_var = code[:, :4], code[:, 4:]
        z = mean + F.exp(log_var / 2) * rng.normal(size=mean.shape).astype("float32")
        pixels = F.binary_cross_entropy_with_logits(decoder(z), batch, reduction="sum")
        kl = 0.5 * (F.exp(log_var) + mean**2 - 1 - log_var).sum()
        loss = (pixels + kl) / len(batch)
        opt.zero_grad()
        loss.backward()
        opt.step()


@healthy
def twenty_layers_with_shortcuts(rng):
    block = lambda: nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32, rng=rng), nn.GELU())
    blocks = [nn.Residual(block()) for _ in range(18)]
    model = nn.Sequential(nn.Linear(64, 32, rng=rng), *blocks, nn.LayerNorm(32))
    model.append(nn.Linear(32, 10, rng=rng))
    classify(model, optim.Adam(model.parameters(), lr=3e-3), digits(), rng, epochs=5)


@healthy
def silu_and_nadam(rng):
    model = mlp([64, 64, 32, 10], rng, nn.SiLU)
    classify(model, optim.NAdam(model.parameters(), lr=5e-3), digits(), rng)


@healthy
def descent_written_by_hand(rng):
    model, (train_set, _) = mlp([64, 24, 10], rng), digits()
    for _ in range(8):
        for x, y in data.Loader(train_set, batch_size=32, rng=rng):
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            for p in model.parameters():
                p.data = p.data - 0.2 * p.grad.numpy()
                p.grad = None


@healthy
def three_or_eight_by_logistic_regression(rng):
    pair = [d[np.isin(d.y, (3, 8))] for d in data.digits()]
    sets = [data.Dataset(d.x, (d.y[:, None] == 8).astype("float32")) for d in pair]
    model = nn.Linear(64, 1, rng=rng)
    opt = optim.Momentum(model.parameters(), lr=0.1, weight_decay=1e-3)
    loss_fn = F.binary_cross_entropy_with_logits
    classify(model, opt, sets, rng, loss_fn=loss_fn)


@healthy
def houses_with_the_mean_as_first_bias(rng):
    train_set, val_set = halves(houses(600, rng), 450)
    hundreds = [data.Dataset(d.x, d.y / 100) for d in (train_set, val_set)]
    model = mlp([6, 48, 1], rng)
    model[2].bias.data = hundreds[0].y.mean(0)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    classify(model, opt, hundreds, rng, epochs=20, loss_fn=F.mse)


@healthy
def polynomial_with_ridge(rng):
    t = rng.uniform(-1, 1, (120, 1))
    y = np.cos(3 * t) + 0.1 * rng.normal(size=t.shape)
    powers = standard(data.Dataset(t ** np.arange(1, 7), y))
    sets = halves(data.Dataset(*(a.astype("float32") for a in (powers.x, y))), 80)
    model = nn.Linear(6, 1, rng=rng)
    opt = optim.Adam(model.parameters(), lr=5e-2, weight_decay=1e-4)
    classify(model, opt, sets, rng, epochs=60, batch_size=16, loss_fn=F.mse)


class Ratings(nn.Module):
    """Mean, inclinations of user and film, and the product of their vectors."""

    def __init__(self, rng):
        self.users, self.films = (nn.Embedding(n, 3, rng=rng) for n in (40, 30))
        self.user_bias, self.film_bias = (nn.Embedding(n, 1, rng=rng) for n in (40, 30))
        for p in self.parameters():
            p.data = 0.3 * p.data

    def forward(self, pairs):
        u, v = pairs[:, 0], pairs[:, 1]
        product = (self.users(u) * self.films(v)).sum(axis=1, keepdims=True)
        return product + self.user_bias(u) + self.film_bias(v)


@healthy
def factors_with_biases_and_decay(rng):
    model, sets = Ratings(rng), halves(ratings(1000, rng), 800)
    opt = optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-3)
    classify(model, opt, sets, rng, epochs=15, loss_fn=F.mse)


@healthy
def convolutions_with_a_hinge_loss(rng):
    model = cnn(rng)
    opt = optim.Nesterov(model.parameters(), lr=0.01)
    sets = digits(images=True)
    classify(model, opt, sets, rng, epochs=12, loss_fn=F.multiclass_hinge)


@healthy
def rare_class_repeated_in_training_only(rng):
    x = rng.normal(size=(1500, 6)).astype("float32")
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 2.6).astype(int)
    train_set, val_set = halves(data.Dataset(x, y, 2), 1000)
    rare = np.flatnonzero(train_set.y)
    rows = np.concatenate([np.arange(1000), np.repeat(rare, 10)])
    model = mlp([6, 32, 2], rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    classify(model, opt, (train_set[rows], val_set), rng, epochs=10)


@healthy
def four_small_batches_for_one_step(rng):
    model, (train_set, _) = cnn(rng), digits(images=True)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(12):
        for k, (x, y) in enumerate(data.Loader(train_set, batch_size=16, rng=rng)):
            (F.cross_entropy(model(x), y) / 4).backward()
            if k % 4 == 3:
                opt.step()
                opt.zero_grad()


@healthy
def body_of_another_task_and_a_new_head(rng):
    train_set, test_set = digits(1200)
    low, high = (train_set.y < 5), (train_set.y >= 5)
    body = cnn(rng)[:-1]
    first = nn.Sequential(*body, nn.Linear(64, 5, rng=rng))
    old = data.Loader((train_set.x[low].reshape(-1, 1, 8, 8), train_set.y[low]), rng=rng)
    loop(first, F.cross_entropy, optim.Adam(first.parameters(), lr=5e-3), old, 8)
    body.requires_grad_(False)
    head = nn.Linear(64, 5, rng=rng)
    new = [data.Dataset(d.x[m].reshape(-1, 1, 8, 8), d.y[m] - 5, 5)
           for d, m in ((train_set, high), (test_set, test_set.y >= 5))]  # fmt: skip
    model = nn.Sequential(*body, head)
    classify(model, optim.Adam(head.parameters(), lr=2e-2), new, rng, epochs=8)


@healthy
def ten_examples_learned_by_heart_on_purpose(rng):
    x, y = data.digits()[0][:10]
    model = mlp([64, 32, 10], rng)
    loop(model, F.cross_entropy, optim.Adam(model.parameters(), lr=1e-2), [(x, y)], 60)


class Weather(nn.Module):
    """A gated recurrence over standardised measurements."""

    def __init__(self, rng):
        self.gru = nn.GRU(1, 16, batch_first=True, rng=rng)
        self.head = nn.Linear(16, 2, rng=rng)

    def forward(self, x):
        return self.head(self.gru((x - 101_325) / 400)[0][:, -1])


@healthy
def pressures_standardised_inside_the_model(rng):
    sets, model = halves(pressures(500, rng), 400), Weather(rng)
    classify(model, optim.Adam(model.parameters(), lr=5e-3), sets, rng, epochs=12)


@healthy
def rings_by_three_layers_and_a_falling_rate(rng):
    model, sets = mlp([2, 32, 32, 3], rng, nn.ELU), halves(rings(600, rng), 450)
    rate = schedules.exponential(0.02, k=0.01)
    opt = optim.RMSprop(model.parameters(), lr=0.02)
    classify(model, opt, sets, rng, epochs=20, schedule={"lr": rate})
