"""States of what is no plain optimizer: junk is refused, and nothing is half-changed."""

import numpy as np
import pytest

from minnet import errors, optim, tensor, train

JUNK_COUNTS = [-1, 0.5, np.nan, np.inf, "three", None, [1, 2], [[1], [2, 3]], 2.0**60]


def parameter():
    return tensor([1.0, -2.0], requires_grad=True, dtype="float64")


def stepped(make):
    """Something that has made two steps on |x|^2."""
    x = parameter()
    made = make(x)
    for _ in range(2):
        if isinstance(made, optim.EMA):
            x.data = x.data / 2
            made.update()
        elif isinstance(made, optim.LBFGS):
            made.step(lambda: (x * x).sum())
        else:
            x.grad = 2 * x.data
            made.step()
    return made


MADE = {
    "EMA": (lambda x: optim.EMA([x], decay=0.9), ["t"]),
    "LBFGS": (lambda x: optim.LBFGS([x]), ["t", "skipped"]),
    "MixedPrecision": (
        lambda x: train.MixedPrecision(optim.Momentum([x], 0.1), dtype="float16"), ["good"],
    ),
}  # fmt: skip


def flat(state):
    """Every leaf as text, to compare whole states."""
    return {key: flat(v) if isinstance(v, dict) else repr(v) for key, v in state.items()}


@pytest.mark.parametrize("junk", JUNK_COUNTS, ids=repr)
@pytest.mark.parametrize("name", MADE)
def test_a_junk_count_is_refused_and_nothing_changes(name, junk):
    """Two steps on one side, none on the other: a half-loaded state would show."""
    make, counts = MADE[name]
    state = stepped(make).state_dict()
    for count in counts:
        fresh = make(parameter())
        before = flat(fresh.state_dict())
        with pytest.raises(errors.StateError):
            fresh.load_state_dict(state | {count: junk})
        assert flat(fresh.state_dict()) == before


@pytest.mark.parametrize("scale", [0.0, -2.0, np.nan, np.inf, "big", [1.0, 2.0], None], ids=repr)
def test_a_junk_scale_is_refused_and_nothing_changes(scale):
    """The optimizer inside keeps its state too."""
    make, _ = MADE["MixedPrecision"]
    state, fresh = stepped(make).state_dict(), make(parameter())
    before = flat(fresh.state_dict())
    with pytest.raises(errors.StateError, match="scale above 0"):
        fresh.load_state_dict(state | {"scale": scale})
    assert flat(fresh.state_dict()) == before


@pytest.mark.parametrize("junk", ["text", None, [1.0], np.zeros(3), [[1.0], [2.0, 3.0]]], ids=repr)
def test_junk_averages_are_refused(junk):
    """They name what is needed."""
    make, _ = MADE["EMA"]
    made = stepped(make)
    state, before = made.state_dict(), flat(made.state_dict())
    with pytest.raises(errors.StateError, match="averages shaped like the parameters"):
        made.load_state_dict(state | {"average.0": junk})
    assert flat(made.state_dict()) == before


@pytest.mark.parametrize("name", MADE)
def test_a_sound_state_continues(name):
    """As it was, in the kinds that a file gives: arrays of no axes in place of numbers."""
    make, counts = MADE[name]
    state = stepped(make).state_dict()
    fresh = make(parameter())
    fresh.load_state_dict(state | {count: np.asarray(state[count]) for count in counts})
    assert flat(fresh.state_dict()) == flat(state)
