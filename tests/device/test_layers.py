"""Every layer on a device: outputs, gradients and running statistics of the CPU, and no stop."""

import copy
import inspect

import numpy as np
import pytest

import minnet as mn
from minnet import nn

from .parity import assert_close, assert_on_device, home, moved, narrowed, quiet

SEQUENCE, IMAGE, ROWS = (5, 2, 4), (2, 4, 6, 6), (5, 4)
IDS = np.array([[1, 0, 2], [2, 2, 5]])
FIRST = lambda layer: nn.Sequential(layer, nn.Lambda(lambda y: y[0]))
LAYERS = {  # name: (how to make it, shape of x or x itself)
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((3, 4)), IMAGE),
    "AvgPool1d": (lambda: nn.AvgPool1d(2, padding=1, count_include_pad=False), (2, 3, 6)),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), IMAGE),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), ROWS),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4), IMAGE),
    "CharLSTM": (lambda: nn.CharLSTM(6, width=8, rng=0), IDS),
    "Conv1d": (lambda: nn.Conv1d(3, 4, 3, padding=1, rng=0), (2, 3, 6)),
    "Conv2d": (lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2, rng=0), IMAGE),
    "Conv2d, wide": (lambda: nn.Conv2d(16, 64, 3, padding=1, rng=0), (2, 16, 6, 6)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 3, 2, stride=2, rng=0), IMAGE),
    "Dropout": (lambda: nn.Dropout(0.4, rng=0).eval(), ROWS),
    "Dropout2d": (lambda: nn.Dropout2d(0.4, rng=0).eval(), IMAGE),
    "ELU": (nn.ELU, ROWS),
    "Embedding": (lambda: nn.Embedding(6, 3, padding_idx=0, rng=0), IDS),
    "Flatten": (nn.Flatten, IMAGE),
    "GELU": (nn.GELU, ROWS),
    "GPT": (lambda: nn.GPT(6, context=4, width=8, heads=2, depth=1, rng=0), IDS),
    "GRU": (lambda: FIRST(nn.GRU(4, 3, num_layers=2, bidirectional=True, rng=0)), SEQUENCE),
    "GRUCell": (lambda: nn.GRUCell(4, 3, rng=0), ROWS),
    "GlobalAvgPool2d": (nn.GlobalAvgPool2d, IMAGE),
    "GlobalMaxPool2d": (nn.GlobalMaxPool2d, IMAGE),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), IMAGE),
    "Identity": (nn.Identity, ROWS),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(3, affine=True), (2, 3, 6)),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4), IMAGE),
    "LSTM": (lambda: FIRST(nn.LSTM(4, 3, num_layers=2, rng=0)), SEQUENCE),
    "LSTMCell": (lambda: FIRST(nn.LSTMCell(4, 3, rng=0)), ROWS),
    "Lambda": (lambda: nn.Lambda(lambda x: x * x), ROWS),
    "LayerNorm": (lambda: nn.LayerNorm((6, 6)), IMAGE),
    "LeakyReLU": (nn.LeakyReLU, ROWS),
    "LearnedPositions": (lambda: nn.LearnedPositions(9, 4, rng=0), SEQUENCE),
    "Linear": (lambda: nn.Linear(4, 3, rng=0), SEQUENCE),
    "LogSoftmax": (nn.LogSoftmax, ROWS),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), (2, 3, 6)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, stride=2, padding=1), IMAGE),
    "Maxout": (lambda: nn.Maxout(4, 3, rng=0), ROWS),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2, rng=0), SEQUENCE),
    "RMSNorm": (lambda: nn.RMSNorm(4), ROWS),
    "RNN": (lambda: FIRST(nn.RNN(4, 3, rng=0)), SEQUENCE),
    "RNNCell": (lambda: nn.RNNCell(4, 3, rng=0), ROWS),
    "ReLU": (nn.ReLU, ROWS),
    "Residual": (lambda: nn.Residual(nn.Linear(4, 4, rng=0)), ROWS),
    "SELU": (nn.SELU, ROWS),
    "Sequential": (lambda: nn.Sequential(nn.Linear(4, 3, rng=0), nn.Tanh()), ROWS),
    "SiLU": (nn.SiLU, ROWS),
    "Sigmoid": (nn.Sigmoid, ROWS),
    "SinusoidalPositions": (lambda: nn.SinusoidalPositions(9, 4), SEQUENCE),
    "Softmax": (nn.Softmax, ROWS),
    "Softplus": (nn.Softplus, ROWS),
    "Tanh": (nn.Tanh, ROWS),
    "TransformerEncoderLayer": (
        lambda: nn.TransformerEncoderLayer(4, 2, dim_feedforward=6, dropout=0.0, rng=0), SEQUENCE
    ),
    "Upsample": (nn.Upsample, IMAGE),
    "cnn": (lambda: nn.cnn((1, 8, 8), widths=(4, 6), hidden=8, rng=0), (2, 1, 8, 8)),
    "lenet": (lambda: nn.lenet(rng=0), (2, 1, 28, 28)),
    "mlp": (lambda: nn.mlp((4, 8, 3), rng=0), ROWS),
    "resnet": (lambda: nn.resnet(widths=(4, 6), blocks=1, rng=0), (2, 3, 8, 8)),
    "resnet9": (lambda: nn.resnet9(width=4, rng=0), (2, 3, 32, 32)),
}
ABSTRACT = {"Module", "ModuleList"}
LARGE = {"lenet", "resnet9"}  # float32 errors add up over their layers


def test_every_layer_is_in_the_table():
    layers = {n for n in nn.__all__ if inspect.isclass(kind := getattr(nn, n))
              and issubclass(kind, nn.Module)}  # fmt: skip
    assert layers - ABSTRACT <= {name.split(",")[0] for name in LAYERS} <= set(nn.__all__)


def make(name, dtype):
    """The layer with random parameters and an input."""
    layer, x = LAYERS[name]
    rng, layer = np.random.default_rng(0), layer().astype(dtype)
    for p in layer.parameters():
        p.data = (p.data + 0.2 * rng.choice([-1, 1], p.shape)).astype(dtype)
    x = x if isinstance(x, np.ndarray) else rng.standard_normal(x)
    return layer, narrowed(x, dtype)


def run(layer, x, g):
    """Output, dL/dx if x can be differentiated, and dL/dp for each parameter p."""
    floats = x.dtype.kind == "f"
    x = mn.tensor(x, requires_grad=True, copy=False) if floats else x
    y = layer(x)
    wanted = [x] * floats + layer.parameters()
    return [y, *(mn.grad(y, wanted, g) if wanted else [])]


@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(module, name, dtype, training):
    layer, x = make(name, dtype)
    layer.train(training and not name.startswith("Dropout"))
    twin = copy.deepcopy(layer).to("cuda")
    shape = copy.deepcopy(layer)(x).shape
    g = np.random.default_rng(1).standard_normal(shape).astype(dtype)
    expected, there = run(layer, x, g), moved([x, g])
    with quiet(module):
        found = run(twin, *there)
    assert_on_device(*found)
    scale = 30 if name in LARGE and dtype == "float32" else 1
    for a, b in zip([*found, *twin.buffers()], [*expected, *layer.buffers()], strict=True):
        assert_close(a, home(b), dtype, scale)
