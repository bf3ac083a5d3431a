"""Text for character-level models: reading, a vocabulary, windows of inputs and targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError, DTypeError, ShapeError, ValueRangeError
from . import files
from .dataset import Dataset
from .files import Published

__all__ = ["Vocabulary", "names", "read_text", "shakespeare", "windows"]

SHAKESPEARE = Published(
    "tinyshakespeare.txt",
    1_115_394,
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)
NAMES = Published(
    "names.txt", 228_145, "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"
)
GITHUB = "https://raw.githubusercontent.com/karpathy/"
ADDRESSES = {
    SHAKESPEARE.name: [GITHUB + "char-rnn/master/data/tinyshakespeare/input.txt"],
    NAMES.name: [GITHUB + "makemore/master/names.txt"],
}


def read_text(path: str | Path) -> str:
    """Read a UTF-8 text file, plain or .gz; raise DataError if it is missing or not UTF-8.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.txt").write_bytes("déjà vu".encode())
    ...     read_text(Path(folder, "a.txt"))
    'déjà vu'
    """
    return _decoded(files.read(path), path)


def shakespeare(root: str | Path | None = None, *, download: bool | None = None) -> str:
    """Return the 1,115,394 characters of "tiny Shakespeare" (public domain, A. Karpathy's choice).

    root: folder with tinyshakespeare.txt. Default: MINNET_DATA, then ~/.cache/minnet.
    download: fetch it (1.1 MB) if missing. Default: only when no root is given.

    >>> shakespeare("shared/data/text")[:13]  # doctest: +SKIP
    'First Citizen'
    """
    return _published(SHAKESPEARE, root, download)


def names(root: str | Path | None = None, *, download: bool | None = None) -> list[str]:
    """Return 32,033 lower-case first names (A. Karpathy's makemore, MIT), most frequent first.

    root, download: as in shakespeare(), for names.txt.

    >>> names("shared/data/text")[:3]  # doctest: +SKIP
    ['emma', 'olivia', 'ava']
    """
    return _published(NAMES, root, download).split()


def _published(file: Published, root: str | Path | None, download: bool | None) -> str:
    download = root is None if download is None else download
    places = files.folders(root, "text")
    (path,) = files.obtain([file], places, urls=ADDRESSES.__getitem__, download=download)
    return _decoded(files.read(path, file), path)


def _decoded(content: bytes, path: str | Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}.") from error


class Vocabulary:
    """The distinct characters of a text in code-point order; a character's number is its place.

    >>> vocabulary = Vocabulary("hello")
    >>> vocabulary.characters, len(vocabulary)
    ('ehlo', 4)
    >>> vocabulary.encode("hole").tolist(), vocabulary.decode([1, 3, 2, 0])
    ([1, 3, 2, 0], 'hole')
    """

    def __init__(self, text: str) -> None:
        if not text:
            raise ShapeError("Vocabulary needs at least one character, got an empty text.")
        self.characters = "".join(sorted(set(text)))
        self._codes = _code_points(self.characters)

    def __len__(self) -> int:
        return len(self.characters)

    def __repr__(self) -> str:
        return f"Vocabulary({self.characters!r})"

    def encode(self, text: str) -> np.ndarray:
        """Return the characters' numbers, (len(text),) int64; ValueRangeError for unknown ones.

        >>> Vocabulary("ab").encode("abc")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        minnet.errors.ValueRangeError: Vocabulary.encode knows 2 characters, got 'c' at ...
        """
        codes = _code_points(text)
        ids = np.searchsorted(self._codes, codes).clip(max=len(self) - 1)
        unknown = self._codes[ids] != codes
        if unknown.any():
            k = int(unknown.argmax())
            raise ValueRangeError(
                f"Vocabulary.encode knows {len(self)} characters, got {text[k]!r} at position {k}: "
                "build the vocabulary from a text that contains it."
            )
        return ids

    def decode(self, ids: np.ndarray | list[int]) -> str:
        """Return the text of a sequence of numbers; ValueRangeError unless all are 0 .. len-1.

        >>> Vocabulary("ab").decode(np.array([1, 0, 1]))
        'bab'
        """
        ids = _integers(ids, "Vocabulary.decode")
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self):
            raise ValueRangeError(
                f"Vocabulary.decode needs numbers 0 .. {len(self) - 1}, "
                f"got {ids.min()} .. {ids.max()}."
            )
        return "".join(self.characters[i] for i in ids.tolist())


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def windows(ids: np.ndarray, length: int, *, streams: int = 1) -> Dataset:
    """Cut a sequence into windows x and their targets y, the same window one step later.

    ids: (M,) integers.   length: T steps per window.   Returns x, y of shape (N, T), to be read by
    recurrent layers with batch_first=True; windows do not overlap, and up to streams*T trailing
    steps are dropped.
    streams: cut the sequence into B equal parts and list the first windows of all parts, then the
    second ones, ...: Loader(windows(ids, T, streams=B), batch_size=B, shuffle=False) then gives
    batches that each continue the previous one row by row, for a carried recurrent state.
    Raises ShapeError if the sequence is too short for one window per stream.

    >>> x, y = windows(np.arange(7), 3)
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    >>> windows(np.arange(9), 2, streams=2).x.tolist()
    [[0, 1], [4, 5], [2, 3], [6, 7]]
    """
    ids = _integers(ids, "windows")
    if ids.ndim != 1 or length < 1 or streams < 1 or len(ids) <= streams * length:
        raise ShapeError(
            f"windows(length={length}, streams={streams}) needs ids of shape (M,) with "
            f"M > streams*length >= 1, got {ids.shape}: take a shorter length or a longer text."
        )
    steps = (len(ids) - 1) // (streams * length)
    cut = lambda a: (
        a[: streams * steps * length]
        .reshape(streams, steps, length)
        .swapaxes(0, 1)
        .reshape(-1, length)
    )
    return Dataset(cut(ids[:-1]), cut(ids[1:]))


def _integers(ids: np.ndarray | list[int], owner: str) -> np.ndarray:
    ids = np.asarray(ids, dtype=np.int64) if isinstance(ids, list) and not ids else np.asarray(ids)
    if ids.dtype.kind not in "iu":
        raise DTypeError(f"{owner} needs integers, got {ids.dtype}: encode the text first.")
    return ids
