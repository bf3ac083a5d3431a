"""The loop: equal to one written by hand, nothing evaluated twice, clear ends."""

import copy

import numpy as np
import pytest

from minnet import data, errors, nn, optim, train
from minnet import functional as F
from tests.train.runs import EPOCHS, Setup


def test_fit_equals_a_loop_written_by_hand_bit_for_bit():
    one, two = Setup(), Setup()
    one.fit()
    two.model.train()
    t = 0
    for _ in range(EPOCHS):
        for x, y in two.loader:
            two.optimizer.lr = two.schedule["lr"](t)
            loss = F.cross_entropy(two.model(x), y)
            two.optimizer.zero_grad()
            loss.backward()
            two.optimizer.step()
            t += 1
    for name, array in one.model.state_dict().items():
        assert array.tobytes() == two.model.state_dict()[name].tobytes(), name
    assert one.history["loss"][-1] == loss.item()
    two.optimizer.lr = one.optimizer.lr * 1.01                    # the comparison can fail
    two.optimizer.step()
    assert not np.array_equal(one.model[0].weight.data, two.model[0].weight.data)


@pytest.mark.parametrize("batch_size", [1, 7, 50])
def test_x_axis_is_in_epochs(batch_size):
    """C01: runs with different batch sizes and equal epochs end at the same x."""
    model, points = nn.Linear(2, 3, rng=0), Setup().data
    loader = data.Loader(points, batch_size=batch_size, rng=0)
    h = train.fit(
        model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.01), loader, epochs=2,
        val_data=points, progress=False,
    )
    assert h.x("loss")[-1] == h.x("val_loss")[-1] == 2.0
    assert len(h["loss"]) == 2 * len(loader) == h.steps
    assert np.allclose(np.diff(h.x("loss")), 1 / len(loader))


def test_nothing_is_evaluated_twice():
    """C02: one forward pass and one loss per step; accuracy is of that pass's scores."""
    setup, calls = Setup(), []

    def loss_fn(scores, y):
        calls.append((train.accuracy(scores, y), len(y)))
        return F.cross_entropy(scores, y)

    forward = setup.model[0].forward
    passes = []
    setup.model[0].forward = lambda x: passes.append(len(x)) or forward(x)
    h = train.fit(setup.model, loss_fn, setup.optimizer, setup.loader, epochs=2, progress=False)
    assert len(calls) == len(passes) == h.steps == 2 * len(setup.loader)
    assert h["accuracy"].tolist() == [accuracy for accuracy, _ in calls]


def test_nan_stops_before_the_step_and_says_what_to_look_at():
    setup = Setup()
    limit, seen = 5, []

    def loss_fn(scores, y):
        seen.append(copy.deepcopy([p.data for p in setup.model.parameters()]))
        loss = F.cross_entropy(scores, y)
        return loss * np.nan if len(seen) > limit else loss

    with pytest.raises(errors.TrainingError, match="step 5 .*loss is nan.*lr = .*debug") as caught:
        train.fit(setup.model, loss_fn, setup.optimizer, setup.loader, epochs=3, progress=False)
    assert caught.value.history.steps == limit
    for before, p in zip(seen[-1], setup.model.parameters(), strict=True):
        assert np.array_equal(before, p.data)


def test_divergence_ends_in_the_same_error_without_warnings():
    setup = Setup()
    setup.optimizer = optim.SGD(setup.model.parameters(), lr=1e30)
    with pytest.raises(errors.TrainingError, match="learning rate"):
        setup.fit(schedule=None)


def test_infinite_loss_at_the_first_step_is_reported():
    setup = Setup()
    with pytest.raises(errors.TrainingError, match=r"loss is inf \(at once\)"):
        train.fit(
            setup.model, lambda s, y: F.cross_entropy(s, y) * np.inf, setup.optimizer,
            setup.loader, epochs=1, progress=False,
        )


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"epochs": 0}, errors.ValueRangeError, "epochs of at least 1"),
        ({"epochs": 1.5}, errors.ValueRangeError, "whole number"),
        ({"epochs": True}, errors.ValueRangeError, "whole number"),
        ({"schedule": {"lrr": lambda t: 0.1}}, errors.ValueRangeError, "'lrr'.*no setting.*lr"),
        ({"val_data": (np.zeros((0, 2)), np.zeros(0, int))}, errors.ShapeError, "val_data"),
    ],
)
def test_bad_settings_are_refused_before_anything_moves(settings, error, words):
    setup = Setup()
    before = setup.everything()
    with pytest.raises(error, match=words):
        setup.fit(**settings)
    assert setup.everything() == before


def test_data_without_a_loader_is_refused():
    setup = Setup()
    with pytest.raises(errors.DTypeError, match=r"needs a data.Loader, got Dataset"):
        train.fit(setup.model, F.cross_entropy, setup.optimizer, setup.data, epochs=1)


class Recorder(train.Monitor):
    def __init__(self):
        self.calls = []

    def start(self, run):
        self.calls.append("start")

    def before_step(self, run):
        assert all(p.grad is not None for p in run.model.parameters())
        self.calls.append(f"before {run.t}")

    def after_step(self, run):
        self.calls.append(f"after {run.t}")

    def epoch_end(self, run):
        self.calls.append(f"epoch {run.history.epochs}")

    def end(self, run):
        self.calls.append("end")


def test_monitors_are_told_in_order_and_of_the_end_after_an_error():
    setup, monitor = Setup(examples=16), Recorder()
    setup.fit(epochs=1, schedule=None, monitors=[monitor])
    assert monitor.calls == [
        "start", "before 0", "after 1", "before 1", "after 2", "epoch 1", "end",
    ]
    broken = Recorder()
    broken.after_step = lambda run: 1 / 0
    with pytest.raises(ZeroDivisionError):
        setup.fit(epochs=2, schedule=None, monitors=[broken])
    assert broken.calls[-1] == "end"


def test_modes_are_given_back_also_after_an_error():
    setup = Setup()
    setup.model.eval()
    setup.model[3].train()                                        # a mixed state must survive
    modes = [m.training for m in setup.model.modules()]
    setup.fit(epochs=1, val_data=setup.data)
    assert [m.training for m in setup.model.modules()] == modes
    with pytest.raises(errors.ShapeError):
        train.predict(setup.model, np.ones((4, 5), "float32"))
    train.predict(setup.model, setup.data.x)
    assert [m.training for m in setup.model.modules()] == modes


def test_predict_is_deterministic_in_batches_and_records_no_graph():
    setup = Setup()
    x = setup.data.x
    y = train.predict(setup.model, x, batch_size=7)
    assert isinstance(y, np.ndarray) and y.shape == (50, 3) and y.dtype == np.float32
    assert np.allclose(y, train.predict(setup.model, x, batch_size=50), atol=1e-6)
    with pytest.raises(errors.ShapeError, match="at least one example"):
        train.predict(setup.model, x[:0])
    with pytest.raises(errors.ValueRangeError, match="batch_size"):
        train.predict(setup.model, x, batch_size=0)


def test_evaluate_weights_unequal_batches_by_their_size():
    setup = Setup()
    whole = train.evaluate(setup.model, F.cross_entropy, setup.data, batch_size=50)
    parts = train.evaluate(setup.model, F.cross_entropy, setup.data, batch_size=7)
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    assert parts["accuracy"] == whole["accuracy"]


def test_lookahead_form_is_evaluated_ahead():
    setup, twin = Setup(), Setup()
    for one, form in (setup, "lookahead"), (twin, "cs231n"):
        one.model = nn.Linear(2, 3, rng=0)
        one.optimizer = optim.Nesterov(one.model.parameters(), lr=0.01, momentum=0.9, form=form)
        one.fit(schedule=None, epochs=1)
    with setup.optimizer.lookahead():                             # cs231n stores theta + mu v
        assert np.allclose(setup.model.weight.data, twin.model.weight.data, atol=1e-5)


def test_progress_is_one_line_per_epoch_or_silence(capsys):
    setup = Setup()
    setup.fit(epochs=2, val_data=setup.data, progress=True, monitors=[train.UpdateRatios()])
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "val_accuracy" in lines[0] and "update_ratio" not in lines[0]
    setup.fit(epochs=3, val_data=setup.data, progress=False)
    assert capsys.readouterr() == ("", "")


def test_regression_has_no_accuracy():
    x = np.linspace(-1, 1, 20, dtype="float32")[:, None]
    model = nn.Linear(1, 1, rng=0)
    h = train.fit(
        model, F.mse, optim.SGD(model.parameters(), lr=0.1), data.Loader((x, 2 * x), rng=0),
        epochs=2, val_data=(x, 2 * x), progress=False,
    )
    assert h.names() == ["loss", "val_loss"]
