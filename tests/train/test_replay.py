"""A recorded step gives the bits of the eager one, or is not replayed at all."""

from contextlib import nullcontext

import numpy as np
import pytest

import minnet as mn
from minnet import functional as F
from minnet import nn, optim, train
from minnet.errors import DTypeError, GraphError, NonFiniteError, ValueRangeError
from minnet.nn import Module
from minnet.train import replay

STEPS = 110
OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, 0.05),
    "momentum": lambda p: optim.Momentum(p, 0.05),
    "momentum_torch": lambda p: optim.Momentum(p, 0.05, form="torch", weight_decay=1e-2),
    "momentum_ema": lambda p: optim.Momentum(p, 0.05, form="ema"),
    "nesterov": lambda p: optim.Nesterov(p, 0.02),
    "lookahead": lambda p: optim.Nesterov(p, 0.02, form="lookahead"),
    "adagrad": lambda p: optim.Adagrad(p, 0.05),
    "rmsprop": lambda p: optim.RMSprop(p, 0.01),
    "adam": lambda p: optim.Adam(p, 0.01, weight_decay=1e-2),
    "adamw": lambda p: optim.AdamW(p, 0.01),
    "adadelta": lambda p: optim.Adadelta(p, 0.5),
    "amsgrad": lambda p: optim.AMSGrad(p, 0.01),
    "lion": lambda p: optim.Lion(p, 1e-3),
    "nadam": lambda p: optim.NAdam(p, 0.01),
    "lars": lambda p: optim.LARS(p, 0.1, trust=0.1),
    "lamb": lambda p: optim.LAMB(p, 0.01),
    "groups": lambda p: optim.Adam([{"params": p[:1], "lr": 0.1}, {"params": p[1:]}], lr=0.01),
    "clip_norm": lambda p: optim.ClipNorm(optim.Momentum(p, 0.05), 0.3),
    "clip_value": lambda p: optim.ClipValue(optim.Adam(p, 0.01), 0.02),
    "part": lambda p: optim.SGD(p[:2], 0.05),              # gradients of the others add up
}  # fmt: skip


def mlp(rng):
    layers = nn.Linear(6, 8, rng=rng), nn.Tanh(), nn.Linear(8, 8, rng=rng), nn.ReLU()
    return nn.Sequential(*layers, nn.Residual(nn.Linear(8, 8, rng=rng)), nn.Linear(8, 3, rng=rng))


def cnn(rng):
    layers = nn.Conv2d(2, 4, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(16, 3, rng=rng))


def transformer(rng):
    block = nn.TransformerEncoderLayer(
        8, 2, dim_feedforward=16, dropout=0.0, batch_first=True, norm_first=True, rng=rng
    )
    return nn.Sequential(block, nn.Flatten(), nn.Linear(24, 3, rng=rng))


NETS = {"mlp": (mlp, (6,)), "cnn": (cnn, (2, 4, 4)), "transformer": (transformer, (3, 8))}


def batches(shape, steps=STEPS, n=5, dtype="float32", seed=1):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        yield rng.standard_normal((n, *shape)).astype(dtype), rng.integers(0, 3, n)


def by_hand(model, loss_fn, optimizer):
    """What RecordedStep promises to be equal to."""

    def step(x, y):
        optimizer.zero_grad()
        with optimizer.lookahead() if optimizer.looks_ahead else nullcontext():
            loss = loss_fn(model(x), y)
            loss.backward()
        optimizer.step()
        return loss

    return step


def recorded(model, loss_fn, optimizer):
    return train.RecordedStep(model, loss_fn, optimizer)


def run(kind, build, make, data, loss_fn=F.cross_entropy, between=lambda t, model, optimizer: None):
    """(bits of all losses, parameters, gradients, buffers and slots; how many replays)."""
    model = build(np.random.default_rng(0))
    optimizer = make(model.parameters())
    step = kind(model, loss_fn, optimizer)
    losses = []
    for t, (x, y) in enumerate(data):
        between(t, model, optimizer)
        losses.append(step(x, y).item())
    grads = [None if p.grad is None else p.grad.numpy().tobytes() for p in model.parameters()]
    slots = {k: str(np.asarray(v).tobytes()) for k, v in optimizer.state_dict().items()}
    state = {k: v.tobytes() for k, v in model.state_dict().items()}
    return (losses, state, grads, slots), getattr(step, "replayed", None)


def both(build, make, data, **settings):
    """The number of replays, after the results were found to be the same."""
    data = list(data)
    expected, _ = run(by_hand, build, make, data, **settings)
    found, replayed = run(recorded, build, make, data, **settings)
    assert found == expected
    return replayed


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_the_same_steps(name):
    """Bit for bit over 110 steps, with a learning rate that changes at each."""

    def schedule(t, model, optimizer):
        for group in optimizer.groups:
            group["lr"] = group["lr"] * 0.99

    replayed = both(mlp, OPTIMIZERS[name], batches((6,)), between=schedule)
    assert replayed == (0 if name == "lookahead" else STEPS - 3)


def test_every_optimizer_is_in_the_table():
    kinds = {type(make(mlp(0).parameters())) for make in OPTIMIZERS.values()}
    known = {getattr(optim, name) for name in optim.__all__}
    known = {k for k in known if isinstance(k, type) and issubclass(k, optim.Optimizer)}
    assert known - {optim.Optimizer, optim.LBFGS, optim.Newton} <= kinds


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETS)
def test_every_net_takes_the_same_steps(name, dtype):
    """MLP, CNN and transformer block; two sizes of batch in turn are two lists."""
    build, shape = NETS[name]
    data = list(batches(shape, 60, dtype=dtype))
    mixed = [(x[:3], y[:3]) if t % 4 == 3 else (x, y) for t, (x, y) in enumerate(data)]
    make = lambda rng: build(rng).astype(dtype)
    assert both(make, OPTIMIZERS["momentum"], mixed) > 50


@pytest.mark.parametrize("loss_fn", [F.mse, F.l1, F.huber])
def test_losses_of_values(loss_fn):
    data = [(x, x[:, :3] * 2) for x, _ in batches((6,), 30)]
    assert both(mlp, OPTIMIZERS["adam"], data, loss_fn=loss_fn) == 27


# -- What changes between steps is noticed ---------------------------------------------------------


def at(step, change):
    return lambda t, model, optimizer: change(model, optimizer) if t == step else None


def rebind(model, optimizer):
    model[0].weight.data = model[0].weight.numpy() * 2


def edit(model, optimizer):
    model[0].weight.data[0] = 0.5


CHANGES = {                                                       # (what, replays that it costs)
    "freeze": (lambda model, optimizer: setattr(model[0].weight, "requires_grad", False), 2),
    "freeze all but one": (lambda model, _: [setattr(p, "requires_grad", False)
                                             for p in model.parameters()[1:]], 2),
    "assign": (rebind, 0),                                        # copied into the same memory
    "edit in place": (edit, 0),
    "another layer": (lambda model, _: setattr(model, "1", nn.ReLU()), 2),
    "another parameter": (lambda model, _: setattr(model[0], "bias", None), 2),
    "another mode": (lambda model, _: model.eval(), 2),
    "a setting": (lambda model, _: setattr(model[1], "negative_slope", 0.5), 2),
    "another momentum": (lambda _, optimizer: setattr(optimizer, "momentum", 0.5), 0),
    "a patched layer": (lambda model, _: setattr(model[1], "forward", lambda x: x * x), 10),
    "a reversed layer": (lambda model, _: setattr(model[1], "forward", lambda x: x[::-1]), 10),
    "loaded": (lambda model, _: model.load_state_dict(
        {k: v + 1 for k, v in model.state_dict().items()}), 0),
}  # fmt: skip


def leaky(rng):
    layers = nn.Linear(6, 8, rng=rng), nn.LeakyReLU(), nn.Linear(8, 3, rng=rng)
    return nn.Sequential(*layers)


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_seen(name):
    """After the change at step 10 of 20 the list is used, written again, or given up."""
    change, cost = CHANGES[name]
    replayed = both(leaky, OPTIMIZERS["momentum"], batches((6,), 20), between=at(10, change))
    assert replayed == 17 - cost


def test_rebuilt_rows_are_seen():
    """The optimizer's flat row is another one after load_state_dict: the list reads the new one."""

    def reload(model, optimizer):
        optimizer.load_state_dict(optimizer.state_dict())

    assert both(mlp, OPTIMIZERS["adam"], batches((6,), 20), between=at(10, reload)) >= 14


def test_a_cast_in_the_middle():
    """Another dtype is another list."""
    single, double = batches((6,), 10), batches((6,), 10, dtype="float64")
    cast = at(10, lambda model, _: model.astype("float64"))
    assert both(mlp, OPTIMIZERS["adam"], [*single, *double], between=cast) == 14


# -- What must not be replayed ---------------------------------------------------------------------


class Doubled(Module):
    """Not one of minnet's own layers."""

    def forward(self, x):
        return x * 2 if float(x.numpy().sum()) > 0 else x


def with_layer(layer):
    return lambda rng: nn.Sequential(nn.Linear(6, 4, rng=rng), layer(), nn.Linear(4, 3, rng=rng))


EAGER = {
    "dropout": with_layer(lambda: nn.Dropout(0.3, rng=0)),
    "batch norm": with_layer(lambda: nn.BatchNorm1d(4)),
    "function": with_layer(lambda: nn.Lambda(lambda x: x * float(abs(x.numpy()).max()))),
    "own layer": with_layer(Doubled),
    "subclass": with_layer(type("Mine", (nn.Tanh,), {"forward": lambda self, x: x * x})),
}


@pytest.mark.parametrize("name", EAGER)
def test_what_the_tape_does_not_see_runs_eagerly(name):
    """Masks, running statistics, branches on data: right, and never replayed."""
    assert both(EAGER[name], OPTIMIZERS["adam"], batches((6,), 30)) == 0


def test_dropout_is_replayed_where_it_drops_nothing():
    """In eval mode from step 10 to 19, and eager again in training mode."""

    def modes(t, model, optimizer):
        model.train(not 10 <= t < 20)

    assert both(EAGER["dropout"], OPTIMIZERS["adam"], batches((6,), 30), between=modes) == 8


LOSS_CALLS = {
    "own loss": (lambda s, y: F.cross_entropy(s, y) * 2, lambda x, y: (x, y)),
    "smoothed": (lambda s, y: F.cross_entropy(s, y, label_smoothing=0.1), lambda x, y: (x, y)),
    "tensors": (F.cross_entropy, lambda x, y: (mn.tensor(x), y)),
    "lists": (F.cross_entropy, lambda x, y: (x, y.tolist())),
    "probabilities": (F.cross_entropy, lambda x, y: (x, np.eye(3, dtype="float32")[y])),
    "other dtype": (F.mse, lambda x, y: (x, x[:, :3].astype("float64"))),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSS_CALLS)
def test_other_losses_and_batches_run_eagerly(name):
    loss_fn, convert = LOSS_CALLS[name]
    data = [convert(x, y) for x, y in batches((6,), 10)]
    assert both(mlp, OPTIMIZERS["sgd"], data, loss_fn=loss_fn) == 0


def test_ignored_labels_run_eagerly():
    """-100 has a meaning, which an index into the scores would not know."""
    data = list(batches((6,), 20))
    for _, y in data[10:12]:
        y[1] = -100
    assert both(mlp, OPTIMIZERS["sgd"], data) == 15


def ready(steps=5):
    model = mlp(np.random.default_rng(0))
    step = recorded(model, F.cross_entropy, optim.Adam(model.parameters(), 0.01))
    data = list(batches((6,), steps + 1))
    for x, y in data[:-1]:
        step(x, y)
    assert step.replayed == steps - 3
    return model, step, *data[-1]


def test_wrong_labels_raise_and_change_nothing():
    model, step, x, y = ready()
    before = model.state_dict()
    y[0] = 3
    with pytest.raises(ValueRangeError, match="labels 0 .. 2"):
        step(x, y)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_observers_hear_every_operation():
    """Also debug(): a NaN is named."""
    _, step, x, y = ready()
    x[0, 0] = np.nan
    with mn.debug(), pytest.raises(NonFiniteError, match="linear"):
        step(x, y)


def test_no_grad_explains_itself():
    _, step, x, y = ready()
    with mn.no_grad(), pytest.raises(GraphError, match="no graph"):
        step(x, y)


def test_batch_that_is_its_own_target_and_one_array_for_all():
    """x is y: which of both a line reads could not be told."""
    data = [(x[:, :3].copy(),) * 2 for x, _ in batches((6,), 10)]
    build = lambda rng: nn.Sequential(nn.Linear(3, 3, rng=rng), nn.Tanh())
    assert both(build, OPTIMIZERS["sgd"], data, loss_fn=F.mse) == 0


def test_arguments_are_checked():
    model = mlp(0)
    with pytest.raises(DTypeError, match="RecordedStep needs"):
        train.RecordedStep(model, F.cross_entropy, model.parameters())


# -- The check before a list is believed can fail --------------------------------------------------


class Restless(Module):
    """Planted fault: a number that the tape cannot know to be another one each time."""

    calls = 0

    def forward(self, x):
        self.__class__.calls += 1
        return x * (1.0 + 0.1 * self.calls)


def test_a_list_that_differs_from_the_next_step_is_given_up(monkeypatch):
    monkeypatch.setattr(replay, "LAYERS", replay.LAYERS | {Restless})

    def build(rng):
        Restless.calls = 0
        return with_layer(Restless)(rng)

    assert both(build, OPTIMIZERS["sgd"], batches((6,), 20)) == 0


FAULTS = {
    "a scaled rule": lambda f: lambda *a, **k: f(*a, **k) * np.float32(1.0000002),
    "a wrong sign": lambda f: lambda *a, **k: -f(*a, **k),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_any_line_is_seen(name):
    """Each line of the list, spoilt after its recording: the list is never replayed."""
    data = list(batches((6,), 6))
    for line in range(100):
        model = leaky(np.random.default_rng(0))
        step = recorded(model, F.cross_entropy, optim.SGD(model.parameters(), 0.1))
        for x, y in data[:2]:
            step(x, y)
        (known,) = step._lists.values()
        if line == len(known.calls):
            break
        f, *rest = known.calls[line]
        known.calls[line] = (FAULTS[name](f), *rest)
        for x, y in data[2:]:
            step(x, y)
        assert step.replayed == 0, f
    assert line > 10


def test_the_list_as_text():
    """What is compiled reads like the step: the batch, then each operation, then its rules."""
    model = nn.Sequential(nn.Linear(6, 4, rng=0), nn.Tanh(), nn.Linear(4, 3, rng=0))
    step = recorded(model, F.cross_entropy, optim.SGD(model.parameters(), 0.1))
    for x, y in batches((6,), 2):
        step(x, y)
    (known,) = step._lists.values()
    first, *lines, last = known.source.splitlines()
    calls = [line.partition(" = ")[2].partition("(")[0] for line in lines if "del" not in line]
    forward = ["linear_0", "tanh_1", "linear_2", "label_cross_entropy_3", "asarray_4"]
    assert first == "def replay(r0, r1):" and calls[:5] == forward
    assert calls[5].startswith("_d_label_cross_entropy") and len(calls) == len(known.calls)
    assert last.count(",") == len(model.parameters())                 # the loss, the gradients
    assert "t=r1" in known.source                                     # the labels of the batch


def test_kept_gradients_and_losses_stay():
    """What a caller holds of one step is not overwritten by the next."""
    model, step, x, y = ready(6)
    held = [step(x, y), *(p.grad for p in model.parameters())]
    before = [a.numpy().copy() for a in held]
    step(x[::-1].copy(), y)
    for a, b in zip(held, before, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)


def test_lists_do_not_pile_up():
    """Batches of every size: at most KEPT lists."""
    model = mlp(np.random.default_rng(0))
    step = recorded(model, F.cross_entropy, optim.SGD(model.parameters(), 0.1))
    for n in range(1, 30):
        for x, y in batches((6,), 1, n):
            step(x, y)
    assert len(step._lists) <= replay.KEPT
