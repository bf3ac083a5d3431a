"""pytest plugin: a seeded `gradcheck` fixture, reports on failure, JSON files on request.

    def test_affine(gradcheck):
        gradcheck.check_vjp(affine_forward, affine_backward, {"x": x, "w": w})

Every check of the fixture makes its test fail unless the gradient is right: a result that nobody
looks at must not leave a test green.  check_vjp is assert_vjp there, check is assert_grads, and so
on; allow_inconclusive=True lets through what could not be judged.  To look at a wrong gradient's
report, catch gradcheck.GradientMismatch, or call the function of the module, gradcheck.check_vjp.

Options: --gradcheck-seed=0 (every check's rng), --gradcheck-json=DIR (one file per test).
Marker: @pytest.mark.gradcheck(budget=2000) or @pytest.mark.gradcheck_budget(2000), forward calls.
"""

import functools
import re
from pathlib import Path

import pytest

from .checks import check, check_grad, check_module, check_vjp
from .errors import GradientMismatch

__all__ = ["Checker"]

CHECKS = {"grads": check, "grad": check_grad, "module": check_module, "vjp": check_vjp}


class Checker:
    """The check functions with this test's seed and budget, raising GradientMismatch unless the
    gradient is right, under both names (check_vjp, assert_vjp); every report is in `.reports`."""

    def __init__(self, seed, budget=None):
        self.seed, self.budget, self.reports = seed, budget, []
        for name, function in CHECKS.items():
            insist = functools.partial(self.insist, function)
            setattr(self, function.__name__, insist)
            setattr(self, f"assert_{name}", insist)

    def insist(self, function, *args, allow_inconclusive=False, **options):
        """The check, with defaults from the command line; options given in the test win."""
        report = function(*args, **{"rng": self.seed, "budget": self.budget} | options)
        self.reports.append(report)
        return report.raise_for_failure(allow_inconclusive)


def pytest_addoption(parser):
    """--gradcheck-seed and --gradcheck-json."""
    group = parser.getgroup("gradcheck")
    group.addoption("--gradcheck-seed", type=int, default=0, help="seed of every gradient check")
    group.addoption("--gradcheck-json", metavar="DIR", default=None, help="write reports there")


def pytest_configure(config):
    """Register the markers."""
    config.addinivalue_line("markers", "gradcheck(budget): forward calls for a check's verdict")
    config.addinivalue_line("markers", "gradcheck_budget(n): the same")


@pytest.fixture
def gradcheck(request):
    """Seeded checks that fail the test unless ok; see gradcheck.check_vjp for what they take."""
    checker = Checker(request.config.getoption("--gradcheck-seed"), budget(request.node))
    yield checker
    folder = request.config.getoption("--gradcheck-json")
    if folder:
        save(checker, Path(folder), request.node.nodeid)


def budget(node):
    """The number in the test's marker, or None."""
    marker = node.get_closest_marker("gradcheck")
    if marker:
        return marker.kwargs.get("budget", *marker.args[:1] or [None])
    marker = node.get_closest_marker("gradcheck_budget")
    return marker.args[0] if marker else None


def save(checker, folder, nodeid):
    """One JSON list of the test's reports."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", nodeid) + ".json"
    (folder / name).write_text("[" + ",\n".join(r.to_json() for r in checker.reports) + "]\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed check shows its report, not the traceback into gradcheck."""
    outcome = yield
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, GradientMismatch):
        outcome.get_result().longrepr = f"{item.nodeid}\n{error.report}"
