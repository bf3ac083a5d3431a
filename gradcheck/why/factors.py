"""What a factor may stand for, in the words of the sizes and settings at hand."""

from itertools import product

import numpy as np

from .facts import proportional
from .same import close

__all__ = ["elementwise_name", "factor_words", "scale_names", "vector_name"]

POWERS = (
    (1, "{}"),
    (-1, "1/{}"),
    (0.5, "sqrt({})"),
    (-0.5, "1/sqrt({})"),
    (2, "{}^2"),
    (-2, "1/{}^2"),
)


def scale_names(f, k) -> list[str]:
    """Names of a factor k, most telling first; several where several numbers are equal."""
    named: dict[str, float] = {}
    for what, size in sizes(f).items():
        named |= {f"{form}, and {size} is {what}": v for form, v in forms(str(size), size)}
    for n, v in f.hyper.items():
        named |= dict(forms(n, v)) if v > 0 and v != 1 else {}
        named |= {f"1 - {n}": 1 - v} | ({f"1/(1 - {n})": 1 / (1 - v)} if v != 1 else {})
    found = [n for n, v in named.items() if abs(abs(k) - v) <= 1e-6 * v]
    plain = {str(i): float(i) for i in (2, 3, 4)} | {f"1/{i}": 1 / i for i in (2, 3, 4)}
    return found + [
        n
        for n, v in plain.items()
        if abs(abs(k) - v) <= 1e-6 * v and not any(known.startswith(f"{n},") for known in found)
    ]


def forms(n, v):
    """(expression, value) of the powers of a number called n, and of the corrections n/(n - 1)."""
    yield from ((form.format(n), v**p) for p, form in POWERS)
    if v > 2:
        yield f"{n}/({n} - 1)", v / (v - 1)
        yield f"({n} - 1)/{n}", (v - 1) / v


def sizes(f) -> dict[str, int]:
    """{"axis 1 of W": 4, ...} of the inputs and the output, the batch first, without the ones."""
    whole = getattr(f.problem, "whole", f.problem).inputs
    arrays = {n: v.shape for n, v in whole.items() if isinstance(v, np.ndarray)}
    arrays |= {"the output": f.y.shape}
    first, output = next(iter(arrays)), arrays["the output"]
    places = {f"axis {i} of {n}": s for n, shape in arrays.items() for i, s in enumerate(shape)}
    if output and arrays[first][:1] == output[:1]:
        shared = [places.pop(f"axis 0 of {n}", 0) for n in (first, "the output")]
        places = {f"the batch size N (axis 0 of {first} and of the output)": shared[-1]} | places
    places |= {
        f"the number of entries of {n}": int(np.prod(s)) for n, s in arrays.items() if len(s) > 1
    }
    return {what: size for what, size in places.items() if size > 1}


def factor_words(k, names) -> str:
    """ "0.25 = 1/4, and 4 is axis 0 of x, or axis 1 of W": the number with its first four names.

    >>> factor_words(0.25, ["1/4, and 4 is axis 0 of x", "1/4, and 4 is axis 1 of W"])
    '0.25 = 1/4, and 4 is axis 0 of x, or axis 1 of W'
    """
    if not names:
        return f"{k:.7g}"
    head = names[0].partition(" is ")[0] + " is "
    words = ", or ".join([names[0], *(n.removeprefix(head) for n in names[1:4])])
    return words if words.startswith(f"{k:.7g},") else f"{k:.7g} = {words}"


def vector_name(f, k, axis):
    """Which known vector, or power of one, the factors along an axis are."""
    for name, v in f.floats.items():
        v = v.reshape(-1)
        v = v[f.grid[axis]] if v.size > f.grid[axis][-1] and v.shape != k.shape else v
        for p, form in ((1, "{}"), (-1, "1/{}"), (2, "{}^2"), (-2, "1/{}^2")):
            if v.shape == k.shape and np.all(v != 0) and close(k, v.astype(float) ** p, 1e-5):
                return form.format(name)
    return None


def elementwise_name(f, q, used):
    """(words, residual) for q = c u / v with u, v from a small dictionary of known arrays."""
    atoms = {"1": np.ones(f.shape)}
    with np.errstate(all="ignore"):
        for n, v in f.floats.items():
            if v.shape == f.shape and not (n.startswith("cache") and len(atoms) > 40):
                atoms |= {
                    n: v,
                    f"(1 - {n})": 1 - v,
                    f"(1 - {n}^2)": 1 - v**2,
                    f"(1 + {n})": 1 + v,
                    f"{n}^2": v**2,
                    f"exp({n})": np.exp(v),
                    f"tanh({n})": np.tanh(v),
                    f"sigmoid({n})": 1 / (1 + np.exp(-v)),
                    f"(1 - tanh({n})^2)": 1 - np.tanh(v) ** 2,
                }
        usable = {
            n: v[used]
            for n, v in atoms.items()
            if np.all(v[used] != 0) and np.all(np.isfinite(v[used]))
        }
        target = q[used]
        for (u, a), (v, b) in product(usable.items(), repeat=2):
            for form, value in ((f"{u}/{v}", a / b), (f"{u} {v}", a * b)):
                k, residual = proportional(target, value)
                if residual < 1e-6 and u != v and np.ptp(value) > 0:
                    return product_words(k, form), residual
    return "", 0.0


def product_words(k, form) -> str:
    """A number times a product, without the ones.

    >>> product_words(1.0, "1 a"), product_words(-2.0, "1/x"), product_words(1.0, "x/1")
    ('a', '-2 1/x', 'x')
    """
    form = form.removeprefix("1 ").removesuffix("/1").removesuffix(" 1")
    return form if abs(k - 1) < 1e-6 else f"{k:.6g} {form}"
