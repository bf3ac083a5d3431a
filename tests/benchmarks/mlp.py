"""Whole training steps of two multilayer perceptrons beside PyTorch: W1 and W2.

    python -m tests.benchmarks.mlp --threads 1 [--json]

W1: 64-32-10 tanh, batch 32, momentum 0.9.   W2: 784-512-512-10 ReLU, batch 128, Adam.
A step is forward, backward and update in float32, on fixed random data with the same weights; the
losses of all must agree to 1e-4 over five steps at a visible learning rate before anything is
timed, and the timed steps use a tiny one.  "minnet" is the eager step, "minnet recorded" the same
one as `minnet.train.RecordedStep` replays it.
"""

from itertools import pairwise

import numpy as np
import torch

from minnet import functional as F
from minnet import nn, optim, train
from tests.benchmarks.timing import compare, main


def copied(weights, biases, activation):
    """The same network in both libraries; W is (in, out) here and (out, in) in PyTorch."""
    ours, theirs = [], []
    for k, (W, b) in enumerate(zip(weights, biases, strict=True)):
        if k:
            ours.append(getattr(nn, activation)())
            theirs.append(getattr(torch.nn, activation)())
        ours.append(nn.Linear(*W.shape))
        theirs.append(torch.nn.Linear(*W.shape))
        ours[-1].weight.data, ours[-1].bias.data = W.copy(), b.copy()
        with torch.no_grad():
            theirs[-1].weight.copy_(torch.from_numpy(W.T.copy()))
            theirs[-1].bias.copy_(torch.from_numpy(b))
    return nn.Sequential(*ours), torch.nn.Sequential(*theirs)


def steps(model, make, loss, x, y):
    """A function that does one training step and returns its loss."""
    optimizer = make(model.parameters())

    def step():
        value = loss(model(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def recorded(model, make, x, y):
    """The step that minnet replays."""
    step = train.RecordedStep(model, F.cross_entropy, make(model.parameters()))
    return lambda: step(x, y)


def candidates(sizes, batch, activation, ours, theirs):
    """{name: step}, from the same start."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(s).astype("f") * (2 / s[0]) ** 0.5 for s in pairwise(sizes)]
    biases = [0.1 * rng.standard_normal(n).astype("f") for n in sizes[1:]]
    x = rng.standard_normal((batch, sizes[0])).astype("f")
    y = rng.integers(0, sizes[-1], batch)
    a, b = copied(weights, biases, activation)
    c, _ = copied(weights, biases, activation)
    tensors = torch.from_numpy(x), torch.from_numpy(y)
    return {
        "minnet": steps(a, ours, F.cross_entropy, x, y),
        "minnet recorded": recorded(c, ours, x, y),
        "torch": steps(b, theirs, torch.nn.functional.cross_entropy, *tensors),
    }


def measured(title, sizes, batch, activation, ours, theirs):
    """ours, theirs: learning rate -> (parameters -> optimizer)."""
    visible = candidates(sizes, batch, activation, ours(1e-2), theirs(1e-2))
    losses = {name: [step().item() for _ in range(5)] for name, step in visible.items()}
    for name, found in losses.items():
        assert np.allclose(found, losses["torch"], rtol=1e-4, atol=0), (title, name, losses)
    assert losses["minnet"] == losses["minnet recorded"]
    timed = candidates(sizes, batch, activation, ours(1e-7), theirs(1e-7))
    return compare(timed, title=title, rounds=41)


def measure():
    """W1 and W2, whole training steps."""
    yield measured(
        "W1: MLP 64-32-10 tanh, batch 32, momentum",
        (64, 32, 10),
        32,
        "Tanh",
        lambda lr: lambda p: optim.Momentum(p, lr=lr, momentum=0.9, form="torch"),
        lambda lr: lambda p: torch.optim.SGD(p, lr=lr, momentum=0.9),
    )
    yield measured(
        "W2: MLP 784-512-512-10 ReLU, batch 128, Adam",
        (784, 512, 512, 10),
        128,
        "ReLU",
        lambda lr: lambda p: optim.Adam(p, lr=lr),
        lambda lr: lambda p: torch.optim.Adam(p, lr=lr),
    )


if __name__ == "__main__":
    main(measure)
