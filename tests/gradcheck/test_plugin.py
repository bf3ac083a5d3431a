"""The pytest plugin, in a session of its own."""

import json

import pytest

pytest_plugins = ["pytester"]

FILE = """
import numpy as np, pytest
square = lambda x: (x * x, x)
right = lambda d, x: 2 * x * d
wrong = lambda d, x: 3 * x * d
X = (np.array([1.0, -2.0, 0.5]),)

def test_right(gradcheck):
    report = gradcheck.assert_vjp(square, right, X)
    assert report.seed == gradcheck.seed

def test_wrong(gradcheck):
    gradcheck.assert_vjp(square, wrong, X)

@pytest.mark.gradcheck(budget=77)
def test_budget(gradcheck):
    assert gradcheck.check_grad(lambda x: x @ x, lambda x: 2 * x, X[0]).settings["budget"] == 77

@pytest.mark.gradcheck_budget(88)
def test_budget_short(gradcheck):
    assert gradcheck.check(lambda x: x @ x, X[0], lambda x: 2 * x).settings["budget"] == 88
"""


@pytest.fixture
def run(pytester):
    pytester.makepyfile(test_it=FILE)
    return lambda *args: pytester.runpytest_inprocess(
        "-p", "gradcheck.pytest_plugin", "-p", "no:cacheprovider", "--strict-markers", *args
    )


def test_fixture_and_readable_failure(run):
    result = run()
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*gradcheck  FAIL*", "*x *(3,)*3/3*FAIL*"])
    assert "raise_for_failure" not in result.stdout.str()


def test_seed_and_json(run, tmp_path):
    run("--gradcheck-seed=5", f"--gradcheck-json={tmp_path / 'out'}").assert_outcomes(
        passed=3, failed=1
    )
    files = sorted((tmp_path / "out").iterdir())
    reports = [json.loads(f.read_text())[0] for f in files]
    assert len(files) == 4 and {r["seed"] for r in reports} == {5}
    assert sorted(r["status"] for r in reports) == ["fail", "pass", "pass", "pass"]
