"""Relative error, bands, and the verdict's inequality."""

import warnings

import numpy as np
import pytest

import gradcheck as gc
from gradcheck.tolerance import Band, matches


@pytest.mark.parametrize(
    "a, n, expected",
    [
        (0, 0, 0),
        (0, 3, 1),
        (-3, 0, 1),
        (1, -1, 2),
        (1e-5, 1.0001e-5, 1e-4),
        (1e300, -1e300, 2),
        (5e-324, 0, 1),
    ],
)
def test_relative_error_max_form(a, n, expected):
    """A04, A05, G2, G3: symmetric, both zero is 0, no warnings, scale-free."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            gc.relative_error(a, n) == gc.relative_error(n, a) == pytest.approx(expected, rel=1e-4)
        )


def test_sum_form_is_between_half_and_whole_of_the_max_form():
    """0.2: sum <= max-form <= 2 sum."""
    a, n = gc.randn(1000), gc.randn(1000, rng=1)
    largest, total = gc.relative_error(a, n), gc.relative_error(a, n, mode="sum")
    assert np.all(total <= largest) and np.all(largest <= 2 * total * (1 + 1e-15))
    assert gc.relative_error(0, 0, mode="sum") == 0


def test_nan_is_an_error_and_never_a_match():
    assert np.isnan(gc.relative_error(np.nan, 1.0))
    for a, n, u in [(np.nan, 1, 0), (1, np.nan, 0), (1, 1, np.nan), (np.inf, np.inf, 0)]:
        assert not matches(np.float64(a), np.float64(n), np.float64(u), tol=1e-7, scale=1.0)


@pytest.mark.parametrize(
    "error, kinks, name",
    [
        (1.1e-2, False, "WRONG"),
        (1e-2, False, "UNCOMFORTABLE"),
        (1.1e-4, True, "UNCOMFORTABLE"),
        (1e-4, True, "OK"),
        (1e-4, False, "TOO_HIGH"),
        (1e-5, True, "OK"),
        (1.1e-7, False, "TOO_HIGH"),
        (1e-7, False, "HAPPY"),
        (0.0, True, "HAPPY"),
        (np.nan, True, "WRONG"),
        (np.inf, False, "WRONG"),
    ],
)
def test_bands(error, kinks, name):
    """A07, G4: the boundaries, and the same error judged with and without kinks."""
    assert gc.band(error, kinks=kinks) is Band[name]


def test_unknown_mode():
    with pytest.raises(gc.InputError, match="'max' or 'sum'"):
        gc.relative_error(1, 2, mode="mean")
