"""Convolution, pooling and norm layers: sizes, defaults, state, and what they refuse."""

import numpy as np
import pytest

import minnet as mn
from minnet import functional as F
from minnet import nn
from minnet.errors import DTypeError, MinnetError, ShapeError, ValueRangeError

LAYERS = {  # layer: (how to build it, a shape that it takes)
    "Conv1d": (lambda: nn.Conv1d(3, 4, 3, padding=1, rng=0), (2, 3, 5)),
    "Conv2d": (lambda: nn.Conv2d(3, 4, (3, 2), padding=1, rng=0), (2, 3, 5, 4)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 4, 2, stride=2, rng=0), (2, 3, 5, 4)),
    "grouped Conv2d": (lambda: nn.Conv2d(4, 6, 3, groups=2, rng=0), (2, 4, 5, 4)),
    "depthwise Conv2d": (lambda: nn.Conv2d(4, 4, 3, groups=4, rng=0), (2, 4, 5, 4)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), (4, 3, 2)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), (4, 3, 2, 2)),
    "LayerNorm": (lambda: nn.LayerNorm((3, 2)), (4, 3, 2)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), (3, 4, 5)),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(3, affine=True), (2, 3, 4)),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(3, affine=True), (2, 3, 4, 5)),
    "RMSNorm": (lambda: nn.RMSNorm(5), (2, 3, 5)),
    "Maxout": (lambda: nn.Maxout(4, 3, pieces=3, rng=0), (5, 4)),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), (2, 3, 6)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, stride=2, padding=1), (2, 3, 6, 5)),
    "AvgPool1d": (lambda: nn.AvgPool1d(2), (2, 3, 6)),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), (2, 3, 6, 5)),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((2, None)), (2, 3, 5, 4)),
    "GlobalAvgPool2d": (lambda: nn.GlobalAvgPool2d(), (2, 3, 5, 4)),
    "GlobalMaxPool2d": (lambda: nn.GlobalMaxPool2d(), (2, 3, 5, 4)),
    "Upsample": (lambda: nn.Upsample(2), (2, 3, 5, 4)),
    "Dropout2d": (lambda: nn.Dropout2d(0.5, rng=0), (4, 6, 5, 4)),
}
every_layer = pytest.mark.parametrize(("build", "shape"), LAYERS.values(), ids=LAYERS)


@every_layer
def test_input_and_every_parameter_get_a_gradient(rng, build, shape):
    """PF-D13, PF-A11: between two other operations, with random weights."""
    layer = build()
    for p in layer.parameters():
        p.data = rng.standard_normal(p.shape).astype("f")
    x = mn.tensor(rng.standard_normal(shape).astype("f"), requires_grad=True)
    y = layer(2 * x) * 3
    y.backward(rng.standard_normal(y.shape).astype("f"))
    for t in (x, *layer.parameters()):
        assert t.grad.dtype == np.float32 and np.abs(t.grad.numpy()).max() > 0


@every_layer
def test_other_ranks_and_integers_are_refused_and_change_nothing(build, shape):
    layer = build()
    before = layer.state_dict()
    wrong = [np.ones(shape[:1], "f"), np.ones(shape, int), np.ones(shape).tolist()]
    if not isinstance(layer, nn.GroupNorm):  # which takes any number of axes behind the channels
        wrong.append(np.ones((*shape, 2, 2), "f"))
    for x in wrong:
        with pytest.raises(MinnetError) as error:
            layer(x)
        assert str(error.value).startswith(layer.title())
    after = layer.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@every_layer
def test_state_is_saved_and_loaded(rng, build, shape):
    """PF-D3: eval after loading gives the same, running statistics included."""
    layer, other = build(), build()
    x = rng.standard_normal(shape).astype("f")
    layer(x)
    for p in layer.parameters():
        p.data = rng.standard_normal(p.shape).astype("f")
    other.load_state_dict(layer.state_dict())
    y = layer.eval()(mn.tensor(x))
    assert np.array_equal(y.numpy(), other.eval()(mn.tensor(x)).numpy())


WRONG = [
    (lambda: nn.Conv2d(3, 16, 5)(np.ones((2, 4, 9, 9), "f")),
     "Conv2d(3 -> 16, 5x5) needs x of shape (N, 3, H, W), got (2, 4, 9, 9)."),
    (lambda: nn.Conv2d(3, 16, 5)(np.ones((3, 9, 9), "f")), "Add the batch axis: x[None]."),
    (lambda: nn.Conv2d(3, 16, 5, padding=1)(np.ones((2, 3, 2, 9), "f")),
     "Conv2d(3 -> 16, 5x5, padding=1): a kernel of 5x5 pixels does not fit into 2x9 pixels padded "
     "to 4x11"),
    (lambda: nn.Conv1d(3, 16, 5)(np.ones((2, 3, 4), "f")), "Conv1d(3 -> 16, 5): a kernel of 1x5"),
    (lambda: nn.MaxPool2d(3)(np.ones((2, 3, 2, 9), "f")), "MaxPool2d(3): a kernel of 3x3 pixels"),
    (lambda: nn.BatchNorm2d(3)(np.ones((2, 4, 1, 1), "f")), "needs x of shape (N, 3, H, W)"),
    (lambda: nn.BatchNorm2d(3)(np.ones((1, 3, 1, 1), "f")), "more than one value per channel"),
    (lambda: nn.InstanceNorm2d(3)(np.ones((2, 3, 1, 1), "f")), "more than one value per channel"),
    (lambda: nn.LayerNorm(4)(np.ones((2, 3), "f")), "LayerNorm(4) needs x of shape (..., 4)"),
    (lambda: nn.GroupNorm(2, 4)(np.ones((2, 3), "f")), "GroupNorm(2, 4) needs x of shape (N, 4"),
    (lambda: nn.Dropout2d()(np.ones((2, 3, 4, 4)), mask=np.ones((2, 4))), "mask of shape (2, 3)"),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_errors_name_the_layer_and_its_sizes(call, words):
    with pytest.raises(ShapeError) as error:
        call()
    assert words in str(error.value)


SETTINGS = [
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueRangeError, "groups that divide"),
    (lambda: nn.Conv2d(3, 4, 0), ValueRangeError, "kernel_size of at least 1"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), DTypeError, "kernel_size as a whole number or a pair"),
    (lambda: nn.Conv1d(3, 4, 2.5), DTypeError, "Conv1d needs kernel_size"),
    (lambda: nn.MaxPool2d(2, padding=2), ShapeError, "at most half the kernel"),
    (lambda: nn.Upsample(1.5), DTypeError, "scale_factor"),
    (lambda: nn.Upsample(2, mode="bilinear"), ValueRangeError, "mode='nearest'"),
    (lambda: nn.GroupNorm(3, 4), ValueRangeError, "GroupNorm(3, 4) needs num_groups"),
    (lambda: nn.LayerNorm(()), ShapeError, "at least one axis"),
    (lambda: nn.RMSNorm(3, eps=-1.0), ValueRangeError, "eps >= 0"),
    (lambda: nn.Maxout(3, 4, pieces=0), ValueRangeError, "pieces of at least 1"),
    (lambda: nn.AdaptiveAvgPool2d(0), ValueRangeError, "output_size of at least 1"),
]


@pytest.mark.parametrize(("build", "kind", "words"), SETTINGS)
def test_wrong_settings_are_refused(build, kind, words):
    with pytest.raises(kind) as error:
        build()
    assert words in str(error.value)


def test_names_show_what_is_not_the_default():
    assert nn.Conv2d(3, 16, (5, 3), stride=2, padding=(1, 0)).title() == (
        "Conv2d(3 -> 16, 5x3, stride=2, padding=(1, 0))"
    )
    assert nn.Conv1d(4, 4, 3, groups=4).title() == "Conv1d(4 -> 4, 3, groups=4)"
    assert nn.MaxPool2d(3, stride=2, padding=1).title() == "MaxPool2d(3, stride=2, padding=1)"


def test_filters_start_on_pytorch_s_range():
    """Uniform on +-1 / sqrt(fan in), of the weight's own layout for the transposed one."""
    for kind, fan in (nn.Conv2d, 72), (nn.ConvTranspose2d, 288):
        layer = kind(8, 32, 3, rng=0)
        largest = np.abs(layer.weight.numpy()).max()
        assert 0.98 / fan**0.5 < largest <= 1 / fan**0.5
        assert np.abs(layer.bias.numpy()).max() <= 1 / fan**0.5


# -------------------------------------------------------------------------------------------------
# Batch norm's statistics


def test_running_statistics_follow_the_batches(rng):
    """PF-D3: momentum weighs the new batch; the running variance is unbiased."""
    layer, mean, var = nn.BatchNorm2d(2, momentum=0.3), np.zeros(2), np.ones(2)
    for _ in range(3):
        x = rng.standard_normal((4, 2, 3, 5)).astype("f")
        layer(x)
        mean = 0.7 * mean + 0.3 * x.mean((0, 2, 3))
        var = 0.7 * var + 0.3 * x.var((0, 2, 3), ddof=1)
    assert np.allclose(layer.running_mean, mean, atol=1e-6)
    assert np.allclose(layer.running_var, var, atol=1e-6)


def test_running_statistics_are_not_trained():
    """PF-D5."""
    layer = nn.BatchNorm2d(2)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert [name for name, _ in layer.named_buffers()] == ["running_mean", "running_var"]


def test_eval_uses_running_statistics_and_does_not_move_them(rng):
    """PF-D4."""
    layer = nn.BatchNorm2d(2, dtype="float64").eval()
    layer.running_mean[:], layer.running_var[:] = [1.0, -1.0], [4.0, 0.25]
    x = rng.standard_normal((1, 2, 1, 1))
    y = layer(x).numpy()
    assert np.allclose(y.ravel(), (x.ravel() - [1, -1]) / np.sqrt(np.array([4, 0.25]) + 1e-5))
    assert layer.running_mean.tolist() == [1.0, -1.0]


# -------------------------------------------------------------------------------------------------
# Spatial dropout and maxout


def test_spatial_dropout_drops_whole_channels(rng):
    """PF-D11: mean kept, eval is the identity, a seed repeats itself."""
    x = np.ones((200, 50, 2, 2))
    y = nn.Dropout2d(0.3, rng=1)(x)
    assert np.array_equal(y, np.broadcast_to(y[:, :, :1, :1], y.shape))
    assert y.mean() == pytest.approx(1, abs=0.02)
    assert np.array_equal(y, nn.Dropout2d(0.3, rng=1)(x))
    assert nn.Dropout2d(0.3).eval()(x) is x
    mask = rng.integers(0, 2, (200, 50))
    masked = nn.Dropout2d(0.5)(x, mask=mask)
    assert np.array_equal(masked, 2 * x * mask[:, :, None, None])


def test_maxout_is_the_largest_of_its_affine_maps(rng):
    layer = nn.Maxout(4, 3, pieces=5, rng=0)
    x = rng.standard_normal((6, 4)).astype("f")
    pieces = F.linear(x, layer.linear.weight.data, layer.linear.bias.data).reshape(6, 3, 5)
    assert np.array_equal(layer(x).numpy(), pieces.max(-1))
