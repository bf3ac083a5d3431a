"""CIFAR-10: 50,000 + 10,000 colour images of 32 x 32 pixels in ten classes.

A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009; no licence is stated.
Two official formats: records of bytes, and Python pickles. A pickle can run any code, so the
latter are read by an unpickler that knows three names and builds nothing but records.
"""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from . import files
from .dataset import Dataset
from .files import Published
from .transforms import scale

__all__ = ["cifar10", "read_cifar10_binary", "read_cifar10_python"]

URL = "https://www.cs.toronto.edu/~kriz/"
ARCHIVE = Published(
    "cifar-10-binary.tar.gz",
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
CLASSES = 10
PIXELS = 3 * 32 * 32
Batch = tuple[np.ndarray, np.ndarray]


def cifar10(
    root: str | Path | None = None, *, images: bool = False, download: bool | None = None
) -> tuple[Dataset, Dataset]:
    """Return CIFAR-10's (train, test): x (N, 3072) float32 in [0, 1], y (N,) int64 labels 0 .. 9.

    Labels: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.
    root: folder with data_batch_1 .. 5 and test_batch in either official format, or one above it;
        plain or .gz. A folder with record files train*.bin and test*.bin is read as it is (a
        subset, unchecked). Default: MINNET_DATA, then ~/.cache/minnet.
    images: shape x as (N, 3, 32, 32), channels red, green, blue.
    download: fetch the binary archive (170 MB) if no files are found. Default: only without a root.
    Raises DataError if a file is missing, truncated, or not the published one.

    >>> train, test = cifar10("cifar-10-batches-bin", images=True)  # doctest: +SKIP
    """
    subset = _subset(root)
    if subset:
        parts = [[read_cifar10_binary(path) for path in paths] for paths in subset]
    else:
        paths, layout = _official(root, root is None if download is None else download)
        batches = [layout.read(*file) for file in zip(paths, layout.batches, strict=True)]
        parts = [batches[:-1], batches[-1:]]
    train, test = (_dataset(part, images) for part in parts)
    return train, test


def _dataset(batches: list[Batch], images: bool) -> Dataset:
    pixels, labels = map(np.concatenate, zip(*batches, strict=True))
    shape = (-1, 3, 32, 32) if images else (-1, PIXELS)
    return Dataset(scale(pixels.reshape(shape), 255), labels.astype(np.int64), CLASSES)


def _subset(root: str | Path | None) -> list[list[Path]]:
    if root is None:
        return []
    parts = [sorted(Path(root).expanduser().glob(f"{part}*.bin*")) for part in ("train", "test")]
    # The official test_batch.bin matches test*, but no official file matches train*.
    return parts if all(parts) else []


def _official(root: str | Path | None, download: bool) -> tuple[list[Path], Layout]:
    top = files.folders(root, "cifar10")
    missing = {}
    for layout in LAYOUTS:
        places = [folder / sub for folder in top for sub in ("", layout.folder)]
        found = {batch.name: files.find(places, batch.name) for batch in layout.batches}
        missing[layout.folder] = [name for name, path in found.items() if path is None]
        if not missing[layout.folder]:
            return [path for path in found.values() if path], layout
    if download:
        return _unpacked(top[0] / BINARY.folder), BINARY
    folder, names = min(missing.items(), key=lambda item: len(item[1]))
    raise DataError(
        f"cifar10 needs {', '.join(names)} in {top[0]} or in a folder {folder} below it (plain or "
        f".gz): unpack {URL}{ARCHIVE.name} there, or call with download=True."
    )


def _unpacked(folder: Path) -> list[Path]:
    """Fetch the archive and write its six batches; nothing else in it is looked at."""
    content = files.fetch([URL + ARCHIVE.name], folder / ARCHIVE.name, check=ARCHIVE.check)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for batch in BINARY.batches:
            member = archive.extractfile(f"{BINARY.folder}/{batch.name}")
            with files.replacing(folder / batch.name) as file:
                file.write(member.read())  # type: ignore[union-attr]
    return [folder / batch.name for batch in BINARY.batches]


def read_cifar10_binary(path: str | Path, published: Published | None = None) -> Batch:
    """Read records of 1 label byte + 3,072 pixel bytes (red, green, blue planes), plain or .gz.

    Returns pixels (N, 3072) uint8 and labels (N,) uint8.
    Raises DataError if the file is not whole records or a label exceeds 9.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "train.bin")
    ...     _ = path.write_bytes(bytes([6]) + bytes(3072))
    ...     pixels, labels = read_cifar10_binary(path)
    >>> pixels.shape, labels.tolist()
    ((1, 3072), [6])
    """
    content = files.read(path, published)
    if not content or len(content) % (1 + PIXELS):
        raise DataError(
            f"{path} must hold whole records of {1 + PIXELS:,} bytes, got {len(content):,} bytes: "
            "it is truncated or not in the CIFAR-10 binary format."
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, 1 + PIXELS)
    return _checked(records[:, 1:], records[:, 0], path)


def read_cifar10_python(path: str | Path, published: Published | None = None) -> Batch:
    """Read a pickled batch, a dict with b"data" and b"labels", without running what it names.

    Returns pixels (N, 3072) uint8 and labels (N,) int64.
    Raises DataError if the pickle names anything but a plain NumPy array, or holds another thing.

    >>> read_cifar10_python("cifar-10-batches-py/data_batch_1")  # doctest: +SKIP
    """
    content = files.read(path, published)
    try:
        batch = _Reader(io.BytesIO(content), encoding="bytes").load()
        batch = {_text(key): value for key, value in batch.items()}
        pixels = batch["data"].array()
        labels = _flat(batch["labels"])
    except Exception as error:              # a hostile pickle can fail in any way
        raise DataError(
            f"{path} is not a batch in the CIFAR-10 Python format: {error or type(error).__name__}."
        ) from error
    return _checked(pixels, labels, path)


def _flat(labels: Any) -> np.ndarray:
    """Lists that name each other many times over would make an array of any size: only numbers."""
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise ValueError("labels must be a list of integers")
    return np.array(labels, dtype=np.int64)


def _text(key: Any) -> str:
    return key.decode("ascii") if isinstance(key, bytes) else str(key)


def _checked(pixels: np.ndarray, labels: np.ndarray, path: str | Path) -> Batch:
    if pixels.ndim != 2 or pixels.shape[1] != PIXELS or labels.shape != pixels.shape[:1]:
        raise DataError(
            f"{path} must hold pixels (N, {PIXELS}) and labels (N,), got {pixels.shape} "
            f"and {labels.shape}."
        )
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise DataError(
            f"{path} must hold labels 0 .. {CLASSES - 1}, got {labels.min()} .. {labels.max()}: "
            "it is damaged or another data set."
        )
    return pixels, labels


class _Array:
    """Stands for numpy.ndarray in a pickle: keeps the state that NumPy would have been given."""

    def __init__(self, *ignored: Any) -> None:
        self.state: tuple = ()

    def __setstate__(self, state: tuple) -> None:
        self.state = state                  # (version, shape, dtype, Fortran order, bytes)

    def array(self) -> np.ndarray:
        """Build the array here, from checked parts: bytes, and as many as there are."""
        _, shape, dtype, fortran, content = self.state
        if dtype.name not in ("u1", b"u1") or not isinstance(content, bytes):
            raise ValueError(f"data must be unsigned bytes, got {dtype.name}")
        flat = np.frombuffer(content, dtype=np.uint8)
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


class _DType:
    """Stands for numpy.dtype in a pickle: keeps its name."""

    def __init__(self, name: Any, *ignored: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Byte order and fields mean nothing for single bytes."""


class _Reader(pickle.Unpickler):
    """An unpickler for which four names exist, none of them code: the rest is refused."""

    NAMES = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy._core.multiarray", "_reconstruct"): _Array,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _DType,
    }

    def find_class(self, module: str, name: str) -> type:
        """Called by pickle for every name in the file."""
        if (module, name) not in self.NAMES:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not data")
        return self.NAMES[module, name]


@dataclass(frozen=True)
class Layout:
    """An official format: its folder, its six files (the last one is the test part), its reader."""

    folder: str
    batches: tuple[Published, ...]
    read: Callable[[Path, Published], Batch]


BINARY = Layout(
    "cifar-10-batches-bin",
    tuple(
        Published(name, 30_730_000, digest)
        for name, digest in {
            "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        }.items()
    ),
    read_cifar10_binary,
)
PYTHON = Layout(
    "cifar-10-batches-py",
    tuple(
        Published(name, size, digest)
        for name, size, digest in (
            ("data_batch_1", 31_035_704, "c99cafc152244af753f735de768cd75f"),
            ("data_batch_2", 31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
            ("data_batch_3", 31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
            ("data_batch_4", 31_035_696, "634d18415352ddfa80567beed471001a"),
            ("data_batch_5", 31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
            ("test_batch", 31_035_526, "40351d587109b95175f43aff81a1287e"),
        )
    ),
    read_cifar10_python,
)
LAYOUTS = (BINARY, PYTHON)
