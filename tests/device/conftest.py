"""A test that asks for `module` runs on the stand-in and, with -m gpu, on CuPy."""

import pytest

from minnet import backend
from tests import fake_cupy


def registered(module):
    """Let a module serve "cuda" for the length of a test."""
    before = backend.register(module)
    yield module
    backend.register(before)


@pytest.fixture(params=["stand-in", pytest.param("cupy", marks=pytest.mark.gpu)])
def module(request):
    """What serves "cuda" during the test."""
    if request.param == "cupy":
        yield backend.gpu()
    else:
        yield from registered(fake_cupy)


@pytest.fixture
def standin():
    """The stand-in, for what can be seen only there."""
    yield from registered(fake_cupy)


@pytest.fixture
def two_devices(monkeypatch):
    """The stand-in with devices cuda:0 and cuda:1."""
    monkeypatch.setattr(fake_cupy.cuda.STATE, "count", 2)
    yield from registered(fake_cupy)
