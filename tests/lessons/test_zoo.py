"""The zoo of training programs: its goals, its labels, and a fast subset."""

import importlib
import importlib.util

import pytest

from minnet.sanity import Diagnosis, Finding
from minnet.sanity.detectors import DETECTORS

FOLDER = "lessons" if importlib.util.find_spec("lessons.zoo") else "minnet_lessons"
score, training, main = (
    importlib.import_module(f"{FOLDER}.zoo.{name}") for name in ("score", "training", "__main__")
)
BROKEN = {p.name: p for p in training.BROKEN}
HEALTHY = {p.name: p for p in training.HEALTHY}
FAST = [
    "softmax_before_cross_entropy", "missing_zero_grad", "labels_shuffled", "frozen_layer",
    "sgd_rate_far_too_high", "sgd_rate_far_too_low", "column_against_row", "all_relus_dead",
]  # fmt: skip
SOUND = ["digits_with_adam", "batch_norm", "imbalanced_classes", "text_by_recurrence",
         "high_but_stable_rate", "sine_by_tanh"]  # fmt: skip


@pytest.mark.parametrize("name", FAST)
def test_broken_programs_get_their_name(name):
    result = score.diagnose(BROKEN[name])
    assert result.named(2), result.kinds


@pytest.mark.parametrize("name", SOUND)
def test_healthy_programs_raise_no_alarm(name):
    result = score.diagnose(HEALTHY[name])
    assert not result.kinds, result.diagnosis


def test_the_zoo_is_large_and_its_labels_are_detectors():
    assert len(BROKEN) == len(training.BROKEN) >= 40
    assert len(HEALTHY) == len(training.HEALTHY) >= 40
    assert {fault for p in training.BROKEN for fault in p.faults} <= set(DETECTORS)


def result(program, *kinds):
    found = [Finding(kind, "error", "fact", "1", "w.", "t.") for kind in kinds]
    return score.Result(program, Diagnosis(found), 0.1)


def test_scores_are_counted_right():
    """By hand: one found first, one third, one missed; one of two healthy alarmed."""
    a = training.Program("a", None, ("frozen",))
    b = training.Program("b", None, ("leak",))
    c, h = training.Program("c", None, ("uphill",)), training.Program("h", None)
    results = [result(a, "frozen"), result(b, "x", "y", "leak"), result(c), result(h),
               result(h, "leak")]  # fmt: skip
    s = score.summary(results)
    assert s["recall"] == s["named"] == pytest.approx(2 / 3)
    assert s["top two"] == pytest.approx(1 / 3) and s["false alarms"] == 0.5
    rows = {row[0]: row[1:] for row in score.table(results)}
    assert rows["leak"] == (1, 1, 1, 0.5, 1.0) and rows["uphill"][:3] == (1, 0, 0)
    assert not main.goals_met(s)
    assert main.goals_met({"recall": 0.9, "top two": 0.75, "false alarms": 0.05})


def test_the_command_prints_a_table(tmp_path, capsys):
    assert main.main(["--only", "frozen_layer", "--output", str(tmp_path / "s.md")]) == 0
    printed = capsys.readouterr().out
    assert "frozen_layer" in printed and "| frozen | 1 | 1 | 0 | 100% | 100% |" in printed
    assert not (tmp_path / "s.md").exists()


@pytest.mark.slow
def test_the_whole_zoo_meets_its_goals():
    results = [score.diagnose(p) for p in (*training.BROKEN, *training.HEALTHY)]
    assert main.goals_met(score.summary(results)), main.page(results)
