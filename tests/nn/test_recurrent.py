"""Recurrent layers: shapes, states, directions, gradients of every parameter, errors in their name.

Their values and gradients beside PyTorch's are in tests/oracle/test_torch_sequence.py.
"""

import numpy as np
import pytest

import minnet as mn
from minnet import nn
from minnet.errors import DTypeError, ShapeError, ValueRangeError
from tests.functional.oracle import numeric_gradient, relative_error

LAYERS = [nn.RNN, nn.LSTM, nn.GRU]
CELLS = [nn.RNNCell, nn.LSTMCell, nn.GRUCell]
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda f: f.__name__)
both = lambda layer, h: (h, 2 * h) if layer.states == 2 else h


def flat(end):
    return list(end) if isinstance(end, tuple) else [end]


@every_layer
@pytest.mark.parametrize("lengths", [None, [3, 1]])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_of_every_parameter_and_the_input(layer, bidirectional, lengths, rng):
    """PF-D13, PF-D10 (hidden size is not the input size), PF-D12 (directions differ)."""
    model = layer(2, 3, num_layers=2, bidirectional=bidirectional, rng=0, dtype="float64")
    x = rng.standard_normal((3, 2, 2))
    params = model.parameters()
    tensor = mn.tensor(x, requires_grad=True)
    y, end = model(tensor, lengths=lengths)
    parts = [y, *flat(end)]
    gs = [rng.standard_normal(part.shape) for part in parts]
    total = lambda parts: sum((part * g).sum() for part, g in zip(parts, gs, strict=True))
    ds = mn.grad(total(parts), [tensor, *params])
    assert all((d.numpy() != 0).any() for d in ds)

    def f(x):
        y, end = model(mn.tensor(x), lengths=lengths)
        return total([y, *flat(end)]).numpy()

    assert relative_error(ds[0].numpy(), numeric_gradient(f, [x], 0, 1.0)) < 1e-9
    p = params[-1 if not bidirectional else -2]

    def moved(a):
        p.data = a
        return f(x)

    numeric = numeric_gradient(moved, [p.numpy().copy()], 0, 1.0)
    k = 1 + next(i for i, q in enumerate(params) if q is p)
    assert relative_error(ds[k].numpy(), numeric) < 1e-9


@every_layer
def test_backward_direction_is_forward_on_the_reversed_sequence(layer, rng):
    """PF-D12: with the weights exchanged, both halves and both states exchange."""
    two = layer(2, 3, bidirectional=True, rng=0, dtype="float64")
    swapped = layer(2, 3, bidirectional=True, rng=1, dtype="float64")
    state = two.state_dict()
    swap = lambda n: n[:-8] if n.endswith("_reverse") else f"{n}_reverse"
    swapped.load_state_dict({swap(name): value for name, value in state.items()})
    x = rng.standard_normal((4, 2, 2))
    (y, end), (z, other) = two(x), swapped(x[::-1])
    back = z.numpy()[::-1]
    assert np.array_equal(y.numpy(), np.concatenate([back[..., 3:], back[..., :3]], 2))
    for a, b in zip(flat(end), flat(other), strict=True):
        assert np.array_equal(a.numpy(), b.numpy()[::-1])
    assert not np.allclose(y.numpy()[..., :3], y.numpy()[..., 3:])


@every_layer
def test_going_on_from_a_state_is_one_long_sequence(layer, rng):
    model = layer(2, 3, num_layers=2, rng=0, dtype="float64")
    x = rng.standard_normal((6, 2, 2))
    whole, end = model(x)
    first, state = model(x[:4])
    second, last = model(x[4:], state)
    assert np.allclose(whole.numpy(), np.concatenate([first.numpy(), second.numpy()]), atol=1e-15)
    for a, b in zip(flat(end), flat(last), strict=True):
        assert np.allclose(a.numpy(), b.numpy(), atol=1e-15)


@every_layer
def test_batch_first_exchanges_axes_only(layer, rng):
    a = layer(2, 3, rng=0, dtype="float64")
    b = layer(2, 3, batch_first=True, rng=0, dtype="float64")
    x = rng.standard_normal((5, 2, 2))
    assert np.array_equal(a(x)[0].numpy(), b(x.swapaxes(0, 1))[0].numpy().swapaxes(0, 1))


@every_layer
def test_dropout_acts_between_layers_in_training_only(layer, rng):
    model = layer(2, 3, num_layers=2, dropout=0.5, rng=0)
    x = rng.standard_normal((5, 2, 2)).astype("f")
    assert not np.array_equal(model(x)[0].numpy(), model(x)[0].numpy())
    model.eval()
    assert np.array_equal(model(x)[0].numpy(), model(x)[0].numpy())
    one = layer(2, 3, dropout=0.5, rng=0)
    assert np.array_equal(one(x)[0].numpy(), one(x)[0].numpy())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@every_layer
def test_dtype_is_kept(layer, dtype, rng):
    """PF-C16: outputs, states and gradients."""
    model = layer(2, 3, rng=0, dtype=dtype)
    x = mn.tensor(rng.standard_normal((4, 2, 2)).astype(dtype), requires_grad=True)
    y, end = model(x, lengths=[4, 2])
    y.sum().backward()
    arrays = [y, *flat(end), x.grad, *(p.grad for p in model.parameters())]
    assert {str(a.dtype) for a in arrays} == {dtype}


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_cell_is_one_step_of_its_layer(kind, rng):
    layer = getattr(nn, kind)(2, 3, rng=0, dtype="float64")
    cell = getattr(nn, f"{kind}Cell")(2, 3, rng=1, dtype="float64")
    cell.load_state_dict({name.replace("_l0", ""): v for name, v in layer.state_dict().items()})
    x, h = rng.standard_normal((1, 2, 2)), rng.standard_normal((2, 3))
    _, end = layer(x, both(layer, h[None]))
    step = cell(x[0], both(cell, h))
    for a, b in zip(flat(end), flat(step), strict=True):
        assert np.allclose(a.numpy()[0], b.numpy(), atol=1e-15)
    rest = cell(x[0])
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in
               zip(flat(rest), flat(cell(x[0], both(cell, 0 * h))), strict=True))  # fmt: skip


def test_weights_start_uniform_on_one_over_root_hidden_size():
    """PyTorch's default, for biases too."""
    model = nn.LSTM(30, 100, rng=0)
    for p in model.parameters():
        w = p.numpy()
        assert abs(w).max() <= 0.1 and abs(w.std() - 0.1 / 3**0.5) < 4 * 0.1 / w.size**0.5
    assert [n for n, _ in nn.GRU(2, 3, bias=False).named_parameters()] == [
        "weight_ih_l0", "weight_hh_l0"]  # fmt: skip


X = np.ones((4, 2, 3), "f")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m(X[..., :2]), ShapeError,
         r"LSTM\(3 -> 5\) needs x .*\(T, N, 3\), got \(4, 2, 2\)"),
        (lambda m: m(X[0]), ShapeError, r"got \(2, 3\)"),
        (lambda m: m(X[:0]), ShapeError, "T is at least 1"),
        (lambda m: m(X.astype(int)), DTypeError, "floats, got int64"),
        (lambda m: m(X, np.ones((1, 2, 5))), DTypeError, r"state as \(h, c\)"),
        (lambda m: m(X, (np.ones((1, 2, 5)), np.ones((2, 5)))), ShapeError,
         r"\(1, 2, 5\), got \(2, 5\)"),
        (lambda m: m(X, lengths=[4, 5]), ValueRangeError, r"lengths 1 \.\. 4"),
        (lambda m: nn.RNN(3, 5, rng=0)(X, np.ones((2, 2, 5))), ShapeError,
         r"RNN\(3 -> 5\) needs its state h"),
        (lambda m: nn.GRUCell(3, 5)(X), ShapeError, r"GRUCell\(3 -> 5\) needs x of shape \(N, 3\)"),
        (lambda m: nn.LSTMCell(3, 5)(X[0], (X[0], X[0])), ShapeError, r"shape \(2, 5\)"),
        (lambda m: nn.RNN(3, 5, nonlinearity="sin"), ValueRangeError, "'tanh' or 'relu'"),
        (lambda m: nn.LSTM(3, 0), ValueRangeError, "hidden_size of at least 1"),
        (lambda m: nn.LSTM(3, 5, num_layers=1.5), DTypeError, "whole number as num_layers"),
    ],
)  # fmt: skip
def test_errors_name_the_layer_and_change_nothing(call, error, message):
    model = nn.LSTM(3, 5, rng=0)
    before = model.state_dict()
    with pytest.raises(error, match=message):
        call(model)
    assert all(np.array_equal(before[name], v) for name, v in model.state_dict().items())
