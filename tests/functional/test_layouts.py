"""Every operation on arrays that lie in memory in another way: the same values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import minnet as mn

from .cases import ALL, IDS, operation
from .oracle import differentiated, gradients, make_inputs, relative_error, upstream


def with_gaps(x):
    """Every second element of a larger array."""
    whole = np.full([2 * n + 1 for n in x.shape], 7, x.dtype)
    whole[(slice(1, None, 2),) * x.ndim] = x
    return whole[(slice(1, None, 2),) * x.ndim]


def unaligned(x):
    """Elements that begin at odd addresses."""
    room = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    room[...] = x
    return room


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = {
    "columns first": np.asfortranarray,
    "backwards": lambda x: np.ascontiguousarray(x[::-1, ...])[::-1, ...],
    "last axis backwards": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "axes exchanged": lambda x: np.ascontiguousarray(x.swapaxes(0, -1)).swapaxes(0, -1),
    "gaps": with_gaps,
    "unaligned": unaligned,
    "read only": read_only,
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder("S")),
}


def laid_out(layout, x):
    return LAYOUTS[layout](x) if isinstance(x, np.ndarray) and x.size and x.ndim else x


@pytest.mark.parametrize(("name", "settings", "specs"), ALL, ids=IDS)
def test_layout_changes_nothing(name, settings, specs):
    """Nor are the arguments and the upstream touched, or shared with the gradients."""
    f, inputs, places = operation(name, settings), make_inputs(specs), differentiated(specs)
    expected, slopes = np.asarray(f(*inputs)), gradients(f, inputs, places)
    for layout in LAYOUTS:
        given = [laid_out(layout, x) for x in inputs]
        tensors = [
            mn.tensor(x, requires_grad=True, copy=False) if k in places else x
            for k, x in enumerate(given)
        ]
        y, g = f(*tensors), laid_out(layout, upstream(expected))
        assert relative_error(y.numpy(), expected) < 1e-12, layout
        assert relative_error(np.asarray(f(*given)), expected) < 1e-12, layout
        for d, slope in zip(mn.grad(y, [tensors[k] for k in places], g), slopes, strict=True):
            assert relative_error(d.numpy(), slope) < 1e-11 and d.data.flags.writeable, layout
            assert not any(np.shares_memory(d.data, a) for a in [g, *given] if is_array(a)), layout
        assert all(np.array_equal(a, b) for a, b in zip(given, inputs, strict=True) if is_array(a))


def is_array(x):
    return isinstance(x, np.ndarray)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layouts_are_what_they_say(layout):
    x = np.arange(6.0).reshape(2, 3)
    given = laid_out(layout, x)
    assert np.array_equal(given, x)
    usual = given.flags.c_contiguous and given.flags.aligned and given.flags.writeable
    assert not usual or given.dtype != x.dtype
