"""Devices: finding them, moving to them and back, errors that name both operands and the fix."""

import os
import subprocess
import sys

import numpy as np
import pytest

import minnet as mn
from minnet import backend, data, nn, optim
from minnet import functional as F
from minnet.errors import DeviceError, TrainingError, ValueRangeError
from tests import fake_cupy
from tests.source import folder

from .parity import home


def test_import_needs_no_cupy_and_the_error_says_how_to_get_it(tmp_path):
    """PF-F3: with CuPy blocked, minnet imports, and "cuda" names the pip command."""
    code = (
        "import sys; sys.modules['cupy'] = None\n"
        "import numpy as np, minnet as mn\n"
        "assert not mn.cuda.is_available() and mn.cuda.device_count() == 0\n"
        "try: mn.tensor([1.0]).to('cuda')\n"
        "except mn.errors.DeviceError as e: print(e)\n"
    )
    path = {"PYTHONPATH": str(folder("minnet").parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **path},
        capture_output=True, text=True, timeout=60,
    )
    assert "pip install 'minnet[cuda12]'" in done.stdout, done.stderr


def test_a_module_without_devices_is_not_usable(monkeypatch, standin):
    """Importable and usable are two questions."""
    monkeypatch.setattr(fake_cupy.cuda.STATE, "count", 0)
    backend.register(fake_cupy)
    assert not mn.cuda.is_available()
    with pytest.raises(DeviceError, match="finds no device.*nvidia-smi.*minnet.cuda12"):
        nn.Linear(2, 2).to("cuda")


def test_the_module_is_asked_at_each_use():
    """PF-F2: nothing binds the module at import; registering another one takes effect."""
    before = backend.register(fake_cupy)
    try:
        x = fake_cupy.asarray([1.0])
        assert backend.array_module(x) is fake_cupy and backend.is_array(x)
    finally:
        backend.register(before)
    assert backend.array_module(x) is np and not backend.is_array(x)


def test_tensors_and_modules_go_and_come_back(module):
    """PF-E10: tied parameters stay tied; gradients and buffers move too."""
    net = nn.Sequential(nn.Linear(3, 3, rng=0), nn.BatchNorm1d(3), nn.Linear(3, 3, rng=1))
    net[2].weight = net[0].weight
    x = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")
    net(mn.tensor(x)).sum().backward()
    before = net.state_dict()
    net.to("cuda")
    assert net[2].weight is net[0].weight and str(net[0].weight.device) == "cuda:0"
    assert {str(backend.device_of(b)) for b in net.buffers()} == {"cuda:0"}
    assert str(net[0].weight.grad.device) == "cuda:0"
    assert str(net(mn.tensor(x).to("cuda")).device) == "cuda:0"
    net.load_state_dict(before)
    assert net.to("cuda") is net and net[0].weight.to("cuda") is net[0].weight
    for name, array in net.to("cpu").state_dict().items():
        assert np.array_equal(array, before[name]) and type(array) is np.ndarray, name
    assert "device='cuda:0'" in repr(mn.tensor([1.0]).to("cuda"))


MIXED = {
    "an operator": lambda x, host: x * host,
    "the other side": lambda x, host: host * x,
    "matmul": lambda x, host: x @ host.T,
    "concatenate": lambda x, host: F.concatenate([x, host]),
    "where": lambda x, host: F.where(host.data > 0, x, 0),
    "a layer": lambda x, host: nn.Linear(3, 2, rng=0).to("cuda")(host),
    "a loss": lambda x, host: F.mse(x, host),
}


@pytest.mark.parametrize("name", MIXED)
def test_mixed_devices_name_both_operands_and_the_fix(module, name):
    """PF-F4"""
    host = mn.tensor(np.ones((2, 3), "float32"))
    with pytest.raises(DeviceError, match=r"on cpu.*on cuda:0|on cuda:0.*on cpu") as caught:
        MIXED[name](host.to("cuda"), host)
    assert ".to('cuda:0')" in str(caught.value)


def test_labels_left_on_the_host(module):
    scores = mn.tensor(np.ones((2, 3))).to("cuda")
    with pytest.raises(DeviceError, match=r"\(2, 3\) on cuda:0 and \(2,\) on cpu.*loader.to"):
        F.cross_entropy(scores, np.array([0, 1]))


def test_values_leave_only_when_asked(standin):
    x = mn.tensor([1.0, 2.0]).to("cuda")
    with pytest.raises(DeviceError, match=r"x.numpy\(\)"):
        np.asarray(x)
    assert x.numpy().tolist() == [1.0, 2.0] and x.sum().item() == 3.0


# -------------------------------------------------------------------------------------------------
# Several devices


def test_devices_by_index(two_devices):
    assert mn.cuda.device_count() == 2
    x = mn.tensor([1.0, 2.0], requires_grad=True).to("cuda:1")
    assert str(x.device) == "cuda:1" and fake_cupy.cuda.STATE.current == 0
    with pytest.raises(DeviceError, match="'cuda:2' is not among the 2 CUDA devices"):
        x.to("cuda:2")
    y = (x * x).sum()
    y.backward()
    (x * x * x).sum().backward()                    # the second adds to .grad
    assert {str(t.device) for t in (y, x.grad)} == {"cuda:1"}
    assert x.grad.numpy().tolist() == [5.0, 16.0]
    assert str(x.detach().to("cuda:0").device) == "cuda:0"
    with pytest.raises(DeviceError, match=r"a \(2,\) on cuda:1, b \(2,\) on cuda:0"):
        x * mn.tensor([1.0, 2.0]).to("cuda:0")


@pytest.mark.parametrize("kind", [optim.Nesterov, optim.Adam, optim.LAMB])
def test_training_on_the_second_device(two_devices, kind):
    """All work is done on the device of the arrays, whichever device is the current one."""
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(3, 40, rng=0), nn.BatchNorm1d(40), nn.ReLU(), nn.Dropout(0.5),
                        nn.Linear(40, 2, rng=1)).to("cuda:1")  # fmt: skip
    opt = kind(net.parameters(), lr=0.1)
    points = data.Dataset(rng.standard_normal((20, 3)).astype("float32"), rng.integers(2, size=20))
    for loader in (data.Loader(points, batch_size=8).to("cuda:1"),
                   data.Loader(points.to("cuda:1"), batch_size=8)):  # fmt: skip
        mn.train.fit(net, F.cross_entropy, opt, loader, epochs=2, progress=False)
    assert {str(p.device) for p in net.parameters()} == {"cuda:1"}


# -------------------------------------------------------------------------------------------------
# Data


def test_loaders_deliver_on_the_device(module):
    points = data.Dataset(np.arange(12.0).reshape(6, 2), np.arange(6) % 3, classes=3)
    plain = data.Loader(points, batch_size=4, rng=0)
    moved = data.Loader(points, batch_size=4, rng=0).to("cuda")
    kept = data.Loader(points.to("cuda"), batch_size=4, rng=0)
    for batches in zip(plain, moved, kept, strict=True):
        (x, y), *others = batches
        for x_there, y_there in others:
            assert str(backend.device_of(x_there)) == str(backend.device_of(y_there)) == "cuda:0"
            assert np.array_equal(home(x_there), x) and np.array_equal(home(y_there), y)
    first = next(iter(kept))
    state, twin = kept.state_dict(), data.Loader(points.to("cuda"), batch_size=4, rng=9)
    assert type(state["order"]) is np.ndarray and len(first) == 2
    twin.load_state_dict(state)
    plain.load_state_dict(state)
    (x, _), (x_there, _) = next(iter(plain)), next(iter(twin))
    assert np.array_equal(home(x_there), x)


def test_a_resident_dataset_is_moved_once(standin):
    points = data.Dataset(np.zeros((64, 2)), np.zeros(64, int), classes=2)
    loader = data.Loader(points.to("cuda"), batch_size=8, rng=0)
    with standin.counting() as counts:
        assert len(list(loader)) == 8
    assert len(counts.copies) == 1 and not counts.syncs          # the order of the epoch


def test_augmentation_on_the_device(module):
    """The same seed gives the same images as on the CPU; the draws are the only copy."""
    x = np.random.default_rng(0).random((6, 3, 9, 8)).astype("float32")
    change, there = data.RandomCrop(padding=2, cutout=3), backend.to_device(x, "cuda")
    expected = change(x, np.random.default_rng(1))
    with fake_cupy.counting() as counts:
        found = change(there, np.random.default_rng(1))
    assert np.array_equal(home(found), expected)
    assert not counts.syncs and len(counts.copies) <= 1


def test_labels_are_checked_before_they_are_moved(module):
    """An index out of range would wrap silently on a GPU."""
    wrong = data.Dataset(np.zeros((3, 2)), np.array([0, 1, 2]), classes=3)
    object.__setattr__(wrong, "classes", 2)
    with pytest.raises(ValueRangeError, match="got 2 at row 2"):
        wrong.to("cuda")
    with pytest.raises(ValueRangeError, match="got 2 at row 2"):
        data.Loader(wrong, batch_size=2)
    assert fake_cupy.asarray([1.0, 2.0])[fake_cupy.asarray([3])].tolist() == [2.0]


def test_a_label_out_of_range_makes_the_loss_nan(module):
    """Where nobody knew the classes before: the loss says it, nothing has to stop."""
    scores = mn.tensor(np.zeros((3, 2), "float32"), requires_grad=True).to("cuda")
    label = lambda *y: backend.to_device(np.array(y), "cuda")
    assert F.cross_entropy(scores, label(0, 1, 1)).item() == pytest.approx(np.log(2))
    assert F.cross_entropy(scores, label(0, 1, -100)).item() == pytest.approx(np.log(2))
    assert np.isnan(F.cross_entropy(scores, label(0, 1, 2)).item())
    assert np.isnan(F.cross_entropy(scores, label(0, -1, 1)).item())
    with mn.debug(), pytest.raises(ValueRangeError, match="labels 0 .. 1"):
        F.cross_entropy(scores, label(0, 1, 2))


def test_fit_sees_it(module):
    points = data.Dataset(np.ones((20, 2), "float32"), np.arange(20) % 4).to("cuda")
    net = nn.Linear(2, 3, rng=0).to("cuda")
    with pytest.raises(TrainingError, match="step 0 .*nan"):
        mn.train.fit(net, F.cross_entropy, optim.SGD(net.parameters(), lr=0.1),
                     data.Loader(points, batch_size=20), epochs=1, progress=False)  # fmt: skip


# -------------------------------------------------------------------------------------------------
# minnet.cuda


def test_memory_and_waiting(module):
    assert mn.cuda.is_available() and mn.cuda.device_count() >= 1
    memory = mn.cuda.memory()
    assert 0 <= memory.used <= memory.reserved and 0 < memory.free <= memory.total
    assert "GiB free on the card" in str(memory)
    mn.cuda.release()
    mn.cuda.synchronize("cuda:0")
    with pytest.raises(DeviceError, match="not among"):
        mn.cuda.memory("cuda:99")


def test_random_numbers_on_the_device(module):
    """The same seed gives the same numbers; they are uniform, and others than the host's."""
    like = backend.to_device(np.zeros(1), "cuda")
    generator = np.random.default_rng
    draw = lambda seed: home(backend.uniform(generator(seed), (300, 40), "float32", like))
    u = draw(0)
    assert np.array_equal(u, draw(0)) and not np.array_equal(u, draw(1))
    assert u.dtype == np.float32 and u.min() >= 0 and u.max() < 1
    counts = np.histogram(u, bins=50, range=(0, 1))[0]
    assert ((counts - 240) ** 2 / 240).sum() < 100               # chi-square, 49 degrees
    assert abs(np.corrcoef(u[:, :-1].ravel(), u[:, 1:].ravel())[0, 1]) < 0.03
