"""Activations as layers; the formulas live in `minnet.functional.activation`."""

from __future__ import annotations

from .. import functional as F
from ..backend import Array
from .module import Module

__all__ = [
    "ELU",
    "GELU",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


class ReLU(Module):
    """max(x, 0).

    >>> import numpy as np
    >>> ReLU()(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def forward(self, x: Array) -> Array:
        """relu(x)."""
        return F.relu(x)


class Tanh(Module):
    """(e^x - e^-x) / (e^x + e^-x).

    >>> float(Tanh()(0.0))
    0.0
    """

    def forward(self, x: Array) -> Array:
        """tanh(x)."""
        return F.tanh(x)


class Sigmoid(Module):
    """1 / (1 + e^-x).

    >>> float(Sigmoid()(0.0))
    0.5
    """

    def forward(self, x: Array) -> Array:
        """sigmoid(x)."""
        return F.sigmoid(x)


class Softplus(Module):
    """log(1 + e^x).

    >>> round(float(Softplus()(0.0)), 4)
    0.6931
    """

    def forward(self, x: Array) -> Array:
        """softplus(x)."""
        return F.softplus(x)


class SiLU(Module):
    """x sigmoid(x).

    >>> float(SiLU()(0.0))
    0.0
    """

    def forward(self, x: Array) -> Array:
        """silu(x)."""
        return F.silu(x)


class SELU(Module):
    """scale (x if x > 0 else alpha (e^x - 1)), constants of Klambauer et al. 2017.

    >>> float(SELU()(0.0))
    0.0
    """

    def forward(self, x: Array) -> Array:
        """selu(x)."""
        return F.selu(x)


class LeakyReLU(Module):
    """x if x > 0 else negative_slope x.

    >>> import numpy as np
    >>> LeakyReLU(0.5)(np.array([-1.0, 2.0])).tolist()
    [-0.5, 2.0]
    """

    def __init__(self, negative_slope: float = 0.01):
        self.negative_slope = negative_slope

    def forward(self, x: Array) -> Array:
        """leaky_relu(x)."""
        return F.leaky_relu(x, negative_slope=self.negative_slope)

    def describe(self) -> str:
        """The slope below 0."""
        return f"{self.negative_slope}"


class ELU(Module):
    """x if x > 0 else alpha (e^x - 1).

    >>> import numpy as np
    >>> ELU()(np.array([0.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0):
        self.alpha = alpha

    def forward(self, x: Array) -> Array:
        """elu(x)."""
        return F.elu(x, alpha=self.alpha)

    def describe(self) -> str:
        """alpha."""
        return f"{self.alpha}"


class GELU(Module):
    """x Phi(x), Phi the normal distribution function; approximate="tanh" for the fast form.

    >>> float(GELU()(0.0))
    0.0
    """

    def __init__(self, approximate: str = "none"):
        self.approximate = approximate

    def forward(self, x: Array) -> Array:
        """gelu(x)."""
        return F.gelu(x, approximate=self.approximate)

    def describe(self) -> str:
        """The form, unless it is the exact one."""
        return "" if self.approximate == "none" else self.approximate


class Softmax(Module):
    """e^x / sum e^x along an axis.   Losses take logits: put none before `cross_entropy`.

    >>> import numpy as np
    >>> Softmax()(np.zeros((1, 2))).tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, axis: int = -1):
        self.axis = axis

    def forward(self, x: Array) -> Array:
        """softmax(x)."""
        return F.softmax(x, axis=self.axis)

    def describe(self) -> str:
        """The axis that sums to 1."""
        return f"axis={self.axis}"


class LogSoftmax(Softmax):
    """x - log sum e^x along an axis.

    >>> import numpy as np
    >>> np.exp(LogSoftmax()(np.zeros((1, 2)))).tolist()
    [[0.5, 0.5]]
    """

    def forward(self, x: Array) -> Array:
        """log_softmax(x)."""
        return F.log_softmax(x, axis=self.axis)
