"""Factors kept apart, numbers that change from step to step, and when neither is allowed."""

import numpy as np
import pytest

import minnet as mn
from minnet import optim
from minnet.optim import flat
from minnet.optim.program import Program

SLOTS = ("a", "b")


def rows(rng, n=40):
    return {k: rng.standard_normal(n) for k in ("theta", "g", "a", "b")}


def carried_out(program, values):
    fast = {k: x.copy() for k, x in values.items()}
    scratch = np.empty((program.scratch, len(values["g"])))
    program.run(fast["g"], program.registers(fast["theta"], [fast["a"], fast["b"]], scratch))
    return fast


def by_hand(advance, values, *numbers):
    s = type("S", (), {name: values[name] for name in SLOTS})()
    theta = advance(values["theta"], values["g"], s, *numbers)
    return {"theta": theta, "g": values["g"], "a": s.a, "b": s.b}


def assert_close(found, expected):
    for name, x in expected.items():
        np.testing.assert_allclose(found[name], x * np.ones(40), rtol=1e-13, atol=1e-13)


FOLDED = {                                         # formula, and the passes that it takes
    "chain": (lambda th, g, s: th + 2 * (3 * g) / 7, 2),
    "product": (lambda th, g, s: th - (2 * g) * (3 * s.a), 3),
    "quotient": (lambda th, g, s: th + (2 * g) / (0.5 * s.a), 3),
    "number over row": (lambda th, g, s: th + 3 / (0.5 * s.a), 3),
    "root": (lambda th, g, s: th + 3 * np.sqrt(2 * abs(g)), 4),
    "square": (lambda th, g, s: th + 3 * (2 * g) ** 2, 3),
    "shifted root": (lambda th, g, s: th + g / (np.sqrt(abs(s.a) / 2) + 0.1), 6),
    "negative": (lambda th, g, s: th - -(2 * g), 2),
    "twice used": (lambda th, g, s: th + abs(2 * g) * (2 * g), 5),
    "two signs": (lambda th, g, s: th + np.sqrt(-2 * -abs(g)), 4),
    "zero": (lambda th, g, s: th + (0 * g + 3), 3),
    "huge": (lambda th, g, s: th + (1e-9 * g + 3), 3),
    "comparison": (lambda th, g, s: th + (2 * g > s.a) * g, 4),
    "power": (lambda th, g, s: th + (2 * abs(g)) ** 1.5, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", FOLDED)
def test_algebra_keeps_the_value(name, rng):
    """Every rule of the module's table, and every case that it must leave alone."""
    f, passes = FOLDED[name]
    values, advance = rows(rng), lambda th, g, s, t: f(th, g, s)
    program = Program(advance, SLOTS, 1)
    assert_close(carried_out(program, values), by_hand(advance, values, 1))
    assert len(program.code) == passes


def test_a_negative_number_stays_under_the_root(rng):
    """sqrt(k x) of k, x < 0 is a number; sqrt(k) sqrt(x) is not."""
    values = rows(rng)
    values["g"] = -abs(values["g"])
    advance = lambda th, g, s, t: th + np.sqrt(-2.0 * g)
    assert_close(carried_out(Program(advance, SLOTS, 1), values), by_hand(advance, values, 1))


STEADY = {
    "adam": lambda th, g, s, t, lr: th - lr * (s.a / (1 - 0.9**t)) / (
        np.sqrt(abs(s.b) / (1 - 0.99**t)) + 1e-3),
    "slots": lambda th, g, s, t, lr: th + (2 + t) * g / (lr + 1),
    "constant": lambda th, g, s, t, lr: lr + 0 * th,
    "reversed": lambda th, g, s, t, lr: th - (1 - lr) * (3 / t - 2 * lr) ** 2 * g,
}  # fmt: skip


@pytest.mark.parametrize("name", STEADY)
def test_a_steady_program_serves_every_step(name, rng):
    """Written once, at t = 1, it gives at t = 2 .. 40 what a new one gives, bit for bit."""
    advance, values = STEADY[name], rows(rng)
    program = Program(advance, SLOTS, 1, 0.5, steady=True, dtype=np.dtype("float64"))
    for t in range(2, 40):
        numbers = t, 0.5 * 0.9**t
        assert program.at(*numbers)
        again = Program(advance, SLOTS, *numbers, dtype=np.dtype("float64"))
        found = carried_out(program, values)
        assert_close(found, by_hand(advance, values, *numbers))
        for k, x in carried_out(again, values).items():
            np.testing.assert_array_equal(found[k], x)


def test_a_steady_program_says_when_its_algebra_ends(rng):
    """lr x under a root was taken apart for lr > 0."""
    advance = lambda th, g, s, t, lr: th + np.sqrt(lr * g)
    program = Program(advance, SLOTS, 1, 0.5, steady=True, dtype=np.dtype("float64"))
    assert program.at(2, 0.25)
    assert not program.at(3, 1e-9)


BRANCHES = {
    "truth": lambda th, g, s, t, lr: th - g if lr else th,
    "order": lambda th, g, s, t, lr: th - g if t > 3 else th,
    "equality": lambda th, g, s, t, lr: th - g if t == 1 else th,
    "inequality": lambda th, g, s, t, lr: th - g if t != 1 else th,
    "function": lambda th, g, s, t, lr: th - np.exp(lr) * g,
    "index": lambda th, g, s, t, lr: th - [1, 2, 3][t] * g,
}


@pytest.mark.parametrize("name", BRANCHES)
def test_a_formula_that_asks_for_a_value_is_not_steady(name):
    with pytest.raises(TypeError):
        Program(BRANCHES[name], SLOTS, 1, 0.5, steady=True)


# -- In the optimizers -----------------------------------------------------------------------------


def trained(kind, rng, change=lambda t, optimizer: None, steps=12, **settings):
    x = mn.tensor(rng.standard_normal(50), requires_grad=True)
    optimizer = kind([x], **settings)
    for t in range(steps):
        change(t, optimizer)
        x.grad = np.sin(x.numpy() + t)
        optimizer.step()
    return x.numpy().copy(), optimizer


def always_new(monkeypatch):
    monkeypatch.setattr(flat.Flat, "_steady", lambda *_: None)
    monkeypatch.setattr(flat, "PLAIN_BYTES", 0)


CHANGES = {
    "lr": lambda t, optimizer: setattr(optimizer, "lr", 0.1 / (1 + t)),
    "lr 0": lambda t, optimizer: setattr(optimizer, "lr", 0.1 * (t != 5)),
    "betas": lambda t, optimizer: setattr(optimizer, "betas", (0.5 + t / 100, 0.99)),
    "decay": lambda t, optimizer: setattr(optimizer, "weight_decay", 0.1 * (t % 3)),
    "decoupled": lambda t, optimizer: optimizer.groups[0].update(
        weight_decay=0.1, decoupled=t % 2 == 0),
    "loaded": lambda t, optimizer: optimizer.load_state_dict(optimizer.state_dict()),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_settings_may_change_at_each_step(name, monkeypatch):
    """A program of an earlier step is used with other numbers, and never with other settings."""
    found, _ = trained(optim.Adam, np.random.default_rng(0), CHANGES[name])
    always_new(monkeypatch)
    expected, _ = trained(optim.Adam, np.random.default_rng(0), CHANGES[name])
    np.testing.assert_array_equal(found, expected)


def programs(optimizer):
    return [p for _, rows in optimizer._flats for p in rows.programs.values()]


def test_what_is_written_once_and_what_is_not(rng, monkeypatch):
    """minnet's own formulas once; NAdam, which branches on t, and others' classes at each step."""
    written = []
    init = Program.__init__
    monkeypatch.setattr(
        Program, "__init__", lambda self, *a, **k: (written.append(1), init(self, *a, **k))[1]
    )
    _, optimizer = trained(optim.Adam, rng, CHANGES["lr"])
    assert len(written) == 1 == len(programs(optimizer))
    _, optimizer = trained(optim.NAdam, rng)
    assert programs(optimizer) == [None]


def test_a_body_with_a_memory_runs_at_each_step(rng):
    """A user's update may count its own calls: it is not taken for a formula of t alone."""

    class Counting(optim.SGD):
        calls = 0

        def update(self, theta, g, s, t):
            type(self).calls += 1
            return super().update(theta, g, s, t) / self.calls

    _, optimizer = trained(Counting, rng, lr=0.1)
    assert Counting.calls == 12 and programs(optimizer) == []


def test_clipped_gradients_are_not_taken_for_plain_ones(rng):
    """ClipNorm's scale is another number at each step, and no setting of the optimizer."""
    x = mn.tensor(rng.standard_normal(5), requires_grad=True)
    inner = optim.SGD([x], 1.0)
    clipped = optim.ClipNorm(inner, 1.0)
    for scale in (1.0, 50.0, 0.001, 9.0):
        x.grad = g = scale * np.ones(5)
        before = x.numpy().copy()
        clipped.step()
        factor = min(1.0, 1 / np.linalg.norm(g))
        np.testing.assert_allclose(before - x.numpy(), factor * g, atol=1e-12)
        before = x.numpy().copy()
        inner.step()
        np.testing.assert_allclose(before - x.numpy(), g, atol=1e-12)
