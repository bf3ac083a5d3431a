"""What all optimizers share: groups, state, decay, flat rows, blocks, wrappers, errors."""

import copy
import gc
import inspect
import math
import pickle
import weakref

import numpy as np
import pytest

import minnet as mn
from minnet import optim
from minnet.errors import (
    DTypeError,
    GraphError,
    MinnetError,
    StateError,
    ValueRangeError,
)
from minnet.modes import observe
from minnet.optim import flat
from minnet.optim.program import Program
from minnet.train import MixedPrecision

ALL = {
    "sgd": (optim.SGD, {}),
    "momentum": (optim.Momentum, {}),
    "momentum_torch": (optim.Momentum, {"form": "torch"}),
    "momentum_ema": (optim.Momentum, {"form": "ema"}),
    "nesterov": (optim.Nesterov, {}),
    "nesterov_torch": (optim.Nesterov, {"form": "torch"}),
    "adagrad": (optim.Adagrad, {}),
    "rmsprop": (optim.RMSprop, {}),
    "adam": (optim.Adam, {}),
    "adam_simple": (optim.Adam, {"bias_correction": False}),
    "adamw": (optim.AdamW, {}),
    "adadelta": (optim.Adadelta, {"eps": 0.1}),
    "amsgrad": (optim.AMSGrad, {}),
    "lion": (optim.Lion, {}),
    "nadam": (optim.NAdam, {}),
    "lars": (optim.LARS, {"trust": 0.1}),
    "lamb": (optim.LAMB, {}),
}
DECAYS = [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled": True}]
SHAPES = [(), (3,), (0,), (4, 5), (700,), (2, 3, 4), (1, 1)]


def leaves(rng, shapes=SHAPES, dtype="float64"):
    return [mn.tensor(rng.standard_normal(s).astype(dtype), requires_grad=True) for s in shapes]


def give_gradients(params, rng):
    for p in params:
        p.grad = rng.standard_normal(p.shape).astype(p.dtype)


def twins(rng, **kwargs):
    first = leaves(rng, **kwargs)
    return first, [mn.tensor(p.numpy(), requires_grad=True) for p in first]


def train(optimizer, params, rng, steps=3):
    for _ in range(steps):
        give_gradients(params, rng)
        optimizer.step()


def values(params):
    return [p.numpy().copy() for p in params]


def assert_same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def assert_same_states(a, b):
    assert a.keys() == b.keys()
    assert_same(a.values(), b.values())


def small_blocks(monkeypatch, size):
    """Make blocks of that many bytes, and run a program from the first block on."""
    monkeypatch.setattr(flat, "BLOCK_BYTES", size)
    monkeypatch.setattr(flat, "PLAIN_BYTES", min(size, flat.PLAIN_BYTES))


def test_every_optimizer_is_in_the_table():
    """A forgotten row fails."""
    kinds = {x for x in vars(optim).values() if inspect.isclass(x)} - {optim.Optimizer}
    assert {k for k in kinds if issubclass(k, optim.Optimizer)} == {k for k, _ in ALL.values()}


# -- The formula and the fast code are one ---------------------------------------------------------


@pytest.mark.parametrize("decay", DECAYS, ids=["none", "l2", "decoupled"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ALL)
def test_blocks_and_plain_formula_agree(name, dtype, decay, monkeypatch):
    """The recorded program on small blocks = the body on whole parameters, in the same dtype.

    But for the last digits: the program carries out a chain of factors as one.
    """
    kind, settings = ALL[name]
    plain = type("Plain", (kind,), {"scope": "parameter"})
    rng = np.random.default_rng(3)
    fast_params, plain_params = twins(rng, dtype=dtype)
    small_blocks(monkeypatch, 64 * np.dtype(dtype).itemsize)
    for make, params in ((kind, fast_params), (plain, plain_params)):
        train(make(params, 0.05, **settings, **decay), params, np.random.default_rng(4))
    ulps = 16 * np.finfo(dtype).eps
    for fast, slow in zip(values(fast_params), values(plain_params), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=ulps, atol=ulps)
    assert {p.dtype for p in fast_params} == {np.dtype(dtype)}


BODIES = {
    "swap": lambda th, g, s: (0 * th, s.b, s.a + 1),
    "chain": lambda th, g, s: (s.a - s.b, s.b, g),
    "constant": lambda th, g, s: (1.0, 0.5, s.b),
    "shared": lambda th, g, s: (s.a, th, th),
    "late": lambda th, g, s: (s.a * s.b + g, s.a + (2 * s.a) * g, s.b - s.a),
    "reuse": lambda th, g, s: (np.exp(-(th**2)) * g / (1 + abs(g)), np.maximum(s.a, g), s.b**3),
    "mask": lambda th, g, s: ((g > 0) * g - (s.a <= s.b) * th, -s.a, s.b),
    "powers": lambda th, g, s: (abs(th) ** 0.5 * g**1, abs(s.a) ** -1.0, s.b**2 + s.a**2.0),
    "same": lambda th, g, s: (g * g - g / (2 + g * g), g * 2, g * 2),
}


@pytest.mark.parametrize("name", BODIES)
def test_program_equals_formula_for_odd_bodies(name, rng):
    """Swapped slots, kept gradients, constants, late readers: rows are never overwritten early."""
    rows = {k: rng.standard_normal(50) for k in ("theta", "g", "a", "b")}

    def advance(theta, g, s, t):
        change, s.a, s.b = BODIES[name](theta, g, s)
        return theta + change

    fast = {k: x.copy() for k, x in rows.items()}
    program = Program(advance, ("a", "b"), 1, dtype=np.dtype("float64"))
    scratch = [np.empty(50) for _ in range(program.scratch)]
    program.run(fast["g"], program.registers(fast["theta"], [fast["a"], fast["b"]], scratch))
    slow = {k: x.copy() for k, x in rows.items()}
    whole = flat.Block(0, 50, 0, 1, (50,), slow["theta"], (slow["a"], slow["b"]))
    flat._apply(advance, ("a", "b"), 1, whole, slow["g"])
    assert_same(fast.values(), slow.values())
    np.testing.assert_array_equal(fast["g"], rows["g"])


def test_random_formulas_give_the_same_bits(rng):
    """Programs of random lines: a wrong register would show."""
    for _ in range(200):
        plan = [rng.integers(0, 4 + i, 2) for i in range(8)]
        kinds = rng.integers(0, 4, 8)
        ends = rng.integers(0, 12, 3)

        def advance(theta, g, s, t, plan=plan, kinds=kinds, ends=ends):
            seen = [theta, g, s.a, s.b]
            for (i, j), kind in zip(plan, kinds, strict=True):
                x, y = seen[i], seen[j]
                seen.append([x + y, x * 0.5, np.tanh(x), x - 2 * y][kind])
            s.a, s.b = seen[ends[0]], seen[ends[1]]
            return theta + seen[ends[2]]

        rows = rng.standard_normal((4, 9))
        fast, slow = rows.copy(), rows.copy()
        program = Program(advance, ("a", "b"), 1)
        scratch = np.empty((program.scratch, 9))
        program.run(fast[1], program.registers(fast[0], fast[2:], scratch))
        whole = flat.Block(0, 9, 0, 1, (9,), slow[0], (slow[2], slow[3]))
        flat._apply(advance, ("a", "b"), 1, whole, slow[1])
        np.testing.assert_array_equal(fast, slow)


def test_adam_needs_twelve_passes_and_one_scratch_row():
    """Factors are carried out together; values replace operands that are not needed again."""
    x = mn.tensor([1.0], requires_grad=True)
    program = Program(optim.Adam([x])._advance, ("m", "v"), 1)
    assert (len(program.code), program.scratch) == (12, 1)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (lambda g: np.where(g > 0, g, 0), "where"),
        (lambda g: g if g > 0 else -g, "branch"),
        (lambda g: np.add.reduce(g), "add"),
        (lambda g: g * np.ones(2), "multiply"),
    ],
)
def test_bodies_that_are_not_elementwise_are_refused(body, word, rng, monkeypatch):
    """The error says what to do; nothing is changed."""
    small_blocks(monkeypatch, 16)
    kind = type("Odd", (optim.Optimizer,), {"update": lambda self, theta, g, s, t: body(g)})
    params = leaves(rng, [(7,)])
    before = values(params)
    give_gradients(params, rng)
    with pytest.raises(GraphError, match=f'{word}.*scope = "parameter"'):
        kind(params, 0.1).step()
    assert_same(values(params), before)


def test_other_scopes_see_what_they_say(rng):
    """ "parameter" gets each in its shape, "all" a group in one row."""
    seen = []

    def update(self, theta, g, s, t):
        seen.append(theta.shape)
        return -self.lr * g / np.linalg.norm(g)

    for scope, shapes in (("parameter", [(2, 3), (4,)]), ("all", [(10,)])):
        seen.clear()
        kind = type("Norm", (optim.Optimizer,), {"scope": scope, "update": update})
        params = leaves(rng, [(2, 3), (4,)])
        train(kind(params, 0.1), params, rng, 1)
        assert seen == shapes
    with pytest.raises(StateError, match="scope"):
        type("Wrong", (optim.Optimizer,), {"scope": "block"})


def test_scope_all_needs_every_gradient(rng):
    """One row of all parameters cannot miss one."""
    kind = type("All", (optim.SGD,), {"scope": "all"})
    params = leaves(rng, [(2,), (3,)])
    params[0].grad = np.ones(2)
    with pytest.raises(GraphError, match="every"):
        kind(params, 0.1).step()


# -- Steps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_step_keeps_gradients_shapes_and_converges(name, rng):
    """D15: gradients are not modified; a bowl is descended."""
    kind, settings = ALL[name]
    params = leaves(rng)
    optimizer = kind(params, 0.1 if "ada" in name else 0.05, **settings)
    start = sum(float((p.numpy() ** 2).sum()) for p in params)
    for _ in range(60):
        grads = [p.numpy().copy() for p in params]
        for p, g in zip(params, grads, strict=True):
            p.grad = g.copy()
        optimizer.step()
        assert_same([p.grad.numpy() for p in params], grads)
    assert [p.shape for p in params] == SHAPES
    assert sum(float((p.numpy() ** 2).sum()) for p in params) < 0.7 * start


def test_parameters_without_gradient_are_skipped(rng):
    """Each parameter counts its own steps, as in PyTorch: Adam's first step is lr sign(g)."""
    params = leaves(rng, [(3,), (4,), (5,)])
    optimizer = optim.Adam(params, 0.1)
    before = values(params)
    for p in (params[0], params[2]):
        p.grad = np.ones(p.shape)
    optimizer.step()
    optimizer.step()
    np.testing.assert_array_equal(params[1].numpy(), before[1])
    params[1].grad = np.full(4, 7.0)
    optimizer.step()
    np.testing.assert_allclose(params[1].numpy(), before[1] - 0.1, rtol=1e-6)
    assert [optimizer.state(p)["t"] for p in params] == [3, 1, 3]


def test_step_without_any_gradient_explains(rng):
    """No parameter has a gradient."""
    optimizer = optim.SGD(leaves(rng), 0.1)
    with pytest.raises(GraphError, match=r"SGD.step needs a gradient .*loss.backward\(\)"):
        optimizer.step()


def test_zero_grad_and_training_by_hand():
    """The loop of the README: gradients are reset to None, versions count the steps."""
    x = mn.tensor([1.0, -2.0], requires_grad=True)
    optimizer = optim.SGD([x], lr=0.25)
    for _ in range(3):
        loss = (x * x).sum()
        optimizer.zero_grad()
        assert x.grad is None
        loss.backward()
        optimizer.step()
    np.testing.assert_array_equal(x.numpy(), [0.125, -0.25])


def test_step_between_forward_and_backward_is_seen():
    """A step edits arrays that the graph saved: backward must say so, not be wrong."""
    x = mn.tensor([3.0], requires_grad=True)
    loss = (x * x).sum()
    x.grad = [1.0]
    optim.SGD([x], lr=0.1).step()
    with pytest.raises(GraphError):
        loss.backward()


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_weight_decay_shrinks_by_lr_alpha_w(name):
    """PF-E7, table 0.4: zero gradient; decoupled decay, and L2 decay of SGD."""
    kind, _ = ALL[name]
    for decoupled in (True, False) if name == "sgd" else (True,):
        w = mn.tensor([2.0, -4.0], requires_grad=True)
        w.grad = [0.0, 0.0]
        kind([w], 0.1, weight_decay=0.5, decoupled=decoupled).step()
        np.testing.assert_allclose(w.numpy(), [1.9, -3.8], rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", ALL)
def test_dtype_is_kept(name, dtype, rng):
    """PF-E10, dtype: parameters, slots; NumPy scalars as settings do not widen them."""
    kind, settings = ALL[name]
    params = leaves(rng, dtype=dtype)
    settings = {"eps": 1e-3, **settings} if "eps" in kind.settings else settings  # for float16
    optimizer = kind(params, np.float64(0.05), weight_decay=np.float32(0.1), **settings)
    train(optimizer, params, rng)
    for p in params:
        slots = [x for x in optimizer.state(p).values() if isinstance(x, np.ndarray)]
        assert {p.dtype, *(x.dtype for x in slots)} == {np.dtype(dtype)}
    assert type(optimizer.lr) is float


def test_mixed_dtypes_in_one_group(rng):
    """Each dtype has its row; the result is that of separate optimizers."""
    mixed = leaves(rng, [(3,)]) + leaves(rng, [(4,)], dtype="float32") + leaves(rng, [(2,)])
    alone = [mn.tensor(p.numpy(), requires_grad=True) for p in mixed]
    train(optim.Adam(mixed, 0.1), mixed, np.random.default_rng(1))
    optimizers = [optim.Adam([p], 0.1) for p in alone]
    source = np.random.default_rng(1)
    for _ in range(3):
        give_gradients(alone, source)
        for optimizer in optimizers:
            optimizer.step()
    assert_same(values(mixed), values(alone))


def test_gradients_need_not_be_contiguous(rng):
    """A transposed gradient is read in the order of the parameter."""
    p, q = twins(rng, shapes=[(3, 4), (2,)])
    for params, g in ((p, rng.standard_normal((4, 3)).T), (q, None)):
        params[0].grad = mn.tensor(g if g is not None else p[0].grad.numpy().copy(), copy=False)
        params[1].grad = np.ones(2)
        optim.SGD(params, 0.1).step()
    assert_same(values(p), values(q))


# -- Flat rows -------------------------------------------------------------------------------------


def neighbours(params):
    return all(p.numpy().base is params[0].numpy().base for p in params)


def test_parameters_share_one_row_and_stay_in_it(rng):
    """Views from the first step on; assignment copies into the row."""
    params = leaves(rng)
    before = values(params)
    optimizer = optim.Momentum(params, 0.1)
    assert all(p._home is None for p in params)
    give_gradients(params, rng)
    optimizer.lr = 0.0
    optimizer.step()
    assert_same(values(params), before)
    assert neighbours(params)
    params[3].data = np.ones((4, 5))
    params[1].data -= 1.0
    assert neighbours(params)
    optimizer.lr = 0.1
    optimizer.step()
    assert neighbours(params) and not np.array_equal(params[3].numpy(), np.ones((4, 5)))


def test_rebound_parameter_is_taken_in_with_its_state(rng):
    """A parameter cast to another dtype keeps its velocity and step count."""
    params, others = twins(rng, shapes=[(5,), (6,)])
    a, b = optim.Adam(params, 0.1), optim.Adam(others, 0.1)
    for optimizer, which in ((a, params), (b, others)):
        train(optimizer, which, np.random.default_rng(5))
    params[0].data = params[0].numpy().astype("float32")
    assert a.state(params[0])["t"] == 3
    for optimizer, which in ((a, params), (b, others)):
        train(optimizer, which, np.random.default_rng(6), 2)
    assert params[0].dtype == np.float32 and a.state(params[0])["m"].dtype == np.float32
    np.testing.assert_allclose(params[0].numpy(), others[0].numpy(), rtol=1e-5)
    np.testing.assert_array_equal(params[1].numpy(), others[1].numpy())
    assert a.state(params[0])["t"] == 5


def test_another_shape_is_refused(rng):
    """Slots of the old shape mean nothing."""
    params = leaves(rng, [(5,)])
    optimizer = optim.Momentum(params, 0.1)
    train(optimizer, params, rng, 1)
    params[0].grad = None
    params[0].data = np.ones(4)
    params[0].grad = np.ones(4)
    with pytest.raises(StateError, match=r"\(5,\) to \(4,\)"):
        optimizer.step()


def test_a_parameter_belongs_to_one_living_optimizer(rng):
    """A second optimizer is refused at its first step while the first lives, and then accepted."""
    params = leaves(rng)
    give_gradients(params, rng)
    first = optim.Momentum(params, 0.1)
    first.step()
    before = values(params)
    second = optim.Adam(params, 0.1)
    with pytest.raises(StateError, match=r"Adam got a parameter .* Momentum updates"):
        second.step()
    assert_same(values(params), before)
    del first
    second.step()


def test_no_reference_cycle_and_no_growth(rng):
    """D15: an optimizer is freed at once; 1,000 steps leave no tensors behind."""
    x = mn.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.Adam([x], 1e-3)
    alive = weakref.ref(optimizer)

    def count():
        gc.collect()
        return sum(issubclass(type(o), mn.Tensor) for o in gc.get_objects())

    counts = []
    for t in range(1000):
        optimizer.zero_grad()
        (x * x).sum().backward()
        optimizer.step()
        if t in (10, 999):
            counts.append(count())
    assert counts[0] == counts[1]
    gc.disable()
    try:
        del optimizer
        assert alive() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_start_at_a_cache_line(dtype, rng):
    """Parameters, slots and scratch rows: passes that straddle lines are a tenth slower."""
    x = mn.tensor(rng.standard_normal(50_001).astype(dtype), requires_grad=True)
    optimizer = optim.Momentum([x], 0.1)
    x.grad = rng.standard_normal(50_001).astype(dtype)
    optimizer.step()
    ((_, rows),) = optimizer._flats
    found = [rows.theta, *rows.slots.values(), *rows.scratch[0]]
    assert len(found) >= 3
    found += [block.theta for block in rows.plans[0, 1]]
    assert all(row.ctypes.data % flat.CACHE_LINE == 0 for row in found)


def test_a_copied_optimizer_goes_its_own_way(rng):
    """copy.deepcopy of parameters and optimizer together."""
    params = leaves(rng)
    optimizer = optim.Momentum(params, 0.1)
    train(optimizer, params, rng, 2)
    others, twin = copy.deepcopy((params, optimizer))
    before = values(params)
    train(twin, others, np.random.default_rng(8), 2)
    assert_same(values(params), before)
    train(optimizer, params, np.random.default_rng(8), 2)
    assert_same(values(params), values(others))


@pytest.mark.parametrize("name", ALL)
def test_a_pickled_optimizer_goes_on_where_it_was(name, rng):
    """pickle of parameters and optimizer together, before and after steps; both stay whole."""
    kind, settings = ALL[name]
    params = leaves(rng)
    optimizer = kind(params, 0.05, **settings)
    for _ in range(2):
        before = values(params)
        others, twin = pickle.loads(pickle.dumps((params, optimizer)))
        assert_same(values(params), before)
        assert repr(twin) == repr(optimizer)
        assert_same_states(optimizer.state_dict(), twin.state_dict())
        train(twin, others, np.random.default_rng(8))
        assert_same(values(params), before)
        train(optimizer, params, np.random.default_rng(8))
        assert_same(values(params), values(others))
        assert_same_states(optimizer.state_dict(), twin.state_dict())


def test_a_wrapped_optimizer_is_pickled_with_what_wraps_it(rng):
    params = leaves(rng)
    optimizer = MixedPrecision(optim.ClipNorm(optim.Adam(params, 0.1), 1.0), dtype="float16")
    train(optimizer, params, rng, 2)
    others, twin = pickle.loads(pickle.dumps((params, optimizer)))
    assert twin.scale == optimizer.scale and repr(twin) == repr(optimizer)
    for o, which in ((optimizer, params), (twin, others)):
        train(o, which, np.random.default_rng(2))
    assert_same(values(params), values(others))


# -- Groups and settings ---------------------------------------------------------------------------


def test_groups_have_their_own_settings(rng):
    """D15: per-group lr and weight decay; lr of all groups at once, or of one."""
    a, b = leaves(rng, [(3,), (3,)])
    groups = [{"params": [a], "weight_decay": 0.5}, {"params": b, "lr": 0.01}]
    optimizer = optim.SGD(groups, lr=0.1)
    start_a, start_b = values([a, b])
    for p in (a, b):
        p.grad = np.ones(3)
    optimizer.step()
    np.testing.assert_allclose(a.numpy(), start_a - 0.1 * (1 + 0.5 * start_a))
    np.testing.assert_allclose(b.numpy(), start_b - 0.01)
    with pytest.raises(ValueRangeError, match=r"lr differs between groups, \[0.1, 0.01\]"):
        optimizer.lr  # noqa: B018
    optimizer.groups[1]["lr"] = 0.2
    assert [g["lr"] for g in optimizer.groups] == [0.1, 0.2]
    optimizer.lr = 0.3
    assert optimizer.lr == 0.3 and optimizer.groups[1]["lr"] == 0.3


def test_lr_may_change_at_each_step():
    """A schedule sets it."""
    x = mn.tensor([0.0], requires_grad=True)
    optimizer = optim.SGD([x], 1.0)
    for lr in (1.0, 0.1, 0.01):
        optimizer.lr = lr
        x.grad = [-1.0]
        optimizer.step()
    assert x.item() == pytest.approx(1.11, rel=1e-15)


p = lambda: mn.tensor([1.0], requires_grad=True)
BAD = {
    "negative lr": (lambda: optim.SGD([p()], -1.0), ValueRangeError, "SGD needs lr.*-1.0"),
    "nan lr": (lambda: optim.SGD([p()], math.nan), ValueRangeError, "nan"),
    "infinite lr": (lambda: optim.SGD([p()], math.inf), ValueRangeError, "inf"),
    "text lr": (lambda: optim.SGD([p()], "0.1"), DTypeError, "'0.1'"),
    "no lr": (lambda: optim.Momentum([p()]), DTypeError, "Momentum needs lr"),
    "momentum 1": (lambda: optim.Momentum([p()], 1, momentum=1.0), ValueRangeError, r"\[0, 1\)"),
    "beta": (lambda: optim.Adam([p()], betas=(0.9, 1.0)), ValueRangeError, "pair.*1.0"),
    "one beta": (lambda: optim.Adam([p()], betas=(0.9,)), ValueRangeError, "pair"),
    "number as betas": (lambda: optim.Adam([p()], betas=0.9), DTypeError, "pair"),
    "eps": (lambda: optim.Adam([p()], eps=-1e-8), ValueRangeError, "eps"),
    "decay": (lambda: optim.SGD([p()], 1, weight_decay=-1), ValueRangeError, "weight_decay"),
    "flag": (lambda: optim.SGD([p()], 1, decoupled=2), DTypeError, "True or False"),
    "form": (lambda: optim.Nesterov([p()], 1, form="ema"), ValueRangeError, "lookahead"),
    "misspelt": (lambda: optim.Adam([p()], beta=1), DTypeError, "did you mean betas"),
    "unknown": (lambda: optim.SGD([p()], 1, zzz=1), DTypeError, "it has lr, weight_decay"),
    "group key": (lambda: optim.SGD([{"params": [p()], "Lr": 1}], 1), DTypeError, "mean lr"),
    "group lr": (lambda: optim.SGD([{"params": [p()], "lr": -1}], 1), ValueRangeError, "lr"),
    "no params": (lambda: optim.SGD([{"lr": 1}], 1), DTypeError, "'params' in every group"),
    "mixture": (lambda: optim.SGD([p(), {"params": [p()]}], 1), DTypeError, "either"),
    "empty": (lambda: optim.SGD([], 1), ValueRangeError, "at least one"),
    "empty groups": (lambda: optim.SGD([{"params": []}], 1), ValueRangeError, "at least one"),
    "a tensor": (lambda: optim.SGD(p(), 1), DTypeError, "Put it in a list"),
    "an array": (lambda: optim.SGD([np.ones(2)], 1), DTypeError, "updates tensors.*ndarray"),
    "integers": (lambda: optim.SGD([mn.tensor([1, 2])], 1), DTypeError, "dtype int64"),
    "computed": (lambda: optim.SGD([p() * 2.0], 1), DTypeError, "computed from others"),
    "twice": (lambda: optim.SGD([q := p(), q], 1), StateError, "0 and 1, the same tensor"),
    "in two groups": (
        lambda: optim.SGD([{"params": [q := p()]}, {"params": [q]}], 1), StateError, "same tensor",
    ),
    "names": (lambda: optim.SGD([("w", p()), ("w", p())], 1), StateError, "w twice"),
    "lookahead": (lambda: optim.SGD([p()], 1).lookahead().__enter__(), StateError, "no velocity"),
    "ahead twice": (
        lambda: optim.Nesterov([p()], 1).lookahead().__enter__(), StateError, "already",
    ),
    "no update": (lambda: step(optim.Optimizer, p()), StateError, "needs a method update"),
    "not ahead": (lambda: step(optim.Nesterov, p(), form="lookahead"), StateError, "inside `with"),
    "clip nothing": (lambda: optim.ClipNorm([p()], 1.0), DTypeError, "wraps an optimizer"),
    "clip at 0": (lambda: optim.ClipValue(optim.SGD([p()], 1), 0), ValueRangeError, "above 0"),
    "strange tensor": (lambda: optim.SGD([p()], 1).state(p()), StateError, "does not update"),
}  # fmt: skip


def step(kind, x, **settings):
    x.grad = [1.0]
    kind([x], 0.1, **settings).step()


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    """Each error says who needs what, got what."""
    make, error, text = BAD[name]
    with pytest.raises(error, match=text) as caught:
        make()
    assert isinstance(caught.value, MinnetError)


def test_bad_assignment_changes_nothing():
    """All groups keep their values."""
    optimizer = optim.SGD([{"params": [p()]}, {"params": [p()], "lr": 2.0}], 1.0)
    with pytest.raises(ValueRangeError):
        optimizer.lr = -1.0
    with pytest.raises(DTypeError, match="did you mean lr"):
        optimizer.groups[0]["rl"] = 1.0
    assert [g["lr"] for g in optimizer.groups] == [1.0, 2.0]


def test_signatures_for_help():
    """help(Adam) shows the settings and their defaults; at most eight arguments."""
    shown = str(inspect.signature(optim.Adam))
    assert shown.startswith("(params, lr=0.001, *, weight_decay=0.0, decoupled=False, betas=(0.9")
    assert str(inspect.signature(optim.SGD)).startswith("(params, lr, *")
    assert all(len(inspect.signature(kind).parameters) <= 8 for kind, _ in ALL.values())


def test_repr_shows_the_flat_directions(rng):
    """L05: lambda alpha / (1 - rho), with the value .4 * 5e-4 / .1 = .002."""
    optimizer = optim.Nesterov(leaves(rng, [(20,), (3, 4)]), 0.4, weight_decay=5e-4)
    shown = repr(optimizer)
    assert "2 parameters, 32 numbers" in shown
    assert "lambda=0.4 rho=0.9 alpha=0.0005 lambda*alpha/(1-rho)=0.002" in shown
    assert "rho=0 " in repr(optim.Momentum([p()], 0.1, form="ema"))  # an average does not sum


# -- State -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_state_dict_resumes_bit_for_bit(name, rng):
    """D15: 3 + 3 steps through a state_dict = 6 steps."""
    kind, settings = ALL[name]
    params, others = twins(rng)
    optimizer = kind(params, 0.05, **settings)
    twin = kind(others, 0.9)
    train(optimizer, params, rng)
    record = optimizer.state_dict()
    assert {type(x) for x in record.values()} <= {np.ndarray, str, int, float, bool, tuple}
    for a, b in zip(params, others, strict=True):
        b.data = a.numpy().copy()
    twin.load_state_dict(record)
    for x in record.values():
        if isinstance(x, np.ndarray):
            x[...] = 99.0  # a record is a copy, on the way in and on the way out
    assert repr(twin) == repr(optimizer)
    for o, which in ((optimizer, params), (twin, others)):
        train(o, which, np.random.default_rng(2))
    assert_same(values(params), values(others))


def test_state_dict_uses_names_in_order_and_survives_npz(rng, tmp_path):
    """PF-E10: named-parameter order, no ids; NumPy's file format is enough."""
    w, b = leaves(rng, [(2, 3), (3,)])
    optimizer = optim.Adam([("weight", w), ("bias", b)])
    train(optimizer, [w, b], rng)
    record = optimizer.state_dict()
    assert [k for k in record if k.startswith("state")] == [
        f"state.{name}.{key}" for name in ("weight", "bias") for key in ("t", "m", "v")
    ]
    np.savez(tmp_path / "o.npz", **record)
    with np.load(tmp_path / "o.npz") as stored:
        optimizer.load_state_dict(dict(stored))
    again = optimizer.state_dict()
    for k, x in again.items():
        assert np.array_equal(record[k], x) and type(record[k]) is type(x)


def without(record, key):
    return {k: v for k, v in record.items() if k != key}


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda r: without(r, "state.0.v"), "missing: state.0.v; unknown: none"),
        (lambda r: r | {"state.9.v": 1}, "missing: none; unknown: state.9.v"),
        (lambda r: {}, "missing: optimizer"),
        (lambda r: r | {"optimizer": "Nesterov"}, "state of a Momentum, got one of Nesterov"),
        (lambda r: r | {"state.1.v": np.ones(9)}, r"shape \(4,\) .* parameter 1"),
        (lambda r: r | {"state.1.t": -1}, "t = -1"),
        (lambda r: r | {"state.1.t": 1.5}, "t = 1.5"),
        *[
            (lambda r, t=t: r | {"state.1.t": t}, f"step count for parameter 1, .*t = {text}")
            for t, text in [
                ("x", "'x'"), ("3", "'3'"), (None, "None"), ([1], r"\[1\]"), (np.nan, "nan"),
                (np.inf, "inf"), (1j, "1j"), (True, "True"), (10**400, "1000"), (1e300, r"1e\+300"),
                (np.ones(2), "array"), ([[1], [1, 2]], r"\[\[1\]"), ({}, "{}"),
            ]
        ],
        (lambda r: r | {"state.1.v": [[1], [1, 2]]}, "no numbers"),
        (lambda r: r | {"state.1.v": np.full(4, "x")}, "no numbers"),
        (lambda r: r | {"state.1.v": np.full(4, 1j)}, "no numbers"),
        (lambda r: r | {"state.1.v": None}, "no numbers"),
        (lambda r: None, "needs a state_dict, got NoneType"),
        (lambda r: list(r), "needs a state_dict, got list"),
        (lambda r: r | {"groups.0.lr": -1.0}, "needs lr"),
    ],
)
def test_state_that_does_not_fit_changes_nothing(spoil, text, rng):
    """Errors name the entries; parameters, slots and settings are as before."""
    params = leaves(rng, [(3,), (4,)])
    optimizer = optim.Momentum(params, 0.1)
    train(optimizer, params, rng)
    before, record = values(params), optimizer.state_dict()
    with pytest.raises((StateError, ValueRangeError), match=text):
        optimizer.load_state_dict(spoil({k: copy.copy(v) for k, v in record.items()}))
    after = optimizer.state_dict()
    assert_same(values(params), before)
    assert all(np.array_equal(record[k], after[k]) for k in record)


# -- Look-ahead ------------------------------------------------------------------------------------


def test_lookahead_restores_exactly_also_after_an_error(rng):
    """D10: theta + mu v inside, the same bits outside."""
    params = leaves(rng)
    optimizer = optim.Momentum(params, 0.1)
    train(optimizer, params, rng)
    before = values(params)
    with optimizer.lookahead():
        for x, old in zip(params, before, strict=True):
            ahead = old + 0.9 * optimizer.state(x)["v"]
            np.testing.assert_allclose(x.numpy(), ahead, rtol=1e-15)
    assert_same(values(params), before)
    with pytest.raises(RuntimeError, match="inside"), optimizer.lookahead():
        params[0].data += 1.0
        raise RuntimeError("inside")
    assert_same(values(params), before)
    assert neighbours(params)


def test_lookahead_uses_each_groups_settings(rng):
    """mu and lr of the group that a parameter is in."""
    a, b = leaves(rng, [(2,), (2,)])
    groups = [{"params": [a], "momentum": 0.5}, {"params": [b], "momentum": 0.25}]
    optimizer = optim.Momentum(groups, 1.0)
    a.grad = b.grad = np.ones(2)
    optimizer.step()
    before = values([a, b])
    with optimizer.lookahead():
        np.testing.assert_allclose(a.numpy(), before[0] - 0.5)
        np.testing.assert_allclose(b.numpy(), before[1] - 0.25)


# -- Clipping --------------------------------------------------------------------------------------


def clipped_step(wrap, grads, dtype="float64"):
    params = [mn.tensor(np.zeros(len(g), dtype), requires_grad=True) for g in grads]
    for x, g in zip(params, grads, strict=True):
        x.grad = np.array(g, dtype)
    optimizer = wrap(optim.SGD(params, 1.0))
    optimizer.step()
    assert_same([x.grad.numpy() for x in params], [np.array(g, dtype) for g in grads])
    assert {x.dtype for x in params} == {np.dtype(dtype)}
    return np.concatenate([-x.numpy() for x in params]), optimizer


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bytes_", [16, 2**17])
def test_clip_norm(dtype, bytes_, monkeypatch):
    """The norm runs over all parameters; below the limit nothing changes, not a bit."""
    small_blocks(monkeypatch, bytes_)
    grads = [[3.0, 0.0, 4.0], [12.0, 0.0]]
    moved, optimizer = clipped_step(lambda o: optim.ClipNorm(o, 6.5), grads, dtype)
    np.testing.assert_allclose(moved, [1.5, 0, 2, 6, 0], rtol=1e-6)
    assert float(optimizer.norm) == pytest.approx(13)
    moved, _ = clipped_step(lambda o: optim.ClipNorm(o, 13.5), grads, dtype)
    np.testing.assert_array_equal(moved, [3, 0, 4, 12, 0])
    moved, _ = clipped_step(lambda o: optim.ClipNorm(o, 1.0), [[0.0]], dtype)
    assert moved == 0


@pytest.mark.parametrize("bytes_", [16, 2**17])
def test_clip_value_and_nesting(bytes_, monkeypatch):
    """The outer wrapper acts first."""
    small_blocks(monkeypatch, bytes_)
    value, norm = (lambda o: optim.ClipValue(o, 2.0)), (lambda o: optim.ClipNorm(o, 1.0))
    grads = [[3.0, -4.0, 0.5], [0.0]]
    np.testing.assert_array_equal(clipped_step(value, grads)[0], [2, -2, 0.5, 0])
    both = np.array([2, -2, 0.5, 0])
    got, _ = clipped_step(lambda o: value(norm(o)), grads)
    np.testing.assert_allclose(got, both / np.linalg.norm(both), rtol=1e-14)
    got, _ = clipped_step(lambda o: norm(value(o)), grads)
    np.testing.assert_allclose(got, np.array([3, -4, 0.5, 0]) / np.linalg.norm([3, -4, 0.5]))


def test_a_wrapper_is_otherwise_the_optimizer(rng):
    """Settings, state and look-ahead go through."""
    params = leaves(rng)
    inner = optim.Momentum(params, 0.1)
    optimizer = optim.ClipValue(optim.ClipNorm(inner, 1.0), 0.5)
    optimizer.lr = 0.7
    assert inner.lr == optimizer.lr == 0.7 and optimizer.groups is inner.groups
    train(optimizer, params, rng)
    optimizer.load_state_dict(optimizer.state_dict())
    with optimizer.lookahead():
        pass
    optimizer.zero_grad()
    assert params[0].grad is None and "ClipValue(0.5) of ClipNorm(1) of Momentum" in repr(optimizer)
    assert optimizer.limit == 0.5 and optimizer.optimizer.limit == 1.0


def test_observers_hear_of_each_step(rng):
    """The seam that monitors use; the optimizer itself is passed, also through a wrapper."""
    heard = []
    listener = type("Listener", (), {"on_step": lambda self, o: heard.append(o)})()
    params = leaves(rng)
    optimizer = optim.SGD(params, 0.1)
    with observe(listener):
        train(optimizer, params, rng, 2)
        train(optim.ClipNorm(optimizer, 1.0), params, rng, 1)
    train(optimizer, params, rng, 1)
    assert heard == [optimizer] * 3
