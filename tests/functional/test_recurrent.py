"""Recurrence: the fused sequence is its formula, lengths are masks, errors name the misfit."""

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet.errors import DTypeError, ShapeError, ValueRangeError
from minnet.functional.recurrent import _formula, _sequence, _steps
from minnet.functional.scan import RECURRENCES, Scan
from tests.functional.oracle import relative_error

I, H, N, T = 3, 4, 2, 5
LENGTHS = np.array([5, 2])


def problem(kind, rng):
    """Random x, s0, W_ih, W_hh, b_ih, b_hh as tensors."""
    cell = RECURRENCES[kind]
    wide = len(cell.scales) * H
    shapes = [(T, N, I), (cell.states, N, H), (I, wide), (H, wide), (wide,), (wide,)]
    return [mn.tensor(rng.standard_normal(s), requires_grad=True) for s in shapes]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", RECURRENCES)
def test_the_fused_sequence_is_the_formula(kind, masked, reverse, rng):
    """Value and every gradient; all states have an upstream."""
    args = problem(kind, rng)
    live = np.arange(T)[:, None] < LENGTHS if masked else None
    scan = Scan(RECURRENCES[kind], _steps(T, reverse), live)
    fused = _sequence(*args, kind=kind, live=live, reverse=reverse, scan=scan)
    slow = _formula(*args, kind, live, reverse)
    g = rng.standard_normal(slow.shape)
    assert relative_error(fused.numpy(), slow.numpy()) < 1e-14
    for d, e in zip(mn.grad(fused, args, g), mn.grad(slow, args, g), strict=True):
        assert relative_error(d.numpy(), e.numpy()) < 1e-13


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_a_sequence_is_its_cell_again_and_again(name, rng):
    """Cells and sequences are held together, forward and backward in time."""
    x, s0, *weights = problem("tanh" if name == "rnn" else name, rng)
    state = tuple(s0) if name == "lstm" else s0[0]
    h, last = getattr(F, name)(x, state, *weights)
    back, _ = getattr(F, name)(x[::-1], state, *weights, reverse=True)
    s = state
    for t in range(T):
        s = getattr(F, f"{name}_cell")(x[t], *(s if name == "lstm" else [s]), *weights)
        top = s[0] if name == "lstm" else s
        assert relative_error(h[t].numpy(), top.numpy()) < 1e-14
        assert relative_error(back[T - 1 - t].numpy(), top.numpy()) < 1e-14
    last, s = (last, s) if name == "lstm" else ((last,), (s,))
    for a, b in zip(last, s, strict=True):
        assert relative_error(a.numpy(), b.numpy()) < 1e-14


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_a_sequence_does_not_see_what_lies_behind_its_length(name, reverse, rng):
    """Behind its length y is 0; neither values nor gradients depend on the padding there."""
    x, s0, *weights = problem("tanh" if name == "rnn" else name, rng)
    state = tuple(s0) if name == "lstm" else s0[0]
    run = lambda x: getattr(F, name)(x, state, *weights, lengths=LENGTHS, reverse=reverse)[0]
    h = run(x)
    assert (h[2:, 1].numpy() == 0).all() and (h[:2].numpy() != 0).all()
    other = mn.tensor(x.numpy().copy(), requires_grad=True)
    other.data[2:, 1] = 7.0
    assert np.array_equal(run(other).numpy(), h.numpy())
    dx = mn.grad(h, x, rng.standard_normal(h.shape)).numpy()
    assert (dx[2:, 1] == 0).all() and (dx[:2] != 0).all() and (dx[:, 0] != 0).all()
    whole = getattr(F, name)(x, state, *weights, lengths=[T, T], reverse=reverse)[0]
    plain = getattr(F, name)(x, state, *weights, reverse=reverse)[0]
    assert np.array_equal(whole.numpy(), plain.numpy())


def test_second_order_when_one_argument_depends_on_another(rng):
    """h0 computed from x: each argument's own share is taken, not twice."""
    x = mn.tensor(rng.standard_normal((2, 1, 2)), requires_grad=True)
    W = [rng.standard_normal(s) for s in ((2, 2), (2, 2))]

    def slope(x, create_graph):
        h, _ = F.rnn(x, F.tanh(x[0]), *W)
        return mn.grad((h * h).sum(), x, create_graph=create_graph)

    assert relative_error(slope(x, True).numpy(), slope(x, False).numpy()) < 1e-14


def test_a_second_backward_through_a_kept_graph(rng):
    """Each upstream has its own gradients, though those of one are found together."""
    x, s0, *weights = problem("lstm", rng)
    h, _ = F.lstm(x, tuple(s0), *weights)
    g = rng.standard_normal(h.shape)
    once = mn.grad(h, [x, *weights], g, retain_graph=True)
    twice = mn.grad(h, [x, *weights], 2 * g, retain_graph=True)
    again = mn.grad(h, [x, *weights], g)
    for a, b, c in zip(once, twice, again, strict=True):
        assert relative_error(2 * a.numpy(), b.numpy()) < 1e-14
        assert np.array_equal(a.numpy(), c.numpy())


def test_only_some_arguments_need_gradients(rng):
    x, s0, *weights = (a.numpy() for a in problem("gru", rng))
    W = mn.tensor(weights[1], requires_grad=True)
    h, _ = F.gru(x, s0[0], weights[0], W, *weights[2:])
    every = [mn.tensor(a, requires_grad=True) for a in (x, s0[0], *weights)]
    full, _ = F.gru(*every)
    dW = mn.grad(h.sum(), W)
    assert np.array_equal(dW.numpy(), mn.grad(full.sum(), every[3]).numpy())


def test_saturated_gates_make_no_warnings():
    """Pre-activations of +-1e4 and 1e30 give gates of 0 and 1, in float32 too."""
    x = np.array([[[1e4], [-1e4], [1e30]]], "float32")
    for f, gates in (F.lstm, 4), (F.gru, 3), (F.rnn, 1):
        weights = [np.ones((k, gates), "float32") for k in (1, 1)]
        x_tensor = mn.tensor(x, requires_grad=True)
        h, _ = f(x_tensor, None, *weights)
        assert np.isfinite(h.numpy()).all()
        assert np.isfinite(mn.grad(h.sum(), x_tensor).numpy()).all()


x, W, R = np.ones((2, 3, 4)), np.ones((4, 8)), np.ones((2, 8))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.lstm(x, None, W, R[:1]), ShapeError, r"lstm needs W_ih .* \(4, 4\) .* H = 1"),
        (lambda: F.lstm(x, None, W, R, np.ones(7)), ShapeError, r"b_ih of shape \(8,\) .* \(7,\)"),
        (lambda: F.lstm(x, (R, R), W, R), ShapeError, r"state 0 of shape \(3, 2\)"),
        (lambda: F.gru(x, None, W, R), ShapeError, r"gru needs W_ih of shape \(4, 6\)"),
        (lambda: F.rnn(x[0], None, W, R), ShapeError, r"x \(T, N, I\), .* got \(3, 4\)"),
        (lambda: F.lstm(x[:0], None, W, R), ShapeError, "T of at least 1"),
        (lambda: F.lstm_cell(x, R, R, W, R), ShapeError, r"lstm_cell needs x \(N, I\)"),
        (lambda: F.lstm(x, None, W, R, lengths=[2, 3, 1]), ValueRangeError, r"got 1 \.\. 3"),
        (lambda: F.lstm(x, None, W, R, lengths=[2, 0, 1]), ValueRangeError, r"got 0 \.\. 2"),
        (lambda: F.lstm(x, None, W, R, lengths=[2, 2]), ShapeError, r"shape \(3,\), one per"),
        (lambda: F.lstm(x, None, W, R, lengths=[2.0, 1.0, 1.0]), DTypeError, "integers as lengths"),
        (lambda: F.rnn(x, None, W, R, nonlinearity="sin"), ValueRangeError, "'tanh' or 'relu'"),
    ],
)  # fmt: skip
def test_errors_say_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
