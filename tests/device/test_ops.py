"""Every operation of the table on a device: values, both orders of gradients, and no stop."""

import numpy as np
import pytest

import minnet as mn
from tests.functional.cases import ALL, IDS, operation
from tests.functional.oracle import contracted, differentiated, make_inputs, upstream, with_tensors

from .parity import assert_close, assert_on_device, home, moved, narrowed, quiet

READS = {  # operations that have to look at values, and why
    "index": "a boolean mask decides the size of the result",
    "cross_entropy": "class weights are checked",
    "nll": "class weights are checked",
    "binary_cross_entropy_with_logits": "pos_weight is checked",
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(("name", "settings", "specs"), ALL, ids=IDS)
def test_operation(module, name, settings, specs, dtype):
    """PF-F1, PF-F4, PF-F5: the same numbers as on the CPU, all of them left on the device."""
    inputs, settings = narrowed(make_inputs(specs), dtype), narrowed(settings, dtype)
    if name == "astype":
        settings = {"dtype": dtype}
    f, places = operation(name, settings), differentiated(specs)
    expected, y_shape, ds = _on_cpu(f, inputs, places, dtype)
    there = operation(name, moved(settings))
    tensors = with_tensors(moved(inputs), places)
    g = moved(np.asarray(upstream(np.zeros(y_shape)), dtype))
    with quiet(None if name in READS else module):
        y = there(*tensors)
        found = mn.grad(y, [tensors[k] for k in places], g)
    assert_on_device(y, *found)
    assert_close(y, expected, dtype)
    for d, d_cpu in zip(found, ds, strict=True):
        assert_close(d, d_cpu, dtype)


def _on_cpu(f, inputs, places, dtype):
    tensors = with_tensors(inputs, places)
    y = f(*tensors)
    ds = mn.grad(y, [tensors[k] for k in places], upstream(y).astype(dtype))
    return y.numpy(), y.shape, [d.numpy() for d in ds]


@pytest.mark.parametrize(("name", "settings", "specs"), ALL, ids=IDS)
def test_second_order(module, name, settings, specs):
    """Gradients of gradients on the device equal those of the CPU."""
    inputs, places = make_inputs(specs), differentiated(specs)
    g = upstream(operation(name, settings)(*with_tensors(inputs, places)))
    wanted = [*places, len(inputs)]
    results = []
    for to in (lambda x: x), moved:
        point = to([*inputs, g])
        tensors = with_tensors(point, wanted)
        phi = contracted(operation(name, to(settings)), places, to)
        results.append(mn.grad(phi(*tensors), [tensors[k] for k in wanted], allow_unused=True))
    for expected, found in zip(*results, strict=True):
        assert_on_device(found)
        assert_close(found, home(expected), "float64")
