"""Attention: masks mean what they say, extremes stay finite, errors name what does not fit."""

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet.errors import DTypeError, ShapeError


def qkv(rng, L=4, S=5, d=3):
    shapes = (2, L, d), (2, S, d), (2, S, d)
    return [mn.tensor(rng.standard_normal(s), requires_grad=True) for s in shapes]


def test_rows_of_weights_sum_to_one(rng):
    q, k, _ = qkv(rng)
    p = F.attention_weights(q, k).numpy()
    assert p.shape == (2, 4, 5) and (p > 0).all()
    assert np.allclose(p.sum(-1), 1, atol=1e-15)


def test_masked_keys_have_no_weight_and_no_gradient(rng):
    q, k, v = qkv(rng)
    mask = np.array([True, False, True, True, False])
    y = F.scaled_dot_product_attention(q, k, v, mask=mask)
    dk, dv = mn.grad(y, [k, v], rng.standard_normal(y.shape))
    for d in dk.numpy(), dv.numpy():
        assert (d[:, ~mask] == 0).all() and (d[:, mask] != 0).all()
    kept = F.scaled_dot_product_attention(q, k[:, mask], v[:, mask])
    assert np.allclose(y.numpy(), kept.numpy(), atol=1e-14)


def test_causal_attention_does_not_see_the_future(rng):
    q, k, v = qkv(rng, L=5)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    g = np.zeros(y.shape)
    g[:, 2] = 1
    dq, dk, dv = (d.numpy() for d in mn.grad(y, [q, k, v], g))
    assert (dk[:, 3:] == 0).all() and (dv[:, 3:] == 0).all() and (dv[:, :3] != 0).all()
    assert (dq[:, [0, 1, 3, 4]] == 0).all() and (dq[:, 2] != 0).all()
    assert np.array_equal(y[:, 0].numpy(), v[:, 0].numpy())


def test_a_query_without_keys_gets_zeros_and_finite_gradients(rng):
    q, k, v = qkv(rng)
    mask = np.ones((4, 5), bool)
    mask[1] = False
    y = F.scaled_dot_product_attention(q, k, v, mask=mask)
    assert (y[:, 1].numpy() == 0).all()
    dq = mn.grad(y, q, rng.standard_normal(y.shape)).numpy()
    assert np.isfinite(dq).all() and (dq[:, 1] == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_scores_stay_finite(dtype):
    """PF-D6: each row is shifted by its own maximum, and that among the allowed keys only."""
    x = np.array([[1e4, 0.0, -1e4], [0.0, -1e4, 1.0]], dtype)
    mask = np.array([[False, True, True], [True, True, False]])
    y = F.masked_softmax(mn.tensor(x, requires_grad=True), mask=mask)
    assert np.array_equal(y.numpy(), np.array([[0, 1, 0], [1, 0, 0]], dtype))
    assert np.allclose(F.masked_softmax(x)[0], [1, 0, 0])


q, k, v = np.ones((2, 4, 3)), np.ones((2, 5, 3)), np.ones((2, 5, 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.attention_weights(q, k[..., :2]), ShapeError, r"\(2, 4, 3\) and \(2, 5, 2\)"),
        (lambda: F.attention_weights(q[0, 0], k), ShapeError, r"needs q \(\.\.\., L, E\)"),
        (lambda: F.attention_weights(q, k, mask=np.ones((5, 4), bool)), ShapeError,
         r"broadcasts to \(2, 4, 5\) .* got \(5, 4\)"),
        (lambda: F.attention_weights(q, k, mask=np.ones((3, 2, 4, 5), bool)), ShapeError, "got"),
        (lambda: F.attention_weights(q, k, mask=np.ones((4, 5))), DTypeError, "boolean mask"),
        (lambda: F.scaled_dot_product_attention(q, k, v[:, :4]), ShapeError, "one value per key"),
        (lambda: F.scaled_dot_product_attention(q, k, v, drop=np.ones(5)), ShapeError,
         r"drop of the weights' shape \(2, 4, 5\)"),
    ],
)  # fmt: skip
def test_errors_say_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
