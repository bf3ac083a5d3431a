"""Optimizers, training, checkpoints and sanity checks on a device, and no stop in a step."""

import copy
import sys

import numpy as np
import pytest

import minnet as mn
from minnet import backend, data, nn, optim, sanity, train
from minnet import functional as F
from minnet.functional.products import factors, product, rounded
from minnet.optim import flat
from tests import fake_cupy
from tests.optim import test_base as table
from tests.sanity import models
from tests.train.runs import EPOCHS, Setup, flatten

from . import test_layers, test_ops
from .parity import TOLERANCE, assert_close, home, moved, quiet

CLIPS = {"plain": lambda o: o, "norm": lambda o: optim.ClipNorm(o, 1.0),
         "value": lambda o: optim.ClipValue(o, 0.5)}  # fmt: skip


@pytest.mark.parametrize("plain_bytes", [16, 2**17], ids=["program", "plain"])
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("decay", table.DECAYS, ids=["none", "l2", "decoupled"])
@pytest.mark.parametrize("name", table.ALL)
def test_optimizer_follows_the_cpu(module, name, decay, clip, plain_bytes, monkeypatch):
    """Parameters and slots after three steps, on either path; the steps themselves never stop."""
    monkeypatch.setattr(flat, "PLAIN_BYTES", plain_bytes)
    kind, settings = table.ALL[name]
    rng, results = np.random.default_rng(0), []
    start = [rng.standard_normal(s) for s in table.SHAPES]
    grads = [[rng.standard_normal(s) for s in table.SHAPES] for _ in range(3)]
    for device in "cpu", "cuda":
        params = [mn.tensor(w).to(device) for w in start]
        for p in params:
            p.requires_grad = True
        opt = CLIPS[clip](kind(params, lr=0.1, **settings, **decay))
        there = [[backend.to_device(g, device) for g in gs] for gs in grads]
        with quiet(module if device == "cuda" else None):
            for gs in there:
                for p, g in zip(params, gs, strict=True):
                    p.grad = g
                opt.step()
        results.append([*params, *[v for k, v in opt.state_dict().items() if _is_slot(k)]])
    for expected, found in zip(*results, strict=True):
        assert_close(found, home(expected), "float64")


def _is_slot(key):
    return key.startswith("state.") and not key.endswith(".t")


@pytest.mark.parametrize("kind", [optim.LBFGS, optim.Newton])
def test_second_order_optimizer_follows_the_cpu(module, kind):
    """Their line searches look at the loss, on whatever device it is."""
    places = []
    for device in "cpu", "cuda":
        x = mn.tensor(np.array([1.5, 2.0, -1.0]), requires_grad=True).to(device)
        w, opt = backend.to_device(np.array([1.0, 2.0, 3.0]), device), kind([x])
        for _ in range(3):
            opt.step(lambda x=x, w=w: (x * x * x * x * w).sum() + (x * x).sum())
        places.append(x)
    assert_close(places[1], places[0].numpy(), "float64", 100)


def test_state_follows_its_parameters(module):
    """A moved model goes on with the momentum it had, there and back."""
    one, two = (nn.Sequential(nn.Linear(4, 40, rng=0), nn.ReLU(), nn.Linear(40, 3, rng=1))
                for _ in range(2))  # fmt: skip
    one.astype("float64"), two.astype("float64")
    opts = [optim.Adam(net.named_parameters(), lr=0.1) for net in (one, two)]
    x, y = np.random.default_rng(0).standard_normal((8, 4)), np.arange(8) % 3
    for device in "cpu", "cuda", "cpu", "cuda":
        two.to(device)
        for net, opt, batch in (one, opts[0], (x, y)), (two, opts[1], (x, y)):
            if net is two and device == "cuda":
                batch = moved(batch)
            opt.zero_grad()
            F.cross_entropy(net(batch[0]), batch[1]).backward()
            opt.step()
            assert str(net[0].weight.device).startswith(device if net is two else "cpu")
    for name, array in one.state_dict().items():
        assert_close(two.state_dict()[name], array, "float64")
    record = opts[1].state_dict()
    assert all(type(v) is np.ndarray for k, v in record.items() if _is_slot(k))
    opts[1].load_state_dict(opts[0].state_dict())


class DeviceSetup(Setup):
    """The run of tests.train on a device, without noise that the host would draw otherwise."""

    def __init__(self, device, seed=0):
        super().__init__(seed)
        self.model.astype("float64")
        self.model[3].p = 0.0
        points = self.data.map(lambda x: x.astype("float64"))
        self.loader = data.Loader(points, batch_size=8, rng=seed + 1)
        self.model.to(device)
        if device != "cpu":
            self.loader = data.Loader(points.to(device), batch_size=8, rng=seed + 1)
        self.val = points.to(device)


def test_fit_follows_the_cpu(module):
    """The whole history, with validation, schedule, metrics and batch norm."""
    histories = [DeviceSetup(d) for d in ("cpu", "cuda")]
    for setup in histories:
        setup.fit(val_data=setup.val)
    one, two = (setup.history for setup in histories)
    assert one.names() == two.names()
    for name in one.names():
        np.testing.assert_allclose(two[name], one[name], rtol=1e-9, atol=1e-12, err_msg=name)
    assert isinstance(two.to_dict()["loss"]["value"][0], float)


MODELS = {
    "a perceptron with batch norm and dropout": (
        lambda: nn.Sequential(
            nn.Linear(12, 40, rng=0), nn.BatchNorm1d(40), nn.ReLU(), nn.Dropout(0.3, rng=1),
            nn.Linear(40, 3, rng=2),
        ),
        (12,),
    ),
    "a network of convolutions": (lambda: nn.cnn((1, 8, 8), 3, widths=(4, 6), hidden=8), (1, 8, 8)),
    "a residual network": (lambda: nn.resnet(3, widths=(4, 6), blocks=1, rng=0), (3, 8, 8)),
    "an LSTM": (
        lambda: nn.Sequential(nn.LSTM(3, 5, rng=0), nn.Lambda(lambda y: y[0][-1]), nn.Linear(5, 3)),
        None,
    ),
}
OPTIMIZERS = [optim.SGD, optim.Nesterov, optim.Adam, optim.AdamW, optim.LAMB, optim.Lion]


@pytest.mark.parametrize("name", MODELS)
def test_a_training_step_never_stops_the_device(standin, name):
    """Forward, loss, backward, clipping, update, metrics and history: zero reads, zero copies."""
    make, shape = MODELS[name]
    net, rng = make().to("cuda"), np.random.default_rng(0)
    x = rng.standard_normal((8, *shape) if shape else (4, 8, 3)).astype("float32")
    y = rng.integers(3, size=8)
    for kind in OPTIMIZERS:
        opt = optim.ClipNorm(kind(net.parameters(), lr=1e-3), 1.0)
        run = train.fit.__globals__["Run"](net, F.cross_entropy, opt, [None], train.History())
        run.batch = moved((x, y))
        step = train.fit.__globals__["_step"]
        step(run, {"lr": lambda t: 1e-3}, {"accuracy": train.accuracy}, [])
        with standin.counting() as counts:
            step(run, {"lr": lambda t: 1e-3}, {"accuracy": train.accuracy}, [])
        assert counts.syncs == [] and counts.copies == []
        assert run.history.waiting and np.isfinite(run.history["loss"]).all()
        del opt, run


def test_an_epoch_of_fit_stops_once(standin):
    """The losses are read at its end; the order of the epoch is the only copy."""
    setup = DeviceSetup("cuda")
    setup.fit(epochs=1)
    with standin.counting() as counts:
        setup.fit(epochs=2)
    assert len(counts.copies) == 1 and len(counts.syncs) == 1, (counts.copies, counts.syncs)


def test_a_loss_that_is_not_finite_is_seen_at_the_next_look(module):
    setup = DeviceSetup("cuda")
    net = setup.model
    loss = lambda scores, y: F.cross_entropy(scores, y) * (1 if len(calls) < 3 else np.nan)
    calls = []
    counted = lambda scores, y: (calls.append(0), loss(scores, y))[1]
    with pytest.raises(mn.errors.TrainingError, match="step 2 .*loss is nan .it was") as caught:
        train.fit(net, counted, setup.optimizer, setup.loader, epochs=1, progress=False)
    assert np.isnan(caught.value.history["loss"][2:]).all()


def test_checkpoints_are_the_same_files(module, tmp_path):
    """O06 on a device: resuming is exact, and a checkpoint may be read on the other device."""
    path, whole, half, other = tmp_path / "run.npz", *(DeviceSetup("cuda") for _ in range(3))
    whole.fit()
    half.fit(epochs=1, monitors=[train.Checkpoint(path)])
    train.load(path, **other.parts())
    other.fit()
    state = lambda setup: {k: v for k, v in flat_state(setup).items() if ".x" not in k}
    tolerance = TOLERANCE["float64"] if module.__name__ == "cupy" else 0.0
    for name, array in state(whole).items():
        np.testing.assert_allclose(state(other)[name], array, rtol=tolerance, err_msg=name)
    host = DeviceSetup("cpu")
    train.load(path, **host.parts())
    assert host.model[0].weight.device.kind == "cpu"
    host.fit(epochs=EPOCHS)
    for name, array in whole.model.state_dict().items():
        np.testing.assert_allclose(host.model.state_dict()[name], array, rtol=1e-9, atol=1e-12)


def flat_state(setup):
    found: dict = {}
    flatten(setup.model.state_dict(), "model", found)
    flatten({k: v for k, v in setup.optimizer.state_dict().items() if _is_slot(k)}, "opt", found)
    return {k: np.frombuffer(v[2], v[0]) for k, v in found.items()}


def test_sanity_checks(module):
    """The reports on the device are those of the CPU: the same verdicts, the same numbers."""
    x, y = models.digits(60)
    reports = []
    for device in "cpu", "cuda":
        net, points = models.plain().to(device), data.Dataset(x, y, 10).to(device)
        report = sanity.check(net, F.cross_entropy, points, steps=60)
        gradient = sanity.check_gradients(net, F.cross_entropy, points, samples_per_param=4)
        informative = sanity.check_informative(net, points)
        numbers = [c.data.get("measured", c.data.get("losses")) for c in report.checks[:2]]
        reports.append(([c.verdict for c in report.checks], gradient.status, numbers,
                        informative.verdict, informative.data["measured"]))  # fmt: skip
    assert reports[0][:2] == reports[1][:2] and reports[0][3] == reports[1][3]
    np.testing.assert_allclose(reports[1][2][0], reports[0][2][0], rtol=1e-5)
    np.testing.assert_allclose(reports[1][2][1], reports[0][2][1], rtol=1e-5)


def test_monitors_and_averages(module):
    setup = DeviceSetup("cuda")
    ema = optim.EMA(setup.model.parameters(), decay=0.9)

    class Average(train.Monitor):
        def after_step(self, run):
            ema.update()

    watch = train.Activations(setup.val.x[:5])
    setup.fit(epochs=1, monitors=[train.UpdateRatios(every=2), watch, Average()])
    assert np.isfinite(setup.history["update_ratio/0.weight"]).all()
    assert len(watch.snapshots) == 2
    with ema.applied():
        scores = train.evaluate(setup.model, F.cross_entropy, setup.val)
    assert isinstance(scores["loss"], float) and isinstance(scores["accuracy"], float)
    assert isinstance(train.predict(setup.model, setup.val.x), np.ndarray)
    labels = moved(np.array([0, 1, 1]))
    assert train.confusion_matrix(moved(np.eye(3)[[0, 1, 2]]), labels).sum() == 3
    copy.deepcopy(setup.model)


@pytest.fixture(params=["float16", "bfloat16"])
def half(request):
    """A type of 16 bits; CuPy has bfloat16 from ml_dtypes."""
    if request.param == "bfloat16":
        pytest.importorskip("ml_dtypes")
    return request.param


@pytest.mark.parametrize("name", ["a perceptron", "convolutions"])
def test_mixed_precision_follows_the_cpu(module, half, name):
    """The CPU's numbers within the rounding of 16 bits; at most one look a step, none in bfloat16.

    Two sums in another order may round to neighbours: 2^-8 apart in bfloat16.
    """
    x, y = np.random.default_rng(0).standard_normal((20, 1, 8, 8)), np.arange(20) % 3
    x, losses, weights = x.astype("float32"), [], []
    for device in "cpu", "cuda":
        net = nn.cnn((1, 8, 8), 3, widths=(4, 6), hidden=8, rng=0)
        if name == "a perceptron":
            net = nn.Sequential(nn.Flatten(), nn.mlp((64, 16, 3), rng=0))
        net.to(device)
        mixed = train.MixedPrecision(optim.Nesterov(net.parameters(), lr=0.05), dtype=half)
        batch, losses = [backend.to_device(a, device) for a in (x, y)], [*losses, []]
        for _ in range(6):
            with fake_cupy.counting() as counts:
                mixed.zero_grad()
                with mixed.products():
                    loss = F.cross_entropy(net(batch[0]), batch[1])
                mixed.backward(loss)
                assert mixed.step()
            assert len(counts.syncs) <= (half == "float16") and not counts.copies
            losses[-1].append(loss.item())
        weights.append(net.state_dict())
    assert {str(p.dtype) for p in net.parameters()} == {"float32"}
    assert losses[0][-1] < 0.9 * losses[0][0]
    np.testing.assert_allclose(losses[1], losses[0], rtol=2e-2)
    for key, w in weights[0].items():
        assert np.abs(weights[1][key] - w).max() <= 2e-2 * (1 + np.abs(w).max()), key


def test_products_on_a_device_are_of_16_bits(module, half):
    """Matrices, and stacks of one; not float64, and not larger stacks, which CuPy cannot do."""
    a, b = np.random.default_rng(0).standard_normal((2, 30, 30)).astype("float32")
    there, stacks = moved([a, b]), moved([np.stack([a, a]), np.stack([b, b])])
    with factors(half):
        expected, found = product(a, b), home(product(*there))
        one = home(product(there[0][None], there[1][None]))
        both = home(product(*stacks))
        wide = home(product(*[v.astype("float64") for v in there]))
    np.testing.assert_allclose(found, expected, rtol=2**-7 if half == "bfloat16" else 2**-10)
    np.testing.assert_array_equal(found, rounded(found, half))
    np.testing.assert_allclose(one[0], found)
    assert_close(both[1], a @ b, "float32", 30)
    assert_close(wide, a.astype("float64") @ b.astype("float64"), "float64", 30)
    assert np.abs(found - a @ b).max() > 1e-4


def test_bfloat16_without_ml_dtypes_says_how_to_get_it(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    a = moved(np.ones((2, 2), "float32"))
    with factors("bfloat16"), pytest.raises(mn.errors.DeviceError, match="pip install ml_dtypes"):
        product(a, a)


# -------------------------------------------------------------------------------------------------
# The tests above can fail


def host_array(x):
    return x + np.ones(x.shape)


def numpy_for_xp(x):
    return x * np.zeros(x.shape[-1:])


def missing_function(x):
    return backend.array_module(x).nanquantile(x, 0.5)


def implicit_conversion(x):
    return np.asarray(x)


def read_of_a_value(x):
    return x * float(x.sum())


def branch_on_a_value(x):
    return x if x.sum() > 0 else -x


def copied_index(x):
    return x[np.array([0, 1])]


@pytest.mark.parametrize("fault", [host_array, numpy_for_xp, missing_function, implicit_conversion])
def test_planted_faults_raise(standin, fault):
    """PF-F1, PF-F4: a host array, np. where xp. belongs, a function that CuPy lacks."""
    op = mn.op(fault)
    op.defvjp(x=lambda g: g)
    op(mn.tensor(np.ones((2, 3))))
    with pytest.raises((TypeError, AttributeError, mn.errors.DeviceError)):
        op(mn.tensor(np.ones((2, 3))).to("cuda"))


FAULTS = [
    host_array, numpy_for_xp, missing_function, implicit_conversion, read_of_a_value,
    branch_on_a_value,
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_planted_in_the_library_fail_its_tests(standin, monkeypatch, fault):
    """In relu: the tests of the operation, of a layer, and of a training step each fail."""
    right = F.relu.fn
    monkeypatch.setattr(F.relu, "fn", lambda x: _after(fault, right, x))
    seen = TypeError, AttributeError, AssertionError, mn.errors.DeviceError
    with pytest.raises(seen):
        test_ops.test_operation(standin, "relu", {}, [(2, 3)], "float64")
    with pytest.raises(seen):
        test_layers.test_layer(standin, "ReLU", "float32", True)
    with pytest.raises(seen):
        test_a_training_step_never_stops_the_device(standin, "a network of convolutions")
    monkeypatch.setattr(F.relu, "fn", right)
    test_ops.test_operation(standin, "relu", {}, [(2, 3)], "float64")


def _after(fault, right, x):
    """relu(x), once the fault was made on the device; on the CPU nothing is wrong."""
    if type(x) is not np.ndarray:
        fault(x)
    return right(x)


@pytest.mark.parametrize("fault", [read_of_a_value, branch_on_a_value, copied_index])
def test_planted_stops_are_counted(standin, fault):
    x = moved(np.ones((2, 3)))
    with pytest.raises(AssertionError, match="1 stops"), quiet(standin):
        fault(x)
