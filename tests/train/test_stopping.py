"""Ends without an error: `run.stop` of any monitor, and `EarlyStopping`."""

import math

import numpy as np
import pytest

from minnet import errors, optim, tensor, train
from minnet import functional as F
from minnet.nn import Linear
from minnet.train import EarlyStopping, Plateau
from tests.train.runs import Setup

nan, inf = math.nan, math.inf


class Script(train.Monitor):
    """Records a series as written, epoch by epoch, and keeps the model that each epoch left."""

    def __init__(self, *values):
        self.values, self.models = values, []

    def epoch_end(self, run):
        run.record("scripted", self.values[run.history.epochs - 1])
        self.models.append(run.model.state_dict())


def same(a, b):
    return a.keys() == b.keys() and all(a[k].tobytes() == b[k].tobytes() for k in a)


def run(values, *, monitors=(), setup=None, epochs=None, **settings):
    """(setup, script, stopping) of a run whose series is given."""
    setup = setup or Setup()
    script = Script(*values)
    stopping = EarlyStopping("scripted", **settings)
    setup.fit(epochs=epochs or len(values), monitors=[script, stopping, *monitors], schedule=None)
    return setup, script, stopping


# -- run.stop --------------------------------------------------------------------------------------


class StopAt(train.Monitor):
    """Stops when told of an event at a step."""

    def __init__(self, event, step, reason="enough"):
        self.step, self.reason, self.calls = step, reason, []
        setattr(self, event, self._stop)

    def _stop(self, run):
        self.calls.append(run.t)
        if run.t >= self.step:
            run.stop(self.reason)


@pytest.mark.parametrize(
    ("event", "step", "steps", "epochs"),
    [
        ("start", 0, 0, 0),
        ("before_step", 3, 4, 0),          # the step that it is told of is still made
        ("after_step", 3, 3, 0),
        ("after_step", 7, 7, 1),           # the last of an epoch: it is whole
        ("after_step", 9, 9, 1),
        ("epoch_end", 0, 7, 1),
        ("epoch_end", 8, 14, 2),
    ],
)
def test_a_monitor_ends_the_run_where_it_says(event, step, steps, epochs):
    """The history tells where; other monitors hear of the end; whole epochs alone are validated."""
    setup = Setup()
    assert len(setup.loader) == 7
    other = train.UpdateRatios(every=1)
    modes = [m.training for m in setup.model.modules()]
    h = setup.fit(monitors=[StopAt(event, step), other], val_data=setup.data)
    assert h is setup.history and (h.steps, h.epochs) == (steps, epochs)
    assert len(h.since("loss", 0)) == len(h.since("update_ratio/0.weight", 0)) == steps
    assert len(h.since("val_loss", 0)) == epochs
    assert [m.training for m in setup.model.modules()] == modes


def test_the_first_reason_is_told_in_one_line_or_in_silence(capsys):
    setup = Setup()
    both = [StopAt("after_step", 3, "too slow"), StopAt("after_step", 3, "too late")]
    setup.fit(monitors=both, progress=True)
    assert capsys.readouterr().err == "stopped after epoch 0.4286: too slow\n"
    assert [len(m.calls) for m in both] == [3, 3]
    setup.fit(epochs=4, monitors=[StopAt("epoch_end", 0)])
    assert capsys.readouterr() == ("", "")


def test_a_run_that_was_stopped_goes_on_when_fit_is_called_again():
    """Stopped between epochs and continued, it is the run that was never stopped, bit for bit."""
    one, two = Setup(), Setup()
    one.fit()
    two.fit(monitors=[StopAt("epoch_end", 0)])
    assert two.history.epochs == 1
    two.fit()
    assert two.everything() == one.everything()


# -- EarlyStopping: when ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "settings", "epochs", "best", "at"),
    [
        ([3, 2, 1], {"patience": 1}, 3, 1, 3),
        ([3, 2, 2.5, 1], {"patience": 1}, 3, 2, 2),
        ([3, 2, 2.5, 1], {"patience": 2}, 4, 1, 4),
        ([3, 2, 2, 2, 1], {"patience": 2}, 4, 2, 2),             # a tie is no improvement
        ([1, 0.8, 0.9, nan, 0.1], {"patience": 2}, 4, 0.8, 2),   # the table of the docstring
        ([inf, 5, 4, 6, 7, 1], {"patience": 2}, 5, 4, 3),           # infinity is never the best
        ([-inf, -5, -4, -6], {"patience": 3}, 4, -6, 4),
        ([nan, nan, 1], {"patience": 3}, 3, 1, 3),
        ([1, 2, 3, 2, 9], {"patience": 1, "higher": True}, 4, 3, 3),
        ([1, 0.95, 0.94, 0.1], {"patience": 2, "threshold": 0.1}, 3, 1, 1),
        ([1, 0.95, 0.89, 0.1], {"patience": 2, "threshold": 0.1}, 4, 0.1, 4),
        ([-1, -1.05, -1.09, -9], {"patience": 2, "threshold": 0.1}, 3, -1, 1),
    ],
)
def test_it_ends_after_so_many_epochs_and_gives_the_best_back(values, settings, epochs, best, at):
    """t - t_opt = patience; parameters and batch norm's statistics are those after t_opt."""
    setup, script, stopping = run(values, **settings)
    assert (setup.history.epochs, stopping.best) == (epochs, best)
    assert same(setup.model.state_dict(), script.models[at - 1])
    alike = [k for k, m in enumerate(script.models) if same(script.models[at - 1], m)]
    assert alike == [at - 1]
    assert "1.running_mean" in script.models[0]


def test_it_can_leave_the_last_parameters():
    setup, script, stopping = run([1, 2, 3, 4], patience=2, restore=False)
    assert setup.history.epochs == 3 and stopping.kept == {}
    assert same(setup.model.state_dict(), script.models[-1])


def test_never_a_number_is_an_end_too():
    setup, script, stopping = run([nan, nan, 1], patience=2)
    assert setup.history.epochs == 2 and stopping.kept == {}
    assert same(setup.model.state_dict(), script.models[-1])


def test_the_best_is_given_back_after_an_error_too():
    setup, script = Setup(), Script(1, 2, 3)
    broken = train.Monitor()
    broken.before_step = lambda run: 1 / (run.t - 18)
    with pytest.raises(ZeroDivisionError):
        setup.fit(monitors=[script, EarlyStopping("scripted"), broken])
    assert setup.history.epochs == 2 and same(setup.model.state_dict(), script.models[0])


def test_the_line_on_the_progress_output(capsys):
    setup = Setup()
    monitors = [Script(1, 0.5, 2, 3), EarlyStopping("scripted", patience=2)]
    setup.fit(epochs=9, schedule=None, monitors=monitors, progress=True)
    assert capsys.readouterr().err.splitlines()[-1] == (
        "stopped after epoch 4: scripted has not improved for 2 epochs; the best was 0.5, after "
        "epoch 2; its parameters are put back"
    )
    monitors = [Script(nan), EarlyStopping("scripted", patience=1)]
    Setup().fit(monitors=monitors, progress=True)
    assert capsys.readouterr().err.splitlines()[-1] == (
        "stopped after epoch 1: scripted has not improved for 1 epoch"
    )


def test_by_hand_and_by_fit_are_one():
    model, stopping = Linear(1, 1, rng=0), EarlyStopping(patience=2)
    told = []
    for value in np.array([3, 1, 2, 2], "float32"):
        told.append(stopping.see(value, model))
        model.weight.data = model.weight.data + 1
    start = Linear(1, 1, rng=0).weight.data
    stopping.put_back(model)
    assert type(stopping.best) is float                           # whatever the loop measured
    assert told == [False, False, False, True] and np.array_equal(model.weight.data, start + 1)


# -- EarlyStopping: with others --------------------------------------------------------------------


def test_it_ends_the_run_that_it_would_without_other_monitors():
    """Checkpoints, plateaus, gauges and mixed precision beside it change nothing about it."""
    alone, script, _ = run([3, 1, 2, 2, 0], patience=2)
    others = [train.UpdateRatios(), Plateau("scripted", setting="weight_decay", patience=9)]
    among, _, _ = run([3, 1, 2, 2, 0], patience=2, monitors=others)
    assert same(alone.model.state_dict(), among.model.state_dict())
    assert len(script.models) == 4
    mixed = Setup()
    mixed.optimizer = train.MixedPrecision(mixed.optimizer)
    _, script, _ = run([3, 1, 2, 2, 0], patience=2, setup=mixed)
    assert mixed.history.epochs == 4 and same(mixed.model.state_dict(), script.models[1])


def test_a_checkpoint_of_the_last_epoch_has_the_last_parameters(tmp_path):
    path, again = tmp_path / "run.npz", Setup(1)
    _, script, _ = run([1, 2, 3], patience=2, monitors=[train.Checkpoint(path)])
    train.load(path, **again.parts())
    assert same(again.model.state_dict(), script.models[2])


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_resumed_from_a_checkpoint_it_ends_alike(cut, tmp_path):
    """Its state, the best parameters among it, goes through the file."""
    values = [3, 1, 2, 2, 0]
    whole, _, _ = run(values, patience=2)
    path, first, second = tmp_path / "run.npz", Setup(), Setup(1)

    class Save(train.Monitor):
        def epoch_end(self, run):
            if run.history.epochs == cut:
                train.save(path, **first.parts(), stopping=stopping)

    stopping = EarlyStopping("scripted", patience=2)
    first.fit(epochs=5, schedule=None, monitors=[Script(*values), stopping, Save()])
    resumed = EarlyStopping("scripted", patience=2)
    train.load(path, **second.parts(), stopping=resumed)
    second.fit(epochs=5, schedule=None, monitors=[Script(*values), resumed])
    assert second.history.epochs == whole.history.epochs == 4
    assert second.everything() == whole.everything()


def test_after_a_stop_the_same_one_has_its_patience_anew():
    """A continued history keeps the best, a new one forgets it: another model is not touched."""
    setup, script, stopping = run([1, 2, 3], patience=2)
    setup.fit(epochs=9, schedule=None, monitors=[Script(*range(1, 10)), stopping])
    assert setup.history.epochs == 5
    assert same(setup.model.state_dict(), script.models[0])
    other, script = Setup(5), Script(9, 8, 9, 9)
    other.fit(epochs=4, schedule=None, monitors=[script, stopping])
    assert stopping.best == 8 and same(other.model.state_dict(), script.models[1])


# -- EarlyStopping: refusals -----------------------------------------------------------------------


def test_a_series_that_is_not_there_is_named_with_those_that_are():
    setup = Setup()
    with pytest.raises(
        errors.StateError, match=r"EarlyStopping watches 'val_loss'; .*\['loss', 'accuracy', 'lr'\]"
    ):
        setup.fit(monitors=[EarlyStopping()])


@pytest.mark.parametrize(
    "settings",
    [{"patience": 0}, {"patience": 1.5}, {"patience": "5"}, {"patience": nan}, {"patience": None},
     {"threshold": -1}, {"threshold": nan}, {"threshold": inf}, {"threshold": "x"}],
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(errors.ValueRangeError, match="EarlyStopping needs patience, .* got"):
        EarlyStopping(**settings)


def test_what_another_model_left_is_refused_before_the_first_step():
    _, _, stopping = run([1, 2], patience=1)
    other = Setup()
    other.fit(epochs=1)
    other.model[4] = Linear(8, 5, rng=0)
    other.optimizer = optim.SGD(other.model.parameters(), lr=0.1)
    steps = other.history.steps
    with pytest.raises(errors.StateError, match="parameters of another model"):
        other.fit(monitors=[stopping])
    assert other.history.steps == steps


@pytest.mark.parametrize(
    "spoil",
    [{"best": None}, {"best": 10**400}, {"bad": 1.5}, {"kept": 3}, {"kept": {"w": "x"}},
     {"kept": {"w": [[1], [1, 2]]}}, None],
)
def test_a_state_that_does_not_fit_changes_nothing(spoil):
    _, _, stopping = run([2, 1, 3], patience=1)
    state = stopping.state_dict()
    with pytest.raises(errors.StateError, match="EarlyStopping needs the entries"):
        stopping.load_state_dict(spoil if spoil is None else state | spoil)
    after = stopping.state_dict()
    assert (after["best"], after["bad"]) == (1, 1) and same(after["kept"], state["kept"])


def test_infinity_never_was_the_best_for_plateau_either():
    """E02: after an infinite value the rate is lowered for what does not improve, not for all."""

    class Knobs:
        groups = [{"lr": 1.0}]

    plateau = Plateau(patience=0)
    for value in (inf, 3.0, 2.0, 1.0):
        plateau.see(value, Knobs)
    assert Knobs.groups[0]["lr"] == 0.5 and plateau.best == 1.0


def test_what_it_keeps_is_a_copy():
    model, stopping = Linear(2, 2, rng=0), EarlyStopping()
    stopping.see(1.0, model)
    twin = EarlyStopping()
    twin.load_state_dict(stopping.state_dict())
    loss = F.mse(model(np.ones((1, 2), "float32")), tensor(np.zeros((1, 2), "float32")))
    loss.backward()
    opt = optim.SGD(model.parameters(), lr=0.1)
    opt.step()
    stopping.kept["weight"][...] = 7
    assert np.array_equal(twin.kept["weight"], Linear(2, 2, rng=0).weight.data)
