"""A model in figures: what each layer puts out, how many parameters and multiplications it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from html import escape
from math import prod
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..modes import no_grad, observe
from ..tensor import Op, Parameter, Tensor
from .module import Module

__all__ = ["Summary", "SummaryRow", "summary"]


@dataclass
class SummaryRow:
    """One module.   parameters and multiply_adds: its own, without those of modules inside it.

    name: its path, "" for the model.   calls: how often it was called in one forward pass.
    output: shape of what it returned last, or a tuple of shapes.   leaf: it called no other module.
    """

    name: str
    layer: str
    output: Any = None
    parameters: int = 0
    multiply_adds: int = 0
    calls: int = 0
    leaf: bool = True
    output_bytes: int = 0


@dataclass
class Summary:
    """What `summary` found; it prints as a table.   Sizes are in bytes, for the given input."""

    input_shape: tuple[int, ...]
    rows: list[SummaryRow] = field(default_factory=list)
    parameters: int = 0
    trainable: int = 0
    parameter_bytes: int = 0

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one forward pass: products of matrices and convolutions."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def output_bytes(self) -> int:
        """Bytes of the outputs of all layers that call no others."""
        return sum(row.output_bytes for row in self.rows if row.leaf)

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain numbers."""
        names = "input_shape", "parameters", "trainable", "multiply_adds"
        figures = {name: getattr(self, name) for name in names}
        sizes = {"parameter_bytes": self.parameter_bytes, "output_bytes": self.output_bytes}
        return {**figures, **sizes, "rows": [asdict(row) for row in self.rows]}

    def _cells(self) -> list[tuple[str, ...]]:
        table: list[tuple[str, ...]] = [("layer", "output", "parameters", "multiply-adds")]
        for row in self.rows:
            indent = "  " * (row.name.count(".") + 1 if row.name else 0)
            name = row.name.rpartition(".")[2]
            label = indent + (f"{name}: {row.layer}" if name else row.layer)
            shape = "-" if row.output is None else str(row.output)
            table.append((label, shape, f"{row.parameters:,}", f"{row.multiply_adds:,}"))
        return table

    def _totals(self) -> list[str]:
        return [
            f"input {self.input_shape}",
            f"{self.parameters:,} parameters ({self.trainable:,} trained), "
            f"{self.multiply_adds:,} multiply-adds",
            f"parameters {_size(self.parameter_bytes)}, outputs {_size(self.output_bytes)}",
        ]

    def __repr__(self) -> str:
        table = self._cells()
        widths = [max(len(row[k]) for row in table) for k in range(4)]
        lines = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}"
            for a, b, c, d in table
        ]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:], rule, *self._totals()])

    def _repr_html_(self) -> str:
        head, *body = self._cells()
        cell = lambda tag, k, text: (
            f"<{tag} style='text-align:{'left' if k < 2 else 'right'};white-space:pre'>"
            f"{escape(text)}</{tag}>"
        )
        rows = [("th", head), *(("td", row) for row in body)]
        lines = "".join(
            f"<tr>{''.join(cell(tag, k, text) for k, text in enumerate(row))}</tr>"
            for tag, row in rows
        )
        return f"<table>{lines}</table><p>{'<br>'.join(map(escape, self._totals()))}</p>"


def _size(n: int) -> str:
    return f"{n / 1e6:.2f} MB" if n >= 1e5 else f"{n / 1e3:.2f} kB"


def summary(model: Module, input_shape: Sequence[int], *, dtype: Any = None) -> Summary:
    """Run the model once on zeros, in eval mode, and list its layers in figures.

    input_shape: with the batch axis.   dtype: of the input; that of the first parameter if None;
    "int64" for a model that takes token ids.
    Layers, modes, parameters and statistics are as before afterwards.
    Raises what the model raises for such an input.

    >>> from minnet.nn import Linear, ReLU, Sequential
    >>> print(summary(Sequential(Linear(4, 3), ReLU()), (8, 4)))
    layer                output  parameters  multiply-adds
    ------------------------------------------------------
    Sequential()         (8, 3)           0              0
      0: Linear(4 -> 3)  (8, 3)          15             96
      1: ReLU()          (8, 3)           0              0
    ------------------------------------------------------
    input (8, 4)
    15 parameters (15 trained), 96 multiply-adds
    parameters 0.06 kB, outputs 0.19 kB
    """
    if not isinstance(model, Module):
        raise DTypeError(f"summary needs a Module, got {type(model).__name__}.")
    shape = tuple(input_shape)
    if any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0 for n in shape):
        raise ShapeError(f"summary needs a shape with the batch axis, got {input_shape!r}.")
    params = model.parameters()
    dtype = dtype or (params[0].dtype if params else "float32")
    watch = _Watch(model)
    x = Tensor(np.zeros(shape, dtype))
    with watch.attached(), no_grad(), observe(watch):
        model(x)
    sizes = [(p.size, p.size * p.dtype.itemsize, p.requires_grad) for p in params]
    return Summary(
        shape,
        list(watch.rows.values()),
        parameters=sum(n for n, _, _ in sizes),
        trainable=sum(n for n, _, trained in sizes if trained),
        parameter_bytes=sum(b for _, b, _ in sizes),
    )


class _Watch:
    """Follows one forward pass: which module is at work, and what its operations multiply."""

    def __init__(self, model: Module):
        self.model, self.rows = model, {}  # type: Module, dict[int, SummaryRow]
        self.stack: list[SummaryRow] = []
        counted: set[int] = set()
        for name, module in model.named_modules():
            own = [p for p in module.__dict__.values() if isinstance(p, Parameter)]
            size = sum(p.size for p in own if id(p) not in counted)  # a tied one counts once
            counted.update(map(id, own))
            self.rows[id(module)] = SummaryRow(name, module.title(), parameters=size)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Every module tells when its forward begins and ends; eval mode; all undone afterwards."""
        modules = list(self.model.modules())
        before = [dict(module.__dict__) for module in modules]
        try:
            for module in modules:
                follow = self._follow(module, module.forward)
                module.__dict__.update(training=False, forward=follow)
            yield
        finally:
            for module, attributes in zip(modules, before, strict=True):
                module.__dict__.clear()
                module.__dict__.update(attributes)

    def _follow(self, module: Module, forward: Any) -> Any:
        row = self.rows[id(module)]

        def followed(*args: Any, **settings: Any) -> Any:
            self.stack.append(row)
            y = forward(*args, **settings)
            self.stack.pop()
            for outer in self.stack[-1:]:
                outer.leaf = False
            row.calls += 1
            row.output = _shapes(y)
            row.output_bytes += sum(a.size * a.dtype.itemsize for a in _arrays(y))
            return y

        return followed

    def on_op(self, op: Op, args: Sequence[Any], settings: dict, y: Tensor) -> None:
        """Add the operation's multiply-adds to the module at work."""
        count = MULTIPLY_ADDS.get(op.name)
        if count is not None and self.stack:
            self.stack[-1].multiply_adds += count(y.size, *[np.shape(a) for a in args])


# operation: its multiply-adds, from the size of y and the arguments' shapes
MULTIPLY_ADDS: dict[str, Any] = {
    "linear": lambda y, x, W, *b: y * W[0],
    "matmul": lambda y, a, b: y * a[-1],
    "conv2d": lambda y, x, w, *b: y * prod(w[1:]),
    "_conv2d_input": lambda y, d, w: prod(d) * prod(w[1:]),
    "recurrence": lambda y, x, s, W, R, *b: x[0] * x[1] * (prod(W) + prod(R)),
}


def _arrays(y: Any) -> list[Any]:
    """All arrays of a nested output."""
    if isinstance(y, (tuple, list)):
        return [a for part in y for a in _arrays(part)]
    return [y] if hasattr(y, "dtype") else []


def _shapes(y: Any) -> Any:
    """Its shape, or a tuple of them."""
    if isinstance(y, (tuple, list)):
        return tuple(_shapes(part) for part in y)
    return getattr(y, "shape", None)
