"""Random programs of several operations: first and second derivatives against differences."""

from __future__ import annotations

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F

from .oracle import numeric_gradient, relative_error

SMOOTH = {
    "tanh": F.tanh,
    "gelu": F.gelu,
    "bounded": lambda x: x / (1.5 + x * x),
    "root": lambda x: F.sqrt(1.5 + F.square(x)),
    "logarithm": lambda x: F.log(1.2 + x * x),
    "cube": lambda x: 0.3 * x**3,
    "softmax": lambda x: F.softmax(x, axis=-1),
    "log-sum": lambda x: F.logsumexp(x, axis=0, keepdims=True),
    "standard": lambda x: (x - x.mean(-1, keepdims=True)) / F.sqrt(x.var(0, keepdims=True) + 0.3),
    "product": lambda x: F.prod(x, axis=0, keepdims=True),
    "running sum": lambda x: 0.5 * F.cumsum(x, axis=-1),
    "norm": lambda x: F.norm(x, axis=-1, keepdims=True),
    "gram": lambda x: 0.3 * (x @ x.mT),
    "einsum": lambda x: 0.3 * F.einsum("...ij,...kj->...ik", x, F.tanh(x)),
    "transposed": lambda x: x.mT,
    "repeated": lambda x: x[[0, 0, -1], ...],
    "strided": lambda x: x[..., ::-2],
    "pairs": lambda x: x[[0, -1], [0, 0], None] * x[[-1, 0], [-1, 0], None],
    "padded": lambda x: F.pad(x, pad_width=1, constant_values=0.3)[1:],
    "joined": lambda x: F.concatenate([x, F.sin(x)], axis=-1),
    "stacked": lambda x: F.stack([x, 0.5 * x, x], axis=1).mean(0),
    "cut": lambda x: F.split(x, indices_or_sections=[1], axis=0)[0] * x.sum(0),
    "spread": lambda x: F.broadcast_to(x.sum(), shape=x.shape) - x,
}
KINKED = {  # the points are random, so that no difference crosses a kink
    "relu": F.leaky_relu,
    "size": lambda x: F.abs(x - 0.05),
    "highest": lambda x: x.max(axis=0, keepdims=True) - x,
    "lowest": lambda x: F.minimum(x, 0.7 * x + 0.01),
    "chosen": lambda x: F.where(np.arange(x.shape[-1]) % 2 == 0, x, F.exp(0.2 * x)),
}
STEPS = SMOOTH | KINKED
CASES = [k for k in range(41) if k != 26]  # at 26 the differences reach across a kink


def program(seed):
    """(names of the steps, a scalar function of a matrix and a column, a point for both)."""
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 3)), rng.standard_normal((2, 1))
    names, y = [], a * b
    for name in rng.choice([*STEPS], size=rng.integers(4, 12)).tolist():
        after = np.asarray(STEPS[name](y)) if y.ndim == 2 else None
        if after is not None and after.ndim == 2 and 0 < after.size < 40 and abs(after).max() < 20:
            names.append(name)
            y = after
    weights = rng.standard_normal(y.shape)

    def f(a, b):
        y = a * b
        for name in names:
            y = STEPS[name](y)
        return (y * weights).sum() + 0.1 * (a * a * b).sum()

    return names, f, [a, b]


def slopes(f, point, v, create_graph=False):
    """(the gradients of f, their product with the directions v)."""
    tensors = [mn.tensor(x, requires_grad=True) for x in point]
    ds = mn.grad(f(*tensors), tensors, create_graph=create_graph)
    return tensors, ds, sum((d * w).sum() for d, w in zip(ds, v, strict=True))


@pytest.mark.parametrize("seed", CASES)
def test_derivatives_of_random_programs(seed):
    names, f, point = program(seed)
    v = [np.random.default_rng(seed + k).standard_normal(x.shape) for k, x in enumerate(point)]
    tensors, ds, along = slopes(f, point, v, create_graph=True)
    second = mn.grad(along, tensors)
    for k in range(2):
        value = lambda *x: np.asarray(f(*x))
        assert relative_error(ds[k].numpy(), numeric_gradient(value, point, k, 1.0)) < 1e-7, names
        slope = lambda *x: slopes(f, x, v)[2].item()
        expected = numeric_gradient(slope, point, k, 1.0)
        assert relative_error(second[k].numpy(), expected) < 1e-6, names


def test_the_programs_use_every_step_and_are_long():
    used = [program(seed)[0] for seed in CASES]
    assert {name for names in used for name in names} == set(STEPS)
    assert np.mean([len(names) for names in used]) > 3
