"""The second zoo of training programs: its size, its labels, and that each program runs."""

import importlib
import importlib.util

import numpy as np
import pytest

from minnet.sanity.detectors import DETECTORS

FOLDER = "lessons" if importlib.util.find_spec("lessons.zoo") else "minnet_lessons"
blind, training = (
    importlib.import_module(f"{FOLDER}.zoo.{name}") for name in ("blind", "training")
)
PROGRAMS = {p.name: p for p in (*blind.BROKEN, *blind.HEALTHY)}


def test_the_second_zoo_is_large_and_apart_from_the_first():
    assert len(blind.BROKEN) >= 24 and len(blind.HEALTHY) >= 24
    assert len(PROGRAMS) == len(blind.BROKEN) + len(blind.HEALTHY)
    assert not PROGRAMS.keys() & {p.name for p in (*training.BROKEN, *training.HEALTHY)}


def test_every_broken_program_has_one_to_three_known_labels():
    for program in blind.BROKEN:
        assert 1 <= len(set(program.faults)) == len(program.faults) <= 3, program.name
        assert set(program.faults) <= set(DETECTORS), program.name
    assert not any(program.faults for program in blind.HEALTHY)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_runs_to_its_end(name):
    """Faults may overflow or divide by zero, but none of them hides behind an exception."""
    with np.errstate(all="ignore"):
        PROGRAMS[name].run(np.random.default_rng(0))
