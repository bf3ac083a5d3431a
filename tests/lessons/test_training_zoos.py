"""The second and third zoo of training programs: their size, their labels, and that each runs."""

import importlib
import importlib.util
from itertools import combinations

import numpy as np
import pytest

from minnet.sanity.detectors import DETECTORS

FOLDER = "lessons" if importlib.util.find_spec("lessons.zoo") else "minnet_lessons"
AT_LEAST = {"training": 0, "blind": 24, "third": 26}              # broken ones, and healthy ones
ZOOS = {name: importlib.import_module(f"{FOLDER}.zoo.{name}") for name in AT_LEAST}
PROGRAMS = {zoo: [*ZOOS[zoo].BROKEN, *ZOOS[zoo].HEALTHY] for zoo in ZOOS}
LATER = ["blind", "third"]


@pytest.mark.parametrize("zoo", LATER)
def test_a_zoo_is_large(zoo):
    assert min(len(ZOOS[zoo].BROKEN), len(ZOOS[zoo].HEALTHY)) >= AT_LEAST[zoo]
    assert len({p.name for p in PROGRAMS[zoo]}) == len(PROGRAMS[zoo])


@pytest.mark.parametrize(("one", "other"), [*combinations(ZOOS, 2)])
def test_zoos_have_no_program_in_common(one, other):
    for key in (id, lambda program: program.name):
        assert not {*map(key, PROGRAMS[one])} & {*map(key, PROGRAMS[other])}


@pytest.mark.parametrize("zoo", LATER)
def test_every_broken_program_has_one_to_three_known_labels(zoo):
    for program in ZOOS[zoo].BROKEN:
        assert 1 <= len(set(program.faults)) == len(program.faults) <= 3, program.name
        assert set(program.faults) <= set(DETECTORS), program.name
    assert not any(program.faults for program in ZOOS[zoo].HEALTHY)


@pytest.mark.parametrize("program", [p for z in LATER for p in PROGRAMS[z]], ids=lambda p: p.name)
def test_every_program_runs_to_its_end(program):
    """Faults may overflow or divide by zero, but none of them hides behind an exception."""
    with np.errstate(all="ignore"):
        program.run(np.random.default_rng(0))
