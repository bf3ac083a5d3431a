"""What every test may ask for: seeded random numbers and, where they exist, real data files."""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest

os.environ["MPLBACKEND"] = "Agg"                       # read when matplotlib is first imported
for library in "OMP", "OPENBLAS", "MKL":               # inherited by the processes of pytest -n
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


@pytest.fixture
def rng(request):
    """A generator seeded by the test's name: the same numbers in any order of tests."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))


@pytest.fixture(scope="session")
def real_data():
    """The folder MINNET_DATA names, with real data files; without it the test is skipped."""
    folder = os.environ.get("MINNET_DATA")
    if not folder:
        pytest.skip("set MINNET_DATA to the folder of real data files to run this test")
    if not Path(folder).is_dir():
        pytest.fail(f"MINNET_DATA is {folder!r}, which is not a folder")
    return Path(folder)
