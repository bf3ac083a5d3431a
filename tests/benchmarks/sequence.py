"""Whole training steps of an LSTM and of a transformer block beside PyTorch: W5 and W6.

    python -m tests.benchmarks.sequence --threads 1 [--json]

W5: LSTM 64 -> 128, sequence 32, batch 32, softmax on the last step, RMSprop.   W6: transformer
encoder block d=128, 4 heads, sequence 64, batch 16, layer norm, GELU MLP of 4d, a linear layer on
the mean over the steps, Adam.
A step is forward, backward and update in float32, on fixed random data with the same weights; the
losses of both must agree to 1e-4 after three steps at a visible learning rate before anything is
timed, and the timed steps use a tiny one.
"""

import numpy as np
import torch

from minnet import functional as F
from minnet import nn, optim
from minnet.nn.convert import load_torch_state_dict
from tests.benchmarks.mlp import steps
from tests.benchmarks.timing import compare, main


class LastStep(nn.Module):
    """Scores from the hidden state of the last step."""

    def __init__(self):
        self.lstm = nn.LSTM(64, 128)
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][-1])


class TorchLastStep(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(64, 128)
        self.head = torch.nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][-1])


BLOCK = {"dim_feedforward": 512, "dropout": 0.0, "activation": "gelu", "batch_first": True}


class Block(nn.Module):
    """Scores from the mean over the steps of a transformer block."""

    def __init__(self):
        self.block = nn.TransformerEncoderLayer(128, 4, **BLOCK)
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.block(x).mean(1))


class TorchBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.block = torch.nn.TransformerEncoderLayer(128, 4, **BLOCK)
        self.head = torch.nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.block(x).mean(1))


def pair(ours, theirs, shape, batch, optimizers, lr):
    """(minnet's step, PyTorch's step), from the same start.   optimizers: (ours, theirs)."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(shape).astype("f"), rng.integers(0, 10, batch)
    b = theirs()
    a = ours()
    load_torch_state_dict(a, b.state_dict())
    left, right = optimizers
    return (
        steps(a, lambda p: left(p, lr=lr), F.cross_entropy, x, y),
        steps(
            b,
            lambda p: right(p, lr=lr),
            torch.nn.functional.cross_entropy,
            torch.from_numpy(x),
            torch.from_numpy(y),
        ),
    )


def measured(title, *workload):
    """The comparison, once the losses have agreed over three steps."""
    a, b = pair(*workload, 1e-3)
    for _ in range(3):
        left, right = a().item(), b().item()
    assert abs(left - right) <= 1e-4 * abs(right), (title, left, right)
    a, b = pair(*workload, 1e-7)
    return compare({"minnet": a, "torch": b}, title=title, rounds=41)


def measure():
    """W5 and W6, whole training steps."""
    yield measured(
        "W5: LSTM 64 -> 128, sequence 32, batch 32, RMSprop",
        LastStep,
        TorchLastStep,
        (32, 32, 64),
        32,
        (optim.RMSprop, torch.optim.RMSprop),
    )
    yield measured(
        "W6: transformer block d=128, 4 heads, sequence 64, batch 16, Adam",
        Block,
        TorchBlock,
        (16, 64, 128),
        16,
        (optim.Adam, torch.optim.Adam),
    )


if __name__ == "__main__":
    main(measure)
