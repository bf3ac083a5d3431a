"""A browser without a window, where there is one."""

import shutil
import subprocess

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=3000",
)


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """browse(page, fragment) -> the page's elements as text, after its scripts ran."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    folder = tmp_path_factory.mktemp("browser")

    def dump(page, fragment=""):
        file = folder / "page.html"
        file.write_text(page, encoding="utf-8")
        address = f"{file.as_uri()}#{fragment}"
        command = [program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return dump
