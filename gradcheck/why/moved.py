"""Pattern rules on right numbers in wrong places: GC-P4, and the sums over wrong axes of P8.

Families of few candidates come before those of many: a fit of one among many says less.
"""

from itertools import combinations, permutations, product

import numpy as np

from .facts import axis_words, norm, proportional, subsets
from .same import close

__all__ = [
    "built_from_upstream",
    "elsewhere",
    "rearranged",
    "reordered",
    "shifted",
    "wrong_slice",
]


RESHAPED = "the right numbers, reshaped in the wrong order of axes"


def rearranged(f):
    """GC-P4: the right numbers, transposed or reversed."""
    return first_fit(f, turned(f.M))


def reordered(f):
    """GC-P4: the right numbers in the wrong places, by a reshape, by blocks, or in any order."""
    found = first_fit(f, blocks(f.M))
    ordered = np.sort(f.A.reshape(len(f.A), -1)), np.sort(f.M.reshape(len(f.M), -1))
    if found or not (f.x.size > 3 and f.small(norm(ordered[0] - ordered[1]))):
        return found
    return placed(f, "reordered", "the right numbers in another order", ordered)


def first_fit(f, candidates):
    """The finding that A is the first of these that fits."""
    for code, words, N in candidates:
        if fits(f, N):
            return placed(f, code, words, (f.A, N))
    return None


def fits(f, N) -> bool:
    """True if A is N, which is not M."""
    return N.shape == f.A.shape and not close(N, f.M, 1e-9) and f.small(norm(f.A - N))


def placed(f, code, words, pair):
    """The right numbers in an order that fits; where the gradient has zeros, and others than it
    should have, they were written to the wrong places."""
    residual, (a, n) = norm(pair[0] - pair[1]) / f.size, f.nonzero
    if code == "reordered" and (a != n).any():
        return f.finding(
            "GC-P8",
            "wrong-place",
            "the right numbers written to the wrong places: to entries that the output does not "
            "depend on, while others that it depends on get none",
            "write the upstream to the same indices (start, step, order) that the forward reads",
            residual,
        )
    return f.finding(
        "GC-P4",
        code,
        words,
        "compare the order of axes, the slice or the reshape with those of the forward",
        residual,
    )


def turned(M):
    """(code, words, array) of M with axes exchanged or reversed; axis 0 stays."""
    m, *shape = M.shape
    axes = range(1, M.ndim)
    for order in permutations(axes):
        which = f" {tuple(a - 1 for a in order)}" if M.ndim > 3 else ""
        yield "transposed", f"the right numbers with axes exchanged{which}", M.transpose(0, *order)
    for S in subsets(M.ndim - 1):
        words = f"the right numbers with {axis_words(S)} reversed"
        yield "flipped", words, np.flip(M, [a + 1 for a in S])
    for order in permutations(axes):
        back = M.transpose(0, *order).reshape(m, *[shape[a - 1] for a in order])
        yield "flipped", "the right numbers, transposed and reversed", np.flip(back, M.ndim - 1)


def blocks(M):
    """(code, words, array) of M reshaped in another order of axes, or with its blocks exchanged."""
    m, *shape = M.shape
    axes = range(1, M.ndim)
    for order in permutations(axes):
        N = M.transpose(0, *order)
        yield "reordered", RESHAPED, N.reshape(m, *shape)
        yield "reordered", RESHAPED, unravel(M, order, shape)
    for axis, n in (p for p in product(axes, (2, 3, 4)) if M.shape[p[0]] % p[1] == 0):
        parts = np.split(M, n, axis)
        for order in permutations(range(n)):
            words = f"the right numbers with the blocks of axis {axis - 1} in the order {order}"
            yield "reordered", words, np.concatenate([parts[i] for i in order], axis)


def unravel(M, order, shape):
    """M read in C order into the permuted axes, then permuted back."""
    inner = [shape[a - 1] for a in order]
    inverse = np.argsort(order)
    return M.reshape(M.shape[0], *inner).transpose(0, *(i + 1 for i in inverse))


def shifted(f):
    """GC-P4: A is M moved by up to 3 places along one axis or two; what moves in is ignored, or is
    what moves out at the other end."""
    axes = range(1, f.M.ndim)
    for axis, by in ((a, by) for a in axes for by in circles(f.M.shape[a])):
        if fits(f, np.roll(f.M, by, axis)):
            return shift(f, by, [axis], norm(f.A - np.roll(f.M, by, axis)) / f.size)
    if len(np.unique(np.round(f.M[0] / (np.abs(f.M[0]).max() or 1), 9))) < 0.7 * f.x.size:
        return None  # a few repeated values fit by chance
    for S, by in product(
        [(a,) for a in axes] + list(combinations(axes, 2)), (-1, 1, -2, 2, -3, 3)
    ):
        if any(f.M.shape[a] < 2 * abs(by) for a in S):
            continue
        to, back = ([slice(None)] * f.M.ndim for _ in "ab")
        for a in S:
            to[a], back[a] = (
                (slice(by, None), slice(None, -by))
                if by > 0
                else (slice(None, by), slice(-by, None))
            )
        A, M = f.A[tuple(to)], f.M[tuple(back)]
        if (
            A[0].size > 2
            and norm(M) > 0.1 * f.size
            and f.small(norm(A - M), norm(M))
            and not f.small(norm(A - f.M[tuple(to)]), norm(M))
        ):
            return shift(f, by, S, norm(A - M) / norm(M))
    return None


def circles(n) -> list[int]:
    """Moves along an axis of n places, the shortest way round.

    >>> circles(4)
    [1, 2, -1]
    """
    return [by if 2 * by <= n else by - n for by in range(1, n)]


def shift(f, by, S, residual):
    """A is M moved along the axes S of the stacked gradients."""
    return f.finding(
        "GC-P4",
        "shifted",
        f"the right numbers, shifted by {by} along {axis_words(a - 1 for a in S)}",
        "compare the slice, the crop or the offset with those of the forward",
        residual,
        shift=by,
        axes=[a - 1 for a in S],
    )


def elsewhere(f):
    """GC-P4 of a large parameter: what is numeric at the grid stands elsewhere in the analytic
    gradient, all of which is known."""
    if f.shape == f.whole:
        return None
    back = f.problem.whole.gradients
    A = np.stack([np.asarray(back(d)[f.name], dtype=float) for d in f.e.D]) / f.unit
    for code, words, grid, inside in moves(f.grid, f.whole):
        part = (slice(None), *np.ix_(*inside))
        N, M = A[:, *np.ix_(*(g[k] for g, k in zip(grid, inside, strict=True)))], f.M[part]
        if M[0].size > 9 and f.small(norm(N - M), norm(M)) and norm(M) > 0.1 * f.size:
            return f.finding(
                "GC-P4",
                code,
                words,
                "compare the order of axes, the slice or the offset with those of the forward",
                norm(N - M) / norm(M),
            )
    return None


def moves(grid, whole):
    """(code, words, where the entries of a grid went, which of them are still inside)."""
    axes, every = range(len(grid)), [np.arange(len(g)) for g in grid]
    for S in subsets(len(grid)):
        flipped = [whole[a] - 1 - g if a in S else g for a, g in enumerate(grid)]
        yield "flipped", f"the right numbers with {axis_words(S)} reversed", flipped, every
    for S, by in product([*((a,) for a in axes), *combinations(axes, 2)], (1, -1, 2, -2, 3, -3)):
        to = [g + by if a in S else g for a, g in enumerate(grid)]
        inside = [np.flatnonzero((t >= 0) & (t < n)) for t, n in zip(to, whole, strict=True)]
        words = f"the right numbers, shifted by {by} along {axis_words(S)}"
        yield "shifted", words, to, inside


def wrong_slice(f):
    """A is a piece of the upstream, but not the piece that M is."""
    D, A = f.D, f.A
    odd = [a for a in range(1, D.ndim) if A.ndim == D.ndim and A.shape[a] != D.shape[a]]
    if len(odd) != 1 or A.shape[odd[0]] > D.shape[odd[0]] or not f.wrong.all():
        return None  # what is right in places is the right piece
    n = A.shape[odd[0]]
    for start in range(D.shape[odd[0]] - n + 1):
        piece = D.take(range(start, start + n), odd[0])
        if f.small(norm(A - piece), norm(piece)):
            return f.finding(
                "GC-P4",
                "shifted",
                f"the upstream from index {start} of axis {odd[0] - 1} on, "
                "which is the wrong piece of it",
                "compare the offsets with those of the forward",
                start=start,
            )
    return None


def built_from_upstream(f):
    """The upstream summed over the wrong axes, or taken at one place instead of summed."""
    D, lower = f.D, f.A.ndim < f.D.ndim
    if f.A.ndim > D.ndim or (f.A.shape == D.shape and not lower) or f.problem.scalar:
        return None
    for S in subsets(D.ndim - 1):
        axes = tuple(a + 1 for a in S)
        total = D.sum(axes)
        for form in (total, total.reshape(-1, *f.shape) if total.size == f.A.size else total):
            k, residual = proportional(f.A, form) if form.shape == f.A.shape else (0, 1)
            if residual < f.fit:
                return f.finding(
                    "GC-P8",
                    "wrong-axis",
                    f"the upstream summed over {axis_words(S)} times {k:.6g}",
                    "sum over the axes along which it was broadcast, and only those",
                    residual,
                    k=k,
                    axes=S,
                )
    for S in subsets(D.ndim - 1):
        for place in (0, -1):
            index = tuple(place if a in S else slice(None) for a in range(D.ndim - 1))
            one = D[(slice(None), *index)]
            for T in [(), *subsets(one.ndim - 1)]:
                rest = one.sum(tuple(a + 1 for a in T))
                if rest.shape == f.A.shape and f.small(norm(f.A - rest), norm(rest)):
                    return f.finding(
                        "GC-P12",
                        "one-sample",
                        f"only index {place} of {axis_words(S)} of the "
                        "upstream used, where all should be summed",
                        "a return inside the loop, = for +=, or an index too many",
                        norm(f.A - rest) / norm(rest),
                    )
    return None
