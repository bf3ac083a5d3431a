"""Normalisation: the fused batch norm beside its formula, and what statistics must be over."""

import sys

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet.errors import ShapeError

from .oracle import relative_error

norm = sys.modules["minnet.functional.norm"]
SHAPES = [(6, 3), (1, 3, 5), (4, 3, 2), (2, 3, 4, 5), (1, 1, 3, 3), (3, 40, 6, 7)]


def batch(rng, shape):
    c = shape[1]
    x, g = (rng.standard_normal(shape) * 2 + 3 for _ in range(2))
    return x, g, rng.standard_normal(c), rng.standard_normal(c), rng.uniform(0.5, 2, c)


@pytest.mark.parametrize("block", [1, 64, 2**17])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_fused_batch_norm_equals_its_formula(rng, monkeypatch, shape, training, block):
    """PF-D4: values and all three gradients, with batch statistics and with constant ones."""
    monkeypatch.setitem(norm.BLOCK, "cpu", block)
    x, g, gamma, mean, var = batch(rng, shape)
    if training:
        mean, var = F.batch_statistics(x)
        assert relative_error(mean, norm._moments(x)[0]) < 1e-14
        assert relative_error(var, norm._moments(x)[1]) < 1e-14
    x_hat, _ = norm._standardize(x, mean, var, 1e-5)
    settings = {"mean": mean, "var": var, "training": training, "eps": 1e-5}
    y = F.batch_norm(x, gamma, mean, **settings)
    per = (-1, *[1] * (x.ndim - 2))
    assert relative_error(y, gamma.reshape(per) * x_hat + mean.reshape(per)) < 1e-13
    fused = norm._d_x(g, x, gamma, *settings.values())
    assert relative_error(fused, norm._d_x_formula(g, x, gamma, *settings.values())) < 1e-12
    fused = norm._d_gamma(g, x, *settings.values())
    assert relative_error(fused, norm._d_gamma_formula(g, x, *settings.values())) < 1e-12
    assert relative_error(norm._d_beta(g), g.sum(norm._axes(g))) < 1e-13


def test_large_mean_keeps_the_variance(rng):
    """The deviations are squared, not the values: a mean of 10,000 leaves float32 its digits."""
    x = (rng.standard_normal((64, 2, 8, 8)) + 1e4).astype("f")
    exact = x.astype("d").var((0, 2, 3))
    assert relative_error(F.batch_statistics(x)[1], exact) < 1e-3


def test_gradient_of_x_ignores_shift_and_scale(rng):
    """PF-D2: dL/dx is orthogonal to 1 and, with eps = 0, to x_hat, channel by channel."""
    x = mn.tensor(rng.standard_normal((5, 2, 3)), requires_grad=True)
    y = F.batch_norm(x, eps=0.0)
    (d,) = mn.grad(y, [x], rng.standard_normal(y.shape))
    assert np.abs(d.numpy().sum((0, 2))).max() < 1e-12
    assert np.abs((d.numpy() * y.numpy()).sum((0, 2))).max() < 1e-12
    x = mn.tensor(rng.standard_normal((5, 7)), requires_grad=True)
    y = F.layer_norm(x, normalized_shape=7, eps=0.0)
    (d,) = mn.grad(y, [x], rng.standard_normal(y.shape))
    assert np.abs(d.numpy().sum(1)).max() < 1e-12
    assert np.abs((d.numpy() * y.numpy()).sum(1)).max() < 1e-12


EXAMPLE_NORMS = [
    ("layer_norm", {"normalized_shape": (6, 2)}, (1, 2)),
    ("group_norm", {"num_groups": 1}, (1, 2)),
    ("instance_norm", {}, (2,)),
]


@pytest.mark.parametrize(("name", "settings", "axes"), EXAMPLE_NORMS)
def test_example_norms_do_not_look_at_the_batch(rng, name, settings, axes):
    """PF-D1: mean 0 over an example's own axes, whatever else is in the batch."""
    x = rng.standard_normal((4, 6, 2)) + 5
    y = getattr(F, name)(x, **settings)
    assert np.abs(y.mean(axes)).max() < 1e-13
    assert np.array_equal(getattr(F, name)(x[:1], **settings), y[:1])


def test_one_value_per_group_gives_beta(rng):
    x, beta = rng.standard_normal((3, 4)), rng.standard_normal(4)
    assert np.array_equal(F.group_norm(x, None, beta, num_groups=4), np.tile(beta, (3, 1)))


def test_rms_norm_takes_the_dtype_s_epsilon():
    for dtype in ("f", "d"):
        x = np.zeros((1, 3), dtype)
        assert np.array_equal(F.rms_norm(x, normalized_shape=3), x)
        tiny = x + np.finfo(dtype).eps
        y = F.rms_norm(tiny, normalized_shape=3)
        assert y.dtype == x.dtype
        assert relative_error(y, tiny / np.sqrt(np.finfo(dtype).eps)) < 1e-6


REFUSED = [
    (F.batch_norm, [(0, 3)], {}, "batch statistics need"),
    (F.batch_norm, [(4, 3)], {"training": False}, "mean and var when training=False"),
    (F.layer_norm, [(2, 3)], {"normalized_shape": 4}, "normalized_shape (4,)"),
    (F.layer_norm, [(2, 3), (2,)], {"normalized_shape": 3}, "(2,)"),
    (F.layer_norm, [(2, 3)], {"normalized_shape": ()}, "normalized_shape ()"),
    (F.rms_norm, [(2, 3)], {"normalized_shape": (2, 4)}, "normalized_shape (2, 4)"),
    (F.group_norm, [(2, 3)], {"num_groups": 2}, "num_groups=2"),
    (F.group_norm, [(3,)], {"num_groups": 1}, "(N, C, ...)"),
]


@pytest.mark.parametrize(("f", "shapes", "settings", "words"), REFUSED)
def test_bad_input_is_named(f, shapes, settings, words):
    with pytest.raises(ShapeError) as error:
        f(*map(np.ones, shapes), **settings)
    assert words in str(error.value)
