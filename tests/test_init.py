"""Initialisers: moments, bounds, seeds, and what they refuse."""

import math

import numpy as np
import pytest

from minnet import init
from minnet.errors import DTypeError, ShapeError, ValueRangeError

SHAPE = (300, 200)
FILTERS = (40, 30, 3, 5)                           # (n_out, n_in, height, width)
RANDOM = [
    init.normal, init.uniform, init.xavier_uniform, init.xavier_normal, init.kaiming_uniform,
    init.kaiming_normal, init.orthogonal, init.truncated_normal,
]
DEVIATIONS = [                                     # (initialiser, settings, shape, deviation)
    (init.normal, {"std": 0.3}, SHAPE, 0.3),
    (init.uniform, {"low": -2.0, "high": 4.0}, SHAPE, 6 / math.sqrt(12)),
    (init.xavier_uniform, {}, SHAPE, math.sqrt(2 / 500)),
    (init.xavier_normal, {"gain": 5 / 3}, SHAPE, 5 / 3 * math.sqrt(2 / 500)),
    (init.xavier_normal, {}, FILTERS, math.sqrt(2 / (15 * 70))),
    (init.kaiming_uniform, {}, SHAPE, math.sqrt(2 / 300)),
    (init.kaiming_normal, {}, SHAPE, math.sqrt(2 / 300)),
    (init.kaiming_normal, {"mode": "fan_out"}, SHAPE, math.sqrt(2 / 200)),
    (init.kaiming_normal, {"nonlinearity": "tanh"}, SHAPE, 5 / 3 / math.sqrt(300)),
    (init.kaiming_normal, {"nonlinearity": "leaky_relu", "a": 1.0}, SHAPE, 1 / math.sqrt(300)),
    (init.kaiming_uniform, {}, FILTERS, math.sqrt(2 / 450)),
    (init.kaiming_uniform, {"mode": "fan_out"}, FILTERS, math.sqrt(2 / 600)),
    (init.orthogonal, {"gain": 2.0}, SHAPE, 2 / math.sqrt(300)),
    (init.truncated_normal, {"std": 0.5}, SHAPE, 0.5 * 0.8796256610342398),
]


@pytest.mark.parametrize(("f", "settings", "shape", "std"), DEVIATIONS)
def test_deviation_is_the_formulas(f, settings, shape, std):
    """The sample deviation lies within five of its own standard errors of the published value."""
    w = f(shape, rng=0, dtype="float64", **settings)
    middle = 1.0 if f is init.uniform else 0.0
    assert w.shape == shape
    assert abs(w.std() / std - 1) < 5 / math.sqrt(2 * w.size)
    assert abs(w.mean() - middle) < 5 * std / math.sqrt(w.size)


@pytest.mark.parametrize("f", RANDOM)
def test_seeds_dtypes_and_generators(f):
    w = f((20, 10), rng=3)
    assert w.dtype == "float32" and w.flags.writeable
    assert np.array_equal(w, f((20, 10), rng=3))
    rng = np.random.default_rng(3)
    assert np.array_equal(w, f((20, 10), rng=rng)) and not np.array_equal(w, f((20, 10), rng=rng))
    assert not np.array_equal(f((20, 10)), f((20, 10)))
    assert f((20, 10), rng=0, dtype="float64").dtype == "float64"


def test_uniform_bounds_hold():
    for f, bound in ((init.xavier_uniform, 6 / 500), (init.kaiming_uniform, 6 / 300)):
        w = f(SHAPE, rng=0, dtype="float64")
        assert 0.99 * math.sqrt(bound) < abs(w).max() <= math.sqrt(bound)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (4, 2, 3)])
def test_orthogonal_rows_or_columns(shape):
    w = init.orthogonal(shape, gain=1.5, rng=0, dtype="float64").reshape(shape[0], -1) / 1.5
    n, m = w.shape
    gram = w.T @ w if n >= m else w @ w.T
    assert abs(gram - np.eye(min(n, m))).max() < 1e-14


def test_orthogonal_is_uniform_not_signed():
    """Without the sign correction the first entry of QR's Q would be negative every time."""
    rng = np.random.default_rng(0)
    positive = [init.orthogonal((3, 3), rng=rng)[0, 0] > 0 for _ in range(400)]
    assert abs(np.mean(positive) - 0.5) < 4 * 0.5 / math.sqrt(400)


def test_truncated_normal_stays_inside():
    for bound in (0.1, 1.0, 2.0):
        w = init.truncated_normal((2000,), mean=3.0, std=0.5, bound=bound, rng=0, dtype="float64")
        assert abs(w - 3).max() <= 0.5 * bound and abs(w - 3).max() > 0.49 * bound
    assert init.truncated_normal((0, 3), rng=0).shape == (0, 3)


def test_constants_and_gains():
    assert init.zeros((2, 2)).tolist() == [[0, 0], [0, 0]] and init.ones((1,)).tolist() == [1]
    assert init.constant((2,), -3, dtype="float64").tolist() == [-3, -3]
    gains = {"linear": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    assert {name: init.calculate_gain(name) for name in gains} == gains
    assert init.calculate_gain("leaky_relu", a=0.5) == pytest.approx(math.sqrt(1.6))
    assert init.fans((3, 5)) == (3, 5) and init.fans(FILTERS) == (450, 600)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda rng: init.kaiming_normal((3,), rng=rng), ShapeError, r"axes, got \(3,\)"),
        (lambda rng: init.orthogonal((3,), rng=rng), ShapeError, "two or more axes"),
        (lambda rng: init.kaiming_normal((3, 2), mode="in", rng=rng), ValueRangeError, "got 'in'"),
        (
            lambda rng: init.kaiming_uniform((3, 2), nonlinearity="relo", rng=rng),
            ValueRangeError,
            "knows linear.*got 'relo'",
        ),
        (lambda rng: init.normal((3,), std=-1, rng=rng), ValueRangeError, "std of at least 0"),
        (lambda rng: init.uniform((3,), low=2, high=1, rng=rng), ValueRangeError, "low <= high"),
        (lambda rng: init.truncated_normal((3,), bound=0, rng=rng), ValueRangeError, "bound >="),
        *[
            (lambda rng, f=f: f((3, 2), rng=rng, dtype=int), DTypeError, "floating-point dtype")
            for f in RANDOM
        ],
    ],
)
def test_bad_settings_draw_nothing(make, error, text):
    rng = np.random.default_rng(0)
    with pytest.raises(error, match=text):
        make(rng)
    assert rng.random() == np.random.default_rng(0).random()
