"""CUDA kernels, where one pass over memory replaces several; nothing here runs on the CPU.

The formulas stay where they are read.  When a module that can compile kernels (CuPy) is
registered, `install` puts kernels in front of them: a kernel takes the arrays of that module it
was written for, float32 and float64, and leaves all others, and all gradients of gradients, to the
formula.

A bias alone has no kernel: the product is cuBLAS's, and ``y += b`` behind it is one launch already.
Joined with the activation after it (`minnet.functional.bias_activation`) it saves a pass.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from ..backend import Array, array_module, gpus, sum_axes
from ..functional import activation
from ..functional.bias import _activated
from ..functional.dropout import _seeded_dropout
from ..functional.elementwise import tanh
from ..functional.gelu import _gelu, _gelu_tanh
from ..functional.norm import _batch_norm, _products, _Rows, _standard_rows, _statistics
from ..tensor import Op
from .activations import BACKWARD, FORWARD, WITH_BIAS
from .images import SCALE_SHIFT, TWO_SCALES, gather_columns, gather_images
from .noise import DROPOUT, NOISE, counted_uniform, dropout
from .optimizer import fuse
from .rows import ROWS
from .scatter import SCATTER_ROWS, scatter_rows
from .source import Elementwise, Rowwise, is_plain

__all__ = ["ALL", "Elementwise", "Rowwise", "install"]

ALL: list[Elementwise | Rowwise] = [
    *FORWARD.values(), *BACKWARD.values(), *WITH_BIAS.values(), *ROWS.values(), DROPOUT, NOISE,
    SCALE_SHIFT, TWO_SCALES, SCATTER_ROWS,
]  # fmt: skip

_in_front: set[int] = set()  # ids of the operations that have their kernels


def install(module: Any) -> None:
    """Let the kernels work for the arrays of a module, if it can compile them."""
    if not hasattr(module, "ElementwiseKernel"):
        return
    gpus.fused.update(
        bias_activation=_with_bias,
        columns=gather_columns,
        images=gather_images,
        update=fuse,
        counted_uniform=counted_uniform,
        scatter_rows=scatter_rows,
    )
    for op, forward, backward in _table():
        if id(op) not in _in_front:
            _in_front.add(id(op))
            op.fn = _either(forward, op.fn) if forward else op.fn
            op.vjps["x"] = _either(backward, op.vjps["x"]) if backward else op.vjps["x"]


def _table() -> list[tuple[Op, Callable | None, Callable | None]]:
    """(operation, its kernel, the kernel of its gradient for x)."""
    named = [(getattr(activation, name), name) for name in ("relu", "sigmoid", "silu", "softplus")]
    named += [(tanh, "tanh"), (_gelu, "gelu"), (_gelu_tanh, "gelu_tanh")]
    table: list[tuple[Op, Any, Any]] = [(op, FORWARD.get(n), BACKWARD.get(n)) for op, n in named]
    for name, setting, default in ("elu", "alpha", 1.0), ("leaky_relu", "negative_slope", 0.01):
        forward = partial(_with_setting, FORWARD[name], setting, default)
        table.append((getattr(activation, name), forward, BACKWARD[name]))
    for name in "softmax", "log_softmax":
        slope = partial(_along_last, ROWS[f"{name}_slope"])
        table.append((getattr(activation, name), partial(_softmax, ROWS[name]), slope))
    table.append((_activated, _with_bias, None))  # its gradient is that of the activation
    table.append((_seeded_dropout, dropout, None))  # its gradient is itself
    table.append((_standard_rows, _rows, _rows_slope))
    return [*table, (_batch_norm, _normalized, _normalized_slope)]


def _either(kernel: Callable, formula: Any) -> Callable:
    """The kernel for the arrays it knows, else the formula."""

    @wraps(formula)
    def run(*args: Any, **settings: Any) -> Any:
        arrays = [a for a in args if hasattr(a, "dtype")]
        if gpus.fused and array_module(*arrays) is gpus.module and is_plain(*arrays):
            y = kernel(*args, **settings)
            if y is not NotImplemented:
                return y
        return formula(*args, **settings)

    return run


def _with_setting(kernel: Elementwise, name: str, default: float, x: Array, **settings: Any) -> Any:
    return kernel(x, settings.get(name, default))


def _with_bias(x: Array, *, bias: Array, activation: str) -> Any:
    """b lies along the last axis or, with axes behind it, along axis 1: channels of images."""
    if not is_plain(x, bias) or bias.ndim not in (1, x.ndim - 1):
        return NotImplemented
    kernel = WITH_BIAS[activation]
    return kernel(x, bias) if bias.ndim == 1 else _first(kernel(_last(x), bias.reshape(-1)))


def _softmax(kernel: Rowwise, x: Array, *, axis: Any = -1) -> Any:
    return kernel(x) if _is_last(x, axis) else NotImplemented


def _along_last(kernel: Rowwise, g: Array, y: Array, axis: Any) -> Any:
    return kernel(g, y) if _is_last(y, axis) else NotImplemented


def _is_last(x: Array, axis: Any) -> bool:
    return axis in (-1, x.ndim - 1) and x.size > 0


def _rows(x: Array, *, eps: float) -> Any:
    return ROWS["standard_rows"](x, eps) if x.size else NotImplemented


def _rows_slope(g: Array, x: Array, y: Array, eps: float) -> Any:
    return ROWS["standard_rows_slope"](g, x, y, eps) if x.size else NotImplemented


def _normalized(
    x: Array, gamma: Any = None, beta: Any = None, *, mean: Any = None, var: Any = None,
    training: bool = True, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """y = x scale + shift, with scale and shift per channel."""
    mean, var = _statistics(x, mean, var, training)
    scale = (1 if gamma is None else gamma) / array_module(x).sqrt(var + eps)
    shift = (0 if beta is None else beta) - mean * scale
    scale, shift = (v.astype(x.dtype, copy=False) for v in (scale, shift))
    return _first(SCALE_SHIFT(_last(x), scale, shift))


def _normalized_slope(
    g: Array, x: Array, gamma: Any, mean: Any, var: Any, training: bool, eps: float
) -> Any:
    """scale (g - mean(g)) - (x - mean) slope, as in `minnet.functional.norm`."""
    if not training:
        return NotImplemented
    mean, var = _statistics(x, mean, var, training)
    n, gs = x.size // x.shape[1], _Rows(g)
    scale = (1 if gamma is None else gamma) / array_module(x).sqrt(var + eps)
    slope = scale / (var + eps) * _products(gs, _Rows(x), mean) / n
    shift = slope * mean - scale * gs.summed(sum_axes(gs.data, 0)) / n
    return _first(TWO_SCALES(_last(g), _last(x), scale, slope, shift))


def _last(x: Array) -> Array:
    """(N, C, ...) -> (N, ..., C), a view: channels-last memory stays as it is."""
    return array_module(x).moveaxis(x, 1, -1) if x.ndim > 2 else x


def _first(x: Array) -> Array:
    """The inverse of `_last`."""
    return array_module(x).moveaxis(x, -1, 1) if x.ndim > 2 else x
