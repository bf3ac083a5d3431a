"""The rules of a lesson's source, and what the lessons cover together."""

import ast
import re
from pathlib import Path

import pytest
from minnet_lessons import source
from minnet_lessons.catalogue import exercises

LESSONS = source.lessons()
CELLS = [(lesson, cell) for lesson in LESSONS for cell in lesson.cells]
LONGEST = 15  # lines of a cell that is not an exercise

# How many behaviours each group of the checklist has: A01 ... A26 and so on.  P: its tables.
CHECKLIST = {
    "A": 26, "B": 14, "C": 17, "D": 15, "E": 9, "F": 7, "G": 13, "H": 20, "I": 7, "J": 8, "K": 10,
    "L": 14, "M": 14, "N": 11, "O": 7, "P": 32, "Q": 10, "R": 6, "V": 6,
}  # fmt: skip
KNOWN = {f"{group}{k:02}" for group, size in CHECKLIST.items() for k in range(1, size + 1)}
SIX = (1, 2, 3, 5, 7, 10)
TOGETHER = {name for name in KNOWN if name[0] in "ABDG"} | {f"P{k:02}" for k in range(1, 13)}
NOT_YET = {"B13"}  # a warning of tune, which comes later


def where(value):
    return f"{value.number:02}" if isinstance(value, source.Lesson) else f"line {value.line}"


def faults(cell):
    """What is against the rules in one cell."""
    lines = [line for line in cell.text.splitlines() if line.strip()]
    if cell.markdown:
        return
    tree = ast.parse(cell.text)
    if not cell.exercise and len(lines) > LONGEST:
        yield f"has {len(lines)} lines, {LONGEST} are allowed"
    if (
        cell.covers
        and not cell.check
        and not any(isinstance(n, ast.Assert) for n in ast.walk(tree))
    ):
        yield "covers something and asserts nothing"
    if set(cell.covers) - KNOWN:
        yield f"covers {sorted(set(cell.covers) - KNOWN)}, which the checklist does not have"


@pytest.mark.parametrize(("lesson", "cell"), CELLS, ids=where)
def test_cells_keep_the_rules(lesson, cell):
    assert list(faults(cell)) == []


def test_broken_rules_are_seen():
    broken = source.Cell("x = 1\n" * 16, 1, covers=["A01", "Z01"])
    assert len(list(faults(broken))) == 3
    assert list(faults(source.Cell("assert x\n" * 15, 1, covers=["A01"]))) == []


def test_the_first_six_lessons_cover_their_groups():
    """Groups A, B, D and G and the tables P01-P12, but for what does not exist yet."""
    covered = {name for lesson in LESSONS if lesson.number in SIX for name in lesson.covers}
    assert sorted(TOGETHER - covered) == sorted(NOT_YET)


@pytest.mark.parametrize("lesson", LESSONS, ids=where)
def test_a_lesson_begins_and_ends_as_all_do(lesson):
    text = "\n".join(cell.text for cell in lesson.cells if cell.markdown)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[0] == f"# Lesson {lesson.number}: {lesson.title}"
    assert "After this lesson you can" in lesson.cells[0].text
    for word in ("Summary", "Sources", "leads"):
        assert any(word.lower() in line.lower() for line in headings), f"no heading with {word}"
    assert "http" in text
    assert sum("picture" in cell.tags for cell in lesson.cells) == 1
    assert lesson.exercises == list(exercises(lesson.number))


@pytest.mark.parametrize("lesson", LESSONS, ids=where)
def test_a_lesson_has_its_guide(lesson):
    guide = source.SOURCES.with_name("teachers") / f"{lesson.name}.md"
    text = guide.read_text(encoding="utf-8").lower()
    for words in (("minutes",), ("prerequisite", "needs"), ("misconception",), ("predict",)):
        assert any(word in text for word in words), f"{guide.name} says nothing about: {words[0]}"
    for number in lesson.exercises:
        assert number in text, f"{guide.name} does not mention exercise {number}"
    table = source.SOURCES.with_name("TEACHERS.md").read_text(encoding="utf-8")
    assert re.search(rf"\| {lesson.number} [^|]+\| {lesson.minutes} \|.*{guide.name}", table)


HEADER = '# ---\n#   lesson: {number: 4, title: "T: t", minutes: 5, needs: "n, m"}\n# ---\n'
SOLUTION = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n"
GOOD = f'{HEADER}\n# %% [markdown]\n# # A\n#\n# b\n\n# %% exercise="4.1"\nx = ...\n{SOLUTION}\n' \
       '# %% check="4.1" covers=["A01", "A02"]\ncheck(x)\n'  # fmt: skip


def read(folder, text, name="04_t.py"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return source.read(path)


def test_a_source_is_read(tmp_path):
    lesson = read(tmp_path, GOOD)
    assert (lesson.number, lesson.title, lesson.minutes, lesson.needs) == (4, "T: t", 5, "n, m")
    assert lesson.name == "04_t" and lesson.exercises == ["4.1"] and lesson.covers == ["A01", "A02"]
    text, answer, check = lesson.cells
    assert text.markdown and text.text == "# A\n\nb"
    assert answer.exercise == "4.1" and answer.text == f"x = ...\n{SOLUTION}".strip()
    assert check.check == "4.1" and check.text == "check(x)" and check.line == 16


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (HEADER, "", "needs a header line"),
        ("minutes: 5", "minutes: soon", "it states number, title, needs"),
        ("number: 4", "number: 5", "says that it is lesson 5"),
        ("### END SOLUTION\n", "", "line 10: each `### BEGIN SOLUTION` needs its"),
        (SOLUTION, "", "line 10: this cell has no solution region"),
        (' exercise="4.1"', "", "line 10: this cell has a solution but no exercise"),
        (' check="4.1"', "", "line 10: exercise 4.1 needs its cell, and its check"),
        ('check="4.1"', 'check="4.2"', "exercise 4.1 needs its cell"),
        ('["A01"', "[A01", "value of covers is not JSON"),
        ("covers=", "covres=", "covres=['A01', 'A02'] is not known here"),
        ("check=", "hello check=", "'hello check="),
        ("# # A", "A", "line 5: a line of this text does not begin"),
        ("# # A\n#\n# b", "", "line 5: this cell is empty"),
        ("check(x)\n", 'check(x)\n# %% check="4.1"\ncheck(x)\n', "more than one check"),
    ],
)
def test_what_is_wrong_with_a_source_is_said(tmp_path, old, new, complaint):
    assert old in GOOD
    with pytest.raises(source.SourceError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert complaint in str(caught.value) and str(caught.value).startswith("04_t.py")


def test_a_file_without_cells_and_an_unknown_number_are_said(tmp_path):
    with pytest.raises(source.SourceError, match="has no cell"):
        read(tmp_path, "x = 1\n")
    with pytest.raises(source.SourceError, match="there is no lesson 99"):
        source.lessons([99])


@pytest.mark.parametrize("lesson", LESSONS, ids=where)
def test_jupytext_reads_the_same_cells(lesson):
    jupytext = pytest.importorskip("jupytext")
    lesson, book = source.read(lesson.path), jupytext.read(lesson.path, fmt="py:percent")
    kinds = [(c.cell_type == "markdown", c.source) for c in book.cells]
    assert kinds == [(cell.markdown, cell.text) for cell in lesson.cells]
    for theirs, ours in zip(book.cells, lesson.cells, strict=True):
        for key in source.OPTIONS:
            assert theirs.metadata.get(key, type(getattr(ours, key))()) == getattr(ours, key)
    assert book.metadata["lesson"]["title"] == lesson.title


@pytest.mark.parametrize("lesson", LESSONS, ids=where)
def test_the_readme_shows_the_lesson(lesson):
    """Its title, minutes, number of exercises and a picture that is small."""
    root = Path(__file__).parents[2]
    rows = [
        row
        for row in (root / "README.md").read_text().splitlines()
        if f"{lesson.name}.ipynb" in row
    ]
    assert len(rows) == 1 and f"{lesson.number}. [{lesson.title}]" in rows[0]
    assert f"{len(lesson.exercises)} exercises, {lesson.minutes} min" in rows[0]
    assert f"lessons/pictures/{lesson.name}.png" in rows[0]
    assert (source.SOURCES.with_name("pictures") / f"{lesson.name}.png").stat().st_size < 60_000
