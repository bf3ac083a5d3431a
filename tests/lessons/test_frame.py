"""The frame of a check: what it says at each try, what it keeps, how it compares."""

import json
import re
import threading

import minnet_lessons
import numpy as np
import pytest
from minnet_lessons import Passed, TryAgain, YourTurn, checks, store
from minnet_lessons.catalogue import exercises
from minnet_lessons.checks import Wrong, agrees, call, exercise, expect, same

import minnet as mn


@exercise("0.7", "Double it", points=4, hints={"tripled": ("Less.", "A third less.", "2, not 3.")})
def double(answer, rng):
    """Twice a random number."""
    same(
        answer,
        lambda x: 2 * x,
        [(rng.normal(),) for _ in range(3)],
        known={"tripled": lambda x: 3 * x},
    )
    yield "three numbers are doubled"
    if answer(np.ones(2)).shape != (2,):
        raise Wrong("shape", "no arrays", earned=0.5)
    yield "and an array"


def complaint(check, *answer, **settings):
    with pytest.raises(TryAgain) as caught:
        check(*answer, **settings)
    return caught.value


def test_a_right_answer_says_what_holds():
    passed = double(lambda x: x + x)
    assert isinstance(passed, Passed) and (passed.exercise, passed.points) == ("0.7", 4)
    assert str(passed).splitlines() == [
        "0.7 Double it: right (4 points).", "  + three numbers are doubled", "  + and an array",
    ]  # fmt: skip
    assert "<li>and an array</li>" in passed._repr_html_()


def test_the_same_mistake_gives_the_next_hint_and_another_begins_anew():
    hints = [
        str(complaint(double, lambda x: 3 * x)).split("Hint ")[1].split("\n")[0] for _ in range(4)
    ]
    assert hints == [
        "1 of 3: Less.",
        "2 of 3: A third less.",
        "3 of 3: 2, not 3.",
        "3 of 3: 2, not 3.",
    ]
    assert "Hint 1 of 3" in str(complaint(double, lambda x: 4 * x))


def test_what_held_before_the_mistake_is_said_and_earned():
    error = complaint(double, lambda x: 2 * np.sum(x))
    assert (error.exercise, error.mistake, error.earned) == ("0.7", "shape", 2)
    assert "  + three numbers are doubled\n  - no arrays" in str(error)
    assert error._render_traceback_() == str(error).splitlines()


def test_a_seed_repeats_the_inputs_and_the_environment_sets_it(monkeypatch):
    def seen(**settings):
        return str(complaint(double, lambda x: x, **settings)).split("  - ")[1].split("\n")[0]

    assert seen() != seen()
    assert seen(seed=3) == seen(seed=3) != seen(seed=4)
    seed = int(re.search(r"seed=(\d+)", str(complaint(double, lambda x: x)))[1])
    assert seen(seed=seed) == seen(seed=seed)
    monkeypatch.setenv("MINNET_LESSONS_SEED", "autumn")
    assert seen() == seen()
    first = seen()
    monkeypatch.setenv("MINNET_LESSONS_SEED", "spring")
    assert seen() != first


def unfinished(x):
    raise YourTurn


def as_nbgrader_leaves_it(x):
    raise NotImplementedError()


@pytest.mark.parametrize("answer", [..., unfinished, as_nbgrader_leaves_it])
def test_an_open_answer_is_your_turn_and_no_try(answer, progress_file):
    with pytest.raises(YourTurn, match="Your turn: exercise 0.7, Double it") as caught:
        double(answer)
    assert caught.value._render_traceback_() == [str(caught.value)]
    assert not progress_file.exists()


def test_your_turn_alone_is_friendly():
    assert "Your turn" in YourTurn()._render_traceback_()[0]
    assert issubclass(YourTurn, NotImplementedError)


def test_a_check_that_fails_itself_says_so_in_words():
    @exercise("0.8", "Fragile")
    def fragile(answer, rng):
        yield f"{answer + 1}"

    error = complaint(fragile, "x")
    assert error.mistake == "unexpected" and "TypeError" in str(error)


def exits(x):
    raise SystemExit(3)


def edits(x):
    x += 1
    return x


@pytest.mark.parametrize(
    ("answer", "mistake", "said"),
    [
        (3, "type", "this is 3"),
        (lambda x: x / "a", "raised", "TypeError"),
        (lambda x, y: x, "raised", "positional argument"),
        (exits, "raised", "SystemExit: 3"),
        (edits, "changed its input", "other values"),
    ],
)
def test_errors_of_an_answer_are_told(answer, mistake, said):
    with pytest.raises(Wrong) as caught:
        call(answer, np.ones(2))
    assert caught.value.mistake == mistake and said in caught.value.seen


@pytest.mark.parametrize(
    ("got", "want", "mistake"),
    [
        (None, 1.0, "nothing"),
        ("1", 1.0, "type"),
        ([1, 2], 1.0, "shape"),
        (np.nan, 1.0, "not finite"),
        (1.1, 1.0, "value"),
        (2.0, 1.0, "doubled"),
        ((1,), (1, 2), "parts"),
        (np.ones(1), (1, 2), "parts"),
        ("1, 2", (1, 2), "type"),
        ((1, 3), (1, 2), "value"),
        (1, True, "value"),
        (3, None, "value"),
    ],
)
def test_wrong_values_are_kinds_of_mistakes(got, want, mistake):
    with pytest.raises(Wrong) as caught:
        expect(got, want, known={"doubled": 2.0})
    assert caught.value.mistake == mistake


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (np.float32(1), 1.0), (np.array(1), 1.0), ([1.0, 2.0], np.array([1, 2])), ([1, 2], (1, 2)),
        (mn.tensor([1.0]), np.ones(1)), (np.nan, np.nan), (True, True), ("a", "a"), (1 + 1e-9, 1.0),
    ],
)  # fmt: skip
def test_right_values_agree_in_any_type(got, want):
    assert agrees(got, want)
    expect(got, want)


def test_an_open_value_is_your_turn():
    with pytest.raises(YourTurn):
        expect(..., 1.0)


def test_a_known_mistake_must_explain_every_input():
    """2x is x^2 at 2 alone: then it is no squared answer."""
    known = {"squared": lambda x: x**2}
    with pytest.raises(Wrong) as caught:
        same(lambda x: x**2 if x == 2 else 7.0, lambda x: 3 * x, [(2.0,), (3.0,)], known=known)
    assert caught.value.mistake == "value"
    with pytest.raises(Wrong) as caught:
        same(lambda x: x**2, lambda x: 3 * x, [(2.0,), (3.0,)], known=known)
    assert caught.value.mistake == "squared"


def test_the_smallest_failing_input_is_shown():
    inputs = [(np.ones(9),), (np.ones(2),), (np.ones(5),)]
    with pytest.raises(Wrong, match=re.escape("[1., 1.]")):
        same(lambda x: x, lambda x: 2 * x, inputs)


def test_every_name_of_checks_is_there():
    assert all(hasattr(checks, name) for name in checks.__all__)


# -- progress --------------------------------------------------------------------------------------


def test_progress_is_kept_in_the_file_that_is_named(progress_file):
    complaint(double, lambda x: 3 * x)
    complaint(double, lambda x: 3 * x)
    complaint(double, lambda x: 2 * np.sum(x))
    assert json.loads(progress_file.read_text()) == {
        "0.7": {"points": 2, "tries": {"tripled": 2, "shape": 1}}
    }
    double(lambda x: 2 * x)
    complaint(double, lambda x: 3 * x)
    assert store.read()["0.7"]["points"] == 4


def test_the_default_file_lies_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("MINNET_PROGRESS")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    store.passed("0.7", 1.0)
    assert (tmp_path / ".minnet" / "progress.json").is_file()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"0.7": 3}', '{"0.7": {"points": "x", "tries": {}}}',
     '{"0.7": {"points": 1, "tries": {"a": "b"}}}', "\xff"],
)  # fmt: skip
def test_a_damaged_file_counts_as_empty_and_is_replaced(progress_file, text):
    progress_file.write_bytes(text.encode("latin-1"))
    assert store.read() == {}
    assert store.tried("0.7", "a") == 1
    assert store.read() == {"0.7": {"points": 0.0, "tries": {"a": 1}}}


def test_a_disk_that_cannot_be_written_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MINNET_PROGRESS", str(tmp_path / "file" / "progress.json"))
    assert double(lambda x: 2 * x)
    assert "Hint 1" in str(complaint(double, lambda x: 3 * x))


def test_writers_at_the_same_time_do_no_harm(progress_file):
    """Some tries may be lost, the file never is."""

    def work(k):
        for i in range(20):
            store.tried(f"0.{k}", f"m{i}")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(progress_file.read_text()) == store.read() != {}
    assert [p.name for p in progress_file.parent.iterdir()] == [progress_file.name]


def test_the_table_of_the_course(progress_file):
    empty = minnet_lessons.progress()
    assert empty.earned == 0 and empty.possible == sum(row.possible for row in empty.rows)
    first = exercises(1)["1.1"]
    store.passed("1.1", first.points)
    store.tried("1.2", "value", 0.5)
    store.tried("1.2", "value")
    table = minnet_lessons.progress()
    assert table.earned == first.points + 0.5 and table.possible == empty.possible
    lines = str(table).splitlines()
    assert lines[0].startswith("Lesson 1: ") and lines[-1].startswith("Course: 2.5 of ")
    assert (
        "x 1.1" in lines[1]
        and "/ 1.2" in lines[2]
        and "(2 wrong)" in lines[2]
        and ". 1.3" in lines[3]
    )
    assert "<td>1.1</td>" in table._repr_html_() and "2.5 of" in table._repr_html_()
    assert table.to_dict()["exercises"][1] == {
        "lesson": lines[0].split("   ")[0], "exercise": "1.2", "title": exercises(1)["1.2"].title,
        "earned": 0.5, "possible": exercises(1)["1.2"].points, "tries": 2,
    }  # fmt: skip
