"""How an answer is compared: by what it computes, with the right and the known wrong answers."""

from __future__ import annotations

import copy
import math
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..outcome import YourTurn
from .exercise import Wrong

__all__ = ["agrees", "call", "expect", "same"]

Function = Callable[..., Any]


def call(answer: Function, *inputs: Any, **settings: Any) -> Any:
    """Call a student's function; its errors become a `Wrong` that shows them.

    Raises Wrong("type") for what cannot be called, Wrong("raised") with the error and its line,
    Wrong("changed its input") when an array argument is not as it was.
    """
    if not callable(answer):
        raise Wrong("type", f"A function is needed here, and this is {_brief(answer)}.")
    before = copy.deepcopy([x for x in inputs if isinstance(x, np.ndarray)])
    try:
        result = answer(*inputs, **settings)
    except NotImplementedError as blank:  # YourTurn, or what nbgrader writes in its place
        raise YourTurn from blank
    except (Exception, SystemExit) as error:
        frame = _own(traceback.extract_tb(error.__traceback__))
        where = (
            f"line {frame.lineno} of {frame.name}: {frame.line}"
            if frame.line
            else f"in {frame.name}"
        )
        raise Wrong("raised", f"{type(error).__name__}: {error}\n({where})") from error
    after = [x for x in inputs if isinstance(x, np.ndarray)]
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True)):
        raise Wrong("changed its input", "An array that was passed in has other values afterwards.")
    return result


def expect(
    got: Any,
    want: Any,
    *,
    known: Mapping[str, Any] | None = None,
    what: str = "The result",
    rtol: float = 1e-7,
    atol: float = 1e-12,
) -> None:
    """Hold one value against the right one; raise Wrong with the mistake whose value it has.

    got, want: numbers, arrays or tuples of them.   known: {mistake: its value}.
    rtol, atol: |got - want| <= atol + rtol |want|.   Without a known mistake the mistake is
    "nothing", "type", "parts", "shape", "not finite" or "value".
    """
    if got is ...:
        raise YourTurn
    if agrees(got, want, rtol=rtol, atol=atol):
        return
    for mistake, value in (known or {}).items():
        if agrees(got, value, rtol=rtol, atol=atol):
            raise Wrong(mistake, f"{what} is {_brief(got)}.")
    raise Wrong(_kind(got, want), f"{what} is {_brief(got)}; {_brief(want)} was expected.")


def same(
    answer: Function,
    right: Function,
    inputs: Iterable[tuple[Any, ...]],
    *,
    known: Mapping[str, Function] | None = None,
    what: str = "Your result",
    rtol: float = 1e-7,
    atol: float = 1e-12,
) -> None:
    """Hold a function against the right one; raise Wrong with the mistake that explains all.

    inputs: tuples of arguments; each call gets its own copy.   known: {mistake: function that
    makes it}.  A mistake is named when its function agrees with the answer on every input.
    """
    inputs = list(inputs)
    got = [call(answer, *copy.deepcopy(x)) for x in inputs]
    want = [right(*copy.deepcopy(x)) for x in inputs]
    close = {"rtol": rtol, "atol": atol}
    bad = [i for i in range(len(inputs)) if not agrees(got[i], want[i], **close)]
    if not bad:
        return
    i = min(bad, key=lambda i: np.size(want[i]) if not isinstance(want[i], tuple) else math.inf)
    seen = f"{what} for ({', '.join(map(_brief, inputs[i]))}) is {_brief(got[i])}"
    for mistake, function in (known or {}).items():
        if all(
            agrees(g, function(*copy.deepcopy(x)), **close)
            for g, x in zip(got, inputs, strict=True)
        ):
            raise Wrong(mistake, seen + ".")
    raise Wrong(_kind(got[i], want[i]), f"{seen}; {_brief(want[i])} was expected.")


def agrees(got: Any, want: Any, *, rtol: float = 1e-7, atol: float = 1e-12) -> bool:
    """Whether two values have the same structure, shapes and, within the tolerance, numbers.

    >>> agrees(np.float64(0.1) + 0.2, 0.3), agrees([1, 2], np.array([[1, 2]])), agrees(None, 0.0)
    (True, False, False)
    """
    if isinstance(want, tuple):
        return (
            isinstance(got, tuple | list)
            and len(got) == len(want)
            and all(agrees(g, w, rtol=rtol, atol=atol) for g, w in zip(got, want, strict=True))
        )
    if isinstance(want, str | bool) or want is None:
        return type(got) is type(want) and got == want
    a, b = _array(got), _array(want)
    if a is None or b is None or a.shape != b.shape:
        return False
    return bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))


def _own(frames: traceback.StackSummary) -> traceback.FrameSummary:
    """The last line of the answer itself, not of NumPy or the check, which it called."""
    others = ("site-packages", str(Path(__file__).parent))
    own = [f for f in frames if f.line and not any(place in f.filename for place in others)]
    return (own or frames)[-1]


def _kind(got: Any, want: Any) -> str:
    """Which common mistake a value shows."""
    if got is None:
        return "nothing"
    a, b = _array(got), _array(want)
    if isinstance(want, tuple):
        if isinstance(got, tuple | list):
            return "value" if len(got) == len(want) else "parts"
        return "type" if a is None else "parts"
    if a is None or b is None:
        return "type" if a is None else "value"
    if a.shape != b.shape:
        return "shape"
    return "value" if np.isfinite(a).all() or not np.isfinite(b).all() else "not finite"


def _array(value: Any) -> np.ndarray | None:
    """Numbers as an array; a Tensor by its values; None for what is not numbers."""
    try:
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    except (TypeError, ValueError):
        return None
    return array if array.dtype.kind in "biufc" else None


def _brief(value: Any) -> str:
    """A value in one line."""
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    array = _array(value)
    if array is None:
        return repr(value) if len(repr(value)) < 80 else f"a {type(value).__name__}"
    if array.size > 6:
        return f"an array of shape {array.shape}"
    return np.array2string(array, precision=6, separator=", ").replace("\n", "")
