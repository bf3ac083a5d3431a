"""Random shapes, axes and indices: NumPy's value, or an error of NumPy's kind.

Exceptions: means and variances over nothing raise, where NumPy warns (DESIGN.md); an array without
axes has no axis 0, which some of NumPy's reductions let pass and others do not.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import minnet as mn
import minnet.functional as F

from .oracle import relative_error

few = settings(max_examples=60, deadline=None, derandomize=True)
shapes = npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
axes = st.none() | st.integers(-4, 3) | st.tuples(st.integers(-3, 2), st.integers(-3, 2))


def values(shape):
    return np.random.default_rng(0).standard_normal(shape)


def same(ours, numpys, shape=(1,), axis=None):
    """Both give the same array, or both raise, and ours can be caught as NumPy's."""
    try:
        if shape == () and axis not in (None, ()):
            raise np.exceptions.AxisError(0, 0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expected = np.asarray(numpys())
    except (ValueError, IndexError, RuntimeWarning) as error:
        kinds = (ValueError, IndexError) if isinstance(error, np.exceptions.AxisError) else ()
        kinds = kinds or ((ValueError,) if isinstance(error, RuntimeWarning) else (type(error),))
        with pytest.raises(mn.errors.MinnetError) as info:
            ours()
        assert all(isinstance(info.value, kind) for kind in kinds), (error, info.value)
        return
    found = ours()
    assert found.shape == expected.shape
    values = found.numpy() if isinstance(found, mn.Tensor) else found
    assert relative_error(values, expected) < 1e-12
    if isinstance(found, mn.Tensor) and found.requires_grad:
        found.backward(np.ones(found.shape))


def leaf(x):
    return mn.tensor(x, requires_grad=True)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "max", "min", "prod"])
@few
@given(shape=shapes, axis=axes, keepdims=st.booleans())
def test_reductions(name, shape, axis, keepdims):
    x = values(shape)
    same(
        lambda: getattr(F, name)(leaf(x), axis=axis, keepdims=keepdims),
        lambda: getattr(np, name)(x, axis=axis, keepdims=keepdims),
        shape,
        axis,
    )


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@few
@given(shape=shapes, axis=st.none() | st.integers(-4, 3))
def test_along_one_axis(name, shape, axis):
    x = values(shape)
    same(
        lambda: getattr(F, name)(leaf(x), axis=axis),
        lambda: getattr(np, name)(x, axis=axis),
        shape,
        axis,
    )


@few
@given(shape=shapes, axis=st.none() | st.integers(-4, 3))
def test_cumsum(shape, axis):
    x = values(shape)
    same(lambda: leaf(x).cumsum(axis), lambda: x.cumsum(axis))


@pytest.mark.parametrize("name", ["flip", "squeeze", "expand_dims"])
@few
@given(shape=shapes, axis=axes)
def test_rearranging_by_axes(name, shape, axis):
    if name == "expand_dims" and axis is None:
        return
    x = values(shape)
    same(lambda: getattr(F, name)(leaf(x), axis=axis), lambda: getattr(np, name)(x, axis=axis))


@few
@given(shape=shapes, data=st.data())
def test_transpose(shape, data):
    permuted = st.permutations(range(len(shape))).map(tuple)
    drawn = data.draw(st.none() | permuted | st.tuples(st.integers(-2, 2), st.integers(-2, 2)))
    x = values(shape)
    same(lambda: F.transpose(leaf(x), axes=drawn), lambda: np.transpose(x, drawn))


@few
@given(shape=shapes, new=st.lists(st.integers(-1, 6), max_size=3))
def test_reshape(shape, new):
    x = values(shape)
    same(lambda: leaf(x).reshape(tuple(new)), lambda: x.reshape(tuple(new)))


@few
@given(shape=shapes, new=shapes)
def test_broadcast_to(shape, new):
    x = values(shape)
    same(lambda: F.broadcast_to(leaf(x), shape=new), lambda: np.broadcast_to(x, new))


@few
@given(shape=shapes, axis1=st.integers(-3, 3), axis2=st.integers(-3, 3))
def test_swapaxes(shape, axis1, axis2):
    x = values(shape)
    same(lambda: leaf(x).swapaxes(axis1, axis2), lambda: x.swapaxes(axis1, axis2))


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "matmul"])
@few
@given(a=shapes, b=shapes)
def test_two_arrays(name, a, b):
    x, y = values(a), values(b)
    same(lambda: getattr(F, name)(leaf(x), leaf(y)), lambda: getattr(np, name)(x, y))


@pytest.mark.parametrize("name", ["concatenate", "stack"])
@few
@given(data=st.data(), a=shapes, axis=st.integers(-4, 3))
def test_joining(data, name, a, axis):
    b = data.draw(st.just(a) | shapes)
    x, y = values(a), values(b)
    same(
        lambda: getattr(F, name)([leaf(x), leaf(y)], axis=axis),
        lambda: getattr(np, name)([x, y], axis=axis),
    )


@few
@given(shape=shapes, cuts=st.integers(1, 4) | st.lists(st.integers(-5, 5), max_size=3), axis=axes)
def test_split(shape, cuts, axis):
    if not isinstance(axis, int):
        return
    x = values(shape)
    try:
        expected = np.split(x, cuts, axis)
    except (ValueError, IndexError):
        with pytest.raises(mn.errors.MinnetError):
            F.split(leaf(x), indices_or_sections=cuts, axis=axis)
        return
    found = F.split(leaf(x), indices_or_sections=cuts, axis=axis)
    assert [p.numpy().tolist() for p in found] == [p.tolist() for p in expected]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data(), shape=npst.array_shapes(min_dims=1, max_dims=3, max_side=4))
def test_indexing(data, shape):
    """Basic keys, integer arrays, masks, and positions that do not exist; gradients by counting."""
    key = data.draw(
        npst.basic_indices(shape, allow_newaxis=True)
        | npst.integer_array_indices(shape)
        | npst.arrays(bool, shape)
        | npst.arrays(bool, shape[:1])
        | st.integers(-6, 6)
        | st.lists(st.integers(-5, 4), max_size=4)
    )
    x = values(shape)
    same(lambda: leaf(x)[key], lambda: x[key])
    try:
        positions = np.arange(x.size).reshape(shape)[key]
    except IndexError:
        return
    tensor = leaf(x)
    d = mn.grad(tensor[key], tensor, np.ones(np.shape(positions))).numpy()
    assert d.ravel().tolist() == np.bincount(np.ravel(positions), minlength=x.size).tolist()
