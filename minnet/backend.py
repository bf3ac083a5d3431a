"""The array core: whose module an array belongs to, and the few operations where modules differ.

The array decides.  Every function asks its own arrays, ``xp = array_module(x)``, and never a
global; there is no current device.  What NumPy and CuPy do differently (transfers, scatter-add,
random draws) has its one home here.  CuPy is imported when a "cuda" device is first named.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from math import prod
from types import ModuleType
from typing import Any

import numpy as np

from .errors import (
    DeviceError,
    DTypeError,
    IndexRangeError,
    MinnetError,
    ShapeError,
    ValueRangeError,
)

__all__ = [
    "Device",
    "array_module",
    "as_array",
    "as_generator",
    "compute",
    "counted_uniform",
    "counting_seed",
    "default_dtype",
    "device_of",
    "fused",
    "gpu",
    "gpus",
    "is_array",
    "is_available",
    "normal",
    "on_its_device",
    "register",
    "scatter_add",
    "sum_axes",
    "to_device",
    "to_host",
    "unbroadcast",
    "uniform",
    "when_registered",
]

Array = Any  # an array of any registered module: numpy.ndarray, cupy.ndarray
default_dtype = np.dtype("float32")  # of parameters, unless asked otherwise

_MODULES: dict[type, ModuleType] = {np.ndarray: np}  # array type -> its module

# glibc gives freed memory back to the system above a threshold, and the next array of that size
# faults its pages in again, which costs more than the arithmetic.  Freeing one block of just under
# 32 MiB (its pages are never touched) raises the threshold to that size, the largest it can be.
np.empty(2**25 - 2**16, np.uint8)


@dataclass(frozen=True)
class Device:
    """Where an array lives: ``Device("cpu")`` or ``Device("cuda", 0)``.

    >>> Device.parse("cuda:1")
    Device(kind='cuda', index=1)
    """

    kind: str = "cpu"
    index: int = 0

    @classmethod
    def parse(cls, name: str | Device) -> Device:
        """Read ``"cpu"``, ``"cuda"`` or ``"cuda:1"``; raise DeviceError for anything else."""
        if isinstance(name, Device):
            return name
        kind, _, index = str(name).partition(":")
        if kind not in ("cpu", "cuda") or not (index or "0").isdigit():
            raise DeviceError(f"A device is 'cpu', 'cuda' or 'cuda:1', got {name!r}.")
        return cls(kind, int(index or 0))

    def __str__(self) -> str:
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"


_CPU = Device("cpu")


def array_module(*arrays: Any) -> ModuleType:
    """Return the module of the first array among the arguments; NumPy for numbers and lists.

    Raises DTypeError for a masked array.

    >>> array_module(np.zeros(2), 1.0).__name__
    'numpy'
    """
    for a in arrays:
        module = _MODULES.get(type(a))
        if module is not None:
            return module
        if hasattr(a, "filled"):
            raise DTypeError(
                "a masked array hides some of its numbers, which the arithmetic here would use: "
                "pass x.filled(value), or leave those rows out."
            )
    if gpus.module is None and hasattr(sys.modules.get("cupy"), "ndarray"):  # others imported it
        register(sys.modules["cupy"])
        return array_module(*arrays)
    return np


def is_array(x: Any) -> bool:
    """True for an array of a registered module; False for numbers, lists and NumPy scalars."""
    return type(x) in _MODULES


def as_array(x: Any, like: Any = None) -> Array:
    """Return x as an array (of like's module): arrays pass through, a scalar becomes 0-d.

    Raises ShapeError for lists of unequal length.
    """
    if type(x) in _MODULES:
        return x
    try:
        return array_module(x, like).asarray(x)
    except ValueError as error:
        raise ShapeError(
            f"an array needs rows of equal length, got a {type(x).__name__} whose rows differ: pad "
            "the short ones, or cut the long ones."
        ) from error


def device_of(x: Any) -> Device:
    """Return the device an array lives on; numbers and NumPy arrays live on the CPU.

    >>> str(device_of(np.zeros(2)))
    'cpu'
    """
    if array_module(x) is np:
        return _CPU
    return Device("cuda", int(x.device.id))


def to_host(x: Any) -> np.ndarray:
    """Return a NumPy array with x's values; the same object when x is on the host already."""
    return np.asarray(x) if array_module(x) is np else x.get()


def to_device(x: Array, device: str | Device) -> Array:
    """Return x on the given device; the same object when it is there already.

    CuPy stages copies from the host through pinned memory of its own.
    """
    device = Device.parse(device)
    if device == device_of(x):
        return x
    if device.kind == "cpu":
        return to_host(x)
    module = gpu(device.index)
    with module.cuda.Device(device.index):
        return module.array(x)


# -------------------------------------------------------------------------------------------------
# GPUs


@dataclass
class _Gpus:
    """The module that serves "cuda" devices, None until one is named, and how many it sees.

    fused: kernels that replace a formula there, by name (see minnet/kernels).
    """

    module: Any = None
    count: int = 0
    fused: dict[str, Callable] = field(default_factory=dict)


gpus = _Gpus()
_HERE = nullcontext()  # may be entered again and again
_hooks: list[Callable[[ModuleType], None]] = []
_INSTALL = "pip install 'minnet[cuda12]' (cuda13 for CUDA 13)"


def register(module: Any) -> Any:
    """Let a module of CuPy's shape serve the "cuda" devices; return the one that did before.

    It needs CuPy's names: ndarray, asarray and the other functions, and a part ``cuda``.
    None forgets the present one.
    """
    before = gpus.module
    if before is not None:
        _MODULES.pop(before.ndarray, None)
    gpus.module, gpus.count, gpus.fused = module, 0, {}
    if module is not None:
        _MODULES[module.ndarray] = module
        if module.cuda.is_available():
            gpus.count = module.cuda.runtime.getDeviceCount()
        for hook in _hooks:
            hook(module)
    return before


def when_registered(hook: Callable[[Any], None]) -> None:
    """Call hook(module) whenever a module for "cuda" devices is registered."""
    _hooks.append(hook)


def gpu(index: int = 0) -> Any:
    """Return the module behind "cuda:index"; raise DeviceError if it is not there to be used."""
    if gpus.module is None:
        try:
            register(import_module("cupy"))
        except ImportError as error:
            raise DeviceError(
                f"'cuda' needs an NVIDIA GPU and CuPy, which cannot be imported ({error}): "
                f"{_INSTALL}."
            ) from error
    if not gpus.count:
        raise DeviceError(
            f"'cuda' needs a usable NVIDIA GPU: {gpus.module.__name__} is installed, but finds no "
            "device. Run nvidia-smi; if it lists one, install the CuPy of its CUDA version: "
            f"{_INSTALL}. Otherwise stay on 'cpu'."
        )
    if index >= gpus.count:
        raise DeviceError(
            f"'cuda:{index}' is not among the {gpus.count} CUDA devices here: "
            f"use 'cuda:0'{f' .. cuda:{gpus.count - 1}' if gpus.count > 1 else ''}."
        )
    return gpus.module


def is_available() -> bool:
    """True if arrays can be moved to "cuda": CuPy can be imported and finds a device."""
    try:
        gpu()
    except DeviceError:
        return False
    return True


def fused(name: str, like: Any) -> Callable | None:
    """The kernel of this name, where there is one for arrays like this; else None."""
    if array_module(like) is np or like.dtype.char not in "fd":
        return None
    return gpus.fused.get(name)


def on_its_device(x: Any) -> AbstractContextManager:
    """Inside this block new arrays are made on x's device; it matters where GPUs are several."""
    if gpus.count < 2 or array_module(x) is np:
        return _HERE
    return gpus.module.cuda.Device(x.device.id)


# -------------------------------------------------------------------------------------------------
# Carrying out an operation


def compute(op: Any, arrays: Sequence[Any], settings: dict) -> Any:
    """op.fn(*arrays, **settings), on the one device where the arrays live; failures explained."""
    try:
        if gpus.count < 2:
            return op.fn(*arrays, **settings)
        placed = [a for a in arrays if is_array(a)]
        if len({device_of(a) for a in placed}) > 1:
            raise TypeError("arrays on several devices")
        with on_its_device(placed[0] if placed else None):
            return op.fn(*arrays, **settings)
    except (TypeError, ValueError, IndexError) as error:
        _explain_failure(op.name, op.arrays, arrays, settings, error)
        raise


def _explain_failure(
    name: str, names: Sequence[str], arrays: Sequence[Any], settings: dict, error: Exception
) -> None:
    """Raise the array library's error again with the operation, its shapes and its settings.

    names: of the arrays.   A TypeError is explained only if it comes from arrays on different
    devices.
    """
    if isinstance(error, TypeError):
        _explain_devices(name, names, arrays, error)
        return
    if isinstance(error, MinnetError):
        return
    shapes = " and ".join(str(a.shape) for a in arrays if is_array(a))
    given = "".join(f", {key}={value}" for key, value in settings.items() if value is not None)
    kind = IndexRangeError if isinstance(error, IndexError) else ShapeError
    raise kind(f"{name} does not work on {shapes}{given}: {error}") from error


def _explain_devices(name: str, names: Sequence[str], arrays: Sequence, error: Exception) -> None:
    labels = [*names, *(f"array {k}" for k in range(len(names), len(arrays)))]
    found = [(n, a, device_of(a)) for n, a in zip(labels, arrays, strict=False) if is_array(a)]
    if len({device for *_, device in found}) < 2:
        return
    places = ", ".join(f"{n} {a.shape} on {device}" for n, a, device in found)
    target = next(device for *_, device in reversed(found) if device.kind != "cpu")
    lost = next(n for n, _, device in found if device != target)
    raise DeviceError(
        f"{name} needs its arrays on one device, got {places}: move {lost} with .to('{target}'), "
        "batches with loader.to."
    ) from error


# -------------------------------------------------------------------------------------------------
# Where modules differ


def scatter_add(total: Array, key: Any, values: Array) -> None:
    """total[key] += values where a position named twice receives both values (in place).

    >>> total = np.zeros(3)
    >>> scatter_add(total, np.array([0, 0, 2]), np.array([1.0, 2.0, 3.0]))
    >>> total
    array([3., 0., 3.])
    """
    if _repeats_nothing(key):
        total[key] += values
    elif is_array(key) and total.ndim == 2 and (rows := fused("scatter_rows", total)):
        rows(total, key, values)
    else:
        array_module(total).add.at(total, key, values)


def _repeats_nothing(key: Any) -> bool:
    """Slices, integers, None, Ellipsis and boolean masks name each position at most once."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(
        part is None
        or part is Ellipsis
        or isinstance(part, (int, np.integer, slice))
        or getattr(part, "dtype", None) == np.bool_
        for part in parts
    )


def as_generator(rng: np.random.Generator | int | None) -> np.random.Generator:
    """Accept a Generator, a seed, or None for fresh entropy.

    >>> int(as_generator(0).integers(10)) == int(as_generator(0).integers(10))
    True
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool) or not (rng is None or isinstance(rng, (int, np.integer))):
        raise DTypeError(
            f"rng needs a numpy.random.Generator, an int or None, got {type(rng).__name__}: "
            "use numpy.random.default_rng(seed)."
        )
    if rng is not None and rng < 0:
        raise ValueRangeError(f"rng needs a seed of at least 0, got {rng}.")
    return np.random.default_rng(rng)


def normal(rng: np.random.Generator, shape: Any, dtype: Any, like: Any = None) -> Array:
    """Draw standard normal numbers on the host, and place them beside ``like``."""
    values = rng.standard_normal(shape, dtype=np.float64).astype(dtype, copy=False)
    return to_device(values, device_of(like))


def uniform(rng: np.random.Generator, shape: Any, dtype: Any, like: Any = None) -> Array:
    """Draw numbers uniform on [0, 1) where ``like`` lives.

    On a GPU only a seed is drawn on the host: the numbers are other ones than on the CPU.
    """
    draw = np.float32 if np.dtype(dtype) == np.float32 else np.float64
    numbers: Array
    if array_module(like) is np:
        numbers = rng.random(shape, dtype=draw)
    else:
        seed = counting_seed(rng)
        with on_its_device(like):
            hashed = fused("counted_uniform", like) or counted_uniform
            numbers = hashed(array_module(like), seed, prod(shape))
    return numbers.astype(dtype, copy=False).reshape(shape)


def counting_seed(rng: np.random.Generator) -> Any:
    """A seed for `counted_uniform`, the one number that a draw on a GPU takes from the host."""
    return rng.integers(2**64, dtype=np.uint64)


def counted_uniform(xp: Any, seed: Any, n: int) -> Array:
    """n float32 numbers on [0, 1), number i a hash of seed and i: 24 bits of SplitMix64.

    Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".

    >>> counted_uniform(np, np.uint64(0), 2).round(4)
    array([0.8833, 0.4315], dtype=float32)
    """
    u: Any = np.uint64
    z = xp.arange(1, n + 1, dtype=u) * u(0x9E3779B97F4A7C15) + seed
    z = (z ^ (z >> u(30))) * u(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> u(27))) * u(0x94D049BB133111EB)
    z = z ^ (z >> u(31))
    return (z >> u(40)).astype(np.float32) * np.float32(2.0**-24)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum g over the axes along which an array of this shape was broadcast.

    >>> unbroadcast(np.ones((4, 2, 3)), (2, 1))
    array([[12.],
           [12.]])
    """
    new = g.ndim - len(shape)
    if new == 1 and g.shape[1:] == shape != ():  # a bias: the commonest case, without a search
        return sum_axes(g, 0)
    stretched = [new + i for i, n in enumerate(shape) if n == 1 and g.shape[new + i] != 1]
    return sum_axes(g, (*range(new), *stretched), keepdims=True).reshape(shape)  # no bare number


def sum_axes(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """The sum of x over the given axes (all for None).

    Over the first or over the last few axes of a large array it is a product with ones, which BLAS
    does up to ten times faster than a reduction.

    >>> sum_axes(np.ones((2, 3)), 0)
    array([2., 2., 2.])
    """
    axes = _axes_for_blas(x, axis)
    if not axes:
        return x.sum(axis=axis, keepdims=keepdims)
    n, kept = prod([x.shape[a] for a in axes]), [a for a in range(x.ndim) if a not in axes]
    ones = np.ones(n, x.dtype)
    total = ones @ x.reshape(n, -1) if 0 in axes else x.reshape(-1, n) @ ones
    sizes = [1 if a in axes else x.shape[a] for a in range(x.ndim)]
    return total.reshape(sizes if keepdims else [x.shape[a] for a in kept])


def _axes_for_blas(x: Array, axis: Any) -> set[int]:
    """The axes, if they are the first or the last few and a product with ones pays; else none."""
    if type(x) is not np.ndarray or x.size < 2048 or x.dtype.char not in "fd" or axis is None:
        return set()
    given = axis if isinstance(axis, tuple) else (axis,)
    axes, k = {a % x.ndim for a in given if -x.ndim <= a < x.ndim}, len(given)
    if not x.flags.c_contiguous or len(axes) < k or k == x.ndim:
        return set()
    n = prod([x.shape[a] for a in axes])
    first, last = axes == {*range(k)}, axes == {*range(x.ndim - k, x.ndim)}
    # a long contiguous sum is left to NumPy, which adds pairwise and so keeps more digits
    return axes if first or (last and n <= 1024) else set()
