"""The engine: the sweep, modes, edits, errors, derivatives (PITFALLS section B)."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minnet as mn
import minnet.functional as F
from minnet.errors import DTypeError, GraphError, NonFiniteError, ShapeError


def leaf(values, dtype=float):
    return mn.tensor(values, dtype=dtype, requires_grad=True)


def grad_of(y, x, g=None):
    return mn.grad(y, x, g).numpy()


class Count:
    """An observer that counts operations and vjp calls."""

    def __init__(self):
        self.ops, self.vjps = [], []

    def on_op(self, op, args, settings, y):
        self.ops.append(op.name)

    def on_gradient(self, op, name, d):
        self.vjps.append((op.name, name))


# -------------------------------------------------------------------------------------------------
# The sweep


X = np.array([[1.5, 2.0], [0.5, 3.0]])
SAME_TWICE = {
    "x - x": (lambda x: x - x, 0 * X),
    "x / x": (lambda x: x / x, 0 * X),
    "x * x": (lambda x: x * x, 2 * X),
    "x + x": (lambda x: x + x, 2 + 0 * X),
    "x ** x": (lambda x: x**x, X**X * (np.log(X) + 1)),
    "x @ x": (lambda x: x @ x, np.ones((2, 2)) @ X.T + X.T @ np.ones((2, 2))),
    "maximum": (lambda x: F.maximum(x, x), 1 + 0 * X),
    "minimum": (lambda x: F.minimum(x, x), 1 + 0 * X),
    "concatenate": (lambda x: F.concatenate([x, x]), 2 + 0 * X),
    "stack": (lambda x: F.stack([x, x], axis=1), 2 + 0 * X),
    "where": (lambda x: F.where(X > 1, x, x), 1 + 0 * X),
    "einsum": (lambda x: F.einsum("ij,ij->ij", x, x), 2 * X),
    "three uses": (lambda x: x * x + x, 2 * X + 1),
}


@pytest.mark.parametrize("name", SAME_TWICE)
def test_one_tensor_on_both_sides(name):
    """PF-B1, PF-B2."""
    f, expected = SAME_TWICE[name]
    x = leaf(X)
    y = f(x)
    assert np.allclose(grad_of(y, x, np.ones(y.shape)), expected, rtol=1e-14, atol=1e-14)


def test_diamond():
    """PF-B2, PF-A10: b feeds d and e, which meet again."""
    a = leaf(2.0)
    b = a * a
    d, e = b * 3, b.exp()
    (d * e + b).backward()
    b_ = 4.0
    assert a.grad.item() == pytest.approx((3 * np.exp(b_) * (1 + b_) + 1) * 4)


def test_unused_branch_is_ignored():
    """PF-B3."""
    x = leaf([1.0, 2.0])
    unused = x.exp()
    (x * 3).sum().backward()
    assert x.grad.numpy().tolist() == [3, 3] and unused.requires_grad


def test_stacked_residuals_take_linear_time():
    """PF-B4: 2^40 paths, 40 nodes; each rule runs once."""
    x, count = leaf(0.001), Count()
    with mn.observe(count):
        y = x
        for _ in range(40):
            y = y + y.tanh()
        y.backward()
    assert len(count.vjps) == 40 * 3
    assert count.vjps.count(("tanh", "x")) == 40


def test_grad_walks_stacked_residuals_once():
    """PF-B4: the search for the way to a target is linear too."""
    x, count = leaf(0.001), Count()
    y = x
    for _ in range(40):
        y = y + y.tanh()
    with mn.observe(count):
        mn.grad(y, x)
    assert len(count.vjps) == 40 * 3


def test_gradients_are_not_shared():
    """PF-B5: add hands one array to two parents; neither sees what the other accumulates."""
    a, b = leaf([1.0]), leaf([1.0])
    g = np.array([1.0])
    y = (a + b) + a
    y.backward(g)
    assert (a.grad.item(), b.grad.item(), g.item()) == (2, 1, 1)
    a.grad.data[...] = 100
    assert b.grad.item() == 1 and g.item() == 1


def test_clipping_one_gradient_in_place_leaves_the_others():
    """PF-B5: also through views (reshape, transpose, slices) and sums, and for the upstream."""
    a, b, c, d = (leaf(np.ones((2, 2))) for _ in range(4))
    g = np.full((2, 2), 7.0)
    y = a + b.T + c.reshape(4).reshape(2, 2) + d
    y.backward(g)
    for x in (a, b, c, d):
        x.grad.data *= 0
        assert g.sum() == 28
    a, b = leaf(np.ones(3)), leaf(np.ones(3))
    (a.sum() + b.sum()).backward()
    a.grad.data.clip(0, 0.5, out=a.grad.data)  # writable, and its own
    assert b.grad.numpy().tolist() == [1, 1, 1]


def test_a_users_rule_may_return_anything():
    """PF-B5: g itself, a view, a constant of the module, a saved array: none is written to."""
    constant = np.ones(3)

    @mn.op
    def both(a, b):
        return a + b

    for rule in (
        lambda g: g,
        lambda g: g[:],
        lambda g: constant,
        lambda g, b: b,
        lambda g, y: y,
        lambda g: np.broadcast_to(1.0, 3),
    ):
        both.defvjp(a=rule, b=lambda g: g)
        a, b = leaf(np.ones(3)), leaf(np.ones(3))
        y = both(a, b) + both(a, b) + a * 2 + both(a, b)
        before, saved = constant.copy(), b.numpy().copy()
        g = np.ones(3)
        y.backward(g)
        a.grad.data += 5
        assert np.array_equal(constant, before)
        assert np.array_equal(b.numpy(), saved) and np.array_equal(g, np.ones(3))
        assert b.grad.numpy().tolist() == [3, 3, 3]


def test_grad_can_be_assigned():
    """PF-B6: assigning replaces; shapes are checked."""
    p = leaf([1.0, 2.0])
    p.grad = np.array([3.0, 4.0])
    p.grad = [5.0, 6.0]
    assert p.grad.numpy().tolist() == [5, 6]
    (p * 1).sum().backward()
    assert p.grad.numpy().tolist() == [6, 7]
    with pytest.raises(ShapeError, match="shape"):
        p.grad = np.zeros(3)
    p.grad = None
    assert p.grad is None


def test_a_chain_of_10_000_operations():
    """PF-B7: forward, backward, second order, and del without recursion."""
    x = leaf(1.0)
    y = x
    for _ in range(10_000):
        y = y * 1.0001
    dx = mn.grad(y, x, create_graph=True)
    assert dx.item() == pytest.approx(1.0001**10_000)
    del dx
    y.backward()
    assert x.grad.item() == pytest.approx(1.0001**10_000)
    del y
    z = x
    for _ in range(10_000):
        z = z + 1
    del z  # never swept
    gc.collect()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 3)), max_size=25))
def test_random_graphs_equal_the_sum_over_paths(edges):
    """PF-B8: against forward-mode derivatives, carried along as numbers."""
    nodes, slopes = [leaf(0.7), leaf(-0.4)], [np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    leaves = nodes[:2]
    for i, j, kind in edges:
        a, b = nodes[i % len(nodes)], nodes[j % len(nodes)]
        da, db = slopes[i % len(nodes)], slopes[j % len(nodes)]
        x, z = a.item(), b.item()
        new = [a + b, a - b, a.tanh() * b, (a * 0.5).tanh()][kind]
        t = np.tanh(x)
        slope = [da + db, da - db, (1 - t * t) * da * z + t * db]
        slope.append(0.5 * (1 - np.tanh(0.5 * x) ** 2) * da)
        nodes.append(new)
        slopes.append(slope[kind])
    if edges:
        ds = mn.grad(nodes[-1], leaves, allow_unused=True)
        assert np.allclose([d.item() for d in ds], slopes[-1], rtol=1e-10, atol=1e-12)


def test_second_backward():
    """PF-B9: an error on a freed graph; exact accumulation into leaves on a kept one."""
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.numpy().tolist() == [4, 8]
    with pytest.raises(GraphError, match="a second time.*retain_graph=True"):
        y.backward()
    assert x.grad.numpy().tolist() == [4, 8]


def test_one_of_several_outputs_may_be_dropped():
    """PF-B10."""
    x = leaf([1.0, 2.0, 3.0, 4.0])
    a, b = F.split(x, indices_or_sections=2)
    del b
    gc.collect()
    a.sum().backward()
    assert x.grad.numpy().tolist() == [1, 1, 0, 0]


def test_equal_leaves_stay_distinct():
    """PF-B11."""
    a, b = leaf(2.0), leaf(2.0)
    da, db = mn.grad(a * a + b, [a, b])
    assert (da.item(), db.item()) == (4, 1)


# -------------------------------------------------------------------------------------------------
# Modes


def test_modes_nest_and_survive_exceptions():
    """PF-B12."""
    assert mn.is_grad_enabled()
    with mn.no_grad():
        with mn.enable_grad():
            assert (leaf(1.0) * 2).requires_grad
        with pytest.raises(KeyError), mn.no_grad():
            raise KeyError
        assert not mn.is_grad_enabled()
        assert not (leaf(1.0) * 2).requires_grad
    assert mn.is_grad_enabled()

    @mn.no_grad()
    def evaluate(x):
        return x * 2

    assert not evaluate(leaf(1.0)).requires_grad and mn.is_grad_enabled()


def test_modes_are_per_thread():
    """PF-B12: no_grad here does not reach another thread, nor the other way round."""
    seen = []
    with mn.no_grad():
        other = threading.Thread(target=lambda: seen.append((leaf(1.0) * 2).requires_grad))
        other.start()
        other.join()
    assert seen == [True]


def test_threads_compute_their_own_gradients():
    def work(k, found):
        x = leaf(np.full(50, float(k)))
        for _ in range(20):
            found[k] = grad_of((x * x).sum(), x)[0]

    found: dict = {}
    threads = [threading.Thread(target=work, args=(k, found)) for k in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {k: 2.0 * k for k in range(8)}


def test_backward_leaves_the_mode_as_it_was():
    """A rule that raises inside backward, within no_grad and outside."""

    @mn.op
    def broken(x):
        return x * 1.0

    broken.defvjp(x=lambda g: 1 / 0)
    y = broken(leaf(1.0))
    with pytest.raises(ZeroDivisionError):
        y.backward(create_graph=True)
    with mn.no_grad():
        with pytest.raises(ZeroDivisionError):
            y.backward(create_graph=True)
        assert not mn.is_grad_enabled()
    assert mn.is_grad_enabled()


def _live():
    gc.collect()
    return sum(issubclass(type(o), mn.Tensor) for o in gc.get_objects())


@pytest.mark.parametrize("backward", [True, False], ids=["with backward", "without"])
def test_live_tensors_do_not_grow(backward):
    """PF-B13: 1,000 steps; the garbage collector is off, so cycles would show."""
    W, x = leaf(np.ones((3, 2))), np.ones((4, 3))

    def step():
        loss = F.tanh(x @ W).mean()
        if backward:
            W.grad = None
            loss.backward()

    step()
    before = _live()
    gc.disable()
    try:
        for _ in range(1000):
            step()
        after = sum(issubclass(type(o), mn.Tensor) for o in gc.get_objects())
    finally:
        gc.enable()
    assert after <= before + 2


def test_saved_arrays_are_freed_as_the_sweep_goes():
    x = leaf(np.ones(1000))
    y = x.exp()
    alive = weakref.ref(y.data)
    loss = y.sum()
    del y
    assert alive() is not None
    loss.backward()
    assert alive() is None


# -------------------------------------------------------------------------------------------------
# Edits between forward and backward


def _edit(x):
    x.data = x.data + 1


def _augmented(x):
    x.data += 1


EDITS = {"assigned": _edit, "augmented": _augmented}
SAVERS = {
    "x * x": lambda x: x * x,
    "x ** 3": lambda x: x**3,
    "x @ x": lambda x: x @ x,
    "log": lambda x: x.log(),
    "view": lambda x: x.T * x.T,
    "slice": lambda x: x[:1] * x[:1],
    "reshape": lambda x: x.reshape(4).exp() * x.reshape(4),
    "detach": lambda x: x * x.detach(),
    "view of a view": lambda x: x.reshape(4)[1:] ** 2,
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", SAVERS)
def test_edits_are_noticed(name, edit):
    """PF-B14: also when a view of x was saved; the gradients stay as they were."""
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = SAVERS[name](x)
    EDITS[edit](x)
    with pytest.raises(GraphError, match="needs the values that its forward pass saw"):
        y.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("edit", EDITS)
def test_edited_output_is_noticed(edit):
    """PF-B14: exp needs its own output."""
    x = leaf([1.0, 2.0])
    y = x.exp()
    z = y.sum()
    EDITS[edit](y)
    with pytest.raises(GraphError, match="exp"):
        z.backward()


def test_edits_of_what_nobody_saved_are_free():
    x, y = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    z = (x + y).sum()
    x.data += 1
    z.backward()
    assert x.grad.numpy().tolist() == [1, 1]
    x.data -= 0.1 * x.grad.data  # how the course begins
    assert x.numpy().tolist() == pytest.approx([1.9, 2.9])


def test_debug_sees_hidden_writes():
    """DESIGN: a counter cannot see x.data[0] = 5; checksums can."""
    x = leaf([1.0, 2.0])
    with mn.debug():
        y = (x * x).sum()
        x.data[0] = 5
        with pytest.raises(GraphError, match="multiply saved.*another name"):
            y.backward()
    x = leaf([1.0, 2.0])
    with mn.debug():
        (x * x).sum().backward()
    assert x.grad.numpy().tolist() == [2, 4]


def test_debug_names_the_first_nan():
    x = leaf([1.0, 0.0])
    with mn.debug(), np.errstate(all="ignore"):
        with pytest.raises(NonFiniteError, match=r"log\(\(2,\)\) made the first NaN or Inf"):
            (x.log() * 0).exp().sum()
        y = x.sqrt().sum()
        with pytest.raises(NonFiniteError, match="backward of sqrt"):
            y.backward()


# -------------------------------------------------------------------------------------------------
# Operations of one's own


def test_an_operation_of_ones_own():
    @mn.op
    def hypot(a, b, *, scale=1.0):
        return scale * np.sqrt(a * a + b * b)

    hypot.defvjp(
        a=lambda g, a, y, scale: g * a * scale * scale / y,
        b=lambda g, b, y, scale: g * b * scale * scale / y,
    )
    a, b = leaf([3.0, 6.0]), leaf([[4.0], [8.0]])
    y = hypot(a, b, scale=2.0)
    assert y.shape == (2, 2) and y.numpy()[0, 0] == 10
    da, db = mn.grad(y.sum(), [a, b], create_graph=True)
    assert da.shape == (2,) and db.shape == (2, 1)
    assert mn.grad(da.sum(), a).shape == (2,)
    assert type(hypot(3.0, 4.0)) is np.float64  # numbers only compute
    assert "hypot" in repr(hypot)


def test_rules_are_checked_when_they_are_registered():
    @mn.op
    def f(a, b, *, axis=0):
        return a + b

    with pytest.raises(TypeError, match="f needs one vjp for each of"):
        f.defvjp(a=lambda g: g)
    with pytest.raises(TypeError, match="f needs one vjp for each of"):
        f.defvjp(a=lambda g: g, c=lambda g: g)
    with pytest.raises(TypeError, match="asks for.*axes"):
        f.defvjp(a=lambda g, axes: g, b=lambda g: g)
    with pytest.raises(GraphError, match="f has no gradient"):
        f(leaf(1.0), 2.0)
    assert f(mn.tensor(1.0), 2.0).item() == 3  # no gradient wanted, none needed


def test_a_rule_of_the_wrong_shape_is_named():
    @mn.op
    def double(x):
        return 2 * x

    double.defvjp(x=lambda g: np.ones(5))
    with pytest.raises(GraphError, match="vjp of double for x"):
        double(leaf([1.0, 2.0])).sum().backward()


def test_an_argument_without_gradient():
    @mn.op
    def pick(x, i):
        return x[i]

    def back(g, i, x_shape):
        d = np.zeros(x_shape)
        np.add.at(d, i, g)
        return d

    pick.defvjp(x=back, i=None)
    x = leaf([1.0, 2.0, 3.0])
    assert grad_of(pick(x, np.array([2, 2])), x, [1.0, 5.0]).tolist() == [0, 0, 6]


def test_any_number_of_arguments():
    @mn.op
    def total(*arrays):
        return sum(arrays)

    total.defvjp(arrays=lambda g, i, arrays_shape: g * (i + 1))
    a, b = leaf([1.0, 1.0]), leaf(1.0)
    da, db = mn.grad(total(a, b, 3.0), [a, b], [1.0, 1.0])
    assert da.numpy().tolist() == [1, 1] and db.item() == 4


# -------------------------------------------------------------------------------------------------
# Derivatives as functions


def test_grad_touches_nothing():
    x = leaf([1.0, 2.0])
    dx = mn.grad((x**2).sum(), x)
    assert dx.numpy().tolist() == [2, 4] and x.grad is None and not dx.requires_grad


def test_grad_of_interior_tensors_and_of_itself():
    x = leaf(3.0)
    y = x * x
    z = y * y
    dy, dx, dz = mn.grad(z, [y, x, z])
    assert (dy.item(), dx.item(), dz.item()) == (18, 108, 1)


def test_unused_inputs():
    x, other = leaf(1.0), leaf([1.0, 2.0])
    y = x * 2
    with pytest.raises(GraphError, match=r"no way from y to x\[1\]"):
        mn.grad(y, [x, other], retain_graph=True)
    dx, d = mn.grad(y, [x, other], allow_unused=True)
    assert dx.item() == 2 and d.numpy().tolist() == [0, 0]


def test_higher_orders():
    x = leaf(2.0)
    d = x**5
    for expected in (80, 160, 240, 240, 120):
        d = mn.grad(d, x, create_graph=True)
        assert d.item() == pytest.approx(expected)


def test_create_graph_through_backward():
    x = leaf([1.0, 2.0])
    (x**3).sum().backward(create_graph=True)
    g = x.grad
    x.grad = None
    (g * g).sum().backward()
    assert np.allclose(x.grad.numpy(), 2 * 3 * x.numpy() ** 2 * 6 * x.numpy())


def _rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def _rosenbrock_hessian(x, y):
    return np.array([[2 - 400 * y + 1200 * x * x, -400 * x], [-400 * x, 200]])


def test_hessian_jacobian_and_their_products():
    point, v = [0.5, -0.3], np.array([0.7, 1.1])
    H = _rosenbrock_hessian(*point)
    assert np.allclose(mn.hessian(_rosenbrock, point).numpy(), H)
    assert np.allclose(mn.hvp(_rosenbrock, point, v).numpy(), H @ v)
    A = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(mn.jacobian(lambda x: A @ x, np.ones(3)).numpy(), A)
    assert mn.jacobian(lambda x: F.expand_dims(x, axis=0) * 2, np.ones(3)).shape == (1, 3, 3)
    assert np.array_equal(mn.hessian(lambda x: (3 * x).sum(), np.ones(2)).numpy(), np.zeros((2, 2)))
    assert np.array_equal(mn.hvp(lambda x: (3 * x).sum(), np.ones(2), v).numpy(), np.zeros(2))


def test_errors_explain():
    x = leaf([1.0, 2.0])
    with pytest.raises(GraphError, match="needs a scalar, got shape"):
        (x * 2).backward()
    with pytest.raises(GraphError, match="has no graph"):
        mn.tensor([1.0]).backward()
    with mn.no_grad():
        y = x.sum()
    with pytest.raises(GraphError, match="no_grad"):
        y.backward()
    with pytest.raises(ShapeError, match="g of the tensor's shape"):
        (x * 2).backward(np.ones(3))
    with pytest.raises(GraphError, match="use detach"):
        (x * 2).requires_grad = False
    with pytest.raises(DTypeError, match="real numbers"):
        mn.tensor(["a"])
    assert x.grad is None


# -------------------------------------------------------------------------------------------------
# The observer seam


def test_observers_hear_what_happens():
    outer, inner, x = Count(), Count(), leaf([1.0, 2.0])
    with mn.observe(outer):
        y = x * 2
        with mn.observe(inner):
            y = y.sum()
        y.backward()
    x.exp()
    assert outer.ops == ["multiply", "sum"] and inner.ops == ["sum"]
    assert outer.vjps == [("sum", "x"), ("multiply", "a")]


def test_observers_are_per_thread():
    count = Count()
    with mn.observe(count):
        other = threading.Thread(target=lambda: leaf(1.0) * 2)
        other.start()
        other.join()
    assert count.ops == []


# -------------------------------------------------------------------------------------------------
# Life with NumPy, copies and pickles


@pytest.mark.parametrize("f", [operator.add, operator.sub, operator.mul, operator.matmul])
def test_arrays_on_the_left(f):
    a, x = np.arange(4.0).reshape(2, 2), leaf([[1.0, 2.0], [3.0, 5.0]])
    y = f(a, x)
    assert type(y) is mn.Tensor and y.requires_grad
    assert np.array_equal(y.numpy(), f(a, x.numpy()))


def test_numpy_reads_tensors():
    x = leaf([1.0, 2.0])
    assert np.asarray(x) is x.data or np.shares_memory(np.asarray(x), x.data)
    assert np.asarray(x, dtype="float32").dtype == np.float32
    assert not np.shares_memory(np.array(x), x.data)
    assert float(x[1]) == 2 and int(x[1]) == 2 and bool(x[0])


@pytest.mark.parametrize(
    "f",
    [
        lambda h: np.concatenate([h, h]),
        lambda h: np.dot(h, np.ones(2)),
        lambda h: np.where(h.data > 0, h, 0.0),
        lambda h: mn.tensor([h, h]),
        np.asarray,
    ],
)
def test_numpy_does_not_cut_a_graph_unnoticed(f):
    """PF-D13: the gradient would end here, silently; without a graph to cut it may read."""
    x = leaf([1.0, 2.0])
    done = x * 2.0
    done.backward([1.0, 1.0])
    f(done)
    with pytest.raises(GraphError, match=r"cut the graph .* minnet\.functional, or x\.numpy\(\)"):
        f(x * 2.0)
    with mn.no_grad():
        f(x * 2.0)
    f((x * 2.0).detach())
    f(x)


def test_a_gradient_that_is_assigned_takes_the_tensors_dtype():
    """PF-C16."""
    x = leaf([1.0, 1.0], "float32")
    for g in (mn.tensor([1.0, 2.0]), np.array([1.0, 2.0]), [1, 2]):
        x.grad = g
        assert x.grad.dtype == np.float32
        (3.0 * x).sum().backward()
        assert x.grad.dtype == np.float32 and x.grad.numpy().tolist() == [4.0, 5.0]


def test_derivatives_of_functions_need_no_graph_around_them():
    """Inside no_grad too, and of functions that do not depend on their argument."""
    constant, other = lambda x: mn.tensor(3.0), lambda x: (leaf([1.0, 2.0]) ** 2).sum()
    with mn.no_grad():
        assert mn.hessian(lambda x: (x * x).sum(), [1.0, 2.0]).numpy().tolist() == [[2, 0], [0, 2]]
        assert mn.jacobian(lambda x: x * x, [1.0, 2.0]).numpy().tolist() == [[2, 0], [0, 4]]
        assert mn.hvp(lambda x: (x * x).sum(), [1.0, 2.0], [1.0, 0.0]).numpy().tolist() == [2, 0]
        assert not mn.is_grad_enabled()
    for f in (constant, other):
        assert mn.hessian(f, [1.0, 2.0]).numpy().tolist() == [[0, 0], [0, 0]]
        assert mn.hvp(f, [1.0, 2.0], [1.0, 1.0]).numpy().tolist() == [0, 0]
        assert mn.jacobian(f, [1.0, 2.0]).numpy().tolist() == [0, 0]


def test_copying_and_sharing():
    a = np.array([1.0, 2.0])
    assert not np.shares_memory(mn.tensor(a).data, a)
    assert np.shares_memory(mn.tensor(a, copy=False).data, a)


AGAIN = [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))]


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("kind", [leaf, mn.tensor, lambda v: mn.Parameter(np.array(v))])
def test_leaves_can_be_copied_and_pickled(again, kind):
    x = kind([1.0, 2.0])
    y = again(x)
    assert type(y) is type(x) and y.requires_grad == x.requires_grad
    assert y is not x and np.array_equal(y.numpy(), x.numpy())
    if again is not copy.copy:
        y.data += 1
        assert x.numpy().tolist() == [1, 2]


def test_computed_tensors_cannot_be_pickled():
    with pytest.raises(GraphError, match="detach"):
        pickle.dumps(leaf(1.0) * 2)


def test_repr():
    x = leaf([1.0, 2.0], "float32")
    assert repr(x) == "tensor([1., 2.], dtype=float32, requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], dtype=float32, from multiply)"


def test_optional_arrays_may_be_left_out_or_named():
    """An array argument with a default is an argument like the others, also by keyword."""

    @mn.op
    def affine(x, w, b=None):
        return x * w if b is None else x * w + b

    affine.defvjp(x=lambda g, w, b: g * w, w=lambda g, x: g * x, b=lambda g: g)
    x, b = (mn.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    assert mn.grad(affine(x, 3.0).sum(), x).numpy().tolist() == [3.0, 3.0]
    dx, db = mn.grad(affine(x, w=3.0, b=b).sum(), [x, b])
    assert dx.numpy().tolist() == [3.0, 3.0] and db.numpy().tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="missing"):
        affine(b=b)
