"""setup.cfg names every package and leaves out the slow tests."""

import configparser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"gradcheck": "gradcheck", "minnet": "minnet", "minnet_lessons": "lessons"}


@pytest.fixture(scope="module")
def setup():
    """setup.cfg, read."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def packages(root):
    """Dotted names of all folders with an __init__.py, under the names they are installed by."""
    for name, folder in FOLDERS.items():
        for path in (root / folder).rglob("__init__.py"):
            yield ".".join([name, *path.parent.relative_to(root / folder).parts])


def test_folders_are_found_under_their_installed_names(tmp_path):
    (tmp_path / "lessons" / "zoo").mkdir(parents=True)
    (tmp_path / "lessons" / "zoo" / "__init__.py").touch()
    assert list(packages(tmp_path)) == ["minnet_lessons.zoo"]


def test_setup_names_every_package(setup):
    if not (ROOT / "minnet").is_dir():
        pytest.skip("no source packages beside tests/")
    wanted = sorted(packages(ROOT))
    listed = setup["options"]["packages"].split()
    assert listed == wanted, "the packages of setup.cfg should read:\n    " + "\n    ".join(wanted)


def test_run_time_dependencies_are_three(setup):
    names = [line.split(">")[0] for line in setup["options"]["install_requires"].split()]
    assert names == ["numpy", "matplotlib", "tqdm"]


def test_slow_tests_are_left_out_by_default(pytestconfig):
    """A test marked slow never runs unless the user's own -m asks for it."""
    markers = {line.split(":")[0] for line in pytestconfig.getini("markers")}
    assert {"slow", "oracle", "gpu", "browser"} <= markers
    for marker in "slow", "oracle", "gpu", "browser":
        assert f"not {marker}" in " ".join(pytestconfig.getini("addopts"))
