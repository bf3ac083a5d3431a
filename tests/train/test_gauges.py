"""Gauges against what theory says they must show, and the dashboard that draws them."""

import csv
import json

import numpy as np
import pytest

from minnet import data, errors, grad, nn, optim, plot, sanity, tensor, train
from minnet import functional as F
from minnet.modes import mode
from minnet.train.gauges import dead_share, roughness, saturated_share
from tests.train.runs import Setup


class Bowl(nn.Module):
    """L = (h / 2) |w|^2, whatever the batch."""

    def __init__(self, h, w):
        self.h, self.w = h, nn.Linear(1, len(w), bias=False, rng=0, dtype="float64")
        self.w.weight.data = np.array([w], float)

    def forward(self, x):
        return (self.w.weight * self.w.weight).sum() * (self.h / 2)


def descend(h, lr, *, steps=12, opt=optim.SGD, monitors=(), **settings):
    model = Bowl(h, [1.0, -2.0])
    loader = data.Loader((np.zeros((1, 1)), np.zeros(1)), batch_size=1, shuffle=False)
    return train.fit(
        model, lambda out, y: out, opt(model.parameters(), lr=lr, **settings), loader,
        epochs=steps, monitors=monitors, metrics={}, progress=False,
    )


@pytest.mark.parametrize("h", [0.5, 10.0])
@pytest.mark.parametrize("alpha", [-0.99, -0.5, 0.0, 0.5, 1.0])
def test_step_length_on_a_quadratic(h, alpha):
    """C16: alpha = lr h - 1: -1 small, 0 at lr = 1/h (the exact minimum), 1 at lr = 2/h."""
    lr = (1 + alpha) / h
    history = descend(h, lr, monitors=[train.StepLength(every=4)])
    measured = history["step_length"]
    assert len(measured) == 3
    np.testing.assert_allclose(measured[0], alpha, atol=1e-12)
    if alpha:
        np.testing.assert_allclose(measured, alpha, atol=1e-9)


def test_log_loss_of_descent_is_a_line():
    """C05: slope 2 ln |1 - lr h| per step, to 1e-10."""
    h, lr = 10.0, 0.03
    losses = descend(h, lr)["loss"]
    np.testing.assert_allclose(np.diff(np.log(losses)), 2 * np.log(abs(1 - lr * h)), atol=1e-10)


@pytest.mark.parametrize(("lr", "shape"), [(0.05, "falls"), (0.15, "falls"), (0.2, "stays"),
                                            (0.201, "grows")])
def test_loss_shapes_of_learning_rates(lr, shape):
    """C03: with L = 10 the edges are 1/L and 2/L."""
    losses = descend(10.0, lr, steps=40)["loss"]
    change = np.diff(losses) / losses[:-1]
    expected = {"falls": (change < 0).all(), "stays": np.allclose(change, 0, atol=1e-9),
                "grows": (change > 0).all()}
    assert expected[shape]


DRAWS = 20_000


@pytest.mark.parametrize("batch", [1, 10, 100, 500, 1000])
def test_wiggle_of_the_minibatch_loss(batch, rng):
    """C04, P18: std = sigma / sqrt(N) sqrt((M - N) / (M - 1)) without replacement, to 2 %.

    The deviation of n draws is itself uncertain by 1 / sqrt(2 n): 0.5 % of it here.
    """
    M = 1000
    values = rng.normal(size=M)
    loader = data.Loader((values, np.zeros(M)), batch_size=batch, drop_last=True, rng=0)
    first = lambda: next(iter(loader))[0].mean()
    means = [first() for _ in range(DRAWS if batch < M else 3)]
    expected = values.std() / np.sqrt(batch) * np.sqrt((M - batch) / (M - 1))
    assert np.std(means) == pytest.approx(expected, rel=0.02, abs=1e-12)


@pytest.mark.parametrize(("batch", "value"), [(1, 1.028), (10, 0.3237), (100, 0.0976),
                                              (500, 0.0325)])
def test_published_wiggle(batch, value):
    """P18: sigma = 1.028, M = 1000, within 2 %."""
    formula = 1.028 / np.sqrt(batch) * np.sqrt((1000 - batch) / 999)
    assert formula == pytest.approx(value, rel=0.02)


@pytest.mark.parametrize(("N", "M"), [(8, 50), (10, 100)])
def test_the_axis_counts_epochs(N, M):
    """C01: steps N / M; runs with other batch sizes end at the same x."""
    setup = Setup(examples=M if M <= 60 else None, batch_size=N)
    history = setup.fit(schedule={})
    assert history.x("loss")[-1] == pytest.approx(3)
    assert history.x("loss")[0] == pytest.approx(1 / len(setup.loader))


def test_nothing_is_evaluated_a_second_time():
    """C02: as many forward passes as steps, with all gauges on."""
    setup, calls = Setup(), []
    forward = setup.model.forward
    object.__setattr__(setup.model, "forward", lambda x: calls.append(1) or forward(x))
    gauges = [train.GradientNorms(1), train.Units(1), train.Rates(1), train.StepLength(1),
              train.UpdateRatios(1), train.Gradients(1)]
    setup.fit(monitors=gauges)
    assert len(calls) == setup.history.steps


def test_gauges_leave_the_run_as_it_was():
    """C17: bit for bit, and no observer stays behind."""
    alone, seen = Setup(), Setup()
    alone.fit()
    gauges = [train.GradientNorms(2), train.Units(3), train.Rates(1), train.StepLength(2)]
    seen.fit(monitors=gauges)
    theirs = {k: v for k, v in seen.everything().items() if not k.startswith("history")}
    assert theirs == {k: v for k, v in alone.everything().items() if not k.startswith("history")}
    assert not gauges[1]._watch and not mode.get().observers


def test_gradient_norms_are_those_of_the_gradients():
    """C09: norm, min and max of each parameter, and of all together."""
    setup, seen = Setup(), []

    class Look(train.Monitor):
        def before_step(self, run):
            seen.append({n: p.grad.numpy().copy() for n, p in run.model.named_parameters()})

    history = setup.fit(epochs=1, monitors=[train.GradientNorms(1), Look()])
    for name, norms in ((n, history[f"gradient_norm/{n}"]) for n in seen[0]):
        expected = [np.linalg.norm(g[name]) for g in seen]
        np.testing.assert_allclose(norms, expected, rtol=1e-6)
        np.testing.assert_allclose(history[f"gradient_min/{name}"], [g[name].min() for g in seen])
        np.testing.assert_allclose(history[f"gradient_max/{name}"], [g[name].max() for g in seen])
    total = [np.sqrt(sum((g**2).sum() for g in each.values())) for each in seen]
    np.testing.assert_allclose(history["gradient_norm"], total, rtol=1e-6)


def test_gradient_norms_of_parameters_that_freeze_and_thaw():
    """C09: a parameter without a gradient is left out, in its series and in the total."""
    setup, seen = Setup(), []
    frozen = setup.model[0].weight

    class Freeze(train.Monitor):
        def before_step(self, run):
            frozen.grad = None if run.t in (2, 3, 5) else frozen.grad
            grads = [p.grad for p in run.model.parameters() if p.grad is not None]
            seen.append(np.sqrt(sum((g.data**2).sum() for g in grads)))

    history = setup.fit(epochs=1, monitors=[Freeze(), train.GradientNorms(1)])
    steps = history.steps
    assert (history.x("gradient_norm/0.weight") * steps).round().tolist() == [0, 1, 4, 6]
    assert len(history["gradient_max/0.bias"]) == steps == 7
    np.testing.assert_allclose(history["gradient_norm"], seen, rtol=1e-6)


def test_gauges_of_a_model_without_parameters():
    gauges = [train.GradientNorms(1), train.UpdateRatios(1), train.StepLength(1)]
    model, opt = nn.ReLU(), optim.SGD([tensor([1.0], requires_grad=True)], lr=0.1)
    loader = data.Loader((np.ones((2, 1)), np.zeros(2)), batch_size=1, shuffle=False)
    loss = lambda scores, y: (opt.groups[0]["params"][0] * scores).sum()
    history = train.fit(model, loss, opt, loader, epochs=1, metrics={}, monitors=gauges,
                        progress=False)
    assert history["gradient_norm"].tolist() == [0, 0]


def test_rates_are_the_schedules():
    """lr / (1 - momentum) is the effective rate."""
    history = descend(1.0, 0.01, opt=optim.Momentum, momentum=0.9, monitors=[train.Rates(1)])
    assert history["rate/lr"] == pytest.approx([0.01] * 12)
    assert history["rate/momentum"] == pytest.approx([0.9] * 12)
    assert history["rate/effective"] == pytest.approx([0.1] * 12)


def stack(gain, activation, rng, depth=5, width=64):
    layers = []
    for _ in range(depth):
        layer = nn.Linear(width, width, bias=False, rng=rng)
        size = gain / np.sqrt(width)
        layer.weight.data = rng.normal(0, size, (width, width)).astype("float32")
        layers += [layer, activation()]
    return nn.Sequential(*layers, nn.Linear(width, 3, rng=rng))


@pytest.mark.parametrize(("gain", "state"), [(10, "saturated"), (1e-3, "collapsed"), (1, "fine")])
def test_activations_of_deep_tanh(gain, state, rng):
    """C10: gain 10 saturates, 1e-3 collapses by layer 5, Xavier does neither."""
    model = stack(gain, nn.Tanh, rng)
    x, y = rng.normal(size=(100, 64)).astype("float32"), rng.integers(3, size=100)
    opt = optim.SGD(model.parameters(), lr=1e-6)
    history = train.fit(model, F.cross_entropy, opt, data.Loader((x, y), batch_size=100, rng=0),
                        epochs=1, monitors=[train.Units(1)], progress=False)
    flat, spread = history["saturated/tanh 5"][0], history["spread/tanh 5"][0]
    assert (flat > 0.8) == (state == "saturated")
    assert (spread < 1e-2) == (state == "collapsed")


def test_dead_and_saturated_shares():
    """C10: dead means never above 0 on the batch; images are counted by channel."""
    y = np.zeros((4, 5))
    y[0, 1] = y[:, 2] = 1.0
    assert dead_share(y) == pytest.approx(3 / 5)
    images = np.zeros((2, 4, 3, 3))
    images[1, 0, 2, 2] = 1.0
    assert dead_share(images) == 3 / 4
    assert saturated_share(np.array([0.98, -0.98, 0.9, 0.0])) == 0.5
    assert saturated_share(np.array([0.99, 0.01, 0.9, 0.5]), "sigmoid") == 0.5


def test_histograms_of_gradients_count_every_entry():
    """C10."""
    setup, gradients = Setup(), train.Gradients(5, bins=7)
    setup.fit(epochs=1, monitors=[gradients])
    assert len(gradients.snapshots) == 2
    for name, p in setup.model.named_parameters():
        counts, edges = gradients.snapshots[0]["layers"][name]
        assert counts.sum() == p.size and len(edges) == 8


def test_histograms_of_gradients_at_activations():
    """C10: dL/dy of each layer, counted entry by entry; nothing changes in the run."""
    plain_run, setup = Setup(), Setup()
    x, y = setup.data.x[:20], setup.data.y[:20]
    seen = train.Activations(x, targets=y, bins=9)
    plain_run.fit(epochs=1)
    setup.fit(epochs=1, monitors=[seen])
    assert setup.everything() == plain_run.everything()
    names = list(seen.snapshots[-1]["layers"])
    assert list(seen.snapshots[-1]["gradients"]) == names
    model = setup.model.eval()
    for k, name in enumerate(names):
        h = tensor(model[: k + 1](tensor(x)).numpy(), requires_grad=True)
        out = h
        for part in list(model)[k + 1 :]:
            out = part(out)
        (g,) = grad(F.cross_entropy(out, y), [h])
        counts, edges = seen.snapshots[-1]["gradients"][name]
        assert counts.sum() == g.size and len(edges) == 10
        np.testing.assert_allclose((edges[0], edges[-1]), (g.data.min(), g.data.max()), rtol=1e-4)
    assert train.Activations(x).targets is None


def test_gradients_at_activations_show_a_cut():
    """C10: behind a detached layer they are all 0, and none of it is an error."""
    model = nn.Sequential(nn.Linear(4, 5, rng=0), nn.Lambda(lambda h: h.detach()),
                          nn.Linear(5, 3, rng=1))
    x, y = np.ones((6, 4), "float32"), np.arange(6) % 3
    seen = train.Activations(x, targets=y)
    run = train.Run(model, F.cross_entropy, None, [0], train.History())
    seen.start(run)
    counts, edges = seen.snapshots[0]["gradients"]["0"]
    assert counts.max() == counts.sum() == 30 and edges[0] < 0 < edges[-1]
    assert seen.snapshots[0]["gradients"]["2"][0].sum() == 18


def test_roughness_tells_noise_from_features(rng):
    """C11: white noise 2 / sqrt(pi), smoothed noise less; constant images say nothing."""
    noise = rng.normal(size=(50, 28, 28))
    assert roughness(noise) == pytest.approx(2 / np.sqrt(np.pi), rel=0.01)
    smooth = sum(np.roll(noise, k, axis=a) for k in range(3) for a in (1, 2))
    assert roughness(smooth) < 0.8 * roughness(noise)
    assert roughness(np.ones((2, 4, 4))) == 0


def test_trained_features_are_smoother_than_random_ones():
    """C11: a linear classifier of digits with weight decay; the array is deterministic."""
    train_set, _ = data.digits()
    model, gauge = nn.Linear(64, 10, rng=0), train.FirstLayer((8, 8))
    opt = optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-2)
    history = train.fit(model, F.cross_entropy, opt, data.Loader(train_set[:1000], rng=0),
                        epochs=5, monitors=[gauge], progress=False)
    assert history["roughness"][-1] < 0.85 * history["roughness"][0]
    np.testing.assert_array_equal(gauge.images[3], model.weight.numpy()[:, 3].reshape(8, 8))
    with pytest.raises(errors.ShapeError, match=r"\(49, units\)"):
        setup = Setup()
        setup.fit(monitors=[train.FirstLayer((7, 7))])


@pytest.mark.parametrize("make", [train.GradientNorms, train.Units, train.Rates, train.StepLength])
def test_a_gauge_acts_every_1_2_or_more_steps(make):
    with pytest.raises(errors.ValueRangeError, match="every 1, 2"):
        make(0)


# -------------------------------------------------------------------------------------------------
# Dashboard and export


def test_one_picture_has_it_all(tmp_path):
    """C15: loss, accuracy, log10 ratios, activations, weights; headless; a PNG each epoch."""
    setup = Setup()
    activations = train.Activations(setup.data.x[:20], targets=setup.data.y[:20])
    board = plot.Dashboard(tmp_path / "run.png", activations=activations)
    setup.fit(monitors=[train.UpdateRatios(1), activations, board], val_data=setup.data)
    titles = [ax.get_title(loc="left") for ax in board.picture.axes]
    assert titles[:2] == ["loss", "accuracy"] and "update ratios" in titles[2]
    assert board.picture.axes[2].lines[0].get_ydata()[0] == -3
    assert (tmp_path / "run.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    images = np.arange(32.0).reshape(2, 4, 4)
    picture = plot.dashboard(setup.history, snapshots=activations.snapshots, images=images)
    assert len(picture.axes[4].images) == 1
    assert len(picture.axes[3].patches) == len(picture.axes[5].patches) == 5


def test_a_dashboard_without_data_says_what_it_needs():
    h = train.History()
    with pytest.raises(errors.StateError, match="loss"):
        plot.dashboard(h)
    h.record("loss", 1.0, x=1)
    texts = [t.get_text() for ax in plot.dashboard(h).axes for t in ax.texts]
    assert "needs train.UpdateRatios()" in texts


def test_every_series_can_be_taken_away(tmp_path):
    """C15: CSV and JSON hold the same numbers."""
    setup = Setup()
    history = setup.fit(monitors=[train.UpdateRatios(1), train.GradientNorms(1)])
    history.to_csv(tmp_path / "run.csv")
    train.to_json(history, tmp_path / "run.json")
    series = json.loads((tmp_path / "run.json").read_text())
    with open(tmp_path / "run.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {r["series"] for r in rows} == set(series) == set(history.names())
    for name in history.names():
        np.testing.assert_array_equal(series[name]["value"], history[name])
        values = [float(r["value"]) for r in rows if r["series"] == name]
        np.testing.assert_array_equal(values, history[name])


def test_json_has_no_nan(tmp_path):
    h = train.History()
    h.record("loss", float("nan"), x=1)
    train.to_json(h, tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text())["loss"]["value"] == [None]


@pytest.mark.parametrize("tool", ["tensorboard", "wandb"])
def test_a_missing_tool_is_one_sentence(tool, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, tool, None)
    monkeypatch.setitem(__import__("sys").modules, "tensorboard.compat", None)
    with pytest.raises(errors.DataError, match=f"pip install {tool}$"):
        getattr(train, f"to_{tool}")(train.History(), tmp_path)


@pytest.mark.oracle
def test_tensorboard_reads_what_was_written(tmp_path):
    """C15."""
    module = "tensorboard.backend.event_processing.event_accumulator"
    accumulator = pytest.importorskip(module)
    history = train.History()
    for t in range(5):
        history.record("loss", 1 / (1 + t), x=t / 5)
    train.to_tensorboard(history, tmp_path)
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    assert [e.value for e in events.Scalars("loss")] == pytest.approx(history["loss"])
    assert [e.step for e in events.Scalars("loss")] == list(range(5))


def records(path):
    """The pieces of a W&B file: a header, then blocks of 32 KiB like those of LevelDB's log.

    Each piece has 4 bytes of checksum, 2 of length and 1 of type: whole, first, middle, last.
    """
    raw, at, parts = path.read_bytes(), 7, []
    while at + 7 <= len(raw):
        room = 32768 - at % 32768
        if room < 7:
            at += room
            continue
        length, kind = int.from_bytes(raw[at + 4 : at + 6], "little"), raw[at + 6]
        parts.append(raw[at + 7 : at + 7 + length])
        at += 7 + length
        if kind in (1, 4):
            yield b"".join(parts)
            parts = []


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_wandb_reads_what_was_written(tmp_path, monkeypatch):
    """C15: an offline run, parsed again by wandb's own messages; nothing is sent."""
    pytest.importorskip("wandb")
    messages = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    monkeypatch.setenv("WANDB_SILENT", "true")
    history = train.History()
    for t in range(5):
        history.record("loss", 1 / (1 + t), x=t / 5)
    train.to_wandb(history, tmp_path)
    (file,) = tmp_path.rglob("*.wandb")
    rows = []
    for piece in records(file):
        record = messages.Record.FromString(piece)
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            rows.append({i.key or i.nested_key[0]: json.loads(i.value_json) for i in items})
    assert [row["loss"] for row in rows] == pytest.approx(history["loss"])
    assert [row["epoch"] for row in rows] == pytest.approx(history.x("loss"))


@pytest.mark.parametrize("order", [1, -1])
def test_monitors_that_listen_do_not_unseat_each_other(order):
    """Each comes and goes on steps of its own; the doctor sees them all the same."""
    doctor, units = sanity.Doctor(), train.Units()
    model = nn.Sequential(nn.Linear(2, 4, rng=0), nn.ReLU(), nn.Linear(4, 3, rng=1))
    opt, loader = optim.SGD(model.parameters(), lr=0.1), data.Loader(data.blobs(64, rng=0), rng=0)
    monitors = [units, doctor][::order]
    history = train.fit(
        model, F.cross_entropy, opt, loader, epochs=30, monitors=monitors, progress=False
    )
    assert doctor.steps == 30 * len(loader) and len(history["dead/relu 1"]) > 2
    assert not mode.get().observers
