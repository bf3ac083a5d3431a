"""PF-A4, PF-A13: one wrong element is found, and the report names it with both values."""

import numpy as np
import pytest

import gradcheck as gc


def product_of(corner):
    """x * w whose backward is wrong in one element of w alone."""

    def backward(d, cache):
        x, w = cache
        dw = d * x
        dw[corner] *= 1.5
        return d * w, dw

    return (lambda x, w: (x * w, (x, w))), backward


@pytest.mark.parametrize("corner", [(0, 0), (0, 4), (3, 0), (3, 4)])
def test_a_fault_in_one_corner_is_found_and_named(corner):
    """PF-A4: a checker that looks at one random element misses it 19 times in 20.   PF-A13: the
    message has the index, both values and the relative error."""
    forward, backward = product_of(corner)
    point = {"x": gc.randn(4, 5, rng=1), "w": gc.randn(4, 5, rng=2)}
    report = gc.check_vjp(forward, backward, point)
    assert report.status == "fail" and report.params["x"].status == "pass"
    worst = report.params["w"].worst[0]
    assert tuple(worst.index) == corner
    assert np.isclose(worst.analytic / worst.numeric, 1.5) and np.isclose(worst.rel_error, 1 / 3)
    assert str(list(corner)) in str(report)
