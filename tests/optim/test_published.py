"""The updates against published numbers, plain floats, closed forms and torch's trajectories."""

import json
import math

import numpy as np
import pytest

import minnet as mn
from minnet import optim

from .make_golden import CASES, GOLDEN, KEPT, STEPS, rosenbrock_gradient, torch_trajectory


def leaf(values, dtype="float64"):
    return mn.tensor(np.array(values, dtype=dtype), requires_grad=True)


def walk(optimizer, x, gradient, steps):
    """Positions x_0 ... x_steps, and nothing else."""
    path = [x.numpy().copy()]
    for t in range(steps):
        x.grad = np.array(gradient(path[-1], t), dtype=x.dtype)
        optimizer.step()
        path.append(x.numpy().copy())
    return np.array(path)


def load_slots(optimizer, t, **slots):
    """Start from given slots, as if t steps had been made."""
    record = optimizer.state_dict()
    record |= {f"state.0.{k}": v for k, v in slots.items()} | {"state.0.t": t}
    optimizer.load_state_dict(record)


def slot(optimizer, x, name="v"):
    return optimizer.state(x)[name].copy()


# -- CS231n's vectors ----------------------------------------------------------------------------

W = np.linspace(-0.4, 0.6, 20).reshape(4, 5)
DW = np.linspace(-0.6, 0.4, 20).reshape(4, 5)
RISING = np.linspace(0.6, 0.9, 20).reshape(4, 5)
FALLING = np.linspace(0.7, 0.5, 20).reshape(4, 5)
CS231N = {
    "momentum": (
        lambda p: optim.Momentum(p, lr=1e-3), 0, {"v": RISING}, 1e-8,
        [0.1406, 0.20738947, 0.27417895, 0.34096842, 0.40775789],
    ),
    "rmsprop": (
        lambda p: optim.RMSprop(p, lr=1e-2, decay=0.99), 0, {"cache": RISING}, 1e-7,
        [-0.39223849, -0.34037513, -0.28849239, -0.23659121, -0.18467247],
    ),
    "adam": (
        lambda p: optim.Adam(p, lr=1e-2), 5, {"m": RISING, "v": FALLING}, 1e-7,
        [-0.40094747, -0.34836187, -0.29577703, -0.24319299, -0.19060977],
    ),
}  # fmt: skip


def cs231n_step(name, t=None):
    make, start, slots, tolerance, expected = CS231N[name]
    w = leaf(W)
    optimizer = make([w])
    load_slots(optimizer, start if t is None else t, **slots)
    w.grad = DW
    optimizer.step()
    return w.numpy()[0], optimizer, w, tolerance, expected


@pytest.mark.parametrize("name", CS231N)
def test_cs231n_vectors(name):
    """D04, G05, G07, P09: row 0 after one step from given slots."""
    got, _, _, tolerance, expected = cs231n_step(name)
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance)


def test_cs231n_velocity():
    """D04: the velocity after the momentum step."""
    _, optimizer, w, *_ = cs231n_step("momentum")
    expected = [0.5406, 0.55475789, 0.56891579, 0.58307368, 0.59723158]
    np.testing.assert_allclose(slot(optimizer, w)[0], expected, rtol=0, atol=1e-8)


def test_adam_counts_before_it_uses_t():
    """G07: using t = 5 instead of 6 is the planted bug, and gives another number."""
    late = cs231n_step("adam", t=4)[0]
    assert late[0] == pytest.approx(-0.40094747 - 4.241e-5, abs=1e-7)


# -- torch ---------------------------------------------------------------------------------------


def our_trajectory(kind, settings):
    x = leaf([-1.2, 1.0])
    optimizer = getattr(optim, kind)([x], **settings)
    path = walk(optimizer, x, lambda x, t: rosenbrock_gradient(*x.tolist()), STEPS)
    return {str(t): path[t].tolist() for t in KEPT}


def tolerance(name):
    return 1e-9 if name == "rmsprop" else 1e-12


def distance(a, b):
    return max(np.abs(np.subtract(a[t], b[t])).max() for t in b)


@pytest.mark.parametrize("name", CASES)
def test_equals_stored_torch_trajectory(name):
    """D12, G10, P10: 500 float64 steps on Rosenbrock's function."""
    golden = json.loads(GOLDEN.read_text())["trajectories"][name]
    assert list(golden) == [str(t) for t in KEPT]
    assert distance(our_trajectory(*CASES[name][2:]), golden) <= tolerance(name)


@pytest.mark.oracle
@pytest.mark.parametrize("name", CASES)
def test_stored_trajectory_is_torchs(name):
    """P10: the golden file is what torch.optim does now."""
    torch = pytest.importorskip("torch")
    golden = json.loads(GOLDEN.read_text())["trajectories"][name]
    assert distance(torch_trajectory(torch, *CASES[name][:2]), golden) <= tolerance(name)


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("adam", (-0.81097723, 0.66357085)),
        ("nesterov", (-0.50463823, 0.26211009)),
        ("adagrad", (-0.70042343, 0.49608176)),
    ],
)
def test_known_end_points(name, end):
    """P10: end points known from elsewhere."""
    assert our_trajectory(*CASES[name][2:])[str(STEPS)] == pytest.approx(end, abs=1e-8)


def test_adamw_is_not_adam_with_l2():
    """G10: the two decays differ."""
    paths = json.loads(GOLDEN.read_text())["trajectories"]
    assert distance(paths["adam_l2"], paths["adamw"]) > 1e-3


# -- Five steps in plain floats (PF-E5: names do not lie) ------------------------------------------

G = [0.3, -1.2, 0.7, 0.0, 2.5]


def plain(name, mu=0.9, lr=0.1):
    """x after each of five steps from 1, with the gradients G, written without any array."""
    x, v, m, path = 1.0, 0.0, 0.0, []
    for t, g in enumerate(G, 1):
        match name:
            case "sgd":
                x -= lr * g
            case "cs231n":
                v = mu * v - lr * g
                x += v
            case "torch":
                v = mu * v + g
                x -= lr * v
            case "ema":
                v = mu * v + (1 - mu) * g
                x -= lr * v
            case "nesterov_cs231n":
                old, v = v, mu * v - lr * g
                x += -mu * old + (1 + mu) * v
            case "nesterov_torch":
                v = mu * v + g
                x -= lr * (g + mu * v)
            case "adagrad":
                v += g * g
                x -= lr * g / (math.sqrt(v) + 1e-10)
            case "rmsprop":
                v = 0.99 * v + 0.01 * g * g
                x -= lr * g / (math.sqrt(v) + 1e-8)
            case "adam" | "adamw" | "adam_simple":
                x *= 1 - lr * 0.01 if name == "adamw" else 1
                m = 0.9 * m + 0.1 * g
                v = 0.999 * v + 0.001 * g * g
                c1, c2 = (1, 1) if name == "adam_simple" else (1 - 0.9**t, 1 - 0.999**t)
                x -= lr * (m / c1) / (math.sqrt(v / c2) + 1e-8)
        path.append(x)
    return path


FIVE = {
    "sgd": lambda p: optim.SGD(p, 0.1),
    "cs231n": lambda p: optim.Momentum(p, 0.1),
    "torch": lambda p: optim.Momentum(p, 0.1, form="torch"),
    "ema": lambda p: optim.Momentum(p, 0.1, form="ema"),
    "nesterov_cs231n": lambda p: optim.Nesterov(p, 0.1),
    "nesterov_torch": lambda p: optim.Nesterov(p, 0.1, form="torch"),
    "adagrad": lambda p: optim.Adagrad(p, 0.1),
    "rmsprop": lambda p: optim.RMSprop(p, 0.1),
    "adam": lambda p: optim.Adam(p, 0.1),
    "adam_simple": lambda p: optim.Adam(p, 0.1, bias_correction=False),
    "adamw": lambda p: optim.AdamW(p, 0.1),
}


@pytest.mark.parametrize("name", FIVE)
def test_five_steps_in_plain_floats(name):
    """D01, G06, PF-E1, PF-E2, PF-E3, PF-E5: each rule is what its name says."""
    x = leaf([1.0])
    path = walk(FIVE[name]([x]), x, lambda x, t: [G[t]], 5)[1:, 0]
    np.testing.assert_allclose(path, plain(name), rtol=1e-14, atol=1e-14)


# -- Closed forms (P07) ----------------------------------------------------------------------------


@pytest.mark.parametrize("mu", [0.5, 0.9, 0.95, 0.99])
def test_constant_force(mu):
    """D05, D06, P07: v_t = -lr g (1 - mu^t)/(1 - mu), from rest to the terminal velocity."""
    x, lr, g = leaf([0.0]), 0.01, 2.0
    optimizer = optim.Momentum([x], lr, momentum=mu)
    assert optimizer.state(x)["v"][0] == 0
    steps = np.diff(walk(optimizer, x, lambda x, t: [g], 100)[:, 0])
    t = np.arange(1, 101)
    np.testing.assert_allclose(steps, -lr * g * (1 - mu**t) / (1 - mu), rtol=1e-11)


def test_energy_decreases_for_small_steps():
    """D06: kinetic plus potential energy falls with friction."""
    x, lr = leaf([1.0, -2.0]), 1e-4
    optimizer, energy = optim.Momentum([x], lr, momentum=0.99), []
    h = np.array([1.0, 5.0])
    for _ in range(300):
        x.grad = h * x.numpy()
        optimizer.step()
        energy.append((slot(optimizer, x) ** 2).sum() / lr / 2 + (h * x.numpy() ** 2).sum() / 2)
    assert np.all(np.diff(energy) < 0)


def test_momentum_zero_is_sgd_bit_for_bit(rng):
    """D05, PF-E1: every form but none adds nothing at mu = 0."""
    grads = rng.standard_normal((20, 7))
    start = rng.standard_normal(7)

    def end(make):
        x = leaf(start)
        return walk(make([x]), x, lambda x, t: grads[t], 20)

    sgd = end(lambda p: optim.SGD(p, 0.03))
    for kind in (optim.Momentum, optim.Nesterov):
        for form in ("cs231n", "torch"):
            got = end(lambda p, k=kind, f=form: k(p, 0.03, momentum=0.0, form=f))
            np.testing.assert_array_equal(got, sgd)
    np.testing.assert_array_equal(
        end(lambda p: optim.Momentum(p, 0.03, momentum=0.0, form="ema")), sgd
    )


def test_average_of_gradients(rng):
    """D08: v_t = (1 - beta) sum beta^k g_{t-k}."""
    x, beta, g = leaf([0.0]), 0.8, rng.standard_normal(30)
    optimizer = optim.Momentum([x], 0.1, momentum=beta, form="ema")
    walk(optimizer, x, lambda x, t: [g[t]], 30)
    expected = (1 - beta) * sum(beta**k * g[29 - k] for k in range(30))
    assert slot(optimizer, x)[0] == pytest.approx(expected, rel=1e-13)
    ones = (1 - beta) * beta ** np.arange(1000)
    assert ones.sum() == pytest.approx(1) and (1 / (ones[0])) == pytest.approx(1 / (1 - beta))


def test_forms_agree_until_the_rate_changes():
    """Table 0.1: cs231n = torch for constant lr; after a drop they differ by 0.0137."""

    def end(form, drop):
        x = leaf([-1.2, 1.0])
        optimizer = optim.Momentum([x], 1e-4, form=form)
        for t in range(100):
            optimizer.lr = 1e-5 if drop and t >= 50 else 1e-4
            x.grad = np.array(rosenbrock_gradient(*x.numpy().tolist()))
            optimizer.step()
        return x.numpy()

    assert np.abs(end("cs231n", False) - end("torch", False)).max() < 1e-13
    apart = np.abs(end("cs231n", True) - end("torch", True)).max()
    assert apart == pytest.approx(0.0137, abs=1e-4)


def test_adaptive_first_steps_and_terminal_steps():
    """G01, G05, G06, G07, P07: constant gradient."""
    lr = 1e-3

    def steps(make, count=100, g=3.0):
        x = leaf([0.0])
        return -np.diff(walk(make([x]), x, lambda x, t: [g], count)[:, 0]) / lr

    adagrad = steps(lambda p: optim.Adagrad(p, lr, eps=0.0))
    assert adagrad[0] == pytest.approx(1, rel=1e-12)
    assert adagrad.sum() == pytest.approx(18.589603824784, rel=1e-11)
    assert np.all(np.diff(adagrad) < 0)  # G04: it only slows down
    for decay, first in ((0.9, 3.1623), (0.99, 10.0), (0.999, 31.623)):
        rmsprop = steps(lambda p, d=decay: optim.RMSprop(p, lr, decay=d, eps=0.0), 9000)
        assert rmsprop[0] == pytest.approx(first, rel=1e-4)
        assert rmsprop[-1] == pytest.approx(1, rel=1e-3)
    adam = steps(lambda p: optim.Adam(p, lr, eps=0.0))
    np.testing.assert_allclose(adam, 1, rtol=1e-11)  # PF-E3
    simple = steps(lambda p: optim.Adam(p, lr, eps=0.0, bias_correction=False))
    assert simple[0] == pytest.approx(0.1 / math.sqrt(0.001), rel=1e-12)


def test_where_eps_stands():
    """PF-E4: eps is outside the root and after the correction: 1e-10 / (1e-10 + 1e-8)."""
    x = leaf([0.0])
    step = walk(optim.Adam([x], 1.0), x, lambda x, t: [1e-10], 1)[1, 0]
    assert step == pytest.approx(-1e-10 / (1e-10 + 1e-8), rel=1e-12)


def test_adam_without_its_parts_is_rmsprop(rng):
    """G08: beta1 = 0 and no correction, bit for bit."""
    g = rng.standard_normal((50, 4))

    def path(make):
        x = leaf(np.ones(4))
        return walk(make([x]), x, lambda x, t: g[t], 50)

    adam = path(lambda p: optim.Adam(p, 0.01, betas=(0.0, 0.97), bias_correction=False))
    np.testing.assert_array_equal(adam, path(lambda p: optim.RMSprop(p, 0.01, decay=0.97)))


class NoRoot(optim.Adagrad):
    """Adagrad without the square root, an ablation."""

    def update(self, theta, g, s, t):
        s.cache = s.cache + g**2
        return -self.lr * g / (s.cache + self.eps)


def test_the_root_matters():
    """G03: with the root the path does not change with the scale of f; without it, by 1/c."""

    def travel(kind, c, steps):
        x = leaf([0.0])
        return -walk(kind([x], 1.0, eps=0.0), x, lambda x, t: [c], steps)[-1, 0]

    assert travel(optim.Adagrad, 8.0, 100) == travel(optim.Adagrad, 1.0, 100)
    assert travel(NoRoot, 8.0, 1) == travel(NoRoot, 1.0, 1) / 8
    assert travel(NoRoot, 1.0, 100) == pytest.approx(5.187377517639621, rel=1e-12)


def test_adagrad_travels_as_a_root_and_rmsprop_as_a_line():
    """G04: 2 lr sqrt(T) against lr T."""
    for kind, power in ((optim.Adagrad, 0.5), (optim.RMSprop, 1.0)):
        x = leaf([0.0])
        path = -walk(kind([x], 1e-3), x, lambda x, t: [1.0], 16000)[:, 0]
        assert np.log2(path[16000] / path[8000]) == pytest.approx(power, abs=0.02)


@pytest.mark.parametrize("k", [4, 9])
def test_rare_gradients_get_larger_steps(k):
    """G02: a gradient at every k-th step moves sqrt(k) times as far when it comes."""
    x = leaf([0.0, 0.0])
    path = walk(optim.Adagrad([x], 1.0), x, lambda x, t: [1.0, float(t % k == 0)], 900 * k + 1)
    often, rarely = np.abs(path[-1] - path[-2])
    assert rarely / often == pytest.approx(math.sqrt(k), rel=1e-3)


@pytest.mark.parametrize("kind", [optim.Adam, optim.RMSprop, optim.Adagrad])
def test_diagonal_rescaling_changes_nothing(kind, rng):
    """G09: with eps = 0 the path does not depend on the scale of each gradient."""
    g, scale = rng.standard_normal((40, 3)), np.array([1e-6, 1.0, 1e6])
    x, y = leaf(np.ones(3)), leaf(np.ones(3))
    a = walk(kind([x], 0.01, eps=0.0), x, lambda x, t: g[t], 40)
    b = walk(kind([y], 0.01, eps=0.0), y, lambda x, t: g[t] * scale, 40)
    np.testing.assert_allclose(a, b, rtol=1e-11)


def test_bound_of_adams_steps():
    """G09: steps stay below 7.27 lr, and exceed the 3.16 lr of the paper."""
    beta1, beta2 = 0.9, 0.999
    bound = (1 - beta1) / math.sqrt((1 - beta2) * (1 - beta1**2 / beta2))
    x = leaf([0.0])
    # zeros first: the corrections have faded, the averages are empty
    growth = lambda x, t: [0.0 if t < 9000 else 1e-9 * (beta2 / beta1) ** (t - 9000)]
    steps = np.abs(np.diff(walk(optim.Adam([x], 1.0, eps=1e-30), x, growth, 9060)[:, 0]))
    assert bound == pytest.approx(7.27, abs=0.01)
    assert 3.17 < steps.max() <= bound


# -- The saddle (P08) ------------------------------------------------------------------------------

SADDLE = {
    "sgd": (lambda p: optim.SGD(p, 0.01), 698, 1396),
    "momentum": (lambda p: optim.Momentum(p, 0.01), 140, 276),
    "nesterov": (lambda p: optim.Nesterov(p, 0.01), 132, 260),
    "adagrad": (lambda p: optim.Adagrad(p, 0.01), 1263, 1264),
    "rmsprop": (lambda p: optim.RMSprop(p, 0.01, decay=0.9), 72, 73),
    "adam": (lambda p: optim.Adam(p, 0.01), 77, 78),
}


def escape(make, y, patience=1500):
    """Steps until |y| > 1 on f = x^2 - y^2 from (1, y); None if it never gets there."""
    p = leaf([1.0, y])
    optimizer = make([p])
    for t in range(1, patience):
        x, y = p.numpy()
        p.grad = np.array([2 * x, -2 * y])
        optimizer.step()
        if abs(p.numpy()[1]) > 1:
            return t
    return None


@pytest.mark.parametrize("name", SADDLE)
def test_steps_to_leave_the_saddle(name):
    """P08: exact integers; from y = 0 nobody escapes."""
    make, near, nearer = SADDLE[name]
    assert (escape(make, 1e-6), escape(make, 1e-12), escape(make, 0.0)) == (near, nearer, None)


# -- Nesterov --------------------------------------------------------------------------------------


def lookahead_path(optimizer, x, gradient, steps):
    """theta and v of the look-ahead form, and the points the gradient was taken at."""
    rows = []
    for _ in range(steps):
        with optimizer.lookahead():
            x.grad = np.array(gradient(x.numpy()))
        optimizer.step()
        v = slot(optimizer, x)
        rows.append(np.concatenate([x.numpy() + optimizer.momentum * v, v]))
    return np.array(rows)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_transformed_form_is_the_lookahead_form(decay):
    """D10, D11: its variable is theta + mu v, with the same v; with L2 decay too."""
    rosenbrock = lambda x: rosenbrock_gradient(*x.tolist())
    settings = {"lr": 2e-4, "momentum": 0.9, "weight_decay": decay}
    x = leaf([-1.2, 1.0])
    expected = lookahead_path(
        optim.Nesterov([x], form="lookahead", **settings), x, rosenbrock, 200
    )
    z = leaf([-1.2, 1.0])
    optimizer, got = optim.Nesterov([z], **settings), []
    for _ in range(200):
        z.grad = np.array(rosenbrock(z.numpy()))
        optimizer.step()
        got.append(np.concatenate([z.numpy(), slot(optimizer, z)]))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", ["cs231n", "torch", "ema"])
def test_momentum_with_lookahead_is_nesterov(form):
    """D10: any form of momentum, evaluated ahead; the ema form with lr / (1 - mu)."""
    quadratic = lambda x: 3 * x
    x, y = leaf([1.0]), leaf([1.0])
    lr = 0.02 / (1 - 0.8) if form == "ema" else 0.02
    momentum = optim.Momentum([x], lr, momentum=0.8, form=form)
    nesterov = optim.Nesterov([y], 0.02, momentum=0.8, form="lookahead")
    for _ in range(30):
        for optimizer, p in ((momentum, x), (nesterov, y)):
            with optimizer.lookahead():
                p.grad = quadratic(p.numpy())
            optimizer.step()
    assert x.numpy()[0] == pytest.approx(y.numpy()[0], rel=1e-12)


def test_first_torch_nesterov_step():
    """D12: the first step is lr (1 + mu) g."""
    x = leaf([0.0])
    first = walk(optim.Nesterov([x], 0.1, form="torch"), x, lambda x, t: [1.0], 1)[1, 0]
    assert first == pytest.approx(-0.19, rel=1e-14)


def test_nesterov_against_momentum():
    """D13: three facts about who is ahead."""
    h = np.array([0.2, 4.0])

    def loss(make, steps, h=h, start=(1.0, 1.0)):
        x = leaf(start[: len(h)])
        return (h * walk(make([x]), x, lambda x, t: h * x, steps)[-1] ** 2).sum() / 2

    nesterov = loss(lambda p: optim.Nesterov(p, 0.05), 60, start=(-5.0, -2.0))
    momentum = loss(lambda p: optim.Momentum(p, 0.05), 60, start=(-5.0, -2.0))
    assert (nesterov, momentum) == pytest.approx((1.3e-5, 1.1e-2), rel=0.05)
    kappa = np.array([1.0, 100.0])  # each tuned to a quadratic: Polyak wins
    root = math.sqrt(100)
    polyak = loss(
        lambda p: optim.Momentum(p, (2 / (root + 1)) ** 2, momentum=((root - 1) / (root + 1)) ** 2),
        200, kappa,
    )  # fmt: skip
    tuned = loss(lambda p: optim.Nesterov(p, 0.01, momentum=(root - 1) / (root + 1)), 200, kappa)
    assert polyak < tuned
    steep = np.array([4.0])  # lr = 0.4, rho = 0.5: inside Polyak's range, outside Nesterov's
    assert loss(lambda p: optim.Momentum(p, 0.4, momentum=0.5), 200, steep) < 1e-3
    assert loss(lambda p: optim.Nesterov(p, 0.4, momentum=0.5), 200, steep) > 1e3


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_stable_range_of_momentum(rho):
    """D09: 0 < lr h < 2 + 2 rho, both edges."""
    for factor, stable in ((0.99, True), (1.01, False)):
        x = leaf([1.0])
        optimizer = optim.Momentum([x], factor * (2 + 2 * rho), momentum=rho)
        end = abs(walk(optimizer, x, lambda x, t: x, 3000)[-1, 0])
        assert (end < 1e-3) if stable else (end > 1e3)


def test_momentum_damps_oscillation():
    """D09: fewer sign changes and less travel across the valley at equal lr/(1 - rho)."""
    h = np.array([1.0, 50.0])

    def across(rho):
        x = leaf([1.0, 1.0])
        optimizer = optim.Momentum([x], 0.038 * (1 - rho), momentum=rho)
        y = walk(optimizer, x, lambda x, t: h * x, 100)[:, 1]
        return (np.diff(np.sign(y)) != 0).sum(), np.abs(np.diff(y)).sum()

    damped, plain_descent = across(0.9), across(0.0)
    assert damped[0] < plain_descent[0] and damped[1] < plain_descent[1]
