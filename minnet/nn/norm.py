"""Normalisation layers."""

from __future__ import annotations

from math import prod
from typing import Any

from ..backend import Array, default_dtype, on_its_device
from ..errors import ShapeError, ValueRangeError
from ..functional import (
    batch_norm,
    batch_statistics,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)
from ..functional.targets import raw
from ..init import ones, zeros
from ..tensor import Parameter
from .checks import require_count, require_floats
from .module import Module

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LayerNorm",
    "RMSNorm",
]


class _BatchNorm(Module):
    """What the batch norms of vectors and images share: statistics per channel, axis 1 of x."""

    ndims: tuple[int, ...] = ()
    shapes = ""  # the shapes it takes, for errors

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Array | None
    running_var: Array | None

    def __init__(
        self,
        num_features: int,
        *,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = default_dtype,
    ):
        self.num_features = require_count(self, "num_features", num_features)
        if not (eps >= 0 and 0 <= momentum <= 1):
            raise ValueRangeError(
                f"{self.title()} needs eps >= 0 and momentum between 0 and 1, got {eps} and "
                f"{momentum}."
            )
        self.eps, self.momentum = eps, momentum
        shape = (num_features,)
        self.weight = Parameter(ones(shape, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(shape, dtype=dtype)) if affine else None
        self.running_mean = self.running_var = None
        if track_running_stats:
            self.register_buffer("running_mean", zeros(shape, dtype=dtype))
            self.register_buffer("running_var", ones(shape, dtype=dtype))

    def forward(self, x: Array) -> Array:
        """Normalise; in training, also move the running statistics towards the batch's."""
        self._check(x)
        if self.training or self.running_mean is None:
            with on_its_device(raw(x)):
                mean, var = batch_statistics(raw(x))
            settings = {"mean": mean, "var": var, "training": True}
        else:
            settings = {"mean": self.running_mean, "var": self.running_var, "training": False}
        y = batch_norm(x, self.weight, self.bias, eps=self.eps, **settings)
        if self.training and self.running_mean is not None:
            with on_its_device(mean):
                self._track(mean, var, x.size // self.num_features)
        return y

    def _track(self, mean: Array, var: Array, n: int) -> None:
        """running = (1 - momentum) running + momentum batch; the variance unbiased, n / (n - 1)."""
        old, new = 1 - self.momentum, self.momentum
        for name, batch in ("running_mean", mean), ("running_var", var * (n / (n - 1))):
            running = getattr(self, name)
            setattr(self, name, (old * running + new * batch).astype(running.dtype, copy=False))

    def _check(self, x: Array) -> None:
        require_floats(self, x)
        if x.ndim not in self.ndims or x.shape[1] != self.num_features:
            shapes = self.shapes.format(C=self.num_features)
            raise ShapeError(f"{self.title()} needs x of shape {shapes}, got {x.shape}.")
        if (self.training or self.running_mean is None) and x.size <= self.num_features:
            raise ShapeError(
                f"{self.title()} needs more than one value per channel in training, got x of shape "
                f"{x.shape}: one value has no variance. Use a larger batch, or eval()."
            )

    def describe(self) -> str:
        """The number of channels."""
        return f"{self.num_features}"


class BatchNorm1d(_BatchNorm):
    """y = gamma (x - mean) / sqrt(var + eps) + beta, each channel over the batch.

    x: (N, num_features) or (N, num_features, L).   weight (gamma, from 1) and bias (beta, from 0):
    (num_features,), absent with affine=False.
    Training uses the batch's mean and biased variance, and moves running_mean and running_var
    (unbiased) towards them by `momentum`, the weight of the new batch.  Eval uses the running ones;
    with track_running_stats=False always the batch's.
    Raises ShapeError for other shapes, and for one value per channel in training.
    Ioffe & Szegedy 2015, arXiv:1502.03167.

    >>> import numpy as np
    >>> BatchNorm1d(1, eps=0, dtype="float64")(np.array([[1.0], [3.0]])).numpy().tolist()
    [[-1.0], [1.0]]
    """

    ndims = (2, 3)
    shapes = "(N, {C}) or (N, {C}, L)"


class BatchNorm2d(_BatchNorm):
    """y = gamma (x - mean) / sqrt(var + eps) + beta, each channel over all pixels of the batch.

    x: (N, num_features, H, W).   Otherwise as `BatchNorm1d`.

    >>> import numpy as np
    >>> BatchNorm2d(1, eps=0, dtype="float64")(np.array([[[[1.0, 3.0]]]])).numpy().tolist()
    [[[[-1.0, 1.0]]]]
    """

    ndims = (4,)
    shapes = "(N, {C}, H, W)"


class _Affine(Module):
    """What the norms of one example share: weight (gamma, from 1) and bias (beta, from 0)."""

    weight: Parameter | None
    bias: Parameter | None

    def _start(self, shape: Any, weight: bool, bias: bool, eps: Any, dtype: Any) -> None:
        if eps is not None and not eps >= 0:
            raise ValueRangeError(f"{self.title()} needs eps >= 0, got {eps}.")
        self.eps = eps
        self.weight = Parameter(ones(shape, dtype=dtype)) if weight else None
        self.bias = Parameter(zeros(shape, dtype=dtype)) if bias else None


class _LastAxes(_Affine):
    """What the norms over the last axes share."""

    def _take(self, normalized_shape: int | tuple[int, ...]) -> tuple[int, ...]:
        several = isinstance(normalized_shape, (tuple, list))
        sizes = tuple(normalized_shape) if several else (normalized_shape,)  # type: ignore
        self.normalized_shape = tuple(require_count(self, "normalized_shape", n) for n in sizes)
        if not sizes:
            raise ShapeError(f"{type(self).__name__} needs at least one axis to normalise over.")
        return self.normalized_shape

    def _check(self, x: Array) -> None:
        require_floats(self, x)
        shape = self.normalized_shape
        if x.shape[-len(shape) :] != shape:
            sizes = ", ".join(map(str, shape))
            raise ShapeError(f"{self.title()} needs x of shape (..., {sizes}), got {x.shape}.")

    def describe(self) -> str:
        """The sizes of the axes it normalises over."""
        return ", ".join(map(str, self.normalized_shape))


class LayerNorm(_LastAxes):
    """y = gamma (x - mean) / sqrt(var + eps) + beta over the last axes, each example by itself.

    x: (..., *normalized_shape).   weight (gamma) and bias (beta): normalized_shape, absent with
    elementwise_affine=False; bias=False leaves out beta alone.
    Raises ShapeError for an x with other last axes.   Ba et al. 2016, arXiv:1607.06450.

    >>> import numpy as np
    >>> LayerNorm(2, eps=0, dtype="float64")(np.array([[1.0, 3.0]])).numpy().tolist()
    [[-1.0, 1.0]]
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        *,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = default_dtype,
    ):
        shape = self._take(normalized_shape)
        self._start(shape, elementwise_affine, elementwise_affine and bias, eps, dtype)

    def forward(self, x: Array) -> Array:
        """layer_norm(x)."""
        self._check(x)
        shape = self.normalized_shape
        return layer_norm(x, self.weight, self.bias, normalized_shape=shape, eps=self.eps)


class RMSNorm(_LastAxes):
    """y = gamma x / sqrt(mean(x^2) + eps) over the last axes, each example by itself.

    x: (..., *normalized_shape).   weight (gamma): normalized_shape, absent with
    elementwise_affine=False.   eps: the machine epsilon of x if None.
    Raises ShapeError for an x with other last axes.   Zhang & Sennrich 2019, arXiv:1910.07467.

    >>> import numpy as np
    >>> RMSNorm(2, eps=0, dtype="float64")(np.array([[1.0, 7.0]])).numpy().round(12).tolist()
    [[0.2, 1.4]]
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        *,
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: Any = default_dtype,
    ):
        self._start(self._take(normalized_shape), elementwise_affine, False, eps, dtype)

    def forward(self, x: Array) -> Array:
        """rms_norm(x)."""
        self._check(x)
        return rms_norm(x, self.weight, normalized_shape=self.normalized_shape, eps=self.eps)


class GroupNorm(_Affine):
    """y = gamma (x - mean) / sqrt(var + eps) + beta over groups of channels, example by example.

    x: (N, num_channels, ...).   num_groups: parts of the channels, in order.   weight (gamma) and
    bias (beta): (num_channels,), absent with affine=False.   A group of one value gives beta.
    Raises ShapeError for other channels.   Wu & He 2018, arXiv:1803.08494.

    >>> import numpy as np
    >>> layer = GroupNorm(2, 4, eps=1e-9, dtype="float64")
    >>> layer(np.array([[1.0, 3.0, 5.0, 5.0]])).numpy().round(4).tolist()
    [[-1.0, 1.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        *,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = default_dtype,
    ):
        self.num_groups = require_count(self, "num_groups", num_groups)
        self.num_channels = require_count(self, "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueRangeError(f"{self.title()} needs num_groups that divides num_channels.")
        self._start((num_channels,), affine, affine, eps, dtype)

    def forward(self, x: Array) -> Array:
        """group_norm(x)."""
        require_floats(self, x)
        if x.ndim < 2 or x.shape[1] != self.num_channels or 0 in x.shape[2:]:
            raise ShapeError(
                f"{self.title()} needs x of shape (N, {self.num_channels}, ...), got {x.shape}."
            )
        return group_norm(x, self.weight, self.bias, num_groups=self.num_groups, eps=self.eps)

    def describe(self) -> str:
        """Groups and channels."""
        return f"{self.num_groups}, {self.num_channels}"


class _InstanceNorm(_Affine):
    """What the instance norms of lines and images share."""

    axes = ""

    def __init__(
        self,
        num_features: int,
        *,
        eps: float = 1e-5,
        affine: bool = False,
        dtype: Any = default_dtype,
    ):
        self.num_features = require_count(self, "num_features", num_features)
        self._start((num_features,), affine, affine, eps, dtype)

    def forward(self, x: Array) -> Array:
        """instance_norm(x)."""
        require_floats(self, x)
        wanted = 2 + len(self.axes.split(","))
        if x.ndim != wanted or x.shape[1] != self.num_features:
            raise ShapeError(
                f"{self.title()} needs x of shape (N, {self.num_features}, {self.axes}), got "
                f"{x.shape}."
            )
        if prod(x.shape[2:]) < 2:
            raise ShapeError(
                f"{self.title()} needs more than one value per channel, got x of shape {x.shape}: "
                "one value has no variance."
            )
        return instance_norm(x, self.weight, self.bias, eps=self.eps)

    def describe(self) -> str:
        """The number of channels."""
        return f"{self.num_features}"


class InstanceNorm1d(_InstanceNorm):
    """y = (x - mean) / sqrt(var + eps), each channel of each example over its L values.

    x: (N, num_features, L).   affine=True adds weight (gamma) and bias (beta): (num_features,).
    Keeps no running statistics: training and eval are the same.
    Raises ShapeError for other shapes, and for a single value per channel.
    Ulyanov, Vedaldi & Lempitsky 2016, arXiv:1607.08022.

    >>> import numpy as np
    >>> InstanceNorm1d(1, eps=0)(np.array([[[1.0, 3.0]]])).tolist()
    [[[-1.0, 1.0]]]
    """

    axes = "L"


class InstanceNorm2d(_InstanceNorm):
    """y = (x - mean) / sqrt(var + eps), each channel of each example over its pixels.

    x: (N, num_features, H, W).   Otherwise as `InstanceNorm1d`.

    >>> import numpy as np
    >>> InstanceNorm2d(1, eps=0)(np.array([[[[1.0, 3.0]]]])).tolist()
    [[[[-1.0, 1.0]]]]
    """

    axes = "H, W"
