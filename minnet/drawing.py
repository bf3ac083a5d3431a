"""The graph behind a tensor as a picture: Mermaid text or SVG, without another program.

Boxes are operations, rounded boxes are leaves; arrows point from what was used to what it made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import inf
from typing import Any

from .errors import DTypeError, GraphError, ValueRangeError
from .tensor import Node, Tensor

__all__ = ["Drawing", "graph"]

WIDTH, HEIGHT, GAP_X, GAP_Y = 120, 40, 30, 30  # pixels of a box, and between boxes
LEAF, OPERATION, INK = "#CFE8F7", "#FFFFFF", "#333333"


@dataclass(frozen=True)
class Box:
    """One operation or leaf.   inputs: positions of the boxes it was made from."""

    label: str
    shape: tuple[int, ...]
    leaf: bool
    inputs: tuple[int, ...]

    @property
    def size(self) -> str:
        """The shape as "2 x 3"; "scalar" for none."""
        return " x ".join(map(str, self.shape)) or "scalar"


@dataclass(frozen=True)
class Drawing:
    """A computation graph, inputs before what was made from them; a notebook shows it as SVG."""

    boxes: tuple[Box, ...]

    def mermaid(self) -> str:
        """The graph in Mermaid's language (mermaid.js.org), top down."""
        lines = ["flowchart TD"]
        for k, box in enumerate(self.boxes):
            text = f'"{box.label.replace(chr(34), chr(39))}<br>{box.size}"'
            lines.append(f"  n{k}({text})" if box.leaf else f"  n{k}[{text}]")
        lines += [f"  n{i} --> n{k}" for k, box in enumerate(self.boxes) for i in box.inputs]
        return "\n".join(lines) + "\n"

    def svg(self) -> str:
        """The graph as SVG text."""
        places = _places(self.boxes)
        width = max(x for x, _ in places) + WIDTH + GAP_X
        height = max(y for _, y in places) + HEIGHT + GAP_Y
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}" font-family="sans-serif" font-size="12">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
            f'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="{INK}"/></marker>'
            "</defs>",
        ]
        for k, box in enumerate(self.boxes):
            parts += [_arrow(places[i], places[k]) for i in box.inputs]
        parts += [_rectangle(box, *places[k]) for k, box in enumerate(self.boxes)]
        return "\n".join([*parts, "</svg>"]) + "\n"

    _repr_svg_ = svg

    def __str__(self) -> str:
        return self.mermaid()


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    """From the bottom of a box to the top of another; a skip goes around the boxes between."""
    (x1, y1), (x2, y2) = start, end
    if y2 - y1 > HEIGHT + GAP_Y and abs(x2 - x1) < GAP_X:
        y1, y2, bow = y1 + HEIGHT / 2, y2 + HEIGHT / 2, min(x1, x2) - GAP_X
        curve = f"M{x1:g} {y1:g}C{bow:g} {y1:g} {bow:g} {y2:g} {x2:g} {y2:g}"
    else:
        x1, y1, x2 = x1 + WIDTH / 2, y1 + HEIGHT, x2 + WIDTH / 2
        bend = GAP_Y / 2
        curve = f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    return f'<path d="{curve}" fill="none" stroke="{INK}" marker-end="url(#tip)"/>'


def _rectangle(box: Box, x: float, y: float) -> str:
    colour, radius = (LEAF, HEIGHT / 2) if box.leaf else (OPERATION, 3)
    label = box.label if len(box.label) <= 18 else "…" + box.label[-17:]
    middle = x + WIDTH / 2
    return (
        f'<g><title>{escape(box.label)} {box.size}</title><rect x="{x:g}" y="{y:g}" '
        f'width="{WIDTH}" height="{HEIGHT}" rx="{radius:g}" fill="{colour}" stroke="{INK}"/>'
        f'<text x="{middle:g}" y="{y + 17:g}" text-anchor="middle">{escape(label)}</text>'
        f'<text x="{middle:g}" y="{y + 32:g}" text-anchor="middle" fill="#666666">{box.size}</text>'
        "</g>"
    )


def _places(boxes: Sequence[Box]) -> list[tuple[float, float]]:
    """The upper left corner of each box: a row below its inputs, near the middle of them."""
    depth: list[int] = []
    for box in boxes:
        depth.append(1 + max((depth[i] for i in box.inputs), default=-1))
    for k in reversed(range(len(boxes))):  # a leaf stands just above its first user
        users = [depth[j] for j, box in enumerate(boxes) if k in box.inputs]
        if boxes[k].leaf and users:
            depth[k] = min(users) - 1
    x: dict[int, float] = {}
    for level in range(max(depth) + 1):
        row = [k for k, d in enumerate(depth) if d == level]
        wish = {k: _middle(boxes, k, x) for k in row}
        left = 0.0
        for k in sorted(row, key=lambda k: (wish[k], k)):  # leaves stand at the right
            x[k] = left if wish[k] == inf else max(left, wish[k])
            left = x[k] + WIDTH + GAP_X
    return [(GAP_X + x[k], GAP_Y / 2 + depth[k] * (HEIGHT + GAP_Y)) for k in range(len(boxes))]


def _middle(boxes: Sequence[Box], k: int, x: Mapping[int, float]) -> float:
    """The mean place of a box's inputs, of its leaves only if it has no others; inf for a leaf."""
    inputs = [i for i in boxes[k].inputs if not boxes[i].leaf] or boxes[k].inputs
    return sum(x[i] for i in inputs) / len(inputs) if inputs else inf


def graph(y: Tensor, *, names: Mapping[str, Any] | None = None, most: int = 500) -> Drawing:
    """Draw what a tensor was computed from; call it before backward, which frees the graph.

    names: {name: tensor} for the leaves, such as dict(model.named_parameters()).   most: refuse a
    graph of more boxes than this.
    Raises DTypeError for what is no Tensor, GraphError without a graph or for one that was freed,
    ValueRangeError for one that is too large to be seen.

    >>> from minnet import tensor
    >>> W = tensor([[1.0], [2.0]], requires_grad=True)
    >>> print(graph((tensor([[3.0, 4.0]]) @ W).sum(), names={"W": W}))
    flowchart TD
      n0("W<br>2 x 1")
      n1["matmul<br>1 x 1"]
      n2["sum<br>scalar"]
      n0 --> n1
      n1 --> n2
    <BLANKLINE>
    """
    if not isinstance(y, Tensor):
        raise DTypeError(f"graph needs a Tensor, got {type(y).__name__}.")
    if y._node is None:
        raise GraphError("graph needs a tensor computed from one that requires gradients.")
    known = {id(t): name for name, t in (names or {}).items()}
    found = _ancestors(y._node)
    if len(found) > most:
        raise ValueRangeError(
            f"graph found {len(found)} boxes, more than {most}: draw a smaller model, or raise "
            "most."
        )
    position = {id(item): k for k, item in enumerate(found)}
    return Drawing(tuple(_box(item, position, known) for item in found))


def _ancestors(root: Node) -> list[Any]:
    """All nodes and leaves that root was made from, each after what it was made from."""
    seen: dict[int, Any] = {id(root): root}
    order: dict[int, int] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        order[id(node)] = node.birth
        if not node.values:
            raise GraphError("graph needs a graph that backward has not freed: draw it before.")
        for parent in node.parents:
            if parent is not None and id(parent) not in seen:
                seen[id(parent)] = parent
                if isinstance(parent, Node):
                    stack.append(parent)
    leaves = [item for item in seen.values() if not isinstance(item, Node)]
    nodes = [item for item in seen.values() if isinstance(item, Node)]
    return leaves + sorted(nodes, key=lambda node: order[id(node)])


def _box(item: Any, position: Mapping[int, int], names: Mapping[int, str]) -> Box:
    if not isinstance(item, Node):
        return Box(names.get(id(item), "leaf"), item.shape, True, ())
    inputs = tuple(position[id(p)] for p in item.parents if p is not None)
    return Box(item.op.name.lstrip("_"), item.shape, False, inputs)
