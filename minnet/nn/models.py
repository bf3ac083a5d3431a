"""Reference models, small enough to be read and trained on a laptop.

Images are (N, C, H, W), token ids (N, T); every model returns scores without a softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..backend import Array, as_generator, default_dtype
from ..errors import ShapeError, ValueRangeError
from ..init import Rng, normal
from .activation import ReLU
from .checks import require_count
from .container import Flatten, Lambda, ModuleList, Residual, Sequential
from .conv import Conv2d
from .dropout import Dropout, Dropout2d
from .embedding import Embedding
from .linear import Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d, LayerNorm
from .pool import GlobalAvgPool2d, GlobalMaxPool2d, MaxPool2d
from .positional import LearnedPositions
from .recurrent import LSTM
from .transformer import TransformerEncoderLayer

__all__ = ["CharLSTM", "GPT", "cnn", "lenet", "mlp", "resnet", "resnet9"]


def mlp(sizes: Sequence[int], *, dropout: float = 0.0, rng: Rng = None) -> Sequential:
    """Linear layers of these sizes, with relu (and dropout) between them.

    >>> [layer.title() for layer in mlp([64, 32, 10], rng=0)]
    ['Linear(64 -> 32)', 'ReLU()', 'Linear(32 -> 10)']
    """
    if len(sizes) < 2:
        raise ValueRangeError(f"mlp needs two sizes or more, got {list(sizes)}.")
    rng, layers = as_generator(rng), Sequential()
    for n_in, n_out in pairwise(sizes):
        if len(layers):
            layers.append(ReLU())
        if len(layers) and dropout:
            layers.append(Dropout(dropout, rng=rng))
        layers.append(Linear(n_in, n_out, rng=rng))
    return layers


def lenet(classes: int = 10, *, channels: int = 1, rng: Rng = None) -> Sequential:
    """A LeNet-style network for 28 x 28 images: two convolutions 5x5 with pooling, three layers.

    conv 6, pool, conv 16, pool, 120, 84, classes, with relus and max-pooling where LeCun et al.
    1998, "Gradient-based learning applied to document recognition", had tanh and averages.

    >>> import numpy as np
    >>> lenet(rng=0)(np.ones((2, 1, 28, 28), "float32")).shape
    (2, 10)
    """
    rng = as_generator(rng)
    return Sequential(
        Conv2d(channels, 6, 5, padding=2, rng=rng),
        ReLU(),
        MaxPool2d(2),
        Conv2d(6, 16, 5, rng=rng),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        mlp([16 * 5 * 5, 120, 84, classes], rng=rng),
    )


def conv_bn(n_in: int, n_out: int, *, stride: int = 1, rng: Rng = None) -> Sequential:
    """Convolution 3x3 without bias, batch norm, relu."""
    conv = Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False, rng=rng)
    return Sequential(conv=conv, norm=BatchNorm2d(n_out), relu=ReLU())


def cnn(
    image: tuple[int, int, int],
    classes: int = 10,
    *,
    widths: Sequence[int] = (32, 64),
    hidden: int = 128,
    dropout: float = 0.0,
    rng: Rng = None,
) -> Sequential:
    """Stages of two convolutions 3x3 with batch norm and a max-pool; then a hidden layer.

    image: (C, H, W).   widths: channels of each stage, which halves the image.
    Raises ShapeError for an image that cannot be halved so often.
    In the manner of Simonyan & Zisserman 2014, arXiv:1409.1556.

    >>> import numpy as np
    >>> cnn((1, 8, 8), widths=(8, 16), rng=0)(np.ones((2, 1, 8, 8), "float32")).shape
    (2, 10)
    """
    rng = as_generator(rng)
    channels, H, W = image
    layers = Sequential()
    for width in widths:
        layers.append(conv_bn(channels, width, rng=rng))
        layers.append(conv_bn(width, width, rng=rng))
        layers.append(MaxPool2d(2))
        if dropout:
            layers.append(Dropout2d(dropout, rng=rng))
        channels, H, W = width, H // 2, W // 2
    if H * W == 0:
        raise ShapeError(f"cnn cannot halve an image {image} {len(widths)} times.")
    layers.append(Flatten())
    layers.append(Linear(channels * H * W, hidden, bias=False, rng=rng))
    layers.append(BatchNorm1d(hidden))
    layers.append(ReLU())
    layers.append(Dropout(dropout, rng=rng))
    layers.append(Linear(hidden, classes, rng=rng))
    return layers


def _block(width: int, rng: Any) -> Sequential:
    """relu(x + body(x)), the body two convolutions with batch norm."""
    second = Conv2d(width, width, 3, padding=1, bias=False, rng=rng)
    body = Sequential(conv_bn(width, width, rng=rng), second, BatchNorm2d(width))
    return Sequential(Residual(body), ReLU())


def resnet(
    classes: int = 10,
    *,
    channels: int = 3,
    widths: Sequence[int] = (32, 64),
    blocks: int = 2,
    rng: Rng = None,
) -> Sequential:
    """A small residual network for images of any size: per width a convolution, then blocks.

    Each stage is conv-bn-relu to its width and `blocks` residual blocks; stages are separated by a
    max-pool; a global average and a linear layer end it.   He et al. 2015, arXiv:1512.03385.

    >>> import numpy as np
    >>> resnet(widths=(4, 8), blocks=1, rng=0)(np.ones((2, 3, 16, 16), "float32")).shape
    (2, 10)
    """
    rng, layers = as_generator(rng), Sequential()
    for k, width in enumerate(widths):
        if k:
            layers.append(MaxPool2d(2))
        layers.append(conv_bn(channels, width, rng=rng))
        for _ in range(blocks):
            layers.append(_block(width, rng))
        channels = width
    layers.append(GlobalAvgPool2d())
    layers.append(Flatten())
    return layers.append(Linear(channels, classes, rng=rng))


def resnet9(
    classes: int = 10, *, channels: int = 3, width: int = 64, scale: float = 0.125, rng: Rng = None
) -> Sequential:
    """The nine-layer residual network of fast CIFAR-10 training, for 32 x 32 images.

    With w = width (64: 6.6 million parameters), conv(n) = conv 3x3 without bias, batch norm, relu:

        prep    conv(w)
        layer1  conv(2w), max-pool 2, x + conv(2w)(conv(2w)(x))
        layer2  conv(4w), max-pool 2
        layer3  conv(8w), max-pool 2, x + conv(8w)(conv(8w)(x))
        head    global max-pool, linear to the classes without bias, scores times scale

    Eight convolutions and one linear layer.   D. Page 2018, "How to train your ResNet", part 4,
    myrtle.ai.

    >>> import numpy as np
    >>> resnet9(width=4, rng=0)(np.ones((2, 3, 32, 32), "float32")).shape
    (2, 10)
    """
    rng, w = as_generator(rng), width
    pair = lambda n: Residual(Sequential(conv_bn(n, n, rng=rng), conv_bn(n, n, rng=rng)))
    return Sequential(
        prep=conv_bn(channels, w, rng=rng),
        layer1=Sequential(conv_bn(w, 2 * w, rng=rng), MaxPool2d(2), pair(2 * w)),
        layer2=Sequential(conv_bn(2 * w, 4 * w, rng=rng), MaxPool2d(2)),
        layer3=Sequential(conv_bn(4 * w, 8 * w, rng=rng), MaxPool2d(2), pair(8 * w)),
        pool=Sequential(GlobalMaxPool2d(), Flatten()),
        linear=Linear(8 * w, classes, bias=False, rng=rng),
        scale=Lambda(lambda scores: scores * scale),
    )


class CharLSTM(Module):
    """The next token from the past ones: an embedding, an LSTM, a linear layer.

    ids: (N, T) integers below `tokens` -> scores (N, T, tokens).
    Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks".

    >>> import numpy as np
    >>> CharLSTM(65, width=8, rng=0)(np.zeros((2, 5), int)).shape
    (2, 5, 65)
    """

    def __init__(
        self,
        tokens: int,
        *,
        width: int = 128,
        num_layers: int = 1,
        dropout: float = 0.0,
        rng: Rng = None,
    ):
        rng = as_generator(rng)
        self.embedding = Embedding(tokens, width, rng=rng)
        self.lstm = LSTM(
            width, width, num_layers=num_layers, dropout=dropout, batch_first=True, rng=rng
        )
        self.dropout = Dropout(dropout, rng=rng)
        self.head = Linear(width, tokens, rng=rng)

    def forward(self, ids: Any) -> Array:
        """Scores for the token behind each one, starting from a zero state."""
        return self.step(ids, None)[0]

    def step(self, ids: Any, state: Any) -> tuple[Array, Any]:
        """(scores, the state behind the last token), to go on from a state."""
        h, state = self.lstm(self.embedding(ids), state)
        return self.head(self.dropout(h)), state


class GPT(Module):
    """The next token from the past ones: a causal transformer (norm first, GELU, learned places).

    ids: (N, T) integers below `tokens`, T up to `context` -> scores (N, T, tokens).
    Weights start normal with standard deviation 0.02, those of the last layer of each block divided
    by sqrt(2 depth) (Radford et al. 2019, "Language models are unsupervised multitask learners").

    >>> import numpy as np
    >>> GPT(65, context=16, width=8, heads=2, depth=1, rng=0)(np.zeros((2, 5), int)).shape
    (2, 5, 65)
    """

    def __init__(
        self,
        tokens: int,
        *,
        context: int = 64,
        width: int = 128,
        heads: int = 4,
        depth: int = 4,
        dropout: float = 0.0,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        rng = as_generator(rng)
        self.context = require_count(self, "context", context)
        more = {"rng": rng, "dtype": dtype}
        self.embedding = Embedding(tokens, width, **more)
        self.positions = LearnedPositions(context, width, batch_first=True, **more)
        self.dropout = Dropout(dropout, rng=rng)
        self.blocks = ModuleList()
        for _ in range(depth):
            self.blocks.append(
                TransformerEncoderLayer(
                    width, heads, dim_feedforward=4 * width, dropout=dropout, activation="gelu",
                    batch_first=True, norm_first=True, **more,
                )  # fmt: skip
            )
        self.norm = LayerNorm(width, dtype=dtype)
        self.head = Linear(width, tokens, bias=False, **more)
        for name, p in self.named_parameters():
            if p.ndim == 2:
                last = name.endswith(("out_proj.weight", "linear2.weight"))
                std = 0.02 / (2 * depth) ** 0.5 if last else 0.02
                p.data = normal(p.shape, std=std, rng=rng, dtype=dtype)

    def forward(self, ids: Any) -> Array:
        """Scores for the token behind each one."""
        x = self.dropout(self.positions(self.embedding(ids)))
        for block in self.blocks:
            x = block(x, is_causal=True)
        return self.head(self.norm(x))
