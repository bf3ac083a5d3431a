"""What `import` costs and pulls in: the standard library and NumPy, nothing else."""

import json
import os
import subprocess
import sys

import pytest

from tests.source import folder

PACKAGES = ("minnet", "gradcheck")
OPTIONAL = ("cupy", "IPython", "ipywidgets", "matplotlib", "optuna", "scipy", "torch", "tqdm")

LOADED = """
import json, sys
import numpy
before = set(sys.modules)
import {package}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def run(script, package):
    """Run the script in a fresh interpreter that finds the package; return its output."""
    env = {**os.environ, "PYTHONPATH": str(folder(package).parent)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def foreign(loaded, package):
    """The top-level names of loaded modules that are neither standard, NumPy's nor ours."""
    allowed = {*sys.stdlib_module_names, "numpy", package}
    return sorted({name.partition(".")[0] for name in loaded} - allowed)


def test_foreign_modules_are_seen():
    assert foreign(["json", "numpy.fft", "minnet.nn", "minnet"], "minnet") == []
    assert foreign(["tqdm.auto", "minnet", "gradcheck"], "minnet") == ["gradcheck", "tqdm"]


@pytest.mark.parametrize("package", PACKAGES)
def test_import_loads_only_the_standard_library_and_numpy(package):
    loaded = json.loads(run(LOADED.format(package=package), package))
    assert package in loaded
    assert foreign(loaded, package) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_import_needs_no_optional_package(package):
    block = f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL!r}))"       # None: ImportError
    run(f"{block}\nimport {package}", package)
