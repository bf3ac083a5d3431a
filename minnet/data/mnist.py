"""MNIST: 60,000 + 10,000 handwritten digits of 28 x 28 pixels, in the idx format.

Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"; CC BY-SA 3.0 as
commonly stated. Files are named as published; two mirrors serve the original .gz files.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from ..errors import DataError
from . import files
from .dataset import Dataset
from .files import Published
from .transforms import scale

__all__ = ["mnist", "read_idx"]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TRAIN = (
    Published(
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    Published(
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
)
TEST = (
    Published(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    Published(
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


def mnist(
    root: str | Path | None = None, *, images: bool = False, download: bool | None = None
) -> tuple[Dataset, Dataset]:
    """Return MNIST's (train, test): x (N, 784) float32 in [0, 1], y (N,) int64 labels 0 .. 9.

    root: folder with the four files, plain or .gz. Default: MINNET_DATA, then ~/.cache/minnet.
    images: shape x as (N, 1, 28, 28).
    download: fetch missing files (11 MB). Default: only when no root is given.
    Raises DataError if a file is missing, truncated, or not the published one.

    >>> train, test = mnist("shared/data/mnist")  # doctest: +SKIP
    >>> train  # doctest: +SKIP
    Dataset(60000 examples: x float32 (60000, 784), y int64 (60000,), 10 classes)
    """
    paths = files.obtain(
        TRAIN + TEST,
        files.folders(root, "mnist"),
        urls=lambda name: [mirror + name + ".gz" for mirror in MIRRORS],
        download=root is None if download is None else download,
    )
    return _dataset(paths[:2], TRAIN, images), _dataset(paths[2:], TEST, images)


def _dataset(paths: list[Path], published: tuple[Published, ...], images: bool) -> Dataset:
    pixels, labels = map(read_idx, paths, published)
    shape = (-1, 1, 28, 28) if images else (-1, 28 * 28)
    return Dataset(scale(pixels.reshape(shape), 255), labels.astype(np.int64), 10)


def read_idx(path: str | Path, published: Published | None = None) -> np.ndarray:
    """Read an idx file of unsigned bytes, plain or .gz, as a read-only uint8 array.

    Format: bytes 0, 0, 8 (unsigned byte), number of axes; each axis as a big-endian 32-bit
    integer; the elements, last axis fastest. Fashion-MNIST, KMNIST and EMNIST come in it too.
    Raises DataError if the file is not of this format, or shorter or longer than it says.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "tiny-idx2-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]))
    ...     read_idx(path)
    array([[7, 8, 9]], dtype=uint8)
    """
    content = files.read(path, published)
    if len(content) < 4 or content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise DataError(
            f"{path} is not an idx file of unsigned bytes: it begins with {content[:4].hex(' ')}, "
            "expected 00 00 08 and the number of axes."
        )
    axes = content[3]
    shape = struct.unpack_from(f">{axes}I", content, 4)
    if len(content) != 4 + 4 * axes + math.prod(shape):
        raise DataError(
            f"{path} declares {shape}, {math.prod(shape):,} bytes, and holds "
            f"{len(content) - 4 - 4 * axes:,}: it is truncated or damaged."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)
