"""Recurrent layers; their formulas live in `minnet.functional.recurrent`."""

from __future__ import annotations

from math import sqrt
from typing import Any

from .. import functional as F
from ..backend import Array, as_generator, default_dtype
from ..errors import DTypeError, ShapeError, ValueRangeError
from ..init import Rng, uniform
from ..tensor import Parameter
from .checks import require_count, require_floats
from .dropout import Dropout
from .module import Module

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell"]


class _Weights(Module):
    """What cells and sequences share: sizes, and weights uniform on +-1 / sqrt(hidden_size)."""

    gates = 1
    states = 1

    def _sizes(self, input_size: int, hidden_size: int) -> None:
        self.input_size = require_count(self, "input_size", input_size)
        self.hidden_size = require_count(self, "hidden_size", hidden_size)

    def _draw(self, inputs: int, suffix: str, bias: bool, rng: Any, dtype: Any) -> None:
        """weight_ih, weight_hh, bias_ih and bias_hh, with a suffix."""
        H, wide = self.hidden_size, self.gates * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (inputs, wide), "weight_hh": (H, wide)}
        shapes |= {"bias_ih": (wide,), "bias_hh": (wide,)}
        for name, shape in shapes.items():
            a = 1 / sqrt(H)
            draw = bias or name.startswith("weight")
            array = uniform(shape, low=-a, high=a, rng=rng, dtype=dtype) if draw else None
            setattr(self, name + suffix, None if array is None else Parameter(array))

    def _weights(self, suffix: str = "") -> list[Any]:
        names = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
        return [getattr(self, name + suffix) for name in names]

    def _check_state(self, state: Any, shape: tuple[int, ...]) -> tuple:
        """The state as a tuple of arrays of this shape."""
        what = "h" if self.states == 1 else "(h, c)"
        given = (state,) if self.states == 1 else state
        if not isinstance(given, (tuple, list)) or len(given) != self.states:
            raise DTypeError(f"{self.title()} needs its state as {what}, got {type(state)}.")
        for s in given:
            if getattr(s, "shape", None) != shape:
                raise ShapeError(
                    f"{self.title()} needs its state {what} of shape {shape}, got "
                    f"{getattr(s, 'shape', type(s))}."
                )
        return tuple(given)

    def describe(self) -> str:
        """The sizes."""
        return f"{self.input_size} -> {self.hidden_size}"


# -------------------------------------------------------------------------------------------------
# Whole sequences


class _Recurrent(_Weights):
    """Layers of a recurrence, each reading the hidden states of the one below."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        self._sizes(input_size, hidden_size)
        self.num_layers = require_count(self, "num_layers", num_layers)
        self.batch_first, self.bidirectional = batch_first, bidirectional
        rng = as_generator(rng)
        self.suffixes = ("", "_reverse") if bidirectional else ("",)
        for k in range(num_layers):
            inputs = hidden_size * len(self.suffixes) if k else input_size
            for suffix in self.suffixes:
                self._draw(inputs, f"_l{k}{suffix}", bias, rng, dtype)
        self.dropout = Dropout(dropout, rng=rng)

    def forward(self, x: Array, state: Any = None, *, lengths: Any = None) -> tuple[Array, Any]:
        """(the top layer's h of every step, the last state of every layer and direction)."""
        self._check(x)
        x = x.swapaxes(0, 1) if self.batch_first else x
        rows = len(self.suffixes) * self.num_layers
        if state is not None:
            state = self._check_state(state, (rows, x.shape[1], self.hidden_size))
        last: list[tuple] = []
        for k in range(self.num_layers):
            x = self.dropout(x) if k else x
            parts = []
            for suffix in self.suffixes:
                s = None if state is None else tuple(each[len(last)] for each in state)
                h, end = self._scan(x, s, f"_l{k}{suffix}", lengths)
                parts.append(h)
                last.append(end)
            x = F.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        ends = tuple(F.stack(each) for each in zip(*last, strict=True))
        return x.swapaxes(0, 1) if self.batch_first else x, ends if self.states > 1 else ends[0]

    def _scan(self, x: Array, s: Any, suffix: str, lengths: Any) -> tuple[Array, tuple]:
        """One direction of one layer: (h, the last states)."""
        s = s[0] if s is not None and self.states == 1 else s
        h, end = self._sequence(
            x, s, *self._weights(suffix), lengths=lengths, reverse=suffix.endswith("_reverse")
        )
        return h, end if self.states > 1 else (end,)

    def _sequence(self, *args: Any, **settings: Any) -> Any:
        raise TypeError(f"{type(self).__name__} needs a recurrence: use RNN, LSTM or GRU.")

    def _check(self, x: Array) -> None:
        require_floats(self, x)
        if x.ndim != 3 or x.shape[2] != self.input_size or x.shape[int(self.batch_first)] == 0:
            axes = "N, T" if self.batch_first else "T, N"
            hint = " T is at least 1." if x.ndim == 3 and x.shape[2] == self.input_size else ""
            raise ShapeError(
                f"{self.title()} needs x of shape ({axes}, {self.input_size}), got {x.shape}.{hint}"
            )

    def describe(self) -> str:
        """The sizes, and the settings that are not the default."""
        usual = {"num_layers": 1, "batch_first": False, "bidirectional": False}
        given = {name: self.__dict__.get(name, value) for name, value in usual.items()}
        return ", ".join(
            [super().describe(), *(f"{k}={v}" for k, v in given.items() if v != usual[k])]
        )


class RNN(_Recurrent):
    """h_t = tanh(x_t W_ih + b_ih + h_(t-1) W_hh + b_hh), or with relu (Elman 1990).

    Called with x (T, N, input_size), or (N, T, input_size) with batch_first, the order of a Loader
    (without it such a batch is read as N steps of T sequences, and nothing complains), it returns
    (y, h): the top layer's h_t of every step (..., hidden_size), forward and backward ones side by
    side if bidirectional, and the last h of each layer and direction (layers x directions, N,
    hidden_size).   state: the h to start from, zeros if None.   lengths: (N,) integers: behind its
    length a sequence's y is 0 and its h stays.
    weight_ih_l0 (input_size, hidden_size), weight_hh_l0 (hidden_size, hidden_size), bias_ih_l0,
    bias_hh_l0 (hidden_size,), then _l1, ..., each also with _reverse; all start uniform on
    +-1 / sqrt(hidden_size).   dropout: between layers.   Names and defaults are PyTorch's.
    Raises ShapeError, DTypeError or ValueRangeError for x, state or lengths that do not fit.

    >>> import numpy as np
    >>> y, h = RNN(3, 5, num_layers=2, rng=0)(np.ones((7, 4, 3), "float32"))
    >>> y.shape, h.shape
    ((7, 4, 5), (2, 4, 5))
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, nonlinearity: str = "tanh", **settings: Any
    ):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueRangeError(f"RNN needs nonlinearity 'tanh' or 'relu', got {nonlinearity!r}.")
        super().__init__(input_size, hidden_size, **settings)
        self.nonlinearity = nonlinearity

    def _sequence(self, *args: Any, **settings: Any) -> Any:
        return F.rnn(*args, nonlinearity=self.nonlinearity, **settings)


class LSTM(_Recurrent):
    """Long short-term memory: c_t = f c_(t-1) + i g, h_t = o tanh(c_t); see `functional.lstm_cell`.

    Called as `RNN`, but the state is a pair (h, c).  The columns of a weight are those of the gates
    i, f, g, o, so that weight_ih_l0 is (input_size, 4 hidden_size).
    Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000.

    >>> import numpy as np
    >>> y, (h, c) = LSTM(3, 5, bidirectional=True, rng=0)(np.ones((7, 4, 3), "float32"))
    >>> y.shape, h.shape, c.shape
    ((7, 4, 10), (2, 4, 5), (2, 4, 5))
    """

    gates, states = 4, 2

    def _sequence(self, *args: Any, **settings: Any) -> Any:
        return F.lstm(*args, **settings)


class GRU(_Recurrent):
    """Gated recurrent unit: h_t = (1 - z) n + z h_(t-1); see `functional.gru_cell`.

    Called as `RNN`.  The columns of a weight are those of r, z, n, so that weight_ih_l0 is
    (input_size, 3 hidden_size).   Cho et al. 2014, arXiv:1406.1078.

    >>> import numpy as np
    >>> layer = GRU(3, 5, batch_first=True, rng=0)
    >>> y, h = layer(np.ones((4, 7, 3), "float32"), lengths=[7, 1, 2, 3])
    >>> y.shape, h.shape
    ((4, 7, 5), (1, 4, 5))
    """

    gates = 3

    def _sequence(self, *args: Any, **settings: Any) -> Any:
        return F.gru(*args, **settings)


# -------------------------------------------------------------------------------------------------
# One step


class _Cell(_Weights):
    """What the cells share: one step for a batch."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        rng: Rng = None,
        dtype: Any = default_dtype,
    ):
        self._sizes(input_size, hidden_size)
        self._draw(input_size, "", bias, as_generator(rng), dtype)

    def _start(self, x: Array, state: Any) -> tuple:
        """The state before this step: what was given, or zeros."""
        require_floats(self, x)
        if x.ndim != 2 or x.shape[1] != self.input_size:
            raise ShapeError(
                f"{self.title()} needs x of shape (N, {self.input_size}), got {x.shape}."
            )
        shape = (len(x), self.hidden_size)
        if state is not None:
            return self._check_state(state, shape)
        zero = x[:, :1] * 0  # on x's device, whatever it is
        return (F.broadcast_to(zero, shape=shape),) * self.states


class RNNCell(_Cell):
    """One step of `RNN`: (x, h) -> h.   x: (N, input_size).   h: (N, hidden_size), zeros if None.

    >>> import numpy as np
    >>> RNNCell(3, 5, rng=0)(np.ones((4, 3), "float32")).shape
    (4, 5)
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, nonlinearity: str = "tanh", **settings: Any
    ):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueRangeError(
                f"RNNCell needs nonlinearity 'tanh' or 'relu', got {nonlinearity!r}."
            )
        super().__init__(input_size, hidden_size, **settings)
        self.nonlinearity = nonlinearity

    def forward(self, x: Array, h: Array | None = None) -> Array:
        """functional.rnn_cell(x, h)."""
        (h,) = self._start(x, h)
        return F.rnn_cell(x, h, *self._weights(), nonlinearity=self.nonlinearity)


class LSTMCell(_Cell):
    """One step of `LSTM`: (x, (h, c)) -> (h, c).   x: (N, input_size).   h, c: (N, hidden_size).

    >>> import numpy as np
    >>> h, c = LSTMCell(3, 5, rng=0)(np.ones((4, 3), "float32"))
    >>> h.shape, c.shape
    ((4, 5), (4, 5))
    """

    gates, states = 4, 2

    def forward(self, x: Array, state: tuple[Array, Array] | None = None) -> tuple[Array, Array]:
        """functional.lstm_cell(x, h, c)."""
        h, c = self._start(x, state)
        return F.lstm_cell(x, h, c, *self._weights())


class GRUCell(_Cell):
    """One step of `GRU`: (x, h) -> h.   x: (N, input_size).   h: (N, hidden_size), zeros if None.

    >>> import numpy as np
    >>> GRUCell(3, 5, rng=0)(np.ones((4, 3), "float32")).shape
    (4, 5)
    """

    gates = 3

    def forward(self, x: Array, h: Array | None = None) -> Array:
        """functional.gru_cell(x, h)."""
        (h,) = self._start(x, h)
        return F.gru_cell(x, h, *self._weights())
