"""Probes: the same question on variants of the inputs on which hand-written layers break.

A variant that can be made without knowing the function: one example, one example less, another
memory layout, float32, and scores moved by 1000 where the function does not change when all scores
move together.  Findings are warnings: right at the point given, wrong or failing at the variant.
Their codes: batch-1, batch-size, non-contiguous, float32, overflow.
"""

import numpy as np

from ..errors import GradcheckError
from ..report import Finding
from .facts import norm

__all__ = ["batch_one", "run"]

STEPS = 1e-4, 1e-5, 1e-6
WRONG = 1e-3  # relative error that no rounding explains
LOW_PRECISION = 5e-2
LINES = 4  # one line may agree by chance


def run(problem, inputs, rng) -> list[Finding]:
    """Warnings of every probe that applies to a Problem, which has passed at `inputs`."""
    values = dict(inputs)
    with np.errstate(all="ignore"):
        found = [
            one_example(problem, values, rng),
            one_less(problem, values, rng),
            layout(problem, values, rng),
            single_precision(problem, values, rng),
            large_scores(problem, values),
        ]
    return [f for f in found if f]


def warning(code, what, trouble, hint):
    """A finding of a probe."""
    return Finding(
        code,
        "warn",
        "",
        f"right at the inputs given, but {what}: {trouble}",
        {"rule": "probe"},
        hint,
    )


def trouble_at(problem, values, rng) -> str:
    """What goes wrong at these values, in words; "" if nothing does or nothing can be said."""
    try:
        y = problem.evaluate(fresh(values))
    except GradcheckError as error:
        return str(error)
    if y.size == 0 or not np.all(np.isfinite(y)):
        return ""
    try:
        wrong = wrong_names(problem, values, problem.upstream(y.shape, rng), rng)
    except GradcheckError as error:
        return str(error)
    return f"the gradient of {', '.join(wrong)} is wrong" if wrong else ""


def wrong_names(problem, values, d, rng) -> list[str]:
    """Names whose gradient has another shape, or a wrong slope along a line at every step."""
    grads = problem.gradients(d, fresh(values))
    typical = float(np.abs(problem.evaluate(fresh(problem.inputs))).max(initial=0))
    wrong = []
    for k in problem.wrt:
        g, x = grads.get(k), values[k]
        if g is None or np.shape(g) != x.shape:
            wrong.append(k)
            continue
        v = rng.standard_normal(x.shape)
        g = np.asarray(g, dtype=float)
        errors = [
            abs(slope - (g * v).sum()) - noise
            for slope, noise in (directional(problem, values, k, v, d, h, typical) for h in STEPS)
        ]
        if not min(errors) <= WRONG * (np.abs(g * v).sum() + 1e-300):
            wrong.append(k)
    return wrong


def directional(problem, values, k, v, d, h, typical):
    """(slope, rounding noise) of sum(d y) along v; what cancels inside y may be of typical size."""
    up, down = (problem.evaluate(fresh(values) | {k: values[k] + s * v}) for s in (h, -h))
    hidden = typical * np.abs(d).max(initial=0) * np.abs(v).max(initial=0)
    noise = 1e-14 * (np.abs(up * d).sum() + hidden) / h
    return float(((up - down) * d).sum() / (2 * h)), float(noise)


def fresh(values) -> dict:
    """Copies of the arrays, their layout kept."""
    return {k: v.copy(order="K") if isinstance(v, np.ndarray) else v for k, v in values.items()}


def examples(problem, values, keep):
    """The inputs cut to `keep` examples, or None where the batch axis cannot be told from others.

    It can be when it is the leading axis of the first input and of the output (unless a scalar),
    longer than `keep`, and no other axis of any array has its length.
    """
    if problem.scalar:
        return None
    arrays = {k: v for k, v in values.items() if isinstance(v, np.ndarray)}
    first = next(iter(arrays.values()), np.zeros(()))
    n, y = (len(first) if first.ndim else 0), problem.evaluate(fresh(values))
    batched = first.ndim > 1 and n > keep and (y.ndim == 0 or len(y) == n)
    others = [s for a in [*arrays.values(), y] for s in a.shape[1:]]
    if not batched or n in others or problem.out_shapes is not None:
        return None
    cut = {k: a[:keep].copy() for k, a in arrays.items() if a.ndim and len(a) == n}
    return values | cut


def one_example(problem, values, rng):
    """Batch 1: squeezed axes, statistics of one example."""
    return shorter(
        problem,
        values,
        rng,
        1,
        "batch-1",
        "with one example",
        "squeeze() and reductions drop the axis of length 1: name the axis",
    )


def one_less(problem, values, rng):
    """One example less: hard-coded sizes, sizes kept from another call."""
    n = next((len(v) for v in values.values() if isinstance(v, np.ndarray) and v.ndim), 0)
    return (
        shorter(
            problem,
            values,
            rng,
            n - 1,
            "batch-size",
            f"with {n - 1} examples instead of {n}",
            "a size is written into the code, or kept from an earlier call",
        )
        if n > 2
        else None
    )


def shorter(problem, values, rng, keep, code, what, hint):
    """A warning about fewer examples."""
    cut = examples(problem, values, keep)
    trouble = trouble_at(problem, cut, rng) if cut else ""
    return warning(code, what, trouble, hint) if trouble else None


def layout(problem, values, rng):
    """Arrays that are not C-contiguous: the numbers must stay the same."""
    strided = {
        k: spaced(v) if isinstance(v, np.ndarray) and v.ndim else v for k, v in values.items()
    }
    return compared(
        problem,
        values,
        strided,
        rng,
        1e-6,
        "non-contiguous",
        "with inputs that are not contiguous in memory",
        "reshape, ravel and .data do not see strides as indexing does",
    )


def single_precision(problem, values, rng):
    """float32 inputs: nothing may raise or be off by more than single precision explains."""
    single = {k: v.astype(np.float32) if k in problem.wrt else v for k, v in values.items()}
    return compared(
        problem,
        values,
        single,
        rng,
        LOW_PRECISION,
        "float32",
        "with float32 inputs",
        "a dtype is written into the code",
    )


def compared(problem, values, changed, rng, tol, code, what, hint):
    """A warning if backward raises, or gives other gradients than at the original values."""
    y = problem.evaluate(fresh(values))
    try:
        z = problem.evaluate(fresh(changed))
        if not np.all(np.isfinite(z)) or (code == "float32" and norm(z - y) > 1e-3 * norm(y)):
            return None
        d = problem.upstream(y.shape, rng)
        one, two = problem.gradients(d, fresh(values)), kept_layout(problem, d, changed)
    except GradcheckError as error:
        return warning(code, what, str(error), hint)
    off = [
        k
        for k in problem.wrt
        if np.shape(one[k]) != np.shape(two[k])
        or not norm(np.subtract(one[k], two[k])) <= tol * norm(one[k]) + 1e-12 * norm(d)
    ]
    return (
        warning(code, what, f"the gradient of {', '.join(off)} is another one", hint)
        if off
        else None
    )


def kept_layout(problem, d, values):
    """Gradients at values whose layout is kept, for an upstream that is not contiguous either."""
    _, cache = problem.forward(
        {
            k: spaced(v)
            if isinstance(v, np.ndarray) and v.ndim and not v.flags.c_contiguous
            else v
            for k, v in fresh(values).items()
        }
    )
    return problem.on_host(problem.backward(spaced(d) if d.ndim else d, cache))


def spaced(v):
    """v with a gap between all entries of its last axis."""
    wide = np.zeros((*v.shape[:-1], 2 * v.shape[-1]), v.dtype)
    wide[..., ::2] = v
    return wide[..., ::2]


def large_scores(problem, values):
    """Where f(x + c) = f(x), or where f levels off, x + 1000 must not overflow."""
    for k in problem.wrt:
        at = lambda c, k=k: problem.evaluate(fresh(values) | {k: values[k] + c})
        try:
            y, z, level, far = at(0.0), at(1.0), at(30.0), at(1000.0)
        except GradcheckError:
            continue
        invariant = norm(z - y) <= 1e-9 * norm(y) and norm(y) > 0
        flat = np.all(np.isfinite(level)) and norm(at(31.0) - level) <= 1e-9 * norm(level)
        if (invariant or flat) and not np.all(np.isfinite(far)):
            return warning(
                "overflow",
                f"with {k} larger by 1000",
                "the forward is not finite, although the function is",
                "subtract the maximum before exp, or use the stable form",
            )
    return None


def batch_one(f):
    """GC-P13: a parameter that is wrong at the point given, but right with one example."""
    cut = examples(f.problem, f.problem.inputs, 1)
    if cut is None or (cut[f.name].shape != f.shape and not f.wrong[0].any()):
        return None  # the first example alone is right in the batch too
    rng = np.random.default_rng(0)
    try:
        y = f.problem.evaluate(fresh(cut))
        g = f.problem.gradients(f.problem.upstream(y.shape, rng), fresh(cut))[f.name]
        if not norm(g) > 1e-6 * norm(f.M[0]) or not np.all(np.isfinite(y)):
            return None
        lines = (f.problem.upstream(y.shape, rng) for _ in range(LINES))
        if any(f.name in wrong_names(f.problem, cut, d, rng) for d in lines):
            return None
    except GradcheckError:
        return None
    return f.finding(
        "GC-P13",
        "batch-reduction",
        "a fault in how examples are added up: with one example the gradient is right",
        "look at mean against sum, at sums over the batch axis, at = for +=",
    )
