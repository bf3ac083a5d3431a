"""The container, its split, the preprocessing helpers and the synthetic sets."""

import dataclasses

import numpy as np
import pytest

from minnet.data import Dataset, Standardizer, blobs, digits, line, moons, one_hot, scale, spiral
from minnet.errors import DTypeError, ShapeError, ValueRangeError


def test_dataset_unpacks_indexes_and_is_frozen():
    d = Dataset(np.arange(10.0).reshape(5, 2), [0, 1, 0, 1, 0], classes=2)
    x, y = d
    assert x is d.x and y is d.y and len(d) == 5
    assert np.shares_memory(d[1:3].x, d.x) and d[1:3].classes == 2
    assert d[[4, 0]].x.tolist() == [[8, 9], [0, 1]] and len(d[d.y == 1]) == 2
    row, label = d[-1]
    assert row.tolist() == [8, 9] and label == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        d.x = x


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("stratify", [False, True])
def test_split_parts_are_disjoint_complete_and_in_order(fraction, stratify):
    d = Dataset(np.arange(60.0), np.arange(60) % 3, classes=3)
    first, rest = d.split(fraction, stratify=stratify, rng=0)
    assert len(first) == round(60 * fraction)
    assert sorted([*first.x, *rest.x]) == d.x.tolist()
    assert np.all(np.diff(first.x) > 0) and np.all(np.diff(rest.x) > 0)
    assert np.array_equal(first.x % 3, first.y) and first.classes == 3
    again, _ = d.split(fraction, stratify=stratify, rng=0)
    other, _ = d.split(fraction, stratify=stratify, rng=1)
    assert np.array_equal(first.x, again.x) and not np.array_equal(first.x, other.x)


def test_stratified_split_keeps_the_share_of_every_label():
    train, val = digits()[0].split(0.8, stratify=True, rng=0)
    shares = np.bincount(val.y) / (np.bincount(val.y) + np.bincount(train.y))
    assert np.all(np.abs(shares - 0.2) < 0.002)
    plain = np.bincount(digits()[0].split(0.8, rng=0)[1].y) / np.bincount(digits()[0].y)
    assert np.any(np.abs(plain - 0.2) > 0.005), "an unstratified split would pass: no proof"


def test_standardizer_uses_the_training_part_alone(rng):
    """Statistics of the training part give it mean 0 and std 1; the other part keeps its shift."""
    train, test = rng.normal(3, 2, (500, 4)), rng.normal(5, 2, (500, 4))
    train[:, 0] = 7.0                                    # a feature that never varies
    standardize = Standardizer.fit(train)
    z = standardize(train)
    assert np.allclose(z.mean(axis=0), 0) and np.allclose(z.std(axis=0)[1:], 1)
    assert np.all(z[:, 0] == 0)
    assert np.all(standardize(test).mean(axis=0)[1:] > 0.7)
    assert np.allclose(standardize.inverse(z), train)


def test_standardizer_per_channel_and_dtype(rng):
    x = rng.normal([1.0, 2.0, 3.0], 1, (50, 8, 8, 3)).transpose(0, 3, 1, 2).astype(np.float32)
    kept = x.copy()
    z = Standardizer.fit(x, axis=(0, 2, 3))(x)
    assert z.dtype == np.float32 and np.array_equal(x, kept)
    assert np.allclose(z.mean(axis=(0, 2, 3)), 0, atol=1e-5)


def test_map_keeps_targets():
    d = Dataset([[1.0], [2.0]], [0, 1], classes=2).map(lambda x: x + 1)
    assert d.x.tolist() == [[2], [3]] and d.y.tolist() == [0, 1] and d.classes == 2


def test_one_hot_and_scale():
    y = np.array([[0, 2], [1, 1]])
    assert np.array_equal(one_hot(y, 3).argmax(axis=-1), y) and one_hot(y, 3).sum() == 4
    pixels = np.arange(256, dtype=np.uint8)
    assert scale(pixels, 255).dtype == np.float32
    assert np.allclose(scale(pixels, 255), np.arange(256) / 255, rtol=1e-7)


SETS = {
    "spiral": (lambda rng: spiral(40, classes=4, rng=rng), (160, 2), 4),
    "moons": (lambda rng: moons(40, rng=rng), (80, 2), 2),
    "blobs": (lambda rng: blobs(40, classes=5, features=3, rng=rng), (200, 3), 5),
    "line": (lambda rng: line(40, rng=rng), (40, 1), None),
}


@pytest.mark.parametrize("name", SETS)
def test_synthetic_sets_are_seeded_balanced_float32(name):
    make, shape, classes = SETS[name]
    d = make(0)
    assert d.x.shape == shape and d.x.dtype == np.float32 and d.classes == classes
    assert np.array_equal(d.x, make(0).x) and not np.array_equal(d.x, make(1).x)
    if classes:
        assert np.bincount(d.y).tolist() == [40] * classes and d.y.dtype == np.int64


def test_spiral_and_moons_without_noise_lie_on_their_curves():
    x, y = spiral(30, classes=3, noise=0)
    r = np.tile(np.linspace(0, 1, 30), 3)
    assert np.allclose(np.hypot(*x.T), r, atol=1e-6)
    angle = 2 * np.pi * y / 3 + 4 * r
    assert np.allclose(x[:, 0], r * np.sin(angle), atol=1e-6)
    x, y = moons(30, noise=0)
    assert np.allclose(np.hypot(*x[y == 0].T), 1, atol=1e-6)
    assert np.allclose(np.hypot(*(x[y == 1] - [1, 0.5]).T), 1, atol=1e-6)


def test_line_is_recovered_by_least_squares():
    x, y = line(2000, slope=-3, intercept=0.5, noise=0.1, rng=0)
    slope, intercept = np.polyfit(x[:, 0], y[:, 0], 1)
    assert abs(slope + 3) < 0.02 and abs(intercept - 0.5) < 0.02


def regression():
    return Dataset(np.zeros((4, 1)), np.zeros(4))


BAD = {
    "fraction 0": (lambda: regression().split(0), ValueRangeError, "0 < fraction < 1, got 0"),
    "fraction 1": (lambda: regression().split(1.0), ValueRangeError, "got 1.0"),
    "fraction nan": (lambda: regression().split(np.nan), ValueRangeError, "got nan"),
    "empty part": (lambda: regression().split(0.01), ValueRangeError, "one part empty"),
    "stratify": (lambda: regression().split(0.5, stratify=True), DTypeError, "integer labels"),
    "one hot": (lambda: one_hot(np.array([0, 3]), 3), ValueRangeError, "got 3 at row 1"),
    "one hot float": (lambda: one_hot(np.array([0.0]), 3), DTypeError, "integer labels"),
    "standardize int": (lambda: Standardizer.fit(np.zeros((2, 2), int)), DTypeError, "floating"),
    "standardize none": (lambda: Standardizer.fit(np.zeros((0, 2))), ShapeError, "one example"),
    "standardize nan": (lambda: Standardizer.fit(np.array([np.nan])), ValueRangeError, "finite"),
    "no points": (lambda: spiral(0), ValueRangeError, "spiral needs n"),
    "noise": (lambda: moons(3, noise=np.nan), ValueRangeError, "noise=nan"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_reason(name):
    make, error, text = BAD[name]
    with pytest.raises(error, match=text):
        make()
