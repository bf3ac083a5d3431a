"""Methods that use curvature: Newton's, and L-BFGS, which guesses it from gradients.

Their ``step`` takes the loss as a function without arguments, because they look at it in more
than one way or at more than one place: ``opt.step(lambda: F.cross_entropy(model(x), y))``.
A penalty on the weights belongs into that function.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..backend import array_module, to_device, to_host
from ..errors import GraphError, StateError, ValueRangeError
from ..modes import notify
from ..tensor import Tensor
from .curvature import Array, Loss, Objective, hessian_bytes
from .line_search import strong_wolfe
from .settings import Group, make_groups
from .states import is_count, require_same_keys

__all__ = ["LBFGS", "Newton", "two_loop"]

Search = Callable[..., float]
Pairs = Sequence[tuple[Array, Array]]


class SecondOrder(ABC):
    """What both share: parameters, and a step along a direction.

    line_search: says how far, see `minnet.optim.line_search`; None goes all the way.
    """

    settings: ClassVar[dict] = {}
    looks_ahead = False

    def __init__(self, params: Any, line_search: Search | None):
        self.groups: list[Group] = make_groups(type(self), params, {})
        self.params: list[Tensor] = [p for group in self.groups for p in group["params"]]
        self.line_search = line_search
        self.t = 0

    def step(self, loss: Loss | None = None) -> float:
        """Move the parameters; return the loss before.   After an error they are as before."""
        if loss is None:
            raise GraphError(
                f"{type(self).__name__}.step needs the loss as a function: "
                "opt.step(lambda: loss_fn(model(x), y)), with all the data in x and y."
            )
        f = Objective(self.params, loss)
        theta = f.theta
        try:
            value = self._step(f, theta)
        except BaseException:
            f.theta = theta
            raise
        self.t += 1
        notify("on_step", self)
        return value

    @abstractmethod
    def _step(self, f: Objective, theta: Array) -> float:
        """Move f.theta and return the loss before."""

    def _go(self, f: Objective, d: Array, value: float, g: Array) -> float | None:
        """Go along d, by the line search; return the loss there, if the search came by."""
        theta, tried = f.theta, {}

        def phi(a: float) -> tuple[float, float]:
            f.theta = theta + a * d
            tried[a], ga = f.value_and_gradient()
            return tried[a], float(ga @ d)

        search = self.line_search
        a = search(phi, value, float(g @ d), first=self._first(g)) if search else 1.0
        f.theta = theta + a * d
        return tried.get(a)

    def _first(self, g: Array) -> float:
        """The length to try first."""
        return 1.0

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to None; ``step`` neither reads nor sets them."""
        for p in self.params:
            p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return class, step count and memory as one dict of plain values and arrays."""
        return {"optimizer": type(self).__name__, "t": self.t}

    def load_state_dict(self, record: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; raises StateError if it does not fit."""
        who = type(self).__name__
        require_same_keys(who, record, self.state_dict())
        if str(record["optimizer"]) != who:
            raise StateError(f"{who} needs the state of a {who}, got one of {record['optimizer']}.")
        counts = {key: record[key] for key in ("t", "skipped") if key in record}
        if not all(map(is_count, counts.values())):
            raise StateError(f"{who} needs whole numbers of at least 0, got {counts}.")
        self.t = int(record["t"])


def _plain(H: Array, g: Array, damping: float) -> Array:
    return -array_module(H).linalg.solve(H, g)


def _absolute(H: Array, g: Array, damping: float) -> Array:
    xp = array_module(H)
    h, Q = xp.linalg.eigh(H)
    return -Q @ (Q.T @ g / xp.maximum(abs(h), damping))


def _damped(H: Array, g: Array, damping: float) -> Array:
    xp = array_module(H)
    tau = max(0.0, damping - float(xp.linalg.eigvalsh(H)[0]))
    return -xp.linalg.solve(H + tau * xp.eye(len(g), dtype=g.dtype), g)


_NEWTON: dict[str, Callable[[Array, Array, float], Array]] = {
    "plain": _plain,
    "absolute": _absolute,
    "damped": _damped,
}


class Newton(SecondOrder):
    """theta <- theta - H^-1 g: to the minimum of the parabola that fits here.   No learning rate.

    form="plain":     H as it is; where it has negative eigenvalues the step goes uphill along them
    form="absolute":  |H|, its eigenvalues made positive, at least ``damping``
                      (saddle-free Newton, Dauphin et al. 2014, arXiv:1406.2572)
    form="damped":    H + tau I with the smallest tau >= 0 that makes all eigenvalues at least
                      ``damping`` (Nocedal & Wright 2006, section 3.4)

    line_search: None takes the full step; `backtracking` shortens it until the loss falls.
    memory: bytes that H may take; more raises ValueRangeError at once.   A step costs one
    backward pass per parameter, P^2 numbers and about P^3 operations.
    Raises ValueRangeError for a singular H with form="plain".   CS231n notes, "Second order
    methods".

    >>> from minnet import tensor
    >>> x = tensor([3.0, -7.0], requires_grad=True)
    >>> before = Newton([x]).step(lambda: (tensor([1.0, 50.0]) * (x - 1) * (x - 1)).sum())
    >>> x.numpy().round(5), before
    (array([1., 1.]), 3204.0)
    """

    def __init__(
        self,
        params: Any,
        *,
        form: str = "plain",
        damping: float = 1e-3,
        line_search: Search | None = None,
        memory: float = 2**30,
    ):
        super().__init__(params, line_search)
        if form not in _NEWTON or not 0 < damping < np.inf:
            raise ValueRangeError(
                f"Newton needs a form of {', '.join(_NEWTON)} and a damping above 0, got {form!r} "
                f"and {damping}."
            )
        self.form, self.damping = form, damping
        self._require_memory(memory)

    def _step(self, f: Objective, theta: Array) -> float:
        value, g = f.value_and_gradient()
        self._go(f, self._direction(f.hessian(), g), value, g)
        return value

    def _direction(self, H: Array, g: Array) -> Array:
        try:
            return _NEWTON[self.form](H, g, self.damping)
        except np.linalg.LinAlgError:
            raise ValueRangeError(
                "Newton needs a Hessian with an inverse, got a singular one: use "
                'form="absolute" or form="damped".'
            ) from None

    def _require_memory(self, limit: float) -> None:
        P = sum(p.size for p in self.params)
        needed = hessian_bytes(P, np.result_type(*(p.dtype for p in self.params)))
        if needed > limit:
            raise ValueRangeError(
                f"Newton needs {needed / 2**30:,.2f} GiB for the Hessian of {P:,} parameters, the "
                f"limit is {limit / 2**30:,.2f} GiB: use LBFGS, or raise memory=."
            )


class LBFGS(SecondOrder):
    """Newton's step with an inverse Hessian guessed from the last m steps, never formed.

    m: pairs kept, 2 m P numbers.   line_search: see `minnet.optim.line_search`.
    For all the data at once: a loss that changes between steps (mini-batches, dropout) makes
    pairs of noise and raises StateError, unless allow_stochastic=True.  A pair (s, y) without
    s'y > 0 says nothing about a minimum: it is left out and counted in ``skipped``.
    One iteration per step.   Each evaluates the loss once at its beginning, which is what finds a
    changed loss, and then once per length tried.
    Liu & Nocedal 1989; Nocedal & Wright 2006, Algorithm 7.5.

    >>> from minnet import tensor
    >>> x = tensor([3.0, -7.0], requires_grad=True, dtype="float64")
    >>> opt = LBFGS([x])
    >>> for _ in range(12):
    ...     before = opt.step(lambda: (tensor([1.0, 50.0]) * (x - 1) * (x - 1)).sum())
    >>> x.numpy().round(6)
    array([1., 1.])
    """

    def __init__(
        self,
        params: Any,
        *,
        m: int = 10,
        line_search: Search = strong_wolfe,
        allow_stochastic: bool = False,
    ):
        super().__init__(params, line_search)
        if not m >= 1:
            raise ValueRangeError(f"LBFGS needs to keep at least one pair, got m={m}.")
        self.m, self.allow_stochastic = m, allow_stochastic
        self.skipped = 0
        self.pairs: list[tuple[Array, Array]] = []
        self._before: tuple[Array, Array] | None = None  # theta and g of the last step
        self._after: tuple[Array, float | None] = (None, None)  # theta and loss at its end

    def _step(self, f: Objective, theta: Array) -> float:
        value, g = f.value_and_gradient()
        self._require_same_loss(theta, value)
        pairs, skipped = self._remembered(theta, g)
        end = self._go(f, -two_loop(g, pairs), value, g)
        moved = bool((f.theta != theta).any())
        self.pairs = pairs if moved else []  # the next step then tries the gradient itself
        self.skipped += skipped
        self._before, self._after = (theta, g), (f.theta, end)
        return value

    def _remembered(self, theta: Array, g: Array) -> tuple[list, int]:
        """The pairs with that of the last step, and how many of it were left out."""
        if self._before is None:
            return self.pairs, 0
        s, y = theta - self._before[0], g - self._before[1]
        if not s @ y > 1e-10 * ((s @ s) * (y @ y)) ** 0.5:
            return self.pairs, int((s != 0).any())
        return [*self.pairs, (s, y)][-self.m :], 0

    def _require_same_loss(self, theta: Array, value: float) -> None:
        end, expected = self._after
        if self.allow_stochastic or end is None or expected is None:
            return
        close = 10 * float(np.finfo(theta.dtype).eps) ** 0.5 * max(abs(expected), abs(value))
        if (end == theta).all() and not abs(value - expected) <= close:
            raise StateError(
                f"LBFGS needs the same loss at every step, got {value:g} where it was {expected:g} "
                "at the end of the step before: give it all the data at once and switch dropout "
                "off (model.eval()), or set allow_stochastic=True."
            )

    def _first(self, g: Array) -> float:
        return 1.0 if self.pairs else 1 / max(1.0, float(abs(g).sum()))

    def state_dict(self) -> dict[str, Any]:
        """The step count, the pairs as the rows of S and Y, and the last point and gradient."""
        rows = lambda k: np.array([to_host(pair[k]) for pair in self.pairs])
        theta, g = (to_host(row).copy() for row in self._before or (np.empty(0), np.empty(0)))
        state = {"skipped": self.skipped, "S": rows(0), "Y": rows(1), "theta": theta, "g": g}
        return super().state_dict() | state

    def load_state_dict(self, record: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; raises StateError if it does not fit."""
        P = sum(p.size for p in self.params)
        sizes = [np.shape(record[k])[-1:] for k in ("theta", "g", "S", "Y") if k in record]
        if any(n not in ((0,), (P,)) for n in sizes):
            raise StateError(f"LBFGS needs rows of {P:,} numbers, got {sizes}.")
        super().load_state_dict(record)
        self.skipped, self._after = int(record["skipped"]), (None, None)
        rows = (record[name] for name in ("S", "Y", "theta", "g"))
        S, Y, theta, g = (to_device(row, self.params[0].device) for row in rows)
        self.pairs = list(zip(S, Y, strict=True))
        self._before = (theta, g) if len(g) else None


def two_loop(g: Array, pairs: Pairs) -> Array:
    """Return H^-1 g for the guess of H that the pairs (s, y), oldest first, make.

    s = theta' - theta, y = g' - g, with s'y > 0.   About 4 m P multiplications.
    Nocedal & Wright 2006, Algorithm 7.4, with equation 7.20 for the matrix to begin with.

    >>> import numpy as np
    >>> H = np.diag([1.0, 4.0])
    >>> two_loop(np.array([1.0, 4.0]), [(e, H @ e) for e in np.eye(2)])
    array([1., 1.])
    """
    q, alphas = g, []
    for s, y in reversed(pairs):
        alphas.append((s @ q) / (y @ s))
        q = q - alphas[-1] * y
    r = q
    if pairs:
        s, y = pairs[-1]
        r = (s @ y) / (y @ y) * q
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        beta = (y @ r) / (y @ s)
        r = r + (alpha - beta) * s
    return r
