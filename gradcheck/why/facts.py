"""What the pattern rules look at: gradients, residual, known arrays, Jacobians where small."""

from functools import cached_property
from itertools import chain, combinations

import numpy as np

from ..errors import GradcheckError
from ..numeric import Probe, stencil
from ..report import Finding
from ..tolerance import norm
from .known import arrays_in

__all__ = ["Facts", "axis_words", "norm", "proportional", "subsets"]

FIT = 1e-5  # residual of a fit that counts
LARGEST_JACOBIAN, MOST_CALLS = 200_000, 400


def proportional(a, b):
    """(k, residual) of the best a = k b; residual relative to the norm of a.

    >>> proportional(np.array([2.0, 4.0]), np.array([1.0, 2.0]))
    (2.0, 0.0)
    """
    bb = float(np.vdot(b, b))
    k = float(np.vdot(b, a)) / bb if bb else 0.0
    return k, norm(a - k * b) / (norm(a) or 1.0)


def subsets(ndim):
    """Every non-empty set of axes, small ones first."""
    return chain.from_iterable(combinations(range(ndim), n) for n in range(1, ndim + 1))


def axis_words(S) -> str:
    """Axes in words.

    >>> axis_words((0,)), axis_words((1, 2))
    ('axis 0', 'axes 1 and 2')
    """
    S = [int(a) for a in S]
    return f"axis {S[0]}" if len(S) == 1 else f"axes {', '.join(map(str, S[:-1]))} and {S[-1]}"


class Facts:
    """Evidence of one parameter with what follows from it.   A, M, R = A - M: (m, *shape)."""

    def __init__(self, evidence):
        self.e, self.problem, self.name = evidence, evidence.problem, evidence.name
        D = np.stack([np.asarray(d, dtype=float) for d in evidence.D])
        self.unit = unit_of(evidence.M)
        parts = evidence.A, evidence.M, evidence.U, D
        self.A, self.M, self.U, self.D = (a / self.unit for a in parts)
        self.x = self.problem.inputs[self.name]
        self.R = self.A - self.M
        self.size, self.noise = norm(self.M), norm(self.U)
        self.fit = min(max(FIT, 10 * self.noise / (self.size or 1.0)), 1e-3)
        self.shape, self.axes = self.x.shape, range(self.x.ndim)
        self.grid = getattr(self.problem, "grid", [np.arange(s) for s in self.shape])
        self.whole = getattr(self.problem, "whole", self.problem).inputs[self.name].shape
        self.cut = getattr(self.problem, "cut", lambda array: array)

    def finding(self, rule, code, message, hint="", residual=0.0, **numbers):
        """A failure of this parameter, worded as far as the evidence goes.

        place=True among the numbers: says where the gradient is wrong, not what its numbers are.
        """
        return Finding(
            code,
            "fail",
            self.name,
            f"consistent with {message}",
            {"rule": rule, "residual": float(residual), **numbers},
            hint,
        )

    def small(self, residual, reference=None) -> bool:
        """True if a residual is within the error of the fit, relative to |M| (or a reference)."""
        return residual <= self.fit * (self.size if reference is None else reference)

    @cached_property
    def floor(self):
        """Entries below this are zero."""
        return 10 * self.U + 1e-7 * np.abs(self.M).max(initial=0)

    @cached_property
    def wrong(self):
        """(*shape) True where an entry is wrong for some upstream."""
        return (np.abs(self.R) > self.floor + self.fit * np.abs(self.M)).any(0)

    @cached_property
    def nonzero(self):
        """(*shape) pair: where A, where M is not zero for some upstream."""
        return (np.abs(self.A) > self.floor).any(0), (np.abs(self.M) > self.floor).any(0)

    @cached_property
    def output(self):
        """(y, cache) at the point."""
        return self.problem.forward(
            {
                k: np.copy(v) if isinstance(v, np.ndarray) else v
                for k, v in self.problem.inputs.items()
            }
        )

    @property
    def y(self):
        return self.output[0]

    @cached_property
    def known(self) -> dict:
        """Arrays by name: inputs, output, what the cache and the settings hold; of the parameter's
        shape at the entries looked at."""
        inputs = {k: v for k, v in self.problem.inputs.items() if isinstance(v, np.ndarray)}
        known = inputs | {"the output": self.y} | arrays_in(self.output[1])
        return {k: self.cut(v) for k, v in known.items()}

    @cached_property
    def upstream(self):
        """D at the entries looked at where the output has the parameter's shape, else as it is."""
        return np.stack([self.cut(d) for d in self.D])

    @cached_property
    def floats(self) -> dict:
        """Known real arrays, finite ones."""
        return {
            k: v for k, v in self.known.items() if v.dtype.kind == "f" and np.all(np.isfinite(v))
        }

    @cached_property
    def integers(self) -> dict:
        """Known integer arrays: labels, indices."""
        return {k: v for k, v in self.known.items() if v.dtype.kind in "iu"}

    @cached_property
    def hyper(self) -> dict:
        """Known plain numbers: those among the inputs and in the cache."""
        numbers: dict[str, float] = {}
        for k, v in self.problem.inputs.items():
            numbers |= scalars(v, k)
        return numbers | scalars(self.output[1], "cache")

    @cached_property
    def jacobians(self):
        """(J_A, J_M): (outputs, inputs), or None where too large or not linear enough to build."""
        n, p = self.y.size, self.x.size
        if (
            self.problem.scalar
            or n * p > LARGEST_JACOBIAN
            or max(n, p) > MOST_CALLS
            or min(n, p) < 2
        ):
            return None
        units = np.eye(n).reshape(n, *self.y.shape)
        try:
            rows = [self.problem.gradients(d)[self.name] for d in units]
            JA = np.stack([np.asarray(r, dtype=float).reshape(p) for r in rows])
        except (GradcheckError, TypeError, ValueError):
            return None
        JM = stencil(
            Probe(self.problem, self.problem.inputs, self.name, list(units)),
            np.arange(p),
            "central",
        ).value.T
        same = proportional(
            np.tensordot(self.D.reshape(len(self.D), -1), JM, 1), self.M.reshape(len(self.D), -1)
        )
        usable = same[1] < 1e-3 and np.all(np.isfinite(JA)) and JM.any()
        return (JA / unit_of(JM), JM / unit_of(JM)) if usable else None

    @cached_property
    def equal(self):
        """(outputs, inputs) True where the Jacobians agree; the scale is J_M's largest entry."""
        JA, JM = self.jacobians
        return np.abs(JA - JM) <= 1e-6 * np.abs(JM).max() + 1e-5 * np.abs(JM)

    @cached_property
    def one_output_each(self) -> bool:
        """True if every entry moves one output only, and some output is moved by several."""
        if self.jacobians is None:
            return False
        n = self.present(self.jacobians[1])
        return bool((n.sum(0) <= 1).all() and n.sum(1).max() > 1)

    def present(self, J):
        """True where an entry of a Jacobian is not zero."""
        return np.abs(J) > 1e-6 * np.abs(self.jacobians[1]).max()


def unit_of(M) -> float:
    """1, or the size of M where squares of it would overflow or vanish.

    >>> unit_of(np.array([3.0])), unit_of(np.array([1e200]))
    (1.0, 1e+200)
    """
    top = float(np.abs(M).max(initial=0))
    return top if top and not 1e-100 < top < 1e100 else 1.0


def scalars(x, label, depth=3) -> dict:
    """{label: number} inside containers."""
    if isinstance(x, (bool, str)) or depth == 0:
        return {}
    if isinstance(x, (int, float, np.floating, np.integer)):
        return {label: float(x)}
    pairs = (
        x.items() if isinstance(x, dict) else enumerate(x) if isinstance(x, (tuple, list)) else ()
    )
    return {a: b for k, v in pairs for a, b in scalars(v, f"{label}[{k}]", depth - 1).items()}
