"""Grading: points for what is right, a reason for what is not, the same on every run."""

import copy
import csv
import json
import sys
import time

import pytest
from minnet_lessons import __main__ as lessons_main
from minnet_lessons import build, source
from minnet_lessons.catalogue import exercises
from minnet_lessons.grading import Submission, find, grade, submissions, table, write_csv
from minnet_lessons.grading.runner import Limits

LESSON = source.lessons([1])[0]
FULL = {number: exercises(1)[number].points for number in LESSON.exercises}
QUICK = Limits(seconds=60)
posix = pytest.mark.skipif(sys.platform == "win32", reason="limits need a POSIX system")


def code(text, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": text, "outputs": []}


def short_book(solutions=True):
    """The notebook of lesson 1 without its demonstrations: imports, exercises, checks."""
    book = build.notebook(LESSON, solutions=solutions)
    cells = [c for c in book["cells"] if c["cell_type"] == "code"]
    book["cells"] = [cells[0], *(c for c in cells if "nbgrader" in c["metadata"])]
    return book


def cell(book, name):
    return next(c for c in book["cells"] if c.get("id") == name)


def hand_in(folder, book, student="ann"):
    path = folder / student / f"{LESSON.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(book if isinstance(book, str) else json.dumps(book), encoding="utf-8")
    return Submission(student, LESSON, path)


def points(grades):
    return {number: given.points for number, given in grades.items()}


def test_the_solution_earns_all_points_and_the_untouched_notebook_none(tmp_path):
    full = grade(hand_in(tmp_path, short_book()), QUICK)
    assert points(full) == FULL
    assert {given.feedback for given in full.values()} == {"right"}
    none = grade(hand_in(tmp_path, short_book(solutions=False), "bob"), QUICK)
    assert set(points(none).values()) == {0}
    assert {given.feedback for given in none.values()} == {"nothing written yet"}


def changed(name, text):
    book = short_book()
    cell(book, name)["source"] = text
    return book


SLOPES = "".join(cell(short_book(), "exercise_1_1")["source"])
ONE = "1.1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "forward_difference = centred_difference = lambda f, x, h: f(x + h) - f(x)",
            "Hint 1 of 3",
        ),
        ("def broken(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; sys.exit()", "calls exit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("input()", "EOFError"),
        ("import os; os._exit(0)", "the process ended with code 0"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import socket; socket.create_connection(('1.1.1.1', 80))", "no network while grading"),
        ("open('big', 'wb').write(bytes(10**8))", "OSError"),
    ],
)
@posix
def test_a_cell_that_fails_costs_its_own_exercise(tmp_path, text, reason):
    grades = grade(hand_in(tmp_path, changed("exercise_1_1", text)), QUICK)
    assert points(grades) == {**FULL, ONE: 0}, grades
    assert reason in grades[ONE].feedback
    assert len(grades[ONE].feedback.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("while True: pass", "it ran for more than 3 s"),
        ("while True:\n    try:\n        while True: sum([1, 2])\n    except: pass", "the process"),
        ("while True: print('flood' * 1000)", "it ran for more than 3 s"),
        ("hog = []\nwhile True: hog.append(bytearray(10**7))", "too much memory"),
        ("import os\nwhile os.fork() == 0: pass\nwhile True: pass", "it ran for more than 3 s"),
    ],
)
@posix
def test_a_cell_without_end_costs_its_own_exercise(tmp_path, text, reason):
    began = time.monotonic()
    grades = grade(hand_in(tmp_path, changed("exercise_1_1", text)), Limits(18, memory=1024))
    assert points(grades) == {**FULL, ONE: 0}, grades
    assert reason in grades[ONE].feedback
    assert time.monotonic() - began < 25


@posix
def test_a_function_without_end_is_stopped_in_its_check(tmp_path):
    endless = "def forward_difference(f, x, h):\n    while True: pass\ncentred_difference = None"
    grades = grade(hand_in(tmp_path, changed("exercise_1_1", endless)), Limits(18))
    assert points(grades) == {**FULL, ONE: 0}
    assert "it ran for more than 3 s" in grades[ONE].feedback


def tampered():
    """(what was done, notebook) that would earn points if the student's own checks counted."""
    blank = short_book(solutions=False)
    for name, text in {
        "checks replaced": "pass",
        "checks forged": "from minnet_lessons import Passed; Passed('1.1', '', 2, [])",
    }.items():
        book = copy.deepcopy(blank)
        for c in book["cells"]:
            if c["metadata"].get("nbgrader", {}).get("grade"):
                c["source"] = text
        yield name, book
    book = copy.deepcopy(blank)
    fake = "class Fake:\n    def __getattr__(self, name):\n        return print\ncheck = Fake()"
    book["cells"].insert(1, code(fake))
    yield "check rebound", book
    book = copy.deepcopy(blank)
    patch = "for n in list(vars(check)):\n    if not n.startswith('_'): setattr(check, n, print)"
    book["cells"].insert(1, code(patch))
    yield "module patched", book
    book = copy.deepcopy(blank)
    book["cells"].append(code('print(\'{"cell": 2, "said": "", "points": 2}\', flush=True)'))
    yield "events printed", book
    book = copy.deepcopy(blank)
    for c in book["cells"]:
        if c["metadata"].get("nbgrader", {}).get("grade"):
            c["metadata"]["nbgrader"]["points"] = 100
    yield "points raised", book


@pytest.mark.parametrize(
    ("what", "book"), list(tampered()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_tampering_earns_nothing(tmp_path, what, book):
    assert set(points(grade(hand_in(tmp_path, book), QUICK)).values()) == {0}


def rearranged():
    """(what was done, notebook) that is still right."""
    book = short_book()
    book["cells"] = [c for c in book["cells"] if not c["metadata"].get("nbgrader", {}).get("grade")]
    yield "checks deleted", book
    book = short_book()
    for c in book["cells"]:
        c.pop("id")
        c["metadata"] = {}
    yield "names lost", book
    book = short_book()
    book["cells"] = [c for c in book["cells"] if not c["metadata"].get("nbgrader", {}).get("grade")]
    for c in book["cells"]:
        c.pop("id")
        c["metadata"] = {}
    yield "names lost and checks deleted", book
    book = short_book()
    extra = [
        "%matplotlib inline\n!pip list\nx = 1",
        "display('hello')",
        "import matplotlib.pyplot as p; p.show()",
    ]
    book["cells"][1:1] = [code(text) for text in extra]
    yield "notebook habits", book
    book = short_book(solutions=False)
    right = short_book()["cells"][1:]
    for c in right:
        c["metadata"] = {}
    book["cells"] += right
    yield "solved below", book
    book = short_book()
    for c in book["cells"]:
        c["source"] = "".join(c["source"])
    yield "plain strings", book


@pytest.mark.parametrize(
    ("what", "book"), list(rearranged()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_right_counts_wherever_it_stands(tmp_path, what, book):
    grades = grade(hand_in(tmp_path, book), QUICK)
    assert points(grades) == FULL, grades


@pytest.mark.parametrize(
    "text",
    [
        *("", "not json", "[]", "{}", '{"cells": 3}', '{"cells": [3]}', "[" * 100_000, "\x00"),
        '{"cells": [{"cell_type": "code"}]}',
        '{"cells": [{"cell_type": "code", "source": 3}]}',
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_notebook_earns_nothing_and_is_told(tmp_path, text):
    grades = grade(hand_in(tmp_path, text), QUICK)
    assert set(points(grades).values()) == {0}
    assert all("no notebook" in given.feedback for given in grades.values())


def test_nothing_is_left_behind_and_progress_is_untouched(tmp_path, progress_file):
    grade(hand_in(tmp_path, changed("exercise_1_1", "open('left', 'w').write('x')")), QUICK)
    assert not progress_file.exists()
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [f"{LESSON.name}.ipynb"]


def test_two_runs_give_the_same_bytes(tmp_path, capsys):
    """D: ids of objects, fresh random numbers and hashes show in no feedback."""
    told = (
        "import random, numpy as np, minnet\n"
        "r = (np.random.rand(), random.random(), np.random.default_rng().random())\n"
        "r += (hash('a'), object())\n"
        "raise ValueError(r)"
    )
    hand_in(tmp_path, changed("exercise_1_1", told), "ann")
    hand_in(
        tmp_path, changed("exercise_1_3", "def relative_error(a, n): return abs(a - n)"), "=bob"
    )
    hand_in(tmp_path, short_book(), "cem")
    for name in ("one.csv", "two.csv"):
        assert lessons_main.main(["grade", str(tmp_path), "--csv", str(tmp_path / name)]) == 0
    one, two = ((tmp_path / name).read_bytes() for name in ("one.csv", "two.csv"))
    assert one == two
    assert "wrote" in capsys.readouterr().out
    rows = list(csv.DictReader(one.decode().splitlines()))
    assert [row["student"] for row in rows] == ["'=bob", "ann", "cem"]
    assert [float(row["total"]) for row in rows] == [13, 13, 15] and rows[0]["of"] == "15"
    assert "absolute" in rows[0]["1.3 feedback"].lower() or "Hint" in rows[0]["1.3 feedback"]
    assert "ValueError" in rows[1]["1.1 feedback"]


def test_submissions_are_found_in_both_layouts(tmp_path):
    name = LESSON.name
    ours = ("ann/{}.ipynb", "bob_{}.ipynb", "cem/week 1/{} (1).ipynb")
    others = ("dan/notes.ipynb", "eva/.ipynb_checkpoints/{}.ipynb", "{}.ipynb")
    for place in (pattern.format(name) for pattern in ours + others):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("{}")
    found, strangers = find(tmp_path, source.lessons())
    assert [(s.student, s.lesson.number) for s in found] == [("ann", 1), ("bob", 1), ("cem", 1)]
    assert sorted(p.name for p in strangers) == sorted([f"{name}.ipynb", "notes.ipynb"])


def test_what_cannot_be_graded_is_said(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    twice = tmp_path / "twice"
    hand_in(twice, "{}")
    (twice / f"ann_{LESSON.name}.ipynb").write_text("{}")
    for words, complaint in [
        ([str(tmp_path / "none")], "there is no folder"),
        ([str(tmp_path / "empty")], "holds no submission"),
        ([str(twice)], "ann handed in lesson 1 twice"),
        ([str(twice), "--seconds", "0"], "--seconds must be positive"),
    ]:
        assert lessons_main.main(["grade", *words]) == 2
        assert complaint in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.csv"))


def test_a_long_feedback_is_cut_and_a_missing_lesson_is_named(tmp_path):
    book = changed("exercise_1_1", "raise ValueError('\\x00 =1+1 \\ud800' * 1000)")
    grades = grade(hand_in(tmp_path, book), QUICK)
    assert len(grades[ONE].feedback) <= 500
    second = source.lessons([2])[0]
    rows = [{"student": "ann", "total": 0.0, "1.1 feedback": grades[ONE].feedback}]
    write_csv(rows, tmp_path / "x.csv")
    assert second.name not in (tmp_path / "x.csv").read_text()


def test_a_student_without_one_of_the_lessons(tmp_path):
    second = source.lessons([2])[0]
    path = tmp_path / "bob" / f"{second.name}.ipynb"
    path.parent.mkdir()
    path.write_text("{}")
    rows = table([hand_in(tmp_path, short_book()), Submission("bob", second, path)], limits=QUICK)
    ann, bob = rows
    assert list(ann) == list(bob) and ann["of"] == bob["of"] == 15 + sum(
        e.points for e in exercises(2).values()
    )
    assert ann["total"] == 15 and ann["2.1 feedback"] == "nothing handed in"
    assert bob["total"] == 0 and "no notebook" in bob["2.1 feedback"]


def test_the_program_puts_our_checks_in_place(tmp_path):
    book = changed("check_1_1", "pass")
    book["cells"].remove(cell(book, "check_1_2"))
    steps = submissions.program(hand_in(tmp_path, book))
    ours = {c.check: c.text for c in LESSON.cells if c.check}
    assert {s.check: s.code for s in steps if s.check} == ours
    place = [s.check for s in steps].index("1.2")
    assert steps[place - 1].exercise == "1.2"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", source.lessons(), ids=lambda lesson: lesson.name)
def test_every_solution_notebook_earns_all_points(tmp_path, lesson):
    for solutions, share in ((True, 1), (False, 0)):
        path = tmp_path / f"{solutions}.ipynb"
        path.write_text(json.dumps(build.notebook(lesson, solutions=solutions)))
        grades = grade(Submission("ann", lesson, path))
        wanted = {n: e.points * share for n, e in exercises(lesson.number).items()}
        assert points(grades) == wanted, grades
