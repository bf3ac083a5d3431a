"""Pooling and upsampling as layers; the formulas live in `minnet.functional.pool`."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from ..backend import Array
from ..errors import ShapeError
from ..functional.windows import Window, pair
from .checks import require_floats
from .module import Module

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "GlobalAvgPool2d",
    "GlobalMaxPool2d",
    "MaxPool1d",
    "MaxPool2d",
]


def _require_axes(owner: Module, x: Array, axes: str) -> None:
    """Raise unless x is a floating-point array with these axes behind (N, C)."""
    require_floats(owner, x)
    if x.ndim != 2 + len(axes.split(",")) or 0 in x.shape[2:]:
        raise ShapeError(f"{owner.title()} needs x of shape (N, C, {axes}), got {x.shape}.")


class _Pool(Module):
    """What the pools share: a window that is checked once, and settings that are shown."""

    axes = "H, W"

    def __init__(self, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool):
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode
        geometry = kernel_size, self.stride, padding, dilation
        if self.axes == "L":
            geometry = (1, kernel_size), (1, self.stride), (0, padding), (1, dilation)
        name = type(self).__name__
        self._window = Window.of(name, *geometry, ceil_mode)
        self._window.require_little_padding(name)

    def _check(self, x: Array) -> None:
        _require_axes(self, x, self.axes)
        self._window.require_fit(self.title(), (1, *x.shape[2:])[-2:])

    def _settings(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("kernel_size", "stride", "padding", *names)}

    def describe(self) -> str:
        """The kernel, and the settings that are not the default."""
        defaults = {"stride": self.kernel_size, "padding": 0, "dilation": 1, "ceil_mode": False}
        changed = [(k, getattr(self, k)) for k, usual in defaults.items()]
        shown = [f"{k}={v}" for k, v in changed if v != defaults[k]]
        return ", ".join([f"{self.kernel_size}", *shown])


class MaxPool2d(_Pool):
    """The largest pixel of each window; the first of equal ones has the gradient.

    x: (N, C, H, W).   kernel_size, stride (the kernel's size if None), padding (never wins),
    dilation: pixels, a number or (height, width).   ceil_mode: a last window may hang over.
    Raises ShapeError for a window larger than the padded image.

    >>> import numpy as np
    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[5.0, 7.0], [13.0, 15.0]]]]
    """

    def __init__(
        self,
        kernel_size: Any,
        *,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ):
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode)

    def forward(self, x: Array) -> Array:
        """max_pool2d(x)."""
        self._check(x)
        return F.max_pool2d(x, **self._settings("dilation", "ceil_mode"))


class MaxPool1d(MaxPool2d):
    """The largest value of each window along one axis.   x: (N, C, L); settings as `MaxPool2d`.

    >>> import numpy as np
    >>> MaxPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0]]])).tolist()
    [[[3.0, 2.0]]]
    """

    axes = "L"

    def forward(self, x: Array) -> Array:
        """max_pool1d(x)."""
        self._check(x)
        return F.max_pool1d(x, **self._settings("dilation", "ceil_mode"))


class AvgPool2d(_Pool):
    """The mean of each window, padded with zeros.   x: (N, C, H, W).

    kernel_size, stride (the kernel's size if None), padding: pixels, a number or (height, width).
    ceil_mode: a last window may hang over.   count_include_pad: whether padding counts as pixels.
    Raises ShapeError for a window larger than the padded image.

    >>> import numpy as np
    >>> AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[2.5, 4.5], [10.5, 12.5]]]]
    """

    def __init__(
        self,
        kernel_size: Any,
        *,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        super().__init__(kernel_size, stride, padding, 1, ceil_mode)
        self.count_include_pad = count_include_pad

    def forward(self, x: Array) -> Array:
        """avg_pool2d(x)."""
        self._check(x)
        return F.avg_pool2d(x, **self._settings("ceil_mode", "count_include_pad"))


class AvgPool1d(AvgPool2d):
    """The mean of each window along one axis.   x: (N, C, L); settings as `AvgPool2d`.

    >>> import numpy as np
    >>> AvgPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0]]])).tolist()
    [[[2.0, 1.0]]]
    """

    axes = "L"

    def forward(self, x: Array) -> Array:
        """avg_pool1d(x)."""
        self._check(x)
        return F.avg_pool1d(x, **self._settings("ceil_mode", "count_include_pad"))


class AdaptiveAvgPool2d(Module):
    """Means over a grid of output_size windows that cover the image, whatever its size.

    x: (N, C, H, W).   output_size: a number or (height, width); None keeps the input's size.

    >>> import numpy as np
    >>> AdaptiveAvgPool2d((1, 2))(np.arange(8.0).reshape(1, 1, 2, 4)).tolist()
    [[[[2.5, 4.5]]]]
    """

    def __init__(self, output_size: Any):
        filled = [n or 1 for n in output_size] if isinstance(output_size, tuple) else output_size
        pair(type(self).__name__, "output_size", 1 if filled is None else filled, least=1)
        self.output_size = output_size

    def forward(self, x: Array) -> Array:
        """adaptive_avg_pool2d(x)."""
        _require_axes(self, x, "H, W")
        return F.adaptive_avg_pool2d(x, output_size=self.output_size)

    def describe(self) -> str:
        """The output's size."""
        return f"{self.output_size}"


class GlobalAvgPool2d(Module):
    """The mean of each channel: (N, C, H, W) -> (N, C, 1, 1).

    Lin, Chen & Yan 2013, "Network in network", arXiv:1312.4400.

    >>> import numpy as np
    >>> GlobalAvgPool2d()(np.ones((2, 3, 4, 5))).shape
    (2, 3, 1, 1)
    """

    def forward(self, x: Array) -> Array:
        """global_avg_pool2d(x)."""
        _require_axes(self, x, "H, W")
        return F.global_avg_pool2d(x)


class GlobalMaxPool2d(Module):
    """The largest pixel of each channel: (N, C, H, W) -> (N, C, 1, 1).

    >>> import numpy as np
    >>> GlobalMaxPool2d()(np.ones((2, 3, 4, 5))).shape
    (2, 3, 1, 1)
    """

    def forward(self, x: Array) -> Array:
        """global_max_pool2d(x)."""
        _require_axes(self, x, "H, W")
        return F.global_max_pool2d(x)
