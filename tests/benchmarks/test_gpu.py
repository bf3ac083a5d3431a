"""The scripts for a GPU run without one: on the stand-in, and on the CPU with real data."""

import re
import sys

import pytest

from minnet import backend
from tests.benchmarks import gpu, train_cifar10


@pytest.fixture
def command(monkeypatch):
    """Run a script's main with these arguments; afterwards "cuda" is served by what did before."""

    def run(main, *arguments):
        monkeypatch.setattr(sys, "argv", ["script", *arguments])
        before = backend.gpus.module
        try:
            main()
        finally:
            backend.register(before)

    return run


@pytest.mark.slow
def test_benchmark_on_the_stand_in(command, capsys):
    command(gpu.main, "--stand-in")
    text = capsys.readouterr().out
    assert "stand-in" in text and "Adam on 1,000 floats" in text
    assert all(title in text for title in gpu.WORKLOADS)
    with pytest.raises(SystemExit):
        command(gpu.main, "--stand-in", "--json")


@pytest.mark.oracle
@pytest.mark.parametrize("title", gpu.WORKLOADS)
def test_both_libraries_start_alike(title):
    """What the benchmark asserts on a card, here on the CPU: the losses of three steps agree."""
    pytest.importorskip("torch")
    steps = gpu.workload(title, 4, 1e-3, "cpu")
    losses = {name: [f().item() for _ in range(3)] for name, f in steps.items()}
    assert losses["minnet"] == pytest.approx(losses["torch"], rel=1e-3)


@pytest.mark.oracle
@pytest.mark.parametrize("half", ["bfloat16", "float16"])
@pytest.mark.parametrize("title", [t for t in gpu.WORKLOADS if t.startswith(("W2", "W3", "W6"))])
def test_mixed_precision_is_near_autocast(title, half):
    """Within 2 %, three steps long; autocast rounds activations and biases too."""
    pytest.importorskip("torch")
    steps = gpu.workload(title, 4, 1e-3, "cpu", half)
    losses = {name: [f().item() for _ in range(3)] for name, f in steps.items()}
    assert losses["minnet"] == pytest.approx(losses["torch"], rel=2e-2)


@pytest.mark.slow
@pytest.mark.parametrize("half", [[], ["--half=float16"], ["--half=bfloat16"]])
def test_training_runs_on_the_stand_in(command, capsys, real_data, half):
    """Whole epochs, crops, evaluation and averaging included; in float32 and in mixed precision."""
    folder = real_data / "cifar-10-subset"
    if not folder.is_dir():
        pytest.skip("MINNET_DATA has no folder cifar-10-subset")
    if half == ["--half=bfloat16"]:
        pytest.importorskip("ml_dtypes")
    settings = {"epochs": 2, "average": 1, "width": 4, "batch": 50, "steps": 4}
    options = [f"--{name}={value}" for name, value in settings.items()]
    command(train_cifar10.main, "--root", str(folder), "--stand-in", *options, *half)
    assert capsys.readouterr().out.count("test") == 3


@pytest.mark.slow
def test_training_learns_from_real_images(command, capsys, real_data):
    folder = real_data / "cifar-10-subset"
    if not folder.is_dir():
        pytest.skip("MINNET_DATA has no folder cifar-10-subset")
    settings = {"device": "cpu", "epochs": 2, "average": 1, "width": 4, "batch": 50, "steps": 25}
    options = [f"--{name}={value}" for name, value in settings.items()]
    command(train_cifar10.main, "--root", str(folder), *options)
    lines = capsys.readouterr().out.splitlines()
    losses = [float(re.search(r"loss ([0-9.]+)", line)[1]) for line in lines[:2]]
    assert losses[1] < losses[0] < 2.5 and lines[2].startswith("averaged weights: test")
