"""RandomAffine: the identity at zero, exact whole-pixel shifts, and nothing outside its ranges."""

import numpy as np
import pytest

from minnet import data, errors
from minnet.data.augment import RandomAffine


class Fixed:
    """A generator whose uniform draws are all the same."""

    def __init__(self, value):
        self.value = value

    def uniform(self, low, high, size):
        return np.full(size, float(self.value))


def test_zero_ranges_change_nothing(rng):
    x = rng.random((4, 3, 5, 7)).astype("float32")
    y = RandomAffine()(x, rng)
    assert y.dtype == np.float32 and np.array_equal(x, y) and not np.shares_memory(x, y)


def test_whole_pixels_shift_exactly(rng):
    x = rng.random((2, 1, 5, 6))
    y = RandomAffine(shift=1)(x, Fixed(1))                # pixel p shows what was at p + 1
    expected = np.zeros_like(x)
    expected[..., :-1, :-1] = x[..., 1:, 1:]
    assert np.allclose(y, expected)


def test_a_quarter_turn_is_a_rotation(rng):
    x = rng.random((1, 1, 5, 5))
    y = RandomAffine(rotate=90)(x, Fixed(1))
    assert np.allclose(y[0, 0], np.rot90(x[0, 0], -1)) or np.allclose(y[0, 0], np.rot90(x[0, 0]))
    assert not np.allclose(y, x)


def test_halves_are_interpolated():
    x = np.array([[[0.0, 4.0, 2.0]]])[None]
    y = RandomAffine(shift=0.5)(x.reshape(1, 1, 1, 3), Fixed(1))
    across = [2.0, 3.0, 1.0]                              # and half of it is lost downwards
    assert np.allclose(y.ravel(), np.array(across) / 2)


def test_stretching_shrinks_or_widens():
    x = np.zeros((1, 1, 9, 9))
    x[0, 0, 4, 2:7] = 1                                   # a bar of 5 pixels
    narrow, wide = (RandomAffine(stretch=0.4)(x, Fixed(sign)).sum() for sign in (1, -1))
    assert narrow < 5 < wide


def test_rows_are_images_and_each_gets_its_own_change(rng):
    x = np.tile(data.digits()[0].x[:1], (6, 1))
    move = RandomAffine(rotate=10, stretch=0.1, slant=0.1, shift=0.7, shape=(8, 8))
    y = move(x, rng)
    assert y.shape == (6, 64) and len({row.tobytes() for row in y}) == 6
    assert y.min() >= 0 and y.max() <= 1 + 1e-6
    assert np.array_equal(move(x, np.random.default_rng(1)), move(x, np.random.default_rng(1)))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: RandomAffine(shift=-1), errors.ValueRangeError),
        (lambda: RandomAffine(stretch=1), errors.ValueRangeError),
        (lambda: RandomAffine(rotate=np.nan), errors.ValueRangeError),
        (lambda: RandomAffine()(np.ones((3, 64)), None), errors.ShapeError),
        (lambda: RandomAffine(shape=(7, 8))(np.ones((3, 64)), None), errors.ShapeError),
    ],
)
def test_bad_settings_and_shapes_are_named(make, error):
    with pytest.raises(error, match="RandomAffine needs"):
        make()
