"""Copies: copies of many arrays side by side, in memory that is used again."""

import numpy as np
import pytest

from minnet.train.rows import LARGE, Copies, lengths, places, stacked


def test_a_row_has_all_numbers_in_c_order():
    a, b = np.arange(6.0).reshape(2, 3), np.array([7.0])
    row = Copies().copy([a.T, b])
    assert row.tolist() == [0, 3, 1, 4, 2, 5, 7]
    assert [row[part].size for part in places([6, 1])] == [6, 1]
    row[:] = 0
    assert a.sum() == 15 and Copies().copy([]).size == 0


@pytest.mark.parametrize(
    ("count", "dtype", "reused"),
    [(LARGE, "float32", True), (LARGE, "float64", False), (LARGE + 1, "float32", False)],
)
def test_memory_of_a_large_row_is_used_again_for_one_of_its_kind(count, dtype, reused):
    rows = Copies()
    first = rows.copy([np.ones(LARGE, "float32")])
    assert not np.shares_memory(first, rows.copy([np.ones(LARGE, "float32")]))   # still needed
    rows.give_back([first])
    second = rows.copy([np.full(count, 2, dtype)])
    assert (second == 2).all() and second.dtype == dtype
    assert np.shares_memory(first, second) == reused
    assert not np.shares_memory(second, rows.copy([np.ones(count, dtype)]))


def test_small_rows_are_left_to_the_allocator():
    rows = Copies()
    rows.give_back([rows.copy([np.ones(3)])])
    assert not rows._free


def test_rows_of_several_samples(rng):
    rows = [rng.normal(size=5) for _ in range(3)]
    np.testing.assert_allclose(lengths(stacked(rows)), [np.linalg.norm(r) for r in rows])
    assert np.shares_memory(stacked(rows[:1]), rows[0])
