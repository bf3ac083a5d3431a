"""The contract battery: GC-K1 to GC-K13, PF-A2, PF-A8.   A row is a fault and its code."""

from functools import partial

import numpy as np
import pytest

from gradcheck.adapters import vjp_problem
from gradcheck.why import contract
from tests.gradcheck.bank.ops import CATALOGUE


def affine(x, W, b):
    return x @ W + b, (x, W)


def right(d, cache):
    x, W = cache
    return {"x": d @ W.T, "W": x.T @ d, "b": d.sum(0)}


def point(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.standard_normal((3, 4)),
        "W": rng.standard_normal((4, 5)),
        "b": rng.standard_normal(5),
    }


def findings(backward, forward=affine, inputs=None, **options):
    problem = vjp_problem(forward, backward, inputs or point(), **options)
    return contract.run(problem, np.random.default_rng(1))


def codes(*args, **options):
    return {(f.code, f.param) for f in findings(*args, **options)}


def changed(**parts):
    """The right backward with some gradients replaced."""
    return lambda d, cache: right(d, cache) | {k: f(d, cache) for k, f in parts.items()}


ONE_CALL = {
    "GC-K1 none": (changed(W=lambda d, c: None), "missing-gradient", "W"),
    "GC-K1 not numbers": (changed(W=lambda d, c: "W"), "missing-gradient", "W"),
    "GC-K1 PF-A2 short tuple": (
        lambda d, c: tuple(right(d, c).values())[:2],
        "missing-gradient",
        "b",
    ),
    "GC-K1 PF-A2 long tuple": (lambda d, c: (*right(d, c).values(), d), "extra-gradient", ""),
    "GC-K1 other key": (
        lambda d, c: {"x": d @ c[1].T, "weight": c[0].T @ d, "b": d.sum(0)},
        "extra-gradient",
        "",
    ),
    "GC-K1 shape": (changed(b=lambda d, c: d.sum()), "shape", "b"),
    "GC-K1 dtype": (changed(b=lambda d, c: d.sum(0).astype(np.float32)), "dtype", "b"),
    "GC-K1 nan": (changed(b=lambda d, c: d.sum(0) * [1, 1, np.nan, 1, 1]), "nan", "b"),
    "GC-K2 not summed": (changed(b=lambda d, c: d), "not-summed", "b"),
    "GC-K2 mean": (changed(b=lambda d, c: d * len(d)), "mean-not-sum", "b"),
    "GC-K2 transposed": (changed(W=lambda d, c: d.T @ c[0]), "transposed", "W"),
    "GC-K8": (lambda d, c: {**right(d, c), "x": c[0]}, "aliases", "x"),
    "GC-K10": (changed(W=lambda d, c: c[0].T @ d + 0.1 * c[1]), "not-multiplied-by-upstream", "W"),
    "GC-K11 nonlinear": (
        changed(b=lambda d, c: (d * (d > 0)).sum(0)),
        "nonlinear-in-upstream",
        "b",
    ),
    "GC-K11 ignores": (changed(b=lambda d, c: np.ones(5)), "ignores-upstream", "b"),
    "GC-K11 clipped": (changed(W=lambda d, c: np.clip(c[0].T @ d, -0.1, 0.1)), "clipped", "W"),
}


@pytest.mark.parametrize("row", ONE_CALL.values(), ids=ONE_CALL)
def test_fault_of_the_returned_gradients_gets_its_code(row):
    backward, code, param = row
    assert (code, param) in codes(backward)


def consumes(d, cache):
    x, W = cache.pop()
    return right(d, (x, W))


def writes_cache(d, cache):
    x, W = cache
    g = right(d, cache)
    x *= 0.5
    return g


def writes_upstream(d, cache):
    d *= 2
    return right(d / 2, cache)


def updates(d, cache):
    g = right(d, cache)
    cache[1][...] -= g["W"]
    return g


def writes_input(x, W, b):
    y, cache = affine(x, W, b)
    x -= x.mean()
    return y, cache


MEMORY = {
    "GC-K5 consumed": (consumes, lambda **v: (affine(**v)[0], [affine(**v)[1]]), "cache-consumed"),
    "GC-K5 modified": (
        writes_cache,
        lambda x, W, b: (affine(x, W, b)[0], (x.copy(), W)),
        "cache-modified",
    ),
    "GC-K6 upstream": (writes_upstream, affine, "mutates-upstream"),
    "GC-K6 parameter": (updates, affine, "mutates-parameter"),
    "GC-K6 input, backward": (writes_cache, affine, "mutates-input"),
    "GC-K6 PF-A8 input, forward": (right, writes_input, "mutates-input"),
}


@pytest.mark.parametrize("row", MEMORY.values(), ids=MEMORY)
def test_fault_of_memory_gets_its_code(row):
    backward, forward, code = row
    assert code in {c for c, _ in codes(backward, forward)}


def test_k3_a_forward_that_draws_anew_is_inconclusive():
    rng = np.random.default_rng(0)
    noisy = lambda x, W, b: (x @ W + b + rng.standard_normal(5), (x, W))
    (found,) = [f for f in findings(right, noisy) if f.code == "forward-not-repeatable"]
    assert found.severity == "inconclusive"


def test_k4_a_mask_redrawn_in_backward_is_named():
    rng = np.random.default_rng(0)
    backward = lambda d, c: right(d, c) | {"b": (d * (rng.random(d.shape) < 0.5)).sum(0)}
    assert "backward-not-repeatable" in {c for c, _ in codes(backward)}


def test_k4_a_buffer_that_is_never_zeroed_accumulates():
    total = np.zeros((4, 5))

    def backward(d, c):
        np.add(total, c[0].T @ d, out=total)
        return right(d, c) | {"W": total.copy()}

    assert ("accumulates", "W") in codes(backward)


def test_k7_state_outside_the_cache_is_found():
    last = {}

    def forward(**values):
        y, last["cache"] = affine(**values)
        return y, None

    assert "shared-cache" in {c for c, _ in codes(lambda d, c: right(d, last["cache"]), forward)}


def test_k9_and_k12_need_a_problem_that_offers_its_buffers_and_value():
    problem = vjp_problem(affine, right, point())
    problem.prefilled = lambda d, noise: right(d, (problem.inputs["x"], problem.inputs["W"]))
    problem.alone = lambda values: affine(**values)[0] + 1
    found = {f.code for f in contract.run(problem, np.random.default_rng(0))}
    assert {"overwrites", "function-differs"} <= found
    adds = vjp_problem(affine, right, point())
    cache = adds.inputs["x"], adds.inputs["W"]
    adds.prefilled = lambda d, noise: {k: g + noise[k] for k, g in right(d, cache).items()}
    adds.alone = lambda values: affine(**values)[0]
    assert contract.run(adds, np.random.default_rng(0)) == []


def test_k13_inputs_that_share_memory():
    problem = vjp_problem(affine, right, point())
    problem.inputs["b"] = problem.inputs["W"][0]
    found = contract.run(problem, np.random.default_rng(0))
    assert "overlapping-inputs" in {f.code for f in found}


def test_the_battery_takes_at_most_fifteen_calls():
    problem = vjp_problem(affine, right, point())
    contract.run(problem, np.random.default_rng(0))
    assert problem.nfev + problem.nbev <= 15


@pytest.mark.parametrize("name", CATALOGUE)
def test_right_ops_have_a_clean_bill(name):
    """No rule of the battery complains about a right pair; a returned view is a note."""
    op = CATALOGUE[name]
    for square in (False, True):
        inputs = op.inputs(np.random.default_rng(3), square)
        found = findings(op.backward, op.forward, inputs, wrt=op.wrt)
        assert {f.code for f in found if f.severity != "note"} == set()


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_no_rule_depends_on_the_scale(scale):
    scaled = partial(lambda s, d, c: {k: s * g for k, g in right(d, c).items()}, scale)
    assert codes(scaled) == set()
    wrong = lambda d, c: scaled(d, c) | {"b": scale * (d * (d > 0)).sum(0)}
    assert codes(wrong) == {("nonlinear-in-upstream", "b")}
