"""Multi-head attention, positions and the transformer block: gradients, masks, layouts, errors."""

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet import nn
from minnet.errors import DTypeError, ShapeError, ValueRangeError
from tests.functional.oracle import numeric_gradient, relative_error

make = lambda **settings: nn.MultiheadAttention(4, 2, batch_first=True, rng=0, **settings)
BLOCK = {"dim_feedforward": 5, "dropout": 0.0, "batch_first": True}
MODULES = {
    "attention": lambda: make(dtype="float64"),
    "norm last": lambda: nn.TransformerEncoderLayer(4, 2, rng=0, dtype="float64", **BLOCK),
    "norm first": lambda: nn.TransformerEncoderLayer(
        4, 2, norm_first=True, activation="gelu", rng=0, dtype="float64", **BLOCK
    ),
    "learned positions": lambda: nn.LearnedPositions(3, 4, batch_first=True, dtype="float64"),
    "sinusoidal": lambda: nn.SinusoidalPositions(3, 4, batch_first=True, dtype="float64"),
}


@pytest.mark.parametrize("name", MODULES)
def test_gradients_of_every_parameter_and_the_input(name, rng):
    """PF-D13: none missing, none zero, all equal to finite differences."""
    model = MODULES[name]()
    for p in model.parameters():
        p.data = rng.standard_normal(p.shape)
    params, x = model.parameters(), rng.standard_normal((2, 3, 4))
    g = rng.standard_normal((2, 3, 4))
    tensor = mn.tensor(x, requires_grad=True)
    ds = mn.grad(model(tensor), [tensor, *params], g)

    def f(*arrays):
        for p, a in zip(params, arrays[1:], strict=True):
            p.data = a
        return model(mn.tensor(arrays[0])).numpy()

    inputs = [x, *[p.numpy().copy() for p in params]]
    for k, d in enumerate(ds):
        assert (d.numpy() != 0).any()
        assert relative_error(d.numpy(), numeric_gradient(f, inputs, k, g)) < 1e-8


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtype_is_kept(dtype, rng):
    """PF-C16."""
    block = nn.TransformerEncoderLayer(4, 2, rng=0, dtype=dtype, **{**BLOCK, "dropout": 0.3})
    x = mn.tensor(rng.standard_normal((2, 3, 4)).astype(dtype), requires_grad=True)
    y = block(x, is_causal=True)
    y.sum().backward()
    assert {str(a.dtype) for a in [y, x.grad, *(p.grad for p in block.parameters())]} == {dtype}


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_causal_block_does_not_see_the_future(norm_first, rng):
    """Changing step 2 changes nothing before it, and something from it on."""
    block = nn.TransformerEncoderLayer(4, 2, norm_first=norm_first, rng=0, **BLOCK)
    x = rng.standard_normal((2, 5, 4)).astype("f")
    other = x.copy()
    other[:, 2, 0] += 1
    a, b = (block(each, is_causal=True).numpy() for each in (x, other))
    assert np.array_equal(a[:, :2], b[:, :2]) and (a[:, 2:] != b[:, 2:]).any(axis=(0, 2)).all()
    assert (block(x).numpy()[:, 0] != block(other).numpy()[:, 0]).any()


def test_masks_of_each_shape_mean_the_same(rng):
    """(L, S), (N, L, S), (1, L, S), (N, 1, S) and (N, heads, L, S)."""
    layer, x = make(), rng.standard_normal((3, 4, 4)).astype("f")
    mask = np.array([True, True, False, True])
    expected = layer(x[:, :], x[:, mask]).numpy()
    shapes = (4, 4), (3, 4, 4), (1, 4, 4), (3, 1, 4), (3, 2, 4, 4), (1, 1, 1, 4)
    for shape in shapes:
        y = layer(x, mask=np.broadcast_to(mask, shape)).numpy()
        assert np.allclose(y, expected, atol=1e-6), shape
    assert not np.allclose(layer(x).numpy(), expected, atol=1e-3)


def test_sequence_first_exchanges_axes_only(rng):
    a, b = make(), nn.MultiheadAttention(4, 2, rng=0)
    query, key = (rng.standard_normal((3, n, 4)).astype("f") for n in (5, 2))
    swap = lambda x: x.swapaxes(0, 1)
    assert np.array_equal(a(query, key).numpy(), swap(b(swap(query), swap(key)).numpy()))
    assert np.allclose(a(query).numpy(), a(query, query, query).numpy(), atol=1e-6)


def test_attention_dropout_is_inverted_seeded_and_off_in_eval(rng):
    """PF-D11, for the weights."""
    x = rng.standard_normal((2, 3, 4)).astype("f")
    one, two = make(dropout=0.5), make(dropout=0.5)
    first, again = one(x).numpy(), one(x).numpy()
    assert np.array_equal(first, two(x).numpy()) and not np.array_equal(first, again)
    one.eval()
    assert np.array_equal(one(x).numpy(), make()(x).numpy())
    one.train()
    mean = np.mean([one(x).numpy() for _ in range(2000)], axis=0)
    assert np.abs(mean - make()(x).numpy()).max() < 0.05


def test_sinusoidal_positions_are_the_published_formula():
    """P[t, 2k] = sin(t / 10000^(2k/d)), P[t, 2k+1] = cos of the same angle."""
    P = nn.sinusoidal_positions(50, 6, dtype="float64")
    for t, k in np.ndindex(50, 3):
        angle = t / 10000 ** (2 * k / 6)
        assert abs(P[t, 2 * k] - np.sin(angle)) + abs(P[t, 2 * k + 1] - np.cos(angle)) < 1e-14
    layer = nn.SinusoidalPositions(50, 6, dtype="float64")
    assert layer.parameters() == [] and list(layer.state_dict()) == ["table"]
    assert np.array_equal(layer(np.zeros((7, 2, 6)))[:, 1], P[:7])


X = np.ones((2, 3, 4), "f")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m(X[..., :3]), ShapeError,
         r"MultiheadAttention\(4, num_heads=2, batch_first=True\) needs query .* \(N, T, 4\)"),
        (lambda m: m(X[0]), ShapeError, r"got \(3, 4\)"),
        (lambda m: m(X, X[:1]), ShapeError, r"needs key .* got \(1, 3, 4\) beside the query's"),
        (lambda m: m(X, X, X[:, :2]), ShapeError, "one value per key"),
        (lambda m: m(X.astype(int)), DTypeError, "floats, got int64"),
        (lambda m: m(X, mask=np.ones((3, 3))), DTypeError, "boolean mask"),
        (lambda m: m(X, mask=np.ones((3, 2), bool)), ShapeError, r"\(L, S\) = \(3, 3\).*\(3, 2\)"),
        (lambda m: m(X, mask=np.ones((2, 3), bool)), ShapeError, r"got \(2, 3\)"),
        (lambda m: m(X, mask=np.ones((2, 3, 3, 3), bool)), ShapeError, r"got \(2, 3, 3, 3\)"),
        (lambda m: nn.MultiheadAttention(4, 3), ValueRangeError, "num_heads that divide embed_dim"),
        (lambda m: nn.TransformerEncoderLayer(4, 2, activation="x"), ValueRangeError, "'relu' or"),
        (lambda m: nn.LearnedPositions(2, 4, batch_first=True)(X), ShapeError,
         r"LearnedPositions\(2, 4\) needs .*T up to 2, got \(2, 3, 4\)"),
    ],
)  # fmt: skip
def test_errors_name_the_layer(call, error, message):
    with pytest.raises(error, match=message):
        call(make())


def test_one_head_is_plain_attention(rng):
    """With identity projections the module is functional.scaled_dot_product_attention."""
    layer = nn.MultiheadAttention(4, 1, batch_first=True, dtype="float64")
    layer.in_proj_weight.data = np.concatenate([np.eye(4)] * 3, axis=1)
    layer.out_proj.weight.data = np.eye(4)
    x = rng.standard_normal((2, 3, 4))
    expected = F.scaled_dot_product_attention(x, x, x)
    assert np.allclose(layer(x).numpy(), expected, atol=1e-15)
