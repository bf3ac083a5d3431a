"""The stand-in behaves as CuPy does where that hurts."""

import numpy as np
import pytest

from tests import fake_cupy as xp


def array(*values):
    return xp.asarray(list(values))


def test_host_arrays_are_refused():
    """PF-F4"""
    a, host = array(1.0, 2.0), np.ones(2)
    for mix in (
        lambda: a + host, lambda: host + a, lambda: xp.add(a, host), lambda: a.__iadd__(host),
        lambda: xp.concatenate([a, host]), lambda: np.concatenate([a, host]),
        lambda: xp.where(host > 0, a, 0), lambda: a @ host, lambda: np.asarray(a),
        lambda: a.__setitem__(slice(None), host), lambda: np.add(host, a, out=host),
        lambda: xp.add.at(a, array(0), host[:1]), lambda: np.array([a, a]),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            mix()
    assert a.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", [
    "__array_interface__", "__array_struct__", "__dlpack__", "ctypes", "resize", "nonsense"
])  # fmt: skip
def test_ways_around_are_closed(name):
    with pytest.raises(AttributeError):
        getattr(array(1.0), name)


@pytest.mark.parametrize("name", [
    "vecdot", "block", "einsum_path", "frompyfunc", "nanpercentile", "errstate", "insert",
    "scatter_add", "matvec",
])  # fmt: skip
def test_what_cupy_lacks_is_missing(name):
    """PF-F1"""
    assert not hasattr(xp, name)
    assert hasattr(xp.add, "at") and not hasattr(xp.multiply, "at")


def test_results_without_axes_stay_on_the_device():
    """PF-F5"""
    a = array(1.0, 3.0)
    for y in a.sum(), a[0], xp.mean(a), a.max() - 1, np.sqrt(a.sum()), np.float64(2) * a[1], a == a:
        assert type(y) is xp.ndarray
    with xp.counting() as counts:
        assert float(a.sum()) == 4.0 and int(a[1]) == 3 and bool(a[0] > 0) and a[0].item() == 1.0
        assert a.get().tolist() == [1.0, 3.0] and xp.asnumpy(a).shape == (2,)
        a[a > 1]
    assert len(counts.syncs) == 7 and "test_standin.py" in counts.syncs[0]


def test_indices_wrap_around():
    a = array(10.0, 20.0, 30.0)
    assert a[array(4, -1, -5)].tolist() == [20.0, 30.0, 20.0]
    assert a.take(array(3)).tolist() == [10.0]
    a[array(5)] = 0
    assert a.tolist() == [10.0, 20.0, 0.0]
    with pytest.raises(IndexError):
        a[3]


def test_views_know_their_owner_and_repeats_are_scattered():
    a = xp.zeros((2, 3))
    view = a[0].reshape(3, 1)
    assert view.base is a and (a + 1).base is None and xp.asarray(a) is a
    assert xp.ascontiguousarray(a) is a and a.astype(a.dtype, copy=False) is a
    xp.add.at(a, array(0, 0), xp.ones((2, 3)))
    assert view.tolist() == [[2.0]] * 3
    with pytest.raises(TypeError, match="int8"):
        xp.add.at(a.astype("int8"), array(0), 1)


def test_copies_to_the_device_are_counted():
    a = xp.arange(3.0)
    with xp.counting() as counts:
        xp.asarray(np.ones(2)), a[[0, 1]], a[np.array([0])], a[1:], a[1], xp.asarray(2.0)
    assert len(counts.copies) == 3 and not counts.syncs


def test_work_happens_on_the_current_device(monkeypatch):
    monkeypatch.setattr(xp.cuda.STATE, "count", 2)
    with xp.cuda.Device(1):
        a = xp.ones(2)
    assert a.device.id == 1 and a[:1].device.id == 1
    with pytest.raises(RuntimeError, match="not the current device"):
        a + a
    with xp.cuda.Device(1):
        assert (a + a).device.id == 1
    assert xp.array(a).device.id == 0
