"""What a check costs: W8 beside torch.autograd.gradcheck, a net of 50,000 parameters, and the gain
from moving all examples at once.

"course loop" is the loop of the CS231n assignments, which gives numbers and no verdict: the floor
of any check that sees the function as a black box.

python -m tests.benchmarks.gradcheck_speed [--json]
"""

import importlib.util

import numpy as np

import gradcheck as gc

from .timing import compare, main

FULL = {"mode": "all", "method": "central"}


def small_net(examples=8):
    """W8, an MLP 20-16-5 with a softmax loss: (params, loss, stacked loss, gradients, X, y)."""
    r = np.random.default_rng(0)
    X, y, rows = r.normal(size=(examples, 20)), r.integers(0, 5, examples), np.arange(examples)
    params = {
        "W1": r.normal(size=(20, 16)) * 0.2,
        "b1": r.normal(size=16) * 0.1,
        "W2": r.normal(size=(16, 5)) * 0.3,
        "b2": r.normal(size=5) * 0.1,
    }

    def loss(p):
        s = np.tanh(X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
        return (np.log(np.exp(s).sum(1)) - s[rows, y]).sum() / examples

    def stacked(p):
        h = np.tanh(X @ p["W1"] + p["b1"][..., None, :])
        s = h @ p["W2"] + p["b2"][..., None, :]
        return (np.log(np.exp(s).sum(-1)) - s[..., rows, y]).sum(-1) / examples

    def grads(p):
        h = np.tanh(X @ p["W1"] + p["b1"])
        e = np.exp(h @ p["W2"] + p["b2"])
        d = (e / e.sum(1, keepdims=True) - np.eye(5)[y]) / examples
        dz = d @ p["W2"].T * (1 - h * h)
        return {"W1": X.T @ dz, "b1": dz.sum(0), "W2": h.T @ d, "b2": d.sum(0)}

    return params, loss, stacked, grads, X, y


def course_loop(f, x, d=1.0, h=1e-5):
    """The numeric gradient of sum(d f(x)), entry by entry: two calls each, nothing judged."""
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        up = f(x).copy()
        x[i] = old - h
        down = f(x).copy()
        x[i] = old
        g[i] = np.sum((up - down) * d) / (2 * h)
    return g


def bare_loop(params, loss):
    """The same for a loss of several parameters, with everything left out that can be."""
    for x in params.values():
        flat = x.reshape(-1)
        for i, old in enumerate(flat.tolist()):
            flat[i] = old + 1e-5
            up = loss(params)
            flat[i] = old - 1e-5
            down = loss(params)
            flat[i] = old
            (up - down) / 2e-5


def torch_runs(params, X, y):
    """torch.autograd.gradcheck of the same net in both modes; nothing without PyTorch."""
    if importlib.util.find_spec("torch") is None:
        return {}
    import torch

    leaves = [torch.tensor(v, requires_grad=True) for v in params.values()]
    X, y = torch.tensor(X), torch.tensor(y)
    net = lambda a, b, c, d: torch.nn.functional.cross_entropy(torch.tanh(X @ a + b) @ c + d, y)
    run = torch.autograd.gradcheck
    return {
        "torch slow": lambda: run(net, leaves),
        "torch fast": lambda: run(net, leaves, fast_mode=True),
    }


def full_check():
    """W8: all 421 parameters of the small net."""
    params, loss, stacked, grads, X, y = small_net()
    judged = lambda f, **options: lambda: gc.assert_grads(f, params, grads, **options)
    runs = torch_runs(params, X, y) | {
        "course loop": lambda: bare_loop(params, loss),
        "black box": judged(loss, **FULL),
        "vectorized": judged(stacked, vectorized=True, **FULL),
        "auto": judged(loss),
    }
    return compare(runs, title="W8, every parameter", reference=next(iter(runs)), calls=3)


def fifty_thousand():
    """A two-layer net with 50,095 parameters in auto; the loop would take 100,190 calls."""
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(3, 784)), np.eye(10)[[1, 5, 7]]
    p = {
        "W1": rng.normal(size=(784, 63)) / 28,
        "b1": np.full(63, 0.1),
        "W2": rng.normal(size=(63, 10)) / 8,
        "b2": np.full(10, 0.1),
    }

    def loss(p):
        h = np.tanh(X @ p["W1"] + p["b1"])
        r = h @ p["W2"] + p["b2"] - t
        dz = r @ p["W2"].T * (1 - h * h)
        return 0.5 * np.sum(r * r), {"W1": X.T @ dz, "b1": dz.sum(0), "W2": h.T @ r, "b2": r.sum(0)}

    runs = {"auto": lambda: gc.assert_grads(loss, p)}
    return compare(runs, title="50,095 parameters", rounds=5, calls=1)


def together(examples=128):
    """Every input of a layer, all examples moved at once, against the course's loop."""
    rng = np.random.default_rng(0)
    x, W, d = (rng.normal(size=s) for s in ((examples, 20), (20, 10), (examples, 10)))

    def layer(x):
        return np.tanh(x @ W), x

    def backward(d, x):
        return (1 - np.tanh(x @ W) ** 2) * d @ W.T

    layer.batch_independent = True
    options = {"upstream": d, "probe": False, **FULL}
    runs = {
        "gradcheck": lambda: gc.assert_vjp(layer, backward, {"x": x}, **options),
        "course loop": lambda: course_loop(lambda x: layer(x)[0], x, d),
    }
    return compare(runs, title=f"tanh(x W), x: {examples} x 20", calls=1)


def measure():
    """Time full and automatic checks."""
    yield full_check()
    yield fifty_thousand()
    yield from map(together, (32, 128, 512))


if __name__ == "__main__":
    main(measure)
