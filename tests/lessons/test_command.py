"""`minnet lessons` copies the notebooks, keeps the reader's work and starts JupyterLab."""

import importlib.util
import subprocess
import sys

import pytest
from minnet_lessons import __main__ as lessons_main
from minnet_lessons import command, source

from minnet import cli

NAMES = [f"{lesson.name}.ipynb" for lesson in source.lessons()]


def run(capsys, *words):
    status = cli.main(["lessons", *map(str, words)])
    return (status, *capsys.readouterr())


def test_notebooks_are_copied_without_solutions(tmp_path, capsys):
    status, out, err = run(capsys, tmp_path / "course", "--copy-only")
    assert (status, err) == (0, "") and f"{len(NAMES)} notebooks copied" in out and NAMES[0] in out
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(["course", *NAMES])
    assert not any("SOLUTION" in p.read_text() for p in tmp_path.rglob("*.ipynb"))


def test_your_work_is_kept_and_said(tmp_path, capsys):
    run(capsys, tmp_path, "--copy-only")
    (tmp_path / NAMES[0]).write_text("mine")
    (tmp_path / NAMES[1]).unlink()
    status, out, _ = run(capsys, tmp_path, "--copy-only")
    assert status == 0 and "1 notebooks copied" in out
    assert [line for line in out.splitlines() if "kept yours" in line] == [
        f"kept yours: {tmp_path / NAMES[0]}"
    ]
    assert (tmp_path / NAMES[0]).read_text() == "mine"
    assert "0 notebooks copied" in run(capsys, tmp_path, "--copy-only")[1]


@pytest.fixture
def calls(monkeypatch):
    """What would have been started, with JupyterLab installed."""
    made = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(subprocess, "call", lambda words: made.append(words) or 0)
    return made


@pytest.mark.parametrize(("options", "extra"), [([], []), (["--no-browser"], ["--no-browser"])])
def test_jupyterlab_is_started_in_the_folder(tmp_path, capsys, calls, options, extra):
    assert run(capsys, tmp_path, *options)[0] == 0
    assert calls == [[sys.executable, "-m", "jupyterlab", *extra, str(tmp_path)]]
    assert (tmp_path / NAMES[0]).is_file()


def test_a_failure_of_jupyterlab_is_one_of_ours(tmp_path, capsys, calls, monkeypatch):
    monkeypatch.setattr(subprocess, "call", lambda words: 3)
    assert run(capsys, tmp_path)[0] == 1


def test_without_jupyterlab_the_pip_command_is_named_and_nothing_is_copied(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    status, out, err = run(capsys, tmp_path / "course")
    assert status == 1 and 'pip install "minnet[lessons]"' in err and len(err.splitlines()) == 1
    assert not (tmp_path / "course").exists()


def test_a_folder_that_is_a_file_is_said(tmp_path, capsys):
    (tmp_path / "course").write_text("")
    status, out, err = run(capsys, tmp_path / "course", "--copy-only")
    assert status == 2 and len(err.splitlines()) == 1


@pytest.mark.parametrize("name", lessons_main.COMMANDS)
def test_commands_explain_themselves(name, capsys):
    with pytest.raises(SystemExit) as stop:
        lessons_main.main([name, "--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0 and out.startswith(f"usage: python -m lessons {name}")


def test_the_list_shows_every_exercise(capsys):
    assert lessons_main.main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(number in out for lesson in source.lessons() for number in lesson.exercises)


def test_module_is_installed_under_its_name():
    done = subprocess.run(
        [sys.executable, "-m", "minnet_lessons", "list"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Course: " in done.stdout


def test_the_copy_goes_to_a_folder_of_its_own_by_default(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(capsys, "--copy-only")
    assert (tmp_path / command.FOLDER / NAMES[0]).is_file()
