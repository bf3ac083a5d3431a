"""What backward returned, GC-K1 and GC-K2: shape, dtype, finiteness, repairs of a wrong shape."""

from itertools import chain, combinations, permutations

import numpy as np

from ..arrays import as_numpy
from ..errors import GradcheckError
from ..report import Finding
from .facts import axis_words

__all__ = ["returned", "well_formed"]

STEP = 1e-5
REPAIRS = {
    "not-summed": "sum over the axes along which the forward broadcast it",
    "mean-not-sum": "sum over these axes instead of averaging",
    "transposed": "transpose it, or exchange the factors of the product",
    "shape": "drop or add the axis of length 1: see keepdims",
}


def well_formed(problem, raw) -> dict:
    """Float gradients of the right shape by name, from what backward returned."""
    grads = {}
    for k in problem.wrt:
        g = raw.get(k)
        g = None if g is None else numeric(g)
        if g is not None and g.shape == problem.inputs[k].shape and g.dtype.kind in "fiub":
            grads[k] = g if g.dtype.kind == "f" else g.astype(float)
    return grads


def numeric(g):
    """g as an array, or None where it is not numbers."""
    try:
        return as_numpy(g)
    except GradcheckError:
        return None


def returned(problem, raw, d, rng) -> list[Finding]:
    """GC-K1 for every name, GC-K2 where only the shape is wrong."""
    found = [f for k in problem.wrt for f in one(problem, k, raw.get(k), d, rng)]
    extra = [k.removeprefix("extra ") for k in raw if k.startswith("extra ")]
    extra = [
        k for k in extra if k not in problem.inputs and k.removeprefix("d") not in problem.inputs
    ]
    if extra:
        missing = any(f.code == "missing-gradient" for f in found)
        counted = all(k.isdigit() for k in extra)
        found.append(
            Finding(
                "extra-gradient",
                "fail" if missing or counted else "warn",
                "",
                f"backward returned gradients that belong to no input: {', '.join(extra)}",
                {"names": extra},
                "check the order, the number and the names of what is returned",
            )
        )
    return found


def one(problem, k, g, d, rng):
    """Findings on the gradient returned for k."""
    shape = problem.inputs[k].shape
    array = None if g is None else numeric(g)
    if array is None:
        got = "nothing" if g is None else type(g).__name__
        yield Finding(
            "missing-gradient",
            "fail",
            k,
            f"backward returned {got} for {k}, which needs an array of shape {shape}",
            {},
            "return a gradient, or leave it out of wrt=",
        )
        return
    if array.shape != shape:
        yield repair(problem, k, array, d, rng)
    whole = array.dtype.kind in "iub" and np.any(array) and np.any(d != np.rint(d))
    if array.dtype.kind != "f" or array.dtype.itemsize < problem.inputs[k].dtype.itemsize:
        lost = "cut to whole numbers" if whole else "precision is lost"
        yield Finding(
            "dtype",
            "fail" if whole else "warn",
            k,
            f"the gradient of {k} is {array.dtype}, {k} itself is "
            f"{problem.inputs[k].dtype}: {lost}",
            {"dtype": str(array.dtype)},
            "look for a buffer or a constant of that dtype",
        )
    bad = np.argwhere(~np.isfinite(array.astype(float))) if array.dtype.kind in "fiub" else []
    if len(bad):
        yield Finding(
            "nan",
            "fail",
            k,
            f"the gradient of {k} is not finite at {len(bad)} of "
            f"{array.size} entries, first at {tuple(map(int, bad[0]))}",
            {"count": len(bad)},
            "overflow of exp, log or division by zero: rewrite the formula stably",
        )


def repair(problem, k, a, d, rng) -> Finding:
    """GC-K2: name the sum, mean or transpose that turns a into a gradient of the right shape."""
    shape = problem.inputs[k].shape
    message = f"the gradient of {k} has shape {a.shape}, {k} itself {shape}"
    plain = Finding(
        "shape",
        "fail",
        k,
        message,
        {"got": a.shape, "needs": shape},
        "a gradient has the shape of what it is the gradient of",
    )
    candidates = [c for c in repairs(a) if c[2].shape == shape]
    if not candidates or not np.all(np.isfinite(a)):
        return plain
    v = rng.standard_normal(shape)
    slope = directional(problem, k, v, d)
    for code, how, repaired in candidates:
        if abs((repaired * v).sum() - slope) <= 1e-5 * (np.abs(repaired * v).sum() + 1e-300):
            return Finding(
                code,
                "fail",
                k,
                f"{message}; consistent with the right numbers {how}",
                {"repair": how, "got": a.shape, "needs": shape},
                REPAIRS[code],
            )
    return plain


def repairs(a):
    """(code, words, array) of every sum, mean, transpose and added or dropped axis of length 1."""
    axes = range(a.ndim)
    for S in chain.from_iterable(combinations(axes, n) for n in range(1, a.ndim + 1)):
        for keep in (False, True):
            over = f"summed over {axis_words(S)}"
            yield "not-summed", f"not {over}", a.sum(S, keepdims=keep)
            yield "mean-not-sum", f"{over} and divided", a.mean(S, keepdims=keep)
    for order in permutations(axes):
        yield "transposed", f"transposed {order}", a.transpose(order)
    yield "shape", "after dropping axes of length 1", np.squeeze(a)
    for axis in range(a.ndim + 1):
        yield "shape", f"with a new axis {axis}", np.expand_dims(a, axis)


def directional(problem, k, v, d) -> float:
    """Slope of sum(d y) along v at the inputs, by a centred difference."""
    at = lambda s: problem.evaluate({**problem.inputs, k: problem.inputs[k] + s * v})
    return float(((at(STEP) - at(-STEP)) * d).sum() / (2 * STEP))
