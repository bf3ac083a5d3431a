"""Convolution, pooling and normalisation beside PyTorch: outputs and gradients, random settings.

float64 within 1e-10, float32 within 1e-4 of the largest value.
"""

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet import nn
from minnet.functional import winograd

torch = pytest.importorskip("torch")
TF = torch.nn.functional
pytestmark = pytest.mark.oracle

DTYPES = {"float64": 1e-10, "float32": 1e-4}
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def agree(ours, theirs, arrays, rng, dtype, what):
    """ours and theirs on the same arrays give the same output and the same gradients."""
    arrays = [a.astype(dtype) for a in arrays]
    a = [mn.tensor(x, requires_grad=True) for x in arrays]
    b = [torch.tensor(x, requires_grad=True) for x in arrays]
    y, z = ours(*a), theirs(*b)
    assert y.shape == tuple(z.shape), what
    g = rng.standard_normal(y.shape).astype(dtype)
    theirs = [z, *torch.autograd.grad(z, b, torch.tensor(g))]
    for k, (mine, other) in enumerate(zip([y, *mn.grad(y, a, g)], theirs, strict=True)):
        mine, other = mine.numpy(), other.detach().numpy()
        assert mine.dtype == dtype
        error = np.abs(mine - other).max(initial=0) / (1 + np.abs(other).max(initial=0))
        assert error <= DTYPES[dtype], (what, k, error)


def two(rng, low, high):
    return tuple(map(int, rng.integers(low, high, 2)))


@every_dtype
def test_conv2d(rng, dtype):
    """PF-D10: stride, padding, dilation, groups, odd sizes, batch 1; depthwise now and then."""
    compared = 0
    while compared < 150:
        groups, each, per = (int(rng.choice(n)) for n in ([1, 1, 2, 5], [1, 2, 3, 9], [1, 2, 4]))
        k, s, p, d = two(rng, 1, 6), two(rng, 1, 4), two(rng, 0, 4), two(rng, 1, 4)
        size = two(rng, 1, 14)
        if any(n + 2 * a <= e * (t - 1) for n, a, e, t in zip(size, p, d, k, strict=True)):
            continue
        shapes = (int(rng.integers(1, 4)), groups * each, *size), (groups * per, each, *k)
        arrays = [rng.standard_normal(n) for n in (*shapes, (groups * per,))]
        settings = {"stride": s, "padding": p, "dilation": d, "groups": groups}
        agree(
            lambda x, w, b, settings=settings: F.conv2d(x, w, b, **settings),
            lambda x, w, b, settings=settings: TF.conv2d(x, w, b, **settings),
            arrays, rng, dtype, (shapes, settings),
        )
        compared += 1


@every_dtype
@pytest.mark.parametrize("fewest", [1, 32])
def test_conv2d_by_winograd(rng, monkeypatch, dtype, fewest):
    monkeypatch.setattr(winograd, "FEWEST", fewest)
    for _ in range(20):
        c, o = (fewest, fewest + 1) if fewest > 1 else two(rng, 1, 8)
        size, l = (2 * int(rng.integers(1, 6)), int(rng.integers(1, 9))), int(rng.integers(1, 4))
        arrays = [rng.standard_normal(n) for n in ((2, c, *size), (o, c, 3, l), (o,))]
        agree(
            lambda x, w, b: F.conv2d(x, w, b, padding=1),
            lambda x, w, b: TF.conv2d(x, w, b, padding=1),
            arrays, rng, dtype, (c, o, size),
        )


@every_dtype
def test_conv1d(rng, dtype):
    compared = 0
    while compared < 60:
        groups, each, per, k, s, d, n = (int(i) for i in rng.integers(1, (4, 4, 4, 6, 4, 4, 20)))
        p = int(rng.integers(0, 4))
        if n + 2 * p <= d * (k - 1):
            continue
        arrays = [rng.standard_normal(m) for m in (
            (2, groups * each, n), (groups * per, each, k), (groups * per,)
        )]
        settings = {"stride": s, "padding": p, "dilation": d, "groups": groups}
        agree(
            lambda x, w, b, settings=settings: F.conv1d(x, w, b, **settings),
            lambda x, w, b, settings=settings: TF.conv1d(x, w, b, **settings),
            arrays, rng, dtype, settings,
        )
        compared += 1


@every_dtype
def test_conv_transpose2d(rng, dtype):
    compared = 0
    while compared < 80:
        groups, each, per = (int(rng.choice(n)) for n in ([1, 1, 2, 3], [1, 2, 9], [1, 2, 3]))
        k, s, p, d, size = (two(rng, *r) for r in ((1, 5), (1, 4), (0, 3), (1, 3), (1, 7)))
        more = tuple(int(rng.integers(0, n)) for n in s)
        grown = [
            (n - 1) * a - 2 * b + e * (t - 1) + m + 1
            for n, a, b, e, t, m in zip(size, s, p, d, k, more, strict=True)
        ]
        if min(grown) < 1:
            continue
        shapes = (2, groups * each, *size), (groups * each, per, *k), (groups * per,)
        settings = {"stride": s, "padding": p, "dilation": d, "groups": groups}
        settings["output_padding"] = more
        agree(
            lambda x, w, b, settings=settings: F.conv_transpose2d(x, w, b, **settings),
            lambda x, w, b, settings=settings: TF.conv_transpose2d(x, w, b, **settings),
            [rng.standard_normal(n) for n in shapes], rng, dtype, (shapes, settings),
        )
        compared += 1


@every_dtype
def test_pools_of_images(rng, dtype):
    """PF-C4, PF-D10: ties (small whole numbers), padding, ceil_mode, count_include_pad."""
    compared = 0
    while compared < 100:
        k, s = two(rng, 1, 5), two(rng, 1, 4)
        p = tuple(int(rng.integers(0, n // 2 + 1)) for n in k)
        size, ceil, include = two(rng, 1, 12), bool(rng.integers(2)), bool(rng.integers(2))
        if any(n + 2 * a < t for n, a, t in zip(size, p, k, strict=True)):
            continue
        x = rng.integers(-3, 3, (2, 3, *size)) + 0.0
        common = {"kernel_size": k, "stride": s, "padding": p, "ceil_mode": ceil}
        average = {**common, "count_include_pad": include}
        for name, settings in ("max_pool2d", common), ("avg_pool2d", average):
            agree(
                lambda x, name=name, settings=settings: getattr(F, name)(x, **settings),
                lambda x, name=name, settings=settings: getattr(TF, name)(x, **settings),
                [x], rng, dtype, (name, size, settings),
            )
        compared += 1


@every_dtype
def test_dilated_max_pools_and_pools_of_lines(rng, dtype):
    for k, s, p, d in [(2, 1, 0, 2), (3, 2, 1, 2), (2, 2, 1, 1), (3, 3, 1, 3), (1, 2, 0, 1)]:
        x = rng.standard_normal((2, 3, 9, 11))
        settings = {"kernel_size": k, "stride": s, "padding": p, "dilation": d}
        for name, images in ("max_pool2d", x), ("max_pool1d", x[0]):
            agree(
                lambda x, name=name, settings=settings: getattr(F, name)(x, **settings),
                lambda x, name=name, settings=settings: getattr(TF, name)(x, **settings),
                [images], rng, dtype, (name, settings),
            )
        average = {"kernel_size": k, "stride": s, "padding": p, "count_include_pad": False}
        agree(
            lambda x, average=average: F.avg_pool1d(x, **average),
            lambda x, average=average: TF.avg_pool1d(x, **average),
            [x[0]], rng, dtype, average,
        )


@every_dtype
def test_adaptive_pools_and_upsampling(rng, dtype):
    for _ in range(40):
        x, out = rng.standard_normal((2, 3, *two(rng, 1, 12))), two(rng, 1, 7)
        agree(
            lambda x, out=out: F.adaptive_avg_pool2d(x, output_size=out),
            lambda x, out=out: TF.adaptive_avg_pool2d(x, out),
            [x], rng, dtype, (x.shape, out),
        )
        agree(
            lambda x, out=out: F.upsample_nearest(x, scale_factor=out),
            lambda x, out=out: TF.interpolate(x, scale_factor=out),
            [x], rng, dtype, (x.shape, out),
        )


def norms():
    """(minnet's layer, PyTorch's, a shape)."""
    for shape in (6, 3), (2, 3, 5), (1, 3, 2):
        yield nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3), shape
    for shape in (2, 4, 3, 5), (1, 4, 1, 2), (4, 4, 1, 1):
        for settings in {}, {"momentum": 0.4, "eps": 0.1}, {"affine": False}:
            yield nn.BatchNorm2d(4, **settings), torch.nn.BatchNorm2d(4, **settings), shape
        settings = {"track_running_stats": False}
        yield nn.BatchNorm2d(4, **settings), torch.nn.BatchNorm2d(4, **settings), shape
    for shape in (5,), (3, 5), (2, 4, 5):
        yield nn.LayerNorm(5), torch.nn.LayerNorm(5), shape
        yield nn.RMSNorm(5), torch.nn.RMSNorm(5), shape
        yield nn.RMSNorm(5, eps=0.1), torch.nn.RMSNorm(5, eps=0.1), shape
    for settings in {}, {"eps": 0.1}, {"elementwise_affine": False}, {"bias": False}:
        yield nn.LayerNorm((4, 3), **settings), torch.nn.LayerNorm((4, 3), **settings), (2, 4, 3)
    for groups, shape in (2, (3, 4, 3)), (1, (2, 4, 5)), (4, (1, 4, 3, 2)), (2, (2, 4, 3, 3)):
        for settings in {}, {"affine": False}:
            ours, theirs = (n.GroupNorm(groups, 4, **settings) for n in (nn, torch.nn))
            yield ours, theirs, shape
    for settings in {}, {"affine": True}, {"eps": 0.1}:
        ours, theirs = nn.InstanceNorm1d(3, **settings), torch.nn.InstanceNorm1d(3, **settings)
        yield ours, theirs, (2, 3, 6)
        ours, theirs = nn.InstanceNorm2d(3, **settings), torch.nn.InstanceNorm2d(3, **settings)
        yield ours, theirs, (1, 3, 4, 5)


@every_dtype
def test_norm_layers(rng, dtype):
    """PF-D3, PF-D4: training, then eval with the statistics that training left behind."""
    for ours, theirs, shape in norms():
        ours, theirs = ours.astype(dtype), theirs.to(getattr(torch, dtype))
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            p.data = rng.standard_normal(p.shape).astype(dtype)
            q.data.copy_(torch.tensor(p.numpy()))
        for _ in range(2):
            x = 2 * rng.standard_normal(shape) + 1
            agree(ours, theirs, [x], rng, dtype, (ours.title(), shape))
        for (name, mine), other in zip(ours.named_buffers(), theirs.buffers(), strict=False):
            assert np.allclose(mine, other.numpy(), rtol=0, atol=DTYPES[dtype]), name
        agree(ours.eval(), theirs.eval(), [x], rng, dtype, (ours.title(), shape, "eval"))
        parameters_agree(ours.train(), theirs.train(), x, rng, dtype)


def parameters_agree(ours, theirs, x, rng, dtype):
    """The gradients of gamma and beta."""
    x = x.astype(dtype)
    y, z = ours(x), theirs(torch.tensor(x))
    if not ours.parameters():
        return
    g = rng.standard_normal(y.shape).astype(dtype)
    y.backward(g)
    z.backward(torch.tensor(g))
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert np.abs(p.grad.numpy() - q.grad.numpy()).max() <= DTYPES[dtype], ours.title()


LAYERS = [
    ("Conv1d", (3, 4, 3), {"stride": 2, "padding": 1}, (2, 3, 9)),
    ("Conv2d", (4, 6, (3, 2)), {"groups": 2, "dilation": 2, "padding": 2}, (2, 4, 7, 6)),
    ("Conv2d", (3, 4, 3), {"bias": False}, (1, 3, 5, 5)),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "output_padding": 1, "groups": 2}, (2, 4, 3, 5)),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, (2, 3, 8, 7)),
    ("AvgPool2d", (2,), {"count_include_pad": False, "padding": 1}, (2, 3, 8, 7)),
    ("AdaptiveAvgPool2d", ((None, 3),), {}, (2, 3, 8, 7)),
]


@every_dtype
@pytest.mark.parametrize(("name", "sizes", "settings", "shape"), LAYERS)
def test_layers_take_pytorch_s_settings_and_weights(rng, dtype, name, sizes, settings, shape):
    ours, theirs = (getattr(n, name)(*sizes, **settings) for n in (nn, torch.nn))
    ours, theirs = ours.astype(dtype), theirs.to(getattr(torch, dtype))
    ours.load_state_dict({name: p.detach().numpy() for name, p in theirs.state_dict().items()})
    agree(ours, theirs, [rng.standard_normal(shape)], rng, dtype, (name, sizes, settings))
