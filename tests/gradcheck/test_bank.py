"""The first mutation bank: A25, PF-A1.   python -m tests.gradcheck.bank.score prints a table."""

import warnings

import numpy as np
import pytest

from gradcheck.why import contract, diagnose
from tests.gradcheck.bank import score
from tests.gradcheck.bank.bugs import BUGS
from tests.gradcheck.bank.ops import CATALOGUE

FAMILIES = {"affine", "elementwise", "loss", "norm", "conv", "recurrent", "index", "attention"}


def test_the_bank_is_wide_enough():
    assert len(BUGS) >= 60
    assert len({b.id for b in BUGS}) == len(BUGS)
    assert {b.op.family for b in BUGS} == FAMILIES == {op.family for op in CATALOGUE.values()}


def test_every_cause_is_a_documented_code():
    words = set((diagnose.__doc__ + contract.__doc__).split())
    assert {cause for b in BUGS for cause in b.causes} <= words


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("square", [False, True])
def test_the_right_backward_agrees_with_the_oracle(name, square):
    """The twin of every bug is right, by differences in extended precision."""
    op, rng = CATALOGUE[name], np.random.default_rng(5)
    inputs = op.inputs(rng, square)
    y, cache = op.forward(**inputs)
    d = rng.standard_normal(np.shape(y))
    right = score.oracle(op, op.forward, inputs, d)
    for k, g in op.backward(d, cache).items():
        if k in op.wrt:
            np.testing.assert_allclose(g, right[k], rtol=0, atol=1e-8 * np.abs(right[k]).max())


def judged(bugs, **grid):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a wrong backward may overflow
        results = list(score.trials(bugs, **grid))
    lines, flagged, named, dropped = score.table(results)
    print("\n".join(lines))
    missed = sorted({t.id for t in results if t.flagged is False})
    return missed, named, dropped


@pytest.mark.parametrize(
    "grid",
    [
        {"seeds": (0,), "sizes": (False,), "scales": (1,)},
        {"seeds": (1,), "sizes": (True,), "scales": (1e-6,)},
    ],
    ids=["non-square", "square, scale 1e-6"],
)
def test_every_effective_bug_is_flagged_and_most_are_named(grid):
    missed, named, _ = judged(BUGS, **grid)
    assert missed == []
    assert named >= 0.8


@pytest.mark.slow
def test_the_whole_grid():
    """2 sizes x 20 seeds x loss scales 1 and 1e-6."""
    missed, named, _ = judged(BUGS, seeds=range(20))
    assert missed == []
    assert named >= 0.8


def test_the_oracle_sees_a_bug_that_is_none_at_a_point():
    """W for W.T changes nothing but shapes unless W is square: the bank drops such points."""
    (bug,) = [b for b in BUGS if b.id == "A05"]
    results = list(score.trials([bug], seeds=(0,), scales=(1,)))
    assert [t.flagged for t in results] == [None, True]
