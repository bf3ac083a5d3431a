"""Operations that only gradients use, such as the transpose of a pool: faults in their rules.

`test_ops` plants faults in every operation that a forward pass uses, and checks all second orders
against finite differences.  Here each remaining operation is found in the gradient of some case,
and a fault in its rule must change that case's second order.
"""

import numpy as np
import pytest

import minnet as mn
from minnet.functional.windows import Window

from .cases import ALL, operation
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
from .test_ops import FAULTS, Seen, all_ops, planted


def _second_orders():
    """(phi, point, places) of every case: phi contracts the case's gradient to a number."""
    for name, settings, specs in ALL:
        f, inputs, places = operation(name, settings), make_inputs(specs), differentiated(specs)
        if places:
            point = [*inputs, upstream(f(*inputs))]
            yield contracted(f, places), point, [*places, len(inputs)]


def _gradients(phi, point, places):
    tensors = with_tensors(point, places)
    ds = mn.grad(phi(*tensors), [tensors[k] for k in places], allow_unused=True)
    return [d.numpy() for d in ds]


def _used(f, arguments):
    seen = Seen()
    with mn.observe(seen):
        f(*arguments)
    return seen.ops


@pytest.fixture(scope="module")
def trials():
    """{operation: [(phi, point, places)]} of the operations that no forward pass uses."""
    forward, found = set(), {}
    for name, settings, specs in ALL:
        inputs = make_inputs(specs)
        forward |= _used(operation(name, settings), with_tensors(inputs, differentiated(specs)))
    for phi, point, places in _second_orders():
        for op in _used(phi, with_tensors(point, places)) - forward:
            found.setdefault(op, []).append((phi, point, places))
    return {op: found.get(op, []) for op in all_ops() if op not in forward}


def _changes(op, argument, trial):
    """How much each fault in the rule changes this second order."""
    sound = _gradients(*trial)
    for fault in FAULTS.values():
        with planted(op, argument, fault):
            faulty = _gradients(*trial)
        pairs = zip(faulty, sound, strict=True)
        yield max(relative_error(d, e) for d, e in pairs if np.size(e))


IMAGE = np.random.default_rng(0).integers(0, 4, (2, 2, 4, 4)).astype(float)
PAIRS = Window((2, 2), (2, 2))
POOLED = IMAGE.reshape(2, 2, 2, 2, 2, 2).max((3, 5))
THIRD_ORDER = {  # operations used from the third order on: {name: (settings, inputs)}
    "_from_winners": ({"window": PAIRS}, [IMAGE + 0.1, IMAGE, POOLED]),
    "_live_rows": ({"ids": np.array([0, 2, 2]), "frozen": 0}, [IMAGE[0, 0]]),
}


def test_every_gradient_op_is_used_by_a_case(trials):
    assert {op.name for op, cases in trials.items() if not cases} == set(THIRD_ORDER)


def test_planted_faults_are_seen_in_the_second_order(trials):
    assert {op.name for op in trials} >= {"_scatter", "_to_winners", "_avg_spread"}
    for op, cases in trials.items():
        for argument in (a for a, rule in op.vjps.items() if rule and cases):
            seen = any(min(_changes(op, argument, trial)) > 1e-6 for trial in cases[:12])
            assert seen, f"no case sees a fault in {op.name} for {argument}"


@pytest.mark.parametrize("name", THIRD_ORDER)
def test_rules_of_the_third_order(name):
    """Beside finite differences, which also see each planted fault."""
    settings, inputs = THIRD_ORDER[name]
    (op,) = (op for op in all_ops() if op.name == name)
    f = lambda *arrays: op(*arrays, **settings)
    expected = numeric_gradient(f, inputs, 0, upstream(f(*inputs)))
    assert relative_error(gradients(f, inputs, [0])[0], expected) < 1e-9
    for fault in FAULTS.values():
        with planted(op, op.arrays[0], fault):
            assert relative_error(gradients(f, inputs, [0])[0], expected) > 1e-4
