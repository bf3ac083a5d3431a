"""The second mutation bank: A25, PF-A1.   python -m tests.gradcheck.bank2.score prints a table.

Its labels were written blind, so the share of causes named is printed, never asserted: the
published figure is the first run's, kept in bank2/first_score.txt.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest

import gradcheck
from gradcheck.why import contract, diagnose
from tests.gradcheck.bank import score as first
from tests.gradcheck.bank2 import score
from tests.gradcheck.bank2.bugs import BUGS
from tests.gradcheck.bank2.ops import CATALOGUE

FAMILIES = {"affine", "elementwise", "loss", "norm", "conv", "recurrent", "index", "attention"}


def test_the_bank_is_wide_enough():
    assert len(BUGS) >= 40
    assert len({b.id for b in BUGS}) == len(BUGS)
    assert {b.op.family for b in BUGS} == FAMILIES
    assert {b.op.name for b in BUGS} == set(CATALOGUE)


def test_every_bug_has_one_to_three_documented_causes():
    words = set((diagnose.__doc__ + contract.__doc__).split())
    assert all(1 <= len(b.causes) <= 3 and b.causes <= words for b in BUGS)


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("square", [False, True])
def test_the_twin_agrees_with_the_oracle_and_raises_no_alarm(name, square):
    op, rng = CATALOGUE[name], np.random.default_rng(5)
    inputs = op.inputs(rng, square)
    y, cache = op.forward(**first.copies(inputs))
    d = rng.standard_normal(np.shape(y))
    right, g = first.oracle(op, op.forward, inputs, d), op.backward(d, cache)
    for k in op.wrt:
        np.testing.assert_allclose(g[k], right[k], rtol=0, atol=1e-8 * np.abs(right[k]).max())
    report = gradcheck.check_vjp(op.forward, op.backward, inputs, wrt=op.wrt, rng=0, probe=False)
    assert report.status == "pass", report


@pytest.mark.parametrize("bug", BUGS, ids=lambda b: b.id)
def test_every_bug_changes_something_at_one_of_the_sizes(bug):
    """The oracle, not the checker, says so; a contract bug is listed by what it breaks."""
    grid = [(square, seed) for square in (False, True) for seed in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        draws = [bug.op.inputs(np.random.default_rng([s, 7]), square) for square, s in grid]
        points = zip(draws, grid, strict=True)
        assert any(score.effects(bug, i, s, (1,))[1] for i, (_, s) in points)


def judged(**grid):
    rows = score.results(**grid)
    lines, flagged, _, _ = score.table(rows)
    print("\n".join([lines[-1], *score.summary(rows)]))
    return sorted({t.id for t in rows if t.flagged is False}), flagged


@pytest.mark.parametrize(
    "grid",
    [
        {"seeds": (0,), "sizes": (False,), "scales": (1,)},
        {"seeds": (1,), "sizes": (True,), "scales": (1e-6,)},
    ],
    ids=["non-square", "square, scale 1e-6"],
)
def test_every_bug_that_acts_is_flagged(grid):
    assert judged(**grid) == ([], 1)


@pytest.mark.slow
def test_every_bug_that_acts_is_flagged_on_the_full_grid():
    assert judged(seeds=range(20)) == ([], 1)


def test_a_checker_that_sees_nothing_would_fail(monkeypatch):
    """The score is not flattering by construction: without findings nothing is flagged."""
    blind = type("Report", (), {"status": "pass", "findings": ()})
    monkeypatch.setattr(gradcheck, "check_vjp", lambda *a, **k: blind)
    missed, flagged = judged(seeds=(0,), sizes=(False,), scales=(1,))
    assert len(missed) >= 95 and flagged == 0


def test_the_published_score_names_its_commit():
    text = (Path(score.__file__).parent / "first_score.txt").read_text()
    assert "commit " in text and "right cause first or second" in text
