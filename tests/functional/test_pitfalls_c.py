"""Faults that other frameworks' operations had (PITFALLS section C)."""

from __future__ import annotations

import itertools
import operator

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F

from .oracle import gradients, numeric_gradient, relative_error, upstream

SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 4, 3), (2, 1, 3), (0, 3)]
BINARY = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "maximum": F.maximum,
    "where": lambda a, b: F.where(np.array([True, False, True]), a, b),
}


def leaf(values, dtype=float):
    return mn.tensor(values, dtype=dtype, requires_grad=True)


def grad_of(y, x, g=None):
    return mn.grad(y, x, g).numpy()


def _broadcast(*shapes):
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(("a", "b"), list(itertools.product(SHAPES, SHAPES)), ids=str)
def test_broadcasting_is_summed(name, a, b):
    """PF-C1: all pairs of shapes; those that do not broadcast raise ShapeError."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(5, 20, a) / 10, rng.integers(5, 20, b) / 10 + 0.05  # never a tie
    f = BINARY[name]
    shape = _broadcast(a, b, (3,)) if name == "where" else _broadcast(a, b)
    if shape is None:
        with pytest.raises(mn.errors.ShapeError, match=name):
            f(leaf(x), leaf(y))
        return
    out = f(leaf(x), leaf(y))
    assert out.shape == shape
    inputs, g = [np.asarray(x), np.asarray(y)], upstream(out)
    for k, d in enumerate(gradients(f, inputs, [0, 1])):
        assert d.shape == inputs[k].shape
        assert relative_error(d, numeric_gradient(f, inputs, k, g)) < 1e-9


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "max", "min", "norm", "prod"])
def test_square_arrays_need_the_right_axis(name, axis):
    """PF-C2: without keepdims a gradient of a square array can land on the wrong axis."""
    x = np.random.default_rng(1).standard_normal((3, 3))
    f = lambda x: getattr(F, name)(x, axis=axis)
    (d,) = gradients(f, [x], [0])
    assert relative_error(d, numeric_gradient(f, [x], 0, upstream(np.zeros(3)))) < 1e-9


def test_repeated_indices_add_up():
    """PF-C3: [0, 0, 1], an alias through a negative index, and a mask."""
    x = leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    g = np.arange(1.0, 7.0).reshape(3, 2)
    assert grad_of(x[[0, 0, 1]], x, g).tolist() == [[4, 6], [5, 6], [0, 0]]
    assert grad_of(x[[0, -3, 0]], x, g).tolist() == [[9, 12], [0, 0], [0, 0]]
    mask = np.array([True, False, True])
    assert grad_of(x[mask], x, g[:2]).tolist() == [[1, 2], [0, 0], [3, 4]]


def test_slices_of_one_array_add_up():
    """Two slices that overlap: the second is added in place (`into`)."""
    x = leaf(np.arange(4.0))
    y = x[:3].sum() + (2 * x[1:]).sum() + x[[1, 1]].sum()
    assert grad_of(y, x).tolist() == [1, 5, 3, 2]


def test_a_tensor_may_be_an_index():
    x, i = leaf([1.0, 2.0, 3.0]), mn.tensor([2, 2])
    assert grad_of(x[i].sum(), x).tolist() == [0, 0, 2]
    assert grad_of(x[mn.tensor([True, False, True])].sum(), x).tolist() == [1, 0, 1]


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
def test_ties_share_the_gradient(name, axis):
    """PF-C4: the shares of a constant array are equal and sum to the upstream."""
    x = leaf(np.full((3, 4), 7.0))
    y = getattr(F, name)(x, axis=axis)
    g = upstream(y)
    d = grad_of(y, x, g)
    assert relative_error(d.sum(axis), g) < 1e-15
    assert np.ptp(d, axis=axis).max() == 0


@pytest.mark.parametrize("f", [F.maximum, F.minimum])
def test_ties_of_two_arguments(f):
    """PF-C4: half to each, also for one tensor against itself."""
    a, b = leaf([1.0, 2.0]), leaf([1.0, 5.0])
    da, db = mn.grad(f(a, b), [a, b], [3.0, 4.0])
    assert (da + db).numpy().tolist() == [3, 4] and da.numpy()[0] == 1.5
    assert grad_of(f(a, a), a, [3.0, 4.0]).tolist() == [3, 4]


def test_many_ties_in_float16():
    """PF-C5: 70,000 ties are more than float16 can count."""
    x = leaf(np.ones(70_000), "float16")
    d = mn.grad(x.max(), x)
    assert d.dtype == np.float16
    assert abs(d.numpy().astype(float).sum() - 1) < 5e-3  # the share itself has 3 digits


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("f", [F.abs, lambda x: F.minimum(x, 1), lambda x: F.maximum(1, x)])
def test_kinks_in_each_dtype(f, dtype):
    """PF-C6: the slopes of abs, minimum and maximum, by hand."""
    x = leaf([-2.0, 0.5, 3.0], dtype)
    expected = {2.0: [-1, 1, 1], -2.0: [1, 1, 0], 1.0: [0, 0, 1]}[float(f(-2.0))]
    d = mn.grad(f(x).sum(), x)
    assert d.numpy().tolist() == expected and d.dtype == dtype


def test_where_follows_the_condition():
    """PF-C7: equal values in both branches; nan in the branch not taken."""
    c, a, b = np.array([True, False]), leaf([1.0, 1.0]), leaf([1.0, 1.0])
    da, db = mn.grad(F.where(c, a, b), [a, b], [3.0, 4.0])
    assert da.numpy().tolist() == [3, 0] and db.numpy().tolist() == [0, 4]
    dead = leaf([np.nan, 1.0])
    d = grad_of(F.where(np.array([False, True]), dead, 0.0).sum(), dead)
    assert d.tolist() == [0, 1]


@pytest.mark.parametrize("axes", [*itertools.permutations(range(3)), (-1, 0, 1), (2, 0, -2)])
def test_transpose_back_is_the_inverse(axes):
    """PF-C8: a permutation of three axes is not its own inverse."""
    x, g = leaf(np.zeros((2, 3, 4))), np.random.default_rng(0).standard_normal((2, 3, 4))
    assert np.array_equal(grad_of(x.transpose(axes), x, g.transpose(axes)), g)


@pytest.mark.parametrize("axes", list(itertools.permutations(range(4)))[::5])
def test_transpose_of_four_axes(axes):
    """PF-C8."""
    x, g = leaf(np.zeros((1, 2, 3, 4))), np.random.default_rng(0).standard_normal((1, 2, 3, 4))
    assert np.array_equal(grad_of(F.transpose(x, axes=axes), x, g.transpose(axes)), g)


POWERS = [  # x, p, d(x^p)/dx, d(x^p)/dp (None: not defined)
    (-2.0, 0.0, 0.0, None),
    (-2.0, 1.0, 1.0, None),
    (-2.0, 2.0, -4.0, None),
    (-2.0, -1.0, -0.25, None),
    (0.0, 0.0, 0.0, 0.0),
    (0.0, 1.0, 1.0, 0.0),
    (0.0, 2.0, 0.0, 0.0),
    (2.0, 0.0, 0.0, np.log(2)),
    (2.0, 1.0, 1.0, 2 * np.log(2)),
    (2.0, 2.0, 4.0, 4 * np.log(2)),
    (2.0, 0.5, 0.5 / np.sqrt(2), np.sqrt(2) * np.log(2)),
    (2.0, -1.0, -0.25, 0.5 * np.log(2)),
]


@pytest.mark.parametrize(("x", "p", "dx", "dp"), POWERS)
def test_power_at_zero_and_below(x, p, dx, dp):
    """PF-C9: no warning where the value is defined, for numbers, integers and tensors as p."""
    a, b = leaf([x]), leaf([p])
    assert grad_of(a**b, a).tolist() == pytest.approx([dx])
    found = grad_of(a**b, b)
    assert np.isnan(found) if dp is None else found == pytest.approx(dp)
    assert grad_of(a**p, a).tolist() == pytest.approx([dx])
    if p == int(p):
        assert grad_of(a ** int(p), a).tolist() == pytest.approx([dx])


@pytest.mark.parametrize(("x", "p"), [(0.0, 0.5), (0.0, -1.0), (-2.0, 0.5)])
def test_power_where_it_has_no_finite_slope(x, p):
    """PF-C9: the root at 0 has slope inf; a pole and a root of a negative number are NumPy's."""
    a = leaf([x])
    with np.errstate(all="ignore"):
        d = grad_of(a**p, a)
        assert np.array_equal(d, [p * np.power(x, p - 1)], equal_nan=True)
        assert not np.isfinite(d).all()


def test_norm_and_root_at_zero():
    """PF-C10: norm'(0) = 0 without a warning, sqrt'(0) = inf; std of a constant has gradient 0."""
    x = leaf([0.0, 0.0])
    assert grad_of(F.norm(x), x).tolist() == [0, 0]
    rows = leaf([[0.0, 0.0], [3.0, 4.0]])
    assert np.allclose(grad_of(F.norm(rows, axis=1).sum(), rows), [[0, 0], [0.6, 0.8]])
    c = leaf([2.0, 2.0])
    assert grad_of(c.std(), c).tolist() == [0, 0]
    with np.errstate(divide="ignore"):
        assert grad_of(x.sqrt(), x, [1.0, 1.0]).tolist() == [np.inf, np.inf]


RANKS = [(4,), (2, 4), (4, 3), (3, 2, 4), (3, 4, 2), (1, 4, 2), (2, 1, 3, 4)]


@pytest.mark.parametrize(("a", "b"), list(itertools.product(RANKS, RANKS)), ids=str)
def test_matmul_of_every_rank(a, b):
    """PF-C11: the value, the gradients, or an error, exactly where NumPy has one."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(a), rng.standard_normal(b)
    try:
        expected = x @ y
    except ValueError:
        with pytest.raises(mn.errors.ShapeError, match="matmul"):
            leaf(x) @ leaf(y)
        return
    out = leaf(x) @ leaf(y)
    assert out.shape == np.shape(expected) and relative_error(out.numpy(), expected) < 1e-14
    assert relative_error((leaf(x) @ y).numpy(), (x @ leaf(y)).numpy()) == 0
    for k, d in enumerate(gradients(F.matmul, [x, y], [0, 1])):
        assert relative_error(d, numeric_gradient(F.matmul, [x, y], k, upstream(out))) < 1e-9


def test_matmul_says_what_does_not_fit():
    with pytest.raises(mn.errors.ShapeError) as info:
        leaf(np.ones((2, 3))) @ leaf(np.ones((4, 5)))
    assert str(info.value) == "matmul needs a.shape[-1] == b.shape[-2], got (2, 3) and (4, 5)."
    with pytest.raises(mn.errors.ShapeError, match="at least one axis"):
        leaf(np.ones((2, 3))) @ 2.0


@pytest.mark.parametrize("name", ["max", "min", "sum", "mean"])
def test_other_axes_of_size_one_stay(name):
    """PF-C12."""
    assert getattr(leaf(np.ones((1, 5))), name)(axis=1).shape == (1,)
    assert getattr(leaf(np.ones((1, 5, 1))), name)(axis=1).shape == (1, 1)


@pytest.mark.parametrize("left", [3.0, 3, np.float32(3), np.array([3.0, 5.0])])
@pytest.mark.parametrize("f", [operator.add, operator.sub, operator.mul, operator.truediv])
def test_number_on_the_left(f, left):
    """PF-C13: also arrays and NumPy scalars leave the choice to the tensor."""
    x = leaf([2.0, 4.0])
    y = f(left, x)
    assert type(y) is mn.Tensor and np.allclose(y.numpy(), f(left, x.numpy()))
    slope = {"add": 1, "sub": -1, "mul": left, "truediv": -left / x.numpy() ** 2}[f.__name__]
    assert np.allclose(grad_of(y, x, [1.0, 1.0]), slope)


def test_power_and_product_on_the_left():
    """PF-C13."""
    x = leaf([2.0, 3.0])
    assert np.allclose(grad_of(2**x, x, [1.0, 1.0]), 2 ** x.numpy() * np.log(2))
    assert grad_of(np.eye(2) @ x, x, [1.0, 2.0]).tolist() == [1, 2]


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "eq", "ne"])
def test_comparisons_are_plain_arrays(name):
    """PF-C14: no gradient, either side, and hashing by identity stays."""
    compare, a, b = getattr(operator, name), np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])
    for x, y in [(leaf(a), leaf(b)), (leaf(a), b), (a, leaf(b)), (leaf(a), 2.0)]:
        found = compare(x, y)
        plain = compare(np.asarray(x), np.asarray(y))
        assert type(found) is np.ndarray and found.dtype == bool
        assert np.array_equal(found, plain)
    x = leaf(1.0)
    assert type(compare(x, 1.0)) is np.ndarray
    assert len({leaf(1.0), leaf(1.0), x, x}) == 3


@pytest.mark.parametrize(
    "f",
    [
        F.exp,
        F.sum,
        F.relu,
        F.max,
        F.softplus,
        lambda x: x[()],
        lambda x: x + 1,
        lambda x: -x,
        lambda x: F.where(x > 0, x, 0.0),
        lambda x: F.concatenate([F.expand_dims(x, axis=0)]).mean(),
        F.prod,
        F.var,
    ],
)
def test_0d_stays_an_array(f):
    """PF-C15: values and gradients of shape () are arrays, not numbers."""
    x = leaf(0.7)
    y = f(x)
    d = mn.grad(y, x)
    assert type(y.data) is type(d.data) is np.ndarray and y.shape == d.shape == ()


@pytest.mark.parametrize(
    "f",
    [
        lambda x, v: x * v,
        lambda x, v: v / x,
        lambda x, v: F.broadcast_to(x, shape=(2, 3)) + v[0],
        lambda x, v: F.where(v > 0, x, v),
        lambda x, v: F.maximum(v, x),
    ],
)
def test_the_gradient_of_a_broadcast_0d_is_an_array(f):
    """PF-C15: the sum over all that it was broadcast to; in place as any other gradient."""
    x, v = leaf(0.7), np.array([0.5, -1.0, 2.0])
    for y in (f(x, v), f(x, v) + x):
        x.grad = None
        y.backward(np.ones(y.shape))
        for d in (x.grad.data, mn.grad(f(x, v).sum(), x).data):
            assert type(d) is np.ndarray and d.shape == ()
            d *= 2.0


def test_a_gradient_is_summed_before_it_is_narrowed():
    """PF-C5: each of the 4,096 summands is too small for float16, their sum is not."""
    x = leaf([1.0], "float16")
    y = (x * np.full(4096, 2.0**-26, "float32")).sum()
    d = mn.grad(y, x)
    assert d.item() == 2.0**-14 and d.dtype == np.float16


@pytest.mark.parametrize("axis", [None, 0])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint64", "bool"])
def test_products_of_integers_do_not_overflow(dtype, axis):
    """As in NumPy, they have 64 bits."""
    a = np.array([100, 100, 50]).astype(dtype)
    y, expected = mn.tensor(a).prod(axis), a.prod(axis)
    assert y.dtype == expected.dtype and y.item() == expected


def test_complex_numbers_have_no_gradient():
    """The rules are those of real numbers: the imaginary part would be lost on the way."""
    x = leaf([1.0, 2.0])
    with pytest.raises(mn.errors.DTypeError, match="vjp of multiply for a .* real .* complex128"):
        (x * 1j).sum().backward()
    with pytest.raises(mn.errors.DTypeError, match="complex"):
        mn.grad(F.abs(x + np.array([1j, 0])).sum(), x)
    assert x.grad is None


def test_integers_cannot_require_gradients():
    """PF-C16."""
    with pytest.raises(mn.errors.DTypeError, match="floating-point"):
        mn.tensor([1, 2], requires_grad=True)
    i = leaf([1.2, 2.7]).astype(int)
    assert not i.requires_grad and i.numpy().tolist() == [1, 2]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_numbers_are_weak(dtype):
    """PF-C16: Python numbers do not promote, forwards or backwards."""
    x = leaf([1.0, 2.0], dtype)
    y = F.where(x > 1, 2.0 * x**2 / 3 - 1, 0.5).mean() ** 1.5 + F.maximum(x, 0.5).max()
    assert y.dtype == mn.grad(y, x).dtype == dtype


def test_astype_brings_the_gradient_back():
    """PF-C16."""
    x = leaf([1.0, 2.0], "float32")
    y = x.astype("float64") * 3
    assert y.dtype == np.float64
    d = mn.grad(y, x, [1.0, 1.0])
    assert d.dtype == np.float32 and d.numpy().tolist() == [3, 3]


def test_sums_over_nothing_work_and_means_do_not():
    """PF-C17."""
    x = leaf(np.zeros((0, 3)))
    assert F.sum(x).item() == 0 and F.prod(x).item() == 1
    assert grad_of(x.sum(), x).shape == (0, 3)
    W = leaf(np.ones((3, 2)))
    assert grad_of((x @ W).sum(), W).tolist() == [[0, 0]] * 3


@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
@pytest.mark.parametrize("name", ["mean", "var", "std", "max", "min", "argmax", "argmin"])
def test_means_over_nothing_say_so(name, axis):
    """PF-C17: from tensors and from arrays."""
    if name.startswith("arg") and type(axis) is tuple:
        return
    for x in (leaf(np.zeros((0, 3))), np.zeros((0, 3))):
        words = rf"{name} needs at least 1 element.*\(0, 3\)"
        with pytest.raises(mn.errors.ShapeError, match=words):
            getattr(F, name)(x, axis=axis)


def test_variance_needs_more_than_ddof():
    words = "var needs at least 2 elements to reduce, got 1"
    with pytest.raises(mn.errors.ShapeError, match=words):
        leaf([3.0]).var(ddof=1)


@pytest.mark.parametrize("axis", [(0, 1), (0, 2), (-1, -2), (0, 1, 2)])
def test_mean_over_a_tuple_of_axes(axis):
    """PF-C18."""
    x = leaf(np.random.default_rng(0).standard_normal((2, 3, 4)))
    y = x.mean(axis=axis)
    assert np.allclose(y.numpy(), x.numpy().mean(axis))
    n = np.prod([x.shape[a] for a in axis])
    assert np.allclose(grad_of(y, x, np.ones(y.shape)), 1 / n)


# -------------------------------------------------------------------------------------------------
# Range, signs of zero, and bad input


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_large_scores_stay_finite(dtype):
    """Sigmoid, softplus, softmax and their kin at scores up to 10,000, without a warning."""
    x = leaf([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4], [300.0, 300.0, 0.0]], dtype)
    for f in (F.sigmoid, F.softplus, F.softmax, F.log_softmax, F.silu, F.elu, F.tanh, F.gelu):
        y = f(x)
        assert np.isfinite(y.numpy()).all(), f
        assert np.isfinite(grad_of(y, x, np.ones(y.shape, dtype))).all(), f
    y = F.logsumexp(x, axis=1)
    assert np.allclose(y.numpy(), [1e4, -1e4 + np.log(3), 300 + np.log(2)], rtol=1e-3)


def test_logsumexp_of_infinities():
    x = np.array([[-np.inf, -np.inf], [np.inf, 0.0], [-np.inf, 1.0]])
    assert F.logsumexp(x, axis=1).tolist() == [-np.inf, np.inf, 1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: x.sum(2), "sum .*\\(2, 3\\).*axis"),
        (lambda x: x.mean(-3), "mean .*\\(2, 3\\): axis -3 is out of range"),
        (lambda x: x.max((0, 5)), "max .*\\(2, 3\\): axis 5 is out of range"),
        (lambda x: x.prod(2), "prod .*\\(2, 3\\): axis 2"),
        (lambda x: x.argmax(2), "argmax .*\\(2, 3\\): axis 2"),
        (lambda x: F.flip(x, axis=2), "flip .*\\(2, 3\\)"),
        (lambda x: F.softmax(x, axis=2), "softmax .*\\(2, 3\\)"),
        (lambda x: x.swapaxes(0, 2), "swapaxes .*\\(2, 3\\)"),
        (lambda x: F.expand_dims(x, axis=4), "expand_dims .*\\(2, 3\\)"),
        (lambda x: F.concatenate([x, x], axis=2), "concatenate .*\\(2, 3\\)"),
        (lambda x: F.cumsum(x, axis=2), "cumsum .*\\(2, 3\\)"),
        (lambda x: x[2], "index .*\\(2, 3\\)"),
        (lambda x: x[0, 0, 0], "index .*\\(2, 3\\)"),
        (lambda x: x[[0, 7]], "index .*\\(2, 3\\)"),
    ],
)
def test_bad_axes_and_positions(call, words):
    """The error is a ValueError and an IndexError, as NumPy's AxisError is, and names the op."""
    with pytest.raises(mn.errors.IndexRangeError, match=words) as info:
        call(leaf(np.ones((2, 3))))
    assert isinstance(info.value, ValueError) and isinstance(info.value, IndexError)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: x + np.ones((3, 2)), "add .*\\(2, 3\\) and \\(3, 2\\)"),
        (lambda x: x.reshape(5, 2), "reshape .*\\(2, 3\\).*shape=\\(5, 2\\)"),
        (lambda x: x.transpose(0, 0), "transpose .*\\(2, 3\\)"),
        (lambda x: x.squeeze(0), "squeeze .*\\(2, 3\\)"),
        (lambda x: F.broadcast_to(x, shape=(3, 2)), "broadcast_to .*\\(2, 3\\)"),
        (lambda x: F.concatenate([x, np.ones((2, 2))]), "concatenate .*\\(2, 3\\) and \\(2, 2\\)"),
        (lambda x: F.stack([x, np.ones((2, 2))]), "stack .*\\(2, 3\\) and \\(2, 2\\)"),
        (lambda x: x.sum((0, 0)), "sum .*\\(2, 3\\)"),
        (lambda x: F.einsum("ij,jk->ik", x), "one operand for each of"),
        (lambda x: F.einsum("ijk->i", x), "a letter for each axis"),
        (lambda x: F.einsum("ij,jk->ik", x, np.ones((2, 2))), "einsum .*\\(2, 3\\) and \\(2, 2\\)"),
        (lambda x: F.split(x, indices_or_sections=2, axis=1), "split .*\\(2, 3\\)"),
        (lambda x: F.stack([x, x[0]]), "^stack does not work"),
        (lambda x: F.concatenate([]), "concatenate needs at least one array"),
        (lambda x: F.concatenate(iter([]), axis=None), "concatenate needs at least one array"),
        (lambda x: F.stack([]), "stack needs at least one array"),
    ],
)
def test_bad_shapes(call, words):
    with pytest.raises(mn.errors.ShapeError, match=words):
        call(leaf(np.ones((2, 3))))


def test_gelu_names_its_forms():
    with pytest.raises(mn.errors.ValueRangeError, match="'none' or 'tanh'"):
        F.gelu(leaf([1.0]), approximate="fast")


METHODS = {
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "abs": lambda x: abs(x),
    "pos": lambda x: +x,
    "reshape": lambda x: x.reshape(3, 2),
    "reshape of a tuple": lambda x: x.reshape((3, -1)),
    "transpose": lambda x: x.transpose(1, 0),
    "transpose of a tuple": lambda x: x.transpose((1, 0)),
    "ravel": lambda x: x.ravel(),
    "flatten": lambda x: x.flatten(),
    "squeeze": lambda x: x.squeeze(),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "sum": lambda x: x.sum(0),
    "mean": lambda x: x.mean(-1, keepdims=True),
    "max": lambda x: x.max(1),
    "min": lambda x: x.min(),
    "prod": lambda x: x.prod(0),
    "var": lambda x: x.var(0, ddof=1),
    "std": lambda x: x.std(axis=1),
    "cumsum": lambda x: x.cumsum(1),
    "clip": lambda x: x.clip(-0.5, 0.5),
    "argmax": lambda x: x.argmax(1),
    "argmin": lambda x: x.argmin(),
    "item": lambda x: x[0, 1].item(),
    "len": lambda x: np.array(len(x)),
    "iter": lambda x: list(x)[1],
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_numpys_forms(name):
    x = np.random.default_rng(0).standard_normal((2, 3))
    found, expected = METHODS[name](mn.tensor(x)), METHODS[name](x)
    assert relative_error(np.asarray(found), np.asarray(expected)) < 1e-15


def test_sum_by_blas_equals_sum():
    """`backend.sum_axes` of large arrays, over leading, trailing and other axes."""
    x = np.random.default_rng(0).standard_normal((40, 30, 20))
    for axis in (0, (0, 1), -1, (1, 2), (2, 1), 1, (0, 2), (), None, (-3, 1, 2)):
        for keepdims in (False, True):
            total = mn.backend.sum_axes(x, axis, keepdims)
            assert relative_error(total, x.sum(axis=axis, keepdims=keepdims)) < 1e-14
    with pytest.raises(ValueError):
        mn.backend.sum_axes(x, (0, 0))
    with pytest.raises(ValueError):
        mn.backend.sum_axes(x, 3)
