"""Hyper-parameters: declared once in an optimizer's class, checked, one value in each group."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from difflib import get_close_matches
from inspect import Parameter as Argument
from inspect import Signature
from math import inf
from typing import Any

from ..errors import DTypeError, StateError, ValueRangeError
from ..tensor import Tensor

__all__ = [
    "Group",
    "Setting",
    "choice",
    "flag",
    "fraction",
    "fractions",
    "make_groups",
    "rate",
    "signature",
]

_REQUIRED = object()


class Setting:
    """A hyper-parameter as a class attribute; its values live in the optimizer's groups.

    Reading it gives the value of the group that is being updated, and elsewhere the value that
    all groups share; assigning sets all groups.   needs: words for the error.
    accept: whether a converted value is allowed.   convert: what makes a plain value of it.
    """

    name: str

    def __init__(
        self,
        needs: str,
        accept: Callable[[Any], bool],
        default: Any = _REQUIRED,
        convert: Callable[[Any], Any] | None = None,
    ):
        self.needs, self.accept, self.default = needs, accept, default
        self.convert = convert or _number

    @property
    def required(self) -> bool:
        """True when there is no default."""
        return self.default is _REQUIRED

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        if optimizer is None:
            return self
        if len(optimizer._at) == 1:
            return optimizer._at[0].data[self.name]
        values = [group.data[self.name] for group in optimizer._at]
        if any(value != values[0] for value in values):
            raise ValueRangeError(
                f"{type(optimizer).__name__}.{self.name} differs between groups, {values}: read "
                f"optimizer.groups[i]['{self.name}']."
            )
        return values[0]

    def __set__(self, optimizer: Any, value: Any) -> None:
        value = self.checked(type(optimizer).__name__, value)
        for group in optimizer._at:
            group[self.name] = value

    def checked(self, who: str, value: Any) -> Any:
        """Return value as a plain Python value; raise DTypeError or ValueRangeError."""
        if value is _REQUIRED:
            raise DTypeError(f"{who} needs {self.name}=..., {self.needs}; got nothing.")
        try:
            plain = self.convert(value)
        except (TypeError, ValueError):
            raise DTypeError(f"{who} needs {self.name}, {self.needs}; got {value!r}.") from None
        if not self.accept(plain):
            raise ValueRangeError(f"{who} needs {self.name}, {self.needs}; got {value!r}.")
        return plain


def _number(value: Any) -> float:
    """A Python float, which is weak: it never widens the dtype of a parameter."""
    if isinstance(value, (bool, str)):
        raise TypeError
    return float(value)


def _name(value: Any) -> str:
    return str(getattr(value, "item", lambda: value)())


def _flag(value: Any) -> bool:
    value = getattr(value, "item", lambda: value)()
    if not isinstance(value, bool):
        raise TypeError
    return value


def rate(default: Any = _REQUIRED) -> Setting:
    """A setting in [0, inf)."""
    return Setting("a finite number of at least 0", lambda x: 0 <= x < inf, default)


def fraction(default: float) -> Setting:
    """A setting in [0, 1)."""
    return Setting("a number in [0, 1)", lambda x: 0 <= x < 1, default)


def fractions(default: tuple[float, float]) -> Setting:
    """A setting that is a pair of numbers in [0, 1)."""
    accept = lambda pair: len(pair) == 2 and all(0 <= x < 1 for x in pair)
    convert = lambda pair: tuple(_number(x) for x in pair)
    return Setting("a pair of numbers in [0, 1)", accept, default, convert)


def choice(*names: str) -> Setting:
    """A setting that is one of the names; the first is the default."""
    return Setting(f"one of {', '.join(names)}", names.__contains__, names[0], _name)


def flag(default: bool) -> Setting:
    """A setting that is True or False."""
    return Setting("True or False", lambda x: True, default, _flag)


def signature(settings: dict[str, Setting]) -> Signature:
    """What help() and editors show as the constructor's arguments."""
    arguments = [Argument("params", Argument.POSITIONAL_OR_KEYWORD)]
    for name, x in settings.items():
        kind = Argument.POSITIONAL_OR_KEYWORD if name == "lr" else Argument.KEYWORD_ONLY
        default = Argument.empty if x.required else x.default
        arguments.append(Argument(name, kind, default=default))
    return Signature(arguments)


class Group(UserDict):
    """Parameters that share hyper-parameters: ``group["params"]``, ``group["lr"]``, ...

    Assigning a hyper-parameter checks it.   kind: the optimizer's class.
    """

    def __init__(
        self, kind: Any, tensors: Iterable[Tensor], names: Iterable[str], values: Mapping[str, Any]
    ):
        super().__init__()
        self.kind, self.names = kind, tuple(names)
        self.data["params"] = tuple(tensors)
        for name in values:
            self.setting(name)
        for name, setting in kind.settings.items():
            self[name] = values.get(name, setting.default)

    def __setitem__(self, name: str, value: Any) -> None:
        self.data[name] = self.setting(name).checked(self.kind.__name__, value)

    def having(self, **values: Any) -> Group:
        """A copy with other values, which are not checked."""
        other = copy(self)
        other.data.update(values)
        return other

    def setting(self, name: str) -> Setting:
        """Return the declaration of a hyper-parameter; raise DTypeError for an unknown name."""
        known = self.kind.settings
        if name not in known:
            near = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}."
            raise DTypeError(f"{self.kind.__name__} has no setting {name!r}: {hint}")
        return known[name]


def make_groups(kind: type, params: Any, values: Mapping[str, Any]) -> list[Group]:
    """Read what an optimizer accepts: tensors, (name, tensor) pairs, or dicts with "params"."""
    groups: list[Group] = []
    count = 0
    for entry in _entries(kind.__name__, params):
        own = dict(entry)
        pairs = [_pair(kind.__name__, x, count + i) for i, x in enumerate(own.pop("params"))]
        count += len(pairs)
        names, tensors = zip(*pairs, strict=True) if pairs else ((), ())
        groups.append(Group(kind, tensors, names, {**values, **own}))
    _require_distinct(kind.__name__, groups)
    return groups


def _entries(who: str, params: Any) -> list[Mapping[str, Any]]:
    if isinstance(params, (Tensor, Mapping, str)) or not isinstance(params, Iterable):
        raise DTypeError(
            f"{who} needs an iterable of tensors, of (name, tensor) pairs, or of groups "
            f"{{'params': ..., 'lr': ...}}; got {type(params).__name__}. "
            + ("Pass model.parameters()." if callable(params) else "Put it in a list.")
        )
    params = list(params)
    dicts = [isinstance(x, Mapping) for x in params]
    if not all(dicts):
        if any(dicts):
            raise DTypeError(f"{who} needs either groups or tensors, got both in one list.")
        params = [{"params": params}]
    if not all("params" in entry for entry in params):
        raise DTypeError(f"{who} needs 'params' in every group; one group has none.")
    params = [{**e, "params": _listed(e["params"])} for e in params]
    if not any(entry["params"] for entry in params):
        raise ValueRangeError(f"{who} needs at least one parameter, got none.")
    return params


def _listed(params: Any) -> list:
    return [params] if isinstance(params, Tensor) else list(params)


def _pair(who: str, x: Any, index: int) -> tuple[str, Tensor]:
    name, p = x if isinstance(x, tuple) and len(x) == 2 else (str(index), x)
    if not isinstance(p, Tensor):
        hint = ": pass model.parameters()." if hasattr(p, "parameters") else "."
        raise DTypeError(
            f"{who} updates tensors, got {type(p).__name__} for parameter {name}{hint}"
        )
    if p.dtype.kind != "f" or not p.is_leaf:
        got = f"one of dtype {p.dtype}" if p.is_leaf else "one that was computed from others"
        raise DTypeError(f"{who} updates leaf tensors of a float dtype; parameter {name} is {got}.")
    return name, p


def _require_distinct(who: str, groups: list[Group]) -> None:
    seen: dict[int, str] = {}
    names = [name for group in groups for name in group.names]
    tensors = [p for group in groups for p in group["params"]]
    for name, p in zip(names, tensors, strict=True):
        if id(p) in seen:
            raise StateError(
                f"{who} needs each parameter once, got {seen[id(p)]} and {name}, the same tensor."
            )
        if name in seen.values():
            raise StateError(f"{who} needs distinct names, got {name} twice: rename one.")
        seen[id(p)] = name
