"""Recurrence: a step of an RNN, LSTM or GRU, and whole sequences of steps as one operation.

x: inputs, h: hidden states, c: the LSTM's cell states.  W_ih and b_ih act on inputs, W_hh and b_hh
on hidden states; the columns of a gate stand together, in PyTorch's order.  A sequence is fused:
one product for the inputs of all steps, a small one per step, one for each weight gradient.  The
formula of a step, in operations, is what the fused code is tested against, and what is
differentiated for gradients of gradients.
"""

from __future__ import annotations

from typing import Any

from ..backend import Array, array_module
from ..derivatives import grad
from ..errors import ShapeError, ValueRangeError
from ..tensor import Tensor, op
from .activation import relu, sigmoid
from .affine import linear
from .elementwise import tanh, where
from .index import index
from .lengths import within
from .scan import RECURRENCES, Scan
from .shape import reshape, split, stack
from .targets import raw

__all__ = ["gru", "gru_cell", "lstm", "lstm_cell", "rnn", "rnn_cell"]

State = tuple[Array, ...]  # (h,) or (h, c)


# -------------------------------------------------------------------------------------------------
# One step, as a formula


def rnn_cell(
    x: Array,
    h: Array,
    W_ih: Array,
    W_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    *,
    nonlinearity: str = "tanh",
) -> Array:
    """h' = tanh(x W_ih + b_ih + h W_hh + b_hh), or with relu.

    x: (N, I).   h: (N, H).   W_ih: (I, H).   W_hh: (H, H).   b_ih, b_hh: (H,) or None.
    Raises ShapeError for sizes that do not fit.   Elman 1990, "Finding structure in time".

    >>> import numpy as np
    >>> rnn_cell(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1)), -np.ones((1, 1)))
    array([[0.]])
    """
    _require_weights("rnn_cell", 1, x.shape, W_ih, W_hh, b_ih, b_hh, (h,))
    return _STEPS[_named(nonlinearity)](x, (h,), W_ih, W_hh, b_ih, b_hh)[0]


def lstm_cell(
    x: Array,
    h: Array,
    c: Array,
    W_ih: Array,
    W_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
) -> tuple[Array, Array]:
    """i, f, g, o from x W_ih + b_ih + h W_hh + b_hh;  c' = f c + i g;  h' = o tanh(c').

    i, f, o pass through the sigmoid, g through tanh.   Returns (h', c').
    x: (N, I).   h, c: (N, H).   W_ih: (I, 4H).   W_hh: (H, 4H).   b_ih, b_hh: (4H,) or None.
    Raises ShapeError for sizes that do not fit.   Hochreiter & Schmidhuber 1997, with the forget
    gate f of Gers, Schmidhuber & Cummins 2000.

    >>> import numpy as np
    >>> zeros = np.zeros((1, 1))
    >>> lstm_cell(zeros, zeros, np.ones((1, 1)), np.zeros((1, 4)), np.zeros((1, 4)))[1]
    array([[0.5]])
    """
    _require_weights("lstm_cell", 4, x.shape, W_ih, W_hh, b_ih, b_hh, (h, c))
    h, c = _lstm_step(x, (h, c), W_ih, W_hh, b_ih, b_hh)
    return h, c


def gru_cell(
    x: Array,
    h: Array,
    W_ih: Array,
    W_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
) -> Array:
    """r, z = sigmoid(a + b);  n = tanh(a_n + r b_n);  h' = (1 - z) n + z h.

    a = x W_ih + b_ih and b = h W_hh + b_hh, with columns for r, z, n.
    x: (N, I).   h: (N, H).   W_ih: (I, 3H).   W_hh: (H, 3H).   b_ih, b_hh: (3H,) or None.
    Raises ShapeError for sizes that do not fit.   Cho et al. 2014, arXiv:1406.1078, with r applied
    after the product with W_hh, as PyTorch and cuDNN do.

    >>> import numpy as np
    >>> zeros = np.zeros((1, 1))
    >>> gru_cell(zeros, np.ones((1, 1)), np.zeros((1, 3)), np.zeros((1, 3)))
    array([[0.5]])
    """
    _require_weights("gru_cell", 3, x.shape, W_ih, W_hh, b_ih, b_hh, (h,))
    return _gru_step(x, (h,), W_ih, W_hh, b_ih, b_hh)[0]


def _rnn_step(x: Array, s: State, W_ih: Array, W_hh: Array, b_ih: Any, b_hh: Any) -> State:
    (h,) = s
    return (tanh(linear(x, W_ih, b_ih) + linear(h, W_hh, b_hh)),)


def _relu_step(x: Array, s: State, W_ih: Array, W_hh: Array, b_ih: Any, b_hh: Any) -> State:
    (h,) = s
    return (relu(linear(x, W_ih, b_ih) + linear(h, W_hh, b_hh)),)


def _lstm_step(x: Array, s: State, W_ih: Array, W_hh: Array, b_ih: Any, b_hh: Any) -> State:
    h, c = s
    i, f, g, o = _gates(linear(x, W_ih, b_ih) + linear(h, W_hh, b_hh), 4)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def _gru_step(x: Array, s: State, W_ih: Array, W_hh: Array, b_ih: Any, b_hh: Any) -> State:
    (h,) = s
    a_r, a_z, a_n = _gates(linear(x, W_ih, b_ih), 3)
    b_r, b_z, b_n = _gates(linear(h, W_hh, b_hh), 3)
    r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
    n = tanh(a_n + r * b_n)
    return ((1 - z) * n + z * h,)


def _gates(a: Array, n: int) -> list[Array]:
    """The columns of each of n gates."""
    return split(a, indices_or_sections=n, axis=-1)


_STEPS: dict[str, Any] = {
    "tanh": _rnn_step,
    "relu": _relu_step,
    "lstm": _lstm_step,
    "gru": _gru_step,
}


def _named(nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueRangeError(f"rnn needs nonlinearity 'tanh' or 'relu', got {nonlinearity!r}.")
    return nonlinearity


# -------------------------------------------------------------------------------------------------
# Whole sequences


def _steps(n: int, reverse: bool) -> list[tuple[int, int, int]]:
    """(t, before, after): step t turns state `before` into state `after`, of n + 1 states."""
    if reverse:
        return [(t, t + 1, t) for t in reversed(range(n))]
    return [(t, t, t + 1) for t in range(n)]


def _formula(
    x: Array, s0: Any, W_ih: Array, W_hh: Array, b_ih: Any, b_hh: Any, kind: str, live: Any,
    reverse: bool,
) -> Array:  # fmt: skip
    """What `_sequence` computes, step by step in operations."""
    steps, states = _steps(len(x), reverse), [()] * (len(x) + 1)  # type: Any, Any
    if s0 is None:
        shape = RECURRENCES[kind].states, x.shape[1], W_hh.shape[0]
        s0 = array_module(raw(x)).zeros(shape, x.dtype)
    states[steps[0][1]] = tuple(s0)
    for t, before, after in steps:
        new = _STEPS[kind](x[t], states[before], W_ih, W_hh, b_ih, b_hh)
        if live is not None:
            goes_on = live[t][:, None]
            new = tuple([where(goes_on, a, b) for a, b in zip(new, states[before], strict=True)])
        states[after] = new
    return stack([stack(each) for each in zip(*states, strict=True)])


@op
def _sequence(
    x: Array, s0: Array | None, W_ih: Array, W_hh: Array, b_ih: Array | None, b_hh: Array | None,
    *, kind: str, live: Any, reverse: bool, scan: Scan,
) -> Array:  # fmt: skip
    """All states: (1 or 2 of them, T + 1, N, H); for reverse, the initial one is the last."""
    return scan.forward(x, s0, W_ih, W_hh, b_ih, b_hh)


ARGUMENTS = ("x", "s0", "W_ih", "W_hh", "b_ih", "b_hh")


def _rule(name: str) -> Any:
    """dL/d(argument): of the fused scan, or of the formula if it is to be differentiated again."""

    def rule(g, x, s0, W_ih, W_hh, b_ih, b_hh, kind, live, reverse, scan, y):
        args = (x, s0, W_ih, W_hh, b_ih, b_hh)
        if not isinstance(g, Tensor):
            return scan.gradient(name, g, y, x, W_ih, W_hh)
        # one argument may depend on another: fresh names keep its own share apart
        args = [reshape(a, shape=a.shape) if isinstance(a, Tensor) else a for a in args]
        again = _formula(*args, kind, live, reverse)
        return grad(again, args[ARGUMENTS.index(name)], g, create_graph=True, allow_unused=True)

    return rule


_sequence.defvjp(**{name: _rule(name) for name in ARGUMENTS})
_sequence.name = "recurrence"


def _run(
    kind: str, x: Array, state: Any, W_ih: Array, W_hh: Array, b_ih: Any, b_hh: Any, lengths: Any,
    reverse: bool,
) -> tuple[Array, State]:  # fmt: skip
    """(h of every step, the last states)."""
    name = {"tanh": "rnn", "relu": "rnn"}.get(kind, kind)
    gates = len(RECURRENCES[kind].scales)
    _require_weights(name, gates, x.shape, W_ih, W_hh, b_ih, b_hh, state or ())
    live = None if lengths is None else within(name, lengths, len(x), x.shape[1], x)
    s0 = None if state is None else stack(list(state))
    scan = Scan(RECURRENCES[kind], _steps(len(x), reverse), live)
    y = _sequence(
        x, s0, W_ih, W_hh, b_ih, b_hh, kind=kind, live=live, reverse=reverse, scan=scan
    )
    h = index(y, key=(0, slice(None, -1) if reverse else slice(1, None)))
    if live is not None:
        h = h * live[..., None].astype(h.dtype)
    last = 0 if reverse else -1
    return h, tuple(index(y, key=(k, last)) for k in range(y.shape[0]))


def rnn(
    x: Array,
    h0: Array | None,
    W_ih: Array,
    W_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    *,
    nonlinearity: str = "tanh",
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Array, Array]:
    """`rnn_cell` along a sequence: h_t from x_t and h_(t-1).   Returns (h, the last h).

    x: (T, N, I).   h0: (N, H), or None for zeros.   h: (T, N, H).   The rest as in `rnn_cell`.
    lengths: (N,) integers 1 .. T; behind its length a sequence's h is 0 and its state stays.
    reverse: from the last step to the first.
    Raises ShapeError for sizes that do not fit, ValueRangeError for lengths outside 1 .. T.

    >>> import numpy as np
    >>> h, last = rnn(np.ones((3, 1, 1)), None, np.ones((1, 1)), np.zeros((1, 1)))
    >>> h.shape, bool(last == h[-1])
    ((3, 1, 1), True)
    """
    state = None if h0 is None else (h0,)
    kind = _named(nonlinearity)
    h, (last,) = _run(kind, x, state, W_ih, W_hh, b_ih, b_hh, lengths, reverse)
    return h, last


def lstm(
    x: Array,
    state: tuple[Array, Array] | None,
    W_ih: Array,
    W_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    *,
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Array, tuple[Array, Array]]:
    """`lstm_cell` along a sequence.   Returns (h, (the last h, the last c)).

    x: (T, N, I).   state: (h0, c0), each (N, H), or None for zeros.   h: (T, N, H).
    The rest as in `lstm_cell` and `rnn`.

    >>> import numpy as np
    >>> h, (last, c) = lstm(np.ones((3, 2, 1)), None, np.ones((1, 4)), np.zeros((1, 4)))
    >>> h.shape, c.shape
    ((3, 2, 1), (2, 1))
    """
    h, (last, c) = _run("lstm", x, state, W_ih, W_hh, b_ih, b_hh, lengths, reverse)
    return h, (last, c)


def gru(
    x: Array,
    h0: Array | None,
    W_ih: Array,
    W_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    *,
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Array, Array]:
    """`gru_cell` along a sequence.   Returns (h, the last h).

    x: (T, N, I).   h0: (N, H), or None for zeros.   h: (T, N, H).
    The rest as in `gru_cell` and `rnn`.

    >>> import numpy as np
    >>> gru(np.ones((3, 2, 1)), None, np.ones((1, 3)), np.zeros((1, 3)))[0].shape
    (3, 2, 1)
    """
    state = None if h0 is None else (h0,)
    h, (last,) = _run("gru", x, state, W_ih, W_hh, b_ih, b_hh, lengths, reverse)
    return h, last


def _require_weights(
    name: str, gates: int, x: tuple, W_ih: Array, W_hh: Array, b_ih: Any, b_hh: Any, state: Any
) -> None:
    """Raise ShapeError unless all fit: x (T, N, I), or (N, I) for a cell; states (N, H)."""
    cell = name.endswith("_cell")
    if len(x) != (2 if cell else 3) or (x[0] == 0 and not cell) or W_hh.ndim != 2:
        form = "(N, I)" if cell else "(T, N, I), with T of at least 1,"
        raise ShapeError(f"{name} needs x {form} and W_hh (H, {gates}H), got {x}, {W_hh.shape}.")
    (N, inputs), H = x[-2:], W_hh.shape[0]
    wide = gates * H
    rows: list[tuple] = [("W_ih", W_ih, (inputs, wide)), ("W_hh", W_hh, (H, wide))]
    rows += [("b_ih", b_ih, (wide,)), ("b_hh", b_hh, (wide,))]
    rows += [(f"state {k}", s, (N, H)) for k, s in enumerate(state)]
    for what, array, wanted in rows:
        if array is not None and array.shape != wanted:
            raise ShapeError(
                f"{name} needs {what} of shape {wanted} for x {x} and H = {H}, got {array.shape}."
            )
