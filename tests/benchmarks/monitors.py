"""Cost of monitors: time of a step with them, sampling every tenth step, over one without.

Run:  python -m tests.benchmarks.monitors          prints the best of interleaved rounds (C17)
"""

import time

import numpy as np

from minnet import data, nn, optim, train
from minnet import functional as F
from minnet.sanity import Doctor

STEPS, ROUNDS = 100, 15
WORKLOADS = {                                            # name: (layers, batch)
    "W1 64-32-10, batch 32": ([64, 32, 10], 32),
    "W2 784-512-512-10, batch 128": ([784, 512, 512, 10], 128),
}


def gauges():
    return [train.UpdateRatios(), train.GradientNorms(), train.Units(), train.Rates(),
            train.StepLength()]


WATCHED = {"nothing": list, "gauges": gauges, "doctor": lambda: [Doctor()]}


def seconds(sizes, batch, monitors, steps):
    """One run of fit on random numbers."""
    rng = np.random.default_rng(0)
    layers = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(n, m, rng=rng), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    x = rng.normal(size=(steps * batch, sizes[0])).astype("float32")
    loader = data.Loader((x, rng.integers(10, size=len(x))), batch_size=batch, rng=0)
    opt = optim.Momentum(model.parameters(), lr=1e-5)
    start = time.perf_counter()
    train.fit(model, F.cross_entropy, opt, loader, epochs=1, monitors=monitors, progress=False)
    return time.perf_counter() - start


def overheads(sizes, batch, *, steps=STEPS, rounds=ROUNDS):
    """{watched by: shortest time over the shortest without, minus 1}."""
    times = {name: [] for name in WATCHED}
    for _ in range(rounds):
        for name, make in WATCHED.items():
            times[name].append(seconds(sizes, batch, make(), steps))
    best = {name: float(np.min(each)) for name, each in times.items()}
    return {name: best[name] / best["nothing"] - 1 for name in WATCHED}


if __name__ == "__main__":
    for title, (sizes, batch) in WORKLOADS.items():
        steps = 1000 if sizes[0] == 64 else 150
        found = overheads(sizes, batch, steps=steps, rounds=9)
        row = "  ".join(f"{name} {share:+.1%}" for name, share in found.items())
        print(f"{title:32s} {row}")
