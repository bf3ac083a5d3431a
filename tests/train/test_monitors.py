"""Monitors: update ratios and activations."""

import numpy as np
import pytest

from minnet import data, errors, nn, optim, train
from minnet import functional as F
from tests.train.runs import Setup


def linear_run(optimizer, monitors, epochs=1):
    x = np.random.default_rng(0).normal(size=(12, 2))
    model = nn.Linear(2, 3, rng=0, dtype="float64")
    loader = data.Loader((x, np.arange(12) % 3), batch_size=4, rng=0)
    h = train.fit(
        model, F.cross_entropy, optimizer(model.named_parameters()), loader, epochs=epochs,
        monitors=monitors, progress=False,
    )
    return model, h


class Expected(train.Monitor):
    """lr |g| / |w|, noted before each step."""

    def __init__(self):
        self.values = []

    def before_step(self, run):
        w = run.model.weight
        self.values.append(0.1 * np.linalg.norm(w.grad.data) / np.linalg.norm(w.data))


def test_update_ratio_of_sgd_is_lr_g_over_w():
    """C08: |change of w| / |w| = lambda |g| / |w| to 1e-12."""
    expected = Expected()
    _, h = linear_run(lambda p: optim.SGD(p, lr=0.1), [train.UpdateRatios(every=1), expected])
    assert np.allclose(h["update_ratio/weight"], expected.values, rtol=1e-12, atol=0)


def test_update_ratio_uses_the_applied_change():
    """C08: momentum included, so the ratio is not lambda |g| / |w|."""
    expected = Expected()
    _, h = linear_run(
        lambda p: optim.Momentum(p, lr=0.1, momentum=0.9),
        [train.UpdateRatios(every=1), expected], epochs=3,
    )
    assert not np.allclose(h["update_ratio/weight"][1:], expected.values[1:], rtol=1e-2)


def test_update_ratio_every_k_steps_and_never_of_zero():
    def zero_bias(params):
        dict(params)["bias"].data = np.zeros(3)
        return optim.SGD(params, lr=0.1)

    _, h = linear_run(zero_bias, [train.UpdateRatios(every=2)], epochs=2)
    assert h.x("update_ratio/weight").tolist() == pytest.approx([1 / 3, 1.0, 5 / 3])
    assert h.x("update_ratio/bias")[0] == pytest.approx(1.0)      # 0 at first: no ratio
    with pytest.raises(errors.ValueRangeError, match="every 1, 2"):
        train.UpdateRatios(every=0)


def test_activations_are_histograms_in_eval_mode_and_change_nothing():
    plain, watched = Setup(), Setup()
    batch = watched.data.x[:20]
    monitor = train.Activations(batch, bins=10)
    plain.fit()
    watched.fit(monitors=[monitor])
    assert watched.everything() == plain.everything()
    assert [s["epoch"] for s in monitor.snapshots] == [0, 1, 2, 3]
    layers = monitor.snapshots[-1]["layers"]
    assert list(layers) == ["0", "1", "2", "3", "4"]
    counts, edges = layers["0"]
    y = train.predict(watched.model[0], batch)
    expected, _ = np.histogram(y, bins=edges)
    assert counts.sum() == 160 and np.array_equal(counts, expected)
    assert np.array_equal(layers["2"][0], layers["3"][0])         # dropout is the identity here


def test_activations_survive_infinite_outputs():
    model = nn.Sequential(nn.Lambda(lambda x: x * np.array([1.0, np.inf])), nn.Linear(2, 2, rng=0))
    monitor = train.Activations(np.ones((3, 2), "float32"), layers=lambda name, m: name == "0")
    run = train.Run(model, None, None, [0], train.History())
    with np.errstate(invalid="ignore"):
        monitor.start(run)
    assert monitor.snapshots[0]["layers"]["0"][0].sum() == 3
