"""Records of training: whole, in step with the script, and quoted right in README.md."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.benchmarks import train_models
from tests.benchmarks.timing import RECORDS

TRAINED = [name for name in train_models.JOBS if name != "curves"]
README = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")


def load(name):
    return json.loads((RECORDS / f"train_{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", TRAINED)
def test_every_job_has_a_record_with_a_falling_loss_that_the_readme_quotes(name):
    record = load(name)
    curve, columns = record["curve"], record["columns"]
    assert all(len(row) == len(columns) for row in curve) and len(curve) > 1
    assert curve[-1][1] < curve[0][1]
    row = re.search(rf"^\| `{name}` \|.*$", README, re.MULTILINE)
    assert row and f"| {train_models.result(record).removeprefix('accuracy ')} |" in row[0]


@pytest.mark.parametrize("name", ["resnet", "resnet9"])
def test_records_of_the_subset_say_how_small_it_is(name):
    record = load(name)
    assert (record["train_images"], record["test_images"], record["chance"]) == (2500, 1000, 0.1)
    assert record["test_accuracy"] > 3 * record["chance"]


def test_curves_are_drawn(tmp_path):
    train_models.curves(tmp_path)
    assert 0 < (tmp_path / "train_curves.png").stat().st_size < 150_000


def test_unknown_names_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train_models", "lennet"])
    with pytest.raises(SystemExit):
        train_models.main()
    assert "no job 'lennet': choose from char_lstm" in capsys.readouterr().err


def test_a_short_run_on_the_digits_learns():
    """What a record holds of a run: its result is the last row of its curve."""
    train_set, test_set = train_models.data.digits()
    model = train_models.nn.mlp([64, 32, 10], rng=0)
    run = train_models.train_on_images(model, train_set, test_set, epochs=3, batch=64, lr=0.1)
    assert run["parameters"] == 65 * 32 + 33 * 10
    assert [row[0] for row in run["curve"]] == [1, 2, 3]
    assert run["test_accuracy"] == pytest.approx(run["curve"][-1][-1], abs=1e-4)
    assert run["test_accuracy"] > 0.9
