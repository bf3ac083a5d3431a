"""Training steps and optimizer updates on a GPU, beside PyTorch on the same card where it is there.

    python -m tests.benchmarks.gpu [--batch 128 512] [--tf32 | --half bfloat16] [--json]
    python -m tests.benchmarks.gpu --stand-in              # tiny, on the CPU: proves that it runs

W2, W3, W4 and W6 of the list of workloads; Adam on 10M and 100M floats; the nine-layer residual
network on CIFAR-10's shape, in images a second.  Both libraries start from the same weights, and
their losses must agree to 1e-3 (2e-2 in mixed precision) after three steps before anything is
timed.
"""

import argparse
from dataclasses import replace
from functools import partial
from itertools import chain
from time import strftime

import numpy as np

import minnet as mn
from minnet import backend, nn, optim, train
from minnet import functional as F
from tests import fake_cupy
from tests.benchmarks.cnn_models import cnn, resnet
from tests.benchmarks.timing import compare, record

try:
    import torch
except ImportError:
    torch = None

BLOCK = {"dim_feedforward": 512, "dropout": 0.0, "activation": "gelu", "batch_first": True}


def perceptron(lib, residual):
    """W2's layers, in minnet.nn or torch.nn."""
    sizes = (784, 512, 512, 10)
    layers = [lib.Linear(*sizes[k : k + 2]) for k in range(3)]
    return lib.Sequential(layers[0], lib.ReLU(), layers[1], lib.ReLU(), layers[2])


def transformer(lib, residual):
    """W6's layers: a block, and scores from its mean over the steps."""
    block, head = lib.TransformerEncoderLayer(128, 4, **BLOCK), lib.Linear(128, 10)
    return joined(lib, block, mean_over_steps, head)


def resnet9(lib, residual):
    """The network of minnet.nn.resnet9, for either library."""
    conv = lambda n, m: (lib.Conv2d(n, m, 3, padding=1, bias=False), lib.BatchNorm2d(m), lib.ReLU())
    pair = lambda n: residual(lib.Sequential(*conv(n, n), *conv(n, n)))
    pool = lambda: lib.MaxPool2d(2)
    return lib.Sequential(
        *conv(3, 64), *conv(64, 128), pool(), pair(128), *conv(128, 256), pool(),
        *conv(256, 512), pool(), pair(512), lib.MaxPool2d(4), lib.Flatten(),
        lib.Linear(512, 10, bias=False),
    )  # fmt: skip


def mean_over_steps(x):
    return x.mean(1)


def joined(lib, *parts):
    """A chain of modules and functions."""
    if lib is nn:
        return nn.Sequential(*[p if isinstance(p, nn.Module) else nn.Lambda(p) for p in parts])

    class Chain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = torch.nn.ModuleList(p for p in parts if isinstance(p, torch.nn.Module))

        def forward(self, x):
            for part in parts:
                x = part(x)
            return x

    return Chain()


WORKLOADS = {  # title: (layers, shape of one example, (minnet's optimizer, torch's))
    "W2: MLP 784-512-512-10, Adam": (perceptron, (784,), "adam"),
    "W3: CNN 1x28x28, Nesterov": (cnn, (1, 28, 28), "nesterov"),
    "W4: ResNet 3x32x32, momentum": (resnet, (3, 32, 32), "momentum"),
    "W6: transformer block, sequence 64, Adam": (transformer, (64, 128), "adam"),
    "resnet9: 3x32x32, Nesterov": (resnet9, (3, 32, 32), "nesterov"),
}
OURS = {
    "adam": optim.Adam,
    "nesterov": partial(optim.Nesterov, momentum=0.9, form="torch"),
    "momentum": partial(optim.Momentum, momentum=0.9, form="torch", weight_decay=5e-4),
}


def theirs(name):
    """PyTorch's optimizer of that name, with its default settings."""
    if name == "adam":
        return torch.optim.Adam
    decay = {"weight_decay": 5e-4} if name == "momentum" else {}
    return partial(torch.optim.SGD, momentum=0.9, nesterov=name == "nesterov", **decay)


def workload(title, batch, lr, device="cuda", half=None):
    """{library: a step that returns its loss}, from the same start; half: in mixed precision."""
    layers, shape, optimizer = WORKLOADS[title]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *shape)).astype("f")
    y = rng.integers(0, 10, batch)
    ours = layers(nn, nn.Residual)
    pairs = {}
    if torch is not None and (device == "cpu" or torch.cuda.is_available()):
        twin = layers(torch.nn, TorchResidual)
        nn.load_torch_state_dict(ours, renamed(twin, ours))
        twin.to(device)
        there = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
        loss = torch.nn.functional.cross_entropy
        made = theirs(optimizer)(twin.parameters(), lr=lr)
        pairs["torch"] = (autocast(twin, made, loss, *there, half) if half else
                          step(twin, made, loss, *there))  # fmt: skip
    ours.to(device)
    there = backend.to_device(x, device), backend.to_device(y, device)
    made = OURS[optimizer](ours.parameters(), lr=lr)
    run = mixed(ours, made, F.cross_entropy, *there, half) if half else (
        step(ours, made, F.cross_entropy, *there))  # fmt: skip
    return {"minnet": run, **pairs}


def step(model, optimizer, loss, x, y):
    """One training step."""

    def one_step():
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value

    return one_step


def mixed(model, optimizer, loss, x, y, half):
    """One training step with products of 16 bits."""
    optimizer = train.MixedPrecision(optimizer, dtype=half)

    def one_step():
        optimizer.zero_grad()
        with optimizer.products():
            value = loss(model(x), y)
        optimizer.backward(value)
        optimizer.step()
        return value

    return one_step


def autocast(model, optimizer, loss, x, y, half):
    """The same in PyTorch, which scales the loss for float16 too."""
    kind, dtype = x.device.type, getattr(torch, half)
    scaler = torch.amp.GradScaler(kind, enabled=half == "float16")

    def one_step():
        optimizer.zero_grad()
        with torch.autocast(kind, dtype=dtype):
            value = loss(model(x), y)
        scaler.scale(value).backward()
        scaler.step(optimizer)
        scaler.update()
        return value

    return one_step


def renamed(twin, ours):
    """PyTorch's weights under minnet's names: both list them in the same order."""
    return dict(zip(nn.torch_state_dict(ours), weights(twin), strict=True))


def weights(twin):
    """PyTorch's parameters, then its running statistics: the order in which minnet lists them."""
    statistics = [b for name, b in twin.named_buffers() if not name.endswith("tracked")]
    return [w.detach() for w in (*twin.parameters(), *statistics)]


if torch is not None:

    class TorchResidual(torch.nn.Module):
        """body(x) + x"""

        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, x):
            return x + self.body(x)


def synchronized(f, calls):
    """f so many times, until the device has finished."""

    def run():
        for _ in range(calls):
            f()
        mn.cuda.synchronize()
        if torch is not None and torch.cuda.is_available():
            torch.cuda.synchronize()

    return run


def training_steps(batches, calls, rounds, half=None):
    """A table for each workload and batch size."""
    for title in WORKLOADS:
        for batch in batches:
            steps = workload(title, batch, 1e-3, half=half)
            losses = {name: [f().item() for _ in range(3)][-1] for name, f in steps.items()}
            first = losses["minnet"]
            near = (2e-2 if half else 1e-3) * abs(first)
            assert all(abs(loss - first) <= near for loss in losses.values()), losses
            timed = workload(title, batch, 1e-7, half=half)
            steps = {name: synchronized(f, calls) for name, f in timed.items()}
            table = compare(steps, title=f"{title}, batch {batch}, {calls} steps", rounds=rounds)
            rate = calls * batch / table["minnet"].median
            yield replace(table, title=f"{table.title}, minnet: {rate:,.0f} examples a second")


def updates(sizes, calls, rounds):
    """Adam alone, on one tensor of so many floats."""
    for size in sizes:
        rng = np.random.default_rng(0)
        w, g = (rng.standard_normal(size).astype("f") for _ in range(2))
        p = mn.tensor(backend.to_device(w, "cuda"), requires_grad=True, copy=False)
        p.grad = backend.to_device(g, "cuda")
        steps = {"minnet": synchronized(optim.Adam([p], lr=1e-7).step, calls)}
        if torch is not None and torch.cuda.is_available():
            q = torch.from_numpy(w).cuda().requires_grad_()
            q.grad = torch.from_numpy(g).cuda()
            fused = torch.optim.Adam([q], lr=1e-7, fused=True)
            steps["torch fused"] = synchronized(fused.step, calls)
        yield compare(steps, title=f"Adam on {size:,} floats, {calls} steps", rounds=rounds)


def card():
    """What the figures were measured on."""
    module = backend.gpu()
    name = module.cuda.runtime.getDeviceProperties(0)["name"].decode()
    return f"{strftime('%Y-%m-%d')} {name}, CUDA {module.cuda.runtime.runtimeGetVersion()}"


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stand-in", action="store_true", help="tiny sizes on the CPU")
    parser.add_argument("--batch", type=int, nargs="+", default=[128, 512, 1024])
    parser.add_argument("--tf32", action="store_true", help="in minnet and in PyTorch")
    parser.add_argument("--half", choices=["float16", "bfloat16"], help="mixed precision in both")
    parser.add_argument("--json", action="store_true", help="write a file in records/")
    options = parser.parse_args()
    if options.stand_in and options.json:
        parser.error("times of the stand-in say nothing about a GPU: no record is written")
    if options.stand_in:
        backend.register(fake_cupy)
        settings, sizes, options.batch = {"calls": 1, "rounds": 1}, [1000], [4]
    else:
        settings, sizes = {"calls": 10, "rounds": 15}, [10_000_000, 100_000_000]
    if options.tf32:
        mn.cuda.allow_tf32()
        if torch is not None:
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    print(card(), mn.cuda.memory(), sep="\n")
    tables = []
    steps = training_steps(options.batch, half=options.half, **settings)
    for table in chain(updates(sizes, **settings), steps):
        print(table, flush=True)
        tables.append(table)
    print(mn.cuda.memory())
    if options.json:
        name = f"gpu {card()}{' TF32' if options.tf32 else ''} {options.half or ''}".strip()
        record(name.replace(" ", "-").replace(",", ""), tables, threads=1)


if __name__ == "__main__":
    main()
