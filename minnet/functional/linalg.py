"""Products of matrices and tensors: matmul, einsum.

In each rule g = dL/dy.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from string import ascii_letters

import numpy as np

from ..backend import Array, array_module, as_array
from ..errors import ShapeError
from ..tensor import op
from .elementwise import plain
from .products import product
from .shape import reshape, swapaxes

__all__ = ["einsum", "matmul"]


@op
def _matmul(a: Array, b: Array) -> Array:
    return product(a, b)


def _mT(x: Array) -> Array:
    return swapaxes(x, axis1=-1, axis2=-2)


_matmul.defvjp(
    a=lambda g, b: _matmul(g, _mT(b)),  # dL/da = g b^T
    b=lambda g, a: _matmul(_mT(a), g),  # dL/db = a^T g
)
_matmul.name = "matmul"


def matmul(a: Array, b: Array) -> Array:
    """a b over the last two axes; the axes before them broadcast.

    a: (..., n, k), b: (..., k, m) -> (..., n, m).  A vector a counts as a row (1, k), a vector b as
    a column (k, 1); that axis is missing in the result.
    Raises ShapeError if the sizes k differ, or for an operand without axes.

    >>> matmul(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]))
    array([3., 7.])
    """
    a = a if hasattr(a, "shape") else as_array(a)
    b = b if hasattr(b, "shape") else as_array(b)
    of_a, of_b = a.shape, b.shape
    _check_matmul(of_a, of_b)
    if len(of_a) == 2 == len(of_b):
        return _matmul(a, b)
    row = a if a.ndim > 1 else reshape(a, shape=(1, *a.shape))
    column = b if b.ndim > 1 else reshape(b, shape=(*b.shape, 1))
    if column.ndim == 2:  # one large product instead of one for each leading index
        y = _matmul(reshape(row, shape=(prod(row.shape[:-1]), row.shape[-1])), column)
    else:
        y = _matmul(row, column)
    leading = np.broadcast_shapes(row.shape[:-2], column.shape[:-2])
    rows = row.shape[-2:-1] if a.ndim > 1 else ()
    columns = column.shape[-1:] if b.ndim > 1 else ()
    return reshape(y, shape=(*leading, *rows, *columns))


def _check_matmul(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    if not a or not b:
        raise ShapeError(f"matmul needs at least one axis in a and b, got {a} and {b}: use a * b.")
    if a[-1] != b[-2:][0]:
        inner = "b.shape[-2]" if len(b) > 1 else "b.shape[0]"
        raise ShapeError(f"matmul needs a.shape[-1] == {inner}, got {a} and {b}.")


# -------------------------------------------------------------------------------------------------
# Einstein summation


def einsum(subscripts: str, *operands: Array) -> Array:
    """Sum the product of the operands over every index that the result does not name.

    subscripts: one letter per axis, as "ij,jk->ik"; "..." for axes that broadcast; without "->"
    the result has the letters that occur once, sorted.

    >>> einsum("ii->i", np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    return _einsum(*operands, subscripts=_explicit(subscripts, [x.ndim for x in operands]))


@op
def _einsum(*operands: Array, subscripts: str) -> Array:
    return array_module(*operands).einsum(subscripts, *operands, optimize=True)


_einsum.name = "einsum"


def _explicit(subscripts: str, ndims: list[int]) -> str:
    """Subscripts with a letter in place of each axis under "...", and with "->"."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ShapeError(
            f"einsum needs one operand for each of {terms}, got {len(ndims)} operands."
        )
    if not arrow:
        letters = sorted(set(left) - set(",."))
        right = "..." * ("..." in left) + "".join(c for c in letters if left.count(c) == 1)
    spare = "".join(c for c in ascii_letters if c not in subscripts)
    hidden = [n - len(t.replace("...", "")) for t, n in zip(terms, ndims, strict=True)]
    for term, n in zip(terms, hidden, strict=True):
        if n < 0 or (n > 0 and "..." not in term):
            raise ShapeError(
                f"einsum needs a letter for each axis: {term!r} of {subscripts!r} does not fit an "
                f"operand with {n + len(term.replace('...', ''))} axes."
            )
    wide = max(n for n, t in zip(hidden, terms, strict=True)) if "..." in left else 0
    dots = spare[:wide]
    full = [
        t.replace("...", dots[wide - n :]) if "..." in t else t
        for t, n in zip(terms, hidden, strict=True)
    ]
    return ",".join(full) + "->" + right.replace("...", dots)


def _einsum_slope(
    g: Array, i: int, operands: Sequence[Array], shapes: list[tuple[int, ...]], subscripts: str
) -> Array:
    """dL/d(operand i): sum g times the other operands over every index that operand i lacks.

    An index of operand i that nothing else names is spread by ones; one that it names twice
    ("ii") is put on the diagonal by an identity matrix.
    """
    left, _, right = subscripts.partition("->")
    terms = left.split(",")
    inputs = [(right, g), *zip(terms, operands, strict=True)]
    del inputs[i + 1]
    sizes, xp = _sizes(terms, shapes), array_module(plain(g))
    spare = [c for c in ascii_letters if c not in subscripts]
    target = ""
    for letter in terms[i]:
        n = sizes[letter]
        if letter in target:
            twin = spare.pop()
            inputs.append((letter + twin, xp.eye(n, dtype=g.dtype)))
            letter = twin
        elif not any(letter in term for term, _ in inputs):
            inputs.append((letter, xp.ones(n, g.dtype)))
        target += letter
    names, arrays = zip(*inputs, strict=True)
    return _einsum(*arrays, subscripts=f"{','.join(names)}->{target}")


def _sizes(terms: list[str], shapes: list[tuple[int, ...]]) -> dict[str, int]:
    """The size of each index: an axis of size 1 takes that of its namesakes."""
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            sizes[letter] = n if sizes.get(letter, 1) == 1 else sizes[letter]
    return sizes


_einsum.defvjp(
    operands=lambda g, i, operands, operands_shape, subscripts: _einsum_slope(
        g, i, operands, operands_shape, subscripts
    )
)

METHODS = {
    "__matmul__": matmul,
    "__rmatmul__": lambda self, other: matmul(other, self),
}
