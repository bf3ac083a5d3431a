"""Gradient checks of whole models: right ones pass, each planted fault fails where it is."""

import numpy as np
import pytest

import minnet as mn
from minnet import functional as F
from minnet import nn, sanity
from tests.sanity.models import digits, healthy
from tests.train.runs import Setup


@mn.op
def wrong_tanh(x):
    """tanh whose rule has lost the square."""
    return np.tanh(x)


wrong_tanh.defvjp(x=lambda g, y: g * (1 - y))


@mn.op
def scaled(x):
    """The identity with 1 % too large a gradient."""
    return x * 1


scaled.defvjp(x=lambda g: 1.01 * g)


@pytest.mark.parametrize("training", [True, False])
def test_every_parameter_and_the_input_are_checked(training):
    """With batch norm and dropout, whose mask is held fixed (A19, A20)."""
    report = sanity.check_gradients(healthy(), F.cross_entropy, digits(), training=training)
    assert report.ok, str(report)
    names = [name for name, _ in healthy().named_parameters()]
    assert list(report.params) == [*names, "input"]
    assert all(p.n_checked > 0 for p in report.params.values())


@pytest.mark.parametrize(
    ("fault", "right"),
    [
        (nn.Lambda(wrong_tanh), ["3.weight", "3.bias"]),
        (nn.Lambda(scaled), ["3.weight", "3.bias"]),
        (nn.Lambda(lambda x: x.detach()), ["3.weight", "3.bias"]),
    ],
    ids=["formula", "1 % off", "detached"],
)
def test_a_fault_shows_below_it_and_not_above(fault, right):
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(64, 8, rng=rng), nn.Tanh(), fault, nn.Linear(8, 10, rng=rng))
    report = sanity.check_gradients(model, F.cross_entropy, digits())
    passed = [name for name, p in report.params.items() if p.status == "pass"]
    assert not report.ok
    assert passed == right


def test_a_frozen_parameter_is_left_out_and_an_unused_one_is_no_fault():
    model = healthy()
    model[0].requires_grad_(False)
    model.spare = nn.Linear(3, 3, rng=0)
    report = sanity.check_gradients(model, F.cross_entropy, digits())
    assert report.ok and "0.weight" not in report.params and "spare.weight" in report.params


def test_nothing_of_the_model_changes():
    """A23: parameters, gradients, statistics, dtype, modes and generators, bit for bit."""
    setup = Setup()
    setup.fit(epochs=1)
    before = setup.everything()
    grads = [p.grad.data.copy() for p in setup.model.parameters()]
    report = sanity.check_gradients(setup.model, F.cross_entropy, setup.data, examples=8)
    assert report.ok, str(report)
    assert setup.everything() == before
    for p, g in zip(setup.model.parameters(), grads, strict=True):
        assert p.dtype == np.float32 and np.array_equal(p.grad.data, g)

    def broken(scores, y):
        raise ArithmeticError("broken")

    with pytest.raises(Exception, match="broken"):
        sanity.check_gradients(setup.model, broken, setup.data)
    assert setup.everything() == before


def test_options_reach_the_checker():
    report = sanity.check_gradients(
        healthy(), F.cross_entropy, digits(), examples=4, samples_per_param=3, tol=1e-5
    )
    assert report.settings["tol"] == 1e-5
    assert report.params["0.weight"].n_checked == 3


def test_integer_inputs_have_no_gradient():
    model = nn.Sequential(nn.Lambda(lambda i: np.eye(5)[i]), nn.Linear(5, 3, rng=0))
    report = sanity.check_gradients(model, F.cross_entropy, (np.arange(5), np.arange(5) % 3))
    assert report.ok and list(report.params) == ["1.weight", "1.bias"]
