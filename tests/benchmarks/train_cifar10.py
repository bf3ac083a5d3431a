"""Train the nine-layer residual network on CIFAR-10, towards 94 % of the test images.

    python -m tests.benchmarks.train_cifar10 --root cifar-10-batches-bin [--half bfloat16] [--tf32]
    python -m tests.benchmarks.train_cifar10 --root FOLDER --device cpu --width 4 --steps 3
    python -m tests.benchmarks.train_cifar10 --root FOLDER --stand-in --width 4 --steps 3

Crops, mirroring and cutout on the device, 1cycle, label smoothing, Nesterov momentum with weight
decay, and an average of the weights over the last epochs.  One line an epoch.
Source: D. Page 2018, "How to train your ResNet", myrtle.ai.
"""

import argparse
from contextlib import nullcontext
from functools import partial
from itertools import islice
from time import perf_counter

import numpy as np

import minnet as mn
from minnet import backend, data, nn, optim, schedules, train
from minnet import functional as F
from tests import fake_cupy

MEAN = np.array([0.4914, 0.4822, 0.4465], "float32")[:, None, None]  # of the training images
STD = np.array([0.2470, 0.2435, 0.2616], "float32")[:, None, None]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", required=True, help="folder with CIFAR-10 in an official format")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--width", type=int, default=64, help="channels of the first layer")
    parser.add_argument("--lr", type=float, default=0.4, help="the peak, for a batch of 512")
    parser.add_argument("--average", type=int, default=4, help="epochs whose weights are averaged")
    parser.add_argument("--steps", type=int, help="steps an epoch, to try the script")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tf32", action="store_true", help="products of 10 bits")
    parser.add_argument("--half", choices=["float16", "bfloat16"], help="mixed precision")
    parser.add_argument("--stand-in", action="store_true", help="no GPU, to try the script")
    return parser.parse_args()


def datasets(root, device):
    """Training and test images, normalised, on the device."""
    parts = data.cifar10(root, images=True)
    return [part.map(lambda x: (x - MEAN) / STD).to(device) for part in parts]


def main():
    """Train, and print a line an epoch."""
    options = arguments()
    if options.stand_in:
        backend.register(fake_cupy)
    if options.tf32:
        mn.cuda.allow_tf32()
    train_set, test_set = datasets(options.root, options.device)
    streams = np.random.default_rng(options.seed).spawn(2)
    model = nn.resnet9(width=options.width, rng=streams[0]).to(options.device)
    change = data.RandomCrop(padding=4, cutout=8)
    loader = data.Loader(
        train_set, batch_size=options.batch, drop_last=True, transform=change, rng=streams[1]
    )
    steps = min(options.steps or len(loader), len(loader))
    peak = options.lr * options.batch / 512
    lr = schedules.one_cycle(options.epochs * steps, high=peak, warmup=0.2)
    opt = optim.Nesterov(model.parameters(), lr=peak, momentum=0.9, weight_decay=5e-4)
    if options.half:
        opt = train.MixedPrecision(opt, dtype=options.half)
    loss_fn = partial(F.cross_entropy, label_smoothing=0.1)
    average = optim.EMA(model.parameters(), decay=0.99, bias_correction=True)
    seconds, t = 0.0, 0
    for epoch in range(1, options.epochs + 1):
        model.train()
        began, losses = perf_counter(), []
        for x, y in islice(loader, steps):
            opt.lr = lr(t)
            opt.zero_grad()
            with opt.products() if options.half else nullcontext():
                loss = loss_fn(model(x), y)
            if options.half:
                opt.backward(loss)
            else:
                loss.backward()
            opt.step()
            losses.append(loss.detach())
            t += 1
            if epoch > options.epochs - options.average:
                average.update()
        mean = sum(losses).item() / len(losses)                   # waits for the device
        seconds += perf_counter() - began
        if not np.isfinite(mean):
            raise SystemExit(f"the loss of epoch {epoch} is {mean}: lower --lr")
        score = train.evaluate(model, F.cross_entropy, test_set, batch_size=1000)["accuracy"]
        rate = epoch * steps * options.batch / seconds
        print(f"epoch {epoch:3d}  lr {lr(t - 1):.4f}  loss {mean:.4f}  test {score:.2%}  "
              f"{seconds:.1f} s  {rate:,.0f} images/s", flush=True)  # fmt: skip
    with average.applied():
        optim.recompute_statistics(model, islice(loader, min(steps, 20)))
        score = train.evaluate(model, F.cross_entropy, test_set, batch_size=1000)["accuracy"]
        print(f"averaged weights: test {score:.2%}")


if __name__ == "__main__":
    main()
