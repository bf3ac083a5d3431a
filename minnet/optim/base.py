"""What all optimizers share, so that the body of each is its published formula."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain
from reprlib import repr as shortened
from types import SimpleNamespace
from typing import Any, ClassVar

from ..backend import array_module, is_array, to_host
from ..errors import GraphError, StateError
from ..modes import notify
from ..tensor import Tensor
from .flat import Flat, Formula, flatten
from .settings import Group, Setting, flag, make_groups, rate, signature
from .states import is_count, numbers, require_same_keys

__all__ = ["Optimizer"]

Array = Any
unchanged = lambda g: g
SCOPES = ("element", "parameter", "all")


class Optimizer:
    """Base of all optimizers; a subclass states its settings, its slots and its update.

    params: tensors, (name, tensor) pairs, or groups ``{"params": ..., "lr": ...}``.
    lr: learning rate lambda, may be set at each step, for all groups or in one of `groups`.
    weight_decay: alpha.  The gradient becomes g + alpha theta (the gradient of a penalty
    (alpha/2) |theta|^2), or with ``decoupled=True`` theta is first multiplied by 1 - lr alpha
    (Loshchilov & Hutter 2019, arXiv:1711.05101).

    slots: names of arrays, zero at first, that the update keeps for each parameter.
    scope: what `update` is given. "element": any block of numbers, because it works element by
    element (then it runs block by block in cache); "parameter": one parameter in its shape;
    "all": all parameters of a group in one row.

    At the first step the parameters of a group become views of one row of memory.  Raises
    DTypeError, ValueRangeError or StateError for settings, parameters and states that do not fit.

    >>> import numpy as np
    >>> from minnet import tensor
    >>> class SignDescent(Optimizer):
    ...     def update(self, theta, g, s, t):
    ...         return -self.lr * np.sign(g)
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> x.grad = [3.0, -4.0]
    >>> SignDescent([x], lr=0.5).step()
    >>> x.numpy()
    array([0.5, 2.5])
    """

    slots: ClassVar[tuple[str, ...]] = ()
    scope: ClassVar[str] = "element"
    settings: ClassVar[dict[str, Setting]]
    _ours: ClassVar[bool]  # its update depends on nothing but what it is given and its settings

    lr = rate()
    weight_decay = rate(0.0)
    decoupled = flag(False)

    def __init_subclass__(cls) -> None:
        declared = chain.from_iterable(vars(base).items() for base in reversed(cls.__mro__))
        cls.settings = {name: x for name, x in declared if isinstance(x, Setting)}
        cls.__signature__ = signature(cls.settings)  # type: ignore[attr-defined]
        cls._ours = cls.__module__.startswith(f"{__package__}.")
        if cls.scope not in SCOPES:
            raise StateError(f"{cls.__name__}.scope needs one of {SCOPES}, got {cls.scope!r}.")

    def __init__(self, params: Any, lr: float | None = None, **settings: Any):
        given = settings if lr is None else {"lr": lr, **settings}
        self.groups: list[Group] = make_groups(type(self), params, given)
        self._at = self.groups  # the groups that reading a setting looks at
        self._flats: list[tuple[Group, Flat]] = []
        self._ahead = False  # the gradients were evaluated inside lookahead()

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse a misspelt setting, ``opt.learning_rate = 0.1``, which would change nothing."""
        known = name.startswith("_") or hasattr(type(self), name) or name in self.__dict__
        if not known and "_ahead" in self.__dict__:  # after __init__
            self.groups[0].setting(name)  # raises DTypeError with a hint
        super().__setattr__(name, value)

    def update(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        """Return the change of theta.   g: its gradient.   s.NAME: its slots.   t = 1, 2, ..."""
        raise StateError(f"{type(self).__name__} needs a method update(self, theta, g, s, t).")

    def ahead(self, theta: Array, s: Any) -> Array:
        """Return the point that `lookahead` evaluates at."""
        raise StateError(f"{type(self).__name__} has no velocity to look ahead along.")

    @property
    def looks_ahead(self) -> bool:
        """True when a step needs gradients that were evaluated inside `lookahead`."""
        return False

    @property
    def rho(self) -> float:
        """What one gradient moves in total is lr / (1 - rho); 0 but for a velocity that sums."""
        return 0.0

    def step(self) -> None:
        """Update each parameter that has a gradient; gradients stay as they are.

        Raises GraphError when no parameter has one.
        """
        self._step(unchanged)

    def zero_grad(self) -> None:
        """Set the gradient of each parameter to None."""
        for group in self.groups:
            for p in group.data["params"]:
                p._grad = None

    @contextmanager
    def lookahead(self) -> Iterator[None]:
        """Inside this block the parameters stand at theta + mu v; afterwards at theta again.

        Compute the loss and its gradient inside, and step outside.  Raises StateError for an
        optimizer without a velocity.

        >>> from minnet import tensor
        >>> from minnet.optim import Momentum
        >>> x = tensor([1.0], requires_grad=True)
        >>> opt = Momentum([x], lr=0.1, momentum=0.5)
        >>> x.grad = [2.0]
        >>> opt.step()                                  # v = -0.2, x = 0.8
        >>> with opt.lookahead():
        ...     print(x.numpy().round(6))
        [0.7]
        """
        points = [
            (p, p._data.copy(), self._of(group, self.ahead)(p._data, SimpleNamespace(**state)))
            for group, flat in self._ready()
            for p, state in flat.states()
        ]
        try:
            for p, _, point in points:
                p.data = point
            yield
            self._ahead = True
        finally:
            for p, theta, _ in points:
                p.data = theta

    def state(self, p: Tensor) -> dict[str, Any]:
        """Return the step count "t" and the slots of parameter p, as views.

        >>> from minnet import tensor
        >>> from minnet.optim import Momentum
        >>> x = tensor([1.0], requires_grad=True)
        >>> Momentum([x], lr=0.1).state(x)
        {'t': 0, 'v': array([0.])}
        """
        states = self._states()
        if id(p) not in states and not any(p is q for _, q in self._named()):
            raise StateError(f"{type(self).__name__} does not update this tensor: {p!r}.")
        zeros = {name: array_module(p._data).zeros_like(p._data) for name in self.slots}
        return states.get(id(p), {"t": 0, **zeros})

    def state_dict(self) -> dict[str, Any]:
        """Return class, settings, step counts and slots as one dict of plain values and arrays.

        Keys: "optimizer", "groups.INDEX.SETTING", "state.PARAMETER.t", "state.PARAMETER.SLOT".
        """
        record: dict[str, Any] = {"optimizer": type(self).__name__}
        for i, group in enumerate(self.groups):
            record |= {f"groups.{i}.{name}": group[name] for name in self.settings}
        for name, p in self._named():
            for key, value in self.state(p).items():
                record[f"state.{name}.{key}"] = to_host(value).copy() if is_array(value) else value
        return record

    def load_state_dict(self, record: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; nothing is changed if it does not fit.

        Raises StateError naming the unknown, missing or misshapen entries.
        """
        who = type(self).__name__
        require_same_keys(who, record, self.state_dict())
        if str(record["optimizer"]) != who:
            raise StateError(f"{who} needs the state of a {who}, got one of {record['optimizer']}.")
        settings = [
            {k: x.checked(who, record[f"groups.{i}.{k}"]) for k, x in self.settings.items()}
            for i in range(len(self.groups))
        ]
        states = {id(p): self._loaded(record, name, p) for name, p in self._named()}
        self._flats = flatten(self, states)
        for group, values in zip(self.groups, settings, strict=True):
            group.update(values)

    def __repr__(self) -> str:
        """Settings of each group, with what they make together: lambda alpha / (1 - rho)."""
        return "\n".join(self._of(group, self._summary)(group) for group in self.groups)

    # ---------------------------------------------------------------------------------------------

    def _step(self, transform: Callable[[Array], Array]) -> None:
        """Carry out a step with transform(g) in the place of each gradient g."""
        self._require_lookahead()
        jobs: list[Callable[[], None]] = []
        for group, flat in self._ready():
            formula = self._formula(group, transform)
            jobs += [flat.job(formula, *run, self.scope) for run in flat.runs()]
        if not jobs:
            raise GraphError(
                f"{type(self).__name__}.step needs a gradient on at least one parameter, got none: "
                "call loss.backward() before step(), and zero_grad() before backward()."
            )
        for job in jobs:
            job()
        self._ahead = False
        notify("on_step", self)

    def _formula(self, group: Group, transform: Callable[[Array], Array]) -> Formula:
        """`_advance` with transform(g) in the place of g, and the settings of the group."""

        known = None
        if transform is unchanged and self._ours:
            known = (self._ahead, type(self).update, {**group.data, "lr": None})
        return Formula(partial(self._next, group, transform), group.data["lr"], known)

    def _next(
        self,
        group: Group,
        transform: Callable[[Array], Array],
        theta: Array,
        g: Array,
        s: Any,
        t: int,
        lr: Any = None,
    ) -> Array:
        values = group if lr is None else group.having(lr=lr)
        return self._of(values, self._advance)(theta, transform(g), s, t)

    def _advance(self, theta: Array, g: Array, s: Any, t: int) -> Array:
        """Return the next theta: weight decay, then the update."""
        alpha = self.weight_decay
        if alpha and self.decoupled:
            theta = (1 - self.lr * alpha) * theta
        elif alpha:
            g = g + alpha * (self.ahead(theta, s) if self._ahead else theta)
        return theta + self.update(theta, g, s, t)

    def _of(self, group: Group, f: Callable[..., Any]) -> Callable[..., Any]:
        """f, evaluated with the settings of one group."""

        def bound(*args: Any) -> Any:
            self._at = [group]
            try:
                return f(*args)
            finally:
                self._at = self.groups

        return bound

    def _ready(self) -> list[tuple[Group, Flat]]:
        """The flat rows, built anew when a parameter was bound to another array."""
        if not self._flats or not all(flat.intact() for _, flat in self._flats):
            self._flats = flatten(self, self._states())
        return self._flats

    def _states(self) -> dict[int, dict[str, Any]]:
        return {id(p): state for _, flat in self._flats for p, state in flat.states()}

    def _named(self) -> Iterator[tuple[str, Tensor]]:
        for group in self.groups:
            yield from zip(group.names, group["params"], strict=True)

    def _loaded(self, record: Mapping[str, Any], name: str, p: Tensor) -> dict[str, Any]:
        """The state of parameter p in a record, checked and in p's dtype."""
        t = record[f"state.{name}.t"]
        state = {key: numbers(record[f"state.{name}.{key}"]) for key in self.slots}
        shapes = {key: getattr(x, "shape", "no numbers") for key, x in state.items()}
        wrong = {key: shape for key, shape in shapes.items() if shape != p.shape}
        if wrong or not is_count(t):
            raise StateError(
                f"{type(self).__name__} needs slots of shape {p.shape} and a step count for "
                f"parameter {name}, got shapes {wrong} and t = {shortened(t)}."
            )
        return {**state, "t": int(t)}

    def _require_lookahead(self) -> None:
        if self.looks_ahead and not self._ahead:
            raise StateError(
                f"{type(self).__name__}.step needs gradients at theta + mu v: put the forward and "
                "backward pass inside `with optimizer.lookahead():`."
            )

    def _summary(self, group: Group) -> str:
        settings = ", ".join(f"{name}={group[name]!r}" for name in self.settings)
        count = sum(p.size for p in group["params"])
        lr, rho, alpha = self.lr, self.rho, self.weight_decay
        return (
            f"{type(self).__name__}({settings}): {len(group['params'])} parameters, {count:,} "
            f"numbers; lambda={lr:g} rho={rho:g} alpha={alpha:g} "
            f"lambda*alpha/(1-rho)={lr * alpha / (1 - rho):g}"
        )


Optimizer.__init_subclass__()  # the base has settings too
