"""The command line: help that reads well, suggestions, exit statuses, one-line errors."""

import subprocess
import sys

import pytest

import minnet
from minnet import cli, errors


def call(capsys, *words):
    """(exit status, stdout, stderr)"""
    try:
        status = cli.main(words)
    except SystemExit as stop:
        status = stop.code
    return (status, *capsys.readouterr())


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in cli.COMMANDS)])
def test_help_reads_well(capsys, words):
    status, out, err = call(capsys, *words)
    assert (status, err) == (0, "")
    assert out.startswith("usage: minnet") and all(len(line) <= 100 for line in out.splitlines())
    assert words == ["--help"] or "exit status" in out.lower()


def test_version(capsys):
    assert call(capsys, "--version") == (0, f"minnet {minnet.__version__}\n", "")


def test_help_names_every_command_and_loads_none():
    code = "import sys, minnet.cli; minnet.cli._parser([]).format_help(); " \
           "sys.exit(any('matplotlib' in m or m.startswith('minnet.t') for m in sys.modules " \
           "if m != 'minnet.tensor'))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "COMMAND"),
        (["tuor"], "did you mean tour?"),
        (["zzz"], "there is: tour"),
        (["tour", "--epochs", "0"], "at least 1, got 0"),
        (["tour", "--epochs", "many"], "whole number"),
        (["tour", "--seed", "-1"], "at least 0"),
        (["tour", "--data", "cats"], "invalid choice"),
        (["tour", "--no-such"], "unrecognized"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_status_2(capsys, words, part):
    status, out, err = call(capsys, *words)
    assert (status, out) == (2, "")
    assert part in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.TrainingError("the loss is nan"), 1),
        (errors.DataError("no such file"), 2),
        (PermissionError(13, "Permission denied"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_are_one_line_with_a_status(capsys, monkeypatch, error, status):
    from minnet.tour import command

    def fail(options):
        raise error

    monkeypatch.setattr(command, "run_command", fail)
    got, out, err = call(capsys, "tour")
    assert (got, out) == (status, "") and len(err.strip().splitlines()) == 1
    assert err.strip().startswith("minnet tour: ")


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    from minnet.tour import command

    monkeypatch.setattr(command, "run_command", lambda options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["tour"])
