"""Moving test cases to a device, and comparing what comes back with the CPU."""

import numpy as np

import minnet as mn
from minnet.backend import to_device, to_host
from tests import fake_cupy

TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 2e-2}


def moved(x, device="cuda"):
    """Arrays in x, and in lists, tuples and dicts in x, on the device."""
    if isinstance(x, np.ndarray):
        return to_device(x, device)
    if isinstance(x, mn.Tensor):
        return x.to(device)
    if type(x) in (tuple, list):
        return type(x)(moved(part, device) for part in x)
    if type(x) is dict:
        return {key: moved(value, device) for key, value in x.items()}
    return x


def home(x):
    """What came back, on the host."""
    if isinstance(x, (tuple, list)):
        return [home(part) for part in x]
    x = x.data if isinstance(x, mn.Tensor) else x
    return to_host(x)


def narrowed(x, dtype):
    """Floating-point arrays in x in this dtype."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return x.astype(dtype)
    if type(x) in (tuple, list):
        return type(x)(narrowed(part, dtype) for part in x)
    if type(x) is dict:
        return {key: narrowed(value, dtype) for key, value in x.items()}
    return x


def assert_close(found, expected, dtype, times=1):
    """Equal shapes and dtypes, and values within so many times the tolerance of the dtype."""
    found, expected = np.asarray(home(found)), np.asarray(expected)
    assert found.shape == expected.shape and found.dtype == expected.dtype
    scale = 1 + np.max(np.abs(expected), initial=0.0)
    assert np.max(np.abs(found - expected), initial=0.0) <= times * TOLERANCE[dtype] * scale


def assert_on_device(*tensors):
    """All of them stayed on the device."""
    assert all(t.device.kind == "cuda" for t in tensors)


def quiet(module):
    """A block after which the stand-in must have counted nothing."""
    return _Quiet(module is fake_cupy)


class _Quiet:
    def __init__(self, counted):
        self.counted = counted

    def __enter__(self):
        self.block = fake_cupy.counting()
        self.counts = self.block.__enter__()

    def __exit__(self, kind, error, trace):
        self.block.__exit__(kind, error, trace)
        if kind is None and self.counted:
            stops = [*self.counts.syncs, *self.counts.copies]
            assert not stops, f"{len(stops)} stops: {stops[:3]}"
