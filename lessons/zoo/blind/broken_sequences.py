"""One fault each, in texts, series, embeddings and transformers."""

from __future__ import annotations

import numpy as np

from minnet import data, nn, no_grad, optim, schedules, train
from minnet import functional as F

from ..training.parts import classify, loop, text_and_next
from .catalogue import broken
from .parts import Reader, SeriesReader, sentences, series


def per_token(scores, y):
    """Cross-entropy of every next token."""
    return F.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))


@broken("softmax_twice")
def next_token_from_probabilities(rng):
    x, y = text_and_next(300, 8, rng)
    model = nn.CharLSTM(12, width=24, rng=rng)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    batches = data.Loader((x, y), batch_size=32, rng=rng)
    loop(model, lambda s, y: per_token(F.softmax(s), y), opt, batches, 3)


@broken("missing_softmax", "negated_loss", "diverged")
def likelihood_of_raw_scores_of_a_series(rng):
    train_set, test_set = series(600, rng).split(0.75, rng=rng)
    model = SeriesReader(nn.GRU, 1, 3, rng)
    opt = optim.ClipNorm(optim.Adam(model.parameters(), lr=5e-3), 1.0)
    classify(model, opt, (train_set, test_set), rng, loss_fn=F.nll)


class TimeFirst(nn.Module):
    """An LSTM of (T, N, features) that is given (N, T, features)."""

    def __init__(self, rng):
        self.recurrence = nn.LSTM(1, 24, rng=rng)          # fault: batch_first=True is missing
        self.head = nn.Linear(24, 3, rng=rng)

    def forward(self, x):
        return self.head(self.recurrence(x)[0][:, -1])


@broken("wrong_axis")
def batch_first_forgotten(rng):
    train_set, test_set = series(600, rng).split(0.75, rng=rng)
    model = TimeFirst(rng)
    classify(model, optim.Adam(model.parameters(), lr=1e-2), (train_set, test_set), rng)


class TimeFirstTransformer(nn.Module):
    """A block of attention of (T, N, features) that is given (N, T, features)."""

    def __init__(self, rng):
        self.embed = nn.Linear(1, 16, rng=rng)
        self.places = nn.SinusoidalPositions(16, 16, batch_first=True)
        self.block = nn.TransformerEncoderLayer(16, 4, dim_feedforward=32, dropout=0.0, rng=rng)
        self.head = nn.Linear(16, 3, rng=rng)

    def forward(self, x):
        return self.head(self.block(self.places(self.embed(x))).mean(1))


@broken("wrong_axis")
def attention_between_the_examples(rng):
    train_set, test_set = series(600, rng).split(0.75, rng=rng)
    model = TimeFirstTransformer(rng)                      # fault: batch_first=True is missing
    opt = optim.Adam(model.parameters(), lr=5e-3)
    classify(model, opt, (train_set, test_set), rng, epochs=12)


@broken("broadcasting")
def absolute_error_of_a_table(rng):
    x = rng.normal(size=(500, 8, 1)).astype("float32")
    train_set = data.Dataset(x[:400], x[:400].mean((1, 2)))
    test_set = data.Dataset(x[400:], x[400:].mean(1))
    model = SeriesReader(nn.RNN, 1, 1, rng)
    distance = lambda out, y: abs(out - y).mean()          # fault: (32, 1) - (32,)
    opt = optim.RMSprop(model.parameters(), lr=3e-3)
    loop(model, distance, opt, data.Loader(train_set, batch_size=32, rng=rng), 12)
    train.evaluate(model, F.l1, test_set)


@broken("wrong_reduction", "learning_rate_too_high", "exploding_gradients")
def sum_over_examples_and_tokens(rng):
    x, y = text_and_next(300, 10, rng)
    model = Tokens(rng)
    total = lambda s, y: F.cross_entropy(s.reshape(-1, 12), y.reshape(-1), reduction="sum")
    opt = optim.Momentum(model.parameters(), lr=0.05)
    loop(model, total, opt, data.Loader((x, y), batch_size=32, rng=rng), 6)


class Tokens(nn.Module):
    """A GRU with a score of every token at every place."""

    def __init__(self, rng):
        self.embed = nn.Embedding(12, 8, rng=rng)
        self.recurrence = nn.GRU(8, 24, batch_first=True, rng=rng)
        self.head = nn.Linear(24, 12, rng=rng)

    def forward(self, x):
        return self.head(self.recurrence(self.embed(x))[0])


@broken("evaluation_in_training_mode")
def transformer_evaluated_with_dropout(rng):
    x, y = text_and_next(240, 8, rng)
    model = nn.GPT(12, context=8, width=16, heads=2, depth=1, dropout=0.4, rng=rng)
    opt = optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(6):
        loop(model, per_token, opt, data.Loader((x[:200], y[:200]), batch_size=20, rng=rng), 1)
        with no_grad():                                    # fault: no model.eval()
            per_token(model(x[200:]), y[200:])


@broken("constant_inputs")
def cut_down_to_the_padding(rng):
    def padded(d):
        x = np.pad(d.x + 1, ((0, 0), (12, 0)))
        return data.Dataset(x[:, :12], d.y, 2)             # fault: x[:, -12:] was meant

    sets = padded(sentences(400, rng)), padded(sentences(200, rng))
    model = Reader(nn.GRU, 31, 2, rng)
    classify(model, optim.Adam(model.parameters(), lr=5e-3), sets, rng, epochs=6)


@broken("unnormalised_targets", "underfitting", "learning_rate_too_low")
def price_of_the_next_day(rng):
    steps = rng.normal(0, 20, (600, 11)).cumsum(1)
    prices = (3000 + steps + rng.normal(0, 100, (600, 1))).astype("float32")
    x, y = (prices[:, :10, None] - 3000) / 100, prices[:, 10:]      # fault: y in currency units
    train_set, test_set = data.Dataset(x[:450], y[:450]), data.Dataset(x[450:], y[450:])
    model = SeriesReader(nn.LSTM, 1, 1, rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    classify(model, opt, (train_set, test_set), rng, loss_fn=F.mse, epochs=8)


@broken("unshuffled")
def slices_of_sorted_sentences(rng):
    (x, y), test_set = sentences(500, rng), sentences(200, rng)
    order = np.argsort(y, kind="stable")
    x, y = x[order], y[order]
    model = Reader(nn.GRU, 30, 2, rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    batches = [(x[i : i + 25], y[i : i + 25]) for i in range(0, 500, 25)]
    loop(model, F.cross_entropy, opt, batches, 4)
    train.evaluate(model, F.cross_entropy, test_set)


@broken("broken_labels", "overfitting", "evaluation_inputs_differ")
def vocabulary_made_anew_for_validation(rng):
    train_set, test_set = sentences(400, rng), sentences(300, rng)
    new_ids = rng.permutation(30)                          # fault: another number for each word
    other = data.Dataset(new_ids[test_set.x], test_set.y, 2)
    model = Reader(nn.LSTM, 30, 2, rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    classify(model, opt, (train_set, other), rng, epochs=8)


@broken("symmetric_units")
def recurrence_filled_with_one_number(rng):
    train_set, test_set = series(600, rng).split(0.75, rng=rng)
    model = SeriesReader(nn.GRU, 1, 3, rng)
    for p in model.parameters():
        p.data = np.full(p.shape, 0.1, "float32")
    classify(model, optim.Adam(model.parameters(), lr=1e-2), (train_set, test_set), rng)


@broken("missing_zero_grad")
def gradients_cleared_once_an_epoch(rng):
    train_set, test_set = series(600, rng).split(0.75, rng=rng)
    model = SeriesReader(nn.GRU, 1, 3, rng)
    opt = optim.Nesterov(model.parameters(), lr=0.2)
    for _ in range(10):
        opt.zero_grad()                                    # fault: belongs before each backward
        for x, y in data.Loader(train_set, batch_size=25, rng=rng):
            F.cross_entropy(model(x), y).backward()
            opt.step()
    train.evaluate(model, F.cross_entropy, test_set)


@broken("missing_step", "learning_rate_too_low")
def step_outside_the_inner_loop(rng):
    train_set, test_set = sentences(400, rng), sentences(200, rng)
    model = Reader(nn.GRU, 30, 2, rng)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(6):
        for x, y in data.Loader(train_set, batch_size=20, rng=rng):
            opt.zero_grad()
            F.cross_entropy(model(x), y).backward()
        opt.step()                                         # fault: one step in twenty
    train.evaluate(model, F.cross_entropy, test_set)


@broken("frozen")
def recurrence_left_frozen_from_the_start(rng):
    train_set, test_set = series(600, rng).split(0.75, rng=rng)
    model = SeriesReader(nn.GRU, 1, 3, rng)
    model.recurrence.requires_grad_(False)                 # fault: nothing was pre-trained
    opt = optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    classify(model, opt, (train_set, test_set), rng, epochs=10)


@broken("learning_rate_too_low")
def warm_up_longer_than_the_run(rng):
    x, y = text_and_next(240, 8, rng)
    model = nn.GPT(12, context=8, width=16, heads=2, depth=2, rng=rng)
    opt = optim.AdamW(model.parameters(), lr=5e-3)
    rate = schedules.warmup_then(schedules.constant(5e-3), steps=20_000)   # fault: 64 steps run
    classify(model, opt, ((x[:200], y[:200]), (x[200:], y[200:])), rng, loss_fn=per_token,
             batch_size=25, schedule={"lr": rate}, metrics={})  # fmt: skip


@broken("learning_rate_too_high", "plateau", "saturated")
def transformer_at_a_rate_of_sgd(rng):
    x, y = text_and_next(240, 8, rng)
    model = nn.GPT(12, context=8, width=16, heads=2, depth=2, rng=rng)
    opt = optim.Adam(model.parameters(), lr=0.5)
    classify(model, opt, ((x[:200], y[:200]), (x[200:], y[200:])), rng, loss_fn=per_token,
             metrics={})


@broken("overfitting")
def forty_sentences_with_wrong_moods(rng):
    (x, y), test_set = sentences(40, rng), sentences(300, rng)
    y = np.where(rng.random(40) < 0.15, 1 - y, y)          # people who label make mistakes
    model = Reader(nn.GRU, 30, 2, rng)                     # fault: far more weights than sentences
    opt = optim.Adam(model.parameters(), lr=1e-2)
    classify(model, opt, (data.Dataset(x, y, 2), test_set), rng, batch_size=10, epochs=25)


class BagOfWords(nn.Module):
    """The mean of the embeddings, so that order is lost."""

    def __init__(self, rng):
        self.embed = nn.Embedding(20, 16, rng=rng)
        self.head = nn.Sequential(nn.Linear(16, 32, rng=rng), nn.ReLU(), nn.Linear(32, 2, rng=rng))

    def forward(self, x):
        return self.head(self.embed(x).mean(1))


@broken("underfitting", "plateau")
def bag_of_words_for_a_question_of_order(rng):
    x = np.argsort(rng.random((600, 20)), axis=1)[:, :2]
    y = (x[:, 0] < x[:, 1]).astype(int)
    sets = data.Dataset(x, y, 2).split(0.75, rng=rng)
    model = BagOfWords(rng)                                # fault: (a, b) and (b, a) look the same
    classify(model, optim.Adam(model.parameters(), lr=5e-3), sets, rng, epochs=12)


@broken("initial_weights_too_small", "plateau", "vanishing_gradients")
def recurrence_that_forgets_at_once(rng):
    train_set, test_set = series(600, rng).split(0.75, rng=rng)
    model = SeriesReader(nn.RNN, 1, 3, rng)
    for p in model.parameters():
        p.data = 0.01 * rng.normal(size=p.shape).astype("float32")
    opt = optim.Adam(model.parameters(), lr=1e-2)
    classify(model, opt, (train_set, test_set), rng, epochs=12)
