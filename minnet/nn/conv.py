"""Convolutions as layers; the formulas live in `minnet.functional.conv`."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

from ..backend import Array, as_generator, default_dtype
from ..errors import ShapeError, ValueRangeError
from ..functional import bias_activation, conv1d, conv2d, conv_transpose2d
from ..functional.windows import Window, pair
from ..init import Rng, uniform
from ..tensor import Parameter
from .checks import require_count, require_floats
from .module import Module

__all__ = ["Conv1d", "Conv2d", "ConvTranspose2d"]


class _Conv(Module):
    """What the convolutions share: sizes, filters, and what they refuse."""

    axes = "H, W"  # what the filters slide along
    transposed = False  # whether weight is (in, out / groups, ...), as of the opposite convolution

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        *,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        self.in_channels = require_count(self, "in_channels", in_channels)
        self.out_channels = require_count(self, "out_channels", out_channels)
        self.groups = require_count(self, "groups", groups)
        if in_channels % groups or out_channels % groups:
            raise ValueRangeError(
                f"{type(self).__name__} needs groups that divide in_channels and out_channels, got "
                f"groups={groups} for {in_channels} and {out_channels}."
            )
        self.kernel_size = self._sizes("kernel_size", kernel_size, 1)
        self.stride = self._sizes("stride", stride, 1)
        self.padding = self._sizes("padding", padding, 0)
        self.dilation = self._sizes("dilation", dilation, 1)
        first, second = in_channels, out_channels
        if not self.transposed:
            first, second = second, first
        shape = (first, second // groups, *self.kernel_size)
        rng, a = as_generator(rng), 1 / sqrt(prod(shape[1:]))
        draw = lambda shape: Parameter(uniform(shape, low=-a, high=a, rng=rng, dtype=dtype))
        self.weight = draw(shape)
        self.bias = draw((out_channels,)) if bias else None

    def _sizes(self, name: str, n: Any, least: int) -> tuple[int, ...]:
        """A setting as one number for each axis."""
        return pair(type(self).__name__, name, n, least=least)

    def _window(self) -> Window:
        return Window(self.kernel_size, self.stride, self.padding, self.dilation)  # type: ignore

    def _check(self, x: Array) -> None:
        """Raise ShapeError or DTypeError unless x has this layer's channels and is large enough."""
        require_floats(self, x)
        wanted = 2 + len(self.kernel_size)
        if x.ndim != wanted or x.shape[1] != self.in_channels:
            hint = " Add the batch axis: x[None]." if x.ndim == wanted - 1 else ""
            raise ShapeError(
                f"{self.title()} needs x of shape (N, {self.in_channels}, {self.axes}), got "
                f"{x.shape}.{hint}"
            )

    def _settings(self) -> dict[str, Any]:
        names = "stride", "padding", "dilation", "groups"
        return {name: getattr(self, name) for name in names}

    def describe(self) -> str:
        """The channels, the kernel, and the settings that are not the default."""
        size = "x".join(map(str, self.kernel_size))
        parts = [f"{self.in_channels} -> {self.out_channels}", size]
        for name, default in ("stride", 1), ("padding", 0), ("dilation", 1):
            n = getattr(self, name)
            if set(n) != {default}:
                parts.append(f"{name}={n[0] if len(set(n)) == 1 else n}")
        return ", ".join(parts + [f"groups={self.groups}"] * (self.groups > 1))


class Conv2d(_Conv):
    """y = x * W + b: filters slid over images, as `functional.conv2d` writes it.

    x: (N, in_channels, H, W).   weight W: (out_channels, in_channels / groups, P, Q).   bias b:
    (out_channels,); False leaves it out.   kernel_size, stride, padding (with zeros), dilation:
    pixels, a number or (height, width).   groups: parts of the channels that do not meet; as many
    as channels make a depthwise convolution.
    W and b start uniform on +-1 / sqrt(in_channels / groups P Q), PyTorch's default.
    Raises ShapeError for other channels, and for a kernel larger than the padded image.
    LeCun et al. 1998, "Gradient-based learning applied to document recognition".

    >>> import numpy as np
    >>> layer = Conv2d(3, 16, 5, padding=2, rng=0)
    >>> layer(np.ones((2, 3, 8, 8), "float32")).shape
    (2, 16, 8, 8)
    """

    def forward(self, x: Array, *, activation: str | None = None) -> Array:
        """x * W + b; with an activation, that of x * W + b, as `bias_activation`."""
        self._check(x)
        self._window().require_fit(self.title(), x.shape[2:])
        if activation is None or self.bias is None:
            return conv2d(x, self.weight, self.bias, **self._settings())
        y = conv2d(x, self.weight, **self._settings())
        return bias_activation(y, self.bias, activation=activation, axis=1)


class Conv1d(_Conv):
    """y = x * W + b: filters slid along one axis, as `functional.conv1d` writes it.

    x: (N, in_channels, L).   weight W: (out_channels, in_channels / groups, P).   Otherwise as
    `Conv2d`, with whole numbers as settings.

    >>> import numpy as np
    >>> Conv1d(2, 4, 3, stride=2, rng=0)(np.ones((5, 2, 9), "float32")).shape
    (5, 4, 4)
    """

    axes = "L"

    def _sizes(self, name: str, n: Any, least: int) -> tuple[int, ...]:
        one = n[0] if isinstance(n, tuple) and len(n) == 1 else n
        return (pair(type(self).__name__, name, (one, one), least=least)[0],)

    def _window(self) -> Window:
        (k,), (s,), (p,), (d,) = self.kernel_size, self.stride, self.padding, self.dilation
        return Window((1, k), (1, s), (0, p), (1, d))

    def forward(self, x: Array) -> Array:
        """x * W + b."""
        self._check(x)
        self._window().require_fit(self.title(), (1, x.shape[2]))
        settings = {k: n[0] if type(n) is tuple else n for k, n in self._settings().items()}
        return conv1d(x, self.weight, self.bias, **settings)


class ConvTranspose2d(_Conv):
    """The transpose of `Conv2d` as a linear map, which makes images larger.

    x: (N, in_channels, H, W).   weight: (in_channels, out_channels / groups, P, Q).
    output_padding: rows and columns more at the far border, fewer than stride.
    Returns (N, out_channels, (H-1) stride - 2 padding + dilation (P-1) + output_padding + 1, ...).
    weight and bias start uniform on +-1 / sqrt(out_channels / groups P Q), PyTorch's default.
    Zeiler et al. 2010, "Deconvolutional networks"; Dumoulin & Visin 2016, arXiv:1603.07285.

    >>> import numpy as np
    >>> ConvTranspose2d(3, 2, 2, stride=2, rng=0)(np.ones((1, 3, 4, 5), "float32")).shape
    (1, 2, 8, 10)
    """

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        *,
        output_padding: Any = 0,
        **settings: Any,
    ):
        super().__init__(in_channels, out_channels, kernel_size, **settings)
        self.output_padding = self._sizes("output_padding", output_padding, 0)

    def forward(self, x: Array) -> Array:
        """The transposed convolution of x with W, + b."""
        self._check(x)
        settings = {**self._settings(), "output_padding": self.output_padding}
        return conv_transpose2d(x, self.weight, self.bias, **settings)
