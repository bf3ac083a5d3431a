"""Metrics against naive loops."""

import numpy as np
import pytest

from minnet import errors, tensor
from minnet.train import accuracy, confusion_matrix, top_k_accuracy


@pytest.fixture
def pair(rng):
    return rng.normal(size=(40, 5)), rng.integers(5, size=40)


def test_top_k_counts_the_label_among_the_k_highest(pair):
    scores, y = pair
    for k in range(1, 6):
        naive = np.mean([t in np.argsort(-s)[:k] for s, t in zip(scores, y, strict=True)])
        assert top_k_accuracy(scores, y, k=k) == pytest.approx(naive)
    assert accuracy(scores, y) == top_k_accuracy(scores, y, k=1)
    assert top_k_accuracy(scores, y, k=5) == 1.0
    assert accuracy(tensor(scores), y) == accuracy(scores, y)


def test_ties_and_nan_count_against_the_label():
    assert top_k_accuracy(np.ones((2, 3)), np.array([0, 2]), k=2) == 0.0
    assert top_k_accuracy(np.full((2, 3), np.nan), np.array([0, 2]), k=2) == 0.0


NAN_ROWS = np.array([[np.nan] * 3, [np.nan, 2, 1], [3, np.nan, 1], [3, 2, np.nan], [3, 2, 1]])


@pytest.mark.parametrize("label", [0, 1, 2])
def test_a_row_with_nan_is_never_right(label):
    """NumPy's argmax of a row is its first NaN: no class is called by it, whatever the label."""
    y = np.full(5, label)
    assert accuracy(NAN_ROWS[:4], y[:4]) == 0
    assert accuracy(NAN_ROWS, y) == top_k_accuracy(NAN_ROWS, y, k=1) == (label == 0) / 5
    images = np.stack([NAN_ROWS, NAN_ROWS[::-1]], axis=2)         # (N, C, positions)
    assert accuracy(images, np.full((5, 2), label)) == (label == 0) / 5
    right = [k for k in range(5) if k == 4 or k and NAN_ROWS[k, label] == NAN_ROWS[k, label]]
    assert top_k_accuracy(NAN_ROWS, y, k=3) == len(right) / 5
    with pytest.raises(errors.ValueRangeError, match="confusion_matrix needs scores.*NaN"):
        confusion_matrix(NAN_ROWS, y)


def test_integer_and_infinite_scores_are_numbers():
    assert accuracy(np.array([[1, 2], [2, 1]]), np.array([1, 1])) == 0.5
    assert accuracy(np.array([[np.inf, 1], [-np.inf, 1]]), np.array([0, 1])) == 1


def test_confusion_rows_are_the_true_classes(pair):
    scores, y = pair
    naive = np.zeros((5, 5), int)
    for s, t in zip(scores, y, strict=True):
        naive[t, s.argmax()] += 1
    counts = confusion_matrix(scores, y)
    assert np.array_equal(counts, naive) and counts.trace() / 40 == accuracy(scores, y)
    assert not np.array_equal(counts, counts.T)


@pytest.mark.parametrize(
    ("metric", "scores", "y", "error", "words"),
    [
        (accuracy, np.ones((3, 2)), np.ones((3, 1), int), errors.ShapeError, r"\(3, 2\) and \(3,"),
        (accuracy, np.ones((0, 2)), np.zeros(0, int), errors.ShapeError, "at least one"),
        (confusion_matrix, np.ones((1, 2)), np.array([2]), errors.ValueRangeError, r"0\.\.1"),
        (top_k_accuracy, np.ones((1, 2)), np.array([1]), errors.ValueRangeError, "1 <= k <= 2"),
    ],
)
def test_what_does_not_fit_is_named(metric, scores, y, error, words):
    with pytest.raises(error, match=words):
        metric(scores, y)
