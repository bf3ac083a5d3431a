"""One piece of work among threads: every part once, errors and settings of the caller kept."""

import os
import threading

import numpy as np
import pytest

from minnet import optim, tensor, threads
from minnet.optim import flat
from tests.optim.test_base import ALL, assert_same, train, twins, values


@pytest.mark.parametrize(
    "setting, count",
    [("1", 1), ("2", 2), ("8", 2), ("2,1", 2), ("1,4", 1)],
)
def test_thread_count_is_what_blas_is_told(setting, count, monkeypatch):
    """OMP_NUM_THREADS decides, up to the two that help."""
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert threads.thread_count() == count


@pytest.mark.parametrize("setting", ["", "0", "many", "-3", None])
def test_thread_count_without_a_usable_setting(setting, monkeypatch):
    """Then it is the processors that this process may use."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if setting is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", setting)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for processors, count in ((1, 1), (2, 2), (64, 2), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda n=processors: n)
        assert threads.thread_count() == count


def test_each_item_once_and_side_by_side():
    """Both workers are at it at once: each waits for the other."""
    meeting = threading.Barrier(2, timeout=10)
    done = []

    def work(worker, item):
        if item < 2:
            meeting.wait()
        done.append((worker, item))

    threads.share(work, range(100), 2)
    assert sorted(item for _, item in done) == list(range(100))
    assert {worker for worker, _ in done} == {0, 1}


def test_a_worker_that_is_held_up_holds_up_nobody():
    """The other one takes what is left."""
    done, free = [], threading.Event()

    def work(worker, item):
        if item == 0:
            assert free.wait(10)
        done.append(item)
        if len(done) == 9:
            free.set()

    threads.share(work, range(10), 2)
    assert done == [*range(1, 10), 0]


def test_one_worker_or_one_item_starts_no_thread():
    """The caller does it."""
    ran = []
    work = lambda worker, item: ran.append((worker, threading.get_ident()))
    threads.share(work, "ab", 1)
    threads.share(work, "c", 2)
    threads.share(work, "", 2)
    assert ran == [(0, threading.get_ident())] * 3


@pytest.mark.parametrize("bad", [0, 1, 5])
def test_an_error_of_any_worker_reaches_the_caller_after_all_have_ended(bad):
    """The other worker has completed what it took."""
    done = []

    def work(worker, item):
        if item == bad:
            raise ValueError(f"item {item}")
        done.append(item)

    with pytest.raises(ValueError, match=f"item {bad}"):
        threads.share(work, range(6), 2)
    assert sorted(done) == [item for item in range(6) if item != bad]


def test_every_thread_sees_the_errstate_of_the_caller():
    """Without it an overflow in the second thread would only warn."""
    meeting = threading.Barrier(2, timeout=10)
    seen = {}

    def work(worker, item):
        meeting.wait()
        seen[worker] = np.geterr()["over"]

    with np.errstate(over="raise"):
        threads.share(work, range(2), 2)
    assert seen == {0: "raise", 1: "raise"}


@pytest.fixture
def two_workers(monkeypatch):
    """Every row counts as long, and blocks are short: a call shares from the first step on."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(flat, "SHARED_BYTES", 0)
    monkeypatch.setattr(flat, "SHARED_BLOCK_BYTES", 256)
    monkeypatch.setattr(flat, "PLAIN_BYTES", 0)


@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 1000, 4097])
@pytest.mark.parametrize("name", ALL)
def test_two_threads_give_the_bits_of_one(name, size, two_workers, monkeypatch):
    """Large, small and gathered parameters, whichever part they fall into."""
    kind, settings = ALL[name]
    shapes = [(size,), (3,), (2, 2), (1,), (7,)]
    fresh = lambda: [tensor(np.linspace(-1, 1, np.prod(s)).reshape(s), requires_grad=True)
                     for s in shapes]  # fmt: skip
    shared, alone = fresh(), fresh()
    optimizer = kind(shared, 0.05, **settings)
    train(optimizer, shared, np.random.default_rng(4), steps=4)
    if kind.scope == "element":
        assert [rows.workers for _, rows in optimizer._flats] == [2]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    train(kind(alone, 0.05, **settings), alone, np.random.default_rng(4), steps=4)
    assert_same(values(shared), values(alone))


def test_threads_share_no_scratch_row(two_workers):
    """Two at work in one row would mix their numbers."""
    params, _ = twins(np.random.default_rng(0))
    big = tensor(np.ones(500), requires_grad=True)
    optimizer = optim.Adam([*params, big], 0.1)
    train(optimizer, [*params, big], np.random.default_rng(0))
    (_, rows), = optimizer._flats
    first, second = (rows.scratch[worker] for worker in (0, 1))
    assert len(first) == len(second) == 2                           # one gathers, one calculates
    assert not any(np.shares_memory(x, y) for x in first for y in second)
