"""Derivatives as functions: gradients, Jacobians, Hessians and their products."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .backend import array_module
from .errors import DTypeError, GraphError
from .modes import enable_grad
from .tensor import Node, Tensor, seed, sweep, tensor

__all__ = ["grad", "hessian", "hvp", "jacobian"]


def grad(
    y: Tensor,
    x: Tensor | Iterable[Tensor],
    g: Any = None,
    *,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> Any:
    """Return dy/dx for each x, and touch no ``.grad``.

    x: one tensor, or several (then a list is returned).   g: upstream gradient, 1 for a scalar y.
    create_graph: the result can be differentiated again.   allow_unused: zeros, instead of
    GraphError, for an x that y was not computed from.

    >>> x = tensor(3.0, requires_grad=True)
    >>> dx = grad(x * x * x, x, create_graph=True)
    >>> dx.item(), grad(dx, x).item()
    (27.0, 18.0)
    """
    xs = [x] if isinstance(x, Tensor) else list(x) if isinstance(x, Iterable) else []
    if not isinstance(y, Tensor) or not xs or not all(isinstance(t, Tensor) for t in xs):
        raise DTypeError(
            f"grad needs a tensor y and one or more tensors x, got {type(y).__name__} and "
            f"{type(x).__name__}: make them with minnet.tensor(..., requires_grad=True)."
        )
    keep = create_graph if retain_graph is None else retain_graph
    root, wanted = y._node or y, {t._node or t for t in xs}
    upstream, useful = seed(y, g, create_graph), _on_the_way(root, wanted)
    found = sweep(y, upstream, keep=keep, graph=create_graph, wanted=wanted, useful=useful)
    missing = [k for k, t in enumerate(xs) if (t._node or t) not in found]
    if missing and not allow_unused:
        raise GraphError(
            f"grad found no way from y to x[{missing[0]}]: it was not used, or does not require "
            "gradients. Pass allow_unused=True for zeros."
        )
    out = [
        _zeros(t) if k in missing else found[t._node or t] for k, t in enumerate(xs)
    ]
    return out[0] if isinstance(x, Tensor) else out


def _on_the_way(root: Any, wanted: set) -> set:
    """The nodes between root and the wanted ones: parents come before children in birth order."""
    seen, stack = {root}, [root]
    while stack:
        for parent in getattr(stack.pop(), "parents", ()):
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    useful = set(wanted)
    for node in sorted((n for n in seen if isinstance(n, Node)), key=lambda n: n.birth):
        if any(parent in useful for parent in node.parents):
            useful.add(node)
    return useful


def _variable(x: Any) -> Tensor:
    return tensor(x, requires_grad=True)


def hvp(f: Callable[[Tensor], Tensor], x: Any, v: Any) -> Tensor:
    """Hessian-vector product: the gradient of <grad f(x), v>, without forming the Hessian.

    >>> hvp(lambda x: (x * x * x).sum(), [1.0, 2.0], [1.0, 0.0])
    tensor([6., 0.])
    """
    x = _variable(x)
    dx = _slopes(f, x)
    if not dx.requires_grad:
        return _zeros(x)
    return grad(dx, x, tensor(v, dtype=x.dtype), allow_unused=True)


def jacobian(f: Callable[[Tensor], Tensor], x: Any) -> Tensor:
    """J[i.., j..] = dy_i / dx_j for y = f(x): shape y.shape + x.shape, one backward per output.

    >>> jacobian(lambda x: x * x, [1.0, 2.0]).numpy()
    array([[2., 0.],
           [0., 4.]])
    """
    x = _variable(x)
    with enable_grad():
        return _rows(f(x), x)


def hessian(f: Callable[[Tensor], Tensor], x: Any) -> Tensor:
    """H[i.., j..] = d2f / dx_i dx_j of a scalar f: shape x.shape + x.shape.

    >>> hessian(lambda x: (x * x * x).sum(), [1.0, 2.0]).numpy()
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    x = _variable(x)
    return _rows(_slopes(f, x), x)


def _slopes(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """grad f(x), to be differentiated again; zeros if f does not depend on x."""
    with enable_grad():
        y = f(x)
    if isinstance(y, Tensor) and not y.requires_grad:
        return _zeros(x)
    return grad(y, x, create_graph=True, allow_unused=True)


def _zeros(x: Tensor) -> Tensor:
    return Tensor(array_module(x._data).zeros_like(x._data))


def _rows(y: Tensor, x: Tensor) -> Tensor:
    """Stack grad(y_i, x) for every element y_i."""
    if not isinstance(y, Tensor):
        raise DTypeError(f"jacobian needs f(x) to be a tensor, got {type(y).__name__}.")
    xp = array_module(x._data)
    rows = xp.zeros((y.size, *x.shape), x.dtype)
    if y.requires_grad:
        for i in range(y.size):
            e_i = xp.zeros(y.size, y.dtype)
            e_i[i] = 1
            e_i = e_i.reshape(y.shape)
            rows[i] = grad(y, x, e_i, retain_graph=True, allow_unused=True)._data
    return Tensor(rows.reshape(y.shape + x.shape))
