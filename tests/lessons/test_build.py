"""Notebooks are what their sources say, byte for byte, and nbgrader finds its marks in them."""

import ast
import json
import shutil

import pytest
from minnet_lessons import __main__ as lessons_main
from minnet_lessons import build, source

LESSONS = source.lessons()
BOOKS = [(lesson, solutions) for lesson in LESSONS for solutions in (False, True)]
ids = [
    f"{lesson.number:02}-{'solution' if solutions else 'student'}" for lesson, solutions in BOOKS
]


def text(cell):
    return "".join(cell["source"])


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_notebooks_are_up_to_date(lesson):
    for path, wanted in build.build(lesson).items():
        assert path.read_text(encoding="utf-8") == wanted, "run `python -m lessons build`"


@pytest.mark.parametrize(("lesson", "solutions"), BOOKS, ids=ids)
def test_a_notebook_is_valid_python_and_json_without_outputs(lesson, solutions):
    book = build.notebook(lesson, solutions=solutions)
    assert json.loads(json.dumps(book)) == book
    names = [cell["id"] for cell in book["cells"]]
    assert len(set(names)) == len(names) == len(lesson.cells)
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            ast.parse(text(cell))
            assert cell["outputs"] == [] and cell["execution_count"] is None
    assert book["metadata"]["lesson"]["covers"] == lesson.covers
    assert book["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize(("lesson", "solutions"), BOOKS, ids=ids)
def test_jupyter_takes_a_notebook_as_valid(lesson, solutions):
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(build.notebook(lesson, solutions=solutions))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_readers_notebook_has_no_solution_and_a_place_for_each(lesson):
    student = build.notebook(lesson, solutions=False)
    answers = [c for c in student["cells"] if c["metadata"].get("nbgrader", {}).get("solution")]
    marked = [cell for cell in lesson.cells if cell.exercise]
    assert len(answers) == len(marked)
    assert "SOLUTION" not in json.dumps(student)
    for cell, ours in zip(answers, marked, strict=True):
        assert text(cell).count("# YOUR CODE HERE") == ours.text.count(source.BEGIN)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_nbgraders_marks(lesson):
    book = build.notebook(lesson, solutions=True)
    marks = [c["metadata"]["nbgrader"] for c in book["cells"] if "nbgrader" in c["metadata"]]
    names = [mark["grade_id"] for mark in marks]
    assert len(set(names)) == len(names)
    for mark in marks:
        assert mark["schema_version"] == 3 and mark["task"] is False
        assert mark["grade"] is mark["locked"] is not mark["solution"]
        assert ("points" in mark) == mark["grade"]
        assert mark["grade_id"].startswith("check_" if mark["grade"] else "exercise_")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_nbgrader_takes_a_solution_notebook_and_clears_it(lesson):
    """Run where nbgrader is installed: its own validation, and its own clearing of solutions."""
    nbformat = pytest.importorskip("nbformat")
    steps = pytest.importorskip("nbgrader.preprocessors")
    book = nbformat.reads(json.dumps(build.notebook(lesson, solutions=True)), as_version=4)
    for step in (steps.CheckCellMetadata(), steps.ClearSolutions(), steps.ComputeChecksums()):
        book, _ = step.preprocess(book, {})
    assert "SOLUTION" not in nbformat.writes(book)
    answers = [c.source for c in book.cells if c.metadata.get("nbgrader", {}).get("solution")]
    assert answers and all("# YOUR CODE HERE\n" in answer for answer in answers)


def lesson_of(tmp_path, *cells):
    path = tmp_path / "01_x.py"
    head = '#   lesson: {number: 1, title: "T", minutes: 5, needs: "n"}\n'
    path.write_text(head + "\n".join(cells), encoding="utf-8")
    return source.read(path)


ANSWER = '# %% exercise="1.1"\ndef f(x):\n    """Doc."""\n    ### BEGIN SOLUTION\n    if x:\n' \
         "        return 1\n\n    return 2\n    ### END SOLUTION\n"  # fmt: skip
VALUE = '# %% exercise="1.1"\nh = ...\n### BEGIN SOLUTION\nh = 1\n### END SOLUTION\n'
CHECK = '# %% check="1.1"\ncheck(f, h)\n'


def test_regions_are_blanked_and_ids_stay(tmp_path):
    lesson = lesson_of(tmp_path, "# %%\na = 1\n", "# %%\na = 1\n", ANSWER, VALUE, CHECK)
    first, second, function, value, check = build.notebook(lesson, solutions=False)["cells"]
    assert text(function) == ('def f(x):\n    """Doc."""\n    # YOUR CODE HERE\n    raise YourTurn')
    assert text(value) == "h = ...\n# YOUR CODE HERE"
    assert [c["id"] for c in (function, value, check)] == [
        "exercise_1_1",
        "exercise_1_1-2",
        "check_1_1",
    ]
    assert second["id"] == first["id"] + "-2"
    inserted = lesson_of(tmp_path, "# %%\nb = 2\n", "# %%\na = 1\n", ANSWER, CHECK)
    assert build.notebook(inserted, solutions=False)["cells"][1]["id"] == first["id"]


def test_two_regions_in_one_cell(tmp_path):
    two = ANSWER + ANSWER.split("\n", 1)[1].replace("def f", "def g")
    cell = build.notebook(lesson_of(tmp_path, two, CHECK), solutions=False)["cells"][0]
    assert (
        text(cell).count("raise YourTurn") == 2
        and "def g" in text(cell)
        and "return" not in text(cell)
    )


def test_an_exercise_without_a_check_function_is_said(tmp_path):
    lesson = lesson_of(tmp_path, ANSWER.replace("1.1", "1.99"), CHECK.replace("1.1", "1.99"))
    with pytest.raises(source.SourceError, match="has no @exercise\\('1.99'"):
        build.notebook(lesson, solutions=True)


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """A folder with the sources of lessons, where notebooks may be written."""
    shutil.copytree(
        source.SOURCES, tmp_path / "sources", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(source, "SOURCES", tmp_path / "sources")
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    return tmp_path


def test_build_writes_what_changed_and_check_says_what_is_out_of_date(workshop, capsys):
    assert lessons_main.main(["build"]) == 0
    name = f"{LESSONS[0].name}.ipynb"
    assert f"wrote {name}" in capsys.readouterr().out
    assert lessons_main.main(["build", "--check"]) == 0
    assert lessons_main.main(["build"]) == 0
    assert "wrote" not in capsys.readouterr().out
    (workshop / name).write_text("{}")
    (workshop / "77_gone.ipynb").write_text("{}")
    assert lessons_main.main(["build", "--check"]) == 1
    out = capsys.readouterr().out
    assert f"out of date: {name}" in out and "without a source: 77_gone.ipynb" in out
    assert (workshop / name).read_text() == "{}"
    assert lessons_main.main(["build"]) == 0
    assert not (workshop / "77_gone.ipynb").exists()
    assert lessons_main.main(["build", "--check"]) == 0


def test_a_broken_source_is_one_line_and_changes_nothing(workshop, capsys):
    first = LESSONS[0].path.name
    text = (workshop / "sources" / first).read_text()
    (workshop / "sources" / first).write_text(text.replace(source.END, ""))
    assert lessons_main.main(["build"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"lessons build: {first}, line ") and len(err.splitlines()) == 1
    assert not list(workshop.glob("*.ipynb"))
