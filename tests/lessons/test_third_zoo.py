"""The third zoo of training programs: its size, its labels, and that each program runs."""

import importlib
import importlib.util

import numpy as np
import pytest

from minnet.sanity.detectors import DETECTORS

FOLDER = "lessons" if importlib.util.find_spec("lessons.zoo") else "minnet_lessons"
third, blind, training = (
    importlib.import_module(f"{FOLDER}.zoo.{name}") for name in ("third", "blind", "training")
)
PROGRAMS = {p.name: p for p in (*third.BROKEN, *third.HEALTHY)}


def test_the_third_zoo_is_large_and_apart_from_the_others():
    others = (*training.BROKEN, *training.HEALTHY, *blind.BROKEN, *blind.HEALTHY)
    assert len(third.BROKEN) >= 26 and len(third.HEALTHY) >= 26
    assert len(PROGRAMS) == len(third.BROKEN) + len(third.HEALTHY)
    assert not PROGRAMS.keys() & {p.name for p in others}
    assert not {id(p) for p in PROGRAMS.values()} & {id(p) for p in others}


def test_every_broken_program_has_one_to_three_known_labels():
    for program in third.BROKEN:
        assert 1 <= len(set(program.faults)) == len(program.faults) <= 3, program.name
        assert set(program.faults) <= set(DETECTORS), program.name
    assert not any(program.faults for program in third.HEALTHY)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_runs_to_its_end(name):
    """Faults may overflow or divide by zero, but none of them hides behind an exception."""
    with np.errstate(all="ignore"):
        PROGRAMS[name].run(np.random.default_rng(0))
