"""Graph modes and the observer seam: per thread, nested, restored after an exception."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

__all__ = [
    "Mode",
    "attach",
    "detach",
    "enable_grad",
    "is_grad_enabled",
    "listeners",
    "mode",
    "no_grad",
    "notify",
    "observe",
]


class Mode(NamedTuple):
    """What operations do besides computing: record the graph, and tell the observers."""

    grad: bool = True
    observers: tuple[Any, ...] = ()


mode: ContextVar[Mode] = ContextVar("minnet_mode", default=Mode())  # noqa: B039 (immutable)


@contextmanager
def _set_mode(**changes: Any) -> Iterator[None]:
    token = mode.set(mode.get()._replace(**changes))
    try:
        yield
    finally:
        mode.reset(token)


def no_grad() -> Any:
    """Record no graph inside this block (or decorated function).

    >>> with no_grad():
    ...     is_grad_enabled()
    False
    """
    return _set_mode(grad=False)


def enable_grad() -> Any:
    """Record the graph inside this block, also within `no_grad`."""
    return _set_mode(grad=True)


def is_grad_enabled() -> bool:
    """True where operations record the graph."""
    return mode.get().grad


def observe(observer: Any) -> Any:
    """Tell ``observer`` what happens inside this block; it has any of the methods below.

    on_op(op, args, settings, y)      after each operation that has a Tensor argument
    on_module(module, args, y)        after each module call
    on_backward(loss, gradients)      in `backward`, before {leaf: gradient} is added to .grad
    on_step(optimizer)                after each optimizer step
    """
    return _set_mode(observers=(*mode.get().observers, observer))


def attach(observer: Any) -> None:
    """Tell ``observer`` from now on, until `detach`; for those that come and go in any order."""
    grad, observers = mode.get()
    mode.set(Mode(grad, (*observers, observer)))


def detach(observer: Any) -> None:
    """Tell it nothing more; others stay."""
    grad, observers = mode.get()
    mode.set(Mode(grad, tuple(o for o in observers if o is not observer)))


def notify(event: str, *args: Any) -> None:
    """Call method ``event`` of every observer that has it."""
    for observer in mode.get().observers:
        method = getattr(observer, event, None)
        if method is not None:
            method(*args)


def listeners(event: str) -> list[Callable[..., Any]]:
    """The methods ``event`` of all observers that have it, to be told of many events in a row."""
    found = (getattr(observer, event, None) for observer in mode.get().observers)
    return [method for method in found if method is not None]
