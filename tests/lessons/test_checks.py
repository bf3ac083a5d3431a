"""Exercises reject known wrong answers with the intended hint, and take right ones in any style."""

import copy
import inspect
import re

import numpy as np
import pytest
from minnet_lessons import Passed, TryAgain, YourTurn
from minnet_lessons.checks.exercise import COMMON

from .answers import EXERCISES, LESSONS, RIGHT, WRONG, solutions

SEEDS = (0, 1, 2)
TRIVIAL = 8  # shorter expressions say nothing, like `x + h`


def parts(number):
    """How many parts an answer to this exercise has: the arguments of its check, but for rng."""
    arguments = inspect.signature(EXERCISES[number].check).parameters
    return len(arguments) - 1


def squeezed(text):
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize(
    "submission", WRONG, ids=[f"{s.exercise}-{s.mistake}-{i}" for i, s in enumerate(WRONG)]
)
def test_wrong_answers_are_told_their_mistake_in_three_stages(submission):
    check, texts = EXERCISES[submission.exercise], []
    for stage in (1, 2, 3, 3):
        with pytest.raises(TryAgain) as caught:
            check(*submission.answer, seed=stage)
        assert caught.value.mistake == submission.mistake, caught.value
        assert 0 <= caught.value.earned < check.points
        texts.append(str(caught.value))
        assert f"Hint {stage} of 3: {check.hints[submission.mistake][stage - 1]}" in texts[-1]
    assert len({text.split("Hint")[1] for text in texts}) == 3


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("number", "answer"), RIGHT, ids=[f"{n}-{i}" for i, (n, _) in enumerate(RIGHT)]
)
def test_right_answers_in_other_styles_pass(number, answer, seed):
    before = copy.deepcopy([part for part in answer if isinstance(part, np.ndarray)])
    passed = EXERCISES[number](*answer, seed=seed)
    assert isinstance(passed, Passed) and passed.lines
    after = [part for part in answer if isinstance(part, np.ndarray)]
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("number", EXERCISES)
def test_each_exercise_has_five_wrong_answers_and_right_ones(number):
    assert sum(s.exercise == number for s in WRONG) >= 5
    assert len({s.mistake for s in WRONG if s.exercise == number}) >= 3
    assert any(n == number for n, _ in RIGHT)


def test_answers_belong_to_an_exercise():
    assert {s.exercise for s in WRONG} | {n for n, _ in RIGHT} <= set(EXERCISES)


@pytest.mark.parametrize("number", EXERCISES)
def test_each_mistake_of_its_own_is_made_by_a_wrong_answer(number):
    """A hint that no submission reaches may be unreachable."""
    own = set(EXERCISES[number].hints) - set(COMMON)
    assert own - {s.mistake for s in WRONG if s.exercise == number} == set()


@pytest.mark.parametrize("number", EXERCISES)
def test_hints_differ_and_none_gives_the_solution_away(number):
    lines = [line.removeprefix("return ") for line in solutions(number)]
    assert lines
    values = {squeezed(line.split(" = ", 1)[-1]) for line in lines if re.search(r"[-+*/(\[]", line)}
    for mistake, hints in EXERCISES[number].hints.items():
        assert len(set(hints)) == 3 and all(hints), mistake
        for hint in map(squeezed, hints):
            shown = [v for v in values if len(v) > TRIVIAL and v in hint]
            assert not shown, f"{number} {mistake}: {hint} shows {shown}"


@pytest.mark.parametrize("number", EXERCISES)
def test_open_answers_are_your_turn(number):
    """Neither `...` nor an answer that raises YourTurn counts as a try."""

    def blank(*inputs, **settings):
        raise YourTurn

    size = parts(number)
    with pytest.raises(YourTurn, match=f"Your turn: exercise {number}"):
        EXERCISES[number](*[...] * size)
    if all(callable(part) for n, a in RIGHT if n == number for part in a):
        with pytest.raises(YourTurn, match=f"Your turn: exercise {number}"):
            EXERCISES[number](*[blank] * size)


HOSTILE = {
    "none": None, "text": "x", "list": [], "number": 3.5, "nan": np.nan, "empty": np.zeros(0),
    "returns none": lambda *a, **k: None, "returns text": lambda *a, **k: "x",
    "returns its arguments": lambda *a, **k: a, "returns lists": lambda *a, **k: [[1], [2, 3]],
    "raises": lambda *a, **k: 1 / 0, "exits": lambda *a, **k: exit(),
    "object": np.array([None, {}]),
}  # fmt: skip


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("number", EXERCISES)
def test_no_answer_breaks_a_check(number, answer):
    """Whatever is handed in, it is not right, and the check itself says so in words."""
    with pytest.raises(TryAgain) as caught:
        EXERCISES[number](*[answer] * parts(number))
    assert caught.value.mistake != "unexpected", caught.value.__cause__


def test_every_lesson_has_exercises_of_its_own():
    for lesson in LESSONS:
        own = [n for n in EXERCISES if n.split(".")[0] == str(lesson.number)]
        assert own == lesson.exercises and 3 <= len(own) <= 6
        assert own == [f"{lesson.number}.{k}" for k in range(1, len(own) + 1)]
