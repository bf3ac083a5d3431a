"""Notebooks run in Jupyter: solutions pass, the reader's stop where they should."""

import copy
import json

import pytest
from minnet_lessons import build, page, run, source

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

LESSONS = source.lessons()
FIRST = LESSONS[0]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The executed solution notebook of the first lesson."""
    path = tmp_path_factory.mktemp("books") / "solution.ipynb"
    path.write_text(json.dumps(build.notebook(FIRST, solutions=True)))
    return run.execute(path)[0]


def short(*codes):
    """A student's notebook: the first lesson's first exercise and check after these cells."""
    book = build.notebook(FIRST, solutions=False)
    cells = [c for c in book["cells"] if c["cell_type"] == "code"]
    marked = [c for c in cells if "nbgrader" in c["metadata"]][:2]
    blank = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    more = [{**blank, "id": f"x{i}", "source": code} for i, code in enumerate(codes)]
    book["cells"] = [cells[0], *more, *copy.deepcopy(marked)]
    return book


def stops(tmp_path, book):
    (tmp_path / "x.ipynb").write_text(json.dumps(book))
    return run._stopped(run.execute(tmp_path / "x.ipynb")[0])


def test_a_solution_passes_and_shows_its_picture(ran):
    assert run._solved(ran) == []
    assert page.picture(ran).startswith(b"\x89PNG")
    html = page.page(ran)
    assert FIRST.title in html and "right (" in html


def test_a_readers_notebook_stops_as_it_should(tmp_path):
    assert stops(tmp_path, short()) == []


def test_progress_of_the_one_who_builds_is_not_touched(ran, progress_file):
    assert not progress_file.exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda b: b["cells"].insert(1, {**b["cells"][1], "id": "x", "source": "1 / 0"}),
            "stops before",
        ),
        (lambda b: b["cells"][-1].update(source="pass"), "runs through"),
        (lambda b: b["cells"][-1].update(source="raise NotImplementedError"), "YourTurn is needed"),
    ],
)
def test_a_notebook_that_ends_elsewhere_is_seen(tmp_path, change, complaint):
    book = short()
    change(book)
    assert complaint in " ".join(stops(tmp_path, book))


def test_a_solution_that_fails_is_seen(tmp_path):
    (tmp_path / "x.ipynb").write_text(json.dumps(short("1 / 0")))
    (fault,) = run._solved(run.execute(tmp_path / "x.ipynb")[0])
    assert "ZeroDivisionError" in fault and "1 / 0" in fault


def test_a_cell_without_end_is_said(tmp_path):
    (tmp_path / "x.ipynb").write_text(json.dumps(short("while True: pass")))
    with pytest.raises(run.MinnetError, match="x.ipynb: a cell took more than 2 s"):
        run.execute(tmp_path / "x.ipynb", limit=2)


def test_a_missing_extra_is_named():
    with pytest.raises(
        run.ExtraMissing, match='this needs no_such: pip install "minnet\\[lessons\\]"'
    ):
        run.extra("no_such")


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_both_notebooks_of_a_lesson_run_within_a_minute(lesson):
    assert run._run(lesson, run.LIMIT) == []
