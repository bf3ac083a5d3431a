"""Train the reference models on real data, and record how well they do.

    MINNET_DATA=folder python -m tests.benchmarks.train_models [NAME ...] [--threads 1]

Names: char_lstm, gpt (tinyshakespeare), mnist_cnn (MNIST), digits_cnn (the bundled digits, five
seeds).  Each writes records/train_NAME.json: settings, the curve, the result and the seconds.
Settings were chosen on a part of the training data (for the digits, the last fifth of a random
order; for MNIST, 10,000 of the 60,000 images); the test data are looked at once, by these runs.
"""

import argparse
import json
import os
import subprocess
import sys
from time import perf_counter

import numpy as np

from minnet import data, nn, no_grad, optim, schedules
from minnet import functional as F
from minnet.data.augment import RandomAffine
from minnet.train import evaluate, fit
from tests.benchmarks.timing import RECORDS, THREADS


def save(name, **content):
    """Write records/train_NAME.json and print its result."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    path = RECORDS / f"train_{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(name, {key: value for key, value in content.items() if key != "curve"}, flush=True)


# -------------------------------------------------------------------------------------------------
# Characters: tinyshakespeare, the last tenth for validation


def shakespeare(length):
    """(vocabulary, ids to train on, validation windows)."""
    text = data.shakespeare(download=False)
    vocabulary = data.Vocabulary(text)
    ids = vocabulary.encode(text)
    cut = len(ids) * 9 // 10
    return vocabulary, ids[:cut], data.windows(ids[cut:], length)


def token_loss(scores, ids):
    """Mean cross-entropy over all characters, in nats."""
    return F.cross_entropy(scores.reshape(-1, scores.shape[-1]), ids.reshape(-1))


def sample(model, vocabulary, start, count, context, rng):
    """`count` characters drawn from the model, after `start`."""
    ids = vocabulary.encode(start)[None]
    model.eval()
    with no_grad():
        for _ in range(count):
            p = F.softmax(model(ids[:, -context:])[:, -1]).numpy()[0].astype(float)
            ids = np.append(ids, [[rng.choice(len(p), p=p / p.sum())]], axis=1)
    model.train()
    return vocabulary.decode(ids[0])


def train_on_text(name, build, *, length, batch, steps, lr, every, clip=1.0, weight_decay=0.0):
    """Adam on random windows; every so many steps, the loss on the validation part."""
    rng = np.random.default_rng(0)
    vocabulary, ids, val = shakespeare(length)
    model = build(len(vocabulary), rng)
    adam = optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    optimizer = optim.ClipNorm(adam, clip)
    f = schedules.one_cycle(steps, high=lr, warmup=0.1)
    began, curve, losses = perf_counter(), [], []
    for t in range(steps):
        start = rng.integers(0, len(ids) - length, batch)[:, None] + np.arange(length + 1)
        x, y = ids[start[:, :-1]], ids[start[:, 1:]]
        optimizer.lr = f(t)
        loss = token_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if (t + 1) % every == 0:
            found = evaluate(model, token_loss, val, metrics={}, batch_size=64)["loss"]
            row = [t + 1, float(np.mean(losses[-every:])), found, perf_counter() - began]
            curve.append([round(v, 4) for v in row])
            print(name, curve[-1], flush=True)
    save(
        name,
        parameters=sum(p.size for p in model.parameters()),
        settings={"length": length, "batch": batch, "steps": steps, "lr": lr},
        val_loss=curve[-1][2],
        seconds=curve[-1][3],
        sample=sample(model, vocabulary, "ROMEO:", 200, length, rng),
        columns=["step", "loss", "val_loss", "seconds"],
        curve=curve,
    )


def char_lstm():
    """An LSTM of 256 units on windows of 64 characters."""
    train_on_text(
        "char_lstm",
        lambda tokens, rng: nn.CharLSTM(tokens, width=256, rng=rng),
        length=64,
        batch=64,
        steps=2400,
        lr=4e-3,
        every=300,
    )


def gpt():
    """A causal transformer, 3 blocks of width 128 with 4 heads, on windows of 64 characters."""
    train_on_text(
        "gpt",
        lambda tokens, rng: nn.GPT(tokens, context=64, width=128, heads=4, depth=3, rng=rng),
        length=64,
        batch=32,
        steps=4000,
        lr=2e-3,
        every=500,
        weight_decay=0.1,
    )


# -------------------------------------------------------------------------------------------------
# Images


def train_on_images(model, train_set, test_set, *, epochs, batch, lr, seed, transform, smoothing):
    """Nesterov with one cycle of the learning rate; returns (accuracy, seconds)."""
    loader = data.Loader(train_set, batch_size=batch, transform=transform, rng=seed)
    optimizer = optim.Nesterov(
        model.parameters(), lr=lr, momentum=0.9, form="torch", weight_decay=5e-4
    )
    loss = lambda scores, y: F.cross_entropy(scores, y, label_smoothing=smoothing)
    began = perf_counter()
    cycle = schedules.one_cycle(epochs * len(loader), high=lr, warmup=0.25)
    fit(model, loss, optimizer, loader, epochs=epochs, schedule={"lr": cycle}, progress=False)
    seconds = perf_counter() - began
    return evaluate(model, F.cross_entropy, test_set)["accuracy"], seconds


DIGITS = {"epochs": 45, "batch": 64, "lr": 0.1, "smoothing": 0.1}
DIGITS_MOVES = {"rotate": 10, "stretch": 0.1, "slant": 0.1, "shift": 0.7}


def digits_model(rng):
    """The small CNN for 8 x 8 digits."""
    return nn.cnn((1, 8, 8), widths=(32, 64), hidden=128, dropout=0.1, rng=rng)


def digits_cnn():
    """The digits, five seeds."""
    train_set, test_set = data.digits(images=True)
    move = RandomAffine(**DIGITS_MOVES)
    runs = [
        train_on_images(
            digits_model(seed), train_set, test_set, seed=seed, transform=move, **DIGITS
        )
        for seed in range(5)
    ]
    accuracies, seconds = zip(*runs, strict=True)
    save(
        "digits_cnn",
        settings=DIGITS | DIGITS_MOVES,
        test_accuracy=accuracies,
        mean=float(np.mean(accuracies)),
        seconds=[round(s, 1) for s in seconds],
    )


MNIST = {"epochs": 4, "batch": 128, "lr": 0.1, "smoothing": 0.0}


def mnist_cnn():
    """MNIST, stages of 16 and 32 channels."""
    train_set, test_set = data.mnist(images=True, download=False)
    model = nn.cnn((1, 28, 28), widths=(16, 32), hidden=64, rng=0)
    accuracy, seconds = train_on_images(
        model, train_set, test_set, seed=0, transform=None, **MNIST
    )
    save("mnist_cnn", settings=MNIST, test_accuracy=accuracy, seconds=round(seconds, 1))


JOBS = {f.__name__: f for f in (char_lstm, gpt, mnist_cnn, digits_cnn)}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.train_models")
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(JOBS))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    wanted = dict.fromkeys(THREADS, str(options.threads))
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        command = [sys.executable, "-m", "tests.benchmarks.train_models", *sys.argv[1:]]
        raise SystemExit(subprocess.run(command, env={**os.environ, **wanted}).returncode)
    for name in options.names:
        JOBS[name]()


if __name__ == "__main__":
    main()
