"""setup.cfg names every package and leaves out the slow tests."""

import configparser
import fnmatch
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


def left_out(root, patterns):
    """Files of the packages that setup.cfg would not install.   patterns: its package_data."""
    for name, folder in FOLDERS.items():
        for path in (root / folder).rglob("*"):
            if path.is_dir() or {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
                continue
            home = next(p for p in path.parents if (p / "__init__.py").exists())
            inside = path.relative_to(home)
            if inside.suffix == ".py" and len(inside.parts) == 1:
                continue
            package = ".".join([name, *home.relative_to(root / folder).parts])
            wanted = patterns.get("*", "").split() + patterns.get(package, "").split()
            if not any(installs(pattern, inside) for pattern in wanted):
                yield str(path.relative_to(root))


def installs(pattern, path):
    """Whether a pattern of package_data takes a path; its * stays within a folder."""
    depth = pattern.count("/") + 1
    return len(path.parts) == depth and fnmatch.fnmatch(path.as_posix(), pattern)


def test_every_file_is_installed(setup):
    if not (ROOT / "minnet").is_dir():
        pytest.skip("no source packages beside tests/")
    assert sorted(left_out(ROOT, dict(setup["options.package_data"]))) == []


def test_files_that_are_left_out_are_seen(tmp_path):
    for name in ("a.py", "a.txt", "sub/b.py", "sub/c.md", "__init__.py"):
        (tmp_path / "lessons" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lessons" / name).touch()
    for folder in ("minnet", "gradcheck"):
        (tmp_path / folder).mkdir()
    found = sorted(left_out(tmp_path, {"*": "*.md", "minnet_lessons": "sub/*.md"}))
    assert found == ["lessons/a.txt", "lessons/sub/b.py"]


def test_run_time_dependencies_are_three(setup):
    names = [line.split(">")[0] for line in setup["options"]["install_requires"].split()]
    assert names == ["numpy", "matplotlib", "tqdm"]


def test_slow_tests_are_left_out_by_default(pytestconfig):
    """A test marked slow never runs unless the user's own -m asks for it."""
    markers = {line.split(":")[0] for line in pytestconfig.getini("markers")}
    assert {"slow", "oracle", "gpu", "browser"} <= markers
    for marker in "slow", "oracle", "gpu", "browser":
        assert f"not {marker}" in " ".join(pytestconfig.getini("addopts"))
