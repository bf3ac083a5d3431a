"""Drawings of computation graphs: every node and edge, as Mermaid and as well-formed SVG."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet import nn
from minnet.drawing import HEIGHT, WIDTH, _places, graph
from minnet.errors import DTypeError, GraphError, ValueRangeError


def network():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Residual(nn.Linear(4, 4, rng=1)))
    loss = F.cross_entropy(model(np.ones((2, 3), "f")), np.array([0, 1]))
    return loss, dict(model.named_parameters())


def test_every_operation_leaf_and_edge_is_drawn_once():
    loss, names = network()
    boxes = graph(loss, names=names).boxes
    leaves = [box.label for box in boxes if box.leaf]
    assert sorted(leaves) == ["0.bias", "0.weight", "2.body.bias", "2.body.weight"]
    made = [box.label for box in boxes if not box.leaf]
    assert made == ["linear", "relu", "linear", "add", "label_cross_entropy"]
    assert boxes[-1].size == "scalar" and boxes[-2].size == "2 x 4"
    add = boxes[-2]
    assert [boxes[i].label for i in add.inputs] == ["linear", "relu"]
    for k, box in enumerate(boxes):
        assert all(i < k for i in box.inputs)


def test_a_tensor_used_twice_has_two_arrows():
    x = mn.tensor([1.0, 2.0], requires_grad=True)
    drawing = graph((x * x).sum())
    assert drawing.mermaid().count("n0 --> n1") == 2
    assert drawing.svg().count("marker-end") == 3


def test_svg_is_well_formed_and_boxes_do_not_overlap():
    loss, names = network()
    drawing = graph(loss, names={'<odd & "name">': names["0.weight"]})
    root = ET.fromstring(drawing.svg())
    boxes = root.findall(".//{http://www.w3.org/2000/svg}rect")
    assert len(boxes) == len(drawing.boxes)
    width, height = float(root.get("width")), float(root.get("height"))
    corners = [(float(b.get("x")), float(b.get("y"))) for b in boxes]
    for k, (x, y) in enumerate(corners):
        assert 0 <= x <= width - WIDTH and 0 <= y <= height - HEIGHT
        for u, v in corners[:k]:
            assert abs(x - u) >= WIDTH or abs(y - v) >= HEIGHT
    for (_, y), box in zip(_places(drawing.boxes), drawing.boxes, strict=True):
        assert all(_places(drawing.boxes)[i][1] < y for i in box.inputs)


def test_deep_graphs_do_not_recurse_and_large_ones_are_refused():
    x = y = mn.tensor(1.0, requires_grad=True)
    for _ in range(3000):
        y = y + 1.0
    assert len(graph(y, most=4000).boxes) == 3001
    with pytest.raises(ValueRangeError, match="3001 boxes, more than 500"):
        graph(y)
    assert x.grad is None


def test_errors():
    x = mn.tensor(2.0, requires_grad=True)
    y = x * x
    y.backward()
    with pytest.raises(GraphError, match="not freed: draw it before"):
        graph(y)
    with pytest.raises(GraphError, match="requires gradients"):
        graph(x)
    with pytest.raises(DTypeError, match="needs a Tensor, got float"):
        graph(1.0)
