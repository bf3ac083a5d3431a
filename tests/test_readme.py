"""The README's examples run as they stand, and its commands are those that .ci/run runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import folder

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language, text):
    """The fenced code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run(code, where):
    """Run an example in a fresh interpreter in its own folder; warnings are errors."""
    env = {**os.environ, "PYTHONPATH": str(folder("minnet").parent), "MPLBACKEND": "Agg"}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, timeout=120)


def test_blocks_and_failures_are_seen(tmp_path):
    text = "a\n```python\nassert 1 == 2\n```\nb\n```sh\nls\n```\n"
    (code,) = blocks("python", text)
    assert code == "assert 1 == 2\n"
    assert "AssertionError" in run(code, tmp_path).stderr


@pytest.mark.parametrize("code", blocks("python", README), ids=lambda code: code.splitlines()[0])
def test_example_runs(code, tmp_path):
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_report_of_gradcheck_is_the_one_that_is_printed(tmp_path):
    """Word for word; its numbers depend on rounding."""
    (code,) = [code for code in blocks("python", README) if "layernorm_backward" in code]
    shown = README.split(code)[1].split("```")[2]
    words = lambda text: re.sub(r"[-+]?\d[\d.]*(e[-+]\d+)?", "#", text).split()
    assert words(run(code, tmp_path).stdout) == words(shown)


def test_commands_are_the_ones_that_ci_runs():
    """First: install and run the main job.   Second: install and run the tests."""
    first, second = (block.strip().split(" && ") for block in blocks("sh", README)[:2])
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    script = [line.strip() for line in text.splitlines()]
    assert first == ["pip install .", "minnet tour"]
    assert first[0] in script
    assert any(line.startswith(first[1] + " --quick") for line in script)
    start = next(i for i, line in enumerate(script) if line.startswith("test_command()"))
    body = script[start : script.index("}", start)]
    assert [line for line in body if line in second] == second


def test_every_test_that_the_conventions_name_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README)
    assert len(named) > 10
    for file, name in named:
        assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), (file, name)


def test_pictures_exist_and_are_small():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures and all((ROOT / path).stat().st_size < 150_000 for path in pictures)
