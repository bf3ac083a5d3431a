"""The fused passes over a sequence: every state on the way there, every gradient on the way back.

The formulas are those of `recurrent`; here they are written for arrays, in place, a step at a time
in cache, with the gates before the batch, (gates, N, H), so that each gate is one run of memory.
A recurrence knows one step and its reverse, `Scan` the loops around it:

    step(y, b, s, new, kept)        y = x W_ih + b_ih, b = h W_hh + b_hh, s the old states; fills
                                    new, the new states, and kept; y becomes the activations
    back(ds, y, s, kept, da, db)    from ds = dL/d(new), fills dL/da and dL/db; ds becomes what
                                    reaches s beside b

sigmoid(u) = (1 + tanh(u/2)) / 2, so one tanh serves all gates; ``scales`` has the 1/2 of each gate
that passes the sigmoid, and the weights are multiplied by it (exactly) before the first step.
"""

from __future__ import annotations

from typing import Any

from ..backend import Array, array_module, sum_axes

__all__: list[str] = []


class Elman:
    """h' = tanh(a + b), or relu(a + b)."""

    scales: tuple[float, ...] = (1,)
    states, kept = 1, 0
    apart = False  # whether a and b have different gradients

    def __init__(self, nonlinearity: str):
        self.nonlinearity = nonlinearity

    def step(self, y: Array, b: Array, s: Array, new: Array, kept: Array) -> None:
        """One step."""
        xp = array_module(y)
        y += b
        if self.nonlinearity == "tanh":
            xp.tanh(y, out=y)
        else:
            xp.maximum(y, 0, out=y)
        new[...] = y

    def back(self, ds: Array, y: Array, s: Array, kept: Array, da: Array, db: Array) -> None:
        """Its reverse."""
        slope = 1 - y * y if self.nonlinearity == "tanh" else y > 0
        array_module(y).multiply(slope, ds, out=da)
        ds[...] = 0


class LSTM:
    """i, f, g, o from a + b;  c' = f c + i g;  h' = o tanh(c')."""

    scales = (0.5, 0.5, 1, 0.5)
    states, kept = 2, 1  # kept: tanh(c')
    apart = False

    def step(self, y: Array, b: Array, s: Array, new: Array, kept: Array) -> None:
        """One step."""
        xp = array_module(y)
        (i, f, g, o), (h, c), tanh_c = y, new, kept[0]
        y += b
        xp.tanh(y, out=y)
        for gate in y[:2], o:
            gate *= 0.5
            gate += 0.5
        xp.multiply(f, s[1], out=c)
        c += xp.multiply(i, g, out=h)
        xp.tanh(c, out=tanh_c)
        xp.multiply(o, tanh_c, out=h)

    def back(self, ds: Array, y: Array, s: Array, kept: Array, da: Array, db: Array) -> None:
        """Its reverse."""
        xp = array_module(y)
        (i, f, g, o), (dh, dc), tanh_c = y, ds, kept[0]
        xp.multiply(y, y, out=da)
        xp.subtract(y[:2], da[:2], out=da[:2])  # i - i^2, the slope of the sigmoid
        xp.subtract(1, da[2], out=da[2])  # 1 - g^2, the slope of tanh
        xp.subtract(o, da[3], out=da[3])
        da[3] *= tanh_c
        da[3] *= dh
        dh *= o
        dc += dh
        dh *= tanh_c
        dh *= tanh_c
        dc -= dh  # dL/dc' += dL/dh' o (1 - tanh^2 c')
        da[0] *= g
        da[1] *= s[1]
        da[2] *= i
        da[:3] *= dc
        dc *= f
        dh[...] = 0


class GRU:
    """r, z = sigmoid(a + b);  n = tanh(a_n + r b_n);  h' = (1 - z) n + z h."""

    scales = (0.5, 0.5, 1)
    states, kept = 1, 1  # kept: b_n
    apart = True

    def step(self, y: Array, b: Array, s: Array, new: Array, kept: Array) -> None:
        """One step."""
        xp, (r, z, n), h = array_module(y), y, new[0]
        kept[0] = b[2]
        y[:2] += b[:2]
        xp.tanh(y[:2], out=y[:2])
        y[:2] *= 0.5
        y[:2] += 0.5
        n += r * kept[0]
        xp.tanh(n, out=n)
        xp.subtract(s[0], n, out=h)
        h *= z
        h += n

    def back(self, ds: Array, y: Array, s: Array, kept: Array, da: Array, db: Array) -> None:
        """Its reverse."""
        dh, (r, z, n) = ds[0], y
        da[2] = dh * (1 - z) * (1 - n * n)
        da[1] = dh * (s[0] - n) * (z * (1 - z))
        da[0] = da[2] * kept[0] * (r * (1 - r))
        db[...] = da
        db[2] *= r
        dh *= z


RECURRENCES: dict[str, Any] = {
    "tanh": Elman("tanh"),
    "relu": Elman("relu"),
    "lstm": LSTM(),
    "gru": GRU(),
}


class Scan:
    """One recurrence over one sequence: what the forward pass leaves for the gradients.

    steps: (t, before, after) in order: step t turns state `before` into state `after`.
    live: (T, N) booleans, False where a sequence has ended and its state stays; None: all live.
    """

    def __init__(self, cell: Any, steps: list[tuple[int, int, int]], live: Array | None):
        self.cell, self.steps = cell, steps
        self.ended: Any = None if live is None else ~live[..., None]  # (T, N, 1)
        self.y: Any = None  # (gates, T, N, H), the activations of every step
        self.kept: Any = None
        self.found: tuple[Any, Any] = (None, None)  # a gradient g, and (da, db, ds0) for it

    def forward(self, x: Array, s0: Any, W_ih: Array, W_hh: Array, b_ih: Any, b_hh: Any) -> Array:
        """All T + 1 states: (states, T + 1, N, H)."""
        xp, cell, (T, N, _), H = array_module(x), self.cell, x.shape, W_hh.shape[0]
        gates = len(cell.scales)
        self.y = (_rows(x) @ self._scaled(W_ih)).reshape(gates, T, N, H)
        states = xp.empty((cell.states, T + 1, N, H), self.y.dtype)
        states[:, self.steps[0][1]] = 0 if s0 is None else s0
        self.kept = xp.empty((T, cell.kept, N, H), self.y.dtype)
        W, b = self._scaled(W_hh), xp.empty((gates, N, H), self.y.dtype)
        bias, b_hh = self._biases(b_ih, b_hh)
        if bias is not None:
            self.y += bias[:, None]
        for t, before, after in self.steps:
            s, new = states[:, before], states[:, after]
            xp.matmul(s[0], W, out=b)
            if b_hh is not None:
                b += b_hh
            cell.step(self.y[:, t], b, s, new, self.kept[t])
            if self.ended is not None:
                new[...] = xp.where(self.ended[t], s, new)
        return states

    def _scaled(self, W: Array) -> Array:
        """The columns (n, gates H) by gate, (gates, n, H), each times its scale."""
        gates = _by_gate(W, len(self.cell.scales)).copy()
        for gate, scale in zip(gates, self.cell.scales, strict=True):
            gate *= scale
        return gates

    def _biases(self, b_ih: Any, b_hh: Any) -> list[Any]:
        """What is added to a, and to b: all to a, unless the two are used apart.   None: 0."""
        if not self.cell.apart and b_ih is not None and b_hh is not None:
            b_ih, b_hh = b_ih + b_hh, None
        return [None if b is None else self._scaled(b[None]) for b in (b_ih, b_hh)]

    def backward(self, g: Array, states: Array, W_hh: Array) -> tuple[Array, Array, Array]:
        """(dL/da, dL/db, dL/ds0) of all steps: (T, N, gates H) twice, and (states, N, H)."""
        xp, cell, (gates, T, N, H) = array_module(g), self.cell, self.y.shape
        da = xp.empty((T, N, gates * H), g.dtype)
        db = xp.empty_like(da) if cell.apart else da
        da_t, db_t = xp.empty((gates, N, H), g.dtype), xp.empty((gates, N, H), g.dtype)
        W, dh = W_hh.T.copy(), xp.empty((N, H), g.dtype)
        ds = g[:, self.steps[-1][2]].copy()
        for t, before, _ in reversed(self.steps):
            stays = None if self.ended is None else ds.copy()
            cell.back(ds, self.y[:, t], states[:, before], self.kept[t], da_t, db_t)
            _by_gate(da[t], gates)[...] = da_t
            if cell.apart:
                _by_gate(db[t], gates)[...] = db_t
            if stays is not None:
                da[t] = xp.where(self.ended[t], 0, da[t])
                db[t] = xp.where(self.ended[t], 0, db[t])
            ds[0] += xp.matmul(db[t], W, out=dh)
            if stays is not None:
                ds[...] = xp.where(self.ended[t], stays, ds)
            ds += g[:, before]
        return da, db, ds

    def gradient(
        self, name: str, g: Array, states: Array, x: Array, W_ih: Array, W_hh: Array
    ) -> Array:
        """dL/d(argument), from one backward pass for all of them."""
        if self.found[0] is not g:
            self.found = g, self.backward(g, states, W_hh)
        da, db, ds0 = self.found[1]
        if name == "x":
            return (_rows(da) @ W_ih.T).reshape(x.shape)
        if name == "W_ih":
            return _rows(x).T @ _rows(da)
        if name == "W_hh":
            backwards = self.steps[0][1] > 0
            return _rows(states[0, 1:] if backwards else states[0, :-1]).T @ _rows(db)
        return ds0.copy() if name == "s0" else sum_axes(_rows(da if name == "b_ih" else db), 0)


def _rows(x: Array) -> Array:
    """(T, N, n) -> (T N, n)."""
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


def _by_gate(a: Array, gates: int) -> Array:
    """(N, gates H) -> (gates, N, H), a view."""
    return a.reshape(len(a), gates, a.shape[1] // gates).swapaxes(0, 1)
