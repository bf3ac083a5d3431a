"""Schedules: published values, closed forms, torch's schedulers, and purity in t."""

import copy
import inspect
import math
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet import data, nn, optim, schedules, train
from minnet.errors import StateError, ValueRangeError
from minnet.functional import cross_entropy
from minnet.schedules import (
    chain,
    constant,
    cosine,
    cyclical_momentum,
    exp_range,
    exponential,
    in_epochs,
    inverse_time,
    linear,
    multi_step,
    one_cycle,
    polynomial,
    scale,
    step,
    triangle,
    triangular,
    triangular2,
    warm_restarts,
    warmup_then,
)
from minnet.train import History, Plateau

# One row each: how to make it, and (t, value) pairs worked out from its formula.
CASES = {
    "constant": (lambda: constant(0.3), [(0, 0.3), (99, 0.3)]),
    "step": (lambda: step(0.8, every=5, factor=0.5), [(4, 0.8), (5, 0.4), (9, 0.4), (20, 0.05)]),
    "multi_step": (
        lambda: multi_step(0.1, at=(3, 7), factor=0.1), [(2, 0.1), (3, 0.01), (7, 0.001)],
    ),
    "exponential": (lambda: exponential(2.0, k=0.1), [(0, 2.0), (10, 2 / math.e)]),
    "inverse_time": (lambda: inverse_time(2.0, k=0.1), [(0, 2.0), (10, 1.0), (30, 0.5)]),
    "polynomial": (
        lambda: polynomial(1.1, steps=10, end=0.1, power=2),
        [(0, 1.1), (5, 0.35), (10, 0.1), (15, 0.1)],
    ),
    "linear": (
        lambda: linear(0.5, steps=8, end=0.99), [(0, 0.5), (4, 0.745), (8, 0.99), (20, 0.99)],
    ),
    "cosine": (
        lambda: cosine(0.5, steps=60, end=0.1), [(0, 0.5), (20, 0.4), (60, 0.1), (90, 0.1)],
    ),
    "warm_restarts": (
        lambda: warm_restarts(1.0, steps=10, factor=2),
        [(0, 1), (5, 0.5), (10, 1), (20, 0.5), (30, 1), (50, 0.5), (70, 1)],
    ),
    "triangle": (
        lambda: triangle(24, high=0.4, peak=5),
        [(0, 0), (5, 0.4), (14.5, 0.2), (24, 0), (30, 0)],
    ),
    "triangular": (
        lambda: triangular(0.001, 0.006, half=2000),
        [(0, 0.001), (1000, 0.0035), (2000, 0.006), (3000, 0.0035), (4000, 0.001)],
    ),
    "triangular2": (
        lambda: triangular2(0.001, 0.006, half=2000),
        [(2000, 0.006), (4000, 0.001), (6000, 0.0035), (10000, 0.00225)],
    ),
    "exp_range": (
        lambda: exp_range(0.001, 0.006, half=2000, gamma=0.99994),
        [(0, 0.001), (2000, 0.001 + 0.005 * 0.99994**2000), (4000, 0.001)],
    ),
    "one_cycle": (
        lambda: one_cycle(100, high=0.1),
        [
            (0, 0.004), (29, 0.1), (99, 4e-7),
            (14, 0.1 - 0.096 * (1 + math.cos(math.pi * 14 / 29)) / 2),
            (64, (0.1 + 4e-7) / 2),
        ],
    ),
    "cyclical_momentum": (
        lambda: cyclical_momentum(100), [(0, 0.95), (29, 0.85), (64, 0.9), (99, 0.95)],
    ),
    "scale": (lambda: scale(linear(1.0, steps=10), 0.5), [(0, 0.5), (5, 0.25)]),
    "in_epochs": (
        lambda: in_epochs(inverse_time(1.0, k=0.5), 50), [(0, 1), (50, 1 / 1.5), (100, 0.5)],
    ),
    "chain": (
        lambda: chain((constant(0.3), 5), (linear(1.0, steps=10), 4), constant(0.7)),
        [(4, 0.3), (5, 1.0), (8, 0.7), (9, 0.7), (10, 0.7), (6, 0.9)],
    ),
    "warmup_then": (
        lambda: warmup_then(cosine(0.5, steps=20), steps=10, start=0.1),
        [(0, 0.1), (5, 0.3), (10, 0.5), (20, 0.25), (30, 0.0)],
    ),
}  # fmt: skip


def test_every_schedule_is_in_the_table():
    """A forgotten row fails."""
    assert set(CASES) == set(schedules.__all__) - {"Schedule", "schedule"}


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    """E01, E03, E04, E07, E09, D07, J05, H14, H15, H18, P15, P16: values of the formula."""
    make, expected = CASES[name]
    got = [make()(t) for t, _ in expected]
    np.testing.assert_allclose(got, [value for _, value in expected], rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("name", CASES)
def test_pure_functions_of_t(name):
    """E09, PF-E6: any order, any copy, resumed anywhere: the same bits."""
    f = CASES[name][0]()
    forward = f.values(80)
    backward = [f(t) for t in reversed(range(80))][::-1]
    resumed = [f(t) for t in range(37, 80)]
    assert forward.tolist() == backward and forward[37:].tolist() == resumed
    for twin in (CASES[name][0](), copy.deepcopy(f)):
        assert twin == f and hash(twin) == hash(f) and repr(twin) == repr(f)
        assert twin.values(80).tolist() == forward.tolist()
    assert f != scale(f, 0.5)


@pytest.mark.parametrize("name", CASES)
def test_prints_as_it_was_made(name):
    """repr is Python that makes it again."""
    f = CASES[name][0]()
    assert eval(repr(f), dict(vars(schedules))) == f  # noqa: S307


@pytest.mark.parametrize("name", CASES)
def test_steps_out_of_range(name):
    for t in (-1, math.nan, math.inf):
        with pytest.raises(ValueRangeError, match="needs a finite step t >= 0"):
            CASES[name][0]()(t)


def test_schedules_travel_between_processes():
    f = warmup_then(one_cycle(100, high=0.1), steps=10)
    assert pickle.loads(pickle.dumps(f)) == f


# -- Annealing (E) ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("factor", "every"), [(0.5, 5), (0.1, 20)])
def test_step_decay_does_not_compound(factor, every):
    """E01, PF-E6: lambda0 gamma^floor(e/k) for 60 epochs of 7 steps."""
    f = in_epochs(step(0.3, every=every, factor=factor), 7)
    for t in range(420):
        assert f(t) == 0.3 * factor ** ((t // 7) // every)


def test_whole_epochs():
    f = exponential(1.0, k=0.1)
    for t in range(40):
        assert in_epochs(f, 7, whole=True)(t) == f(t // 7)
        assert in_epochs(f, 7)(t) == f(t / 7)


@pytest.mark.parametrize("unit", [1, 50])
def test_inverse_time_halves_at_one_over_k(unit):
    """E04: exactly, in steps and in epochs."""
    k = 0.125
    assert in_epochs(inverse_time(0.3, k=k), unit)(unit / k) == 0.15


def reach(f, start, steps):
    """How near gradient descent on |x| gets to 0 from start."""
    x = mn.tensor([start], requires_grad=True, dtype="float64")
    optimizer, nearest = optim.SGD([x], lr=0.0), start
    for t in range(steps):
        optimizer.lr, x.grad = f(t), np.sign(x.numpy())
        optimizer.step()
        nearest = min(nearest, abs(x.item()))
    return nearest


def test_too_fast_a_decay_never_arrives():
    """E06: the sum of the rates bounds the way; 1/t has no bound, and arrives."""
    fast, slow, start = exponential(0.1, k=0.01), inverse_time(0.1, k=0.01), 20.0
    total = 0.1 / (1 - math.exp(-0.01))
    assert fast.values(5000).sum() == pytest.approx(total, rel=1e-12)
    assert total == pytest.approx(0.1 / 0.01, rel=0.01)
    assert reach(fast, start, 5000) == pytest.approx(start - total, rel=1e-9)
    assert reach(slow, start, 5000) < 0.1
    grown = slow.values(40000).sum() - slow.values(10000).sum()
    assert grown == pytest.approx(0.1 / 0.01 * math.log(4), rel=0.01)  # and so at each fourfold


def test_inverse_time_always_arrives_on_the_quadratic():
    """E06: the product of (1 - lambda_t h) falls to 0 for 1/t, and not for the exponential."""

    def end(f, steps):
        return np.prod(1 - f.values(steps))

    assert end(exponential(0.1, k=0.05), 20000) > 0.1
    assert end(inverse_time(0.1, k=0.05), 20000) < 1e-5


# -- Cycles (H14-H18) ------------------------------------------------------------------------------


def test_exp_range_published_value():
    """H15, P15."""
    f = exp_range(0.001, 0.006, half=2000, gamma=0.99994)
    assert f(2000) == pytest.approx(0.005434586, abs=5e-10)


def test_one_cycle_fastai():
    """H18, P16: published values, the peak, exactly T of them."""
    f = one_cycle(100, high=0.1)
    values = f.values(100)
    assert values[[0, 14, 29, 64, 99]] == pytest.approx(
        [0.004, 0.0494013, 0.1, 0.0500002, 4e-7], abs=5e-8
    )
    assert values.argmax() == 29 and values[29] == 0.1
    with pytest.raises(ValueRangeError, match=r"one_cycle has 100 steps, 0 .. 99, got t=100: make"):
        f(100)


def test_one_cycle_smith():
    """H17, P16: two equal legs, then down to a hundredth of the minimum."""
    f = one_cycle(100, high=1.0, start=0.1, end=1e-3, warmup=0.45, style="smith")
    got = [f(t) for t in (0, 22, 44, 66, 88, 99)]
    np.testing.assert_allclose(got, [0.1, 0.55, 1.0, 0.55, 0.1, 0.001], rtol=0, atol=1e-12)
    assert f.values(100).tolist() == one_cycle(100, high=1.0, style="smith").values(100).tolist()
    with pytest.raises(ValueRangeError, match="100 steps"):
        f(100)


@pytest.mark.parametrize("style", ["fastai", "smith"])
def test_momentum_mirrors_the_rate(style):
    """J05: highest where the rate is lowest, and lowest exactly at its peak."""
    rate = one_cycle(200, high=0.8, start=0.1, end=0.1, style=style).values(200)
    momentum = cyclical_momentum(200, high=0.95, low=0.8, style=style).values(200)
    assert momentum.argmin() == rate.argmax() and momentum[0] == 0.95 and momentum.min() == 0.8
    mirrored = 0.95 - 0.15 * (rate - 0.1) / 0.7
    np.testing.assert_allclose(momentum, mirrored, rtol=0, atol=1e-14)


def test_triangular_momentum_falls_first():
    momentum, rate = triangular(0.9, 0.8, half=10), triangular(0.0, 1.0, half=10)
    np.testing.assert_allclose(momentum.values(50), 0.9 - 0.1 * rate.values(50), atol=1e-15)


@pytest.mark.parametrize("setting", ["lr", "momentum", "weight_decay"])
def test_one_object_drives_any_setting(setting):
    """E09: the same kind of object for rate, momentum and decay."""
    x = mn.tensor([1.0], requires_grad=True)
    optimizer = optim.Momentum([x], lr=0.1)
    setattr(optimizer, setting, linear(0.5, steps=10, end=0.99)(10))
    assert optimizer.groups[0][setting] == 0.99


def test_cyclical_rate_costs_first_and_gains_later():
    """H16: on a noisy valley the loss rises within a cycle, and ends lower than at the low rate."""
    h = np.array([1.0, 0.005])

    def losses(f):
        rng = np.random.default_rng(0)
        x = mn.tensor([0.0, 30.0], requires_grad=True, dtype="float64")
        optimizer, seen = optim.SGD([x], lr=0.0), []
        for t in range(400):
            seen.append((h * x.numpy() ** 2).sum() / 2)
            optimizer.lr, x.grad = f(t), h * x.numpy() + rng.standard_normal(2) * [1.0, 0.0]
            optimizer.step()
        return np.array(seen)

    cyclic, low = losses(triangular(0.1, 1.8, half=50)), losses(constant(0.1))
    assert cyclic[140:160].mean() > 1.3 * cyclic[90:110].mean()  # up, within a cycle
    assert cyclic[-10:].mean() < 0.5 * low[-10:].mean()


# -- Errors ----------------------------------------------------------------------------------------

WRONG = [
    (lambda: step(0.1, every=0), "step needs finite numbers of steps above 0, got every=0"),
    (lambda: step(-0.1, every=1), r"start=-0\.1"),
    (lambda: multi_step(0.1, at=[5, 3]), "steps in rising order"),
    (lambda: exponential(0.1, k=math.nan), "k=nan"),
    (lambda: inverse_time(0.1, k=-1), "k=-1"),
    (lambda: polynomial(0.1, steps=0), "steps=0"),
    (lambda: linear(0.1, steps=-3), "steps=-3"),
    (lambda: cosine(0.1, steps=0), "steps=0"),
    (lambda: warm_restarts(0.1, steps=5, factor=0.5), "factor of at least 1"),
    (lambda: triangle(24, high=0.1, peak=24), "peak inside the training"),
    (lambda: triangular(0.1, 0.2, half=0), "half=0"),
    (lambda: triangular2(0.1, -0.2, half=1), r"high=-0\.2"),
    (lambda: exp_range(0.1, 0.2, half=1, gamma=-1), "gamma=-1"),
    (lambda: one_cycle(1, high=0.1), "all its legs inside"),
    (lambda: one_cycle(100, high=0.1, warmup=1.0), "all its legs inside"),
    (lambda: one_cycle(100, high=0.1, warmup=0.6, style="smith"), "all its legs inside"),
    (lambda: one_cycle(100, high=0.1, style="leslie"), "style of fastai, smith"),
    (lambda: one_cycle(100, high=-0.1), r"high=-0\.1"),
    (lambda: cyclical_momentum(2), "inside the training"),
    (lambda: constant(math.inf), "value=inf"),
    (lambda: scale(constant(1), -1), "by=-1"),
    (lambda: in_epochs(constant(1), 0), "steps_per_epoch=0"),
    (lambda: chain(), "pairs and then one schedule"),
    (lambda: chain((constant(1), 0), constant(1)), "steps=0"),
    (lambda: chain(constant(1), constant(1)), "pairs and then one schedule"),
    (lambda: warmup_then(constant(1), steps=0), "steps=0"),
]


@pytest.mark.parametrize(("make", "match"), WRONG)
def test_wrong_settings(make, match):
    with pytest.raises(ValueRangeError, match=match):
        make()


def test_every_schedule_refuses_something():
    source = "".join(inspect.getsource(make) for make, _ in WRONG)
    assert all(f"{name}(" in source for name in CASES)


def test_plot():
    axes = one_cycle(50, high=0.1).plot(50, label="learning rate").axes[0]
    assert axes.get_ylabel() == "learning rate"
    assert axes.lines[0].get_ydata().tolist() == one_cycle(50, high=0.1).values(50).tolist()


# -- torch -----------------------------------------------------------------------------------------

TORCH = {
    "step": ("StepLR", {"step_size": 5, "gamma": 0.5}, step(0.1, every=5)),
    "multi_step": (
        "MultiStepLR", {"milestones": [7, 20], "gamma": 0.3},
        multi_step(0.1, at=[7, 20], factor=0.3),
    ),
    "exponential": ("ExponentialLR", {"gamma": 0.9}, exponential(0.1, k=-math.log(0.9))),
    "polynomial": (
        "PolynomialLR", {"total_iters": 30, "power": 2.0}, polynomial(0.1, steps=30, power=2.0),
    ),
    "linear": (
        "LinearLR", {"start_factor": 0.2, "end_factor": 1.0, "total_iters": 9},
        linear(0.02, steps=9, end=0.1),
    ),
    "cosine": (
        "CosineAnnealingLR", {"T_max": 39, "eta_min": 0.01}, cosine(0.1, steps=39, end=0.01),
    ),
    "warm_restarts": (
        "CosineAnnealingWarmRestarts", {"T_0": 5, "T_mult": 2, "eta_min": 0.01},
        warm_restarts(0.1, steps=5, end=0.01, factor=2),
    ),
    "triangular": (
        "CyclicLR", {"base_lr": 0.001, "max_lr": 0.006, "step_size_up": 7},
        triangular(0.001, 0.006, half=7),
    ),
    "triangular2": (
        "CyclicLR", {"base_lr": 0.001, "max_lr": 0.006, "step_size_up": 7, "mode": "triangular2"},
        triangular2(0.001, 0.006, half=7),
    ),
    "exp_range": (
        "CyclicLR",
        {"base_lr": 0.001, "max_lr": 0.006, "step_size_up": 7, "mode": "exp_range", "gamma": 0.9},
        exp_range(0.001, 0.006, half=7, gamma=0.9),
    ),
    "one_cycle_fastai": (
        "OneCycleLR", {"max_lr": 0.1, "total_steps": 40, "pct_start": 0.3},
        one_cycle(40, high=0.1),
    ),
    "one_cycle_smith": (
        "OneCycleLR",
        {
            "max_lr": 1.0, "total_steps": 40, "pct_start": 0.45, "three_phase": True,
            "anneal_strategy": "linear", "div_factor": 10, "final_div_factor": 100,
        },
        one_cycle(40, high=1.0, style="smith"),
    ),
}  # fmt: skip


def torch_values(kind, settings, steps, key="lr"):
    torch = pytest.importorskip("torch")
    x = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.1, momentum=0.9)
    scheduler = getattr(torch.optim.lr_scheduler, kind)(optimizer, **settings)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0][key])
        optimizer.step()
        if len(values) < steps:
            scheduler.step()
    return values


@pytest.mark.oracle
@pytest.mark.parametrize("name", TORCH)
def test_equals_torchs_scheduler(name):
    """E09, H14, H15, H17, H18, P15, P16: 40 steps."""
    kind, settings, f = TORCH[name]
    np.testing.assert_allclose(f.values(40), torch_values(kind, settings, 40), rtol=1e-12, atol=0)


@pytest.mark.oracle
def test_equals_torchs_cyclical_momentum():
    """H18: momentum of OneCycleLR."""
    expected = torch_values("OneCycleLR", {"max_lr": 0.1, "total_steps": 40}, 40, key="momentum")
    np.testing.assert_allclose(cyclical_momentum(40).values(40), expected, rtol=1e-13)


# -- Plateau (E02) ---------------------------------------------------------------------------------


class Knobs:
    """What Plateau needs of an optimizer."""

    def __init__(self, *rates):
        self.groups = [{"lr": rate} for rate in rates]


def rates(plateau, values, start=1.0):
    knobs = Knobs(start)
    return [(plateau.see(value, knobs), knobs.groups[0]["lr"])[1] for value in values]


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_plateau_acts_at_the_bad_epoch_after_patience(patience):
    """E02: patience p lowers at the (p + 1)-th bad epoch, and again p + 1 later."""
    got = rates(Plateau(patience=patience), [1.0] * (2 * patience + 4))
    bad = np.arange(2 * patience + 4)
    assert got == (0.5 ** (bad // (patience + 1))).tolist()


def test_plateau_counts_nan_as_bad():
    """E02: a NaN is bad, also as the first value, and never the best."""
    nan = math.nan
    assert rates(Plateau(patience=1), [nan, nan, 5.0, nan, 4.0, nan, nan]) == [
        1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25,
    ]  # fmt: skip


def test_plateau_threshold_cooldown_low_and_direction():
    assert rates(Plateau(patience=0, threshold=0.1), [1.0, 0.95, 0.85]) == [1.0, 0.5, 0.5]
    assert rates(Plateau(patience=0, threshold=0.1), [-1.0, -1.05, -1.2]) == [1.0, 0.5, 0.5]
    assert rates(Plateau(patience=0, higher=True), [1.0, 0.9, 1.1]) == [1.0, 0.5, 0.5]
    assert rates(Plateau(patience=0, cooldown=2), [1.0] * 6) == [1, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert rates(Plateau(patience=0, low=0.3), [1.0] * 4) == [1.0, 0.5, 0.3, 0.3]
    assert rates(Plateau(patience=0, low=2.0), [1.0] * 2) == [1.0, 1.0]  # never raises the rate


def test_plateau_lowers_every_group_and_any_setting():
    p, q = (mn.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = optim.Momentum([{"params": [p], "lr": 1.0}, {"params": [q], "lr": 0.1}])
    for plateau in (Plateau(patience=0), Plateau(patience=0, setting="weight_decay", factor=0.1)):
        for _ in range(2):
            plateau.see(1.0, optimizer)
    assert [group["lr"] for group in optimizer.groups] == [0.5, 0.05]


@pytest.mark.parametrize("wrong", [None, [], {"bad": 1.5}, {"bad": None}, {"cooling": "x"}])
def test_plateau_refuses_another_state_and_stays_as_it_was(wrong):
    plateau = Plateau(patience=2)
    state = {"best": 7.0, "bad": 2, "cooling": 1} | wrong if isinstance(wrong, dict) else wrong
    before = str(plateau.state_dict())
    with pytest.raises(StateError, match="Plateau needs the entries .*, all numbers, got"):
        plateau.load_state_dict(state)
    assert str(plateau.state_dict()) == before


def test_plateau_resumes(rng):
    """E09: a round trip of its state at any epoch changes nothing."""
    values = rng.random(60) + np.linspace(1, 0, 60)
    make = lambda: Plateau(patience=2, cooldown=3)
    whole = rates(make(), values)
    assert len(set(whole)) > 3
    for cut in (1, 10, 35):
        first, second = make(), make()
        before = rates(first, values[:cut])
        second.load_state_dict(first.state_dict())
        assert before + rates(second, values[cut:], before[-1]) == whole


@pytest.mark.oracle
@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_equals_torchs(rng, mode):
    """E02: 300 random epochs."""
    torch = pytest.importorskip("torch")
    values = rng.random(300) + 0.5
    x = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode, factor=0.7, patience=3, cooldown=2, threshold=0.01, eps=0
    )
    expected = [(theirs.step(v), optimizer.param_groups[0]["lr"])[1] for v in values]
    ours = Plateau(factor=0.7, patience=3, cooldown=2, threshold=0.01, higher=mode == "max")
    np.testing.assert_allclose(rates(ours, values), expected, rtol=1e-12)


def test_plateau_in_a_run():
    """The monitor reads the history; without the series it says what there is."""

    class Run:
        history, optimizer = History(), Knobs(1.0)

    plateau = Plateau("val_loss", patience=0)
    Run.history.record("loss", 1.0, x=1)
    with pytest.raises(StateError, match=r"watches 'val_loss'; the history has \['loss'\]"):
        plateau.epoch_end(Run)
    for value in (1.0, 2.0):
        Run.history.record("val_loss", value, x=1)
        plateau.epoch_end(Run)
    assert Run.optimizer.groups[0]["lr"] == 0.5


def test_plateau_in_fit():
    """E02: told after each validation; the lowered rate is the one that trains."""
    train_set, val_set = data.blobs(40, classes=2, rng=0).split(0.8, rng=0)
    model = nn.Linear(2, 2, rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    history = train.fit(
        model, cross_entropy, optimizer, data.Loader(train_set, rng=0), epochs=4,
        val_data=val_set, monitors=[Plateau(patience=0, higher=True)], progress=False,
    )  # fmt: skip
    assert (np.diff(history["val_loss"]) < 0).all()
    assert optimizer.lr == 0.01 / 2**3


@pytest.mark.parametrize(
    "settings",
    [{"factor": 1.0}, {"patience": -1}, {"threshold": math.nan}, {"cooldown": -1}, {"low": -1}],
)
def test_plateau_refuses(settings):
    with pytest.raises(ValueRangeError, match="Plateau needs"):
        Plateau(**settings)
    with pytest.raises(StateError, match="Plateau needs the entries"):
        Plateau().load_state_dict({"best": 1.0})
