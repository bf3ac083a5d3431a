"""What the tests of operations compare with: inputs from a seed, and slow, sure derivatives.

A case is ``(settings, [input, ...])``.  An input is

    (2, 3)             a tuple: standard normal numbers of that shape, differentiated
    positive((2, 3))   a recipe, a function of the generator (positive, distinct, ...)
    2.0, array, None   anything else: handed to the operation as it is, not differentiated
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import minnet as mn

Recipe = Callable[[np.random.Generator], np.ndarray]


def positive(shape: tuple[int, ...]) -> Recipe:
    """Numbers between 0.5 and 2, with no kink, pole or root near."""
    return lambda rng: rng.uniform(0.5, 2.0, shape)


def distinct(shape: tuple[int, ...], shift: float = 0.0) -> Recipe:
    """Numbers between -2 and 2 in random order, no two closer than a step, none at zero."""
    n = max(1, int(np.prod(shape)))
    steps = (np.arange(n) - n // 2 + 0.37 + shift) * 4 / n
    return lambda rng: rng.permutation(steps)[: int(np.prod(shape))].reshape(shape)


def make_inputs(specs: Sequence[Any], seed: int = 0) -> list[Any]:
    """The inputs of a case, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [_make(spec, rng) for spec in specs]


def _make(spec: Any, rng: np.random.Generator) -> Any:
    if isinstance(spec, tuple):
        return np.asarray(rng.standard_normal(spec))
    return np.asarray(spec(rng)) if callable(spec) else spec


def differentiated(specs: Sequence[Any]) -> list[int]:
    """The positions of the inputs that get a gradient."""
    return [k for k, spec in enumerate(specs) if isinstance(spec, tuple) or callable(spec)]


def with_tensors(inputs: Sequence[Any], places: Sequence[int]) -> list[Any]:
    """The inputs with fresh Tensors at the places that are differentiated."""
    return [
        mn.tensor(x, requires_grad=True) if k in places else x for k, x in enumerate(inputs)
    ]


def upstream(y: Any, seed: int = 1) -> np.ndarray:
    """A random signed gradient of y's shape."""
    return np.asarray(np.random.default_rng(seed).standard_normal(np.shape(y)))


def numeric_gradient(f: Callable[..., Any], inputs: Sequence[Any], k: int, g: Any) -> np.ndarray:
    """d <g, f(inputs)> / d inputs[k], entry by entry, by the six-point formula of order h^6.

    f'(x) = (45 (f1 - f-1) - 9 (f2 - f-2) + (f3 - f-3)) / 60 h,   fj = f(x + j h)
    """
    x, d = inputs[k], np.zeros(inputs[k].shape)
    for i in np.ndindex(x.shape):
        h = 2e-3 * max(1.0, abs(x[i]))
        for j, weight in ((1, 45), (2, -9), (3, 1)):
            up, down = (np.asarray(f(*_moved(inputs, k, i, s * j * h))) for s in (1, -1))
            d[i] += weight * np.sum((up - down) * g) / (60 * h)
    return d


def _moved(inputs: Sequence[Any], k: int, i: tuple[int, ...], step: float) -> list[Any]:
    moved = list(inputs)
    moved[k] = inputs[k].copy()
    moved[k][i] += step
    return moved


def gradients(f: Callable[..., Any], inputs: Sequence[Any], places: Sequence[int]) -> list:
    """minnet's gradients of <upstream, f> for the inputs at these places, as arrays."""
    tensors = with_tensors(inputs, places)
    y = f(*tensors)
    return [d.numpy() for d in mn.grad(y, [tensors[k] for k in places], upstream(y))]


def contracted(
    f: Callable[..., Any], places: Sequence[int], place: Callable = lambda v: v
) -> Callable[..., Any]:
    """phi(inputs, g) = sum_k <v_k, dL/dx_k>: a scalar whose gradient is the second order of f.

    place: moves a v_k to the device of the inputs.
    """

    def phi(*inputs_and_g: Any) -> Any:
        *inputs, g = inputs_and_g
        tensors = [
            mn.tensor(x, requires_grad=True) if k in places and not isinstance(x, mn.Tensor) else x
            for k, x in enumerate(inputs)
        ]
        g = g if isinstance(g, mn.Tensor) else mn.tensor(g, requires_grad=True)
        y = f(*tensors)
        dxs = mn.grad(y, [tensors[k] for k in places], g, create_graph=True)
        vs = [place(upstream(dx, seed=2 + k)) for k, dx in enumerate(dxs)]
        return sum(((v * dx).sum() for v, dx in zip(vs, dxs, strict=True)), start=0.0 * g.sum())

    return phi


def relative_error(a: Any, b: Any) -> float:
    """max |a - b| / (1 + max |b|); inf where a shape differs or a value is nan."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape:
        return float("inf")
    error = np.max(np.abs(a - b), initial=0.0) / (1 + np.max(np.abs(b), initial=0.0))
    return float("inf") if np.isnan(error) else float(error)
