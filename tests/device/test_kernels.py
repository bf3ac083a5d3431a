"""Each kernel against the formula it replaces: on the host here, on a GPU with -m gpu."""

from dataclasses import replace

import numpy as np
import pytest

import minnet as mn
from minnet import backend, kernels, nn, optim
from minnet import functional as F
from minnet.functional.columns import columns as columns_formula
from minnet.functional.dropout import _seeded_dropout
from minnet.functional.products import factors
from minnet.functional.windows import Window
from minnet.kernels import noise
from minnet.kernels.activations import BACKWARD, WITH_BIAS
from minnet.kernels.images import gather_columns, gather_images
from minnet.kernels.noise import DROPOUT, dropout
from minnet.optim import flat
from tests import fake_cupy
from tests.fake_cupy import kernels as host
from tests.functional.cases import ALL, operation
from tests.functional.oracle import differentiated, make_inputs, upstream, with_tensors
from tests.optim import test_base as optimizers

from .parity import assert_close, home, moved, narrowed, quiet

needs_compiler = pytest.mark.skipif(host.COMPILER is None, reason="needs a C++ compiler")


@pytest.fixture(params=[
    pytest.param("stand-in", marks=[needs_compiler, pytest.mark.slow]),
    pytest.param("cupy", marks=pytest.mark.gpu),
])  # fmt: skip
def module(request, monkeypatch):
    """What compiles the kernels."""
    if request.param == "cupy":
        yield backend.gpu()
        return
    monkeypatch.setattr(fake_cupy, "ElementwiseKernel", host.ElementwiseKernel, raising=False)
    monkeypatch.setattr(fake_cupy, "RawKernel", host.RawKernel, raising=False)
    monkeypatch.setattr(host.ElementwiseKernel, "launches", [])
    before = backend.register(fake_cupy)
    yield fake_cupy
    backend.register(before)


OPS = {  # operation: the kernels that it should launch
    "relu": {"relu_slope"}, "leaky_relu": {"leaky_relu", "leaky_relu_slope"},
    "elu": {"elu", "elu_slope"}, "sigmoid": {"sigmoid", "sigmoid_slope"}, "tanh": {"tanh_slope"},
    "silu": {"silu", "silu_slope"}, "softplus": {"softplus", "softplus_slope"},
    "gelu": {"gelu", "gelu_slope", "gelu_tanh", "gelu_tanh_slope"},
    "softmax": {"softmax", "softmax_slope"}, "log_softmax": {"log_softmax", "log_softmax_slope"},
    "layer_norm": {"standard_rows", "standard_rows_slope"},
    "batch_norm": {"scale_shift", "two_scales"},
    "embedding": {"scatter_rows"}, "index": {"scatter_rows"},
    "bias_activation": {"bias_relu", "bias_sigmoid", "bias_tanh", "relu_slope", "sigmoid_slope"},
    "conv2d": {"columns", "images"}, "conv_transpose2d": {"columns", "images"},
}  # fmt: skip


def test_every_kernel_is_compared():
    known = {k.name for k in kernels.ALL} - {"noise", "dropout"} | {"columns", "images"}
    assert set().union(*OPS.values()) == known


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", OPS)
def test_operation(module, name, dtype):
    """Values and gradients of every case of the table, from the kernels."""
    for _, settings, specs in (case for case in ALL if case[0] == name):
        settings = narrowed(settings, dtype)
        inputs, places = narrowed(make_inputs(specs), dtype), differentiated(specs)
        results = []
        for to in (lambda x: x), moved:
            tensors = with_tensors(to(inputs), places)
            y = operation(name, to(settings))(*tensors)
            g = to(np.asarray(upstream(np.zeros(y.shape)), dtype))
            results.append([y, *mn.grad(y, [tensors[k] for k in places], g)])
        for expected, found in zip(*results, strict=True):
            assert_close(found, home(expected), dtype)
    if module is fake_cupy:
        assert OPS[name] <= set(host.ElementwiseKernel.launches)


HARD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e4, -1e4, 88.0, -104.0, 1e-30]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["elu", "gelu", "leaky_relu", "relu", "sigmoid", "silu",
                                  "softplus", "tanh"])  # fmt: skip
def test_hard_values(module, name, dtype):
    """NaN stays NaN, and large numbers neither overflow nor vanish, where the formula does not."""
    x, f = np.array(HARD, dtype), getattr(F, name)
    with np.errstate(all="ignore"):
        expected, found = f(x), home(f(moved(x)))
        slopes = [_slope(f, x, lambda a: a), _slope(f, x, moved)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    finite = np.isfinite(slopes[0].numpy())
    np.testing.assert_allclose(slopes[1].numpy()[finite], slopes[0].numpy()[finite], rtol=1e-5,
                               atol=1e-6)  # fmt: skip


def _slope(f, x, to):
    t = mn.tensor(to(x), requires_grad=True)
    return mn.grad(f(t), t, to(np.ones_like(x)))


@pytest.mark.parametrize("d", [1, 2, 31, 33, 256, 1000])
def test_rows_of_any_length(module, d):
    """Longer and shorter than a block, and no power of two; the largest number is no overflow."""
    x = np.random.default_rng(0).standard_normal((3, d)) * 50 + 700
    t, there = mn.tensor(x, requires_grad=True), mn.tensor(moved(x), requires_grad=True)
    g = np.random.default_rng(1).standard_normal((3, d))
    for f in F.softmax, F.log_softmax, lambda x: F.layer_norm(x, normalized_shape=d, eps=1e-3):
        y, y_there = f(t), f(there)
        assert_close(y_there, y.numpy(), "float64")
        assert_close(mn.grad(y_there, there, moved(g)), mn.grad(y, t, g).numpy(), "float64", 10)


GEOMETRIES = [
    (window, groups)
    for kernel in ((1, 1), (3, 3), (2, 3))
    for stride in ((1, 1), (2, 1), (3, 2))
    for padding in ((0, 0), (1, 2))
    for dilation in ((1, 1), (2, 1))
    for groups in (1, 2)
    for window in [Window(kernel, stride, padding, dilation)]
]


def test_columns_and_images(module):
    """Every entry of the columns, and that each of the two is the other's transpose."""
    rng = np.random.default_rng(0)
    for window, groups in GEOMETRIES:
        x = rng.standard_normal((2, 6, 7, 4))
        found = gather_columns(moved(x), window, groups)
        expected = [c.copy() for _, c in columns_formula(x.transpose(0, 3, 1, 2), window, groups)]
        np.testing.assert_array_equal(home(found), np.concatenate(expected, axis=1))
        y = rng.standard_normal(found.shape)
        back = home(gather_images(moved(y), window, x.shape, groups))
        assert np.isclose((home(found) * y).sum(), (x * back).sum(), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", optimizers.ALL)
def test_optimizer(module, name, dtype):
    """The fused update of every optimizer, with decay and clipping, against the formula."""
    kind, settings = optimizers.ALL[name]
    for decay in optimizers.DECAYS:
        results, rng = [], np.random.default_rng(0)
        start = [rng.standard_normal(s).astype(dtype) for s in optimizers.SHAPES]
        grads = [rng.standard_normal(s).astype(dtype) for s in optimizers.SHAPES]
        for to in (lambda x: x), moved:
            params = [mn.tensor(to(w), requires_grad=True) for w in start]
            opt = optim.ClipNorm(kind(params, lr=0.1, **settings, **decay), 2.0)
            gradients = to(grads)
            with quiet(module if to is moved else None):
                for _ in range(3):
                    for p, g in zip(params, gradients, strict=True):
                        p.grad = g
                    opt.step()
            states = [opt.state(p) for p in params]
            results.append([*params, *[v for s in states for k, v in s.items() if k != "t"]])
        for expected, found in zip(*results, strict=True):
            assert_close(found, home(expected), dtype)
    if module is fake_cupy and kind.scope == "element":
        assert set(host.ElementwiseKernel.launches) == {"update"}


def test_one_launch_for_a_step(module):
    """However many parameters there are."""
    net = nn.mlp((4, 8, 8, 3), rng=0).to("cuda")
    opt = optim.Adam(net.parameters())
    for p in net.parameters():
        p.grad = moved(np.ones(p.shape, "float32"))
    opt.step()
    if module is fake_cupy:
        assert host.ElementwiseKernel.launches == ["update"]


def test_an_update_without_cuda_form_runs_as_it_is(module, monkeypatch):
    monkeypatch.setattr(flat, "PLAIN_BYTES", 0)

    class Odd(optim.Optimizer):
        def update(self, theta, g, s, t):
            return -self.lr * np.arctan(g)

    p = mn.tensor(moved(np.ones(5)), requires_grad=True)
    p.grad = moved(np.ones(5))
    Odd([p], lr=1.0).step()
    assert np.allclose(p.numpy(), 1 - np.pi / 4)


def test_noise(module):
    like, seed = moved(np.zeros(1, "float32")), np.uint64(2**63 + 5)
    found = home(backend.fused("counted_uniform", like)(backend.array_module(like), seed, 1000))
    np.testing.assert_array_equal(found, backend.counted_uniform(np, seed, 1000))


DROPPED = [((40, 7), 2), ((3, 5, 4, 2), 2), ((6,), 1), ((0, 3), 2)]  # shape, axes with a mask


@pytest.mark.parametrize("p", [0.3, 0.5, 1])
@pytest.mark.parametrize(("shape", "axes"), DROPPED)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dropout(module, p, shape, axes, dtype):
    """Value, gradient and its gradient, of rows and of channels: exactly the formula's."""
    rng, settings = np.random.default_rng(0), {"seed": np.uint64(2**63 + 9), "p": p, "axes": axes}
    x, g = rng.standard_normal((2, *shape)).astype(dtype)
    results = []
    for to in (lambda a: a), moved:
        t, u = (mn.tensor(to(a), requires_grad=True) for a in (x, g))
        y = _seeded_dropout(t, **settings)
        dx = mn.grad(y, t, u, create_graph=True)
        results.append([home(v) for v in (y, dx, mn.grad(dx, u, to(x)))])
    np.testing.assert_allclose(results[0][1] * x, results[0][0] * g, rtol=1e-5)  # one mask
    for expected, found in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == dtype
    if module is fake_cupy and x.size:
        assert set(host.ElementwiseKernel.launches) == {"dropout"}


@pytest.mark.parametrize("make", [nn.Dropout, nn.Dropout2d])
def test_one_launch_drops_and_one_takes_its_gradient(module, make):
    """Of a whole layer; what it keeps is what the layer would draw."""
    x = mn.tensor(moved(np.ones((4, 8, 2, 3), "float32")), requires_grad=True)
    with quiet(module):
        y = make(0.25, rng=3)(x)
        dx = mn.grad(y.sum(), x)
    if module is fake_cupy:
        assert host.ElementwiseKernel.launches == ["dropout", "dropout"]
    keep = home(make(0.25, rng=3).draw(x))
    expected = (keep.reshape(*keep.shape, *[1] * (4 - keep.ndim)) / np.float32(0.75)) * home(x)
    np.testing.assert_allclose(home(y), expected, rtol=1e-6)
    np.testing.assert_array_equal(home(dx), home(y))


@pytest.mark.parametrize(("part", "fault"), [(">= p", "< p"), ("/ q", ""), ("i / each", "i")])
def test_a_wrong_dropout_is_seen(module, monkeypatch, part, fault):
    """The comparison can fail."""
    x, settings = np.ones((3, 5, 4)), {"seed": np.uint64(1), "p": 0.3, "axes": 2}
    right = home(dropout(moved(x), **settings))
    assert part in DROPOUT.body
    wrong = replace(DROPOUT, name="dropout_wrong", body=DROPOUT.body.replace(part, fault))
    monkeypatch.setattr(noise, "DROPOUT", wrong)
    assert not np.array_equal(home(dropout(moved(x), **settings)), right)


JOINED = {  # layers: the kernels of a forward and a backward pass, in order, products aside
    "linear": (
        lambda: nn.Sequential(nn.Linear(5, 6, rng=0), nn.Tanh(), nn.Linear(6, 3, rng=1)), (4, 5),
        ["bias_tanh", "tanh_slope"],
    ),
    "convolution": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 1, rng=0), nn.ReLU()), (2, 3, 5, 4),
        ["bias_relu", "relu_slope"],
    ),
    "no bias": (
        lambda: nn.Sequential(nn.Linear(5, 6, bias=False, rng=0), nn.Sigmoid()), (4, 5),
        ["sigmoid", "sigmoid_slope"],
    ),
    "no activation next": (
        lambda: nn.Sequential(nn.Linear(5, 6, rng=0), nn.Identity(), nn.Sigmoid()), (4, 5),
        ["sigmoid", "sigmoid_slope"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JOINED)
def test_sequential_joins_a_bias_and_its_activation(module, name):
    """One launch for both; outputs and gradients of the CPU; none with observers, who see both."""
    make, shape, launches = JOINED[name]
    net, rng = make().astype("float64"), np.random.default_rng(0)
    x = rng.standard_normal(shape)
    g, results = rng.standard_normal(net(x).shape), []
    for device in "cpu", "cuda":
        there = mn.tensor(backend.to_device(x, device), requires_grad=True)
        net.to(device)
        y = net(there)
        grads = mn.grad(y, [there, *net.parameters()], backend.to_device(g, device))
        results.append([y, *grads])
    for expected, found in zip(*results, strict=True):
        assert_close(found, home(expected), "float64")
    if module is fake_cupy:
        assert [k for k in host.ElementwiseKernel.launches if k != "images"] == launches
    seen = []
    watch = type("Watch", (), {"on_module": lambda self, layer, args, y: seen.append(layer)})()
    with mn.observe(watch):
        assert_close(net(there), home(results[0][0]), "float64")
    assert [type(layer) for layer in seen] == [type(layer) for layer in net] + [nn.Sequential]


@pytest.mark.parametrize(("part", "fault"), [("z + b", "z - b"), ("x > T(0)", "z > T(0)")])
def test_a_wrong_bias_is_seen(module, monkeypatch, part, fault):
    """The comparison can fail."""
    right = WITH_BIAS["relu"]
    assert part in right.body
    wrong = replace(right, name="bias_wrong", body=right.body.replace(part, fault))
    z, b = moved(np.linspace(-1, 1, 6).reshape(2, 3)), moved(np.array([0.7, 0.9, -0.3]))
    assert not np.allclose(home(wrong(z, b)), home(right(z, b)))


def test_gradients_of_gradients_use_the_formula(module):
    x = mn.tensor(moved(np.linspace(-2, 2, 7)), requires_grad=True)
    for f in F.gelu, F.softmax, F.silu:
        dx = mn.grad((f(x) * f(x)).sum(), x, create_graph=True)
        host_x = mn.tensor(home(x), requires_grad=True)
        d = mn.grad((f(host_x) * f(host_x)).sum(), host_x, create_graph=True)
        assert_close(mn.grad(dx.sum(), x), mn.grad(d.sum(), host_x).numpy(), "float64")


@pytest.mark.parametrize(("part", "fault"), [("-", "+"), ("y * y", "y"), ("g *", "")])
def test_a_wrong_kernel_is_seen(module, part, fault):
    """The comparison can fail."""
    slope = BACKWARD["tanh"]
    body = slope.body.replace(part, fault)
    wrong = type(slope)("tanh_wrong", slope.inputs, slope.outputs, body)
    y, g = moved(np.linspace(0.1, 0.9, 5)), moved(np.full(5, 2.0))
    assert not np.allclose(home(wrong(g, y)), home(slope(g, y)))


def test_convolutions_in_16_bits(module):
    """With stride, so that the gradient for the images is a product and a gathering kernel."""
    x, results = np.random.default_rng(0).standard_normal((2, 3, 9, 8)).astype("float32"), []
    layer = nn.Conv2d(3, 4, 3, stride=2, padding=1, rng=0)
    g = np.random.default_rng(1).standard_normal(layer(x).shape).astype("float32")
    for kind, device in (None, "cpu"), ("float16", "cpu"), ("float16", "cuda"):
        there = mn.tensor(backend.to_device(x, device), requires_grad=True)
        layer.to(device)
        with factors(kind):
            y = layer(there)
            grads = mn.grad(y, [there, *layer.parameters()], backend.to_device(g, device))
        results.append([home(v) for v in (y, *grads)])
    for exact, expected, found in list(zip(*results, strict=True))[:3]:
        error = np.abs(found - expected).max()
        assert error <= 1e-3 * np.abs(expected).max() and error < 0.5 * np.abs(found - exact).max()


NETS = {
    "convolutions": (lambda: nn.cnn((1, 8, 8), 3, widths=(4, 6), hidden=8, rng=0), (4, 1, 8, 8)),
    "residual": (lambda: nn.resnet(3, widths=(4, 6), blocks=1, rng=0), (4, 3, 8, 8)),
    "strided": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2, padding=1, rng=0), nn.GELU(), nn.Flatten(),
            nn.Linear(64, 8, rng=1), nn.LayerNorm(8), nn.SiLU(), nn.Linear(8, 3, rng=2),
        ),
        (4, 3, 8, 8),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_training_with_kernels_follows_the_cpu(module, name):
    """Three steps of whole networks in float64, without a stop."""
    make, shape = NETS[name]
    rng = np.random.default_rng(0)
    batch, results = (rng.standard_normal(shape), rng.integers(3, size=shape[0])), []
    for device in "cpu", "cuda":
        net = make().astype("float64").to(device)
        opt = optim.Nesterov(net.parameters(), lr=0.05, weight_decay=1e-3)
        x, y = batch if device == "cpu" else moved(batch)
        with quiet(module if device == "cuda" else None):
            for _ in range(3):
                opt.zero_grad()
                F.cross_entropy(net(x), y).backward()
                opt.step()
        results.append(net.state_dict())
    for key, expected in results[0].items():
        assert_close(results[1][key], expected, "float64", 100)
