"""What a kernel is: CUDA text with a name, compiled when it is first used on a device.

Defining one needs neither CuPy nor a GPU.  Beside each stands the formula that it replaces, in
`minnet.functional`, `minnet.optim` or `minnet.backend`; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..backend import Array, array_module

__all__ = ["Elementwise", "Rowwise"]

C_TYPES = {"f": "float", "d": "double"}


@dataclass(frozen=True)
class Elementwise:
    """One thread for each element: ``body`` computes the outputs from the inputs of its position.

    inputs, outputs: CuPy's parameter lists, such as "T x, T y"; T is float or double, "raw" marks
    an array that the body indexes itself.

    >>> Elementwise("twice", "T x", "T y", "y = 2 * x;").name
    'twice'
    """

    name: str
    inputs: str
    outputs: str
    body: str

    def on(self, module: Any) -> Any:
        """The kernel as an object of the module, made once."""
        return _elementwise(module, self)

    def __call__(self, *args: Any) -> Any:
        """Run on arrays of one device; Python numbers are weak."""
        return self.on(array_module(*args))(*args)


@cache
def _elementwise(module: Any, kernel: Elementwise) -> Any:
    name = f"minnet_{kernel.name}"
    return module.ElementwiseKernel(kernel.inputs, kernel.outputs, kernel.body, name)


@dataclass(frozen=True)
class Rowwise:
    """One block of threads for each row of d numbers, which share sums through ``total``.

    inputs, outputs: names of arrays of n rows, of type T.   constants: names of numbers of type T.
    body: sees row r as pointers of these names, its length d, and loops with ``EACH(j)``;
    ``total(v)`` adds v over the threads, ``largest(v)`` takes the maximum.

    >>> Rowwise("shift", ("x",), ("y",), (), "T m = largest(x[0]); EACH(j) y[j] = x[j] - m;").name
    'shift'
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: tuple[str, ...]
    body: str

    def code(self, char: str) -> str:
        """The CUDA text for numbers of NumPy's type code "f" or "d"."""
        pointers = [f"const T* {x}_" for x in self.inputs] + [f"T* {y}_" for y in self.outputs]
        numbers = [f"const T {c}" for c in self.constants]
        rows = [f"const T* {x} = {x}_ + r * d;" for x in self.inputs]
        rows += [f"T* {y} = {y}_ + r * d;" for y in self.outputs]
        return _FRAME.format(
            type=C_TYPES[char],
            name=f"minnet_{self.name}",
            parameters=", ".join([*pointers, "const long long d", *numbers]),
            rows=" ".join(rows),
            body=self.body,
        )

    def __call__(self, *args: Any) -> Any:
        """Outputs like the first input; inputs have one shape and lie without gaps."""
        k = len(self.inputs)
        xp, arrays = array_module(args[0]), [array_module(a).ascontiguousarray(a) for a in args[:k]]
        d, dtype = arrays[0].shape[-1], arrays[0].dtype
        outputs = [xp.empty(arrays[0].shape, dtype) for _ in self.outputs]
        if arrays[0].size:
            constants = [dtype.type(c) for c in args[k:]]
            launch = _rowwise(xp, self, dtype.char)
            grid = (arrays[0].size // d,)
            launch(grid, (_threads(d),), (*arrays, *outputs, np.int64(d), *constants))
        return outputs[0] if len(outputs) == 1 else outputs


def _threads(d: int) -> int:
    """A power of two, 32 .. 256, near the length of a row."""
    return min(256, max(32, 1 << (d - 1).bit_length()))


@cache
def _rowwise(module: Any, kernel: Rowwise, char: str) -> Any:
    return module.RawKernel(kernel.code(char), f"minnet_{kernel.name}")


_FRAME = """
typedef {type} T;

__device__ T add_(T a, T b) {{ return a + b; }}
__device__ T max_(T a, T b) {{ return (a > b || a != a) ? a : b; }}  // a NaN wins, as in NumPy

template <T (*f)(T, T)> __device__ T shared_(T v) {{
    __shared__ T room[256];
    int t = threadIdx.x;
    room[t] = v;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {{
        if (t < half) room[t] = f(room[t], room[t + half]);
        __syncthreads();
    }}
    T y = room[0];
    __syncthreads();
    return y;
}}

#define total(v) shared_<add_>(v)
#define largest(v) shared_<max_>(v)
#define EACH(j) for (long long j = threadIdx.x; j < d; j += blockDim.x)

extern "C" __global__ void {name}({parameters}) {{
    const long long r = blockIdx.x;
    {rows}
    {body}
}}
"""


def is_plain(*arrays: Array) -> bool:
    """True for arrays of one module, with floats of one type that the kernels know."""
    x = arrays[0]
    alike = all(type(a) is type(x) and a.dtype == x.dtype for a in arrays)
    return alike and x.dtype.char in C_TYPES
