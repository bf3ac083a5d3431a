"""Whole training steps of two convolutional networks beside PyTorch: W3 and W4.

    python -m tests.benchmarks.cnn --threads 1 [--json]

A step is forward, backward and update in float32, on fixed random data with the same weights; the
losses of both must agree to 1e-4 after three steps at a visible learning rate before anything is
timed, and the timed steps use a tiny one.  The peak memory of each is in cnn_memory.py.
"""

import torch

from minnet import functional as F
from minnet import nn, optim
from tests.benchmarks.cnn_models import W3, W4, WORKLOADS, data, step
from tests.benchmarks.timing import compare, main

OURS = {
    W3: lambda p, lr: optim.Nesterov(p, lr=lr, momentum=0.9, form="torch"),
    W4: lambda p, lr: optim.Momentum(p, lr=lr, momentum=0.9, form="torch", weight_decay=5e-4),
}
THEIRS = {
    W3: lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
    W4: lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, weight_decay=5e-4),
}


class TorchResidual(torch.nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(x) + x


def copy_weights(ours, theirs):
    """The parameters of PyTorch's model into ours, in order; W is (in, out) here."""
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        array = q.detach().numpy()
        p.data = (array.T if array.ndim == 2 else array).copy()


def pair(title, lr):
    """(minnet's step, PyTorch's step), from the same start."""
    build, shape = WORKLOADS[title]
    torch.manual_seed(0)
    theirs = build(torch.nn, TorchResidual)
    ours = build(nn, nn.Residual)
    copy_weights(ours, theirs)
    x, y = data(shape)
    images, labels = torch.from_numpy(x), torch.from_numpy(y)
    torch_loss = torch.nn.functional.cross_entropy
    return (
        step(ours, OURS[title](ours.parameters(), lr), F.cross_entropy, x, y),
        step(theirs, THEIRS[title](theirs.parameters(), lr), torch_loss, images, labels),
    )


def measured(title, rounds=15):
    """The table of one workload, once the losses have agreed."""
    a, b = pair(title, lr=1e-2)
    for _ in range(3):
        left, right = a().item(), b().item()
    assert abs(left - right) <= 1e-4 * abs(right), (title, left, right)
    a, b = pair(title, lr=1e-7)
    return compare({"minnet": a, "torch": b}, title=title, rounds=rounds)


def measure():
    """W3 and W4, whole training steps."""
    yield measured(W3, rounds=31)
    yield measured(W4)


if __name__ == "__main__":
    main(measure)
