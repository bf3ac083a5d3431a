"""The entry points: each turns its arguments into one Problem and runs the same plan on it."""

import numpy as np

from .adapters import loss_problem, vjp_problem
from .arrays import as_numpy, is_array
from .engine import Options, run
from .errors import InputError
from .modules import module_problem
from .refuse import refuse_class
from .report import Finding, Report, worst_status
from .tensors import are_tensors, tensor_problem
from .tolerance import norm

__all__ = [
    "assert_grad",
    "assert_grads",
    "assert_module",
    "assert_vjp",
    "check",
    "check_grad",
    "check_module",
    "check_vjp",
]


def check_vjp(
    forward,
    backward,
    inputs,
    *,
    wrt=None,
    name=None,
    reseed=None,
    batch=None,
    batch_axis=0,
    vectorized=False,
    branches=None,
    value=None,
    dtype="float64",
    loss_scale=1.0,
    **options,
) -> Report:
    """Check backward(dout, cache) against differences of forward(**inputs) -> (out, cache).

    inputs: dict of arrays and settings, or a tuple in forward's order.  wrt: names to check
    (default: every floating-point array).  backward returns a dict by name, or a tuple
    in that order; one with an argument `grads` adds to the arrays in that dict instead.

    tol=1e-7          relative to max(|analytic|, |numeric|), and to the norm of the gradient
    method="auto"     "central", "central4", "central6", "ridders", "complex" (probed), "forward"
    step=None         absolute h, instead of one that suits each entry
    mode="auto"       directions decide and entries explain; "all" entries, "sample", "directions"
    samples_per_param=20, directions=3, upstream="random"|"ones"|array
    budget=None       forward calls for the verdict; the reason of a failure takes more (diagnose)
    reseed=None       an int or a function: run before every call, for dropout
    batch=None        use only that many examples along batch_axis
    vectorized=False  checked arrays may carry an extra leading axis, and so does the result then
    branches=None     branches(cache) -> bool or int arrays: which side of every kink was taken
    value=None        value(**inputs) -> out without a gradient: must be what forward gives
    kinks="resolve"   or "error": a crossing fails; or "ignore": crossings are counted, not judged
    contract, diagnose, probe = True    exact batteries; reasons; variants of the inputs
    dtype="float64"   cast to that, or "as-is"
    loss_scale=1.0    multiplies the upstream given to backward, and is taken back
    points=1, burn_in=None, rng=0       further points; training before a second check; the seed

    Raises DTypeError for integer arrays, InputError for options, CallError if a function raises at
    the point itself.  Source of the method: CS231n notes, "Gradient checks".

    >>> affine = lambda x, w: (x @ w, (x, w))
    >>> right = lambda d, cache: (d @ cache[1].T, cache[0].T @ d)
    >>> wrong = lambda d, cache: (d @ cache[1].T, 2 * cache[0].T @ d)
    >>> point = {"x": np.eye(3, 4) + 0.5, "w": np.eye(4, 2) - 0.3}
    >>> check_vjp(affine, right, point).status, check_vjp(affine, wrong, point).params["w"].status
    ('pass', 'fail')
    """
    inputs = few(inputs, batch, batch_axis)
    problem = vjp_problem(
        forward,
        backward,
        inputs,
        wrt=wrt,
        name=name,
        reseed=reseed,
        dtype=dtype,
        vectorized=vectorized,
        branches=branches,
        value=value,
        loss_scale=loss_scale,
    )
    return run(problem, Options(**known(options)))


def check(
    loss,
    params,
    grads=None,
    *,
    names=None,
    name=None,
    reduction="mean",
    terms=None,
    reseed=None,
    vectorized=False,
    branches=None,
    dtype="float64",
    loss_scale=1.0,
    **options,
) -> Report:
    """Check the gradients of loss(params) or loss(): a scalar, or a vector of per-sample losses.

    params: an array, or a list or dict of arrays.  grads: arrays in the same structure, a function
    that returns them (alone, or as (loss, grads)), or None when loss returns (loss, grads), or when
    params are tensors with .data and .grad and loss(params) has backward().
    reduction: "mean" or "sum".
    terms: {"data": f, "reg": f}, functions that return (loss, grads), checked apart, with the ratio
    of their gradients' norms.  Other options: see check_vjp.

    >>> w = np.array([1.0, -2.0])
    >>> check(lambda w: np.sum(w**2), w, lambda w: 2 * w).status
    'pass'
    >>> check(lambda w: np.sum(w**2), w, lambda w: w).status
    'fail'
    """
    shared = {
        "names": names,
        "reduction": reduction,
        "reseed": reseed,
        "vectorized": vectorized,
        "branches": branches,
        "dtype": dtype,
        "loss_scale": loss_scale,
    }
    settings = Options(**known(options))
    if grads is None and are_tensors(params):
        return run(tensor_problem(loss, params, name=name, **shared), settings)
    whole = run(loss_problem(loss, params, grads, name=name, **shared), settings)
    if not terms:
        return whole
    parts = {
        key: run(loss_problem(f, params, name=key, **shared), settings) for key, f in terms.items()
    }
    return joined(whole, parts)


def check_grad(f, grad, x, **options) -> Report:
    """Check grad(x) against differences of f(x); SciPy's argument order.   x: an array.

    >>> check_grad(lambda x: np.sum(np.sin(x)), np.cos, np.array([0.3, 1.0])).status
    'pass'
    """
    for function in (f, grad):
        refuse_class(function, "check_grad", "functions f and grad")
    return check(
        lambda x: f(x),
        np.asarray(as_numpy(x)),
        lambda x: grad(x),
        names=["x"],
        name=options.pop("name", getattr(f, "__name__", "f")),
        **options,
    )


def check_module(
    module,
    *inputs,
    name=None,
    reseed=None,
    dtype="float64",
    vectorized=False,
    batch=None,
    batch_axis=0,
    **options,
) -> Report:
    """Check a layer object with forward(*inputs), backward(dout), parameters() and gradients().

    A deep copy is checked; the module itself is left as it is.  Other options: see check_vjp.
    """
    inputs = few(inputs, batch, batch_axis)
    problem = module_problem(
        module, *inputs, name=name, reseed=reseed, dtype=dtype, vectorized=vectorized
    )
    return run(problem, Options(**known(options)))


def assert_vjp(*args, allow_inconclusive=False, **options) -> Report:
    """check_vjp that raises GradientMismatch (an AssertionError carrying .report) unless ok."""
    return check_vjp(*args, **options).raise_for_failure(allow_inconclusive)


def assert_grads(*args, allow_inconclusive=False, **options) -> Report:
    """check that raises GradientMismatch unless ok."""
    return check(*args, **options).raise_for_failure(allow_inconclusive)


def assert_grad(*args, allow_inconclusive=False, **options) -> Report:
    """check_grad that raises GradientMismatch unless ok."""
    return check_grad(*args, **options).raise_for_failure(allow_inconclusive)


def assert_module(*args, allow_inconclusive=False, **options) -> Report:
    """check_module that raises GradientMismatch unless ok."""
    return check_module(*args, **options).raise_for_failure(allow_inconclusive)


def known(options) -> dict:
    """Options that exist; a misspelt one is named."""
    unknown = set(options) - set(Options.__dataclass_fields__)
    if unknown:
        raise InputError(
            f"gradcheck does not know the option {sorted(unknown)[0]!r}. "
            f"It knows {', '.join(Options.__dataclass_fields__)}."
        )
    return options


def few(inputs, batch, axis):
    """The first `batch` examples of the first input, and of all arrays as long as it along axis."""
    if batch is None:
        return inputs
    items = inputs if isinstance(inputs, dict) else dict(enumerate(inputs))
    lengths = [v.shape[axis] for v in items.values() if is_array(v) and len(v.shape) > axis]
    cut = lambda v: as_numpy(v).take(range(min(batch, lengths[0])), axis=axis)
    fits = lambda v: is_array(v) and len(v.shape) > axis and v.shape[axis] == lengths[0]
    sliced = {k: cut(v) if fits(v) else v for k, v in items.items()}
    return sliced if isinstance(inputs, dict) else tuple(sliced.values())


def joined(whole, parts) -> Report:
    """One report of a loss and its terms: parameters are named term/parameter."""
    params = dict(whole.params)
    findings = list(whole.findings)
    for key, part in parts.items():
        params |= {f"{key}/{k}": p for k, p in part.params.items()}
        findings += [
            Finding(
                f.code,
                f.severity,
                f"{key}/{f.param}" if f.param else key,
                f.message,
                f.evidence,
                f.hint,
            )
            for f in part.findings
        ]
    findings += balance(parts)
    reports = [whole, *parts.values()]
    status = worst_status(
        [r.status for r in reports] + [f.severity for f in findings if f.severity != "note"]
    )
    return Report(
        whole.name,
        status,
        params,
        findings,
        whole.settings,
        sum(r.nfev for r in reports),
        sum(r.nbev for r in reports),
        sum(r.seconds for r in reports),
        whole.seed,
    )


def balance(parts):
    """The ratio of the terms' gradient norms; a term that drowns the other hides its errors."""
    norms = {k: norm([p.norm for p in r.params.values()]) for k, r in parts.items()}
    if len(norms) < 2 or not min(norms.values()) > 0:
        return []
    (small, low), *_, (large, high) = sorted(norms.items(), key=lambda item: item[1])
    far = high > 10 * low
    return [
        Finding(
            "term-ratio",
            "warn" if far else "note",
            "",
            f"the gradient of {large} is "
            f"{high / low:.3g} times that of {small}"
            + (", so it hides its errors in the sum." if far else "."),
            {"norms": norms, "ratio": high / low},
            "Judge each term by its own rows.",
        )
    ]
