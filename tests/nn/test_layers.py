"""Layers: values, gradients of every parameter, conventions, errors in the layer's own name."""

import math

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet import nn
from minnet.errors import DTypeError, ShapeError, ValueRangeError
from tests.functional.oracle import numeric_gradient, relative_error

RESIDUAL = lambda: nn.Residual(
    nn.Sequential(nn.Linear(4, 6, rng=1), nn.Tanh(), nn.Linear(6, 3, rng=2)),
    nn.Linear(4, 3, bias=False, rng=3),
)
LAYERS = {                                         # name: (how to make it, shape of x)
    "linear": (lambda: nn.Linear(4, 3, rng=0), (5, 4)),
    "linear of sequences": (lambda: nn.Linear(4, 3, rng=0), (2, 5, 4)),
    "linear of one": (lambda: nn.Linear(4, 3, bias=False, rng=0), (1, 4)),
    "batch norm": (lambda: nn.BatchNorm1d(4), (5, 4)),
    "batch norm of sequences": (lambda: nn.BatchNorm1d(4), (2, 4, 3)),
    "batch norm, bare": (lambda: nn.BatchNorm1d(4, affine=False), (5, 4)),
    "batch norm, no averages": (lambda: nn.BatchNorm1d(4, track_running_stats=False), (5, 4)),
    "sequential": (lambda: nn.Sequential(nn.Linear(4, 3, rng=0), nn.Tanh()), (5, 4)),
    "residual": (RESIDUAL, (5, 4)),
    "flatten": (nn.Flatten, (5, 2, 3)),
    "identity": (nn.Identity, (5, 4)),
    "lambda": (lambda: nn.Lambda(F.sin), (5, 4)),
    **{
        layer.__name__: (layer, (5, 4))
        for layer in (
            nn.ELU, nn.GELU, nn.LeakyReLU, nn.LogSoftmax, nn.ReLU, nn.SELU, nn.SiLU, nn.Sigmoid,
            nn.Softmax, nn.Softplus, nn.Tanh,
        )
    },
}


def make(name, dtype="float64"):
    """The layer with random parameters (none 0 or 1) and running averages, and an input."""
    layer, shape = LAYERS[name]
    rng, layer = np.random.default_rng(0), layer().astype(dtype)
    for p in layer.parameters():
        w = rng.uniform(0.3, 1.7, p.shape) * rng.choice([-1, 1], p.shape)
        p.data = w.astype(dtype)
    layer(rng.standard_normal(shape).astype(dtype))       # moves the running averages
    return layer, rng.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_every_parameter_and_the_input(name, training, rng):
    """PF-D13, PF-D4, PF-A11: none missing, none zero, all equal to finite differences."""
    layer, x = make(name)
    layer.train(training)
    params = layer.parameters()
    g = rng.standard_normal(layer(x).shape)
    x_tensor = mn.tensor(x, requires_grad=True)
    ds = mn.grad(layer(x_tensor), [x_tensor, *params], g)

    def f(*arrays):
        for p, a in zip(params, arrays[1:], strict=True):
            p.data = a
        return layer(mn.tensor(arrays[0])).numpy()

    inputs = [x, *[p.data.copy() for p in params]]
    for k, d in enumerate(ds):
        assert (d.numpy() != 0).any()
        assert relative_error(d.numpy(), numeric_gradient(f, inputs, k, g)) < 1e-9


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_dtype_is_kept(name, dtype):
    """PF-C16: values, gradients and running averages keep the parameters' dtype."""
    layer, x = make(name, dtype)
    x = mn.tensor(x, requires_grad=True)
    y = layer(x)
    y.backward(np.ones(y.shape))
    arrays = [y, x.grad, *[p.grad for p in layer.parameters()], *layer.buffers()]
    assert {str(a.dtype) for a in arrays} == {dtype}


@pytest.mark.parametrize("name", LAYERS)
def test_an_empty_batch_goes_through(name):
    """PF-C17: in eval mode; a batch norm without averages needs values and says so."""
    layer, x = make(name)
    empty = mn.tensor(x[:0], requires_grad=True)
    if name == "batch norm, no averages":
        with pytest.raises(ShapeError, match="more than one value"):
            layer.eval()(empty)
        return
    y = layer.eval()(empty)
    assert y.shape == (0, *layer(x).shape[1:])
    y.sum().backward()
    assert empty.grad.shape == empty.shape
    assert all((p.grad.numpy() == 0).all() for p in layer.parameters())


# -------------------------------------------------------------------------------------------------
# Linear and activations


def test_linear_starts_uniform_on_one_over_root_n():
    """The default is PyTorch's: both weight and bias uniform on +-1 / sqrt(in_features)."""
    layer, bound = nn.Linear(100, 400, rng=0), 0.1
    for p in layer.parameters():
        w = p.numpy()
        assert w.dtype == "float32" and abs(w).max() <= bound
        assert abs(w.std() - bound / math.sqrt(3)) < 4 * bound / math.sqrt(w.size)
        assert abs(w.mean()) < 4 * bound / math.sqrt(w.size)
    again = nn.Linear(100, 400, rng=0)
    assert np.array_equal(layer.weight.numpy(), again.weight.numpy())
    assert not np.array_equal(nn.Linear(9, 9).weight.numpy(), nn.Linear(9, 9).weight.numpy())


@pytest.mark.parametrize("x", [-30.0, -1.0, 0.0, 1.0, 2.5])
def test_activation_values(x):
    """PF-D9: values against the math module, not only gradients."""
    sigmoid = 1 / (1 + math.exp(-x))
    expected = {
        nn.Tanh(): math.tanh(x),
        nn.Sigmoid(): sigmoid,
        nn.SiLU(): x * sigmoid,
        nn.Softplus(): math.log1p(math.exp(x)),
        nn.ReLU(): max(x, 0.0),
        nn.LeakyReLU(0.2): x if x > 0 else 0.2 * x,
        nn.ELU(1.5): x if x > 0 else 1.5 * math.expm1(x),
        nn.GELU(): 0.5 * x * math.erfc(-x / math.sqrt(2)),
        nn.GELU("tanh"): 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    }
    for layer, value in expected.items():
        assert float(layer(np.array([x]))[0]) == pytest.approx(value, rel=1e-12, abs=1e-15), layer
        assert layer(np.array([x])).item() == layer(mn.tensor([x])).item()


def test_relu_has_slope_zero_at_zero():
    """PF-D14: the documented subgradient; the pattern of winners shows the kink."""
    x = mn.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    assert mn.grad(nn.ReLU()(x).sum(), x).numpy().tolist() == [0, 0, 1]
    assert F.relu.winners(np.array([-1e-9, 1e-9])).tolist() == [False, True]


# -------------------------------------------------------------------------------------------------
# Dropout


def test_dropout_keeps_the_mean_and_scales_what_it_keeps():
    """PF-D11: inverted dropout."""
    x = np.ones((200, 500))
    for p in (0.1, 0.5, 0.9):
        y = nn.Dropout(p, rng=0)(x)
        kept = y != 0
        np.testing.assert_allclose(y[kept], 1 / (1 - p), rtol=1e-14)
        assert abs(kept.mean() - (1 - p)) < 4 * math.sqrt(p * (1 - p) / x.size)
        assert abs(y.mean() - 1) < 4 * math.sqrt(p / (1 - p) / x.size)


def test_dropout_at_its_ends_and_in_eval():
    """PF-D11: p = 0 and eval are the identity, p = 1 is zero, and neither makes a NaN."""
    x = mn.tensor([1.0, -2.0], requires_grad=True)
    assert nn.Dropout(0.0)(x) is x and nn.Dropout(0.5).eval()(x) is x
    y = nn.Dropout(1.0)(x)
    assert y.numpy().tolist() == [0, 0] and mn.grad(y.sum(), x).numpy().tolist() == [0, 0]


def test_dropout_draws_from_its_own_rng():
    """PF-D11, A20: seeded masks repeat; eval and a given mask draw nothing."""
    x = np.ones(1000)
    a, b = nn.Dropout(0.5, rng=3), nn.Dropout(0.5, rng=3)
    first = a(x)
    assert np.array_equal(first, b(x)) and not np.array_equal(first, a(x))
    b.eval()(x)
    b.train()(x, mask=np.ones(1000))
    assert np.array_equal(a(x), [b(x), b(x)][1])


def test_dropout_uses_a_given_mask_in_both_passes():
    x = mn.tensor([1.0, 2.0, 3.0], requires_grad=True)
    mask = np.array([1, 0, 1])
    y = nn.Dropout(0.75)(x, mask=mask)
    assert y.numpy().tolist() == [4, 0, 12]
    assert mn.grad(y.sum(), x).numpy().tolist() == [4, 0, 4]


# -------------------------------------------------------------------------------------------------
# Batch norm


def test_batch_norm_conventions(rng):
    """PF-D3: biased variance normalises, running variance unbiased, momentum weighs the new."""
    x = rng.standard_normal((6, 3, 2)) * 3 + 5
    layer = nn.BatchNorm1d(3, momentum=0.25, dtype="float64")
    y = layer(x).numpy()
    v = x.transpose(1, 0, 2).reshape(3, -1)
    expected = (x - v.mean(1)[:, None]) / np.sqrt(v.var(1)[:, None] + 1e-5)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    np.testing.assert_allclose(layer.running_mean, 0.25 * v.mean(1), rtol=1e-14)
    np.testing.assert_allclose(layer.running_var, 0.75 + 0.25 * v.var(1, ddof=1), rtol=1e-14)
    mean, var = layer.running_mean.copy(), layer.running_var.copy()
    expected = (x - mean[:, None]) / np.sqrt(var[:, None] + 1e-5)
    np.testing.assert_allclose(layer.eval()(x).numpy(), expected, rtol=1e-12)
    assert np.array_equal(layer.running_mean, mean) and np.array_equal(layer.running_var, var)


def test_batch_norm_gradient_knows_the_statistics(rng):
    """PF-D2, PF-A5: the x-gradient is orthogonal to 1 and to x_hat, and is not zero."""
    x = mn.tensor(rng.standard_normal((8, 3)), requires_grad=True)
    y = nn.BatchNorm1d(3, affine=False, dtype="float64", eps=0)(x)
    d = mn.grad(y, x, rng.standard_normal((8, 3))).numpy()
    assert abs(d).max() > 0.1
    assert abs(d.sum(axis=0)).max() < 1e-14
    assert abs((d * y.numpy()).sum(axis=0)).max() < 1e-13


def test_eval_treats_examples_alone(rng):
    """PF-D1, B10: in eval mode an example's output does not depend on its batch."""
    layer, x = make("batch norm")
    y = layer.eval()(x).numpy()
    np.testing.assert_allclose(layer(x[2:3]).numpy(), y[2:3], rtol=1e-14)


def test_fused_batch_norm_agrees_with_its_generic_formula(rng):
    """The in-place backward and the recorded one give the same gradients."""
    x, gamma, beta = (mn.tensor(rng.standard_normal(s), requires_grad=True) for s in ((6, 3), 3, 3))
    g = rng.standard_normal((6, 3))
    fast = mn.grad(F.batch_norm(x, gamma, beta), [x, gamma, beta], g)
    generic = mn.grad(F.batch_norm(x, gamma, beta), [x, gamma, beta], g, create_graph=True)
    for a, b in zip(fast, generic, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-14)


def test_batch_norm_of_a_large_mean_is_exact_enough(rng):
    """The variance is taken around the mean, so an offset does not drown it."""
    x = rng.standard_normal((64, 2))
    shifted = nn.BatchNorm1d(2)((x + 1000).astype("float32")).numpy()
    assert abs(shifted - nn.BatchNorm1d(2)(x).numpy()).max() < 1e-3


# -------------------------------------------------------------------------------------------------
# Containers


def test_sequential_indexes_slices_and_names(rng):
    net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.ReLU(), nn.Linear(3, 2, rng=1))
    x = rng.standard_normal((5, 4)).astype("float32")
    assert len(net) == 3 and list(net) == [net[0], net[1], net[-1]]
    head = net[:2]
    assert type(head) is nn.Sequential and head[0] is net[0]
    assert np.array_equal(net[2:](head(x)).numpy(), net(x).numpy())
    named = nn.Sequential(hidden=nn.Linear(4, 3, rng=0), act=nn.ReLU())
    assert named["hidden"] is named.hidden is named[0]
    assert [n for n, _ in named.named_parameters()] == ["hidden.weight", "hidden.bias"]
    assert len(net.append(nn.Tanh())) == 4 and isinstance(net[3], nn.Tanh)
    assert nn.Sequential()(x) is x


def test_module_list_registers_its_modules():
    blocks = nn.ModuleList(*[nn.Linear(2, 2, rng=k) for k in range(3)])
    assert len(blocks.parameters()) == 6 and blocks[-1] is blocks[2]
    assert [len(part) for part in (blocks[1:], blocks[:0])] == [2, 0]


# -------------------------------------------------------------------------------------------------
# Bad input: the layer's own name and sizes, and nothing has changed

A = np.ones((5, 4), "float32")
IMAGES = np.ones((32, 1, 28, 28), "float32")
BAD_INPUTS = [
    (lambda: nn.Linear(784, 10), IMAGES, ShapeError,
     "Linear(784 -> 10) needs x of shape (..., 784), got (32, 1, 28, 28). "
     "Its last axis is multiplied by W: flatten x first."),
    (lambda: nn.Linear(3, 2), A, ShapeError,
     "Linear(3 -> 2) needs x of shape (..., 3), got (5, 4)."),
    (lambda: nn.Linear(3, 2), np.float32(1), ShapeError, "(..., 3), got ()."),
    (lambda: nn.Linear(4, 2), A.astype("uint8"), DTypeError,
     "Linear(4 -> 2) needs x as a tensor or array of floats, got uint8: use x.astype('float32')."),
    (lambda: nn.Linear(4, 2), A.tolist(), DTypeError, "got list: use minnet.tensor(x)."),
    (lambda: nn.BatchNorm1d(3), A, ShapeError,
     "BatchNorm1d(3) needs x of shape (N, 3) or (N, 3, L), got (5, 4)."),
    (lambda: nn.BatchNorm1d(4), A[0], ShapeError, "got (4,)."),
    (lambda: nn.BatchNorm1d(4), A[:1], ShapeError,
     "BatchNorm1d(4) needs more than one value per channel in training, got x of shape (1, 4)"),
    (lambda: nn.BatchNorm1d(4), A.astype(int), DTypeError, "BatchNorm1d(4) needs x as a tensor"),
    (lambda: nn.Dropout(0.5), A.astype(int), DTypeError, "Dropout(0.5) needs x as a tensor"),
    (lambda: nn.Residual(nn.Linear(4, 3)), A, ShapeError,
     "Residual needs body(x) and shortcut(x) of one shape, got (5, 3) and (5, 4)"),
    (nn.Flatten, np.float32(1), ShapeError, "Flatten needs x of shape (N, ...), got ()."),
]


@pytest.mark.parametrize(("layer", "x", "error", "text"), BAD_INPUTS)
def test_bad_inputs_are_explained_and_change_nothing(layer, x, error, text):
    layer = layer()
    before = layer.state_dict()
    with pytest.raises(error) as caught:
        layer(x)
    assert text in str(caught.value)
    after = layer.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.Linear(0, 2), ValueRangeError, "Linear needs in_features of at least 1, got 0"),
        (lambda: nn.Linear(2, -1), ValueRangeError, "out_features of at least 1, got -1"),
        (lambda: nn.Linear(2.0, 1), DTypeError, r"number as in_features, got 2.0 \(float\)"),
        (lambda: nn.Linear(2, 1, dtype=int), DTypeError, "floating-point dtype, got int64"),
        (lambda: nn.Linear(2, 1, rng=-1), ValueRangeError, "seed of at least 0"),
        (lambda: nn.Dropout(1.5), ValueRangeError, "Dropout needs p between 0 and 1, got 1.5"),
        (lambda: nn.Dropout(float("nan")), ValueRangeError, "got nan"),
        (lambda: nn.BatchNorm1d(0), ValueRangeError, "BatchNorm1d needs num_features of at"),
        (lambda: nn.BatchNorm1d(3, eps=-1), ValueRangeError, "eps >= 0"),
        (lambda: nn.BatchNorm1d(3, momentum=2), ValueRangeError, "momentum between 0 and 1"),
        (lambda: nn.Dropout()(A, mask=np.ones(3)), ShapeError, r"shape \(5, 4\), got \(3,\)"),
        (lambda: F.batch_norm(A, training=False), ShapeError, "mean and var when training=False"),
        (lambda: F.linear(A, A), ShapeError, r"linear needs x \(..., k\).*got \(5, 4\), \(5, 4\)"),
    ],
)
def test_bad_settings_are_explained(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_failed_dropout_call_draws_nothing():
    layer = nn.Dropout(rng=0)
    with pytest.raises(ShapeError):
        layer(A, mask=np.ones(3))
    assert np.array_equal(layer(A), nn.Dropout(rng=0)(A))


# -------------------------------------------------------------------------------------------------
# PyTorch


@pytest.mark.oracle
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5)])
def test_batch_norm_is_torchs_over_training_and_eval(shape, rng):
    """PF-D3, PF-D4: outputs, gradients and running statistics over several steps."""
    torch = pytest.importorskip("torch")
    ours, theirs = nn.BatchNorm1d(3, dtype="float64"), torch.nn.BatchNorm1d(3).double()
    for step in range(4):
        ours.train(step < 3)
        theirs.train(step < 3)
        x, g = rng.standard_normal((2, *shape))
        ours.zero_grad()
        theirs.zero_grad()
        x1, x2 = mn.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y1, y2 = ours(x1), theirs(x2)
        y1.backward(g)
        y2.backward(torch.tensor(g))
        pairs = [
            (y1.numpy(), y2),
            (x1.grad.numpy(), x2.grad),
            (ours.weight.grad.numpy(), theirs.weight.grad),
            (ours.bias.grad.numpy(), theirs.bias.grad),
            (ours.running_mean, theirs.running_mean),
            (ours.running_var, theirs.running_var),
        ]
        for a, b in pairs:
            np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.oracle
def test_linear_is_torchs_transposed(rng):
    torch = pytest.importorskip("torch")
    ours, theirs = nn.Linear(4, 3, rng=0, dtype="float64"), torch.nn.Linear(4, 3).double()
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(ours.weight.numpy().T.copy()))
        theirs.bias.copy_(torch.tensor(ours.bias.numpy()))
    x, g = rng.standard_normal((2, 5, 4)), rng.standard_normal((2, 5, 3))
    ours(x).backward(g)
    y = theirs(torch.tensor(x))
    y.backward(torch.tensor(g))
    np.testing.assert_allclose(ours(x).numpy(), y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.weight.grad.numpy().T, theirs.weight.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.bias.grad.numpy(), theirs.bias.grad.numpy(), rtol=1e-12)
