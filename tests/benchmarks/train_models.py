"""Train the reference models on real data, and record how well they do.

    python -m tests.benchmarks.train_models [NAME ...] [--root FOLDER] [--threads 1]

    char_lstm, gpt        tinyshakespeare, its last tenth for validation
    digits_mlp            nn.mlp on the bundled digits, five seeds
    digits_cnn            nn.cnn on the bundled digits, five seeds
    lenet, mnist_cnn      nn.lenet and nn.cnn on MNIST
    resnet, resnet9       2,500 of the 50,000 training images of CIFAR-10, 1,000 of its test images
    curves                nothing is trained: draws records/train_curves.png from all records

Data files lie in FOLDER or, without --root, in the one that MINNET_DATA names.  Each name writes
records/train_NAME.json: settings, the curve, the result, the seconds (evaluations included) and,
for images, the seconds of the processor alone, the ones to go by on a busy machine.
Settings were chosen on a part of the training data (for the digits, the last fifth of a random
order; for mnist_cnn, 10,000 of the 60,000 images), those of lenet, resnet and resnet9 without a
search.  The test images are looked at after each epoch to draw a curve from which nothing is
chosen: the result is that of the last epoch.
"""

import argparse
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from minnet import data, nn, no_grad, optim, schedules
from minnet import functional as F
from minnet.plot.base import COLOURS, label_axes, make_axes
from minnet.train import evaluate, fit
from tests.benchmarks.timing import RECORDS, THREADS
from tests.benchmarks.train_cifar10 import datasets


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


def train_on_images(
    model, train_set, test_set, *, epochs, batch, lr, seed=0, transform=None, smoothing=0.0
):
    """Nesterov with one cycle of the learning rate; what a record holds of the run."""
    loader = data.Loader(train_set, batch_size=batch, transform=transform, rng=seed)
    optimizer = optim.Nesterov(
        model.parameters(), lr=lr, momentum=0.9, form="torch", weight_decay=5e-4
    )
    loss = partial(F.cross_entropy, label_smoothing=smoothing)
    cycle = schedules.one_cycle(epochs * len(loader), high=lr, warmup=0.25)
    began, busy = perf_counter(), process_time()
    history = fit(
        model, loss, optimizer, loader, epochs=epochs, val_data=test_set, schedule={"lr": cycle}
    )
    seconds, busy = perf_counter() - began, process_time() - busy
    means = history["loss"].reshape(epochs, -1).mean(axis=1)
    rows = zip(means.tolist(), history["val_loss"], history["val_accuracy"], strict=True)
    return {
        "parameters": sum(p.size for p in model.parameters()),
        "test_accuracy": history.last("val_accuracy"),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(busy, 1),
        "columns": ["epoch", "loss", "test_loss", "test_accuracy"],
        "curve": [[k, *(round(v, 4) for v in row)] for k, row in enumerate(rows, start=1)],
    }


def five_seeds(name, build, *, images, moves, **settings):
    """The digits, moved a little in each batch; the recorded curve is the first seed's.

    build: rng -> model.   images: give them as (1, 8, 8), not as rows of 64.
    """
    train_set, test_set = data.digits(images=images)
    move = data.RandomAffine(**moves, shape=None if images else (8, 8))
    runs = [
        train_on_images(build(seed), train_set, test_set, seed=seed, transform=move, **settings)
        for seed in range(5)
    ]
    accuracies = [run["test_accuracy"] for run in runs]
    found = {
        "test_accuracy": accuracies,
        "mean": float(np.mean(accuracies)),
        "seconds": [run["seconds"] for run in runs],
        "cpu_seconds": [run["cpu_seconds"] for run in runs],
    }
    save(name, settings=settings | moves, **runs[0] | found)


MOVES = {"rotate": 10, "stretch": 0.1, "slant": 0.1, "shift": 0.7}


def digits_mlp():
    """The digits as rows of 64 numbers, two hidden layers of 256."""
    five_seeds(
        "digits_mlp",
        lambda seed: nn.mlp([64, 256, 256, 10], dropout=0.1, rng=seed),
        images=False,
        moves=MOVES,
        epochs=45,
        batch=64,
        lr=0.1,
        smoothing=0.1,
    )


def digits_cnn():
    """The digits, stages of 32 and 64 channels."""
    five_seeds(
        "digits_cnn",
        lambda seed: nn.cnn((1, 8, 8), widths=(32, 64), hidden=128, dropout=0.1, rng=seed),
        images=True,
        moves=MOVES,
        epochs=45,
        batch=64,
        lr=0.1,
        smoothing=0.1,
    )


def train_on_mnist(name, model, **settings):
    """MNIST as it is, without augmentation."""
    parts = data.mnist(images=True, download=False)
    save(name, settings=settings, **train_on_images(model, *parts, **settings))


def lenet():
    """LeNet with relus and max-pooling."""
    train_on_mnist("lenet", nn.lenet(rng=0), epochs=2, batch=64, lr=0.05)


def mnist_cnn():
    """Stages of 16 and 32 channels."""
    model = nn.cnn((1, 28, 28), widths=(16, 32), hidden=64, rng=0)
    train_on_mnist("mnist_cnn", model, epochs=4, batch=128, lr=0.1)


CIFAR10 = {"epochs": 10, "batch": 64, "lr": 0.1, "smoothing": 0.1}


def train_on_cifar10(name, model):
    """The subset of CIFAR-10; images shifted by up to 4 pixels, every second one mirrored."""
    root = Path(os.environ.get("MINNET_DATA", "."), "cifar-10-subset")
    train_set, test_set = datasets(root, "cpu")
    change = data.RandomCrop(padding=4)
    found = train_on_images(model, train_set, test_set, transform=change, **CIFAR10)
    size = {"train_images": len(train_set), "test_images": len(test_set), "chance": 0.1}
    save(name, settings=CIFAR10 | {"shift": 4, "mirror": True}, **size, **found)


def resnet():
    """Two residual blocks each at 32 and 64 channels: the network of W4."""
    train_on_cifar10("resnet", nn.resnet(rng=0))


def resnet9():
    """The nine-layer network at half its width."""
    train_on_cifar10("resnet9", nn.resnet9(width=32, rng=0))


# -------------------------------------------------------------------------------------------------
# The curves


def curves(folder=RECORDS):
    """Draw the losses of every record against its epochs or steps: train_curves.png in a folder."""
    paths = sorted(RECORDS.glob("train_*.json"))
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    records = {name: record for name, record in records.items() if "curve" in record}
    picture, axes = make_axes(len(records), columns=4, size=(3.0, 2.4))
    for ax, (name, record) in zip(axes, records.items(), strict=True):
        x, *series = zip(*record["curve"], strict=True)
        names = record["columns"]
        label_axes(ax, names[0], "loss", name.removeprefix("train_"))
        for label, values, colour in zip(names[1:3], series[:2], COLOURS, strict=False):
            ax.plot(x, values, label=label, color=colour, marker="." if len(x) < 3 else "")
        ax.set_ylim(bottom=0)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(frameon=False, fontsize="small", title=result(record), title_fontsize="small")
    picture.savefig(folder / "train_curves.png", dpi=80)


def result(record):
    """The figure a run is judged by, as text."""
    if "val_loss" in record:
        return f"{record['val_loss']:.3f} nats a character"
    return f"accuracy {100 * record.get('mean', record['test_accuracy']):.2f} %"


JOBS = {
    f.__name__: f
    for f in (char_lstm, gpt, digits_mlp, digits_cnn, lenet, mnist_cnn, resnet, resnet9, curves)
}


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.train_models",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(JOBS), help="see above")
    parser.add_argument("--root", metavar="FOLDER", help="of data files, in place of MINNET_DATA")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in JOBS]
    if unknown:
        parser.error(f"no job {unknown[0]!r}: choose from {', '.join(JOBS)}")
    wanted = dict.fromkeys(THREADS, str(options.threads))
    if options.root:
        wanted["MINNET_DATA"] = options.root
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        command = [sys.executable, "-m", "tests.benchmarks.train_models", *sys.argv[1:]]
        raise SystemExit(subprocess.run(command, env={**os.environ, **wanted}).returncode)
    for name in options.names:
        JOBS[name]()


if __name__ == "__main__":
    main()
