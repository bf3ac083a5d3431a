"""The checks before learning: silent on healthy models, loud on planted faults."""

import numpy as np
import pytest

from minnet import data, errors, nn, optim, sanity, train
from minnet import functional as F
from tests.sanity.models import (
    detached_layer,
    digits,
    healthy,
    off_by_one,
    plain,
    with_last,
)
from tests.train.runs import Setup


def zero_model(classes=10):
    model = nn.Linear(64, classes, rng=0)
    model.weight.data = np.zeros((64, classes), "float32")
    model.bias.data = np.zeros(classes, "float32")
    return model


def binary(scores, y):
    return F.binary_cross_entropy_with_logits(scores, np.asarray(y % 2, "float32")[:, None])


CHANCE = [                                              # (loss, outputs, published value)
    (F.cross_entropy, 10, np.log(10)),
    (F.multiclass_hinge, 10, 9.0),
    (lambda s, y: F.multiclass_hinge(s, y, margin=0.5), 10, 4.5),
    (binary, 1, np.log(2)),
]


@pytest.mark.parametrize(("loss_fn", "classes", "value"), CHANCE)
def test_chance_losses_are_the_published_ones(loss_fn, classes, value):
    """B01, B02, B04, P11: at zero weights, to the last float32 digit; in float64 to 1e-12."""
    x, y = digits()
    check = sanity.check_chance(zero_model(classes), loss_fn, (x, y))
    assert check.ok and check.data["measured"] == pytest.approx(value, rel=1e-6)
    exact = sanity.chance_loss(loss_fn, np.zeros((200, classes)), y)
    assert exact == pytest.approx(value, abs=1e-12)


def test_chance_of_mse_is_the_mean_square():
    """B04."""
    y = np.array([[1.0], [3.0]])
    assert sanity.chance_loss(F.mse, np.ones((2, 1)), y) == 5.0


def test_small_scores_raise_the_chance_loss_as_expected(rng):
    """B04: ln C + (s^2/2)(1 - 1/C) for independent scores of standard deviation s."""
    s, C = 0.5, 10
    scores = rng.normal(0, s, (200_000, C))
    loss = float(F.cross_entropy(scores, rng.integers(C, size=200_000)))
    assert loss == pytest.approx(np.log(C) + s**2 / 2 * (1 - 1 / C), abs=0.005)


def test_chance_looks_at_the_data_loss_alone():
    """B03: no regularisation, and the report says so."""
    check = sanity.check_chance(healthy(), F.cross_entropy, digits())
    assert "without regularisation" in check.expected
    expected = train.evaluate(healthy(), F.cross_entropy, digits())["loss"]
    assert check.data["measured"] == pytest.approx(expected, rel=1e-6)


def test_penalty_is_half_alpha_w_squared_and_rises():
    """B05: increments equal (delta alpha / 2) |w|^2 to 1e-12."""
    model = plain().astype("float64")
    x, y = digits()
    check = sanity.check_regularisation(model, F.cross_entropy, (x.astype(float), y))
    losses, alphas = check.data["losses"], check.data["alphas"]
    square = sum(float((p.data**2).sum()) for p in model.parameters())
    assert check.ok and alphas == [0, 1e-3, 1e-1, 10]
    assert np.allclose(np.diff(losses), np.diff(alphas) / 2 * square, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("model", "penalty"),
    [
        (zero_model(), sanity.l2_penalty),
        (plain(), lambda model, alpha: -sanity.l2_penalty(model, alpha)),
        (plain(), lambda model, alpha: 0.0),
        (plain(), lambda model, alpha: np.nan),
    ],
    ids=["zero weights", "wrong sign", "not connected", "nan"],
)
def test_a_penalty_without_effect_fails(model, penalty):
    """B05 fires."""
    assert not sanity.check_regularisation(model, F.cross_entropy, digits(), penalty=penalty).ok


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("make", [healthy, plain])
def test_healthy_models_pass_all_three(make, seed):
    """B01, B05, B06 stay silent."""
    report = sanity.check(make(seed), F.cross_entropy, digits(), rng=seed)
    assert report.ok, str(report)
    assert [c.verdict for c in report.checks[:3]] == ["pass"] * 3


FAULTS = [                                              # (name, model, loss, check that fires)
    ("scores x 50", with_last(nn.Lambda(lambda s: 50 * s)), F.cross_entropy, "loss at chance"),
    ("softmax before the loss", with_last(nn.Softmax()), F.cross_entropy, "overfits a tiny set"),
    ("labels off by one", healthy(), off_by_one, "overfits a tiny set"),
    ("relu on the scores", with_last(nn.Lambda(lambda s: F.relu(s - 9))), F.cross_entropy,
     "overfits a tiny set"),
    ("layer without gradient", detached_layer(), F.cross_entropy, "overfits a tiny set"),
    ("all gradients zero", with_last(nn.Lambda(lambda s: s.detach() + 0 * s)), F.cross_entropy,
     "overfits a tiny set"),
    ("gradient of the wrong sign", healthy(),
     lambda s, y: 2 * F.cross_entropy(s.detach(), y) - F.cross_entropy(s, y),
     "overfits a tiny set"),
    ("inputs hidden", nn.Sequential(nn.Lambda(lambda x: x * 0 + 1), *plain()), F.cross_entropy,
     "overfits a tiny set"),
]


@pytest.mark.parametrize(("model", "loss_fn", "expected"), [f[1:] for f in FAULTS],
                         ids=[f[0] for f in FAULTS])
def test_planted_faults_are_caught(model, loss_fn, expected):
    """B01 and B06 fire on what each of them can see."""
    report = sanity.check(model, loss_fn, digits())
    assert not report.ok and not report[expected].ok, str(report)


def test_contradictory_labels_cannot_be_learned_by_heart():
    """B06: the same image with different labels."""
    x, y = digits(20)
    mixed = (np.concatenate([x, x]), np.concatenate([y, (y + 3) % 10]))
    check = sanity.check_overfits(plain(), F.cross_entropy, mixed, examples=40)
    assert not check.ok and check.data["accuracy"] <= 0.6


def test_a_useless_learning_rate_fails_and_a_diverging_one_does_not_hang():
    slow = sanity.check_overfits(
        plain(), F.cross_entropy, digits(), optimizer=lambda p: optim.SGD(p, lr=1e-6)
    )
    wild = sanity.check_overfits(
        plain(), F.cross_entropy, digits(), optimizer=lambda p: optim.SGD(p, lr=1e30)
    )
    assert not slow.ok and len(slow.data["curve"]) == 301
    assert not wild.ok and len(wild.data["curve"]) < 10


def test_parameters_that_never_move_are_named():
    check = sanity.check_overfits(detached_layer(), F.cross_entropy, digits())
    assert check.data["never_moved"] == ["0.weight", "0.bias"]
    assert "never moved: 0.weight, 0.bias" in check.measured
    frozen = plain()
    frozen[0].requires_grad_(False)                      # on purpose: nothing to complain about
    assert sanity.check_overfits(frozen, F.cross_entropy, digits(), steps=2000).ok


def test_noise_is_learned_by_heart_but_carries_nothing_over(rng):
    """B07: overfitting is not enough; informative features pass, noise is reported."""
    train_set, test_set = data.digits()
    noise = lambda d: (rng.normal(size=d.x.shape).astype("float32"), d.y)
    for source, informative in (noise, False), (lambda d: (d.x, d.y), True):
        x, y = source(train_set[:500])
        assert sanity.check_overfits(plain(), F.cross_entropy, (x, y)).ok
        model = plain()
        opt = optim.Adam(model.parameters(), lr=3e-3)
        train.fit(model, F.cross_entropy, opt, data.Loader((x, y), rng=0), epochs=5, progress=False)
        check = sanity.check_informative(model, source(test_set))
        assert check.ok == informative, check.measured
        assert check.ok or "uninformative" in check.why


def test_the_model_and_the_generators_are_left_as_they_were():
    setup = Setup()
    setup.fit(epochs=1)
    before = setup.everything()
    modes = [m.training for m in setup.model.modules()]
    sanity.check(setup.model, F.cross_entropy, setup.data)
    assert setup.everything() == before
    assert [m.training for m in setup.model.modules()] == modes
    assert all(p.grad is not None for p in setup.model.parameters())


def test_report_reads_and_refuses():
    report = sanity.check(with_last(nn.Softmax()), F.cross_entropy, digits())
    text = str(report)
    assert "FAIL  overfits a tiny set" in text and "softmax before the loss" in text
    assert all(len(line) < 300 for line in text.splitlines())
    page = report._repr_html_()
    assert "<td>fail</td>" in page and page.count("<tr") == 1 + len(report.checks)
    assert report.to_dict()[2]["verdict"] == "fail"
    with pytest.raises(errors.TrainingError, match="sanity checks failed: overfits.*measured loss"):
        report.raise_for_failure()
    escaped = sanity.Report([sanity.Check("<b>", "warn", "<", ">")])._repr_html_()
    assert "<b>" not in escaped and "&lt;b&gt;" in escaped


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: sanity.check(plain(), F.cross_entropy, digits(0)), errors.ShapeError,
         "at least one"),
        (lambda: sanity.check_overfits(plain(), F.cross_entropy, digits(), examples=1),
         errors.ValueRangeError, "examples of at least 2"),
        (lambda: sanity.check_gradients(plain(), F.cross_entropy, digits(), examples=0),
         errors.ValueRangeError, "examples of at least 1"),
        (lambda: sanity.check_gradients(plain(), F.cross_entropy, digits(0)),
         errors.ShapeError, "at least one"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
