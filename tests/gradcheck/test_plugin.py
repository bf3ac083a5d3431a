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


DROPPED = """
import numpy as np, pytest
square = lambda x: (x * x, x)
wrong = lambda d, x: 3 * x * d
X = np.array([1.0, -2.0, 0.5])

class Square:
    def forward(self, x): self.x = x; return x * x
    def backward(self, d): return 3 * self.x * d

def test_vjp(gradcheck):
    gradcheck.check_vjp(square, wrong, (X,))

def test_loss(gradcheck):
    gradcheck.check(lambda x: x @ x, X, lambda x: x)

def test_grad(gradcheck):
    gradcheck.check_grad(lambda x: x @ x, lambda x: x, X)

def test_module(gradcheck):
    gradcheck.check_module(Square(), X)
"""

LOOKED_AT = """
import gradcheck as gc, numpy as np, pytest
noisy = np.random.default_rng(0)
noise = lambda x: (x + noisy.standard_normal(x.shape), x)
X = np.array([1.0, -2.0, 0.5])

def test_report_of_a_wrong_gradient(gradcheck):
    with pytest.raises(gc.GradientMismatch) as caught:
        gradcheck.check_grad(lambda x: x @ x, lambda x: x, X)
    assert caught.value.report.status == "fail" and gradcheck.reports == [caught.value.report]

def test_inconclusive_may_be_let_through(gradcheck):
    with pytest.raises(gc.GradientMismatch):
        gradcheck.check_vjp(noise, lambda d, x: d, (X,))
    report = gradcheck.check_vjp(noise, lambda d, x: d, (X,), allow_inconclusive=True)
    assert report.status == "inconclusive"
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs pytest on a file with this plugin alone, whatever the surroundings set or install."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # else an installed one comes twice
    for name in ("CI", "FORCE_COLOR", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    options = ("-p", "gradcheck.pytest_plugin", "-p", "no:cacheprovider", "--strict-markers")

    def run(*args, file=FILE):
        pytester.makepyfile(test_it=file)
        return pytester.runpytest_inprocess(*options, "--color=no", *args)

    return run


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


def test_a_dropped_result_fails_its_test(run):
    result = run(file=DROPPED)
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(["*gradcheck  FAIL*"])


def test_a_report_can_still_be_looked_at(run):
    run(file=LOOKED_AT).assert_outcomes(passed=2)
