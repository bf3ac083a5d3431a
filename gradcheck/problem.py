"""One object for all that can be checked: y, cache = forward(values); grads = backward(d, cache).

A scalar (or per-sample) loss with gradients is the same thing with d = 1 (or 1/N, 1 per sample).
"""

import contextlib
import copy
import math
import random

import numpy as np

from .arrays import as_numpy, is_array, is_float, real_copy
from .errors import CallError, DTypeError, GradcheckError, InputError

__all__ = ["Problem"]


class Problem:
    """A function, its hand-written backward, and the point where they are compared.

    call(values) -> (outputs, cache) and pull(ds, cache) -> gradients do the user's work; `values`
    is a dict like `inputs`.  inputs: name -> float64 copy (other things pass untouched).
    wrt: names whose gradients are checked.  weights: None, or the fixed upstream of a loss.
    lanes: leading axes along which outputs depend on their own slice of an input only.
    value(values) -> outputs alone, where that is less work than call.

    For the contract: alone(values) -> outputs when no gradient is asked for (or the reverse; None
    where that cannot be told); prefilled(d, noise) -> gradient buffers that held `noise` before
    backward(d) ran; adds: backward promises to add to them (else it may overwrite all of them).
    """

    def __init__(
        self,
        call,
        pull,
        inputs,
        *,
        wrt=None,
        name="function",
        dtype="float64",
        reseed=None,
        vectorized=False,
        branches=None,
        lanes=0,
        loss_scale=1.0,
        weights=None,
        value=None,
        bare=None,
        alone=None,
        prefilled=None,
        adds=True,
    ):
        self.call, self.pull, self.name = call, pull, name
        self.value = bare or value or (lambda values: call(values)[0])
        self.bare = bare  # the same as value, but of the dict itself and not of a copy
        self.alone, self.prefilled, self.adds = alone, prefilled, adds
        self.reseed, self.vectorized, self.loss_scale = reseed, vectorized, loss_scale
        self.branches, self.lanes, self.weights, self.dtype = branches, lanes, weights, dtype
        self.wrt = (
            tuple(wrt) if wrt is not None else tuple(k for k, v in inputs.items() if is_float(v))
        )
        self.inputs = own_copies(inputs, self.wrt, dtype, name)
        self.original_dtypes = {k: as_numpy(inputs[k]).dtype for k in self.wrt}
        self.containers = [k for k, v in inputs.items() if isinstance(v, (dict, list))]
        self.generators = [v for v in inputs.values() if isinstance(v, np.random.Generator)]
        self.generator_states = [copy.deepcopy(g.bit_generator.state) for g in self.generators]
        self.nfev = self.nbev = 0
        self.guard = False  # True: evaluate on copies, for a forward that edits its input
        self.out_shapes: list | None = None
        self.y_shape: tuple[int, ...] = ()
        self.number = False  # True once the output is known to be a plain number

    @property
    def scalar(self) -> bool:
        """True for a loss, whose upstream is fixed."""
        return self.weights is not None

    def forward(self, values: dict):
        """(y, cache) at `values`, reseeded first when asked; several outputs become one vector."""
        self.start_randomness()
        self.nfev += 1
        if self.containers:
            values = values | {k: private(values[k]) for k in self.containers}
        try:
            outputs, cache = self.call(values)
        except GradcheckError:
            raise
        except Exception as error:
            raise self.complaint("forward", error) from error
        y = self.pack(outputs).copy()  # the next call may fill the same array
        self.y_shape, self.number = y.shape, isinstance(outputs, float)
        return y, cache

    def backward(self, d, cache) -> dict:
        """Gradients by name of `wrt` (and "extra 0", ... beyond those), as returned, not cast."""
        self.nbev += 1
        d = np.asarray(d) * self.loss_scale if self.loss_scale != 1 else d
        try:
            raw = self.pull(self.unpack(d), cache)
        except Exception as error:
            raise self.complaint("backward", error) from error
        grads = self.by_name(raw)
        if self.loss_scale == 1:
            return grads
        return {k: None if g is None else as_numpy(g) / self.loss_scale for k, g in grads.items()}

    def evaluate(self, values: dict) -> np.ndarray:
        """y alone, for the numeric side; nothing in `values` is changed."""
        return self.forward(copies(values) if self.guard else values)[0]

    def edits_dict(self) -> bool:
        """Whether a function of the dict itself puts other objects into it."""
        given = copies(self.inputs)
        kept = dict(given)
        if self.bare:
            try:
                self.bare(given)
            except Exception as error:
                raise self.complaint("forward", error) from error
        return len(given) != len(kept) or any(given.get(k) is not v for k, v in kept.items())

    def series(self, values: dict, moves) -> np.ndarray:
        """y after each of the moves, which change an array of `values` in place: (moves, ...).

        A full check lives in this loop: where nothing needs care, it is the bare one.
        """
        careful = self.guard or self.containers or self.reseed is not None
        look = self.evaluate if careful else self.value
        if not (careful or self.number):
            look = lambda values: self.pack(self.value(values)).copy()
        try:
            rows = [look(values) for _ in moves]
        except GradcheckError:
            raise
        except Exception as error:
            raise self.complaint("forward", error) from error
        self.nfev += 0 if careful else len(rows)
        return real_output(np.array(rows), self.name)

    def complaint(self, who, error) -> CallError:
        """An exception of the user's function, named."""
        return CallError(f"{self.name}: {who} raised {type(error).__name__}: {error}")

    def gradients(self, d, values=None) -> dict:
        """Analytic gradients of sum(d * y) at `values` (default: inputs) from a fresh forward."""
        _, cache = self.forward(copies(self.inputs if values is None else values))
        return self.on_host(self.backward(np.array(d), cache))

    def on_host(self, grads) -> dict:
        """The gradients of `wrt` as NumPy arrays, whatever framework returned them."""
        host = lambda k, g: g if g is None or k not in self.wrt else as_numpy(g)
        return {k: host(k, g) for k, g in grads.items()}

    def upstream(self, shape, rng, kind="random") -> np.ndarray:
        """An upstream of y's shape: a loss's own weights, or signed Gaussian, ones, or an array."""
        if self.scalar:
            return loss_weights(shape, self.weights)
        if isinstance(kind, str):
            if kind not in ("random", "ones"):
                raise InputError(
                    f"gradcheck needs upstream='random', 'ones' or an array, got {kind!r}."
                )
            return np.ones(shape) if kind == "ones" else np.asarray(rng.standard_normal(shape))
        d = np.array(as_numpy(kind), dtype=float)
        if d.shape != shape:
            raise InputError(
                f"gradcheck needs an upstream of the output's shape {shape}, got {d.shape}."
            )
        return d

    def pattern(self, cache):
        """The branches taken (which side of every kink), as the user's callable reports them."""
        found = self.branches(cache)
        found = list(found.values()) if isinstance(found, dict) else found
        return [
            np.array(as_numpy(b)) for b in (found if isinstance(found, (list, tuple)) else [found])
        ]

    def start_randomness(self):
        """Put every known random source where it was at the first call, if `reseed` was given."""
        if self.reseed is None:
            return
        for generator, state in zip(self.generators, self.generator_states, strict=True):
            generator.bit_generator.state = state
        if callable(self.reseed):
            self.reseed()
        else:
            np.random.seed(self.reseed)
            random.seed(self.reseed)

    @contextlib.contextmanager
    def preserved(self):
        """Give back all random states as they were, also when something raises."""
        states = np.random.get_state(), random.getstate()
        now = [copy.deepcopy(g.bit_generator.state) for g in self.generators]
        try:
            yield self
        finally:
            np.random.set_state(states[0])
            random.setstate(states[1])
            for generator, state in zip(self.generators, now, strict=True):
                generator.bit_generator.state = state

    def pack(self, outputs) -> np.ndarray:
        """One array from one output or a tuple of outputs."""
        if not isinstance(outputs, (tuple, list)):
            return real_output(outputs, self.name)
        arrays = [real_output(y, self.name) for y in outputs]
        self.out_shapes = [y.shape for y in arrays]
        return np.concatenate([y.ravel() for y in arrays])

    def unpack(self, d):
        """The inverse of pack, for the upstream."""
        if self.out_shapes is None:
            return d
        ends = np.cumsum([int(np.prod(s)) for s in self.out_shapes])[:-1]
        pieces = zip(np.split(d, ends), self.out_shapes, strict=True)
        return tuple(piece.reshape(shape) for piece, shape in pieces)

    def by_name(self, raw) -> dict:
        """Gradients keyed by name: {"x": } or {"dx": } as they are; a tuple in order of wrt."""
        if isinstance(raw, dict):
            keys = {name: name if name in raw else prefixed(name, raw) for name in self.wrt}
            extra = {f"extra {k}": g for k, g in raw.items() if k not in keys.values()}
            return {name: raw.get(k) for name, k in keys.items()} | extra
        raw = list(raw) if isinstance(raw, (tuple, list)) and not flat(raw, self) else [raw]
        names = self.wrt
        arrays = tuple(k for k, v in self.inputs.items() if is_array(v))
        if len(raw) != len(names) and len(raw) == len(arrays):
            names = arrays  # integer inputs have a place in the tuple
        named = dict(zip(names, raw, strict=False))
        extra = {f"extra {i}": g for i, g in enumerate(raw[len(names) :])}
        return {k: named.get(k) for k in self.wrt} | extra


def prefixed(name, raw) -> str:
    """The key under which a dict of gradients holds that of `name`: "dx" for "x", and the like."""
    return next((k for p in ("d", "d_", "grad_") if (k := p + name) in raw), name)


def flat(raw, problem) -> bool:
    """True when a list of plain numbers is itself the gradient of the single checked array."""
    return len(problem.wrt) == 1 and len(raw) > 0 and all(isinstance(v, (int, float)) for v in raw)


def own_copies(inputs, wrt, dtype, name) -> dict:
    """Float arrays copied (and cast), the rest as it is; every checked name must be there."""
    unknown = [k for k in wrt if k not in inputs]
    if unknown:
        raise InputError(f"{name}: wrt names {unknown}, but the inputs are {list(inputs)}.")
    if not wrt:
        raise DTypeError(
            f"{name}: no floating-point array among the inputs {list(inputs)}. "
            "Convert the one to be checked with .astype(float), or name it in wrt=."
        )
    return {k: real_copy(v, k, dtype) if k in wrt or is_float(v) else v for k, v in inputs.items()}


def copies(values: dict) -> dict:
    """The dict with its arrays copied."""
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in values.items()}


def private(v):
    """A deep copy of a settings container (which a forward may update), anything else as it is."""
    if isinstance(v, (dict, list)):
        with contextlib.suppress(Exception):
            return copy.deepcopy(v)
    return v


def real_output(y, name) -> np.ndarray:
    """An output as a real floating-point array; complex ones pass (the complex step needs them)."""
    array = as_numpy(y)
    if array.dtype.kind not in "fc":
        raise CallError(
            f"{name}: forward must return floating-point numbers, got {array.dtype}. "
            "Integers have no gradient: look for a cast or an integer array inside."
        )
    return array


def loss_weights(shape, kind) -> np.ndarray:
    """d of a loss: 1 for a scalar, 1/N or 1 for every one of N per-sample losses."""
    return np.full(shape, 1 / max(math.prod(shape), 1) if kind == "mean" else 1.0)
