"""Embedding: repeated rows, the padding row, ids that the table does not have."""

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet import nn
from minnet.errors import DTypeError, IndexRangeError, ShapeError, ValueRangeError
from tests.functional.oracle import contracted, numeric_gradient, relative_error


def table(rng, V=4, d=3):
    return mn.tensor(rng.standard_normal((V, d)), requires_grad=True)


def test_a_row_used_three_times_gets_three_gradients(rng):
    """PF-C3: [2, 2, 2] adds up, in the op and in the layer."""
    g = rng.standard_normal((3, 3))
    W = table(rng)
    dW = mn.grad(F.embedding([2, 2, 2], W), W, g).numpy()
    assert np.allclose(dW[2], g.sum(0), atol=1e-15) and (dW[[0, 1, 3]] == 0).all()
    layer = nn.Embedding(4, 3, rng=0, dtype="float64")
    layer([2, 2, 2]).backward(g)
    assert np.allclose(layer.weight.grad.numpy()[2], g.sum(0), atol=1e-15)


def test_the_padding_row_is_read_but_never_moves(rng):
    """Its gradient is 0 to first and second order; all other rows have theirs."""
    ids, W = np.array([0, 1, 1, 0, 3]), table(rng)
    f = lambda W: F.embedding(ids, W, padding_idx=0)
    assert np.array_equal(f(W).numpy(), W.numpy()[ids])
    g = rng.standard_normal((5, 3))
    dW, free = (mn.grad(y, W, g).numpy() for y in (f(W), F.embedding(ids, W)))
    assert (dW[0] == 0).all() and (free[0] != 0).all() and np.array_equal(dW[1:], free[1:])
    phi = contracted(f, [0])
    g = mn.tensor(g, requires_grad=True)
    dg = mn.grad(phi(W, g), g).numpy()
    value = lambda W, g: phi(W, g).item()
    assert relative_error(dg, numeric_gradient(value, [W.numpy(), g.numpy()], 1, 1.0)) < 1e-9
    assert (dg[[0, 3]] == 0).all() and (dg[[1, 2, 4]] != 0).all()


def test_third_order_through_rows(rng):
    """The transposes of look-up and scatter are each other, to any order."""
    ids, W = np.array([0, 1, 1]), table(rng)
    slope = lambda f: lambda W: mn.grad(f(W), W, create_graph=True).sum()
    f = slope(slope(slope(lambda W: (F.embedding(ids, W, padding_idx=0) ** 3).sum())))
    expected = np.zeros((4, 3))
    expected[1] = 2 * 6.0
    assert np.allclose(f(W).numpy(), expected.sum())


def test_the_layer_starts_normal_with_a_padding_row_of_zeros():
    layer = nn.Embedding(500, 20, padding_idx=-1, rng=0)
    W = layer.weight.numpy()
    assert layer.padding_idx == 499 and (W[499] == 0).all()
    assert W.dtype == "float32" and abs(W[:499].std() - 1) < 0.03 and abs(W.mean()) < 0.03


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([0, 4], IndexRangeError, r"Embedding\(4, 3\) needs ids 0 \.\. 3 .* got 4"),
        ([-1, 2], IndexRangeError, "got -1"),
        ([0.0, 1.0], DTypeError, "needs integers as ids, got float64"),
    ],
)
def test_ids_that_the_table_does_not_have(ids, error, message):
    layer = nn.Embedding(4, 3, rng=0)
    before = layer.weight.numpy().copy()
    with pytest.raises(error, match=message):
        layer(np.array(ids))
    assert np.array_equal(layer.weight.numpy(), before)


def test_bad_settings():
    with pytest.raises(ShapeError, match=r"table W of shape \(V, d\)"):
        F.embedding([0], np.ones(3))
    with pytest.raises(ValueRangeError, match="padding_idx below 4, got 4"):
        nn.Embedding(4, 3, padding_idx=4)
    with pytest.raises(ValueRangeError, match="num_embeddings of at least 1"):
        nn.Embedding(0, 3)
