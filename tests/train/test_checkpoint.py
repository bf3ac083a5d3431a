"""Checkpoints: resuming is exact, damage is seen, and nothing is half-written or half-loaded."""

import os

import numpy as np
import pytest

from minnet import errors, nn, train
from tests.train.runs import EPOCHS, Setup


def uninterrupted():
    setup = Setup()
    setup.fit(val_data=setup.data)
    return setup.everything()


class Stop(Exception):
    pass


class Interrupt(train.Monitor):
    """Write a checkpoint after step t and stop there."""

    def __init__(self, path, t, setup):
        self.path, self.t, self.setup = path, t, setup

    def after_step(self, run):
        if run.t == self.t:
            train.save(self.path, **self.setup.parts())
            raise Stop


@pytest.mark.parametrize("t", [1, 6, 7, 8, 13, 20])
def test_resuming_in_an_epoch_equals_an_uninterrupted_run_bit_for_bit(tmp_path, t):
    """O06: parameters, buffers, optimizer, schedule position, dropout, augmentation, order."""
    path, one = tmp_path / "run.npz", Setup()
    with pytest.raises(Stop):
        one.fit(val_data=one.data, monitors=[Interrupt(path, t, one)])
    other = Setup(seed=99)                                       # everything differs before loading
    assert other.everything() != one.everything()
    train.load(path, **other.parts())
    other.fit(val_data=other.data)
    assert other.everything() == uninterrupted()


@pytest.mark.parametrize("epochs", range(1, EPOCHS))
def test_resuming_between_epochs_equals_an_uninterrupted_run_bit_for_bit(tmp_path, epochs):
    """O06, through the monitor."""
    path, one = tmp_path / "run.npz", Setup()
    one.fit(epochs=epochs, val_data=one.data, monitors=[train.Checkpoint(path)])
    other = Setup(seed=99)
    train.load(path, **other.parts())
    other.fit(val_data=other.data)
    assert other.everything() == uninterrupted()


@pytest.mark.parametrize("lost", ["model", "optimizer", "loader", "history"])
def test_leaving_a_part_out_shows(tmp_path, lost):
    """The comparison above can fail: each part matters."""
    path, one = tmp_path / "run.npz", Setup()
    one.fit(epochs=1, val_data=one.data, monitors=[train.Checkpoint(path)])
    other = Setup(seed=99)
    train.load(path, **{name: p for name, p in other.parts().items() if name != lost})
    epochs = EPOCHS - 1 if lost == "history" else EPOCHS
    other.fit(epochs=epochs, val_data=other.data)
    assert other.everything() != uninterrupted()


def test_monitor_saves_when_it_is_time(tmp_path):
    path, setup, times = tmp_path / "run.npz", Setup(), []

    class Watch(train.Monitor):
        def after_step(self, run):
            times.append(os.stat(path).st_mtime_ns if path.exists() else 0)

    setup.fit(epochs=2, monitors=[train.Checkpoint(path, every_epochs=2, every_steps=5), Watch()])
    changes = [t + 1 for t in range(1, len(times)) if times[t] != times[t - 1]]
    assert changes == [5, 10]
    fresh = Setup(seed=3)
    train.load(path, **fresh.parts())
    assert fresh.history.epochs == 2
    with pytest.raises(errors.ValueRangeError, match="every 1, 2"):
        train.Checkpoint(path, every_steps=0)


def damaged(content):
    yield b""
    yield b"not a checkpoint"
    for share in (0.01, 0.3, 0.7, 0.99):
        yield content[: int(share * len(content))]
    for place in range(0, len(content), len(content) // 40):
        yield content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def test_damaged_files_raise_data_error_and_change_nothing(tmp_path):
    path, one = tmp_path / "run.npz", Setup()
    one.fit(epochs=1)
    train.save(path, **one.parts())
    refused, tried, content = 0, 0, path.read_bytes()
    for bad in damaged(content):
        path.write_bytes(bad)
        other, tried = Setup(seed=5), tried + 1
        before = other.everything()
        try:
            train.load(path, **other.parts())
        except (errors.DataError, errors.StateError) as error:
            refused += 1
            assert other.everything() == before
            assert isinstance(error, errors.StateError) or str(path) in str(error)
    assert tried > 40 and refused > 0.9 * tried, (refused, tried)  # some zip fields are redundant


@pytest.mark.parametrize(("field", "value"), [(8, 1), (10, 12), (10, 14), (10, 99)])
def test_entries_that_say_they_are_encrypted_or_compressed_are_damage(tmp_path, field, value):
    """zipfile raises RuntimeError for a password, and what a decompressor finds."""
    path, setup = tmp_path / "run.npz", Setup()
    train.save(path, model=setup.model)
    before, content = setup.everything(), bytearray(path.read_bytes())
    for signature, shift in ((b"PK\x01\x02", 0), (b"PK\x03\x04", -2)):
        start = -1
        while (start := content.find(signature, start + 1)) >= 0:
            content[start + field + shift] = value
    path.write_bytes(content)
    with pytest.raises(errors.DataError, match="not a whole checkpoint"):
        train.load(path, model=setup.model)
    assert setup.everything() == before


def test_a_state_of_other_types_is_refused_and_everything_is_as_before(tmp_path):
    class Counter:
        def __init__(self, count):
            self.count = count

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, state):
            self.count = int(state["count"])

    path, setup, counter = tmp_path / "run.npz", Setup(), Counter(3)
    train.save(path, model=Setup(seed=9).model, counter=Counter([1, 2]))
    before = setup.everything()
    with pytest.raises(errors.StateError, match=r"run\.npz holds a state that cannot be read: int"):
        train.load(path, model=setup.model, counter=counter)
    assert setup.everything() == before and counter.count == 3


def test_missing_and_foreign_files_are_named(tmp_path):
    setup = Setup()
    before = setup.everything()
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "meta.npz", meta=np.frombuffer(b'{"format": "x", "parts": {}}', np.uint8))
    cases = [("none.npz", "no checkpoint at"), ("other.npz", "not a whole"),
             ("array.npy", "not a whole"), ("meta.npz", "format 'x'"), (".", "not a whole")]
    for name, words in cases:
        with pytest.raises(errors.DataError, match=words):
            train.load(tmp_path / name, **setup.parts())
    assert setup.everything() == before


def test_pickled_content_is_never_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.savez(tmp_path / "bad.npz", meta=np.array([Trap()], dtype=object))
    with pytest.raises(errors.DataError):
        train.load(tmp_path / "bad.npz", model=Setup().model)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {"model": nn.Linear(2, 3, rng=0)}, "random generators .* Linear has none"),
        (lambda s: {"model": nn.Sequential(*list(s.model)[:4])}, "unknown 4.weight"),
        (lambda s: {"optimizer": s.loader}, "Loader needs a state"),
        (lambda s: {"nothing": s.model}, "it has no"),
        (lambda s: {"model": np.random.default_rng(0)}, "PCG64"),
        (lambda s: {"rng": s.model}, "no state of a Sequential"),
    ],
)
def test_parts_that_do_not_match_leave_everything_as_it_was(tmp_path, change, words):
    path, one = tmp_path / "run.npz", Setup()
    one.fit(epochs=1)
    train.save(path, **one.parts(), rng=np.random.default_rng(3))
    other = Setup(seed=5)
    before = other.everything()
    with pytest.raises(errors.StateError, match=words):
        train.load(path, **(other.parts() | change(other)))
    assert other.everything() == before


def test_generators_of_a_module_are_saved_whatever_their_name(tmp_path):
    """O06: noise of a layer of one's own goes on where it was."""

    class Noise(nn.Module):
        def __init__(self, seed):
            self.rng, self.other = (np.random.default_rng(seed + k) for k in range(2))

        def forward(self, x):
            return x + self.rng.standard_normal(x.shape) * self.other.random()

    one, two = (nn.Sequential(nn.Linear(2, 2, rng=0), Noise(seed)) for seed in (0, 5))
    x = np.ones((3, 2), "float32")
    one(x)
    train.save(tmp_path / "run.npz", model=one)
    train.load(tmp_path / "run.npz", model=two)
    assert np.array_equal(one(x).numpy(), two(x).numpy())
    with pytest.raises(errors.StateError, match=r"in modules: '1', '1\.other'; Linear has none"):
        train.load(tmp_path / "run.npz", model=one[0])


def test_a_path_may_begin_at_home(tmp_path, monkeypatch):
    """Otherwise a folder named ~ would be made here."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    train.save("~/runs/one.npz", model=nn.Linear(2, 2, rng=0))
    train.load("~/runs/one.npz", model=nn.Linear(2, 2, rng=1))
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]


def test_generators_are_parts_too(tmp_path):
    rng = np.random.default_rng(0)
    train.save(tmp_path / "rng.npz", rng=rng)
    expected = rng.random(3)
    other = np.random.default_rng(1)
    train.load(tmp_path / "rng.npz", rng=other)
    assert np.array_equal(other.random(3), expected)


def test_a_failed_save_leaves_the_old_file_and_no_rubbish(tmp_path):
    path, setup = tmp_path / "run.npz", Setup()
    train.save(path, model=setup.model)
    content = path.read_bytes()

    class Strange:
        def __init__(self, value):
            self.value = value

        def state_dict(self):
            return {"x": self.value}

    for value in (object(), np.array([object()]), {1.5: 0}):
        with pytest.raises(errors.StateError):
            train.save(path, model=setup.model, strange=Strange(value))
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path, setup = tmp_path / "run.npz", Setup()
    train.save(path, model=setup.model)
    content = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        train.save(path, model=Setup(seed=1).model)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]
