"""What lesson 1 shows: the six suspects are what they are said to be, and the step can be moved."""

import sys

import numpy as np
import pytest
from minnet_lessons.zoo import secants
from minnet_lessons.zoo.slopes import SUSPECTS, WRONG

import gradcheck


@pytest.mark.parametrize("name", SUSPECTS)
def test_exactly_the_wrong_claims_are_wrong(name):
    """Ridders' slope knows its uncertainty: right claims lie within it, wrong ones far outside."""
    f, claimed, x = SUSPECTS[name]
    n = gradcheck.numerical_grad(f, np.array(x))
    distance = abs(claimed(x) - n.value) / n.error
    assert distance > 100 if name in WRONG else distance < 3


def test_one_step_alone_does_not_tell():
    """At h = 1e-5 two right claims look worse than a wrong one (A15)."""
    at = lambda s: gradcheck.h_sweep(s[0], np.array(s[2]), s[1](s[2]), h=[1e-5]).error[0]
    error = {name: at(suspect) for name, suspect in SUSPECTS.items()}
    assert min(error["A"], error["C"]) > 2 * error["D"] and set("BDF") == WRONG


def test_the_picture_shows_stairs_where_numbers_are_spaced_too_widely():
    """The curve within two steps of x: straight at 1e-5, a few levels at 1e-15."""
    drawing = secants.picture(np.sin, np.cos, 1.0, (1e-5, 1e-15))
    line, stairs = (np.unique(drawing.axes[k].lines[0].get_ydata()).size for k in (0, 2))
    assert line > 700 and stairs < 40
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in drawing.axes)


def test_without_widgets_there_is_a_picture(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert secants.explorer()._repr_png_().startswith(b"\x89PNG")


def test_the_slider_redraws():
    pytest.importorskip("ipywidgets")
    knob, image = secants.explorer().children
    before = bytes(image.value)
    knob.value = 1e-15
    after = bytes(image.value)
    assert before != after and before[1:4] == after[1:4] == b"PNG"
