"""Published data: found, fetched, verified and decoded, or refused with the reason."""

import gzip
import hashlib
import io
import os
import pickle
import struct
import sys
import tarfile
import urllib.error
import warnings

import numpy as np
import pytest

from minnet.data import (
    cifar10,
    digits,
    files,
    mnist,
    read_cifar10_binary,
    read_cifar10_python,
    read_idx,
)
from minnet.errors import DataError
from tests.data.make_digits import arrays_of

# The package exports functions of the same names as these modules.
MNIST = sys.modules["minnet.data.mnist"]
CIFAR10 = sys.modules["minnet.data.cifar10"]
DIGITS = sys.modules["minnet.data.digits"]


def published(name, content):
    return files.Published(name, len(content), hashlib.sha256(content).hexdigest())


class Web:
    """Stands for the network: a dict of pages; an address that is not there fails."""

    def __init__(self, monkeypatch, pages):
        self.pages, self.asked = pages, []
        monkeypatch.setattr(files.urllib.request, "urlopen", self.open)

    def open(self, url, timeout):
        self.asked.append(url)
        if url not in self.pages:
            raise urllib.error.URLError("no route to host")
        return io.BytesIO(self.pages[url])


# ---- digits ----


def test_digits_official_split():
    train, test = digits()
    assert (len(train), len(test)) == (3823, 1797)
    for part in (train, test):
        assert part.x.dtype == np.float32 and part.x.shape[1:] == (64,)
        assert part.x.min() == 0 and part.x.max() == 1
        assert np.array_equal(part.x * 16, np.rint(part.x * 16))
        assert part.y.dtype == np.int64 and part.classes == 10
    # Class counts as optdigits.names lists them.
    assert np.bincount(train.y).tolist() == [376, 389, 380, 389, 387, 376, 377, 387, 380, 382]
    assert np.bincount(test.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    images, _ = digits(images=True)[0]
    assert images.shape == (3823, 1, 8, 8) and np.array_equal(images.reshape(-1, 64), train.x)


def test_digits_equal_the_uci_files(real_data):
    for bundled, original in zip(DIGITS._arrays(), arrays_of(real_data / "optdigits"), strict=True):
        assert bundled.dtype == np.uint8 and np.array_equal(bundled, original)


def test_digits_nearest_neighbour_accuracy():
    """optdigits.names: 98.00 % for 1-nearest-neighbour on the test part."""
    (x, y), (u, v) = digits()
    distance = (x**2).sum(1) - 2 * u @ x.T
    assert abs(100 * np.mean(y[distance.argmin(1)] == v) - 98.00) < 0.06


@pytest.mark.parametrize("damage", ["truncated", "another"])
def test_damaged_digits_are_refused(damage, tmp_path, monkeypatch):
    content = DIGITS.PATH.read_bytes()
    path = tmp_path / "digits.npz"
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        arrays = dict(zip(DIGITS.PARTS, DIGITS._arrays(), strict=True))
        np.savez(path, **{**arrays, "y_test": 9 - arrays["y_test"]})
    monkeypatch.setattr(DIGITS, "PATH", path)
    with pytest.raises(DataError, match="install minnet again"):
        digits()


# ---- files ----


def test_folders_order(monkeypatch, tmp_path):
    monkeypatch.delenv("MINNET_DATA", raising=False)
    assert files.folders(None, "mnist")[0].parts[-3:] == (".cache", "minnet", "mnist")
    monkeypatch.setenv("MINNET_DATA", str(tmp_path))
    assert files.folders(None, "mnist") == [tmp_path / "mnist", tmp_path]
    assert files.folders("here", "mnist")[0].name == "here", "an argument goes before the variable"


def test_replacing_is_all_or_nothing(tmp_path):
    path = tmp_path / "new" / "a.bin"
    with files.replacing(path) as file:
        file.write(b"old")
    with pytest.raises(KeyboardInterrupt), files.replacing(path) as file:
        file.write(b"half of the n")
        file.flush()
        assert path.read_bytes() == b"old"
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and os.listdir(path.parent) == ["a.bin"]


def test_read_plain_or_gzipped_and_whole(tmp_path):
    content = os.urandom(5000)
    spec = published("a", content)
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b.gz").write_bytes(gzip.compress(content))
    assert files.read(tmp_path / "a", spec) == files.read(tmp_path / "b.gz", spec) == content
    packed = gzip.compress(content)
    damaged = packed[:2000] + bytes([packed[2000] ^ 1]) + packed[2001:]
    for bad, reason in [
        (content[:-1], "5,000 bytes.*4,999"),
        (content[:-1] + bytes([content[-1] ^ 1]), "sha256"),
        (packed[:-9], "truncated or damaged"),
        (packed[:700], "truncated or damaged"),
        (damaged, "truncated or damaged"),
        (b"<html>not found</html>", "another file"),
        (b"", "holds 0"),
    ]:
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises(DataError, match=reason):
            files.read(tmp_path / "bad", spec)
    with pytest.raises(DataError, match="cannot be read"):
        files.read(tmp_path / "missing")


def test_a_gzip_bomb_stops_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 1000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(100_000)))
    with pytest.raises(DataError, match="more than 1,000 bytes"):
        files.read(tmp_path / "bomb.gz")


# ---- MNIST ----


def idx(array):
    axes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + axes + array.tobytes()


@pytest.fixture
def small_mnist(monkeypatch, rng):
    """MNIST with 6 + 4 random images under the published names: {file name: content}."""
    contents = {}
    for part, n in (("TRAIN", 6), ("TEST", 4)):
        arrays = rng.integers(0, 256, (n, 28, 28)), rng.integers(0, 10, n)
        specs = []
        for spec, array in zip(getattr(MNIST, part), arrays, strict=True):
            contents[spec.name] = idx(array.astype(np.uint8))
            specs.append(published(spec.name, contents[spec.name]))
        monkeypatch.setattr(MNIST, part, tuple(specs))
    return contents


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("below", ["", "mnist"])
def test_mnist_reads_a_folder(small_mnist, tmp_path, suffix, below):
    (tmp_path / below).mkdir(exist_ok=True)
    for name, content in small_mnist.items():
        stored = gzip.compress(content) if suffix else content
        (tmp_path / below / (name + suffix)).write_bytes(stored)
    train, test = mnist(tmp_path)
    assert train.x.shape == (6, 784) and test.x.shape == (4, 784) and train.classes == 10
    pixels = np.frombuffer(small_mnist["train-images-idx3-ubyte"], np.uint8, offset=16)
    assert np.array_equal(np.rint(train.x.ravel() * 255), pixels)
    assert mnist(tmp_path, images=True)[1].x.shape == (4, 1, 28, 28)


def test_mnist_fetches_from_the_second_mirror_into_the_cache(small_mnist, tmp_path, monkeypatch):
    monkeypatch.setenv("MINNET_DATA", str(tmp_path))
    first, second = MNIST.MIRRORS
    pages = {second + name + ".gz": gzip.compress(c) for name, c in small_mnist.items()}
    pages[first + "train-images-idx3-ubyte.gz"] = b"<html>moved</html>"      # foreign: next mirror
    web = Web(monkeypatch, pages)
    train, _ = mnist()
    assert len(train) == 6 and len(web.asked) == 8
    assert sorted(os.listdir(tmp_path / "mnist")) == sorted(n + ".gz" for n in small_mnist)
    mnist()
    assert len(web.asked) == 8, "the second call reads the cache"


def test_mnist_without_network_names_files_and_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINNET_DATA", str(tmp_path))
    Web(monkeypatch, {})
    with pytest.raises(DataError) as error:
        mnist()
    assert "train-images-idx3-ubyte.gz could not be fetched" in str(error.value)
    assert str(tmp_path / "mnist") in str(error.value) and "no route" in str(error.value)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_mnist_given_a_folder_never_fetches_unasked(tmp_path, monkeypatch):
    web = Web(monkeypatch, {})
    with pytest.raises(DataError) as error:
        mnist(tmp_path)
    assert not web.asked and str(tmp_path) in str(error.value)
    assert all(spec.name in str(error.value) for spec in MNIST.TRAIN + MNIST.TEST)


def test_mnist_refuses_a_foreign_file(small_mnist, tmp_path):
    for name, content in small_mnist.items():
        (tmp_path / name).write_bytes(content)
    swapped = small_mnist["t10k-labels-idx1-ubyte"]
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(swapped[:-1] + bytes([swapped[-1] ^ 1]))
    with pytest.raises(DataError, match="t10k-labels.*sha256"):
        mnist(tmp_path)


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "not an idx file"),
        (b"\0\0\x08", "not an idx file"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "begins with 00 00 0d 01"),
        (b"\0\0\x08\xff\0\0", "not an idx file"),
        (idx(np.zeros((3, 2), np.uint8))[:-1], "declares .3, 2., 6 bytes, and holds 5"),
        (idx(np.zeros((3, 2), np.uint8)) + b"x", "holds 7"),
        (b"\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff", "truncated or damaged"),
    ],
)
def test_read_idx_refuses_what_is_not_idx(content, reason, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read_idx(tmp_path / "a")


def test_mnist_itself(real_data):
    """The published files; class counts of the test labels as commonly tabulated."""
    train, test = mnist(real_data / "mnist")
    assert (train.x.shape, test.x.shape) == ((60_000, 784), (10_000, 784))
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(test.y).tolist() == counts
    assert train.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert abs(train.x.mean(dtype=float) - 0.1307) < 1e-4


# ---- CIFAR-10 ----


def records(rng, n):
    table = rng.integers(0, 256, (n, 3073)).astype(np.uint8)
    table[:, 0] %= 10
    return table


def short_string(text):
    return b"U" + bytes([len(text)]) + text


def python2_pickle(pixels, labels):
    """The opcodes of a batch as Python 2's cPickle wrote it (protocol 2): strings are bytes."""
    n, width = pixels.shape
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + short_string(b"b")
        + b"\x87R(K\x01" + struct.pack("<cI", b"J", n) + struct.pack("<cI", b"J", width) + b"\x86"
        + b"cnumpy\ndtype\n" + short_string(b"u1") + b"K\0K\x01\x87R(K\x03" + short_string(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
        + b"T" + struct.pack("<I", pixels.size) + pixels.tobytes() + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    parts = short_string(b"data") + array + short_string(b"labels") + numbers
    return b"\x80\x02}(" + parts + b"u."


def test_the_handmade_pickle_is_what_numpy_reads(rng):
    """Proof that the test file is a real one: the standard unpickler reads it (our own bytes)."""
    table = records(rng, 3)
    content = python2_pickle(table[:, 1:], table[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)      # numpy.core was renamed
        batch = pickle.loads(content, encoding="bytes")
    assert np.array_equal(batch[b"data"], table[:, 1:])
    assert batch[b"labels"] == table[:, 0].tolist()


@pytest.mark.parametrize("protocol", ["python 2", 3, 4, "Fortran"])
def test_python_format_equals_the_binary_one(protocol, tmp_path, rng):
    table = records(rng, 4)
    pixels, labels = table[:, 1:], table[:, 0]
    if protocol == "python 2":
        content = python2_pickle(pixels, labels)
    else:
        order, version = (np.asfortranarray, 4) if protocol == "Fortran" else (np.copy, protocol)
        content = pickle.dumps({b"data": order(pixels), b"labels": labels.tolist()}, version)
    (tmp_path / "data_batch_1").write_bytes(content)
    (tmp_path / "data_batch_1.bin").write_bytes(table.tobytes())
    for read, name in [(read_cifar10_python, ""), (read_cifar10_binary, ".bin")]:
        u, v = read(tmp_path / f"data_batch_1{name}")
        assert u.dtype == np.uint8 and np.array_equal(u, pixels) and np.array_equal(v, labels)


class Hostile:
    """Pickles as a call of any function with any arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile_files(victim):
    mkdir = Hostile(os.mkdir, str(victim))
    yield "call", pickle.dumps(mkdir)
    yield "hidden in the data", pickle.dumps({b"data": [mkdir], b"labels": [0]})
    yield "eval", pickle.dumps(Hostile(eval, f"__import__('os').mkdir({str(victim)!r})"))
    yield "name only", b"cos\nmkdir\n."
    yield "dotted", b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__class__\x93."
    yield "numpy's own", b"cnumpy\nload\n(S'x'\ntR."
    yield "inst", b"(S'" + str(victim).encode() + b"'\nios\nmkdir\n."
    yield "persistent", b"Pname\n."
    yield "extension", b"\x82\x01."
    yield "object array", pickle.dumps({b"data": np.array([[None]]), b"labels": [0]}, 4)
    yield "too large", python2_pickle(np.zeros((1, 3072), np.uint8), [0]).replace(
        struct.pack("<cI", b"J", 3072), b"J\xff\xff\xff\x7f"
    )
    pixels = np.zeros((1, 3072), np.uint8)
    yield "nested labels", pickle.dumps({b"data": pixels, b"labels": [[0] * 9] * 9}, 4)
    yield "float labels", pickle.dumps({b"data": pixels, b"labels": [0.5]}, 4)
    yield "no dict", pickle.dumps([1, 2])
    yield "no data", pickle.dumps({b"labels": [0]})
    yield "no pickle", b"<html>"
    yield "empty", b""
    yield "truncated", python2_pickle(np.zeros((1, 3072), np.uint8), [0])[:-100]
    yield "label 10", python2_pickle(np.zeros((1, 3072), np.uint8), [10])
    yield "lengths", python2_pickle(np.zeros((2, 3072), np.uint8), [1])
    yield "width", python2_pickle(np.zeros((1, 3000), np.uint8), [1])


def test_hostile_pickles_run_nothing(tmp_path):
    """Every file is refused with DataError; the folder they try to make is not there."""
    victim = tmp_path / "made-by-the-pickle"
    pickle.loads(dict(hostile_files(victim))["call"])    # the bait works: pickle itself bites
    victim.rmdir()
    for name, content in hostile_files(victim):
        path = tmp_path / "data_batch_1"
        path.write_bytes(content)
        with pytest.raises(DataError, match="data_batch_1"):
            read_cifar10_python(path)
        assert not victim.exists(), name


def test_the_error_says_what_the_pickle_wanted(tmp_path):
    path = tmp_path / "data_batch_1"
    path.write_bytes(b"cbuiltins\neval\n.")
    with pytest.raises(DataError, match="it names builtins.eval, which is not data"):
        read_cifar10_python(path)


def test_the_reader_knows_only_stand_ins():
    """PITFALL of allow-lists: a NumPy function on the list could be called with any arguments."""
    assert set(CIFAR10._Reader.NAMES.values()) == {CIFAR10._Array, CIFAR10._DType}


@pytest.fixture
def small_cifar(monkeypatch, rng):
    """CIFAR-10 with 4 records a batch, in both layouts: {layout folder: {file name: content}}."""
    tables = [records(rng, 4) for _ in range(6)]
    contents, layouts = {}, []
    for layout in (CIFAR10.BINARY, CIFAR10.PYTHON):
        python = layout is CIFAR10.PYTHON
        written = [python2_pickle(t[:, 1:], t[:, 0]) if python else t.tobytes() for t in tables]
        specs = [published(b.name, c) for b, c in zip(layout.batches, written, strict=True)]
        contents[layout.folder] = {b.name: c for b, c in zip(specs, written, strict=True)}
        layouts.append(CIFAR10.Layout(layout.folder, tuple(specs), layout.read))
    monkeypatch.setattr(CIFAR10, "BINARY", layouts[0])
    monkeypatch.setattr(CIFAR10, "PYTHON", layouts[1])
    monkeypatch.setattr(CIFAR10, "LAYOUTS", tuple(layouts))
    return contents, np.concatenate(tables)


def write_all(folder, contents):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("layout", ["cifar-10-batches-bin", "cifar-10-batches-py"])
@pytest.mark.parametrize("above", [False, True])
def test_cifar10_reads_both_official_folders(small_cifar, tmp_path, layout, above):
    contents, table = small_cifar
    write_all(tmp_path / layout, contents[layout])
    train, test = cifar10(tmp_path if above else tmp_path / layout)
    assert train.x.shape == (20, 3072) and test.x.shape == (4, 3072)
    assert np.array_equal(np.rint(train.x * 255), table[:20, 1:])
    assert np.array_equal(test.y, table[20:, 0]) and test.y.dtype == np.int64
    images = cifar10(tmp_path, images=True)[0].x if above else train.x.reshape(-1, 3, 32, 32)
    assert np.rint(255 * images[3, 2, 31, 0]) == table[3, 1 + 2 * 1024 + 31 * 32]


def test_cifar10_fetches_and_unpacks_six_files_only(small_cifar, tmp_path, monkeypatch):
    contents, table = small_cifar
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in {**contents["cifar-10-batches-bin"], "../../evil": b"x"}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    archive = published(CIFAR10.ARCHIVE.name, stream.getvalue())
    monkeypatch.setattr(CIFAR10, "ARCHIVE", archive)
    monkeypatch.setenv("MINNET_DATA", str(tmp_path / "cache"))
    web = Web(monkeypatch, {CIFAR10.URL + archive.name: stream.getvalue()})
    assert np.array_equal(cifar10()[1].y, table[20:, 0])
    folder = tmp_path / "cache" / "cifar10" / "cifar-10-batches-bin"
    assert sorted(os.listdir(folder)) == sorted(contents["cifar-10-batches-bin"])
    assert [p.name for p in tmp_path.iterdir()] == ["cache"]
    cifar10()
    assert len(web.asked) == 1
    (folder / "data_batch_3.bin").unlink()               # an unfinished unpacking is repaired
    assert len(cifar10()[0]) == 20 and len(web.asked) == 2


def test_cifar10_names_what_is_missing_and_refuses_damage(small_cifar, tmp_path):
    contents, _ = small_cifar
    with pytest.raises(DataError, match=r"data_batch_1.bin.*download=True"):
        cifar10(tmp_path)
    write_all(tmp_path, contents["cifar-10-batches-py"])
    (tmp_path / "data_batch_4").unlink()
    with pytest.raises(DataError, match="needs data_batch_4 in"):
        cifar10(tmp_path)
    (tmp_path / "data_batch_4").write_bytes(pickle.dumps(Hostile(os.mkdir, str(tmp_path / "made"))))
    with pytest.raises(DataError, match="data_batch_4 must hold"):
        cifar10(tmp_path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", bytes(3072), bytes(3074), bytes([10]) + bytes(3072)])
def test_binary_records_are_checked(content, tmp_path):
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(DataError, match="must hold"):
        read_cifar10_binary(tmp_path / "a.bin")


def test_official_checksums_are_complete():
    for layout in CIFAR10.LAYOUTS:
        assert len({batch.digest for batch in layout.batches}) == 6
        assert all(len(batch.digest) in (32, 64) for batch in layout.batches)


def test_cifar10_subset(real_data):
    train, test = cifar10(real_data / "cifar-10-subset", images=True)
    assert train.x.shape == (2500, 3, 32, 32) and test.x.shape == (1000, 3, 32, 32)
    assert train.y[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]      # data_batch_1 as published
    assert train.x.dtype == np.float32 and 0.4 < train.x.mean() < 0.55
