"""Pattern rules on which examples or steps influence which: GC-P8, P10 and P12."""

import numpy as np

from ..numeric import Probe, stencil
from .facts import norm

__all__ = ["coupling", "first_step"]


def first_step(f):
    """GC-P12: right for what the first index of an output's axis sends back, wrong for the rest."""
    if f.jacobians is None or f.y.ndim < 2:
        return None
    right = f.equal.all(1).reshape(f.y.shape)
    for axis in (a for a in range(1, f.y.ndim) if f.y.shape[a] > 2):
        good = right.all(tuple(a for a in range(f.y.ndim) if a != axis))
        if good[0] and not right.take(range(1, len(good)), axis).any() and shared(f, axis):
            return joining(f, axis)
    return None


def shared(f, axis) -> bool:
    """True if every index of an axis of the output depends on the same entries, and the first index
    on some (at a zero initial state it says nothing)."""
    n = f.present(f.jacobians[1]).reshape(*f.y.shape, -1)
    steps = n.any(tuple(a for a in range(f.y.ndim) if a != axis))
    return bool(steps[0].any() and (steps == steps[0]).all())


def joining(f, axis):
    """The steps are right, how they are joined is not."""
    where = f"what index 0 of axis {axis} of the output sends back is right, all else is not"
    others = [k for k, (A, M, _) in f.e.all_params.items() if norm(A - M) > 1e-5 * norm(M)]
    if others == [f.name]:
        return f.finding(
            "GC-P12",
            "overlap-assign",
            f"steps that are not added up: {where}, while the other gradients are right",
            "use += in the loop over the steps",
            axis=axis,
            place=True,
        )
    if wrong_at_first_step(f, axis):
        return None  # then it is the step itself that is wrong, not what is carried
    return f.finding(
        "GC-P12",
        "carry-lost",
        f"a carry from step to step that is lost or wrong: {where}",
        "follow the gradient that is carried from step to step",
        axis=axis,
    )


def wrong_at_first_step(f, axis) -> bool:
    """True if some parameter's gradient is wrong where the upstream is zero but at index 0.

    States are left out: an initial one gets what the first step hands on.
    """
    d = np.zeros(f.y.shape)
    first = (slice(None),) * axis + (0,)
    d[first] = f.D[0][first]
    state, rng = f.y.shape[:axis] + f.y.shape[axis + 1 :], np.random.default_rng(0)
    grads = f.problem.gradients(d)
    for name in f.e.all_params:
        g, x = grads[name], f.problem.inputs[name]
        if name != f.name and x.shape != state:
            v = rng.standard_normal(x.shape)
            s = stencil(Probe(f.problem, f.problem.inputs, name, [d]), v[None], "central4")
            slope, noise = float(s.value[0, 0]), float(s.u[0, 0])
            if abs((g * v).sum() - slope) > 1e-5 * norm(g * v) + 10 * noise:
                return True
    return False


def coupling(f):
    """GC-P8, P10, P12: which examples or steps influence which, axis by axis."""
    if f.jacobians is None:
        return None
    a, n = map(f.present, f.jacobians)
    for i in f.axes:
        for j in range(f.y.ndim):
            if f.shape[i] != f.y.shape[j] or f.shape[i] < 2:
                continue
            A, N, E = (blocks(f, m, i, j) for m in (a, n, f.equal))
            found = judge_coupling(f, A.any((2, 3)), N.any((2, 3)), E.all((2, 3)), (i, j))
            if found:
                return found
    return None


def blocks(f, m, i, j):
    """(outputs, inputs) as (L, L, rest of outputs, rest of inputs) along axis j of y and i of x."""
    m = np.moveaxis(m.reshape(*f.y.shape, *f.shape), (j, f.y.ndim + i), (0, 1))
    rest = f.y.size // f.y.shape[j]
    return m.reshape(f.y.shape[j], f.shape[i], rest, -1)


def judge_coupling(f, a, n, right, axes):
    """a, n, right: (L, L) whether blocks are present in A, in M, and equal."""
    off = ~np.eye(len(a), dtype=bool)
    where = f"axis {axes[0]}"
    if n[off].any() and not a[off].any() and n.diagonal().all():
        return uncoupled(f, n, right, axes[0])
    if wrong_carry(a, n, right) and a[off].any():
        return f.finding(
            "GC-P12",
            "carry-lost",
            f"a carry from step to step with a wrong factor: each step along {where} is right for "
            "its own output, and wrong for later ones",
            "look at what multiplies the carried gradient, and at its index",
            axis=axes[0],
        )
    if a[off].any() and not n[off].any() and n.diagonal().all():
        return f.finding(
            "GC-P8",
            "wrong-axis",
            f"a sum or mean over the wrong axis: entries along {where} are mixed, which the "
            "forward does not mix",
            "check axis= in each reduction of backward",
            axis=axes[0],
        )
    return None


def uncoupled(f, n, right, axis):
    """Slices that the forward couples, and the backward does not."""
    upper, lower = np.triu(n, 1).any(), np.tril(n, -1).any()
    if upper != lower and right.diagonal().any():
        return f.finding(
            "GC-P12",
            "carry-lost",
            f"only the direct path along axis {axis}: what is carried from "
            "one step to the next is lost",
            "add the gradient that comes back from the following step",
            axis=axis,
        )
    own = bool(right.diagonal().all())
    if not (own or f.shape[:1] == f.y.shape[:1]):
        return None  # units of a weight, which later steps mix
    return f.finding(
        "GC-P10",
        "coupling-missing",
        f"the {len(n)} slices along axis {axis} treated as independent, although each output "
        "depends on all of them" + (": what a slice gets from its own outputs is right" * own),
        "add the terms that go through the mean, the sum or the shared statistic",
        axis=axis,
        place=not own,
    )


def wrong_carry(a, n, right) -> bool:
    """True if steps influence later ones only, and only that influence is wrong."""
    one_way = np.triu(n, 1).any() != np.tril(n, -1).any()
    own = right.diagonal().all() and n.diagonal().all()
    return bool(one_way and own and len(n) > 2 and not right.all() and not (a & ~n).any())
