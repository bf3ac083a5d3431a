"""Module: what it finds, its modes, its state, and errors that change nothing."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet import nn
from minnet.errors import (
    DeviceError,
    DTypeError,
    IndexRangeError,
    ShapeError,
    StateError,
    ValueRangeError,
)
from tests.source import folder


class Net(nn.Module):
    """Two linear layers of one shape, a batch norm and a parameter of its own."""

    def __init__(self, rng=0, tied=False):
        self.first = nn.Linear(4, 4, rng=rng)
        self.norm = nn.BatchNorm1d(4)
        self.scale = mn.Parameter(np.full(4, 2.0, "float32"))
        self.second = nn.Sequential(nn.Tanh(), nn.Linear(4, 4, rng=rng))
        if tied:
            self.second[1].weight = self.first.weight

    def forward(self, x):
        return self.second(self.norm(self.first(x)) * self.scale)


NAMES = [
    "scale",
    "first.weight",
    "first.bias",
    "norm.weight",
    "norm.bias",
    "second.1.weight",
    "second.1.bias",
]
X = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")


def snapshot(net):
    return {**net.state_dict(), "training": [m.training for m in net.modules()]}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


# -------------------------------------------------------------------------------------------------
# What it finds


def test_parameters_are_found_in_order_of_assignment():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [p.shape for p in net.parameters()] == [p.shape for _, p in net.named_parameters()]
    assert [name for name, _ in net.named_modules()] == [
        "", "first", "norm", "second", "second.0", "second.1",
    ]
    assert [name for name, _ in net.named_children()] == ["first", "norm", "second"]


def test_order_does_not_depend_on_the_process():
    """PF-E10: names come in the same order under every hash seed."""
    code = "from tests.nn.test_module import Net; print([n for n, _ in Net().named_parameters()])"
    found = set()
    for seed in ("1", "2", "3"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        root = folder("tests").parent
        done = subprocess.run([sys.executable, "-c", code], env=env, cwd=root, capture_output=True)
        found.add(done.stdout.decode().strip())
    assert found == {str(NAMES)}


def test_buffers_are_not_parameters():
    """PF-D5: running statistics are saved but never trained."""
    net = Net()
    assert [name for name, _ in net.named_buffers()] == ["norm.running_mean", "norm.running_var"]
    assert not any(p is b for p in net.parameters() for b in net.buffers())
    assert set(net.state_dict()) == {*NAMES, "norm.running_mean", "norm.running_var"}


def test_a_buffer_stays_an_array():
    """A tensor would keep the graph of every step alive, and `backward` would meet freed ones."""
    norm = nn.BatchNorm1d(4)
    norm(X)
    mean = norm.running_mean
    for wrong in (mn.tensor(mean), 3.0, [0.0] * 4, None):
        with pytest.raises(DTypeError, match=r"running_mean is a buffer, got .*: assign an array"):
            norm.running_mean = wrong
    assert norm.running_mean is mean
    norm.running_mean = mean * 2
    assert np.array_equal(norm.state_dict()["running_mean"], mean * 2)


@pytest.mark.parametrize("kind", [list, dict])
def test_layers_put_into_a_list_later_are_not_silently_left_out(kind):
    class Stack(nn.Module):
        def __init__(self):
            self.first, self.layers, self.sizes = nn.Linear(4, 4, rng=0), kind(), [4, 4]
            for k in range(2):
                layer = nn.Linear(4, 4, rng=k)
                self.layers.append(layer) if kind is list else self.layers.update({k: layer})

    for use in ("parameters", "named_parameters", "state_dict", "zero_grad"):
        with pytest.raises(DTypeError, match=r"layers needs a ModuleList or Sequential"):
            getattr(Stack(), use)()


def test_a_layer_can_be_replaced():
    """Fine-tuning: another head, in the place and under the name of the old one."""
    net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.ReLU(), head=nn.Linear(3, 2, rng=0))
    first, names = net[0], [name for name, _ in net.named_parameters()]
    net[-1] = nn.Linear(3, 5, rng=1)
    net[1] = nn.Tanh()
    assert net(X).shape == (5, 5) and net["head"] is net[2] and net[0] is first
    assert [name for name, _ in net.named_parameters()] == names
    for index, layer, error, words in (
        (3, nn.ReLU(), IndexRangeError, "Sequential has no module 3: it has 0, 1, head"),
        ("tail", nn.ReLU(), IndexRangeError, "no module 'tail'"),
        (0, nn.ReLU, DTypeError, "the class ReLU: call it"),
    ):
        with pytest.raises(error, match=words):
            net[index] = layer
    assert len(net) == 3 and net[0] is first
    with pytest.raises(IndexError, match="no module -4"):
        net[-4]


def test_tied_parameters_are_one(tmp_path):
    """PF-E10: a tied weight appears once, and stays tied through to, astype, save, load, copy."""
    net = Net(tied=True)
    tied = lambda net: net.second[1].weight is net.first.weight
    assert [name for name, _ in net.named_parameters()] == [n for n in NAMES if n != NAMES[5]]
    weight = net.first.weight
    net.to("cpu").astype("float64").astype("float32")
    assert tied(net) and net.first.weight is weight
    np.savez(tmp_path / "net.npz", **net.state_dict())
    other = Net(rng=1, tied=True)
    with np.load(tmp_path / "net.npz") as state:
        other.load_state_dict(dict(state))
    assert tied(other) and same(snapshot(other), snapshot(net))
    assert tied(copy.deepcopy(net)) and tied(pickle.loads(pickle.dumps(net)))
    F.mse(net(X), X).backward()
    expected = Net(tied=False)
    expected.second[1].weight.data = weight.data.copy()
    F.mse(expected(X), X).backward()
    both = expected.first.weight.grad.numpy() + expected.second[1].weight.grad.numpy()
    np.testing.assert_allclose(weight.grad.numpy(), both, rtol=1e-5, atol=1e-7)


def test_a_shared_module_is_visited_once():
    layer = nn.Linear(2, 2, rng=0)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(net.parameters()) == 2 and len(list(net.modules())) == 3
    assert len(net) == 3


def test_every_parameter_and_the_input_get_a_gradient():
    """PF-D13 for a module of modules."""
    net, x = Net(), mn.tensor(X, requires_grad=True)
    (net(x) * np.random.default_rng(1).standard_normal((5, 4))).sum().backward()
    for name, p in [*net.named_parameters(), ("x", x)]:
        if name == "first.bias":  # batch norm subtracts it again
            assert abs(p.grad.numpy()).max() < 1e-5
        else:
            assert p.grad is not None and (p.grad.numpy() != 0).any(), name


def test_deepcopy_shares_nothing():
    net = Net()
    other = copy.deepcopy(net)
    before = snapshot(net)
    for p in other.parameters():
        p.data += 1
    other.norm.running_mean += 1
    assert same(snapshot(net), before)
    assert [name for name, _ in other.named_parameters()] == NAMES


# -------------------------------------------------------------------------------------------------
# Modes


def test_train_and_eval_reach_every_module():
    net = Net()
    assert all(m.training for m in net.modules())
    assert net.eval() is net and not any(m.training for m in net.modules())
    assert all(m.training for m in net.train().modules())


def test_eval_leaves_gradient_recording_alone():
    """PF-B12."""
    net = Net().eval()
    assert mn.is_grad_enabled()
    net(X).sum().backward()
    assert net.scale.grad is not None


def test_frozen_parameters_get_no_gradient():
    net = Net()
    net.first.requires_grad_(False)
    net(X).sum().backward()
    assert net.first.weight.grad is None and net.scale.grad is not None
    assert all(p.requires_grad for p in net.requires_grad_().parameters())


def test_zero_grad_and_apply():
    net, seen = Net(), []
    net(X).sum().backward()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.apply(seen.append)
    assert seen[-1] is net and {id(m) for m in seen} == {id(m) for m in net.modules()}


def test_observers_hear_of_module_calls():
    class Listener:
        calls = []

        def on_module(self, module, args, y):
            self.calls.append((type(module).__name__, args[0].shape, y.shape))

    net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.ReLU())
    with mn.observe(Listener()):
        net(X)
    net(X)
    shapes = [("Linear", (5, 4), (5, 3)), ("ReLU", (5, 3), (5, 3)), ("Sequential", (5, 4), (5, 3))]
    assert Listener.calls == shapes


# -------------------------------------------------------------------------------------------------
# Device, dtype, state


def test_astype_converts_in_place():
    net = Net()
    ids = [id(p) for p in net.parameters()]
    net(X).sum().backward()
    net.astype("float64")
    assert [id(p) for p in net.parameters()] == ids
    arrays = [a for p in net.parameters() for a in (p, p.grad)] + net.buffers()
    assert {str(a.dtype) for a in arrays} == {"float64"}
    assert net(X.astype("float64")).dtype == "float64"


def test_state_dict_is_a_copy_and_round_trips():
    net, other = Net(0), Net(1)
    net(X)
    state = net.state_dict()
    assert not same(snapshot(other), snapshot(net))
    assert other.load_state_dict(state) == ([], [])
    assert same(snapshot(other), snapshot(net))
    state["scale"] += 1
    assert same(snapshot(other), snapshot(net))


def test_load_keeps_the_dtype_and_identity_of_parameters():
    net = Net()
    weight, state = net.first.weight, Net(1).astype("float64").state_dict()
    net.load_state_dict(state)
    assert net.first.weight is weight and weight.dtype == "float32"
    np.testing.assert_allclose(weight.numpy(), state["first.weight"], rtol=1e-6)


def _state(**changes):
    state = {**Net(1).state_dict(), **changes}
    return {name: a for name, a in state.items() if a is not None}


BAD_STATES = [
    ({"scale": None}, StateError, r"Net\(\): the state lacks scale\."),
    ({"scal": 1, "scale": None}, StateError, r"unknown scal \(did you mean scale\?\)"),
    ({"extra": 1}, StateError, "has unknown extra.*strict=False"),
    (dict.fromkeys(NAMES), StateError, "lacks scale, first.weight, first.bias and 4 more"),
    ({"norm.running_var": np.ones(3)}, ShapeError, r"norm.running_var of shape \(4,\), got \(3,\)"),
    ({"second.1.bias": np.ones((4, 1))}, ShapeError, r"second.1.bias of shape \(4,\)"),
    ({"second.1.bias": np.array(["a"] * 4)}, DTypeError, "numbers for second.1.bias"),
]


@pytest.mark.parametrize(("changes", "error", "text"), BAD_STATES)
def test_a_bad_state_changes_nothing(changes, error, text):
    net = Net()
    before = snapshot(net)
    with pytest.raises(error, match=text):
        net.load_state_dict(_state(**changes))
    assert same(snapshot(net), before)


def test_loading_what_fits():
    net = Net()
    missing, unknown = net.load_state_dict({"scale": np.ones(4), "odd": 1}, strict=False)
    assert unknown == ["odd"] and "first.weight" in missing and "scale" not in missing
    assert net.scale.numpy().tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda net: net.astype("int64"), DTypeError, r"Net\(\) needs a floating-point dtype"),
        (lambda net: net.load_state_dict(net), DTypeError, "mapping of names to arrays.*got Net"),
        (lambda net: net.to("tpu"), DeviceError, "got 'tpu'"),
        (lambda net: setattr(net, "layers", [nn.ReLU()]), DTypeError, "ModuleList or Sequential"),
        (lambda net: setattr(net, "layers", {"a": nn.ReLU()}), DTypeError, "got a dict"),
        (lambda net: setattr(net, "layers", {nn.ReLU()}), DTypeError, "got a set"),
        (lambda net: setattr(net, "layers", [[1, nn.ReLU()]]), DTypeError, "got a list"),
        (lambda net: setattr(net, "layers", {"a": (2, [nn.ReLU()])}), DTypeError, "got a dict"),
        (lambda net: setattr(net, "scale", np.ones(4)), DTypeError, "scale is a Parameter"),
        (lambda net: net.register_buffer("mean", 3.0), DTypeError, "array as buffer 'mean'"),
        (lambda net: net.second.append(F.relu), DTypeError, "got Op: wrap a function in nn.Lambda"),
        (lambda net: net.second.append(nn.ReLU(), name="forward"), ValueRangeError, "rename it"),
    ],
)
def test_bad_changes_change_nothing(change, error, text):
    net = Net()
    before, layers = snapshot(net), len(net.second)
    with pytest.raises(error, match=text):
        change(net)
    assert same(snapshot(net), before) and len(net.second) == layers
    assert not hasattr(net, "layers") and isinstance(net.scale, mn.Parameter)


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(TypeError, match="Empty needs a forward method"):
        Empty()(1)


def test_repr_is_a_tree_with_shapes():
    expected = """\
Net()                     scale (4,)
├─ first: Linear(4 -> 4)  weight (4, 4), bias (4,)
├─ norm: BatchNorm1d(4)   weight (4,), bias (4,)
└─ second: Sequential()
   ├─ 0: Tanh()
   └─ 1: Linear(4 -> 4)   weight (4, 4), bias (4,)
52 parameters"""
    assert repr(Net()) == expected
