"""The bundled digits: 5,620 handwritten digits of 8 x 8 pixels, no download needed.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, Bogazici University, 1998;
UCI Machine Learning Repository, doi:10.24432/C50P49, licence CC BY 4.0. The 64 counts 0 .. 16 of
each row and its label are unchanged; only the file format differs (digits.npz, integers of a byte).
30 people wrote the training part, 13 others the test part.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

from ..errors import DataError
from . import files
from .dataset import Dataset
from .transforms import scale

__all__ = ["digits"]

PATH = Path(__file__).with_name("digits.npz")
SHA256 = "3ec8e42fc84dcd1331e3178ceac8ab51dfa0e753d4680138b6698884029e2592"
PARTS = ("x_train", "y_train", "x_test", "y_test")


def digits(*, images: bool = False) -> tuple[Dataset, Dataset]:
    """Return the digits' official (train, test) of 3,823 and 1,797 examples by different writers.

    x: (N, 64) float32 in [0, 1], ink per 4 x 4 block of the scan; images: (N, 1, 8, 8).
    y: (N,) int64 labels 0 .. 9.
    Source: Alpaydin & Kaynak 1998, "Cascading classifiers", Kybernetika 34(4).

    >>> train, test = digits()
    >>> train
    Dataset(3823 examples: x float32 (3823, 64), y int64 (3823,), 10 classes)
    >>> digits(images=True)[1].x.shape
    (1797, 1, 8, 8)
    """
    x_train, y_train, x_test, y_test = _arrays()
    return _dataset(x_train, y_train, images), _dataset(x_test, y_test, images)


def _dataset(counts: np.ndarray, labels: np.ndarray, images: bool) -> Dataset:
    shape = (-1, 1, 8, 8) if images else (-1, 64)
    return Dataset(scale(counts.reshape(shape), 16), labels.astype(np.int64), 10)


def _arrays() -> list[np.ndarray]:
    """Read the four uint8 arrays and compare their SHA-256 with the one they were made with."""
    try:
        with np.load(io.BytesIO(files.read(PATH)), allow_pickle=False) as archive:
            arrays = [archive[name] for name in PARTS]
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{PATH} is damaged ({error}): install minnet again.") from error
    if checksum(arrays) != SHA256:
        raise DataError(f"{PATH} holds other numbers than were published: install minnet again.")
    return arrays


def checksum(arrays: list[np.ndarray]) -> str:
    """Return the SHA-256 of the arrays' bytes, one after the other.

    >>> checksum([np.zeros(2, np.uint8)]) == hashlib.sha256(bytes(2)).hexdigest()
    True
    """
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()
