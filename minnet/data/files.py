"""Data files: where they lie, how they are read, checked, fetched and written. One home.

A folder is looked for in this order: the ``root`` argument, the environment variable MINNET_DATA,
``~/.cache/minnet``. A file may be plain or gzipped; its size and checksum are those of the
decompressed content, so a recompressed copy is as good as the published one.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import os
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import DataError

__all__ = ["Published", "fetch", "find", "folders", "obtain", "read", "replacing"]

MAX_BYTES = 1 << 30                     # no file of ours is larger: a guard against gzip bombs
TIMEOUT = 30                            # seconds without an answer before the next mirror


@dataclass(frozen=True)
class Published:
    """A published file: name, size in bytes and checksum (md5 or sha256, in hex) of its content.

    >>> hello = Published("hello.txt", 5, "5d41402abc4b2a76b9719d911017c592")
    >>> hello.check(b"hello", "here")
    >>> hello.check(b"hell", "here")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    minnet.errors.DataError: hello.txt must hold 5 bytes, here holds 4: ...
    """

    name: str
    size: int
    digest: str

    def check(self, content: bytes, where: str | Path) -> None:
        """Raise DataError unless content is what was published."""
        if len(content) != self.size:
            raise DataError(
                f"{self.name} must hold {self.size:,} bytes, {where} holds {len(content):,}: "
                "it is truncated or another file. Delete it and fetch it again."
            )
        kind = {32: "md5", 64: "sha256"}[len(self.digest)]
        digest = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
        if digest != self.digest:
            raise DataError(
                f"{self.name} must have {kind} {self.digest}, {where} has {digest}: "
                "it is damaged or another file. Delete it and fetch it again."
            )


def folders(root: str | Path | None, name: str) -> list[Path]:
    """Return the folders to look in, the first of which receives downloads.

    >>> [folder.as_posix() for folder in folders("my/data", "mnist")]
    ['my/data', 'my/data/mnist']
    """
    if root is not None:
        return [Path(root).expanduser(), Path(root).expanduser() / name]
    home = os.environ.get("MINNET_DATA") or Path.home() / ".cache" / "minnet"
    return [Path(home) / name, Path(home)]


def find(places: Sequence[Path], name: str) -> Path | None:
    """Return the first file called name or name.gz in the given folders, or None."""
    paths = (folder / file for folder in places for file in (name, name + ".gz"))
    return next((path for path in paths if path.is_file()), None)


def read(path: str | Path, published: Published | None = None) -> bytes:
    """Return a file's content, decompressed if gzipped and checked if published.

    Raises DataError if it is missing, unreadable, truncated or not what was published.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    content = _decompressed(content, path)
    if published is not None:
        published.check(content, path)
    return content


def _decompressed(content: bytes, where: str | Path) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            plain = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{where} is gzipped but truncated or damaged ({error}): fetch it again."
        ) from error
    if len(plain) > MAX_BYTES:
        raise DataError(f"{where} decompresses to more than {MAX_BYTES:,} bytes: not a data file.")
    return plain


def obtain(
    files: Sequence[Published],
    places: Sequence[Path],
    *,
    urls: Callable[[str], Sequence[str]],
    download: bool,
) -> list[Path]:
    """Return the paths of files found in the given places, fetching missing ones into the first.

    urls: maps a file's name to the addresses to try.
    Raises DataError naming every missing file and the folder it should be in.
    """
    found = {file: find(places, file.name) for file in files}
    missing = [file.name for file in files if found[file] is None]
    if missing and not download:
        raise DataError(
            f"{places[0]} needs {', '.join(missing)} (plain or .gz), not found there: "
            f"fetch from {urls(missing[0])[0]} yourself, or call with download=True."
        )
    return [found[file] or _fetched(file, places[0], urls(file.name)) for file in files]


def _fetched(file: Published, folder: Path, urls: Sequence[str]) -> Path:
    path = folder / (file.name + (".gz" if urls[0].endswith(".gz") else ""))
    content = fetch(
        urls, path, check=lambda content, url: file.check(_decompressed(content, url), url)
    )
    with replacing(path) as stream:
        stream.write(content)
    return path


def fetch(urls: Sequence[str], path: Path, *, check: Callable[[bytes, str], None]) -> bytes:
    """Return what the first address holds that answers with content passing check(content, url).

    path: where the caller will put it, for the message.
    Raises DataError naming each address with its failure, the file and its folder.
    """
    failures = []
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as reply:
                content = reply.read(MAX_BYTES)
            check(content, url)
            return content
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{url}: {error}")
    raise DataError(
        f"{path.name} could not be fetched ({'; '.join(failures)}). "
        f"Without a network bring it to {path.parent} yourself (an archive: unpacked)."
    )


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside path that takes its name when the block ends well.

    Readers see the old file or the whole new one; after an exception the old one is untouched.
    Raises DataError if it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as file:
    ...         _ = file.write(b"whole")
    ...     [(p.name, p.read_bytes()) for p in Path(folder).iterdir()]
    [('a.txt', b'whole')]
    """
    path = Path(path).expanduser()
    temporary = path.parent / f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        if temporary.exists():
            temporary.unlink()
