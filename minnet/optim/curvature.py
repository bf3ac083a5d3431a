"""The Hessian of a loss with respect to parameters: what it costs, its products, its top.

A loss here is a function without arguments that computes it from the parameters:
``lambda: F.cross_entropy(model(x), y)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backend import array_module, as_generator, normal
from ..derivatives import grad
from ..errors import DTypeError, ShapeError
from ..functional import concatenate
from ..tensor import Tensor

__all__ = ["Objective", "hessian_bytes", "power_iteration", "top_eigenvalue"]

Array = Any
Loss = Callable[[], Tensor]


def hessian_bytes(parameters: int, dtype: Any = "float32") -> int:
    """Return the memory of a Hessian: parameters^2 numbers.

    >>> hessian_bytes(1_000_000) / 2**30                 # GiB for a small network
    3725.290298461914
    """
    return parameters**2 * np.dtype(dtype).itemsize


class Objective:
    """A loss as a function of theta, one row of all parameters.

    >>> from minnet import tensor
    >>> x, y = (tensor(v, requires_grad=True) for v in ([1.0, 2.0], 3.0))
    >>> f = Objective([x, y], lambda: (x * x).sum() * y)
    >>> f.value_and_gradient()
    (15.0, array([ 6., 12.,  5.]))
    >>> f.hessian()
    array([[6., 0., 2.],
           [0., 6., 4.],
           [2., 4., 0.]])
    """

    def __init__(self, params: Sequence[Tensor], loss: Loss):
        if not callable(loss):
            raise DTypeError(
                "a second-order method needs the loss as a function without arguments, got "
                f"{type(loss).__name__}: pass lambda: loss_fn(model(x), y)."
            )
        self.params, self.loss = list(params), loss
        self.ends = np.cumsum([p.size for p in self.params])

    @property
    def theta(self) -> Array:
        """A copy of the parameters; assigning moves them."""
        xp = array_module(self.params[0]._data)
        return xp.concatenate([p._data.reshape(-1) for p in self.params])

    @theta.setter
    def theta(self, row: Array) -> None:
        for p, part in zip(self.params, self.parts(row), strict=True):
            p.data = part

    def parts(self, row: Array) -> list[Array]:
        """Cut a row into arrays like the parameters."""
        starts = [0, *self.ends[:-1]]
        rows = [row[i:j] for i, j in zip(starts, self.ends, strict=True)]
        return [
            r.reshape(p.shape).astype(p.dtype) for p, r in zip(self.params, rows, strict=True)
        ]

    def value_and_gradient(self) -> tuple[float, Array]:
        """f(theta) and its gradient, a row."""
        y = self._computed()
        return y.item(), self._row(y)._data

    def hessian(self) -> Array:
        """The matrix of second derivatives, one backward pass per row."""
        product = self.product()
        xp = array_module(self.params[0]._data)
        return xp.stack([product(e) for e in xp.eye(int(self.ends[-1]), dtype=self.theta.dtype)])

    def product(self) -> Callable[[Array], Array]:
        """Return v -> H v, at the theta of now, without forming H."""
        g = self._row(self._computed(), create_graph=True)
        if not g.requires_grad:
            return lambda v: array_module(v).zeros_like(v)
        return lambda v: self._row(g, v, retain_graph=True)._data

    def _computed(self) -> Tensor:
        y = self.loss()
        if not isinstance(y, Tensor) or y.size != 1:
            raise ShapeError(f"a second-order method needs a loss of one number, got {y!r}.")
        return y

    def _row(self, y: Tensor, *g: Any, **settings: Any) -> Tensor:
        """The gradient of y with respect to all parameters, as one row."""
        grads = grad(y, self.params, *g, allow_unused=True, **settings)
        return concatenate([x.reshape(-1) for x in grads])


def power_iteration(
    product: Callable[[Array], Array], v: Array, *, iterations: int = 1000, tolerance: float = 1e-6
) -> tuple[float, Array]:
    """Return the eigenvalue of largest magnitude of a symmetric matrix, and its unit vector.

    product: v -> A v.   v: where to begin, not 0.   Stops when |A v - h v| <= tolerance |h|.
    von Mises & Pollaczek-Geiringer 1929.

    >>> import numpy as np
    >>> A = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> h, v = power_iteration(lambda v: A @ v, np.array([1.0, 0.0]))
    >>> round(h, 6), (v / v[0]).round(3)
    (3.0, array([1., 1.]))
    """
    h = 0.0
    for _ in range(iterations):
        v = v / (v @ v) ** 0.5
        Av = product(v)
        h, residual = float(v @ Av), Av - float(v @ Av) * v
        if float(residual @ residual) ** 0.5 <= tolerance * abs(h):
            break
        v = Av
    return h, v / (v @ v) ** 0.5


def top_eigenvalue(
    loss: Loss,
    params: Sequence[Tensor],
    *,
    iterations: int = 1000,
    tolerance: float = 1e-6,
    rng: np.random.Generator | int | None = None,
) -> tuple[float, Array]:
    """Return the eigenvalue h of largest magnitude of a loss's Hessian, and its unit vector.

    Gradient descent is stable along that vector for learning rates below 2/h.
    params: the parameters.   rng: draws the vector to begin with.   Needs one backward pass
    through the gradient for each of at most ``iterations`` products; see `power_iteration`.

    >>> from minnet import tensor
    >>> x = tensor([1.0, 1.0], requires_grad=True)
    >>> h, v = top_eigenvalue(lambda: (tensor([1.0, 50.0]) * x * x).sum(), [x], rng=0)
    >>> round(h, 3)
    100.0
    """
    f = Objective(params, loss)
    theta = f.theta
    start = normal(as_generator(rng), theta.shape, theta.dtype, theta)
    return power_iteration(f.product(), start, iterations=iterations, tolerance=tolerance)
