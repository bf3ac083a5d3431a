"""Every operation, from the table: value, first and second derivative, dtype, planted faults."""

from __future__ import annotations

import inspect
from contextlib import contextmanager

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet.functional import _families

from .cases import ALL, CASES, IDS, operation, reference
from .oracle import (
    contracted,
    differentiated,
    gradients,
    make_inputs,
    numeric_gradient,
    relative_error,
    upstream,
    with_tensors,
)

every_case = pytest.mark.parametrize(("name", "settings", "specs"), ALL, ids=IDS)
NO_GRADIENT = {"argmax", "argmin"}  # they return positions


def test_every_operation_has_a_case():
    assert set(F.__all__) - NO_GRADIENT == set(CASES)


@every_case
def test_value(name, settings, specs):
    """The value is the reference's, from arrays and from Tensors, and 0-d stays an array."""
    inputs = make_inputs(specs)
    expected = np.asarray(reference(name, settings)(*inputs))
    plain = operation(name, settings)(*inputs)
    y = operation(name, settings)(*with_tensors(inputs, differentiated(specs)))
    assert type(y) is mn.Tensor and type(y.data) is np.ndarray
    assert y.shape == expected.shape == np.shape(plain)
    assert relative_error(plain, expected) < 1e-13
    assert relative_error(y.numpy(), plain) < (1e-15 if name != "prod" else 1e-13)


@every_case
def test_first_order(name, settings, specs):
    f, inputs, places = operation(name, settings), make_inputs(specs), differentiated(specs)
    g = upstream(f(*inputs))
    before = [np.copy(x) for x in inputs if isinstance(x, np.ndarray)]
    for k, d in zip(places, gradients(f, inputs, places), strict=True):
        assert relative_error(d, numeric_gradient(f, inputs, k, g)) < 1e-9
    after = [x for x in inputs if isinstance(x, np.ndarray)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@every_case
def test_second_order(name, settings, specs):
    """The gradient of the gradient, for the inputs and for the upstream."""
    f, inputs, places = operation(name, settings), make_inputs(specs), differentiated(specs)
    phi = contracted(f, places)
    point = [*inputs, upstream(f(*inputs))]
    wanted = [*places, len(inputs)]
    tensors = with_tensors(point, wanted)
    ds = mn.grad(phi(*tensors), [tensors[k] for k in wanted], allow_unused=True)
    value = lambda *x: phi(*x).item()
    for k, d in zip(wanted, ds, strict=True):
        assert relative_error(d.numpy(), numeric_gradient(value, point, k, 1.0)) < 1e-8


@every_case
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtype_is_kept(name, settings, specs, dtype):
    """PF-C16: value and gradients have the input's dtype; float32 agrees with float64."""
    if name == "astype":
        settings = {"dtype": dtype}
    places, inputs = differentiated(specs), make_inputs(specs)
    narrow = [
        x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in inputs
    ]
    if any(isinstance(x, np.generic) for x in narrow):
        pytest.skip("a NumPy scalar promotes, as in NumPy")
    narrowed = {
        key: v.astype(dtype) if isinstance(v, np.ndarray) and v.dtype.kind == "f" else v
        for key, v in settings.items()
    }
    f = operation(name, narrowed)
    tensors = with_tensors(narrow, places)
    y = f(*tensors)
    assert y.dtype == dtype
    ds = mn.grad(y, [tensors[k] for k in places], upstream(y).astype(dtype))
    tolerance = {"float16": 2e-2, "float32": 5e-6, "float64": 1e-15}[dtype]
    assert relative_error(y.numpy(), operation(name, settings)(*inputs)) < tolerance
    for d, exact in zip(ds, gradients(operation(name, settings), inputs, places), strict=True):
        assert d.dtype == dtype
        assert relative_error(d.numpy(), exact) < 10 * tolerance


# -------------------------------------------------------------------------------------------------
# The checks above must be able to fail: faults are planted in every rule


FAULTS = {"scaled": lambda d: d * 1.01, "negated": lambda d: -d, "zeroed": lambda d: d * 0}


def all_ops():
    """Every Op in the package's families, the private ones too."""
    modules = [inspect.getmodule(f) for f in _families]
    found = [op for m in modules for op in vars(m).values() if isinstance(op, mn.Op)]
    return sorted({id(op): op for op in found}.values(), key=lambda op: op.name)


class Seen:
    """An observer that lists the operations used."""

    def __init__(self):
        self.ops = set()

    def on_op(self, op, args, settings, y):
        self.ops.add(op)


@contextmanager
def planted(op, argument, fault):
    rule = op.vjps[argument]
    op.vjps[argument] = lambda *asked: fault(rule(*asked))
    try:
        yield
    finally:
        op.vjps[argument] = rule


def _trials():
    """{op: [(f, inputs, places)]} of the cases whose forward pass uses the operation."""
    trials: dict = {}
    for name, settings, specs in ALL:
        f, inputs, places = operation(name, settings), make_inputs(specs), differentiated(specs)
        seen = Seen()
        with mn.observe(seen):
            f(*with_tensors(inputs, places))
        for op in seen.ops:
            trials.setdefault(op, []).append((f, inputs, places))
    return trials


def _differ(found, expected):
    """Whether the check of first-order gradients tells these lists apart."""
    return any(not relative_error(d, e) < 1e-9 for d, e in zip(found, expected, strict=True))


def _numeric(trial):
    f, inputs, places = trial
    g = upstream(f(*inputs))
    return [numeric_gradient(f, inputs, k, g) for k in places]


def test_planted_faults_are_caught():
    """Each rule scaled by 1.01, negated and zeroed is caught in the first cases that use it.

    A fault changes nothing where the gradient is zero, where the argument is not differentiated or
    where two faults cancel: if sound and faulty rules give the same numbers, the point is dropped
    and counted.  Everything else must be told apart from finite differences.
    """
    trials, dropped, caught, numeric = _trials(), 0, 0, {}
    rules = [(op, a) for op in all_ops() for a, rule in op.vjps.items() if rule and op in trials]
    for op, argument in rules:
        live = 0
        for trial in trials[op]:
            if live >= 6 * len(FAULTS):
                break
            sound = gradients(*trial)
            for fault in FAULTS.values():
                with planted(op, argument, fault):
                    faulty = gradients(*trial)
                if all(relative_error(d, e) < 1e-12 for d, e in zip(faulty, sound, strict=True)):
                    dropped += 1
                    continue
                if id(trial) not in numeric:
                    numeric[id(trial)] = _numeric(trial)
                assert _differ(faulty, numeric[id(trial)]), (op, argument)
                live += 1
        assert live or op.name == "sign", f"no case catches a fault in {op.name} for {argument}"
        caught += live
    print(f"\nplanted faults: {caught} caught, {dropped} dropped as no-ops")


def test_planted_faults_in_the_second_order():
    """The rule of the transpose of indexing, which only gradients of gradients use."""
    x = np.arange(6.0).reshape(2, 3)
    phi = contracted(lambda x: F.index(x, key=[0, 0, 1]), [0])
    g = mn.tensor(np.ones((3, 3)), requires_grad=True)
    (good,) = mn.grad(phi(x, g), [g])
    scatter = next(op for op in all_ops() if op.name == "_scatter")
    for fault in FAULTS.values():
        with planted(scatter, "g", fault):
            (bad,) = mn.grad(phi(x, g), [g])
        assert relative_error(bad.numpy(), good.numpy()) > 1e-3
