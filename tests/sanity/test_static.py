"""Rules on the list of layers, and the other checks of `sanity.check` beyond the first three."""

import numpy as np
import pytest

from minnet import data, errors, nn, optim, sanity, train
from minnet import functional as F
from minnet.sanity.baseline import student_quantile
from minnet.sanity.static import RULES
from tests.sanity.models import detached_layer, digits, healthy, plain, with_last


def chain(*layers):
    return nn.Sequential(*layers)


def linear(n=4, m=4):
    return nn.Linear(n, m, rng=0)


def constant(value):
    layer = linear()
    layer.weight.data = np.full((4, 4), value, "float32")
    return layer


FAULTS = {
    "no softmax before the loss": [
        chain(linear(), nn.Softmax()), chain(linear(), nn.LogSoftmax()),
        chain(linear(), chain(linear(), nn.Sigmoid())),
    ],
    "no activation before the loss": [chain(linear(), nn.ReLU()), chain(linear(), nn.Tanh())],
    "no two activations in a row": [chain(linear(), nn.ReLU(), nn.Tanh(), linear())],
    "no two linear layers in a row": [chain(linear(), linear())],
    "no bias before batch norm": [chain(linear(), nn.BatchNorm1d(4), nn.ReLU(), linear())],
    "no dropout before batch norm": [
        chain(linear(), nn.Dropout(0.5), nn.BatchNorm1d(4), nn.ReLU(), linear())
    ],
    "dropout leaves enough": [chain(linear(), nn.ReLU(), nn.Dropout(0.95), linear())],
    "weights start at random": [
        chain(constant(0.1), nn.ReLU(), linear()), chain(constant(0.0), nn.ReLU(), linear()),
        chain(constant(0.0), nn.ReLU(), constant(0.0)),
    ],
}
SOUND = [
    chain(linear(), nn.ReLU(), linear()),
    chain(nn.Linear(4, 4, bias=False, rng=0), nn.BatchNorm1d(4), nn.ReLU(), linear()),
    chain(linear(), nn.ReLU(), nn.Dropout(0.5), linear()),
    chain(linear(), nn.ReLU(), constant(0.0)),
    chain(linear(), nn.Tanh(), chain(linear(), nn.ReLU()), linear()),
    linear(),
]
PAIRS = [(rule, model) for rule, models in FAULTS.items() for model in models]


@pytest.mark.parametrize(("rule", "model"), PAIRS)
def test_rules_see_planted_faults(rule, model):
    """B12 and the static rules: the layer at fault is named."""
    found = {c.name: c for c in sanity.check_structure(model, F.cross_entropy)}
    assert found[rule].verdict in ("warn", "fail"), found[rule]
    assert found[rule].data["found"]


@pytest.mark.parametrize("model", SOUND)
def test_rules_are_silent_on_sound_models(model):
    assert {c.verdict for c in sanity.check_structure(model, F.cross_entropy)} == {"pass"}


def test_every_rule_has_a_planted_fault():
    assert set(FAULTS) == set(RULES)


def test_a_softmax_is_right_for_other_losses():
    checks = sanity.check_structure(chain(linear(), nn.Softmax()), F.mse)
    assert {c.verdict for c in checks} == {"pass"}


# -------------------------------------------------------------------------------------------------
# Batch leaks


def mixed(x):
    return x.reshape(x.shape[1], x.shape[0]).T


@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        (plain(), "pass"),
        (healthy(), "pass"),
        (chain(nn.Linear(64, 32, rng=0), nn.Lambda(mixed), nn.Linear(32, 4, rng=0)), "fail"),
        (chain(nn.Linear(64, 4, rng=0), nn.Softmax(axis=0)), "fail"),
        (chain(nn.Linear(64, 4, rng=0), nn.Lambda(lambda h: h - h.mean(axis=0))), "fail"),
    ],
)
def test_examples_do_not_mix(model, verdict):
    """B10: exactly 0 in eval mode; reshape for transpose, softmax over axis 0 and means fail."""
    check = sanity.check_batch_leak(model, digits(20))
    assert check.verdict == verdict, check
    assert model.training


def test_batch_norm_in_training_is_an_expected_exception():
    """B10."""
    check = sanity.check_batch_leak(healthy(), digits(20), training=True)
    assert check.verdict == "warn" and "by design" in check.why


def test_tokens_are_exchanged_instead():
    """B10, for inputs without gradients."""
    x = np.arange(24).reshape(6, 4) % 5
    good = chain(nn.Embedding(5, 3, rng=0), nn.Flatten(), nn.Linear(12, 2, rng=0))
    bad = chain(nn.Embedding(5, 3, rng=0), nn.Lambda(lambda e: e.cumsum(axis=0)), nn.Flatten())
    assert sanity.check_batch_leak(good, (x, x)).verdict == "pass"
    assert sanity.check_batch_leak(bad, (x, x)).verdict == "fail"


# -------------------------------------------------------------------------------------------------
# Baselines and the prior


def test_zero_inputs_must_do_worse(rng):
    """B09: fires on noise and on a model that ignores its inputs, silent on digits."""
    x, y = digits()
    blind = chain(nn.Lambda(lambda v: v * 0 + 1), *plain())
    assert sanity.check_inputs_matter(plain(), F.cross_entropy, (x, y)).ok
    assert not sanity.check_inputs_matter(blind, F.cross_entropy, (x, y)).ok
    assert sanity.check_inputs_matter(plain(), F.cross_entropy, (x[:3], y[:3])).verdict == "skipped"
    sine = rng.uniform(-1, 1, (100, 1)).astype("float32")
    model = chain(nn.Linear(1, 16, rng=0), nn.Tanh(), nn.Linear(16, 1, rng=1))
    assert sanity.check_inputs_matter(model, F.mse, (sine, np.sin(3 * sine))).ok


@pytest.mark.parametrize(("nu", "value"), [(6, 3.1427), (10, 2.7638), (30, 2.4573), (1e6, 2.3263)])
def test_the_quantile_of_student(nu, value):
    """B09: the 1 % level, against published tables."""
    assert student_quantile(nu) == pytest.approx(value, rel=5e-3)


@pytest.mark.oracle
def test_welch_agrees_with_scipy(rng):
    stats = pytest.importorskip("scipy.stats")
    a, b = rng.normal(size=12), rng.normal(0.5, 3, size=30)
    t, nu = sanity.welch(a, b)
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert t == pytest.approx(expected.statistic) and nu == pytest.approx(expected.df)
    assert student_quantile(nu) == pytest.approx(stats.t.ppf(0.99, nu), rel=2e-3)


def test_prior_bias_gives_the_entropy_of_the_labels():
    """B11, P11: 1:9 gives 0.3251, to 1e-12 in float64."""
    y = np.array([0] * 90 + [1] * 10)
    scores = np.zeros((100, 2)) + sanity.prior_bias(y, 2)
    assert float(F.cross_entropy(scores, y)) == pytest.approx(0.3250829733914482, abs=1e-12)
    x = np.zeros((100, 4), "float32")
    model = nn.Linear(4, 2, rng=0)
    model.weight.data, model.bias.data = np.zeros((4, 2), "float32"), np.zeros(2, "float32")
    assert sanity.check_prior(model, F.cross_entropy, (x, y)).verdict == "warn"
    sanity.set_prior(model.bias, y)
    assert sanity.check_prior(model, F.cross_entropy, (x, y)).verdict == "pass"
    assert sanity.check_prior(plain(), F.cross_entropy, digits()).verdict == "pass"
    with pytest.raises(errors.ValueRangeError):
        sanity.prior_bias([0, 2], 2)
    with pytest.raises(errors.ShapeError):
        sanity.prior_bias([], 2)


# -------------------------------------------------------------------------------------------------
# Movement, finite numbers, all in one


def test_every_parameter_moves_and_frozen_ones_do_not():
    """B12."""
    assert sanity.check_movement(healthy(), F.cross_entropy, digits()).ok
    check = sanity.check_movement(detached_layer(), F.cross_entropy, digits())
    assert not check.ok and check.data["still"] == ["0.weight", "0.bias"]
    assert "0.weight, 0.bias never moved" in check.measured
    frozen = plain().requires_grad_(False)
    frozen[2].requires_grad_(True)
    assert sanity.check_movement(frozen, F.cross_entropy, digits()).ok
    endless = with_last(nn.Lambda(lambda s: F.log(s * 0)))
    bad = sanity.check_movement(endless, F.cross_entropy, digits())
    assert not bad.ok and "loss" in bad.data["not_finite"]


def test_dead_units_count_as_no_gradient():
    """B12: a relu layer that is dead from the start."""
    model = plain()
    model[0].bias.data = np.full(32, -50, "float32")
    check = sanity.check_movement(model, F.cross_entropy, digits())
    assert "0.weight" in check.data["still"]
    deep = chain(*[nn.Lambda(lambda x: x * 0) if k == 4 else nn.Linear(64, 64, rng=k)
                   for k in range(5)], nn.Linear(64, 10, rng=5))
    seen = sanity.check_movement(deep, F.cross_entropy, digits()).measured
    assert "0.weight, 0.bias, 1.weight and 6 more never moved" in seen


def test_rules_of_structure_say_where_they_do_not_hold():
    model = chain(*[layer for _ in range(3) for layer in (nn.ReLU(), nn.Tanh())])
    checks = {c.name: c for c in sanity.check_structure(model, F.cross_entropy)}
    rows = checks["no two activations in a row"]
    assert rows.measured.startswith("1: Tanh") and rows.measured.endswith(" and 2 more")
    assert rows.expected == "no layer breaks it"
    assert checks["no two linear layers in a row"].measured == "none does"


def test_nan_in_the_data_is_the_only_finding():
    """B12: nothing else can be judged then."""
    x, y = digits(50)
    x = x.copy()
    x[3, 4] = np.nan
    report = sanity.check(plain(), F.cross_entropy, (x, y))
    assert [c.name for c in report.checks] == ["data are finite"] and not report.ok


def test_features_of_noise_are_uninformative(rng):
    """B07: learned by heart (B06 passes), and at chance on the other half."""
    _, y = digits(300)
    noise = rng.normal(size=(300, 64)).astype("float32")
    report = sanity.check(plain(), F.cross_entropy, (noise, y))
    assert report["overfits a tiny set"].ok
    assert not report["features are informative"].ok
    assert "uninformative" in report["features are informative"].why
    assert sanity.check(plain(), F.cross_entropy, digits(300))["features are informative"].ok


def test_one_call_has_it_all():
    """B14, B03: expected, measured, verdict, reason and advice of each check; data loss alone."""
    report = sanity.check(plain(), F.cross_entropy, digits())
    assert report.ok
    assert {c.verdict for c in report.checks} <= {"pass", "skipped"}
    for check in report.checks:
        assert check.expected and check.measured
        assert check.why and check.try_
    assert "without regularisation" in report["loss at chance"].expected
    names = [c.name for c in report.checks]
    assert len(names) == len(set(names)) >= 17


@pytest.mark.parametrize("seed", range(3))
def test_regression_passes_too(seed):
    """B14: labels are not assumed."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (100, 1)).astype("float32")
    y = (np.sin(3 * x) - np.sin(3 * x).mean()).astype("float32")
    model = chain(nn.Linear(1, 64, rng=rng), nn.Tanh(), nn.Linear(64, 1, rng=rng))
    model[2].weight.data = 0.1 * model[2].weight.data
    report = sanity.check(model, F.mse, (x, y), max_loss=0.02, steps=1000)
    assert all(c.ok for c in report.checks if c.name != "loss at chance"), str(report)


def test_fit_refuses_without_a_good_report():
    """B08: the gate; nothing has moved when it is shut."""
    model = with_last(nn.Softmax())
    before = model.state_dict()
    report = sanity.check(model, F.cross_entropy, digits())
    opt, loader = optim.SGD(model.parameters(), lr=0.1), data.Loader(digits(), rng=0)
    settings = {"epochs": 1, "progress": False}
    with pytest.raises(errors.TrainingError, match="sanity checks failed"):
        train.fit(model, F.cross_entropy, opt, loader, require=report, **settings)
    assert all((a == before[n]).all() for n, a in model.state_dict().items())
    good = plain()
    report = sanity.check(good, F.cross_entropy, digits())
    opt = optim.SGD(good.parameters(), lr=0.1)
    assert len(train.fit(good, F.cross_entropy, opt, loader, require=report, **settings)["loss"])
