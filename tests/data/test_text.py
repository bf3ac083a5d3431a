"""Characters, vocabularies and windows for language models."""

import numpy as np
import pytest

from minnet.data import Loader, Vocabulary, names, read_text, shakespeare, windows
from minnet.errors import DataError, DTypeError, ShapeError, ValueRangeError

TEXT = "Größe, 猫 and 🙂: any character is one character.\n"


def test_vocabulary_round_trip_beyond_ascii():
    vocabulary = Vocabulary(TEXT)
    ids = vocabulary.encode(TEXT)
    assert ids.dtype == np.int64 and ids.shape == (len(TEXT),)
    assert vocabulary.decode(ids) == TEXT
    assert ids.min() == 0 and ids.max() == len(vocabulary) - 1 == len(set(TEXT)) - 1
    assert vocabulary.characters == Vocabulary(vocabulary.characters).characters
    assert vocabulary.encode("").shape == (0,) and vocabulary.decode([]) == ""


@pytest.mark.parametrize("length, streams", [(1, 1), (4, 1), (5, 3), (7, 2)])
def test_windows_shift_by_one_and_streams_continue(length, streams):
    """Targets are the next step; batch k+1 of a stream goes on where batch k ended."""
    ids = np.arange(100)
    x, y = windows(ids, length, streams=streams)
    assert np.array_equal(y, x + 1)
    assert np.unique(x).size == x.size, "no step occurs in two windows"
    assert x.size > 99 - streams * length
    batches = [x for x, _ in Loader((x, y), batch_size=streams, shuffle=False)]
    for before, after in zip(batches, batches[1:], strict=False):
        assert np.array_equal(after[:, 0], before[:, -1] + 1)


BAD = {
    "unknown": (lambda: Vocabulary("ab").encode("abXb"), ValueRangeError, "'X' at position 2"),
    "beyond": (lambda: Vocabulary("ab").encode("\U0001f642"), ValueRangeError, "at position 0"),
    "decode": (lambda: Vocabulary("ab").decode([0, 2]), ValueRangeError, "0 .. 1, got 0 .. 2"),
    "decode -1": (lambda: Vocabulary("ab").decode([-1]), ValueRangeError, "got -1"),
    "decode float": (lambda: Vocabulary("ab").decode([0.0]), DTypeError, "needs integers"),
    "empty": (lambda: Vocabulary(""), ShapeError, "empty text"),
    "short": (lambda: windows(np.arange(4), 4), ShapeError, "longer text"),
    "length": (lambda: windows(np.arange(4), 0), ShapeError, "length=0"),
    "matrix": (lambda: windows(np.zeros((4, 4), int), 2), ShapeError, r"\(4, 4\)"),
    "floats": (lambda: windows(np.zeros(4), 2), DTypeError, "encode the text"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_reason(name):
    make, error, text = BAD[name]
    with pytest.raises(error, match=text):
        make()


def test_read_text_refuses_other_encodings(tmp_path):
    (tmp_path / "latin.txt").write_bytes("Größe".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_text(tmp_path / "latin.txt")


def test_published_texts(real_data):
    text = shakespeare()
    assert len(text) == 1_115_394 and text.startswith("First Citizen:")
    assert len(Vocabulary(text)) == 65
    people = names(real_data / "text")
    assert len(people) == 32_033 and people[:2] == ["emma", "olivia"]
    assert len(Vocabulary("".join(people))) == 26
