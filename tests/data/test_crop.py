"""RandomCrop: every image is a shifted or mirrored window of itself, with one square cut out."""

import numpy as np
import pytest

from minnet import data, errors
from minnet.data import RandomCrop


def test_without_changes_it_is_the_identity(rng):
    x = rng.random((4, 3, 5, 7)).astype("float32")
    y = RandomCrop(padding=0, flip=False)(x, rng)
    assert y.dtype == x.dtype and np.array_equal(x, y) and not np.shares_memory(x, y)


def test_every_image_is_a_window_of_its_reflection(rng):
    """All shifts and both directions occur, and nothing else."""
    x = rng.random((200, 2, 6, 5))
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="reflect")
    found = set()
    for image, wide in zip(RandomCrop(padding=2)(x, rng), padded, strict=True):
        windows = {
            (i, j, way): wide[:, i : i + 6, j : j + 5][:, :, ::way]
            for i in range(5) for j in range(5) for way in (1, -1)
        }  # fmt: skip
        matches = [key for key, window in windows.items() if np.array_equal(window, image)]
        assert matches                                   # a palindrome matches both ways
        found |= set(matches if len(matches) == 1 else ())
    assert {i for i, _, _ in found} == set(range(5)) and {j for _, j, _ in found} >= {1, 2, 3}
    assert {way for _, _, way in found} == {1, -1}


def test_a_square_is_cut_out(rng):
    y = RandomCrop(padding=1, cutout=3)(np.ones((50, 2, 8, 9)), rng)
    assert (y.sum(axis=(1, 2, 3)) == 2 * (72 - 9)).all()
    assert ((y[:, 0] == 0).any(axis=2).sum(axis=1) == 3).all()
    assert len({tuple(np.argwhere(image == 0)[0]) for image in y[:, 0]}) > 20
    whole = RandomCrop(padding=0, cutout=20)(np.ones((2, 1, 4, 4)), rng)
    assert (whole == 0).all()


def test_the_same_seed_gives_the_same_batches():
    points = data.Dataset(np.random.default_rng(0).random((20, 3, 8, 8)), np.arange(20))
    batches = [
        list(data.Loader(points, batch_size=8, transform=RandomCrop(cutout=2), rng=5))
        for _ in range(2)
    ]
    for (x, y), (x_again, y_again) in zip(*batches, strict=True):
        assert np.array_equal(x, x_again) and np.array_equal(y, y_again)


@pytest.mark.parametrize(("settings", "shape", "error"), [
    ({"padding": -1}, (1, 1, 8, 8), errors.ValueRangeError),
    ({"cutout": -1}, (1, 1, 8, 8), errors.ValueRangeError),
    ({}, (8, 8), errors.ShapeError),
    ({"padding": 4}, (1, 1, 4, 8), errors.ShapeError),
])  # fmt: skip
def test_bad_input(settings, shape, error, rng):
    with pytest.raises(error, match="RandomCrop needs"):
        RandomCrop(**settings)(np.ones(shape), rng)
