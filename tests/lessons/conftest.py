"""Every test of the course keeps its progress in a file of its own."""

import pytest


@pytest.fixture(autouse=True)
def progress_file(tmp_path, monkeypatch):
    """The file that MINNET_PROGRESS names while a test runs."""
    path = tmp_path / "progress.json"
    monkeypatch.setenv("MINNET_PROGRESS", str(path))
    return path
