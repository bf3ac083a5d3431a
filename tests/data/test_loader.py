"""The loader: epochs are permutations (D02, PF-E8), resume is exact, bad input is refused."""

import json

import numpy as np
import pytest

from minnet.data import Dataset, Loader
from minnet.errors import DTypeError, ShapeError, StateError, ValueRangeError


def numbered(n, width=3):
    """n examples that carry their own number, so that order and pairing can be read off."""
    return Dataset(np.arange(n * width, dtype=np.float32).reshape(n, width), np.arange(n))


def epoch(loader):
    return [(x.copy(), y.copy()) for x, y in loader]


def same(a, b):
    return len(a) == len(b) and all(
        np.array_equal(x, u) and np.array_equal(y, v) for (x, y), (u, v) in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("n", [1, 2, 7, 64])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_example_once_per_epoch_with_its_own_target(n, batch_size, shuffle):
    """D02, PF-E8: also the last, short batch."""
    data = numbered(n)
    loader = Loader(data, batch_size=batch_size, shuffle=shuffle, rng=0)
    batches = epoch(loader)
    x, y = map(np.concatenate, zip(*batches, strict=True))
    assert len(batches) == len(loader) == -(-n // batch_size)
    assert [len(y) for _, y in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert sorted(y) == list(range(n))
    assert np.array_equal(x, data.x[y])


def test_whole_batch_without_shuffle_is_the_data_bit_for_bit():
    """D02: b = M, shuffle=False; shuffled it is the same rows."""
    data = numbered(10)
    ((x, y),) = Loader(data, batch_size=10, shuffle=False)
    assert np.array_equal(x, data.x) and np.array_equal(y, data.y)
    assert x.dtype == data.x.dtype and np.shares_memory(x, data.x)


def test_drop_last_leaves_out_only_the_remainder():
    """D02."""
    loader = Loader(numbered(10), batch_size=4, drop_last=True, rng=0)
    sizes = [len(y) for _, y in loader]
    assert sizes == [4, 4] and len(loader) == 2
    rows = [y for _ in range(20) for _, y in loader]
    assert set(np.concatenate(rows)) == set(range(10)), "other rows are left out in other epochs"


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_epochs_differ_and_a_seed_repeats_them(seed):
    """D02, PF-E8: seed 0 is a seed."""
    a, b = (Loader(numbered(50), batch_size=8, rng=seed) for _ in range(2))
    first, second = epoch(a), epoch(a)
    assert not same(first, second)
    assert same(first, epoch(b)) and same(second, epoch(b))


def test_no_seed_is_fresh_entropy():
    """PF-E8: None is not a hidden fixed seed; a Generator is used, not copied."""
    assert not same(*(epoch(Loader(numbered(50))) for _ in range(2)))
    rng = np.random.default_rng(3)
    assert Loader(numbered(5), rng=rng).rng is rng


def test_unshuffled_batches_are_views_that_cannot_be_written_through():
    data = numbered(6)
    for x, _ in Loader(data, batch_size=4, shuffle=False):
        assert np.shares_memory(x, data.x)
        with pytest.raises(ValueError, match="read-only"):
            x += 1
    assert data.x.flags.writeable, "only the views are read-only"


def test_shuffled_batches_are_the_callers_own():
    data = numbered(6)
    kept = data.x.copy()
    batches = list(Loader(data, batch_size=2, rng=0))
    for x, _ in batches:
        x += 1
    assert np.array_equal(data.x, kept)
    assert not np.shares_memory(batches[0][0], batches[1][0]), "no batch reuses another's memory"


def noise(x, rng):
    return x + rng.standard_normal(x.shape, dtype=np.float32)


@pytest.mark.parametrize("done", range(9))                    # 4 batches an epoch: 0 .. 2 epochs
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("transform", [None, noise])
@pytest.mark.parametrize("generator", [np.random.PCG64, np.random.MT19937])
def test_resume_is_exact_at_every_batch(done, shuffle, transform, generator):
    """D02: state taken inside the loop after `done` batches, then compared for the rest."""

    def build(seed):
        rng = np.random.Generator(generator(seed))
        return Loader(numbered(10), batch_size=3, shuffle=shuffle, transform=transform, rng=rng)

    loader, twin = build(0), build(99)
    state, rest, k = loader.state_dict(), [], 0
    for _ in range(3):
        for batch in loader:
            k += 1
            if k == done:
                state = loader.state_dict()
            if k > done:
                rest.append(batch)
    twin.load_state_dict(state)
    again = [batch for _ in range(3) for batch in twin][: len(rest)]
    assert len(rest) == 12 - done and same(rest, again)
    assert twin.rng.bit_generator.state["bit_generator"] == generator.__name__


def test_state_survives_json():
    """Plain numbers, dicts and one array: what a checkpoint without pickle can hold."""
    loader, twin = (Loader(numbered(10), batch_size=3, rng=seed) for seed in (0, 1))
    next(iter(loader))
    text = json.dumps(loader.state_dict(), default=np.ndarray.tolist)
    twin.load_state_dict(json.loads(text))
    assert loader.epoch == twin.epoch == 0 and loader.position == twin.position == 1
    loader.load_state_dict(loader.state_dict())
    assert same(epoch(loader), epoch(twin))


def test_a_state_is_a_snapshot():
    loader = Loader(numbered(10), batch_size=3, rng=0)
    next(iter(loader))
    state = loader.state_dict()
    order, rng = state["order"].copy(), dict(state["rng"])
    epoch(loader)
    assert np.array_equal(state["order"], order) and state["rng"] == rng
    rows = []
    for _, y in loader:
        loader.state_dict()["order"][:] = 0              # the caller's copy, not the loader's
        rows += y.tolist()
    assert sorted(rows) == list(range(10))


def test_leaving_a_loop_early_starts_a_new_epoch():
    loader = Loader(numbered(10), batch_size=3, rng=0)
    next(iter(loader))
    assert loader.position == 1
    assert sum(len(y) for _, y in loader) == 10
    assert (loader.epoch, loader.position) == (1, 0)


def test_two_loops_over_one_loader_do_not_disturb_each_other():
    loader = Loader(numbered(9), batch_size=3, rng=0)
    pairs = [(y, v) for (_, y), (_, v) in zip(loader, loader, strict=True)]
    for rows in zip(*pairs, strict=True):
        assert sorted(np.concatenate(rows)) == list(range(9))


@pytest.mark.parametrize(
    "change",
    [
        {"examples": 11},
        {"batch_size": 4},
        {"shuffle": False},
        {"drop_last": True},
        {"position": 5},
        {"position": -1},
        {"epoch": -1},
        {"order": np.zeros(10, int)},
        {"order": np.arange(9)},
        {"rng": np.random.MT19937(0).state},
        {"rng": {}},
        {"surplus": 1},
        {"examples": np.array([10, 10])},
        {"position": None},
        {"position": 1.5},
        {"epoch": "first"},
        {"order": "none"},
        {"rng": None},
        {"rng": np.random.default_rng(0).bit_generator.state | {"has_uint32": 1j}},
    ],
    ids=str,
)
def test_a_foreign_state_changes_nothing(change):
    loader, twin = (Loader(numbered(10), batch_size=3, rng=5) for _ in range(2))
    next(iter(loader))
    state = loader.state_dict()
    with pytest.raises(StateError, match="Loader"):
        twin.load_state_dict(state | change)
    assert same(epoch(twin), epoch(Loader(numbered(10), batch_size=3, rng=5)))
    del state["rng"]
    with pytest.raises(StateError, match="needs a state with keys"):
        twin.load_state_dict(state)
    with pytest.raises(StateError, match="cannot read this state"):
        twin.load_state_dict(None)


def test_transform_sees_batches_and_the_loaders_rng():
    seen = []

    def flip(x, rng):
        seen.append((len(x), rng))
        return -x

    data = numbered(5)
    loader = Loader(data, batch_size=2, shuffle=False, transform=flip, rng=0)
    x = np.concatenate([x for x, _ in loader])
    assert np.array_equal(x, -data.x)
    assert [n for n, _ in seen] == [2, 2, 1] and all(rng is loader.rng for _, rng in seen)


NAN = np.array([[0.0], [np.nan], [np.inf]])
BAD = {
    "empty": (lambda: Loader((np.zeros((0, 4)), np.zeros(0))), ShapeError, "one example"),
    "no full batch": (
        lambda: Loader(numbered(3), batch_size=4, drop_last=True),
        ShapeError,
        "at least one full batch",
    ),
    "lengths": (lambda: Loader((np.zeros((3, 2)), np.zeros(2))), ShapeError, "same first axis"),
    "scalar": (lambda: Loader((1.0, 2.0)), ShapeError, "one row per example"),
    "not a pair": (lambda: Loader(np.zeros((3, 2))), DTypeError, "Dataset or a pair"),
    "batch 0": (lambda: Loader(numbered(3), batch_size=0), ValueRangeError, "at least 1, got 0"),
    "batch -1": (lambda: Loader(numbered(3), batch_size=-1), ValueRangeError, "got -1"),
    "batch 1.5": (lambda: Loader(numbered(3), batch_size=1.5), DTypeError, "integer batch_size"),
    "rng": (lambda: Loader(numbered(3), rng="0"), DTypeError, "rng needs"),
    "nan": (lambda: Loader((NAN, [0, 1, 2])), ValueRangeError, r"nan at row 1 \(2 of 3"),
    "nan target": (lambda: Loader(([1.0, 2.0], [0.0, np.nan])), ValueRangeError, "in y, got nan"),
    "inf": (lambda: Loader((NAN[[0, 2]], [0, 1])), ValueRangeError, "inf at row 1"),
    "text": (lambda: Loader((["a"], [0])), DTypeError, "numbers in x"),
    "label 3": (lambda: Loader(numbered(4), classes=3), ValueRangeError, "0 .. 2.*got 3 at row 3"),
    "label -1": (lambda: Loader(([1.0], [-1]), classes=3), ValueRangeError, "got -1 at row 0"),
    "label 1.0": (lambda: Loader(([1.0], [1.0]), classes=3), DTypeError, "integer labels"),
    "own classes": (
        lambda: Loader(Dataset([1.0], [2], classes=2)),
        ValueRangeError,
        "got 2 at row 0",
    ),
    "transform": (
        lambda: list(Loader(numbered(4), transform=lambda x, rng: x[:1])),
        ShapeError,
        "must return 4 rows",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_reason(name):
    make, error, text = BAD[name]
    with pytest.raises(error, match=text):
        make()


def test_large_finite_numbers_are_not_taken_for_nan():
    """The one-sum test for NaN may overflow; only a real NaN or Inf is refused."""
    huge = np.full((4, 1), np.finfo(np.float64).max)
    assert len(list(Loader((huge, np.arange(4)), batch_size=2))) == 2


def test_targets_keep_shape_and_dtype():
    for y in (np.arange(4, dtype=np.uint8), np.ones((4, 2), np.float32), np.arange(4) > 1):
        ((_, batch),) = Loader((np.zeros((4, 1)), y), shuffle=False)
        assert batch.dtype == y.dtype and np.array_equal(batch, y)
